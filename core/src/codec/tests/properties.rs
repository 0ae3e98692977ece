//! What holds for any command, any life of a kernel, and any bytes.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;
use crate::codec::jsonl::{command_line, parse_command_line};
use crate::codec::{replay, snapshot_file};
use crate::options::Sorter;
use crate::testing::script::plausible;
use crate::testing::{Choice, choice, envelope};

/// A life: what was accepted, and the state at the end of it.
struct Life {
    records: Vec<Record>,
    state: State,
    middle: State,
}

fn live(options: Options, choices: &[Choice]) -> Life {
    let mut state = State::new(options.clone(), START);
    let mut middle = state.clone();
    let mut records = vec![Record::Open(Open { options, ..open_record(1) })];
    for (index, choice) in choices.iter().enumerate() {
        let envelope = plausible(&state, *choice);
        let before = state.seq();
        let _ = apply(&mut state, &envelope, &mut Effects::new());
        if state.seq() != before {
            let (epoch, seq) = (1, state.seq());
            let command = AcceptedCommand { epoch, seq, principal: None, envelope };
            records.push(Record::Command(command));
        }
        if index % 16 == 15 {
            records.push(Record::Hash(StateHash { seq: state.seq(), hash: state.hash() }));
        }
        if index == choices.len() / 2 {
            middle = state.clone();
        }
    }
    Life { records, state, middle }
}

fn options() -> impl Strategy<Value = Options> {
    let random = Options {
        role_sorter: Sorter::Random,
        framework_sorter: Sorter::Random,
        random_seed: 9,
        ..Options::mesos()
    };
    prop_oneof![2 => Just(Options::default()), 2 => Just(Options::mesos()), 1 => Just(random)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_command_survives_the_journal(
        envelope in envelope(),
        principal in proptest::option::of(any::<String>()),
        (epoch, seq) in any::<(u64, u64)>(),
    ) {
        let principal = principal.map(String::into_boxed_str);
        let record = Record::Command(AcceptedCommand { epoch, seq, principal, envelope });
        let bytes = payload(&record);
        prop_assert_eq!(record::decode(&bytes), Ok(record));
    }

    #[test]
    fn any_command_survives_json(envelope in envelope(), seq in any::<u64>()) {
        let line = command_line(Some(seq), Some("p"), &envelope);
        prop_assert!(!line.contains('\n'));
        let back = parse_command_line(&line).unwrap();
        prop_assert_eq!(back.seq, Some(seq));
        prop_assert_eq!((back.now, back.session), (Some(envelope.now), envelope.session));
        prop_assert_eq!(&back.command, &envelope.command);
        prop_assert_eq!(back.command.to_json().unwrap(), envelope.command.to_json().unwrap());
    }

    #[test]
    fn a_changed_payload_is_another_record_or_an_error(
        envelope in envelope(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let command = AcceptedCommand { epoch: 1, seq: 2, principal: None, envelope };
        let before = payload(&Record::Command(command));
        let mut bytes = before.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(record) = record::decode(&bytes) {
            prop_assert_eq!(payload(&record), bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = record::decode(&bytes);
        let _ = snapshot_file::decode(&bytes);
        let _ = State::from_snapshot(&bytes);
        let _ = read_all(&bytes);
        let _ = parse_command_line(&String::from_utf8_lossy(&bytes));
        let journal = [&journal_header()[..], &bytes].concat();
        let _ = read_all(&journal);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn replay_gives_the_same_hash(options in options(), choices in vec(choice(), 1..200)) {
        let life = live(options, &choices);
        let (bytes, _) = journal_of(&life.records);
        let replayed = replay(&*bytes, None, None).unwrap();
        prop_assert_eq!(replayed.state.hash(), life.state.hash());

        let restored = snapshot_file::decode(&snapshot_file::encode(&life.middle)).unwrap();
        let continued = replay(&*bytes, Some(restored), None).unwrap();
        prop_assert_eq!(continued.state.hash(), life.state.hash());

        let until = life.state.seq() / 2;
        let half = replay(&*bytes, None, Some(until)).unwrap();
        prop_assert_eq!(half.state.seq(), until);
    }

    /// Whenever it is restored, a state replies, tells and becomes the same as one that goes on.
    #[test]
    fn a_restored_state_goes_on_the_same(
        options in options(),
        choices in vec(choice(), 1..200),
        pause in 1..20_usize,
    ) {
        let mut state = State::new(options, START);
        let mut twin = state.clone();
        for (index, choice) in choices.iter().enumerate() {
            if index % pause == 0 {
                twin = State::from_snapshot(&state.to_snapshot()).unwrap();
            }
            let envelope = plausible(&state, *choice);
            let (mut told, mut told_twin) = (Effects::new(), Effects::new());
            let reply = apply(&mut state, &envelope, &mut told);
            prop_assert_eq!(&apply(&mut twin, &envelope, &mut told_twin), &reply);
            prop_assert_eq!(told_twin, told);
            prop_assert_eq!(twin.hash(), state.hash(), "after {:?}", envelope);
        }
    }

    /// Damage is an error, a torn end, or was not there; never another state.
    #[test]
    fn a_damaged_journal_never_replays_to_another_state(
        choices in vec(choice(), 1..40),
        (at, byte) in (any::<prop::sample::Index>(), 1..=255_u8),
    ) {
        let life = live(Options::default(), &choices);
        let (mut bytes, _) = journal_of(&life.records);
        let at = at.index(bytes.len());
        bytes[at] ^= byte;
        match replay(&*bytes, None, None) {
            Ok(replayed) => {
                let torn = replayed.torn.unwrap();
                prop_assert!(torn.offset <= at as u64 && (at as u64) < torn.offset + torn.bytes);
            }
            Err(error) => prop_assert!(
                matches!(error, JournalError::Corrupt { .. } | JournalError::NotOurs { .. }),
                "{}", error
            ),
        }
    }

    /// A snapshot whose checksum is right but whose content was made up.
    #[test]
    fn a_changed_state_is_refused_or_consistent(
        choices in vec(choice(), 1..100),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = live(Options::default(), &choices).state.to_snapshot();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(state) = State::from_snapshot(&bytes) {
            prop_assert!(state.check_invariants().is_ok());
        }
    }
}

/// The strategies reach what they are for.
#[test]
fn strategies_make_every_command() {
    let mut runner = TestRunner::deterministic();
    let mut any_names = BTreeSet::new();
    for _ in 0..6000 {
        let envelope = envelope().new_tree(&mut runner).unwrap().current();
        any_names.insert(envelope.command.name());
    }
    assert_eq!(any_names.len(), Command::NAMES.len());

    let (mut accepted, mut sent, mut names) = (0, 0, BTreeSet::new());
    for _ in 0..60 {
        let choices = vec(choice(), 300).new_tree(&mut runner).unwrap().current();
        let life = live(Options::default(), &choices);
        sent += choices.len();
        accepted += life.state.seq();
        names.extend(life.records.iter().filter_map(|record| match record {
            Record::Command(command) => Some(command.envelope.command.name()),
            _ => None,
        }));
    }
    assert_eq!(names.len(), Command::NAMES.len(), "{names:?}");
    assert!(accepted * 10 > sent as u64 * 6, "{accepted} of {sent} were accepted");
}
