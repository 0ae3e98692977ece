package dev.tamias;

import java.util.Arrays;

/** A kind of {@link Code}: what a program can do about it. */
public enum CodeClass {
    /** The argument is wrong whatever the state is. */
    INVALID_ARGUMENT(1),
    /** The named object does not exist (any more). */
    NOT_FOUND(2),
    /** The name is taken. */
    ALREADY_EXISTS(3),
    /** The state does not allow it now, for example the offer is gone. */
    FAILED_PRECONDITION(4),
    /** A limit of `limits.rs` or of the options is reached. */
    RESOURCE_EXHAUSTED(5),
    /** Somebody else is at work; try again. */
    BUSY(6),
    /** The wait ended without the thing waited for. */
    TIMEOUT(7),
    /** The handle is closed. */
    CLOSED(8),
    /** A defect was found earlier; the kernel accepts no more commands. */
    POISONED(9),
    /** Not supported by this version. */
    UNSUPPORTED(10),
    /** A defect of the kernel. */
    INTERNAL(11),
    /** The session may not do this. */
    PERMISSION_DENIED(12),
    /** The operating system refused. */
    IO(13),
    /** A journal or snapshot is damaged. */
    DATA_LOSS(14),
    /** That of {@link Code#UNKNOWN}. */
    UNKNOWN(0);

    private final int number;

    CodeClass(int number) {
        this.number = number;
    }

    static CodeClass of(int number) {
        return Arrays.stream(values()).filter(c -> c.number == number).findFirst().orElse(UNKNOWN);
    }

    /**
     * The number of the C interface.
     *
     * @return {@code TAMIAS_CLASS_...}
     */
    public int number() {
        return number;
    }
}
