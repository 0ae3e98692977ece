//! Journals of released versions are replayed for ever: `tests/golden/*.tamias`.
//!
//! Beside each stand its state hash, its JSON lines and a snapshot of its last state, as the
//! version that wrote it saw them. If this fails, the change breaks every journal out there; only
//! the files of a version that is not released yet may be written anew
//! (`cargo run -p tamias --example write_golden -- tests/golden`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tamias::Command;
use tamias::codec::{Record, jsonl, snapshot_file};
use tamias::kernel::journal::{replay_path, replay_steps};
use tamias::state::State;

fn journals() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "tamias")).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn hash(state: &State) -> String {
    state.hash().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn every_version_replays_to_its_hash() {
    for path in journals() {
        let written = fs::read_to_string(path.with_extension("hash")).unwrap();
        let replayed = replay_path(&path, None).unwrap();
        assert_eq!(hash(&replayed.state), written.trim_end(), "{}", path.display());
        assert_eq!(replayed.warnings, Vec::<String>::new(), "{}", path.display());
        assert!(replayed.hashes > 0);
        let snapshot = snapshot_file::read(&path.with_extension("snapshot")).unwrap();
        assert_eq!(hash(&snapshot), written.trim_end(), "{}", path.display());
    }
}

#[test]
fn every_version_shows_the_same_lines() {
    for path in journals() {
        let written = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        let mut replay = replay_steps(&path, None).unwrap();
        let mut lines = String::new();
        while let Some(step) = replay.step().unwrap() {
            lines += &jsonl::record_line(&step.entry.record);
            lines += "\n";
        }
        assert_eq!(lines, written, "{}", path.display());
    }
}

/// The newest one knows every command; raise the script when a command is added.
#[test]
fn no_command_is_missing() {
    let mut names = BTreeSet::new();
    for path in journals() {
        let mut replay = replay_steps(&path, None).unwrap();
        while let Some(step) = replay.step().unwrap() {
            if let Record::Command(command) = step.entry.record {
                names.insert(command.envelope.command.name());
            }
        }
    }
    let missing: Vec<_> = Command::NAMES.iter().filter(|name| !names.contains(*name)).collect();
    assert_eq!(missing, Vec::<&&str>::new());
}
