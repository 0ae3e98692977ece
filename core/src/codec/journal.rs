//! A journal as a stream of records; what is torn and what is damaged.
//!
//! A file is a header of 16 bytes (`tamias-j`, format `u32`, crc32c of these 12 bytes) and records
//! ([`record`](super::record)) back to back.
//!
//! A crash can leave the last record incomplete. The reader calls the end of a journal *torn* when
//! what stands there is no record and no whole record follows anywhere after it: nothing is lost
//! by cutting it off. If a whole record does follow, the journal is *damaged* in the middle, and
//! cutting would lose accepted commands: that is an error. In doubt (a torn record whose own
//! content looks like a record) it says damaged.

use std::io::{self, Read};

use super::error::JournalError;
use super::record::{self, FRAME_BYTES, Frame, Record, RecordError};

/// The format of journals that this version writes; raised when the frame changes.
pub const JOURNAL_FORMAT: u32 = 1;

/// Bytes of the header of journals and snapshots.
pub const HEADER_BYTES: usize = 16;

/// The first bytes of a journal.
pub const JOURNAL_MAGIC: [u8; 8] = *b"tamias-j";

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// Where the next one starts.
    pub end: u64,
    /// What it says.
    pub record: Record,
}

/// An incomplete end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where it starts: the length of the journal once it is cut off.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// Why it is no record.
    pub why: &'static str,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { offset, bytes, why } = self;
        write!(f, "the last record, at offset {offset}, is incomplete ({bytes} bytes: {why})")
    }
}

/// The header of a journal.
#[must_use]
pub fn journal_header() -> [u8; HEADER_BYTES] {
    header(JOURNAL_MAGIC, JOURNAL_FORMAT)
}

pub(super) fn header(magic: [u8; 8], format: u32) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&magic);
    bytes[8..12].copy_from_slice(&format.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..12]);
    bytes[12..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Checks a header; `bytes` may be shorter than one.
pub(super) fn check_header(
    bytes: &[u8],
    magic: [u8; 8],
    known: u32,
    what: &'static str,
) -> Result<(), JournalError> {
    let shown = &bytes[..bytes.len().min(8)];
    if !magic.starts_with(shown) || shown.is_empty() {
        return Err(JournalError::NotOurs { wanted: what, found: shown.to_vec() });
    }
    let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
        let text = format!("the file ends within its header of {HEADER_BYTES} bytes");
        return Err(JournalError::corrupt(bytes.len() as u64, text));
    };
    let format = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if *bytes != header(magic, format) {
        return Err(JournalError::corrupt(8, "the checksum of the header is wrong"));
    }
    if format != known {
        return Err(JournalError::NewerFormat { what, format, known });
    }
    Ok(())
}

/// Reads records one after the other, keeping a bounded part of the journal in memory.
#[derive(Debug)]
pub struct JournalReader<R> {
    source: R,
    /// Bytes read and not consumed are those from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// The place of `buffer[start]` in the file.
    offset: u64,
    exhausted: bool,
    torn: Option<Torn>,
    failed: bool,
}

impl<R: Read> JournalReader<R> {
    /// Reads the header.
    ///
    /// Errors: it is no journal, or of a newer format.
    pub fn new(source: R) -> Result<Self, JournalError> {
        let mut reader = Self {
            source,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            exhausted: false,
            torn: None,
            failed: false,
        };
        reader.fill(HEADER_BYTES)?;
        check_header(reader.rest(), JOURNAL_MAGIC, JOURNAL_FORMAT, "journal")?;
        reader.skip(HEADER_BYTES);
        Ok(reader)
    }

    /// The next record; none at the end, also if the end is [torn](Self::torn).
    ///
    /// Errors: damage in the middle, a record of a newer version. Nothing comes after an error.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, JournalError> {
        if self.failed || self.torn.is_some() {
            return Ok(None);
        }
        let entry = self.read_entry();
        self.failed = entry.is_err();
        entry
    }

    /// The incomplete end, once it was reached.
    #[must_use]
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// Where the next record is looked for.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn read_entry(&mut self) -> Result<Option<Entry>, JournalError> {
        let why = match self.frame_here()? {
            Frame::Whole(payload) => return self.take(payload).map(Some),
            Frame::Short(_) if self.rest().is_empty() => return Ok(None),
            Frame::Short(_) => "the file ends within it",
            Frame::Bad(why) => why,
        };
        let offset = self.offset;
        while !self.rest().is_empty() {
            self.skip(1);
            if let Frame::Whole(_) = self.frame_here()? {
                let next = self.offset;
                let text = format!("the record here is broken ({why}), but one follows at {next}");
                return Err(JournalError::corrupt(offset, text));
            }
        }
        self.torn = Some(Torn { offset, bytes: self.offset - offset, why });
        Ok(None)
    }

    fn take(&mut self, payload: usize) -> Result<Entry, JournalError> {
        let offset = self.offset;
        let bytes = FRAME_BYTES + payload;
        let record = record::decode(&self.rest()[FRAME_BYTES..bytes]).map_err(|e| match e {
            RecordError::Newer(what) => JournalError::Newer { offset, what },
            RecordError::Malformed(what) => JournalError::Corrupt { offset, what },
        })?;
        self.skip(bytes);
        Ok(Entry { offset, end: self.offset, record })
    }

    /// The frame at the offset, with as much input as it needs.
    fn frame_here(&mut self) -> io::Result<Frame> {
        loop {
            match record::frame(self.rest()) {
                Frame::Short(bytes) if self.fill(bytes)? => {}
                frame => return Ok(frame),
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn skip(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads until there are `wanted` bytes; false if the input ends before.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        if self.buffer.len() - self.start >= wanted {
            return Ok(true);
        }
        if self.exhausted {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        while self.buffer.len() < wanted && !self.exhausted {
            let more = wanted.max(CHUNK) - self.buffer.len();
            let read = self.source.by_ref().take(more as u64).read_to_end(&mut self.buffer)?;
            self.exhausted = read < more;
        }
        Ok(self.buffer.len() >= wanted)
    }
}
