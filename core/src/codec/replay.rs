//! A journal applied again.
//!
//! Starts from nothing, or from the snapshot on which the journal stands (or a later one), and
//! applies every command to it. Checked on the way: the first record opens the journal, epochs
//! rise, commands are counted without a gap and are accepted again, and the state has each hash
//! that was written down. Time, threads and files play no part, so the result depends on the bytes
//! alone.

use std::any::Any;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::JournalError;
use super::journal::{Entry, JournalReader, Torn};
use super::record::{AcceptedCommand, Base, Open, Record, StateHash};
use crate::command::Envelope;
use crate::error::Rejection;
use crate::event::Effects;
use crate::machine;
use crate::reply::Reply;
use crate::state::{STATE_FORMAT, State};

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// The state after the last command applied; [`State::seq`] is its number.
    pub state: State,
    /// The newest epoch.
    pub epoch: u64,
    /// On what the journal stands, if not on nothing.
    pub base: Option<Base>,
    /// Records read, of every kind.
    pub records: u64,
    /// Hashes that were compared and found equal.
    pub hashes: u64,
    /// Commands since the last hash that was written down.
    pub unhashed: u64,
    /// Where the last record read ends; the rest of the journal was not used.
    pub end: u64,
    /// The incomplete end, if there is one and it was reached.
    pub torn: Option<Torn>,
    /// Whether records after `end` were left out, as `until` asks.
    pub cut_short: bool,
    /// What a person should know though the replay succeeded; one line each.
    pub warnings: Vec<String>,
}

/// One record read and, if it is a command that the state did not include yet, what it gave.
#[derive(Debug)]
pub struct Step {
    /// The record and where it stands.
    pub entry: Entry,
    /// The reply to the command; none for other records and for those that a later snapshot covers.
    pub reply: Option<Reply>,
    /// The events that the command caused, in order.
    pub effects: Effects,
}

/// Replays a whole journal: [`Replay`] run to its end.
///
/// `base` is needed if the journal stands on a snapshot; otherwise it saves time. Commands after
/// `until` are left out.
///
/// Errors: [`JournalError`], which names offset and seq.
pub fn replay(
    source: impl Read,
    base: Option<State>,
    until: Option<u64>,
) -> Result<Replayed, JournalError> {
    let mut replay = Replay::new(source, base, until)?;
    while replay.step()?.is_some() {}
    replay.finish()
}

/// What applies a command: [`machine::apply`], except in tests of what a defect would do.
type Apply = fn(&mut State, &Envelope, &mut Effects) -> Result<Reply, Rejection>;

/// A replay record by record, for those who want to see each reply and event.
#[derive(Debug)]
pub struct Replay<R> {
    reader: JournalReader<R>,
    apply: Apply,
    state: State,
    until: u64,
    base: Option<Base>,
    /// The first record, until [`step`](Self::step) hands it out.
    first: Option<Entry>,
    options_of: Open,
    /// The number of the last command read, which a later snapshot may be ahead of.
    seq: u64,
    records: u64,
    hashes: u64,
    unhashed: u64,
    end: u64,
    cut_short: bool,
    warnings: Vec<String>,
}

impl<R: Read> Replay<R> {
    /// Reads the header and the first record. Parameters as for [`replay`].
    pub fn new(source: R, base: Option<State>, until: Option<u64>) -> Result<Self, JournalError> {
        let mut reader = JournalReader::new(source)?;
        let offset = reader.offset();
        let Some(entry) = reader.next_entry()? else {
            let text = "the journal ends before its first record is complete: its options are lost";
            return Err(JournalError::corrupt(offset, text));
        };
        let Record::Open(open) = entry.record.clone() else {
            let text = "the first record does not open the journal";
            return Err(JournalError::corrupt(offset, text));
        };
        let until = until.unwrap_or(u64::MAX);
        let state = start(&open, base, offset, until)?;
        let mut replay = Self {
            reader,
            apply: machine::apply,
            state,
            until,
            base: open.base,
            first: None,
            seq: open.base.map_or(0, |base| base.seq),
            records: 0,
            hashes: 0,
            unhashed: 0,
            end: entry.end,
            cut_short: false,
            warnings: Vec::new(),
            options_of: open,
        };
        replay.note_format();
        replay.first = Some(entry);
        Ok(replay)
    }

    /// The state so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes the next record; none at the end.
    pub fn step(&mut self) -> Result<Option<Step>, JournalError> {
        let entry = match self.first.take() {
            Some(first) => first,
            None if self.cut_short => return Ok(None),
            None => match self.reader.next_entry()? {
                Some(entry) => entry,
                None => return Ok(None),
            },
        };
        let mut step = Step { entry, reply: None, effects: Effects::new() };
        match &step.entry.record {
            Record::Open(_) if self.records == 0 => {}
            Record::Open(open) => self.reopened(open, step.entry.offset)?,
            Record::Command(command) if command.seq > self.until => {
                self.cut_short = true;
                return Ok(None);
            }
            Record::Command(command) => {
                self.count(command, step.entry.offset)?;
                if command.seq > self.state.seq() {
                    let (reply, effects) = self.again(command, step.entry.offset)?;
                    (step.reply, step.effects) = (Some(reply), effects);
                }
            }
            Record::Hash(hash) => self.compare(hash, step.entry.offset)?,
        }
        self.records += 1;
        self.end = step.entry.end;
        Ok(Some(step))
    }

    /// The result, once [`step`](Self::step) has nothing more to give.
    ///
    /// Errors: the journal ends before the snapshot it was to continue.
    pub fn finish(mut self) -> Result<Replayed, JournalError> {
        let (have, need) = (self.seq, self.state.seq());
        if have < need && !self.cut_short {
            let text = format!("the journal ends at seq {have}, before the snapshot's seq {need}");
            return Err(JournalError::corrupt(self.end, text));
        }
        let torn = self.reader.torn().cloned().filter(|_| !self.cut_short);
        self.warnings.extend(torn.iter().map(ToString::to_string));
        Ok(Replayed {
            state: self.state,
            epoch: self.options_of.epoch,
            base: self.base,
            records: self.records,
            hashes: self.hashes,
            unhashed: self.unhashed,
            end: self.end,
            torn,
            cut_short: self.cut_short,
            warnings: self.warnings,
        })
    }

    fn reopened(&mut self, open: &Open, offset: u64) -> Result<(), JournalError> {
        let before = &self.options_of;
        if open.epoch <= before.epoch {
            let text = format!(
                "epoch {} follows epoch {}: two owners wrote to this journal",
                open.epoch, before.epoch
            );
            return Err(JournalError::corrupt(offset, text));
        }
        let same = (&open.options, open.started) == (&before.options, before.started);
        if !same || open.base.is_some() {
            let text = "the journal is opened again as a different kernel";
            return Err(JournalError::corrupt(offset, text));
        }
        self.options_of = open.clone();
        self.note_format();
        Ok(())
    }

    fn note_format(&mut self) {
        let Open { format, library, .. } = &self.options_of;
        if *format != STATE_FORMAT {
            self.warnings.push(format!(
                "hashes written by version {library} have state format {format}, not \
                 {STATE_FORMAT}: they are not compared"
            ));
        }
    }

    /// Checks the number of a command.
    fn count(&mut self, command: &AcceptedCommand, offset: u64) -> Result<(), JournalError> {
        let wrong = |text: String| Err(JournalError::corrupt(offset, text));
        let epoch = self.options_of.epoch;
        if command.epoch != epoch {
            return wrong(format!(
                "seq {} has epoch {} within epoch {epoch}: two owners wrote to this journal",
                command.seq, command.epoch
            ));
        }
        if command.seq != self.seq + 1 {
            return wrong(format!("seq {} follows seq {}", command.seq, self.seq));
        }
        self.seq = command.seq;
        self.unhashed += 1;
        Ok(())
    }

    /// Applies a command again.
    fn again(
        &mut self,
        command: &AcceptedCommand,
        offset: u64,
    ) -> Result<(Reply, Effects), JournalError> {
        let (seq, mut effects) = (command.seq, Effects::new());
        let (apply, state) = (self.apply, &mut self.state);
        // A state that panicked half-way is never seen again: the error ends the replay.
        let result =
            catch_unwind(AssertUnwindSafe(|| apply(state, &command.envelope, &mut effects)));
        let name = command.envelope.command.name();
        let what = match result {
            Ok(Ok(reply)) if self.state.seq() == seq => return Ok((reply, effects)),
            Ok(Ok(_)) => format!("{name} changed nothing"),
            Ok(Err(rejection)) => format!("{name} was rejected: {rejection}"),
            Err(panic) => {
                let message = format!("{name}: {}", panic_text(&*panic));
                return Err(JournalError::Panicked { seq, offset, message });
            }
        };
        Err(JournalError::Diverged { seq, offset, what })
    }

    fn compare(&mut self, written: &StateHash, offset: u64) -> Result<(), JournalError> {
        let seq = self.seq;
        if written.seq != seq {
            let text = format!("a hash of seq {} stands after seq {seq}", written.seq);
            return Err(JournalError::corrupt(offset, text));
        }
        self.unhashed = 0;
        if self.state.seq() != seq || self.options_of.format != STATE_FORMAT {
            return Ok(());
        }
        let hash = self.state.hash();
        if hash == written.hash {
            self.hashes += 1;
            return Ok(());
        }
        let what = format!(
            "the state hash is {} instead of {}: one of the commands since the last hash had \
             another effect",
            hex(hash),
            hex(written.hash)
        );
        Err(JournalError::Diverged { seq, offset, what })
    }
}

/// The state before the first command.
fn start(open: &Open, base: Option<State>, offset: u64, until: u64) -> Result<State, JournalError> {
    let corrupt = |text: String| JournalError::corrupt(offset, text);
    let wrong = |text: String| Err(corrupt(text));
    let from = open.base.map_or(0, |base| base.seq);
    let Some(state) = base else {
        if open.base.is_some() {
            return wrong(format!("the journal stands on the snapshot of seq {from}: give it"));
        }
        open.options.check().map_err(|rejection| corrupt(rejection.to_string()))?;
        return Ok(State::new(open.options.clone(), open.started));
    };
    let seq = state.seq();
    if (&state.options, state.started) != (&open.options, open.started) {
        return wrong("the snapshot is of another kernel".into());
    }
    if seq < from {
        return wrong(format!("the journal stands on seq {from}, the snapshot is of seq {seq}"));
    }
    if seq > until {
        return wrong(format!("the snapshot is of seq {seq}, after the wanted seq {until}"));
    }
    let differs = |base: Base| base.seq == seq && base.hash != state.hash();
    if open.format == STATE_FORMAT && open.base.is_some_and(differs) {
        return wrong(format!("the snapshot of seq {seq} is not the one the journal stands on"));
    }
    Ok(state)
}

/// A hash as text.
pub(super) fn hex(hash: [u8; 32]) -> String {
    blake3::Hash::from(hash).to_string()
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
impl<R: Read> Replay<R> {
    /// Replays with something else in the place of [`machine::apply`].
    pub(super) fn by(mut self, apply: Apply) -> Self {
        self.apply = apply;
        self
    }
}
