//! A state in a file.
//!
//! Form: a header of 16 bytes (`tamias-s`, format `u32`, crc32c of these 12 bytes), then
//! little-endian `seq u64`, `length u64`, `crc32c u32` of these two numbers and the state, and the
//! state's bytes ([`State::to_snapshot`]).

use std::io::{self, Read};
use std::path::Path;

use super::error::JournalError;
use super::files;
use super::journal::{HEADER_BYTES, check_header, header};
use crate::state::{SnapshotError, State};

/// The format of snapshot files that this version writes.
pub const SNAPSHOT_FORMAT: u32 = 1;

/// The first bytes of a snapshot file.
pub const SNAPSHOT_MAGIC: [u8; 8] = *b"tamias-s";

/// Bytes before those of the state.
const PREFIX_BYTES: usize = HEADER_BYTES + 8 + 8 + 4;

/// The bytes of a snapshot file.
#[must_use]
pub fn encode(state: &State) -> Vec<u8> {
    let content = state.to_snapshot();
    let (seq, length) = (state.seq().to_le_bytes(), (content.len() as u64).to_le_bytes());
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + content.len());
    bytes.extend_from_slice(&header(SNAPSHOT_MAGIC, SNAPSHOT_FORMAT));
    bytes.extend_from_slice(&seq);
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&checksum(&bytes[HEADER_BYTES..], &content).to_le_bytes());
    bytes.extend_from_slice(&content);
    bytes
}

/// Reads the bytes of a snapshot file and checks the state.
///
/// Errors: no snapshot, damage, a newer version; a snapshot is never used in part.
pub fn decode(bytes: &[u8]) -> Result<State, JournalError> {
    check_header(bytes, SNAPSHOT_MAGIC, SNAPSHOT_FORMAT, "snapshot")?;
    let length_at = bytes.len() as u64;
    let Some((prefix, content)) = bytes.split_at_checked(PREFIX_BYTES) else {
        return Err(JournalError::corrupt(length_at, "the snapshot ends before its state"));
    };
    let number = |at: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&prefix[at..at + 8]);
        u64::from_le_bytes(eight)
    };
    let (seq, length) = (number(HEADER_BYTES), number(HEADER_BYTES + 8));
    if length != content.len() as u64 {
        let text = format!("the state has {} bytes instead of {length}", content.len());
        return Err(JournalError::corrupt(length_at, text));
    }
    let (numbers, expected) = prefix[HEADER_BYTES..].split_at(16);
    if checksum(numbers, content).to_le_bytes() != *expected {
        return Err(JournalError::corrupt(HEADER_BYTES as u64, "the checksum is wrong"));
    }
    let state = State::from_snapshot(content).map_err(|error| match error {
        SnapshotError::Newer(_) => {
            JournalError::Newer { offset: PREFIX_BYTES as u64, what: error.to_string() }
        }
        _ => JournalError::corrupt(PREFIX_BYTES as u64, error.to_string()),
    })?;
    if state.seq() != seq {
        let text = format!("it says seq {seq}, but holds the state of seq {}", state.seq());
        return Err(JournalError::corrupt(HEADER_BYTES as u64, text));
    }
    Ok(state)
}

/// Writes the state to a file, whole and on the disk when it returns. A file that is there is
/// replaced; if that fails it is as before.
pub fn write(path: &Path, state: &State) -> io::Result<()> {
    files::replace(path, &encode(state))
}

/// Reads a state from a file.
pub fn read(path: &Path) -> Result<State, JournalError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.read_to_end(&mut bytes)?;
    decode(&bytes)
}

fn checksum(numbers: &[u8], content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(numbers), content)
}
