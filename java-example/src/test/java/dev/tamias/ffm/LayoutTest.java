package dev.tamias.ffm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The layouts of {@link TamiasH} are those that a C compiler makes of the header. */
class LayoutTest {
    private static final Path CHECKOUT = Path.of(System.getProperty("checkout"));

    @TempDir private Path folder;

    @Test
    void layoutsAreThoseOfTheCompiler() throws Exception {
        List<String> ours = new ArrayList<>();
        for (StructLayout struct :
                List.of(
                        TamiasH.STR,
                        TamiasH.BUFFER,
                        TamiasH.OPTIONS,
                        TamiasH.ERROR,
                        TamiasH.BYTES,
                        TamiasH.SUBSCRIPTION,
                        TamiasH.EVENT,
                        TamiasH.OFFER_EVENT,
                        TamiasH.UPDATE_EVENT)) {
            String name = struct.name().orElseThrow();
            ours.add(name + " " + struct.byteSize());
            for (MemoryLayout field : struct.memberLayouts()) {
                String path = field.name().orElseThrow();
                long offset = struct.byteOffset(PathElement.groupElement(path));
                ours.add("%s.%s %d %d".formatted(name, path, offset, field.byteSize()));
            }
        }
        assertEquals(String.join("\n", ours), String.join("\n", layoutOfC()));
    }

    private List<String> layoutOfC() throws IOException, InterruptedException {
        String compiler = Optional.ofNullable(System.getenv("CC")).orElse("cc");
        String program = folder.resolve("layout").toString();
        String header = "-I" + CHECKOUT.resolve("include");
        run(compiler, "-std=c99", header, "src/test/c/layout.c", "-o", program);
        return run(program).lines().toList();
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String out = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), String.join(" ", command));
        return out;
    }
}
