package dev.tamias.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class FirstLightTest {
    private static String run() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        FirstLight.run(new PrintStream(out, true, StandardCharsets.UTF_8));
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void twoTasksFinishAndTheHashIsTheSameEachTime() {
        String out = run();
        assertTrue(out.startsWith("offer of cpus:4;mem:1024\nrun {\"name\":\"hello\","), out);
        assertTrue(
                out.contains(
                        "\nhello is TASK_RUNNING\nworld is TASK_RUNNING\n"
                                + "hello is TASK_FINISHED\nworld is TASK_FINISHED\nhash "),
                out);
        assertTrue(out.strip().matches("(?s).*\nhash [0-9a-f]{64}"), out);
        assertEquals(out, run());
    }
}
