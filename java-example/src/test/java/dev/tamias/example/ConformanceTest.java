package dev.tamias.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConformanceTest {
    private static final String SCRIPT =
            """
            # A remark before the first line.

            {"script":"two sessions"}\r
            {"do":"open_session","kind":"operator","as":"a"}
              # Another.
            {"do":"open_session","kind":"operator","as":"ä"}""";

    private static final String TRACE =
            """
            {"seq":1,"reply":"session_opened","session":"s0.1"}
            {"seq":2,"reply":"session_opened","session":"s1.1"}
            hash\s""";

    private record Result(int status, String out, String report) {}

    @TempDir private Path folder;

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private static Result run(String... args) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream report = new ByteArrayOutputStream();
        PrintStream reports = new PrintStream(report, true, StandardCharsets.UTF_8);
        int status = Conformance.run(args, out, reports);
        return new Result(
                status,
                out.toString(StandardCharsets.UTF_8),
                report.toString(StandardCharsets.UTF_8));
    }

    @Test
    void aTraceIsWhatCameAndTheHash() throws IOException {
        Result result = run(write("x.jsonl", SCRIPT).toString());
        assertEquals("ok      x\nconformance: 1 passed, 0 failed\n", result.report());
        assertEquals(0, result.status());
        assertTrue(result.out().startsWith(TRACE), result.out());
        String hash = result.out().substring(TRACE.length());
        assertTrue(hash.matches("[0-9a-f]{64}\n"), hash);
    }

    @Test
    void aFolderIsRunInTheOrderOfNames() throws IOException {
        write("b.jsonl", SCRIPT);
        write("a.jsonl", "{\"script\":\"nothing\"}");
        write("B.jsonl", "{\"script\":\"bad\"}\n{\"do\":\"fly\"}\n");
        write("notes.md", "no script");
        Result result = run(folder.toString());
        assertEquals(1, result.status());
        assertEquals(2, result.out().lines().filter(line -> line.startsWith("hash ")).count());
        String failed = "B.jsonl:2\n  line  {\"do\":\"fly\"}\n  came  UnknownCommand: do: ";
        assertTrue(result.report().contains(failed), result.report());
        String rest = "\nok      a\nok      b\nconformance: 2 passed, 1 failed\n";
        assertTrue(result.report().endsWith(rest), result.report());
    }

    @Test
    void whatCannotBeRun() throws IOException {
        Map<String, String> wanted =
                Map.of(
                        "", "x.jsonl:1\n  came  no line that opens a kernel",
                        "# nothing\n\n", "no line that opens a kernel",
                        "{\"scrpit\":\"x\"}", "\n  line  {\"scrpit\":\"x\"}\n  came  Malformed",
                        "\n{", "x.jsonl:2\n  line  {\n  came  Malformed: ");
        for (Map.Entry<String, String> entry : wanted.entrySet()) {
            Result result = run(write("x.jsonl", entry.getKey()).toString());
            assertEquals(1, result.status());
            assertEquals("", result.out());
            assertTrue(result.report().contains(entry.getValue()), result.report());
        }
    }

    @Test
    void whatIsNotUtf8() throws IOException {
        byte[] text = {'{', '}', '\n', '"', (byte) 0xe4, '"'};
        Path path = Files.write(folder.resolve("x.jsonl"), text);
        Result result = run(path.toString());
        assertEquals(1, result.status());
        String wanted = "x.jsonl:2\n  line  \"\ufffd\"\n  came  Malformed: line: not UTF-8";
        assertTrue(result.report().contains(wanted), result.report());
    }

    @Test
    void whereThereIsNothingToRun() throws IOException {
        for (Result result :
                new Result[] {
                    run(), run("a", "b"), run(folder.toString()), run(folder + "/none.jsonl")
                }) {
            assertEquals(2, result.status());
            assertEquals("", result.out());
            assertNotEquals("", result.report());
        }
    }

    /** What the project ships runs in Java. */
    @Test
    void theCorpus() throws IOException {
        Path corpus = Path.of(System.getProperty("checkout"), "tests", "conformance");
        Result result = run(corpus.toString());
        assertEquals(0, result.status(), result.report());
        long hashes = result.out().lines().filter(line -> line.startsWith("hash ")).count();
        assertTrue(hashes >= 10, result.report());
    }
}
