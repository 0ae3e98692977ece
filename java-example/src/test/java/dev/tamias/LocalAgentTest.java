package dev.tamias;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The local agent in a JVM, which starts processes of its own and waits for them in threads that
 * this code does not see.
 */
@Timeout(240)
class LocalAgentTest {
    /** How many processes of the JVM come and go in each phase of the test. */
    private static final int SOME = 20;

    /** 32 and 33, which posix_spawn of the GNU C library leaves ignored in every program. */
    private static final long SIGNALS_OF_THE_C_LIBRARY = 1L << 31 | 1L << 32;

    private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE);

    @TempDir private Path folder;
    private Path work;

    /** Owns an agent with a running task until it is killed. */
    static final class Owner {
        public static void main(String[] args) throws InterruptedException {
            try (LocalRun run = new LocalRun(Path.of(args[0]))) {
                run.launch(Map.of("lives", "sleep 600 & exec sleep 600"));
                run.until("the task", () -> run.isIn("lives", "TASK_RUNNING"));
                System.out.println("running");
                Thread.sleep(600_000);
            }
        }
    }

    @BeforeEach
    void name() throws IOException {
        work = folder.toRealPath().resolve("work");
    }

    @Test
    void tasksAndProcessesOfTheJvmDoNotDisturbEachOther() {
        Queue<String> wrong;
        try (JvmChildren children = new JvmChildren()) {
            await("the first process of the JVM", () -> children.ended() > 0);
            // The agent starts and ends while the JVM starts and ends others.
            try (LocalRun run = new LocalRun(work)) {
                play(run, children);
            }
            assertEquals(Set.of(), processes(), "left behind by close");
            wrong = children.wrong();
        }
        assertTrue(wrong.isEmpty(), wrong::toString);
        ProcessHandle jvm = ProcessHandle.current();
        await("no zombie in the JVM", () -> jvm.children().findAny().isEmpty());
    }

    private void play(LocalRun run, JvmChildren children) {
        run.launch(
                Map.of(
                        "killed", "exec sleep 600",
                        "stays", "setsid sleep 600 & exec sleep 600"));
        run.until("a running task", () -> run.isIn("killed", "TASK_RUNNING"));
        run.until("another", () -> run.isIn("stays", "TASK_RUNNING"));
        await("supervisor, guard and three more", () -> processes().size() >= 5);
        Set<Long> ours =
                ProcessHandle.current()
                        .descendants()
                        .map(ProcessHandle::pid)
                        .collect(Collectors.toSet());
        assertTrue(Collections.disjoint(ours, processes()), "a task is a child of the JVM");

        Map<String, String> exits = new TreeMap<>();
        for (int code : new int[] {0, 1, 2, 3, 42, 255}) {
            exits.put("exit-" + code, "exit " + code);
        }
        run.launch(exits);
        run.until("the failed ones", () -> run.isIn("exit-3", "TASK_FAILED"));
        int before = children.ended();
        run.until("processes of the JVM", () -> children.ended() >= before + SOME);
        run.kill("killed");
        run.until("the killed one", () -> run.isIn("killed", "TASK_KILLED"));
        for (String name : exits.keySet()) {
            String code = name.substring("exit-".length());
            String end = code.equals("0") ? "TASK_FINISHED" : "TASK_FAILED";
            run.until(name, () -> run.isIn(name, end));
            assertEquals(List.of("TASK_STARTING", "TASK_RUNNING", end), run.states(name));
            assertEquals("exit code " + code, run.last(name).message());
        }
        assertEquals("signal 15 (SIGTERM)", run.last("killed").message());
        assertTrue(run.isIn("stays", "TASK_RUNNING"));
    }

    /** A thread of a JVM blocks signals that a program counts on. */
    @Test
    void tasksBeginWithSignalsAsTheyAreByDefault() throws IOException {
        String signals = "exec grep -E '^Sig(Blk|Ign)' /proc/self/status";
        try (LocalRun run = new LocalRun(work)) {
            run.launch(Map.of("signals", signals));
            run.until("its end", () -> run.isIn("signals", "TASK_FINISHED"));
        }
        try (Stream<Path> files = Files.walk(work)) {
            Path out = files.filter(file -> file.endsWith("stdout")).findAny().orElseThrow();
            List<String> lines = Files.readAllLines(out);
            assertEquals(2, lines.size());
            for (String line : lines) {
                long set = Long.parseUnsignedLong(line.substring("SigBlk:\t".length()), 16);
                assertEquals(0, set & ~SIGNALS_OF_THE_C_LIBRARY, line);
            }
        }
    }

    @Test
    void aJvmThatIsKilledLeavesNothingBehind() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process owner =
                new ProcessBuilder(
                                java,
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Owner.class.getName(),
                                work.toString())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        try {
            assertEquals("running", owner.inputReader().readLine());
            await("the JVM, supervisor, guard and two more", () -> processes().size() >= 5);
        } finally {
            owner.destroyForcibly();
        }
        assertEquals(128 + 9, owner.waitFor());
        await("the end of the sandboxes", () -> processes().isEmpty());
    }

    @Test
    void whatItSaysOfItself() {
        LocalAgent agent;
        try (LocalRun run = new LocalRun(work)) {
            agent = run.agent;
            assertTrue(agent.id().matches("a[0-9]+\\.[0-9]+"), agent.id());
            String limits = agent.limits();
            assertTrue(limits.contains("cgroup") || limits.contains("limit"), limits);
        }
        assertTrue(agent.close(Duration.ZERO));
        var error = assertThrows(TamiasException.class, agent::limits);
        assertEquals(Code.HANDLE_CLOSED, error.code());
    }

    @Test
    void whatCannotBeOpened() {
        try (Kernel kernel = Kernel.open("")) {
            var error = assertThrows(TamiasException.class, () -> LocalAgent.open(kernel, "{}"));
            assertEquals(Code.MALFORMED, error.code());
            assertTrue(error.getMessage().contains("work_dir"), error.getMessage());
            String nowhere = "{\"work_dir\":\"%s\",\"executable\":\"/nowhere\"}".formatted(work);
            error = assertThrows(TamiasException.class, () -> LocalAgent.open(kernel, nowhere));
            assertEquals(Code.SYSTEM, error.code());
            assertTrue(error.getMessage().contains("/nowhere"), error.getMessage());
            error =
                    assertThrows(
                            TamiasException.class, () -> Framework.subscribe(kernel, "", "\ud800"));
            assertEquals("roles[1]", error.field());
            error =
                    assertThrows(
                            TamiasException.class, () -> Framework.subscribe(kernel, "a", "a"));
            assertEquals(Code.BAD_LIST, error.code());
        }
    }

    @Test
    void aWaitEndsInTimeOrByClose() throws Exception {
        try (Kernel kernel = Kernel.open("");
                ExecutorService pool = Executors.newSingleThreadExecutor()) {
            Framework framework = Framework.subscribe(kernel, "dev");
            assertEquals(List.of(), framework.events(Duration.ZERO));
            CountDownLatch started = new CountDownLatch(1);
            Future<TamiasException> end =
                    pool.submit(
                            () -> {
                                started.countDown();
                                return assertThrows(
                                        TamiasException.class, () -> framework.events(FOR_EVER));
                            });
            assertTrue(started.await(30, TimeUnit.SECONDS));
            assertFalse(end.isDone());
            framework.close();
            framework.close();
            assertEquals(Code.HANDLE_CLOSED, end.get(30, TimeUnit.SECONDS).code());
        }
    }

    private static void await(String what, BooleanSupplier isSo) {
        long start = System.nanoTime();
        while (!isSo.getAsBoolean()) {
            boolean isInTime = System.nanoTime() - start < TimeUnit.SECONDS.toNanos(60);
            assertTrue(isInTime, () -> "waited in vain for " + what);
            try {
                Thread.sleep(10);
            } catch (InterruptedException interrupt) {
                throw new AssertionError(interrupt);
            }
        }
    }

    /** All processes whose directory is in the work directory, or who name it. */
    private Set<Long> processes() {
        return ProcessHandle.allProcesses()
                .map(ProcessHandle::pid)
                .filter(this::belongsHere)
                .collect(Collectors.toSet());
    }

    private boolean belongsHere(long pid) {
        Path process = Path.of("/proc", Long.toString(pid));
        try {
            if (Files.readSymbolicLink(process.resolve("cwd")).startsWith(work)) {
                return true;
            }
            byte[] arguments = Files.readAllBytes(process.resolve("cmdline"));
            return new String(arguments, StandardCharsets.UTF_8).contains(work.toString());
        } catch (IOException goneOrAnotherUsers) {
            return false;
        }
    }
}
