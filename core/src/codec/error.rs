//! Why a journal or snapshot cannot be read.

use std::io;

use crate::error::{Code, Rejection};

/// Why a journal or snapshot file cannot be read. Offsets count bytes from the start of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The operating system refused.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// The file starts with something else.
    #[error("not a {wanted}: the file starts with {found:02x?}")]
    NotOurs {
        /// `journal` or `snapshot`.
        wanted: &'static str,
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// The file as a whole has a format that this version does not know.
    #[error("the {what} has format {format}: written by a newer version, this one reads {known}")]
    NewerFormat {
        /// `journal` or `snapshot`.
        what: &'static str,
        /// The format found.
        format: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// An intact record that this version does not understand completely.
    #[error("the record at offset {offset} was written by a newer version: {what}")]
    Newer {
        /// Where the record starts.
        offset: u64,
        /// What is not understood.
        what: String,
    },
    /// Damage, or records that contradict each other.
    #[error("damaged at offset {offset}: {what}")]
    Corrupt {
        /// Where.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A command did not do on replay what it did when it was written.
    #[error(
        "replay differs at seq {seq}, offset {offset}: {what}; \
         everything before it can be opened with `until` {}", seq.saturating_sub(1)
    )]
    Diverged {
        /// The command.
        seq: u64,
        /// Where its record starts.
        offset: u64,
        /// What differs.
        what: String,
    },
    /// A command panicked on replay: a defect of this version.
    #[error(
        "replay panicked at seq {seq}, offset {offset}: {message}; \
         everything before it can be opened with `until` {}", seq.saturating_sub(1)
    )]
    Panicked {
        /// The command.
        seq: u64,
        /// Where its record starts.
        offset: u64,
        /// What the panic said.
        message: String,
    },
}

impl JournalError {
    pub(super) fn corrupt(offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { offset, what: what.into() }
    }

    /// The code for programs.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Io(_) => Code::System,
            Self::NewerFormat { .. } | Self::Newer { .. } => Code::NewerVersion,
            Self::NotOurs { .. } | Self::Corrupt { .. } | Self::Diverged { .. } => Code::Corrupt,
            Self::Panicked { .. } => Code::Defect,
        }
    }

    /// The last command before the one that cannot be replayed: what `until` may be at most.
    #[must_use]
    pub const fn good_until(&self) -> Option<u64> {
        match self {
            Self::Diverged { seq, .. } | Self::Panicked { seq, .. } => Some(seq.saturating_sub(1)),
            _ => None,
        }
    }
}

impl From<JournalError> for Rejection {
    fn from(error: JournalError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
