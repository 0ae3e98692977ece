//! What a replay checks.

use super::*;
use crate::codec::record::Base;
use crate::codec::{Replay, replay};
use crate::error::{Code, Rejection};
use crate::reply::Reply;

fn error_of(records: &[Record]) -> JournalError {
    replay(&*journal_of(records).0, None, None).unwrap_err()
}

fn open_session() -> Command {
    OpenSession { kind: SessionKind::Operator, principal: None }.into()
}

/// One opening and some commands, each a new session.
fn sessions(count: u64) -> Vec<Record> {
    let commands = (1..=count).map(|seq| command_record(1, seq, None, open_session()));
    std::iter::once(Record::Open(open_record(1))).chain(commands).collect()
}

#[test]
fn sequence_numbers_have_no_gap() {
    let mut records = sessions(3);
    records.remove(2);
    let error = error_of(&records);
    assert!(error.to_string().ends_with("seq 3 follows seq 1"), "{error}");
    let records = [sessions(2), vec![command_record(1, 2, None, open_session())]].concat();
    assert!(error_of(&records).to_string().ends_with("seq 2 follows seq 2"));
}

#[test]
fn epochs_rise_and_fence_the_older_owner() {
    let again = |epoch| Record::Open(open_record(epoch));
    let good = [sessions(1), vec![again(2), command_record(2, 2, None, open_session())]].concat();
    assert_eq!(replay(&*journal_of(&good).0, None, None).unwrap().epoch, 2);

    let error = error_of(&[sessions(1), vec![again(1)]].concat());
    assert!(error.to_string().contains("epoch 1 follows epoch 1: two owners"), "{error}");
    let stale = command_record(1, 2, None, open_session());
    let error = error_of(&[sessions(1), vec![again(2), stale]].concat());
    assert!(error.to_string().contains("seq 2 has epoch 1 within epoch 2: two owners"), "{error}");
}

#[test]
fn a_journal_is_of_one_kernel() {
    let mut other = open_record(2);
    other.options = Options::mesos();
    let error = error_of(&[sessions(1), vec![Record::Open(other)]].concat());
    assert!(error.to_string().contains("different kernel"), "{error}");
    let error = error_of(&sessions(2)[1..]);
    assert!(error.to_string().contains("the first record does not open the journal"), "{error}");
}

#[test]
fn a_command_that_is_rejected_now_is_a_divergence() {
    let bad = command_record(1, 2, Some(SessionId::from_parts(9, 1)), register("cpus:1"));
    let records = [sessions(1), vec![bad]].concat();
    let error = error_of(&records);
    assert_eq!((error.code(), error.good_until()), (Code::Corrupt, Some(1)));
    let offset = journal_of(&records).1[2];
    assert_eq!(
        error.to_string(),
        format!(
            "replay differs at seq 2, offset {offset}: register_agent was rejected: session: no \
             session s9.1: it was closed or never opened; everything before it can be opened with \
             `until` 1"
        )
    );
    let idle = command_record(1, 2, None, Tick {}.into());
    let error = error_of(&[sessions(1), vec![idle]].concat());
    assert!(error.to_string().contains("tick changed nothing"), "{error}");
}

#[test]
fn a_hash_that_differs_names_the_place() {
    let wrong = Record::Hash(StateHash { seq: 2, hash: [1; 32] });
    let error = error_of(&[sessions(2), vec![wrong]].concat());
    assert!(matches!(error, JournalError::Diverged { seq: 2, .. }), "{error}");
    assert!(error.to_string().contains(&"01".repeat(32)));
    let misplaced = Record::Hash(StateHash { seq: 1, hash: [1; 32] });
    let error = error_of(&[sessions(2), vec![misplaced]].concat());
    assert!(error.to_string().contains("a hash of seq 1 stands after seq 2"), "{error}");
}

#[test]
fn hashes_of_another_state_format_are_not_compared() {
    let mut open = open_record(1);
    (open.format, open.library) = (STATE_FORMAT + 1, "9.9.9".into());
    let mut records = sessions(1);
    records[0] = Record::Open(open);
    records.push(Record::Hash(StateHash { seq: 1, hash: [1; 32] }));
    let replayed = replay(&*journal_of(&records).0, None, None).unwrap();
    assert_eq!(replayed.hashes, 0);
    assert!(replayed.warnings[0].contains("written by version 9.9.9 have state format 2, not 1"));
}

#[test]
fn a_panic_is_caught_and_named() {
    fn faulty(
        state: &mut State,
        envelope: &Envelope,
        effects: &mut Effects,
    ) -> Result<Reply, Rejection> {
        assert!(state.seq() < 2, "the third one");
        apply(state, envelope, effects)
    }
    let (bytes, starts) = journal_of(&sessions(3));
    let run = |until| {
        let mut replay = Replay::new(&*bytes, None, until)?.by(faulty);
        while replay.step()?.is_some() {}
        replay.finish()
    };
    let error = run(None).unwrap_err();
    assert_eq!((error.code(), error.good_until()), (Code::Defect, Some(2)));
    assert_eq!(
        error.to_string(),
        format!(
            "replay panicked at seq 3, offset {}: open_session: the third one; everything before \
             it can be opened with `until` 2",
            starts[3]
        )
    );
    let replayed = run(error.good_until()).unwrap();
    assert_eq!((replayed.state.seq(), replayed.end), (2, starts[3] as u64));
    assert!(replayed.cut_short);
}

#[test]
fn until_leaves_out_the_rest() {
    let (bytes, starts) = journal_of(&sessions(3));
    for until in 0..=4 {
        let replayed = replay(&*bytes, None, Some(until)).unwrap();
        let last = until.min(3);
        assert_eq!((replayed.state.seq(), replayed.cut_short), (last, until < 3));
        assert_eq!(replayed.end, starts[1 + usize::try_from(last).unwrap()] as u64);
    }
}

fn state_at(seq: u64) -> State {
    replay(&*journal_of(&sessions(5)).0, None, Some(seq)).unwrap().state
}

#[test]
fn a_journal_on_a_snapshot_needs_that_snapshot() {
    let base = Base { seq: 2, hash: state_at(2).hash() };
    let mut open = open_record(7);
    open.base = Some(base);
    let tail = (3..=5).map(|seq| command_record(7, seq, None, open_session()));
    let records: Vec<_> = std::iter::once(Record::Open(open)).chain(tail).collect();
    let (bytes, _) = journal_of(&records);

    let replayed = replay(&*bytes, Some(state_at(2)), None).unwrap();
    assert_eq!(replayed.state.hash(), state_at(5).hash());
    assert_eq!((replayed.epoch, replayed.base), (7, Some(base)));
    let later = replay(&*bytes, Some(state_at(4)), None).unwrap();
    assert_eq!(later.state.hash(), state_at(5).hash());

    let wrong = |state, until| replay(&*bytes, state, until).unwrap_err().to_string();
    assert!(wrong(None, None).ends_with("the journal stands on the snapshot of seq 2: give it"));
    assert!(wrong(Some(state_at(1)), None).ends_with("stands on seq 2, the snapshot is of seq 1"));
    assert!(wrong(Some(state_at(4)), Some(3)).contains("after the wanted seq 3"));
    let mut strange = state_at(1);
    let other = Envelope { now: START, session: None, command: crate::command::Restart {}.into() };
    apply(&mut strange, &other, &mut Effects::new()).unwrap();
    assert!(wrong(Some(strange), None).ends_with("is not the one the journal stands on"));
    let foreign = State::new(Options::mesos(), START);
    assert!(wrong(Some(foreign), None).ends_with("the snapshot is of another kernel"));
}

#[test]
fn a_snapshot_saves_replaying_the_start() {
    let (bytes, _) = journal_of(&sessions(5));
    for seq in 0..=5 {
        let mut replay = Replay::new(&*bytes, Some(state_at(seq)), None).unwrap();
        let mut replies = 0;
        while let Some(step) = replay.step().unwrap() {
            replies += u64::from(step.reply.is_some());
        }
        assert_eq!(replies, 5 - seq);
        assert_eq!(replay.finish().unwrap().state.hash(), state_at(5).hash());
    }
    let short = journal_of(&sessions(3)).0;
    let error = replay(&*short, Some(state_at(4)), None).unwrap_err();
    assert!(error.to_string().ends_with("ends at seq 3, before the snapshot's seq 4"), "{error}");
}
