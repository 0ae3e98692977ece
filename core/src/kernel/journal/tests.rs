//! The journal file: opening, locking, cutting, flushing, compacting. Failures of the disk are real
//! ones: a full device, a pipe that cannot be synced.

use std::fs;
use std::io::Write as _;

use tempfile::TempDir;

use super::*;
use crate::command::{Command, OpenSession, RegisterAgent, Restart, SessionKind, Tick};
use crate::event::Effects;
use crate::ids::{Id, SessionId};
use crate::machine::apply;
use crate::state::State;

const START: Time = Time(1_767_225_600_000_000_000);

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("kernel.journal")
    }

    fn open(&self) -> OpenedJournal {
        JournalFile::open(&self.path(), &wanted()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = self.folder.path().read_dir().unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn wanted() -> JournalOptions {
    JournalOptions::new(Options::default(), START)
}

/// What the shell does with a command.
fn send(
    journal: &mut JournalFile,
    state: &mut State,
    session: Option<SessionId>,
    command: impl Into<Command>,
) -> Result<(), Rejection> {
    let envelope = Envelope { now: state.now(), session, command: command.into() };
    journal.prepare(Some("alice"), &envelope)?;
    let before = state.seq();
    apply(state, &envelope, &mut Effects::new())?;
    if state.seq() != before {
        journal.commit(state);
    }
    journal.settle()
}

fn session() -> OpenSession {
    OpenSession { kind: SessionKind::Operator, principal: None }
}

fn grow(opened: &mut OpenedJournal, commands: usize) {
    for _ in 0..commands {
        send(&mut opened.journal, &mut opened.state, None, session()).unwrap();
    }
}

#[test]
fn what_was_closed_is_found_again() {
    let bench = Bench::new();
    let mut opened = bench.open();
    assert!(opened.created);
    assert_eq!((opened.journal.epoch(), opened.journal.durable_seq()), (1, 0));
    grow(&mut opened, 3);
    assert_eq!(opened.journal.durable_seq(), 0, "async: it is in memory only");
    let hash = opened.state.hash();
    opened.journal.close(&opened.state).unwrap();

    let mut again = bench.open();
    assert!(!again.created);
    assert_eq!((again.state.hash(), again.warnings.len()), (hash, 0));
    assert_eq!((again.journal.epoch(), again.journal.durable_seq()), (2, 3));
    send(&mut again.journal, &mut again.state, None, Restart {}).unwrap();
    again.journal.flush(true).unwrap();
    assert_eq!(again.journal.durable_seq(), 4);
    let replayed = replay_path(&bench.path(), None).unwrap();
    assert_eq!((replayed.state.hash(), replayed.epoch), (again.state.hash(), 2));
    assert_eq!((replayed.hashes, bench.names()), (1, vec!["kernel.journal".to_owned()]));
}

#[test]
fn rejected_commands_and_idle_ticks_are_not_written() {
    let bench = Bench::new();
    let OpenedJournal { mut journal, mut state, .. } = bench.open();
    send(&mut journal, &mut state, None, session()).unwrap();
    let pending = journal.pending_bytes();
    let foreign = SessionId::from_parts(7, 1);
    send(&mut journal, &mut state, Some(foreign), RegisterAgent::default()).unwrap_err();
    send(&mut journal, &mut state, None, Tick {}).unwrap();
    assert_eq!(journal.pending_bytes(), pending);
    // A prepared command that was not committed leaves nothing behind.
    journal.flush(true).unwrap();
    assert_eq!(replay_path(&bench.path(), None).unwrap().state.seq(), 1);
}

#[test]
fn sync_means_on_the_disk_before_the_reply() {
    let bench = Bench::new();
    let durable = JournalOptions { durability: Durability::Sync, ..wanted() };
    let OpenedJournal { mut journal, mut state, .. } =
        JournalFile::open(&bench.path(), &durable).unwrap();
    for seq in 1..=3 {
        send(&mut journal, &mut state, None, session()).unwrap();
        assert_eq!((journal.durable_seq(), journal.pending_bytes()), (seq, 0));
        assert_eq!(replay_path(&bench.path(), None).unwrap().state.seq(), seq);
    }
}

#[test]
fn a_journal_has_one_owner() {
    let bench = Bench::new();
    let opened = bench.open();
    let error = JournalFile::open(&bench.path(), &wanted()).unwrap_err();
    assert_eq!(error.code(), Code::JournalLocked);
    if cfg!(target_os = "linux") {
        let owner = format!("is open in process {}:", std::process::id());
        assert!(error.to_string().contains(&owner), "{error}");
    }
    drop(opened);
    assert_eq!(bench.open().journal.epoch(), 2);
}

/// Also while it is being made: the new file takes the place of the one that was locked first.
#[test]
fn of_many_who_open_at_once_one_wins() {
    for _ in 0..20 {
        let bench = Bench::new();
        let path = bench.path();
        let results: Vec<_> = std::thread::scope(|scope| {
            let open = || JournalFile::open(&path, &wanted());
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.into_iter().all(|r| r.unwrap_err().code() == Code::JournalLocked));
        assert!(bench.names() == ["kernel.journal"]);
    }
}

#[test]
fn the_lock_goes_with_a_compacted_journal() {
    let bench = Bench::new();
    let mut opened = bench.open();
    grow(&mut opened, 2);
    opened.journal.compact(&opened.state).unwrap();
    let error = JournalFile::open(&bench.path(), &wanted()).unwrap_err();
    assert_eq!(error.code(), Code::JournalLocked);
}

#[test]
fn a_torn_end_is_cut_off_with_a_warning() {
    let bench = Bench::new();
    let mut opened = bench.open();
    grow(&mut opened, 3);
    opened.journal.flush(true).unwrap();
    drop(opened);
    let whole = fs::read(bench.path()).unwrap();
    let third = replay_path(&bench.path(), Some(2)).unwrap().end;
    let third = usize::try_from(third).unwrap();
    for length in third + 1..whole.len() {
        fs::write(bench.path(), &whole[..length]).unwrap();
        let mut opened = bench.open();
        assert_eq!((opened.state.seq(), opened.warnings.len()), (2, 1), "{length}");
        let warning = format!("the last record, at offset {third}, is incomplete");
        assert!(opened.warnings[0].starts_with(&warning), "{}", opened.warnings[0]);
        grow(&mut opened, 1);
        opened.journal.close(&opened.state).unwrap();
        let replayed = replay_path(&bench.path(), None).unwrap();
        assert_eq!((replayed.state.seq(), replayed.warnings.len()), (3, 0));
    }
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let bench = Bench::new();
    for content in [&b"some text that somebody needs"[..], b"tamias-j", b"t"] {
        fs::write(bench.path(), content).unwrap();
        let error = JournalFile::open(&bench.path(), &wanted()).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        assert!(error.to_string().starts_with(&bench.path().display().to_string()), "{error}");
        assert_eq!(fs::read(bench.path()).unwrap(), content);
    }
    fs::write(bench.path(), b"").unwrap();
    assert!(bench.open().created, "an empty file is a new journal");
    let error = JournalFile::open(bench.folder.path(), &wanted()).unwrap_err();
    assert_eq!(error.code(), Code::System);
}

#[test]
fn damage_in_the_middle_is_left_alone() {
    let bench = Bench::new();
    let mut opened = bench.open();
    grow(&mut opened, 3);
    opened.journal.flush(true).unwrap();
    drop(opened);
    let mut bytes = fs::read(bench.path()).unwrap();
    let second = usize::try_from(replay_path(&bench.path(), Some(1)).unwrap().end).unwrap();
    bytes[second + 10] ^= 4;
    fs::write(bench.path(), &bytes).unwrap();
    let error = JournalFile::open(&bench.path(), &wanted()).unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    assert!(error.to_string().contains(&format!("damaged at offset {second}: ")), "{error}");
    assert_eq!(fs::read(bench.path()).unwrap(), bytes);
}

#[test]
fn open_until_keeps_what_it_cuts() {
    let bench = Bench::new();
    let mut opened = bench.open();
    grow(&mut opened, 5);
    opened.journal.close(&opened.state).unwrap();
    let before = fs::read(bench.path()).unwrap();
    let until = |seq| JournalOptions { until: Some(seq), ..wanted() };
    let mut opened = JournalFile::open(&bench.path(), &until(2)).unwrap();
    assert_eq!(opened.state.seq(), 2);
    assert!(opened.warnings[0].starts_with("everything after seq 2 was cut off"));
    assert_eq!(bench.names(), ["kernel.journal", "kernel.journal.before-2"]);
    assert_eq!(fs::read(bench.folder.path().join("kernel.journal.before-2")).unwrap(), before);
    grow(&mut opened, 1);
    opened.journal.close(&opened.state).unwrap();
    assert_eq!(replay_path(&bench.path(), None).unwrap().state.seq(), 3);
    // Nothing to cut, nothing kept.
    drop(JournalFile::open(&bench.path(), &until(9)).unwrap());
    assert_eq!(bench.names().len(), 2);
}

#[test]
fn a_full_buffer_is_busy_and_changes_nothing() {
    let bench = Bench::new();
    let small = JournalOptions { buffer_bytes: 0, ..wanted() };
    let OpenedJournal { mut journal, mut state, .. } =
        JournalFile::open(&bench.path(), &small).unwrap();
    let large = OpenSession { principal: Some("x".repeat(255).into()), ..session() };
    let envelope = Envelope { now: START, session: None, command: large.into() };
    let mut kept = 0;
    let error = loop {
        match journal.prepare(None, &envelope) {
            Ok(()) => {
                apply(&mut state, &envelope, &mut Effects::new()).unwrap();
                journal.commit(&state);
                kept += 1;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::JournalFull);
    assert!(!journal.has_room_for(300) && kept > 1000);
    journal.commit(&state); // nothing is prepared
    journal.flush(true).unwrap();
    journal.prepare(None, &envelope).unwrap();
    let replayed = replay_path(&bench.path(), None).unwrap();
    assert_eq!((replayed.state.seq(), replayed.state.hash()), (kept, state.hash()));
}

#[test]
fn a_command_over_a_mebibyte_is_a_limit() {
    let bench = Bench::new();
    let OpenedJournal { mut journal, .. } = bench.open();
    let principal = Some("x".repeat(RECORD_BYTES_MAX).into());
    let command = OpenSession { principal, ..session() }.into();
    let envelope = Envelope { now: START, session: None, command };
    let error = journal.prepare(None, &envelope).unwrap_err();
    assert_eq!(error.code(), Code::LimitReached);
    assert_eq!(journal.pending_bytes(), 0);
}

#[test]
fn hashes_are_written_on_the_way() {
    let bench = Bench::new();
    let OpenedJournal { mut journal, mut state, .. } = bench.open();
    for _ in 0..HASH_EVERY {
        send(&mut journal, &mut state, None, crate::command::AdvanceTime {}).unwrap();
    }
    send(&mut journal, &mut state, None, session()).unwrap();
    journal.flush(false).unwrap();
    let replayed = replay_path(&bench.path(), None).unwrap();
    assert_eq!((replayed.hashes, replayed.unhashed), (1, 1));
    drop(journal);
    let opened = bench.open();
    assert_eq!(opened.journal.unhashed, 1, "counted on across openings");
}

#[test]
fn compaction_starts_afresh_on_a_snapshot() {
    let bench = Bench::new();
    let mut opened = bench.open();
    grow(&mut opened, 50);
    opened.journal.flush(true).unwrap();
    let before = fs::metadata(bench.path()).unwrap().len();
    opened.journal.compact(&opened.state).unwrap();
    assert!(fs::metadata(bench.path()).unwrap().len() < before);
    assert_eq!(bench.names(), ["kernel.journal", "kernel.journal.50.snapshot"]);
    assert_eq!(opened.journal.epoch(), 2);
    grow(&mut opened, 3);
    opened.journal.compact(&opened.state).unwrap();
    assert_eq!(bench.names(), ["kernel.journal", "kernel.journal.53.snapshot"]);
    grow(&mut opened, 2);
    let hash = opened.state.hash();
    opened.journal.close(&opened.state).unwrap();

    let mut again = bench.open();
    assert_eq!((again.state.hash(), again.journal.epoch()), (hash, 4));
    again.journal.compact(&again.state).unwrap();
    again.journal.compact(&again.state).unwrap();
    assert_eq!(bench.names(), ["kernel.journal", "kernel.journal.55.snapshot"]);
    drop(again);
    fs::remove_file(bench.folder.path().join("kernel.journal.55.snapshot")).unwrap();
    let error = JournalFile::open(&bench.path(), &wanted()).unwrap_err();
    assert!(error.to_string().contains("kernel.journal.55.snapshot: cannot read"), "{error}");
}

#[test]
fn compaction_wants_the_last_state_and_survives_a_refusal() {
    let bench = Bench::new();
    let mut opened = bench.open();
    let old = opened.state.clone();
    grow(&mut opened, 2);
    let error = opened.journal.compact(&old).unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    // The place of the snapshot is taken by a folder: the old journal stays in use.
    fs::create_dir(bench.folder.path().join("kernel.journal.2.snapshot")).unwrap();
    let error = opened.journal.compact(&opened.state).unwrap_err();
    assert_eq!(error.code(), Code::System);
    grow(&mut opened, 1);
    opened.journal.close(&opened.state).unwrap();
    assert_eq!(replay_path(&bench.path(), None).unwrap().state.seq(), 3);
}

#[test]
fn options_of_an_existing_journal_stay() {
    let bench = Bench::new();
    drop(bench.open());
    let other = JournalOptions { options: Options::mesos(), ..wanted() };
    let opened = JournalFile::open(&bench.path(), &other).unwrap();
    assert_eq!(*opened.state.options(), Options::default());
    assert!(opened.warnings[0].contains("keeps the options"), "{}", opened.warnings[0]);
}

/// Puts another file in the place of the journal's own.
fn with_file(journal: &mut JournalFile, path: &str) {
    journal.file = OpenOptions::new().read(true).write(true).open(path).unwrap();
}

#[test]
fn a_full_disk_keeps_the_buffer_for_another_try() {
    let bench = Bench::new();
    let mut opened = bench.open();
    let own = opened.journal.file.try_clone().unwrap();
    grow(&mut opened, 2);
    with_file(&mut opened.journal, "/dev/full");
    let error = opened.journal.flush(true).unwrap_err();
    assert_eq!(error.code(), Code::System);
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!((opened.journal.durable_seq(), opened.journal.pending_bytes() > 0), (0, true));
    opened.journal.file = own;
    opened.journal.flush(true).unwrap();
    assert_eq!(replay_path(&bench.path(), None).unwrap().state.hash(), opened.state.hash());
}

#[test]
fn a_failed_sync_ends_the_journal_for_good() {
    let bench = Bench::new();
    let mut opened = bench.open();
    let own = opened.journal.file.try_clone().unwrap();
    grow(&mut opened, 1);
    // It takes what is written, but cannot be synced.
    with_file(&mut opened.journal, "/dev/null");
    let error = opened.journal.flush(true).unwrap_err();
    assert_eq!(error.code(), Code::JournalFailed);
    assert_eq!(opened.journal.durable_seq(), 0);
    opened.journal.file = own;
    let envelope = Envelope { now: START, session: None, command: session().into() };
    assert_eq!(opened.journal.prepare(None, &envelope).unwrap_err(), error);
    assert_eq!(opened.journal.flush(true).unwrap_err(), error);
    assert_eq!(opened.journal.compact(&opened.state).unwrap_err(), error);
    assert_eq!(opened.journal.close(&opened.state).unwrap_err(), error);
}

/// A reader while the owner writes sees whole records only, and a torn end at worst.
#[test]
fn a_journal_in_use_can_be_replayed() {
    let bench = Bench::new();
    let mut opened = bench.open();
    grow(&mut opened, 2);
    opened.journal.flush(false).unwrap();
    let mut file = OpenOptions::new().append(true).open(bench.path()).unwrap();
    file.write_all(&[9, 0, 0]).unwrap();
    let replayed = replay_path(&bench.path(), None).unwrap();
    assert_eq!((replayed.state.seq(), replayed.torn.unwrap().bytes), (2, 3));
}
