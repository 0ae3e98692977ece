package dev.tamias;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A kernel with a framework in the role dev. */
@Timeout(60)
class KernelTest {
    private static final String OPERATOR = "{\"do\":\"open_session\",\"kind\":\"operator\"}";

    private Kernel kernel;
    private Session framework;

    @BeforeEach
    void open() {
        kernel = Kernel.open("{\"clock\":\"manual\"}");
        framework = subscribe(kernel);
    }

    @AfterEach
    void close() {
        kernel.close();
    }

    private static Session subscribe(Kernel kernel) {
        String line = "{\"do\":\"open_session\",\"kind\":\"framework\"}";
        String opened = "{\"seq\":1,\"reply\":\"session_opened\",\"session\":\"s0.1\"}";
        assertEquals(opened, kernel.command(Session.NONE, line));
        Session session = Session.parse("s0.1");
        kernel.command(session, "{\"do\":\"subscribe\",\"roles\":[\"dev\"]}");
        return session;
    }

    @Test
    void eventsFollowTheirOutcome() {
        kernel.command(Session.NONE, "{\"do\":\"open_session\",\"kind\":\"agent\",\"as\":\"m\"}");
        String line = "{\"do\":\"register_agent\",\"as\":\"m\",\"resources\":\"cpus:4\"}";
        String[] lines = kernel.command(Session.NONE, line).split("\n");
        assertEquals(2, lines.length);
        assertTrue(lines[0].contains("\"reply\":\"registered\",\"agent\":\"a0.1\""), lines[0]);
        String event = "\"session\":\"%s\",\"event\":\"offer\"".formatted(framework);
        assertTrue(lines[1].contains(event), lines[1]);
    }

    @ParameterizedTest
    @CsvSource({"''", "' '", "'\t'", "'# a remark'"})
    void blankLinesAndRemarksAreNothing(String line) {
        assertEquals("", kernel.command(Session.NONE, line));
    }

    @Test
    void textsGoBothWays() {
        kernel.command(Session.NONE, "{\"do\":\"open_session\",\"kind\":\"agent\",\"as\":\"m\"}");
        String line =
                "{\"do\":\"register_agent\",\"as\":\"m\",\"resources\":\"cpus:4\","
                        + "\"attributes\":\"place:Zürich-😀\"}";
        String out = kernel.command(Session.NONE, line);
        assertTrue(out.contains("\"attributes\":\"place:Zürich-😀\""), out);
    }

    @Test
    void theSameCommandsGiveTheSameHash() {
        try (Kernel other = Kernel.open("{\"clock\":\"manual\"}")) {
            subscribe(other);
            assertArrayEquals(other.stateHash(), kernel.stateHash());
            kernel.command(framework, "{\"do\":\"suppress\"}");
            String hash = HexFormat.of().formatHex(kernel.stateHash());
            assertFalse(hash.equals(HexFormat.of().formatHex(other.stateHash())));
            String out = kernel.command(Session.NONE, "{\"do\":\"hash\"}");
            assertTrue(out.contains("\"hash\":\"" + hash + "\""), out);
        }
    }

    @Test
    void anEmptyTextOpensAKernelOfThisMachinesTime() {
        try (Kernel machine = Kernel.open("")) {
            machine.command(Session.NONE, "{\"do\":\"tick\"}");
        }
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "{, MALFORMED, ``",
                "{\"optoins\":{}}, MALFORMED, optoins",
                "{\"options\":{\"offer_timeout_seconds\":-1}}, BAD_OPTION, "
                        + "options.offer_timeout_seconds",
                "`{\"clock\":\"manual\",\"start\":-5}`, BAD_TIME, start",
                "\ud800, MALFORMED, options.json",
            })
    void badOptions(String options, Code code, String field) {
        var error = assertThrows(TamiasException.class, () -> Kernel.open(options));
        assertEquals(code, error.code(), error.getMessage());
        assertEquals(field, error.field());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "`{\"do\":`, MALFORMED, INVALID_ARGUMENT, ``, -1",
                "[], MALFORMED, INVALID_ARGUMENT, ``, -1",
                "{\"do\":\"fly\"}, UNKNOWN_COMMAND, INVALID_ARGUMENT, do, -1",
                "{\"do\":\"\udc00\"}, MALFORMED, INVALID_ARGUMENT, line, -1",
                "`{\"do\":\"kill\",\"task\":\"t\",\"x\":1}`, MALFORMED, INVALID_ARGUMENT, x, -1",
                "`{\"do\":\"accept\",\"offers\":[\"o0.1\"],\"on_invalid\":\"reject\"}`, OFFER_GONE,"
                        + " FAILED_PRECONDITION, offers[0], 0",
                "`{\"do\":\"revive\",\"roles\":[\"ops\"]}`, UNKNOWN_ROLE, NOT_FOUND, roles[0], 0",
                "`{\"do\":\"update_weights\",\"weights\":[]}`, WRONG_SESSION, PERMISSION_DENIED,"
                        + " session, -1",
            })
    void badLines(String line, Code code, CodeClass codeClass, String field, int index) {
        byte[] before = kernel.stateHash();
        var error =
                assertThrows(TamiasException.class, () -> kernel.command(framework, line));
        assertEquals(code, error.code(), error.getMessage());
        assertEquals(code.status(), error.status());
        assertEquals(codeClass, error.code().codeClass());
        assertEquals(field, error.field());
        assertEquals(index, error.index());
        assertTrue(error.getMessage().startsWith(code + ": "), error.getMessage());
        assertArrayEquals(before, kernel.stateHash());
        kernel.command(framework, "{\"do\":\"revive\"}");
    }

    @Test
    void bytesThatAreNotUtf8() {
        byte[] line = {'{', '"', (byte) 0xff, '"', '}'};
        var error = assertThrows(TamiasException.class, () -> kernel.command(framework, line));
        assertEquals(Code.MALFORMED, error.code());
        String text = "Malformed: line: not UTF-8: byte 0xff at position 2";
        assertEquals(text, error.getMessage());
        error = assertThrows(TamiasException.class, () -> Kernel.open(line));
        assertEquals("options.json", error.field());
    }

    @Test
    void aSessionThatIsNotOpen() {
        Session stranger = new Session(framework.id() + 7);
        var error =
                assertThrows(
                        TamiasException.class,
                        () -> kernel.command(stranger, "{\"do\":\"revive\"}"));
        assertEquals(Code.UNKNOWN_SESSION, error.code());
        assertEquals(stranger.id(), error.id());
    }

    @Test
    void aClosedKernel() {
        kernel.close();
        kernel.close();
        var error = assertThrows(TamiasException.class, kernel::stateHash);
        assertEquals(Code.HANDLE_CLOSED, error.code());
        error =
                assertThrows(
                        TamiasException.class, () -> kernel.command(Session.NONE, OPERATOR));
        assertEquals(CodeClass.CLOSED, error.code().codeClass());
    }

    @Test
    void manyThreads() throws Exception {
        int threads = 4;
        int each = 200;
        Set<String> replies = ConcurrentHashMap.newKeySet();
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            for (int i = 0; i < threads; i++) {
                pool.submit(
                        () -> {
                            for (int j = 0; j < each; j++) {
                                replies.add(kernel.command(Session.NONE, OPERATOR));
                            }
                        });
            }
        }
        assertEquals(threads * each, replies.size());
    }

    @Test
    void closeWaitsForCalls() throws Exception {
        CountDownLatch started = new CountDownLatch(1);
        try (ExecutorService pool = Executors.newSingleThreadExecutor()) {
            Future<TamiasException> end =
                    pool.submit(
                            () -> {
                                while (true) {
                                    try {
                                        kernel.command(Session.NONE, OPERATOR);
                                        started.countDown();
                                    } catch (TamiasException closed) {
                                        return closed;
                                    }
                                }
                            });
            assertTrue(started.await(30, TimeUnit.SECONDS));
            kernel.close();
            assertEquals(Code.HANDLE_CLOSED, end.get(30, TimeUnit.SECONDS).code());
        }
    }
}
