package dev.tamias;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The right to send commands in one capacity: framework, agent driver or operator. It is opened
 * with {@code {"do":"open_session","kind":"framework"}}, whose reply names it.
 *
 * @param id the number of the C interface
 */
public record Session(long id) {
    /** Opens sessions, and sends lines of scripts. */
    public static final Session NONE = new Session(0);

    private static final Pattern TEXT = Pattern.compile("s([0-9]{1,10})\\.([0-9]{1,10})");
    private static final int SHOWN = 40;

    /**
     * Reads a session as it stands in replies and events.
     *
     * @param text such as "s0.1"
     * @return the session
     * @throws IllegalArgumentException if it is none
     */
    public static Session parse(String text) {
        Matcher parts = TEXT.matcher(text);
        if (!parts.matches()) {
            throw wrong(text);
        }
        long index = Long.parseLong(parts.group(1));
        long generation = Long.parseLong(parts.group(2));
        if (index >>> 32 != 0 || generation >>> 32 != 0 || generation == 0) {
            throw wrong(text);
        }
        return new Session(generation << 32 | index);
    }

    private static IllegalArgumentException wrong(String text) {
        String shown = text.length() > SHOWN ? text.substring(0, SHOWN) + "..." : text;
        return new IllegalArgumentException(
                "\"%s\" is no session: expected sINDEX.GENERATION, such as s0.1".formatted(shown));
    }

    /**
     * The session as it stands in replies and events.
     *
     * @return such as "s0.1"
     */
    @Override
    public String toString() {
        return "s" + (id & 0xFFFF_FFFFL) + "." + (id >>> 32);
    }
}
