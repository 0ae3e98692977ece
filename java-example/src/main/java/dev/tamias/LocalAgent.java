package dev.tamias;

import dev.tamias.ffm.TamiasH;
import java.lang.foreign.MemorySegment;
import java.time.Duration;

/**
 * An agent that runs tasks as processes of this machine, under a small supervisor executable.
 *
 * <p>Processes of tasks are no children of this JVM: it neither sees them in {@link
 * ProcessHandle#children()} nor waits for them, and the library waits for none of the JVM's. The
 * agent has no thread either: {@link Framework#events} serves it while it waits. Keep a reference;
 * an agent that is forgotten ends some time later, with its tasks.
 *
 * <p>Thread-safe.
 */
public final class LocalAgent implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final Handle handle;

    private LocalAgent(MemorySegment agent) {
        this.handle = new Handle("local agent", agent, TamiasH::localAgentFree);
    }

    /**
     * Starts a local agent, or attaches to the tasks that an earlier owner of the work directory
     * left running.
     *
     * @param kernel the kernel to register with
     * @param options a JSON object such as {@code {"work_dir":"/var/lib/ci","resources":"cpus:2"}};
     *     {@code tamias_local_agent_open} in the header has all keys
     * @return the agent, to be closed
     * @throws TamiasException {@link Code#MALFORMED} with the key in {@code field}; {@link
     *     Code#SYSTEM}; {@link Code#AGENT_CONNECTED} while another agent of that name is at work;
     *     {@link Code#HANDLE_CLOSED}
     */
    public static LocalAgent open(Kernel kernel, String options) {
        byte[] json = Native.utf8(options, "json");
        return new LocalAgent(kernel.call(handle -> Native.localAgentOpen(handle, json)));
    }

    /**
     * The agent's id as it stands in JSON.
     *
     * @return such as "a0.1"
     * @throws TamiasException {@link Code#HANDLE_CLOSED}
     */
    public String id() {
        return handle.call(agent -> Native.id('a', TamiasH.localAgentId(agent)));
    }

    /**
     * What holds tasks to their resources here: cgroups or resource limits, and what of it is
     * enforced. It was tried out, not guessed.
     *
     * @return one line
     * @throws TamiasException {@link Code#HANDLE_CLOSED}
     */
    public String limits() {
        return handle.call(Native::localAgentLimits);
    }

    /**
     * Leaves in good order: its tasks are ended, or kept, as its options say. Again is no matter.
     *
     * @param timeout how long to wait for ended ones to be dead
     * @return whether they all are; they are ended all the same
     * @throws TamiasException {@link Code#SYSTEM}
     */
    public boolean close(Duration timeout) {
        long nanos = Native.nanos(timeout);
        try {
            return handle.call(agent -> Native.localAgentClose(agent, nanos), () -> true);
        } finally {
            handle.close();
        }
    }

    /** As {@link #close(Duration)}, with ten seconds. */
    @Override
    public void close() {
        close(PATIENCE);
    }
}
