package dev.tamias;

import dev.tamias.ffm.TamiasH;

/** Why a call was rejected. A rejected command leaves the kernel as it was. */
public final class TamiasException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** The number, since a newer library may have a code that this class does not. */
    private final int status;

    private final String field;
    private final int index;
    private final long id;

    TamiasException(int status, String field, int index, long id, String message) {
        super(TamiasH.codeName(status) + ": " + message);
        this.status = status;
        this.field = field;
        this.index = index;
        this.id = id;
    }

    TamiasException(Code code, String field, String message) {
        this(code.status(), field, -1, 0, message);
    }

    /**
     * What went wrong, for programs.
     *
     * @return the code
     */
    public Code code() {
        return Code.of(status);
    }

    /**
     * The code as a number of the C interface.
     *
     * @return the same as {@code code().status()}, unless the code is newer than this class
     */
    public int status() {
        return status;
    }

    /**
     * Which field was wrong.
     *
     * @return its path, such as {@code operations[0].launch.tasks[2].name}; empty if the whole line
     *     is meant
     */
    public String field() {
        return field;
    }

    /**
     * Which entry of the command's list was wrong.
     *
     * @return counted from 0; -1 if none is meant
     */
    public int index() {
        return index;
    }

    /**
     * Which object was meant.
     *
     * @return its id; 0 if none
     */
    public long id() {
        return id;
    }
}
