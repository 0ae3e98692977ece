package dev.tamias;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How the library is found, each time in a JVM of its own: it is loaded once for all. */
class LibraryTest {
    /** Prints the version of the library. */
    static final class Probe {
        public static void main(String[] args) {
            System.out.println(Kernel.version());
        }
    }

    private record Result(int status, String out) {}

    private static Result probe(String property, String variable)
            throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = new ArrayList<>(List.of(java));
        command.add("--enable-native-access=ALL-UNNAMED");
        if (property != null) {
            command.add("-Dtamias.library=" + property);
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(Probe.class.getName());
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("TAMIAS_LIBRARY");
        builder.environment().remove("LD_LIBRARY_PATH");
        if (variable != null) {
            builder.environment().put("TAMIAS_LIBRARY", variable);
        }
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes());
        return new Result(process.waitFor(), out);
    }

    /** The library that these tests use. */
    private static String library() {
        return System.getProperty("tamias.library", System.getenv("TAMIAS_LIBRARY"));
    }

    @Test
    void theVariableNamesIt() throws Exception {
        assertEquals(new Result(0, Kernel.version() + "\n"), probe(null, library()));
    }

    @Test
    void thePropertyComesFirst() throws Exception {
        assertEquals(new Result(0, Kernel.version() + "\n"), probe(library(), "/nowhere"));
    }

    @Test
    void aWrongPathIsAnErrorThatNamesIt() throws Exception {
        Result result = probe("/nowhere/libtamias.so", library());
        assertEquals(1, result.status());
        String text =
                "UnsatisfiedLinkError: cannot load /nowhere/libtamias.so, which the system property"
                        + " tamias.library gave: set -Dtamias.library or TAMIAS_LIBRARY to";
        assertTrue(result.out().contains(text), result.out());
    }

    @Test
    void anotherLibraryIsAnErrorThatNamesTheFunction() throws Exception {
        String other = Path.of(System.getProperty("java.home"), "lib/libjava.so").toString();
        Result result = probe(null, other);
        assertEquals(1, result.status());
        assertTrue(result.out().contains("has no tamias_version"), result.out());
    }
}
