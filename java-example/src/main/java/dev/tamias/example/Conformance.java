package dev.tamias.example;

import dev.tamias.Kernel;
import dev.tamias.Session;
import dev.tamias.TamiasException;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;

/**
 * The runner of engine scripts in Java: {@code Conformance PATH}, a script or a folder of them.
 *
 * <p>What it prints is settled in {@code docs/conformance.md}, so that the outputs of two
 * languages can be compared byte for byte: the traces and hashes on the standard output,
 * everything else on the standard error. Exit status: 0, 1 if a script failed, 2 if there is
 * nothing to run.
 */
public final class Conformance {
    private static final String SUFFIX = ".jsonl";

    /** A script that failed, with what is to be reported. */
    private static final class Failure extends Exception {
        private static final long serialVersionUID = 1;

        Failure(String text) {
            super(text);
        }
    }

    private final OutputStream out;
    private final PrintStream report;

    private Conformance(OutputStream out, PrintStream report) {
        this.out = out;
        this.report = report;
    }

    /**
     * Runs the scripts and ends the program.
     *
     * @param args the path
     * @throws IOException if nothing can be printed
     */
    public static void main(String[] args) throws IOException {
        int status;
        // Not System.out: bytes go as they are, and a lost trace must not look like a short one.
        try (OutputStream out =
                new BufferedOutputStream(new FileOutputStream(FileDescriptor.out))) {
            status = run(args, out, System.err);
        }
        System.exit(status);
    }

    static int run(String[] args, OutputStream out, PrintStream report) throws IOException {
        if (args.length != 1) {
            report.println("usage: Conformance PATH (a script, or a folder of *.jsonl)");
            return 2;
        }
        Path path = Path.of(args[0]);
        List<Path> scripts;
        try {
            scripts = scripts(path);
        } catch (IOException failure) {
            report.println("error: cannot read " + path + ": " + failure);
            return 2;
        }
        if (scripts.isEmpty()) {
            report.println("error: " + path + " holds no script: their names end in " + SUFFIX);
            return 2;
        }
        return new Conformance(out, report).runAll(scripts);
    }

    /** The script itself, or those of a folder in the byte order of their names. */
    private static List<Path> scripts(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            path.getFileSystem().provider().checkAccess(path);
            return List.of(path);
        }
        List<Path> scripts = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(path, "*" + SUFFIX)) {
            entries.forEach(scripts::add);
        }
        Comparator<byte[]> byBytes = Arrays::compareUnsigned;
        scripts.sort(Comparator.comparing(Conformance::nameBytes, byBytes));
        return scripts;
    }

    private static byte[] nameBytes(Path path) {
        return path.getFileName().toString().getBytes(StandardCharsets.UTF_8);
    }

    private int runAll(List<Path> scripts) throws IOException {
        int failed = 0;
        for (Path path : scripts) {
            String name = path.getFileName().toString();
            if (name.endsWith(SUFFIX)) {
                name = name.substring(0, name.length() - SUFFIX.length());
            }
            try {
                runScript(path);
                report.println("ok      " + name);
            } catch (Failure failure) {
                failed++;
                report.println("FAILED  " + name + "\n" + failure.getMessage());
            }
        }
        int passed = scripts.size() - failed;
        report.println("conformance: " + passed + " passed, " + failed + " failed");
        return failed == 0 ? 0 : 1;
    }

    /** Opens a kernel with the first line and sends it every other. */
    private void runScript(Path path) throws IOException, Failure {
        Kernel kernel = null;
        try {
            int number = 0;
            for (byte[] line : lines(read(path))) {
                number++;
                if (saysNothing(line)) {
                    continue;
                }
                try {
                    if (kernel == null) {
                        kernel = Kernel.open(line);
                    } else {
                        step(kernel, line);
                    }
                } catch (TamiasException rejected) {
                    String text = new String(line, StandardCharsets.UTF_8);
                    String shown = "  at    %s:%d\n  line  %s\n  came  %s";
                    throw new Failure(
                            shown.formatted(path, number, text, rejected.getMessage()));
                }
            }
            if (kernel == null) {
                String shown = "  at    %s:1\n  came  no line that opens a kernel";
                throw new Failure(shown.formatted(path));
            }
            print(("hash " + HexFormat.of().formatHex(kernel.stateHash())).getBytes());
        } finally {
            if (kernel != null) {
                kernel.close();
            }
        }
    }

    private static byte[] read(Path path) throws Failure {
        try {
            return Files.readAllBytes(path);
        } catch (IOException failure) {
            throw new Failure("  at    %s\n  came  %s".formatted(path, failure));
        }
    }

    private void step(Kernel kernel, byte[] line) throws IOException {
        byte[] trace = kernel.command(Session.NONE, line);
        if (trace.length > 0) {
            print(trace);
        }
    }

    private void print(byte[] text) throws IOException {
        out.write(text);
        out.write('\n');
    }

    private static List<byte[]> lines(byte[] text) {
        List<byte[]> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length; i++) {
            if (text[i] == '\n') {
                lines.add(Arrays.copyOfRange(text, start, i));
                start = i + 1;
            }
        }
        lines.add(Arrays.copyOfRange(text, start, text.length));
        return lines;
    }

    private static boolean saysNothing(byte[] line) {
        String text = new String(line, StandardCharsets.UTF_8);
        return text.isBlank() || text.strip().startsWith("#");
    }
}
