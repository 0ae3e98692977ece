package dev.tamias.ffm;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

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

    /** {@code TAMIAS_ERR_WAIT_TIMEOUT}. */
    public static final int ERR_WAIT_TIMEOUT = -1793;

    /** {@code TAMIAS_EVENT_OFFER}. */
    public static final int EVENT_OFFER = 1;

    /** {@code TAMIAS_EVENT_UPDATE}. */
    public static final int EVENT_UPDATE = 3;

    /** {@code TAMIAS_UNSET}: the kernel's choice. */
    public static final long UNSET = Long.MIN_VALUE;

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

    /** {@code tamias_bytes}: borrowed bytes. */
    public static final StructLayout BYTES =
            MemoryLayout.structLayout(ADDRESS.withName("ptr"), JAVA_LONG.withName("len"))
                    .withName("tamias_bytes");

    /** {@code tamias_subscription}: what a framework subscribes to. */
    public static final StructLayout SUBSCRIPTION =
            MemoryLayout.structLayout(
                            JAVA_INT.withName("size"),
                            JAVA_INT.withName("reserved"),
                            STR.withName("name"),
                            ADDRESS.withName("roles"),
                            JAVA_LONG.withName("role_count"),
                            ADDRESS.withName("suppressed_roles"),
                            JAVA_LONG.withName("suppressed_role_count"),
                            JAVA_LONG.withName("failover_timeout_ns"),
                            JAVA_LONG.withName("framework"),
                            STR.withName("json"))
                    .withName("tamias_subscription");

    /** {@code tamias_event}: what a session is told; {@code kind} says what its body is. */
    public static final StructLayout EVENT =
            MemoryLayout.structLayout(
                            JAVA_LONG.withName("seq"),
                            JAVA_INT.withName("ordinal"),
                            JAVA_INT.withName("kind"),
                            MemoryLayout.sequenceLayout(14, JAVA_LONG).withName("body"))
                    .withName("tamias_event");

    /** {@code tamias_offer_event}: the body of {@link #EVENT_OFFER}. */
    public static final StructLayout OFFER_EVENT =
            MemoryLayout.structLayout(
                            JAVA_LONG.withName("offer"),
                            JAVA_LONG.withName("agent"),
                            JAVA_LONG.withName("expires_ns"),
                            STR.withName("role"),
                            STR.withName("resources"),
                            STR.withName("agent_name"),
                            STR.withName("attributes"))
                    .withName("tamias_offer_event");

    /** {@code tamias_update_event}: the body of {@link #EVENT_UPDATE}. */
    public static final StructLayout UPDATE_EVENT =
            MemoryLayout.structLayout(
                            JAVA_LONG.withName("task"),
                            JAVA_LONG.withName("agent"),
                            MemoryLayout.sequenceLayout(16, JAVA_BYTE).withName("uuid"),
                            JAVA_LONG.withName("time_ns"),
                            JAVA_LONG.withName("unreachable_since_ns"),
                            JAVA_SHORT.withName("state"),
                            JAVA_SHORT.withName("reason"),
                            JAVA_BYTE.withName("source"),
                            JAVA_BYTE.withName("health"),
                            JAVA_BYTE.withName("must_acknowledge"),
                            JAVA_BYTE.withName("reserved"),
                            STR.withName("name"),
                            STR.withName("message"),
                            BYTES.withName("data"))
                    .withName("tamias_update_event");

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
    private static final MethodHandle TASK_STATE_NAME =
            function("tamias_task_state_name", FunctionDescriptor.of(ADDRESS, JAVA_INT));
    private static final MethodHandle KERNEL_SUBSCRIBE =
            function(
                    "tamias_kernel_subscribe",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle SESSION_ID =
            function("tamias_session_id", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
    private static final MethodHandle SESSION_WAIT =
            function(
                    "tamias_session_wait",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS));
    private static final MethodHandle SESSION_POLL =
            function(
                    "tamias_session_poll",
                    FunctionDescriptor.of(
                            JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle SESSION_CLOSE =
            function(
                    "tamias_session_close", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle SESSION_FREE =
            function("tamias_session_free", FunctionDescriptor.ofVoid(ADDRESS));
    private static final MethodHandle LOCAL_AGENT_OPEN =
            function(
                    "tamias_local_agent_open",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, STR, ADDRESS, ADDRESS));
    private static final MethodHandle LOCAL_AGENT_ID =
            function("tamias_local_agent_id", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
    private static final MethodHandle LOCAL_AGENT_LIMITS =
            function(
                    "tamias_local_agent_limits",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle LOCAL_AGENT_CLOSE =
            function(
                    "tamias_local_agent_close",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle LOCAL_AGENT_FREE =
            function("tamias_local_agent_free", FunctionDescriptor.ofVoid(ADDRESS));

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

    /**
     * The name of a task state.
     *
     * @param state its number
     * @return such as "TASK_RUNNING"
     */
    public static String taskStateName(int state) {
        try {
            return text((MemorySegment) TASK_STATE_NAME.invokeExact(state));
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Opens a session and subscribes a framework.
     *
     * @param kernel the handle
     * @param subscription {@link #SUBSCRIPTION}
     * @param out where the session is written to
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int kernelSubscribe(
            MemorySegment kernel,
            MemorySegment subscription,
            MemorySegment out,
            MemorySegment error) {
        try {
            return (int) KERNEL_SUBSCRIBE.invokeExact(kernel, subscription, out, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * The id of a session.
     *
     * @param session the handle
     * @return the id, for {@link #command}
     */
    public static long sessionId(MemorySegment session) {
        try {
            return (long) SESSION_ID.invokeExact(session);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Waits for events; lets time go on and serves local agents meanwhile.
     *
     * @param session the handle
     * @param timeout in nanoseconds
     * @param error {@link #ERROR}
     * @return the status, {@link #ERR_WAIT_TIMEOUT} if there are none in time
     */
    public static int sessionWait(MemorySegment session, long timeout, MemorySegment error) {
        try {
            return (int) SESSION_WAIT.invokeExact(session, timeout, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Takes events without waiting. Frees what the poll before gave out.
     *
     * @param session the handle, which one thread polls at a time
     * @param events an array of {@link #EVENT}
     * @param count where it is written how many there were
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int sessionPoll(
            MemorySegment session,
            MemorySegment events,
            MemorySegment count,
            MemorySegment error) {
        try {
            long stride = EVENT.byteSize();
            long capacity = events.byteSize() / stride;
            return (int)
                    SESSION_POLL.invokeExact(session, events, capacity, stride, count, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Closes a session but keeps the handle; waits on it end.
     *
     * @param session the handle
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int sessionClose(MemorySegment session, MemorySegment error) {
        try {
            return (int) SESSION_CLOSE.invokeExact(session, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Frees a session.
     *
     * @param session the handle, which nobody uses any more
     */
    public static void sessionFree(MemorySegment session) {
        try {
            SESSION_FREE.invokeExact(session);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Starts a local agent.
     *
     * @param kernel the handle
     * @param json {@link #STR}
     * @param out where the handle is written to
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int localAgentOpen(
            MemorySegment kernel,
            MemorySegment json,
            MemorySegment out,
            MemorySegment error) {
        try {
            return (int) LOCAL_AGENT_OPEN.invokeExact(kernel, json, out, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * The id of a local agent.
     *
     * @param agent the handle
     * @return the id
     */
    public static long localAgentId(MemorySegment agent) {
        try {
            return (long) LOCAL_AGENT_ID.invokeExact(agent);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * What holds tasks to their resources.
     *
     * @param agent the handle
     * @param out {@link #BUFFER}, to be freed
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int localAgentLimits(
            MemorySegment agent,
            MemorySegment out,
            MemorySegment error) {
        try {
            return (int) LOCAL_AGENT_LIMITS.invokeExact(agent, out, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Ends or keeps the tasks of a local agent, as its options say.
     *
     * @param agent the handle
     * @param timeout in nanoseconds, for ended tasks to be dead
     * @param ended one byte: whether all are
     * @param error {@link #ERROR}
     * @return the status
     */
    public static int localAgentClose(
            MemorySegment agent,
            long timeout,
            MemorySegment ended,
            MemorySegment error) {
        try {
            return (int) LOCAL_AGENT_CLOSE.invokeExact(agent, timeout, ended, error);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /**
     * Frees a local agent.
     *
     * @param agent the handle, which nobody uses any more
     */
    public static void localAgentFree(MemorySegment agent) {
        try {
            LOCAL_AGENT_FREE.invokeExact(agent);
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
