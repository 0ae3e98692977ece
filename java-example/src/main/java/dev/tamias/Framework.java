package dev.tamias;

import dev.tamias.ffm.TamiasH;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;

/**
 * The session of a framework with events of its own: for programs that wait, such as those with a
 * {@link LocalAgent}, whose tasks end when they end and not during a command.
 *
 * <p>Commands go through {@link Kernel#command(Session, String)} with {@link #session()}. What
 * they cause comes with their outcome as well; read it here only.
 *
 * <p>Thread-safe; each event goes to one caller.
 */
public final class Framework implements AutoCloseable {
    private final Handle handle;
    private final Session session;

    /** The library wants one thread at a time to poll. */
    private final Object polling = new Object();

    private Framework(MemorySegment framework) {
        this.handle = new Handle("framework", framework, TamiasH::sessionFree);
        this.session = new Session(TamiasH.sessionId(framework));
    }

    /**
     * Opens a session and subscribes.
     *
     * @param kernel the kernel
     * @param roles in which roles it takes part; none means that it gets no offers
     * @return the framework, to be closed
     * @throws TamiasException {@link Code#BAD_NAME}, {@link Code#BAD_LIST}, {@link
     *     Code#HANDLE_CLOSED}
     */
    public static Framework subscribe(Kernel kernel, String... roles) {
        return new Framework(kernel.call(handle -> Native.subscribe(handle, roles)));
    }

    /**
     * The session, to send commands with.
     *
     * @return the session, open until {@link #close()}
     */
    public Session session() {
        return session;
    }

    /**
     * Waits until there are events, and takes them. Meanwhile time goes on: timers fire, local
     * agents are served. {@link Thread#interrupt()} does not end the wait, {@link #close()} does;
     * a virtual thread is pinned to its carrier.
     *
     * @param timeout how long; zero does not wait
     * @return the events in order; none if there were none in time
     * @throws TamiasException {@link Code#HANDLE_CLOSED}, also for a wait that close has ended
     */
    public List<Event> events(Duration timeout) {
        long nanos = Native.nanos(timeout);
        return handle.call(
                framework -> {
                    if (!Native.sessionWait(framework, nanos)) {
                        return List.of();
                    }
                    synchronized (polling) {
                        return Native.sessionPoll(framework);
                    }
                });
    }

    /**
     * Closes the session: waits of other threads end, the framework is disconnected. Again is no
     * matter.
     *
     * @throws TamiasException {@link Code#SYSTEM} or {@link Code#JOURNAL_FULL}, if the journal does
     *     not take it; the handle is given back all the same
     */
    @Override
    public void close() {
        try {
            handle.call(Native::sessionClose, () -> null);
        } finally {
            handle.close();
        }
    }
}
