//! Snapshot files.

use super::*;
use crate::codec::snapshot_file::{decode, encode, read, write};
use crate::error::Code;

#[test]
fn a_snapshot_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.snapshot");
    let state = small_journal().1;
    write(&path, &new_state()).unwrap();
    assert_eq!(read(&path).unwrap().hash(), new_state().hash());
    write(&path, &state).unwrap();
    let back = read(&path).unwrap();
    assert_eq!((back.hash(), back.seq()), (state.hash(), 3));
    let names: Vec<_> = folder.path().read_dir().unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside it: {names:?}");
    let missing = read(&folder.path().join("none")).unwrap_err();
    assert_eq!(missing.code(), Code::System);
}

#[test]
fn every_cut_and_every_flipped_bit_is_found() {
    let bytes = encode(&small_journal().1);
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length]).unwrap_err().code(), Code::Corrupt, "cut at {length}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let code = decode(&damaged).unwrap_err().code();
            assert_eq!(code, Code::Corrupt, "byte {at} bit {bit}");
        }
    }
    assert_eq!(decode(&[&*bytes, b"x"].concat()).unwrap_err().code(), Code::Corrupt);
}

#[test]
fn a_journal_is_no_snapshot() {
    let (bytes, _) = journal_of(&small_journal().0);
    let text = decode(&bytes).unwrap_err().to_string();
    assert!(text.starts_with("not a snapshot: the file starts with"), "{text}");
}
