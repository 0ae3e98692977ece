package dev.tamias;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** Threads that start and wait for processes of the JVM, one after the other, until closed. */
final class JvmChildren implements AutoCloseable {
    private static final int THREADS = 2;
    private static final int SIGTERM = 15;

    private final ExecutorService pool = Executors.newFixedThreadPool(THREADS);
    private final AtomicInteger started = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();

    /** What was wrong; empty is well. */
    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();

    private volatile boolean stopped;

    JvmChildren() {
        for (int i = 0; i < THREADS; i++) {
            pool.submit(this::work);
        }
    }

    /** How many have ended, rightly or not. */
    int ended() {
        return ended.get();
    }

    Queue<String> wrong() {
        return wrong;
    }

    private void work() {
        while (!stopped) {
            int number = started.getAndIncrement();
            try {
                // Each way in which the JVM learns of an end.
                switch (number % 3) {
                    case 0 -> compare(number % 250, start("exit " + number % 250).waitFor());
                    case 1 -> {
                        Process process = start("exit " + number % 250);
                        compare(number % 250, process.onExit().get().exitValue());
                    }
                    default -> {
                        Process process = start("exec sleep 600");
                        process.destroy();
                        compare(128 + SIGTERM, process.waitFor());
                    }
                }
            } catch (IOException | InterruptedException | ExecutionException failure) {
                wrong.add(failure.toString());
            }
            ended.incrementAndGet();
        }
    }

    private static Process start(String shell) throws IOException {
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", shell);
        return builder.redirectOutput(Redirect.DISCARD).redirectError(Redirect.DISCARD).start();
    }

    private void compare(int wanted, int came) {
        if (came != wanted) {
            wrong.add("exit code %d instead of %d".formatted(came, wanted));
        }
    }

    /** Waits for the last ones. */
    @Override
    public void close() {
        stopped = true;
        pool.close();
    }
}
