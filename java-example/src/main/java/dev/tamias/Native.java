package dev.tamias;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.tamias.ffm.TamiasH;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Arguments and results of the library's functions. Everything that a call needs lives in an arena
 * of its own and ends with it; only handles outlive their call.
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
    private static final long SUBSCRIPTION_SIZE = TamiasH.offset(TamiasH.SUBSCRIPTION, "size");
    private static final long SUBSCRIPTION_ROLES = TamiasH.offset(TamiasH.SUBSCRIPTION, "roles");
    private static final long SUBSCRIPTION_ROLE_COUNT =
            TamiasH.offset(TamiasH.SUBSCRIPTION, "role_count");
    private static final long SUBSCRIPTION_FAILOVER =
            TamiasH.offset(TamiasH.SUBSCRIPTION, "failover_timeout_ns");
    private static final long EVENT_KIND = TamiasH.offset(TamiasH.EVENT, "kind");
    private static final long EVENT_BODY = TamiasH.offset(TamiasH.EVENT, "body");
    private static final long OFFER_ID = TamiasH.offset(TamiasH.OFFER_EVENT, "offer");
    private static final long OFFER_AGENT = TamiasH.offset(TamiasH.OFFER_EVENT, "agent");
    private static final long OFFER_ROLE = TamiasH.offset(TamiasH.OFFER_EVENT, "role");
    private static final long OFFER_RESOURCES = TamiasH.offset(TamiasH.OFFER_EVENT, "resources");
    private static final long UPDATE_TASK = TamiasH.offset(TamiasH.UPDATE_EVENT, "task");
    private static final long UPDATE_UUID = TamiasH.offset(TamiasH.UPDATE_EVENT, "uuid");
    private static final long UPDATE_STATE = TamiasH.offset(TamiasH.UPDATE_EVENT, "state");
    private static final long UPDATE_MUST_ACKNOWLEDGE =
            TamiasH.offset(TamiasH.UPDATE_EVENT, "must_acknowledge");
    private static final long UPDATE_NAME = TamiasH.offset(TamiasH.UPDATE_EVENT, "name");
    private static final long UPDATE_MESSAGE = TamiasH.offset(TamiasH.UPDATE_EVENT, "message");
    private static final int UUID_BYTES = 16;

    /** How many events one poll takes; the rest waits for the next. */
    private static final int EVENTS_AT_ONCE = 64;

    private Native() {}

    static MemorySegment open(byte[] json) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment options = arena.allocate(TamiasH.OPTIONS);
            options.set(JAVA_INT, OPTIONS_SIZE, (int) TamiasH.OPTIONS.byteSize());
            options.set(JAVA_INT, OPTIONS_ABI_VERSION, TamiasH.ABI_VERSION);
            str(arena, options.asSlice(OPTIONS_JSON), json);
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

    static MemorySegment subscribe(MemorySegment kernel, String... roles) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment array = arena.allocate(TamiasH.STR, roles.length);
            for (int i = 0; i < roles.length; i++) {
                byte[] role = utf8(roles[i], "roles[%d]".formatted(i));
                str(arena, array.asSlice(i * TamiasH.STR.byteSize()), role);
            }
            MemorySegment subscription = arena.allocate(TamiasH.SUBSCRIPTION);
            int size = (int) TamiasH.SUBSCRIPTION.byteSize();
            subscription.set(JAVA_INT, SUBSCRIPTION_SIZE, size);
            subscription.set(ADDRESS, SUBSCRIPTION_ROLES, array);
            subscription.set(JAVA_LONG, SUBSCRIPTION_ROLE_COUNT, roles.length);
            subscription.set(JAVA_LONG, SUBSCRIPTION_FAILOVER, TamiasH.UNSET);
            MemorySegment out = arena.allocate(ADDRESS);
            MemorySegment error = error(arena);
            check(TamiasH.kernelSubscribe(kernel, subscription, out, error), error);
            return out.get(ADDRESS, 0);
        }
    }

    /** Whether there are events now. */
    static boolean sessionWait(MemorySegment session, long timeout) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = error(arena);
            int status = TamiasH.sessionWait(session, timeout, error);
            if (status == TamiasH.ERR_WAIT_TIMEOUT) {
                return false;
            }
            check(status, error);
            return true;
        }
    }

    static List<Event> sessionPoll(MemorySegment session) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment events = arena.allocate(TamiasH.EVENT, EVENTS_AT_ONCE);
            MemorySegment count = arena.allocate(JAVA_LONG);
            MemorySegment error = error(arena);
            check(TamiasH.sessionPoll(session, events, count, error), error);
            List<Event> list = new ArrayList<>();
            for (long i = 0; i < count.get(JAVA_LONG, 0); i++) {
                list.add(event(events.asSlice(i * TamiasH.EVENT.byteSize(), TamiasH.EVENT)));
            }
            return list;
        }
    }

    static Void sessionClose(MemorySegment session) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = error(arena);
            check(TamiasH.sessionClose(session, error), error);
            return null;
        }
    }

    static MemorySegment localAgentOpen(MemorySegment kernel, byte[] json) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(TamiasH.STR);
            str(arena, text, json);
            MemorySegment out = arena.allocate(ADDRESS);
            MemorySegment error = error(arena);
            check(TamiasH.localAgentOpen(kernel, text, out, error), error);
            return out.get(ADDRESS, 0);
        }
    }

    static String localAgentLimits(MemorySegment agent) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(TamiasH.BUFFER);
            MemorySegment error = error(arena);
            try {
                check(TamiasH.localAgentLimits(agent, out, error), error);
                return new String(bytes(out), StandardCharsets.UTF_8);
            } finally {
                TamiasH.bufferFree(out);
            }
        }
    }

    static boolean localAgentClose(MemorySegment agent, long timeout) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ended = arena.allocate(JAVA_BOOLEAN);
            MemorySegment error = error(arena);
            check(TamiasH.localAgentClose(agent, timeout, ended, error), error);
            return ended.get(JAVA_BOOLEAN, 0);
        }
    }

    /** An id as it stands in JSON: the letter of its kind, slot and generation. */
    static String id(char kind, long id) {
        return kind + Long.toString(id & 0xFFFF_FFFFL) + "." + (id >>> 32);
    }

    /** The duration for the library; what is too long for it is as long as it knows. */
    static long nanos(Duration duration) {
        return TimeUnit.NANOSECONDS.convert(duration);
    }

    /** Strict, unlike {@code getBytes}, which puts question marks for what is not Unicode. */
    static byte[] utf8(String text, String field) {
        for (int i = 0; i < text.length(); i++) {
            int point = text.codePointAt(i);
            if (Character.getType(point) == Character.SURROGATE) {
                throw new TamiasException(
                        Code.MALFORMED,
                        field,
                        "%s: not Unicode: lone surrogate U+%04X at position %d"
                                .formatted(field, point, i));
            }
            i += Character.charCount(point) - 1;
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Event event(MemorySegment event) {
        MemorySegment body = event.asSlice(EVENT_BODY);
        int kind = event.get(JAVA_INT, EVENT_KIND);
        return switch (kind) {
            case TamiasH.EVENT_OFFER ->
                    new Event.Offer(
                            id('o', body.get(JAVA_LONG, OFFER_ID)),
                            id('a', body.get(JAVA_LONG, OFFER_AGENT)),
                            text(body, OFFER_ROLE),
                            text(body, OFFER_RESOURCES));
            case TamiasH.EVENT_UPDATE ->
                    new Event.Update(
                            id('t', body.get(JAVA_LONG, UPDATE_TASK)),
                            text(body, UPDATE_NAME),
                            TamiasH.taskStateName(body.get(JAVA_SHORT, UPDATE_STATE)),
                            text(body, UPDATE_MESSAGE),
                            uuid(body));
            default -> new Event.Other(kind);
        };
    }

    private static String uuid(MemorySegment update) {
        if (update.get(JAVA_BYTE, UPDATE_MUST_ACKNOWLEDGE) == 0) {
            return "";
        }
        byte[] uuid = update.asSlice(UPDATE_UUID, UUID_BYTES).toArray(JAVA_BYTE);
        return HexFormat.of().formatHex(uuid);
    }

    /** Makes a {@code tamias_str} of a text, which lives as long as the arena. */
    private static void str(Arena arena, MemorySegment str, byte[] text) {
        str.set(ADDRESS, STR_PTR, arena.allocateFrom(JAVA_BYTE, text));
        str.set(JAVA_LONG, STR_LEN, text.length);
    }

    /** Copies the text of a {@code tamias_str}. */
    @SuppressWarnings("restricted") // the library says how long its text is
    private static String text(MemorySegment struct, long offset) {
        long length = struct.get(JAVA_LONG, offset + STR_LEN);
        MemorySegment text = struct.get(ADDRESS, offset + STR_PTR).reinterpret(length);
        return new String(text.toArray(JAVA_BYTE), StandardCharsets.UTF_8);
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
