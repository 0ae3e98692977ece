package dev.tamias;

import dev.tamias.ffm.TamiasH;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;

/**
 * A scheduling kernel. Close it when it is no longer used; what it decided is kept by its journal,
 * if it has one.
 *
 * <p>Thread-safe. It starts no thread and never calls back. A command never waits for time, but it
 * may wait for another thread's command; a virtual thread is pinned to its carrier meanwhile.
 */
public final class Kernel implements AutoCloseable {
    private final Handle handle;

    private Kernel(MemorySegment kernel) {
        this.handle = new Handle("kernel", kernel, TamiasH::kernelFree);
    }

    /**
     * Opens a kernel as a JSON object says.
     *
     * @param options such as {@code {"options":{"preset":"mesos"},"clock":"manual","start":0}};
     *     empty for a kernel in memory with default options that follows the machine's clock
     * @return the kernel, to be closed
     * @throws TamiasException {@link Code#MALFORMED} and {@link Code#BAD_OPTION} with the key in
     *     {@code field}, {@link Code#BAD_TIME}; those of the journal, if the object names one
     */
    public static Kernel open(String options) {
        return open(Native.utf8(options, "options.json"));
    }

    /**
     * Opens a kernel as a JSON object says.
     *
     * @param options the object in UTF-8, as for {@link #open(String)}
     * @return the kernel, to be closed
     * @throws TamiasException as {@link #open(String)}
     */
    public static Kernel open(byte[] options) {
        return new Kernel(Native.open(options));
    }

    /**
     * The version of the library that is loaded.
     *
     * @return such as "0.1.0"
     */
    public static String version() {
        return TamiasH.version();
    }

    /**
     * Sends one JSON line.
     *
     * <p>With a session the line is a plain command such as {@code
     * {"do":"revive","roles":["batch"]}}; with {@link Session#NONE} it may also be a line of a
     * script. A blank line and one that begins with # give an empty text.
     *
     * @param session who sends it
     * @param line the line, without a newline
     * @return the outcome and the events that it caused, to whatever session, one JSON line each,
     *     without a newline at the end
     * @throws TamiasException those of the command; {@link Code#UNKNOWN_COMMAND}; {@link
     *     Code#MALFORMED} for what is not JSON or not Unicode; {@link Code#BAD_SCRIPT} if an
     *     expectation of a script's line was not met (it was applied then); {@link
     *     Code#HANDLE_CLOSED}
     */
    public String command(Session session, String line) {
        return new String(command(session, Native.utf8(line, "line")), StandardCharsets.UTF_8);
    }

    /**
     * Sends one JSON line, byte for byte.
     *
     * @param session who sends it
     * @param line the line in UTF-8, as for {@link #command(Session, String)}
     * @return the outcome and the events in UTF-8, as for {@link #command(Session, String)}
     * @throws TamiasException as {@link #command(Session, String)}
     */
    public byte[] command(Session session, byte[] line) {
        return call(kernel -> Native.command(kernel, session.id(), line));
    }

    /**
     * BLAKE3 of the state as it is now: equal for all kernels that accepted the same commands, on
     * any machine and in any language. It takes time in proportion to the state.
     *
     * @return 32 bytes
     * @throws TamiasException {@link Code#HANDLE_CLOSED}
     */
    public byte[] stateHash() {
        return call(Native::stateHash);
    }

    /**
     * Waits for calls of other threads and gives the kernel back. Closing twice is allowed. The
     * kernel lives on until the last of its frameworks and local agents is closed.
     */
    @Override
    public void close() {
        handle.close();
    }

    /** Calls a function with the handle, which is not freed meanwhile. */
    <T> T call(Function<MemorySegment, T> function) {
        return handle.call(function);
    }
}
