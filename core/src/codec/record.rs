//! One journal record: its frame and its content.
//!
//! A frame is `length u32, crc32c u32, payload`, numbers little-endian. The length is that of the
//! payload, 1 byte to 1 MiB; the checksum covers length and payload. The payload is CBOR
//! `[number, fields]`, with integer keys for fields; numbers are never reused.
//!
//! A payload whose checksum is right and that does not decode, or does not encode to the same
//! bytes again, holds something that this version does not know: it is refused as newer. That is
//! why every encoding here has exactly one form.

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Encode, Encoder};

use crate::command::Envelope;
use crate::error::{Code, Rejection};
use crate::limits::RECORD_BYTES_MAX;
use crate::options::Options;
use crate::time::Time;

/// Bytes before the payload: length and checksum.
pub const FRAME_BYTES: usize = 8;

/// The bytes of a complete [`Record::Hash`] are never more than this.
pub const HASH_RECORD_BYTES_MAX: usize = 64;

/// The first byte of every payload: a CBOR array of two.
const PAYLOAD_START: u8 = 0x82;

const OPEN: u16 = 1;
const COMMAND: u16 = 2;
const HASH: u16 = 3;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// The journal was opened for writing.
    Open(Open),
    /// A command was accepted.
    Command(AcceptedCommand),
    /// The state had this hash.
    Hash(StateHash),
}

/// The journal was opened for writing. The first record of every journal is one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Open {
    /// The format of the state, in which the hashes that follow are computed.
    #[n(0)]
    pub format: u32,
    /// Rises at each opening, so that of two owners the older one can be told.
    #[n(1)]
    pub epoch: u64,
    /// The options of the kernel; the same in the whole journal.
    #[n(2)]
    pub options: Options,
    /// When the kernel was made; the same in the whole journal.
    #[n(3)]
    pub started: Time,
    /// The version of the library that writes.
    #[n(4)]
    pub library: Box<str>,
    /// The snapshot on which the journal stands; none if it starts from nothing.
    /// Only in the first record.
    #[n(5)]
    pub base: Option<Base>,
}

/// The snapshot on which a journal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Base {
    /// How many commands it includes.
    #[n(0)]
    pub seq: u64,
    /// Its state hash.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

/// A command was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AcceptedCommand {
    /// The epoch of the opening under which it was written.
    #[n(0)]
    pub epoch: u64,
    /// Its number, counted from 1 without a gap.
    #[n(1)]
    pub seq: u64,
    /// On whose behalf, where the shell knows it.
    #[n(2)]
    pub principal: Option<Box<str>>,
    /// Who, when, what.
    #[n(3)]
    pub envelope: Envelope,
}

/// The same without owning anything, for writing.
#[derive(Encode)]
#[cbor(map)]
struct CommandRef<'a> {
    #[n(0)]
    epoch: u64,
    #[n(1)]
    seq: u64,
    #[n(2)]
    principal: Option<&'a str>,
    #[n(3)]
    envelope: &'a Envelope,
}

/// The state had this hash after that command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StateHash {
    /// After which command.
    #[n(0)]
    pub seq: u64,
    /// The hash.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

impl Record {
    /// Appends the framed record to `out`.
    ///
    /// Errors: [`Code::LimitReached`] over 1 MiB; `out` is then as before.
    pub fn append_to(&self, out: &mut Vec<u8>) -> Result<(), Rejection> {
        match self {
            Self::Open(open) => append(out, OPEN, open),
            Self::Command(c) => {
                append_command(out, c.epoch, c.seq, c.principal.as_deref(), &c.envelope)
            }
            Self::Hash(hash) => append(out, HASH, hash),
        }
    }
}

/// Appends the framed record of an accepted command to `out`, without copying the command.
///
/// Errors: [`Code::LimitReached`] over 1 MiB; `out` is then as before.
pub fn append_command(
    out: &mut Vec<u8>,
    epoch: u64,
    seq: u64,
    principal: Option<&str>,
    envelope: &Envelope,
) -> Result<(), Rejection> {
    append(out, COMMAND, &CommandRef { epoch, seq, principal, envelope })
}

fn append<T: Encode<()>>(out: &mut Vec<u8>, number: u16, fields: &T) -> Result<(), Rejection> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_BYTES]);
    let mut encoder = Encoder::new(&mut *out);
    // Writing to memory cannot fail.
    let written = encoder.array(2).and_then(|e| e.u16(number)).and_then(|e| e.encode(fields));
    debug_assert!(written.is_ok());
    let length = out.len() - start - FRAME_BYTES;
    match u32::try_from(length) {
        Ok(bytes) if length <= RECORD_BYTES_MAX => {
            let checksum = checksum(bytes, &out[start + FRAME_BYTES..]);
            out[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
            out[start + 4..start + FRAME_BYTES].copy_from_slice(&checksum.to_le_bytes());
            Ok(())
        }
        _ => {
            out.truncate(start);
            let text = format!(
                "the command takes {length} bytes as a journal record: at most {RECORD_BYTES_MAX}; \
                 split it into several"
            );
            Err(Rejection::new(Code::LimitReached, text))
        }
    }
}

fn checksum(length: u32, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), payload)
}

/// What stands at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A whole record with the right checksum; with the bytes of its payload.
    Whole(usize),
    /// The start of a record of that many bytes, which the input does not have.
    Short(usize),
    /// No record; with the reason.
    Bad(&'static str),
}

/// Looks at the frame at the start of `bytes` without decoding its payload.
#[must_use]
pub fn frame(bytes: &[u8]) -> Frame {
    let (Some(length), Some(expected)) = (number_at(bytes, 0), number_at(bytes, 4)) else {
        return Frame::Short(FRAME_BYTES);
    };
    let payload = length as usize;
    if payload == 0 || payload > RECORD_BYTES_MAX {
        return Frame::Bad("its length is not that of a record");
    }
    // Looked at before the rest is asked for, so that a search for records stays cheap.
    if bytes.get(FRAME_BYTES).is_some_and(|first| *first != PAYLOAD_START) {
        return Frame::Bad("it does not start as a record");
    }
    match bytes.get(FRAME_BYTES..FRAME_BYTES + payload) {
        None => Frame::Short(FRAME_BYTES + payload),
        Some(payload) if checksum(length, payload) != expected => {
            Frame::Bad("its checksum is wrong")
        }
        Some(_) => Frame::Whole(payload),
    }
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// Why a payload with the right checksum is not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It holds something that this version does not know.
    #[error("{0}")]
    Newer(String),
    /// No version writes this.
    #[error("{0}")]
    Malformed(String),
}

impl From<DecodeError> for RecordError {
    fn from(error: DecodeError) -> Self {
        let text = error.to_string();
        if error.is_type_mismatch() || error.is_end_of_input() {
            Self::Malformed(format!("the checksum is right, but not the content: {text}"))
        } else {
            Self::Newer(text)
        }
    }
}

/// Reads the payload of a whole frame.
pub fn decode(payload: &[u8]) -> Result<Record, RecordError> {
    let mut d = minicbor::Decoder::new(payload);
    if d.array()? != Some(2) {
        return Err(RecordError::Malformed("a record is [number, fields]".into()));
    }
    let record = match d.u16()? {
        OPEN => Record::Open(d.decode()?),
        COMMAND => Record::Command(d.decode()?),
        HASH => Record::Hash(d.decode()?),
        number => return Err(RecordError::Newer(format!("record number {number} is unknown"))),
    };
    let mut again = Vec::with_capacity(payload.len() + FRAME_BYTES);
    let encoded = record.append_to(&mut again);
    if encoded.is_ok() && again.get(FRAME_BYTES..) == Some(payload) {
        return Ok(record);
    }
    let differs = again.iter().skip(FRAME_BYTES).zip(payload).take_while(|(a, b)| a == b).count();
    Err(RecordError::Newer(format!("it has a field that is unknown, at byte {differs} of it")))
}
