package dev.tamias;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.tamias.ffm.TamiasH;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Arguments and results of the library's functions. Everything that a call needs lives in an arena
 * of its own and ends with it; only the handle of a kernel outlives its call.
 */
final class Native {
    private static final long ERROR_SIZE = TamiasH.offset(TamiasH.ERROR, "size");
    private static final long ERROR_CODE = TamiasH.offset(TamiasH.ERROR, "code");
    private static final long ERROR_INDEX = TamiasH.offset(TamiasH.ERROR, "index");
    private static final long ERROR_ID = TamiasH.offset(TamiasH.ERROR, "id");
    private static final long ERROR_FIELD = TamiasH.offset(TamiasH.ERROR, "field");
    private static final long ERROR_MESSAGE = TamiasH.offset(TamiasH.ERROR, "message");
    private static final long OPTIONS_SIZE = TamiasH.offset(TamiasH.OPTIONS, "size");
    private static final long OPTIONS_ABI_VERSION = TamiasH.offset(TamiasH.OPTIONS, "abi_version");
    private static final long OPTIONS_JSON = TamiasH.offset(TamiasH.OPTIONS, "json");
    private static final long STR_PTR = TamiasH.offset(TamiasH.STR, "ptr");
    private static final long STR_LEN = TamiasH.offset(TamiasH.STR, "len");
    private static final long BUFFER_DATA = TamiasH.offset(TamiasH.BUFFER, "data");
    private static final long BUFFER_LEN = TamiasH.offset(TamiasH.BUFFER, "len");

    private Native() {}

    static MemorySegment open(byte[] json) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment options = arena.allocate(TamiasH.OPTIONS);
            options.set(JAVA_INT, OPTIONS_SIZE, (int) TamiasH.OPTIONS.byteSize());
            options.set(JAVA_INT, OPTIONS_ABI_VERSION, TamiasH.ABI_VERSION);
            options.set(ADDRESS, OPTIONS_JSON + STR_PTR, arena.allocateFrom(JAVA_BYTE, json));
            options.set(JAVA_LONG, OPTIONS_JSON + STR_LEN, json.length);
            MemorySegment out = arena.allocate(ADDRESS);
            MemorySegment error = error(arena);
            check(TamiasH.kernelOpen(options, out, error), error);
            return out.get(ADDRESS, 0);
        }
    }

    static byte[] command(MemorySegment kernel, long session, byte[] line) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom(JAVA_BYTE, line);
            MemorySegment out = arena.allocate(TamiasH.BUFFER);
            MemorySegment error = error(arena);
            try {
                check(TamiasH.command(kernel, session, text, out, error), error);
                return bytes(out);
            } finally {
                TamiasH.bufferFree(out);
            }
        }
    }

    static byte[] stateHash(MemorySegment kernel) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment hash = arena.allocate(TamiasH.HASH_BYTES);
            MemorySegment error = error(arena);
            check(TamiasH.stateHash(kernel, hash, error), error);
            return hash.toArray(JAVA_BYTE);
        }
    }

    @SuppressWarnings("restricted") // the library says how long its text is
    private static byte[] bytes(MemorySegment buffer) {
        long length = buffer.get(JAVA_LONG, BUFFER_LEN);
        return buffer.get(ADDRESS, BUFFER_DATA).reinterpret(length).toArray(JAVA_BYTE);
    }

    /** As {@code TAMIAS_ERROR_INIT}: memory of an arena is zero. */
    private static MemorySegment error(Arena arena) {
        MemorySegment error = arena.allocate(TamiasH.ERROR);
        error.set(JAVA_INT, ERROR_SIZE, (int) TamiasH.ERROR.byteSize());
        error.set(JAVA_LONG, ERROR_INDEX, -1);
        return error;
    }

    private static void check(int status, MemorySegment error) {
        if (status != TamiasH.OK) {
            throw new TamiasException(
                    error.get(JAVA_INT, ERROR_CODE),
                    error.getString(ERROR_FIELD),
                    Math.toIntExact(error.get(JAVA_LONG, ERROR_INDEX)),
                    error.get(JAVA_LONG, ERROR_ID),
                    error.getString(ERROR_MESSAGE));
        }
    }
}
