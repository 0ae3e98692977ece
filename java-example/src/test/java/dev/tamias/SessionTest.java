package dev.tamias;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionTest {
    @ParameterizedTest
    @ValueSource(strings = {"s0.1", "s17.4", "s4294967295.4294967295"})
    void textsComeBack(String text) {
        assertEquals(text, Session.parse(text).toString());
    }

    @Test
    void theGenerationIsInTheHighHalf() {
        assertEquals(2L << 32 | 3, Session.parse("s3.2").id());
        assertEquals(-1, Session.parse("s4294967295.4294967295").id());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "s", "0.1", "s0", "s0.0", "s-1.1", "s0.1.1", "f0.1", "s4294967296.1",
                "s1.4294967296", "s0.1\n", "s٣.1", "s99999999999999999999.1"
            })
    void otherTextsAreNone(String text) {
        var error = assertThrows(IllegalArgumentException.class, () -> Session.parse(text));
        assertTrue(error.getMessage().contains("expected sINDEX.GENERATION"));
    }
}
