//! Rejections: what a caller did wrong, where, and what would be right.
//!
//! A rejection means that nothing changed: state, clock and hash are as before and nothing was
//! journaled. [`Code`] is for programs (`class << 8 | detail`, numbers never reused);
//! the message is one line for people, fit to be thrown as an exception in any language.

use std::fmt;

/// The class of a [`Code`]: what a program can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Class {
    /// The argument is wrong whatever the state is.
    InvalidArgument = 1,
    /// The named object does not exist (any more).
    NotFound = 2,
    /// The name is taken.
    AlreadyExists = 3,
    /// The state does not allow it now, for example the offer is gone.
    FailedPrecondition = 4,
    /// A limit of `limits.rs` or of the options is reached.
    ResourceExhausted = 5,
    /// Somebody else is at work; try again.
    Busy = 6,
    /// The wait ended without the thing waited for.
    Timeout = 7,
    /// The handle is closed.
    Closed = 8,
    /// A defect was found earlier; the kernel accepts no more commands.
    Poisoned = 9,
    /// Not supported by this version.
    Unsupported = 10,
    /// A defect of the kernel.
    Internal = 11,
    /// The session may not do this.
    PermissionDenied = 12,
    /// The operating system refused.
    Io = 13,
    /// A journal or snapshot is damaged.
    DataLoss = 14,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $class:ident, $detail:literal;)*) => {
        /// What went wrong, for programs. The number is `class << 8 | detail` and never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name = ((Class::$class as u16) << 8) | $detail,)*
        }

        impl Code {
            /// All codes, for tables in other languages and for tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The class.
            #[must_use]
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)*
                }
            }

            /// The name, as in this enumeration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

codes! {
    /// Text that is not JSON, or JSON of another shape.
    Malformed = InvalidArgument, 1;
    /// There is no such command.
    UnknownCommand = InvalidArgument, 2;
    /// A resource text or list that does not parse.
    BadResources = InvalidArgument, 3;
    /// A name that is empty, too long, or has characters that names may not have.
    BadName = InvalidArgument, 4;
    /// A time or duration out of range.
    BadTime = InvalidArgument, 5;
    /// A weight out of range.
    BadWeight = InvalidArgument, 6;
    /// A list with a duplicate, or an empty list where one entry is needed.
    BadList = InvalidArgument, 7;
    /// An attribute that does not parse.
    BadAttributes = InvalidArgument, 8;
    /// A task description that no agent could run.
    InvalidTask = InvalidArgument, 9;
    /// More resources than the offers hold.
    ExceedsOffer = InvalidArgument, 10;
    /// A task state that a driver cannot report.
    BadTaskState = InvalidArgument, 11;
    /// An acknowledgement whose uuid is not that of the update in flight.
    WrongUuid = InvalidArgument, 12;
    /// Offers of several agents, or of several roles, in one accept.
    MixedOffers = InvalidArgument, 13;
    /// A step of time beyond 24 hours that was not sent as `advance_time`.
    TimeStep = InvalidArgument, 14;
    /// An option out of range.
    BadOption = InvalidArgument, 15;
    /// A structure of the C ABI that is too short, NULL, or has a reserved field set.
    BadStruct = InvalidArgument, 16;
    /// A script line that does not mean anything.
    BadScript = InvalidArgument, 17;
    /// Offer constraints that are empty or too many, or a bad or too complex pattern.
    BadConstraint = InvalidArgument, 18;
    /// An operation on resources that breaks one of its rules.
    InvalidOperation = InvalidArgument, 80;
    /// A quota that contradicts itself, or one that this role cannot have.
    BadQuota = InvalidArgument, 40;

    /// No such agent.
    UnknownAgent = NotFound, 1;
    /// No such framework.
    UnknownFramework = NotFound, 2;
    /// No such task.
    UnknownTask = NotFound, 3;
    /// No such session.
    UnknownSession = NotFound, 4;
    /// The framework is not subscribed to the role.
    UnknownRole = NotFound, 5;
    /// No such executor.
    UnknownExecutor = NotFound, 90;
    /// No such pool.
    UnknownPool = NotFound, 170;
    /// No such operation.
    UnknownOperation = NotFound, 76;

    /// Another live agent, framework or pool has the name, or the resource of that name.
    NameTaken = AlreadyExists, 1;
    /// The framework has a live or unreachable task of that name.
    TaskExists = AlreadyExists, 2;
    /// The framework has an operation of that id whose end it has not acknowledged.
    OperationExists = AlreadyExists, 76;

    /// The offer was accepted, declined, rescinded or never made to this framework.
    OfferGone = FailedPrecondition, 1;
    /// The agent is disconnected, deactivated or not registered.
    AgentInactive = FailedPrecondition, 2;
    /// The session already has a framework.
    AlreadySubscribed = FailedPrecondition, 3;
    /// The session has no framework yet.
    NotSubscribed = FailedPrecondition, 4;
    /// There is no update in flight to acknowledge.
    NothingToAcknowledge = FailedPrecondition, 5;
    /// The object is not in the state that the command needs.
    FailedPrecondition = FailedPrecondition, 7;
    /// The agent is still connected through another session.
    AgentConnected = FailedPrecondition, 6;
    /// A quota beyond what there is, or below what is consumed: `force` accepts it.
    QuotaConflict = FailedPrecondition, 40;
    /// The executor is being shut down and takes no more tasks.
    ExecutorTerminating = FailedPrecondition, 90;

    /// An operator marked the agent gone: it never comes back under this id.
    AgentGone = FailedPrecondition, 20;
    /// The machine is down for maintenance.
    MachineDown = FailedPrecondition, 21;

    /// A limit was reached; the message names it.
    LimitReached = ResourceExhausted, 1;

    /// Another thread is applying a command.
    WouldBlock = Busy, 1;
    /// Another process has the journal open.
    JournalLocked = Busy, 2;
    /// The journal's buffer in memory is full until it is flushed.
    JournalFull = Busy, 3;

    /// The wait timed out.
    WaitTimeout = Timeout, 1;

    /// The handle was closed.
    HandleClosed = Closed, 1;
    /// The framework was taken over by another session.
    Superseded = Closed, 2;
    /// The process was forked after the kernel was opened.
    Forked = Closed, 3;

    /// A defect was found earlier.
    KernelPoisoned = Poisoned, 1;

    /// A feature or version that this library does not have.
    NotSupported = Unsupported, 1;
    /// Written by a newer version.
    NewerVersion = Unsupported, 2;

    /// A defect of the kernel (caught panic).
    Defect = Internal, 1;

    /// The session's kind may not send the command.
    WrongSession = PermissionDenied, 1;
    /// The object belongs to another session's framework or agent.
    NotYours = PermissionDenied, 2;
    /// The policy forbids it to the session's principal.
    Unauthorized = PermissionDenied, 3;

    /// The operating system refused; the message carries its words.
    System = Io, 1;
    /// An earlier flush failed: what is on the disk is uncertain, the journal takes nothing more.
    JournalFailed = Io, 2;

    /// A damaged journal or snapshot; the message names the offset.
    Corrupt = DataLoss, 1;
}

impl Code {
    /// The number that crosses borders: `class << 8 | detail`.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// Why a command was rejected. Boxed inside, so that a `Result` of it stays small.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    code: Code,
    field: String,
    index: Option<u32>,
    id: u64,
    message: String,
}

impl Rejection {
    /// A rejection with its message: what was wrong and what would be right.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { code, field: String::new(), index: None, id: 0, message }))
    }

    /// Says where: the path of the field in the command, such as `operations[0].tasks[2].name`.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.0.field = field.into();
        self
    }

    /// Says what the place is a part of: `command` within `executor` is `executor.command`.
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        let field = match self.field() {
            "" => place.to_owned(),
            index if index.starts_with('[') => format!("{place}{index}"),
            field => format!("{place}.{field}"),
        };
        self.at(field)
    }

    /// Says which entry of the command's main list it was (an offer, a task, a role).
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.index = u32::try_from(index).ok();
        self
    }

    /// Says which object it was about.
    #[must_use]
    pub fn id(mut self, id: u64) -> Self {
        self.0.id = id;
        self
    }

    /// The code for programs.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The path of the field, empty when the whole command is meant.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.field
    }

    /// The entry of the command's main list, if one is meant.
    #[must_use]
    pub fn list_index(&self) -> Option<u32> {
        self.0.index
    }

    /// The raw id of the object meant, or 0.
    #[must_use]
    pub fn object_id(&self) -> u64 {
        self.0.id
    }

    /// The message without the field.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.field.is_empty() {
            f.write_str(&self.0.message)
        } else {
            write!(f, "{}: {}", self.0.field, self.0.message)
        }
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.0.code)
    }
}

impl std::error::Error for Rejection {}

impl serde::Serialize for Rejection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.0.code.name())?;
        if !self.0.field.is_empty() {
            map.serialize_entry("field", &self.0.field)?;
        }
        if let Some(index) = self.0.index {
            map.serialize_entry("index", &index)?;
        }
        map.serialize_entry("message", &self.0.message)?;
        map.end()
    }
}

/// Shortens a quoted text in the middle, so that a message stays one readable line.
#[must_use]
pub fn shorten(text: &str) -> String {
    const KEEP: usize = 24;
    let count = text.chars().count();
    if count <= 2 * KEEP + 3 {
        return text.to_owned();
    }
    let head: String = text.chars().take(KEEP).collect();
    let tail: String = text.chars().skip(count - KEEP).collect();
    format!("{head}...{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_carry_their_class() {
        let mut numbers: Vec<_> = Code::ALL.iter().map(|code| code.number()).collect();
        for code in Code::ALL {
            assert_eq!(code.number() >> 8, code.class() as u16, "{}", code.name());
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), Code::ALL.len());
        assert_eq!(Code::OfferGone.number(), 0x401);
    }

    #[test]
    fn a_rejection_is_one_word_wide() {
        assert_eq!(size_of::<Rejection>(), size_of::<usize>());
    }

    #[test]
    fn long_quotes_are_shortened_in_the_middle() {
        let text = format!("{}{}", "a".repeat(100), "z".repeat(100));
        assert_eq!(shorten(&text), format!("{}...{}", "a".repeat(24), "z".repeat(24)));
        assert_eq!(shorten("short"), "short");
    }
}
