//! Frames, limits, and what a newer version might write.

use minicbor::Encoder;

use super::*;
use crate::codec::record::{HASH_RECORD_BYTES_MAX, RecordError};
use crate::error::Code;
use crate::limits::RECORD_BYTES_MAX;

#[test]
fn a_record_has_at_most_a_mebibyte() {
    let record = |bytes: usize| {
        let text = "x".repeat(bytes);
        let open = OpenSession { kind: SessionKind::Agent, principal: Some(text.into()) };
        command_record(1, 1, None, open.into())
    };
    let overhead = payload(&record(RECORD_BYTES_MAX / 2)).len() - RECORD_BYTES_MAX / 2;
    let mut bytes = vec![7];
    record(RECORD_BYTES_MAX - overhead).append_to(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 1 + record::FRAME_BYTES + RECORD_BYTES_MAX);
    let before = bytes.clone();
    let error = record(RECORD_BYTES_MAX - overhead + 1).append_to(&mut bytes).unwrap_err();
    assert_eq!(error.code(), Code::LimitReached);
    assert_eq!(
        error.to_string(),
        "the command takes 1048577 bytes as a journal record: at most 1048576; split it into \
         several"
    );
    assert_eq!(bytes, before);
}

#[test]
fn a_hash_record_keeps_its_bound() {
    let hash = Record::Hash(StateHash { seq: u64::MAX, hash: [0xff; 32] });
    let bytes = payload(&hash).len() + record::FRAME_BYTES;
    assert!(bytes <= HASH_RECORD_BYTES_MAX, "{bytes}");
}

/// The bytes of a record are a promise: this is what format 1 looks like.
#[test]
fn the_bytes_of_a_record() {
    let session = Some(SessionId::from_parts(0, 1));
    let bytes = payload(&command_record(1, 2, session, Tick {}.into()));
    let mut expected = Vec::new();
    let mut e = Encoder::new(&mut expected);
    e.array(2).unwrap().u8(2).unwrap(); // a command
    e.map(3).unwrap().u8(0).unwrap().u64(1).unwrap().u8(1).unwrap().u64(2).unwrap();
    e.u8(3).unwrap().map(3).unwrap();
    e.u8(0).unwrap().i64(START.0).unwrap();
    e.u8(1).unwrap().u64(1 << 32).unwrap();
    e.u8(2).unwrap().array(2).unwrap().u8(3).unwrap().map(0).unwrap();
    assert_eq!(bytes, expected);
}

fn newer(payload: &[u8]) -> String {
    let (bytes, starts) = journal_of(&small_journal().0);
    let error = read_all(&[&*bytes, &framed(payload)].concat()).unwrap_err();
    assert_eq!(error.code(), Code::NewerVersion, "{error}");
    let text = error.to_string();
    let start = starts[starts.len() - 1];
    let expected = format!("the record at offset {start} was written by a newer version: ");
    text.strip_prefix(&expected).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn what_a_newer_version_writes_is_refused_by_name() {
    let unknown_record = minicbor::to_vec((9_u16, ())).unwrap();
    assert_eq!(newer(&unknown_record), "record number 9 is unknown");

    // A command number that is not known here.
    let mut bytes = Vec::new();
    let mut e = Encoder::new(&mut bytes);
    e.array(2).unwrap().u8(2).unwrap().map(3).unwrap();
    e.u8(0).unwrap().u8(1).unwrap().u8(1).unwrap().u8(4).unwrap();
    e.u8(3).unwrap().map(2).unwrap().u8(0).unwrap().u8(0).unwrap();
    e.u8(2).unwrap().array(2).unwrap().u16(999).unwrap().map(0).unwrap();
    assert!(newer(&bytes).contains("999"), "{}", newer(&bytes));

    // A field that is not known here, in the record and in the command.
    let tick = payload(&command_record(1, 4, None, Tick {}.into()));
    let mut field_of_record = tick.clone();
    assert_eq!(field_of_record[2], 0xa3);
    field_of_record[2] = 0xa4;
    field_of_record.extend_from_slice(&[7, 7]);
    assert!(newer(&field_of_record).starts_with("it has a field that is unknown"));
    let mut field_of_command = tick;
    assert_eq!(field_of_command.pop(), Some(0xa0));
    field_of_command.extend_from_slice(&[0xa1, 7, 7]);
    assert!(newer(&field_of_command).starts_with("it has a field that is unknown"));

    // A number of an enumeration that is not known here.
    let mut session_kind = payload(&command_record(
        1,
        4,
        None,
        OpenSession { kind: SessionKind::Agent, principal: None }.into(),
    ));
    assert_eq!(session_kind.pop(), Some(2));
    session_kind.push(3);
    assert!(newer(&session_kind).contains('3'), "{}", newer(&session_kind));
}

#[test]
fn what_no_version_writes_is_malformed() {
    for payload in [&[0x82, 0x02][..], &[0x82, 0x02, 0x01], &[0x82, 0x61, 0x61], &[0x82]] {
        let error = record::decode(payload).unwrap_err();
        assert!(matches!(error, RecordError::Malformed(_)), "{payload:02x?}: {error:?}");
    }
}
