package dev.tamias;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A handle of the library: freed once, at close or when it was forgotten, and never during a call.
 *
 * <p>Thread-safe.
 */
final class Handle {
    private static final Cleaner CLEANER = Cleaner.create();

    /** Held for reading during calls, so that close waits for them. */
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    private final String what;
    private final MemorySegment address;
    private final Cleaner.Cleanable freeing;

    /** Written under the lock. */
    private boolean closed;

    /**
     * Takes a handle over.
     *
     * @param what what it is, for messages
     * @param address the handle
     * @param free the function that frees it
     */
    Handle(String what, MemorySegment address, Consumer<MemorySegment> free) {
        this.what = what;
        this.address = address;
        this.freeing = CLEANER.register(this, () -> free.accept(address));
    }

    /** Calls a function, during which the handle is not freed. */
    <T> T call(Function<MemorySegment, T> function) {
        return call(
                function,
                () -> {
                    String text = "the %s was closed: open another".formatted(what);
                    throw new TamiasException(Code.HANDLE_CLOSED, "", text);
                });
    }

    /** The same, for what has another answer than an exception once the handle was closed. */
    <T> T call(Function<MemorySegment, T> function, Supplier<T> ifClosed) {
        lock.readLock().lock();
        try {
            return closed ? ifClosed.get() : function.apply(address);
        } finally {
            lock.readLock().unlock();
            // Without this the cleaner might free the handle while the last call is on its way.
            Reference.reachabilityFence(this);
        }
    }

    /** Waits for calls of other threads and frees the handle. Again is no matter. */
    void close() {
        lock.writeLock().lock();
        try {
            closed = true;
            freeing.clean();
        } finally {
            lock.writeLock().unlock();
        }
    }
}
