package dev.tamias;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tamias.ffm.TamiasH;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Numbers and names are those of the header and of the library. */
class HeaderTest {
    private static String header;

    @BeforeAll
    static void read() throws Exception {
        Path checkout = Path.of(System.getProperty("checkout"));
        header = Files.readString(checkout.resolve("include/tamias.h"));
    }

    private static Map<String, Integer> defines(String prefix) {
        Map<String, Integer> numbers = new TreeMap<>();
        Pattern.compile("(?m)^#define TAMIAS_" + prefix + "(\\w+) (-?\\d+)$")
                .matcher(header)
                .results()
                .forEach(r -> numbers.put(r.group(1), Integer.parseInt(r.group(2))));
        return numbers;
    }

    @Test
    void codesAreThoseOfTheHeader() {
        Map<String, Integer> codes = new TreeMap<>();
        for (Code code : Code.values()) {
            if (code != Code.UNKNOWN) {
                codes.put(code.name(), code.status());
            }
        }
        assertTrue(codes.size() > 30);
        assertEquals(defines("ERR_"), codes);
    }

    @Test
    void classesAreThoseOfTheHeader() {
        Map<String, Integer> classes = new TreeMap<>();
        for (CodeClass codeClass : CodeClass.values()) {
            if (codeClass != CodeClass.UNKNOWN) {
                classes.put(codeClass.name(), codeClass.number());
            }
        }
        assertEquals(defines("CLASS_"), classes);
    }

    @Test
    void namesAreThoseOfTheLibrary() {
        for (Code code : Code.values()) {
            assertEquals(TamiasH.codeName(code.status()), code.toString());
        }
        assertEquals(CodeClass.FAILED_PRECONDITION, Code.OFFER_GONE.codeClass());
        assertEquals(CodeClass.UNKNOWN, Code.UNKNOWN.codeClass());
        assertEquals(Code.UNKNOWN, Code.of(-99_999));
    }

    @Test
    void constantsAreThoseOfTheHeader() {
        assertEquals(defines("ABI_").get("VERSION"), TamiasH.ABI_VERSION);
        assertEquals(defines("HASH_").get("BYTES"), TamiasH.HASH_BYTES);
        assertEquals(defines("").get("OK"), TamiasH.OK);
        assertEquals(Code.WAIT_TIMEOUT.status(), TamiasH.ERR_WAIT_TIMEOUT);
        Map<String, Integer> events = defines("EVENT_");
        assertEquals(events.get("OFFER"), TamiasH.EVENT_OFFER);
        assertEquals(events.get("UPDATE"), TamiasH.EVENT_UPDATE);
        assertTrue(header.contains("#define TAMIAS_UNSET INT64_MIN\n"));
        assertEquals(Long.MIN_VALUE, TamiasH.UNSET);
    }

    @Test
    void versionIsThatOfTheProject() {
        assertEquals(System.getProperty("project.version"), Kernel.version());
    }
}
