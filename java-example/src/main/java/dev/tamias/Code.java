package dev.tamias;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What went wrong, for programs: numbers of the C interface, never used for anything else. */
public enum Code {
    /** Text that is not JSON, or JSON of another shape. */
    MALFORMED(-257),
    /** There is no such command. */
    UNKNOWN_COMMAND(-258),
    /** A resource text or list that does not parse. */
    BAD_RESOURCES(-259),
    /** A name that is empty, too long, or has characters that names may not have. */
    BAD_NAME(-260),
    /** A time or duration out of range. */
    BAD_TIME(-261),
    /** A weight out of range. */
    BAD_WEIGHT(-262),
    /** A list with a duplicate, or an empty list where one entry is needed. */
    BAD_LIST(-263),
    /** An attribute that does not parse. */
    BAD_ATTRIBUTES(-264),
    /** A task description that no agent could run. */
    INVALID_TASK(-265),
    /** More resources than the offers hold. */
    EXCEEDS_OFFER(-266),
    /** A task state that a driver cannot report. */
    BAD_TASK_STATE(-267),
    /** An acknowledgement whose uuid is not that of the update in flight. */
    WRONG_UUID(-268),
    /** Offers of several agents, or of several roles, in one accept. */
    MIXED_OFFERS(-269),
    /** A step of time beyond 24 hours that was not sent as `advance_time`. */
    TIME_STEP(-270),
    /** An option out of range. */
    BAD_OPTION(-271),
    /** A structure of the C ABI that is too short, NULL, or has a reserved field set. */
    BAD_STRUCT(-272),
    /** A script line that does not mean anything. */
    BAD_SCRIPT(-273),
    /** Offer constraints that are empty or too many, or a bad or too complex pattern. */
    BAD_CONSTRAINT(-274),
    /** An operation on resources that breaks one of its rules. */
    INVALID_OPERATION(-336),
    /** A quota that contradicts itself, or one that this role cannot have. */
    BAD_QUOTA(-296),
    /** No such agent. */
    UNKNOWN_AGENT(-513),
    /** No such framework. */
    UNKNOWN_FRAMEWORK(-514),
    /** No such task. */
    UNKNOWN_TASK(-515),
    /** No such session. */
    UNKNOWN_SESSION(-516),
    /** The framework is not subscribed to the role. */
    UNKNOWN_ROLE(-517),
    /** No such executor. */
    UNKNOWN_EXECUTOR(-602),
    /** No such pool. */
    UNKNOWN_POOL(-682),
    /** No such operation. */
    UNKNOWN_OPERATION(-588),
    /** Another live agent, framework or pool has the name, or the resource of that name. */
    NAME_TAKEN(-769),
    /** The framework has a live or unreachable task of that name. */
    TASK_EXISTS(-770),
    /** The framework has an operation of that id whose end it has not acknowledged. */
    OPERATION_EXISTS(-844),
    /** The offer was accepted, declined, rescinded or never made to this framework. */
    OFFER_GONE(-1025),
    /** The agent is disconnected, deactivated or not registered. */
    AGENT_INACTIVE(-1026),
    /** The session already has a framework. */
    ALREADY_SUBSCRIBED(-1027),
    /** The session has no framework yet. */
    NOT_SUBSCRIBED(-1028),
    /** There is no update in flight to acknowledge. */
    NOTHING_TO_ACKNOWLEDGE(-1029),
    /** The object is not in the state that the command needs. */
    FAILED_PRECONDITION(-1031),
    /** The agent is still connected through another session. */
    AGENT_CONNECTED(-1030),
    /** An operator marked the agent gone: it never comes back under this id. */
    AGENT_GONE(-1044),
    /** The machine is down for maintenance. */
    MACHINE_DOWN(-1045),
    /** A quota beyond what there is, or below what is consumed: `force` accepts it. */
    QUOTA_CONFLICT(-1064),
    /** The executor is being shut down and takes no more tasks. */
    EXECUTOR_TERMINATING(-1114),
    /** A limit was reached; the message names it. */
    LIMIT_REACHED(-1281),
    /** Another thread is applying a command. */
    WOULD_BLOCK(-1537),
    /** Another process has the journal open. */
    JOURNAL_LOCKED(-1538),
    /** The journal's buffer in memory is full until it is flushed. */
    JOURNAL_FULL(-1539),
    /** The wait timed out. */
    WAIT_TIMEOUT(-1793),
    /** The handle was closed. */
    HANDLE_CLOSED(-2049),
    /** The framework was taken over by another session. */
    SUPERSEDED(-2050),
    /** The process was forked after the kernel was opened. */
    FORKED(-2051),
    /** A defect was found earlier. */
    KERNEL_POISONED(-2305),
    /** A feature or version that this library does not have. */
    NOT_SUPPORTED(-2561),
    /** Written by a newer version. */
    NEWER_VERSION(-2562),
    /** A defect of the kernel (caught panic). */
    DEFECT(-2817),
    /** The session's kind may not send the command. */
    WRONG_SESSION(-3073),
    /** The object belongs to another session's framework or agent. */
    NOT_YOURS(-3074),
    /** The policy forbids it to the session's principal. */
    UNAUTHORIZED(-3075),
    /** The operating system refused; the message carries its words. */
    SYSTEM(-3329),
    /**
     * An earlier flush failed: what is on the disk is uncertain, the journal takes nothing more.
     */
    JOURNAL_FAILED(-3330),
    /** A damaged journal or snapshot; the message names the offset. */
    CORRUPT(-3585),
    /** A code that is newer than this class; {@link TamiasException#status()} has its number. */
    UNKNOWN(-1);

    private static final Map<Integer, Code> BY_STATUS =
            Arrays.stream(values()).collect(Collectors.toMap(Code::status, Function.identity()));

    private final int status;

    Code(int status) {
        this.status = status;
    }

    /**
     * The code of a status.
     *
     * @param status a number of the C interface
     * @return {@link #UNKNOWN} if this class does not have it
     */
    public static Code of(int status) {
        return BY_STATUS.getOrDefault(status, UNKNOWN);
    }

    /**
     * The number of the C interface.
     *
     * @return such as -1025 for {@link #OFFER_GONE}
     */
    public int status() {
        return status;
    }

    /**
     * What a program can do about it.
     *
     * @return the class of the code
     */
    public CodeClass codeClass() {
        return CodeClass.of(-status >> 8);
    }

    /**
     * The name as it stands in scripts and in the other languages.
     *
     * @return such as "OfferGone"
     */
    @Override
    public String toString() {
        return Arrays.stream(name().split("_"))
                .map(word -> word.charAt(0) + word.substring(1).toLowerCase(Locale.ROOT))
                .collect(Collectors.joining());
    }
}
