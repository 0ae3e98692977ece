package dev.tamias.ffm;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * {@code include/tamias.h} as far as it is used here: layouts, constants, functions. Tests compare
 * layouts and constants with the header.
 *
 * <p>The library is loaded when this class is, and stays: it does not support being unloaded. No
 * function is linked as critical: each of them may wait for another thread's command, and a
 * critical call would keep the garbage collector waiting as well.
 */
public final class TamiasH {
    /** {@code TAMIAS_ABI_VERSION} of the header that this class was written from. */
    public static final int ABI_VERSION = 1;

    /** {@code TAMIAS_OK}. */
    public static final int OK = 0;

    /** {@code TAMIAS_HASH_BYTES}. */
    public static final int HASH_BYTES = 32;

    /** {@code tamias_str}: a borrowed text. {@code size_t} has 8 bytes wherever Java has FFM. */
    public static final StructLayout STR =
            MemoryLayout.structLayout(ADDRESS.withName("ptr"), JAVA_LONG.withName("len"))
                    .withName("tamias_str");

    /** {@code tamias_buffer}: a text in memory of the library. */
    public static final StructLayout BUFFER =
            MemoryLayout.structLayout(
                            ADDRESS.withName("data"),
                            JAVA_LONG.withName("len"),
                            JAVA_LONG.withName("capacity"))
                    .withName("tamias_buffer");

    /** {@code tamias_options}: how to open a kernel. */
    public static final StructLayout OPTIONS =
            MemoryLayout.structLayout(
                            JAVA_INT.withName("size"),
                            JAVA_INT.withName("abi_version"),
                            STR.withName("json"))
                    .withName("tamias_options");

    /** {@code tamias_error}: what went wrong. */
    public static final StructLayout ERROR =
            MemoryLayout.structLayout(
                            JAVA_INT.withName("size"),
                            JAVA_INT.withName("code"),
                            JAVA_LONG.withName("index"),
                            JAVA_LONG.withName("id"),
                            MemoryLayout.sequenceLayout(128, JAVA_BYTE).withName("field"),
                            MemoryLayout.sequenceLayout(1024, JAVA_BYTE).withName("message"))
                    .withName("tamias_error");

    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBRARY = Library.load();

    private static final MethodHandle VERSION =
            function("tamias_version", FunctionDescriptor.of(ADDRESS));
    private static final MethodHandle CODE_NAME =
            function("tamias_code_name", FunctionDescriptor.of(ADDRESS, JAVA_INT));
    private static final MethodHandle KERNEL_OPEN =
            function(
                    "tamias_kernel_open",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle KERNEL_FREE =
            function("tamias_kernel_free", FunctionDescriptor.ofVoid(ADDRESS));
    private static final MethodHandle COMMAND =
            function(
                    "tamias_command",
                    FunctionDescriptor.of(
                            JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle BUFFER_FREE =
            function("tamias_buffer_free", FunctionDescriptor.ofVoid(ADDRESS));
    private static final MethodHandle STATE_HASH =
            function(
                    "tamias_kernel_state_hash",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));

    private TamiasH() {}

    /**
     * Where a field of a struct is.
     *
     * @param struct one of the layouts of this class
     * @param field the name of the field in the header
     * @return its offset in bytes
     */
    public static long offset(StructLayout struct, String field) {
        return struct.byteOffset(groupElement(field));
    }

    /**
     * The version of the library.
     *
     * @return such as "0.1.0"
     */
    public static String version() {
        try {
            return text((MemorySegment) VERSION.invokeExact());
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * The name of a status.
     *
     * @param code the status
     * @return such as "OfferGone"; "Unknown" for a number that the library does not have
     */
    public static String codeName(int code) {
        try {
            return text((MemorySegment) CODE_NAME.invokeExact(code));
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Opens a kernel.
     *
     * @param options {@link #OPTIONS}
     * @param out where the handle is written to
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int kernelOpen(MemorySegment options, MemorySegment out, MemorySegment error) {
        try {
            return (int) KERNEL_OPEN.invokeExact(options, out, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Frees a kernel.
     *
     * @param kernel the handle, which nobody uses any more
     */
    public static void kernelFree(MemorySegment kernel) {
        try {
            KERNEL_FREE.invokeExact(kernel);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * The generic verb.
     *
     * @param kernel the handle
     * @param session 0 for none
     * @param line its bytes
     * @param out {@link #BUFFER}, to be freed
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int command(
            MemorySegment kernel,
            long session,
            MemorySegment line,
            MemorySegment out,
            MemorySegment error) {
        try {
            return (int) COMMAND.invokeExact(kernel, session, line, line.byteSize(), out, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Frees what a buffer has.
     *
     * @param buffer {@link #BUFFER}
     */
    public static void bufferFree(MemorySegment buffer) {
        try {
            BUFFER_FREE.invokeExact(buffer);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * The state hash.
     *
     * @param kernel the handle
     * @param hash {@link #HASH_BYTES} bytes
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int stateHash(MemorySegment kernel, MemorySegment hash, MemorySegment error) {
        try {
            return (int) STATE_HASH.invokeExact(kernel, hash, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @SuppressWarnings("restricted") // the header says what the function takes
    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        MemorySegment address =
                LIBRARY.find(name)
                        .orElseThrow(
                                () ->
                                        new UnsatisfiedLinkError(
                                                "the library has no " + name + ": it is older"));
        return LINKER.downcallHandle(address, descriptor);
    }

    /** A static NUL-terminated text of the library. */
    @SuppressWarnings("restricted") // it is as long as its NUL says
    private static String text(MemorySegment pointer) {
        return pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** Functions of C throw nothing, so this is an error of the machine or of this class. */
    private static Error unexpected(Throwable thrown) {
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
        return new AssertionError("a function of C threw", thrown);
    }
}
