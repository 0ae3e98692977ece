//! Commands and states as bytes and lines: the journal, its replay, snapshots, JSON lines.
//!
//! - [`record`]: one journal record, framed and checked
//! - [`journal`]: a journal as a stream of records; what is torn and what is damaged
//! - [`replay`]: a journal applied again, with every check that finds a divergence
//! - [`snapshot_file`]: a state in a file, written so that a crash leaves the old or the new one
//! - [`jsonl`]: commands, replies and events as JSON lines, for people and bug reports
//! - [`files`]: replacing a file as a whole
//!
//! Promises: what was written by this version reads back equal; what a newer version wrote is
//! refused by name instead of being misread; damage is named with its offset; no input panics.
//! Locks, buffers and fsync policy of a journal that is being written are the shell's.

mod error;
pub mod files;
pub mod journal;
pub mod jsonl;
pub mod record;
pub mod replay;
pub mod snapshot_file;

#[cfg(test)]
mod tests;

pub use error::JournalError;
pub use journal::{Entry, JournalReader, Torn};
pub use record::Record;
pub use replay::{Replay, Replayed, replay};
