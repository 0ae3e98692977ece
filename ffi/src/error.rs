//! Statuses, the error record, names of codes.
//!
//! The constants repeat `tamias_core::Code` because cbindgen reads sources, not values; a test
//! compares them one by one.

use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use tamias_core::{Code, Rejection};

use crate::boundary::guard_free;

/// Success.
pub const TAMIAS_OK: i32 = 0;
/// Text that is not JSON, or JSON of another shape.
pub const TAMIAS_ERR_MALFORMED: i32 = -257;
/// There is no such command.
pub const TAMIAS_ERR_UNKNOWN_COMMAND: i32 = -258;
/// A resource text or list that does not parse.
pub const TAMIAS_ERR_BAD_RESOURCES: i32 = -259;
/// A name that is empty, too long, or has characters that names may not have.
pub const TAMIAS_ERR_BAD_NAME: i32 = -260;
/// A time or duration out of range.
pub const TAMIAS_ERR_BAD_TIME: i32 = -261;
/// A weight out of range.
pub const TAMIAS_ERR_BAD_WEIGHT: i32 = -262;
/// A list with a duplicate, or an empty list where one entry is needed.
pub const TAMIAS_ERR_BAD_LIST: i32 = -263;
/// An attribute that does not parse.
pub const TAMIAS_ERR_BAD_ATTRIBUTES: i32 = -264;
/// A task description that no agent could run.
pub const TAMIAS_ERR_INVALID_TASK: i32 = -265;
/// More resources than the offers hold.
pub const TAMIAS_ERR_EXCEEDS_OFFER: i32 = -266;
/// A task state that a driver cannot report.
pub const TAMIAS_ERR_BAD_TASK_STATE: i32 = -267;
/// An acknowledgement whose uuid is not that of the update in flight.
pub const TAMIAS_ERR_WRONG_UUID: i32 = -268;
/// Offers of several agents, or of several roles, in one accept.
pub const TAMIAS_ERR_MIXED_OFFERS: i32 = -269;
/// A step of time beyond 24 hours that was not sent as `advance_time`.
pub const TAMIAS_ERR_TIME_STEP: i32 = -270;
/// An option out of range.
pub const TAMIAS_ERR_BAD_OPTION: i32 = -271;
/// A structure of the C ABI that is too short, NULL, or has a reserved field set.
pub const TAMIAS_ERR_BAD_STRUCT: i32 = -272;
/// A script line that does not mean anything.
pub const TAMIAS_ERR_BAD_SCRIPT: i32 = -273;
/// Offer constraints that are empty or too many, or a bad or too complex pattern.
pub const TAMIAS_ERR_BAD_CONSTRAINT: i32 = -274;
/// An operation on resources that breaks one of its rules.
pub const TAMIAS_ERR_INVALID_OPERATION: i32 = -336;
/// A quota that contradicts itself, or one that this role cannot have.
pub const TAMIAS_ERR_BAD_QUOTA: i32 = -296;
/// No such agent.
pub const TAMIAS_ERR_UNKNOWN_AGENT: i32 = -513;
/// No such framework.
pub const TAMIAS_ERR_UNKNOWN_FRAMEWORK: i32 = -514;
/// No such task.
pub const TAMIAS_ERR_UNKNOWN_TASK: i32 = -515;
/// No such session.
pub const TAMIAS_ERR_UNKNOWN_SESSION: i32 = -516;
/// The framework is not subscribed to the role.
pub const TAMIAS_ERR_UNKNOWN_ROLE: i32 = -517;
/// No such executor.
pub const TAMIAS_ERR_UNKNOWN_EXECUTOR: i32 = -602;
/// No such pool.
pub const TAMIAS_ERR_UNKNOWN_POOL: i32 = -682;
/// No such operation.
pub const TAMIAS_ERR_UNKNOWN_OPERATION: i32 = -588;
/// Another live agent, framework or pool has the name, or the resource of that name.
pub const TAMIAS_ERR_NAME_TAKEN: i32 = -769;
/// The framework has a live or unreachable task of that name.
pub const TAMIAS_ERR_TASK_EXISTS: i32 = -770;
/// The framework has an operation of that id whose end it has not acknowledged.
pub const TAMIAS_ERR_OPERATION_EXISTS: i32 = -844;
/// The offer was accepted, declined, rescinded or never made to this framework.
pub const TAMIAS_ERR_OFFER_GONE: i32 = -1025;
/// The agent is disconnected, deactivated or not registered.
pub const TAMIAS_ERR_AGENT_INACTIVE: i32 = -1026;
/// The session already has a framework.
pub const TAMIAS_ERR_ALREADY_SUBSCRIBED: i32 = -1027;
/// The session has no framework yet.
pub const TAMIAS_ERR_NOT_SUBSCRIBED: i32 = -1028;
/// There is no update in flight to acknowledge.
pub const TAMIAS_ERR_NOTHING_TO_ACKNOWLEDGE: i32 = -1029;
/// The object is not in the state that the command needs.
pub const TAMIAS_ERR_FAILED_PRECONDITION: i32 = -1031;
/// The agent is still connected through another session.
pub const TAMIAS_ERR_AGENT_CONNECTED: i32 = -1030;
/// An operator marked the agent gone: it never comes back under this id.
pub const TAMIAS_ERR_AGENT_GONE: i32 = -1044;
/// The machine is down for maintenance.
pub const TAMIAS_ERR_MACHINE_DOWN: i32 = -1045;
/// A quota beyond what there is, or below what is consumed: `force` accepts it.
pub const TAMIAS_ERR_QUOTA_CONFLICT: i32 = -1064;
/// The executor is being shut down and takes no more tasks.
pub const TAMIAS_ERR_EXECUTOR_TERMINATING: i32 = -1114;
/// A limit was reached; the message names it.
pub const TAMIAS_ERR_LIMIT_REACHED: i32 = -1281;
/// Another thread is applying a command.
pub const TAMIAS_ERR_WOULD_BLOCK: i32 = -1537;
/// Another process has the journal open.
pub const TAMIAS_ERR_JOURNAL_LOCKED: i32 = -1538;
/// The journal's buffer in memory is full until it is flushed.
pub const TAMIAS_ERR_JOURNAL_FULL: i32 = -1539;
/// The wait timed out.
pub const TAMIAS_ERR_WAIT_TIMEOUT: i32 = -1793;
/// The handle was closed.
pub const TAMIAS_ERR_HANDLE_CLOSED: i32 = -2049;
/// The framework was taken over by another session.
pub const TAMIAS_ERR_SUPERSEDED: i32 = -2050;
/// The process was forked after the kernel was opened.
pub const TAMIAS_ERR_FORKED: i32 = -2051;
/// A defect was found earlier.
pub const TAMIAS_ERR_KERNEL_POISONED: i32 = -2305;
/// A feature or version that this library does not have.
pub const TAMIAS_ERR_NOT_SUPPORTED: i32 = -2561;
/// Written by a newer version.
pub const TAMIAS_ERR_NEWER_VERSION: i32 = -2562;
/// A defect of the kernel (caught panic).
pub const TAMIAS_ERR_DEFECT: i32 = -2817;
/// The session's kind may not send the command.
pub const TAMIAS_ERR_WRONG_SESSION: i32 = -3073;
/// The object belongs to another session's framework or agent.
pub const TAMIAS_ERR_NOT_YOURS: i32 = -3074;
/// The policy forbids it to the session's principal.
pub const TAMIAS_ERR_UNAUTHORIZED: i32 = -3075;
/// The operating system refused; the message carries its words.
pub const TAMIAS_ERR_SYSTEM: i32 = -3329;
/// An earlier flush failed: what is on the disk is uncertain, the journal takes nothing more.
pub const TAMIAS_ERR_JOURNAL_FAILED: i32 = -3330;
/// A damaged journal or snapshot; the message names the offset.
pub const TAMIAS_ERR_CORRUPT: i32 = -3585;

/// The argument is wrong whatever the state is.
pub const TAMIAS_CLASS_INVALID_ARGUMENT: i32 = 1;
/// The named object does not exist (any more).
pub const TAMIAS_CLASS_NOT_FOUND: i32 = 2;
/// The name is taken.
pub const TAMIAS_CLASS_ALREADY_EXISTS: i32 = 3;
/// The state does not allow it now, for example the offer is gone.
pub const TAMIAS_CLASS_FAILED_PRECONDITION: i32 = 4;
/// A limit of `limits.rs` or of the options is reached.
pub const TAMIAS_CLASS_RESOURCE_EXHAUSTED: i32 = 5;
/// Somebody else is at work; try again.
pub const TAMIAS_CLASS_BUSY: i32 = 6;
/// The wait ended without the thing waited for.
pub const TAMIAS_CLASS_TIMEOUT: i32 = 7;
/// The handle is closed.
pub const TAMIAS_CLASS_CLOSED: i32 = 8;
/// A defect was found earlier; the kernel accepts no more commands.
pub const TAMIAS_CLASS_POISONED: i32 = 9;
/// Not supported by this version.
pub const TAMIAS_CLASS_UNSUPPORTED: i32 = 10;
/// A defect of the kernel.
pub const TAMIAS_CLASS_INTERNAL: i32 = 11;
/// The session may not do this.
pub const TAMIAS_CLASS_PERMISSION_DENIED: i32 = 12;
/// The operating system refused.
pub const TAMIAS_CLASS_IO: i32 = 13;
/// A journal or snapshot is damaged.
pub const TAMIAS_CLASS_DATA_LOSS: i32 = 14;

/// What went wrong: filled by every function that fails, if one is given. Begin with
/// TAMIAS_ERROR_INIT; NULL is allowed wherever a function takes one. A function that succeeds
/// leaves it alone.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug)]
pub struct Error {
    /// sizeof(tamias_error), set by TAMIAS_ERROR_INIT.
    pub size: u32,
    /// The status that the function returned, one of TAMIAS_ERR_...
    pub code: i32,
    /// Which entry of the list was wrong, counted from 0; -1 if none is meant.
    pub index: i64,
    /// The id of the object that was meant, 0 if none.
    pub id: u64,
    /// The path of the field, such as `tasks[2].name`; empty if the whole call is meant. UTF-8,
    /// NUL-terminated.
    pub field: [c_char; 128],
    /// One line that says where, what was wrong and what would be right. UTF-8, NUL-terminated.
    pub message: [c_char; 1024],
}

/// The status of a code: its number, negative.
pub(crate) fn status(code: Code) -> i32 {
    -i32::from(code.number())
}

/// Checks the record before anything is done: a failure could not be told otherwise.
///
/// # Safety
/// `err` is NULL or points to a record whose `size` is set.
pub(crate) unsafe fn check(err: *mut Error) -> Result<(), Rejection> {
    if err.is_null() {
        return Ok(());
    }
    let wrong = |text: &str| Err(Rejection::new(Code::BadStruct, text));
    if !err.is_aligned() {
        return wrong("err is not aligned");
    }
    // SAFETY: not NULL, aligned; there by the caller's word.
    if (unsafe { (*err).size } as usize) < size_of::<Error>() {
        return wrong("err is too small: begin with TAMIAS_ERROR_INIT");
    }
    Ok(())
}

/// Tells a rejection.
///
/// # Safety
/// `err` is NULL or passed [`check`].
pub(crate) unsafe fn fill(err: *mut Error, rejection: &Rejection) {
    // SAFETY: the caller's word. What lies behind the fields that we know stays as it is.
    let Some(err) = (unsafe { err.as_mut() }) else { return };
    err.code = status(rejection.code());
    err.index = rejection.list_index().map_or(-1, i64::from);
    err.id = rejection.object_id();
    write_text(&mut err.field, rejection.field());
    write_text(&mut err.message, &rejection.to_string());
}

/// Writes a text with its NUL; a text that is too long is shortened in the middle.
fn write_text(place: &mut [c_char], text: &str) {
    let room = place.len().saturating_sub(1);
    let shortened;
    let text = if text.len() <= room {
        text
    } else {
        shortened = shorten(text, room);
        &shortened
    };
    for (to, from) in place.iter_mut().zip(text.bytes().take(room).chain([0])) {
        *to = c_char::from_ne_bytes([from]);
    }
}

/// The beginning and the end of a text, together at most `room` bytes.
fn shorten(text: &str, room: usize) -> String {
    const GAP: &str = " ... ";
    let half = room.saturating_sub(GAP.len()) / 2;
    let head = (0..=half).rev().find_map(|end| text.get(..end));
    let tail = (text.len().saturating_sub(half)..=text.len()).find_map(|start| text.get(start..));
    [head.unwrap_or_default(), GAP, tail.unwrap_or_default()].concat()
}

static CODE_NAMES: LazyLock<Vec<(u16, CString)>> = LazyLock::new(|| {
    let named = |code: &Code| (code.number(), CString::new(code.name()).unwrap_or_default());
    Code::ALL.iter().map(named).collect()
});

/// The name of a status, such as "OfferGone" for TAMIAS_ERR_OFFER_GONE; "Ok" for TAMIAS_OK and
/// "Unknown" for a number that this library does not have. A static text.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub extern "C" fn tamias_code_name(code: i32) -> *const c_char {
    let mut name = c"Unknown".as_ptr();
    guard_free(|| {
        let number = code.unsigned_abs();
        let known = CODE_NAMES.iter().find(|(known, _)| u32::from(*known) == number);
        match known {
            Some((_, text)) => name = text.as_ptr(),
            None if number == 0 => name = c"Ok".as_ptr(),
            None => {}
        }
    });
    name
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record as TAMIAS_ERROR_INIT makes it.
    pub(crate) fn record() -> Error {
        let size = u32::try_from(size_of::<Error>()).unwrap();
        Error { size, code: 0, index: -1, id: 0, field: [0; 128], message: [0; 1024] }
    }

    pub(crate) fn text(place: &[c_char]) -> String {
        let bytes = place.iter().map(|c| c.to_ne_bytes()[0]).take_while(|b| *b != 0);
        String::from_utf8(bytes.collect()).unwrap()
    }

    #[test]
    fn a_long_message_keeps_its_ends() {
        let mut place = [1; 24];
        write_text(&mut place, "short");
        assert_eq!(text(&place), "short");
        write_text(&mut place, "what was wrong, and what would be right");
        assert_eq!(text(&place), "what was  ...  be right");
        write_text(&mut place, &"\u{e4}".repeat(30));
        assert_eq!(text(&place), format!("{0} ... {0}", "\u{e4}".repeat(4)));
        write_text(&mut place[..3], "abc");
        assert_eq!(text(&place[..3]).len(), 2);
    }
}
