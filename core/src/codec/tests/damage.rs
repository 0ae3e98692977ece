//! What a reader makes of every cut and every flipped bit.

use super::*;
use crate::codec::journal::{HEADER_BYTES, JOURNAL_MAGIC, header};
use crate::codec::replay;
use crate::error::Code;

#[test]
fn whole_journals_read_back() {
    let (records, state) = small_journal();
    let (bytes, starts) = journal_of(&records);
    let (entries, torn) = read_all(&bytes).unwrap();
    assert_eq!(torn, None);
    for (entry, (record, ends)) in entries.iter().zip(records.iter().zip(starts.windows(2))) {
        assert_eq!(entry.record, *record);
        assert_eq!((entry.offset, entry.end), (ends[0] as u64, ends[1] as u64));
    }
    assert_eq!(entries.len(), records.len());
    let replayed = replay(&*bytes, None, None).unwrap();
    assert_eq!((replayed.state.hash(), replayed.hashes), (state.hash(), 1));
}

#[test]
fn a_cut_at_any_byte_leaves_the_records_before_it() {
    let (records, _) = small_journal();
    let (bytes, starts) = journal_of(&records);
    for length in 0..bytes.len() {
        let cut = &bytes[..length];
        if length < HEADER_BYTES {
            let code = read_all(cut).unwrap_err().code();
            assert_eq!(code, Code::Corrupt, "header of {length} bytes");
            continue;
        }
        let whole = starts.iter().filter(|start| **start <= length).count() - 1;
        let (entries, torn) = read_all(cut).unwrap();
        assert_eq!(entries.len(), whole, "cut at {length}");
        let rest = length - starts[whole];
        let expected = (rest > 0).then_some((starts[whole] as u64, rest as u64));
        assert_eq!(torn.map(|t| (t.offset, t.bytes)), expected, "cut at {length}");

        let replayed = replay(cut, None, None);
        if whole == 0 {
            assert_eq!(replayed.unwrap_err().code(), Code::Corrupt, "no first record");
            continue;
        }
        let replayed = replayed.unwrap();
        assert_eq!(replayed.end, starts[whole] as u64);
        assert_eq!(replayed.warnings.len(), usize::from(rest > 0));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_at_its_record() {
    let (records, _) = small_journal();
    let (bytes, starts) = journal_of(&records);
    let last = starts.len() - 2;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let result = read_all(&damaged);
            if at < HEADER_BYTES {
                assert_eq!(result.unwrap_err().code(), Code::Corrupt, "byte {at} bit {bit}");
                continue;
            }
            let record = starts.iter().filter(|start| **start <= at).count() - 1;
            let start = starts[record] as u64;
            if record == last {
                let (entries, torn) = result.unwrap();
                assert_eq!(entries.len(), last, "byte {at} bit {bit}");
                assert_eq!(torn.unwrap().offset, start, "byte {at} bit {bit}");
            } else {
                match result.unwrap_err() {
                    JournalError::Corrupt { offset, .. } => {
                        assert_eq!(offset, start, "byte {at} bit {bit}");
                    }
                    other => panic!("byte {at} bit {bit}: {other}"),
                }
            }
        }
    }
}

/// What a file system may leave after a power failure.
#[test]
fn zeros_and_garbage_at_the_end_are_torn() {
    let (bytes, starts) = journal_of(&small_journal().0);
    let end = starts[starts.len() - 1] as u64;
    for tail in [vec![0; 1], vec![0; 8], vec![0; 100_000], vec![0xff; 3000], vec![0x82; 3000]] {
        let torn = read_all(&[&*bytes, &tail].concat()).unwrap().1.unwrap();
        assert_eq!((torn.offset, torn.bytes), (end, tail.len() as u64));
    }
}

#[test]
fn zeros_and_garbage_in_the_middle_are_damage() {
    let (bytes, starts) = journal_of(&small_journal().0);
    for tail in [vec![0; 8], vec![0; 100_000], vec![0xff; 3000]] {
        let (head, rest) = bytes.split_at(starts[2]);
        let error = read_all(&[head, &tail, rest].concat()).unwrap_err();
        let found = starts[2] + tail.len();
        let text = error.to_string();
        assert!(text.starts_with(&format!("damaged at offset {}: ", starts[2])), "{text}");
        assert!(text.ends_with(&format!("but one follows at {found}")), "{text}");
    }
}

/// A record of the largest size, so that the reader's window has to grow, and damage before it.
#[test]
fn damage_before_a_large_record_is_found() {
    let text = "x".repeat(1_000_000);
    let large = OpenSession { kind: SessionKind::Agent, principal: Some(text.into()) };
    let records = [
        Record::Open(open_record(1)),
        command_record(1, 1, None, Tick {}.into()),
        command_record(1, 2, None, large.into()),
    ];
    let (mut bytes, starts) = journal_of(&records);
    assert_eq!(read_all(&bytes).unwrap().0.len(), 3);
    bytes[starts[1] + 9] ^= 1;
    let error = read_all(&bytes).unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { offset, .. } if offset == starts[1] as u64));
    let torn = read_all(&bytes[..starts[3] - 1]).unwrap().1.unwrap();
    assert_eq!(torn.offset, starts[1] as u64, "nothing whole follows");
}

#[test]
fn other_files_are_told_apart() {
    let text = |bytes: &[u8]| read_all(bytes).unwrap_err().to_string();
    assert_eq!(
        text(b"hello world, hello world"),
        format!("not a journal: the file starts with {:02x?}", b"hello wo")
    );
    assert_eq!(text(b""), "not a journal: the file starts with []");
    let newer = read_all(&header(JOURNAL_MAGIC, 2)).unwrap_err();
    assert_eq!(newer.code(), Code::NewerVersion);
    assert_eq!(
        newer.to_string(),
        "the journal has format 2: written by a newer version, this one reads 1"
    );
}
