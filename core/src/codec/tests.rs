//! Tests of the codec: by example for what is torn, damaged or newer; by property for the rest.

mod damage;
mod lines;
mod properties;
mod records;
mod recovery;
mod replays;
mod snapshots;

use super::journal::journal_header;
use super::record::{self, AcceptedCommand, Open, Record, StateHash};
use super::{Entry, JournalError, JournalReader, Torn};
use crate::command::{Command, Envelope, OpenSession, RegisterAgent, SessionKind, Tick};
use crate::event::Effects;
use crate::ids::{Id, SessionId};
use crate::machine::apply;
use crate::options::Options;
use crate::state::{STATE_FORMAT, State};
use crate::time::Time;

const START: Time = Time(1_767_225_600_000_000_000);

fn new_state() -> State {
    State::new(Options::default(), START)
}

fn open_record(epoch: u64) -> Open {
    Open {
        format: STATE_FORMAT,
        epoch,
        options: Options::default(),
        started: START,
        library: "0.1.0".into(),
        base: None,
    }
}

fn command_record(epoch: u64, seq: u64, session: Option<SessionId>, command: Command) -> Record {
    let envelope = Envelope { now: START, session, command };
    Record::Command(AcceptedCommand { epoch, seq, principal: None, envelope })
}

/// A journal and where its records start; the last number is its length.
fn journal_of(records: &[Record]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = journal_header().to_vec();
    let mut starts = vec![bytes.len()];
    for record in records {
        record.append_to(&mut bytes).unwrap();
        starts.push(bytes.len());
    }
    (bytes, starts)
}

/// A journal of five records, one of each kind, with a right hash at the end.
fn small_journal() -> (Vec<Record>, State) {
    let mut state = new_state();
    let agent = SessionId::from_parts(0, 1);
    let commands = [
        (None, OpenSession { kind: SessionKind::Agent, principal: None }.into()),
        (Some(agent), register("cpus:4;mem:1024;ports:[1-9]")),
        (None, Tick {}.into()),
    ];
    let mut records = vec![Record::Open(open_record(1))];
    for (session, command) in commands {
        let record = command_record(1, state.seq() + 1, session, command);
        if let Record::Command(command) = &record {
            apply(&mut state, &command.envelope, &mut Effects::new()).unwrap();
        }
        records.push(record);
    }
    records.push(Record::Hash(StateHash { seq: state.seq(), hash: state.hash() }));
    (records, state)
}

fn register(resources: &str) -> Command {
    RegisterAgent { resources: resources.parse().unwrap(), ..Default::default() }.into()
}

/// A frame with the right checksum around any payload.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let checksum = crc32c::crc32c(&[&length[..], payload].concat());
    [&length[..], &checksum.to_le_bytes(), payload].concat()
}

/// All records, and the torn end.
fn read_all(bytes: &[u8]) -> Result<(Vec<Entry>, Option<Torn>), JournalError> {
    let mut reader = JournalReader::new(bytes)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        entries.push(entry);
    }
    Ok((entries, reader.torn().cloned()))
}

fn payload(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.append_to(&mut bytes).unwrap();
    bytes.split_off(record::FRAME_BYTES)
}
