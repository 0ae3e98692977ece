//! Several commands under one lock, and commands tried out on a copy first.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Shared, Writer};
use crate::command::{AdvanceTime, Command, Envelope, OpenSession, SessionKind};
use crate::error::{Code, Rejection};
use crate::event::Effects;
use crate::ids::SessionId;
use crate::limits::TIME_STEP_MAX;
use crate::machine::apply;
use crate::reply::Reply;
use crate::state::State;

/// What a rejected command means for the others of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// All or nothing: the commands are tried on a copy of the state first; if one is rejected,
    /// none is applied.
    Atomic,
    /// Each by itself.
    BestEffort,
}

/// What came of each command of a batch.
type Results = Vec<Result<Reply, Rejection>>;

impl Shared {
    /// Applies commands one after the other, nothing in between, then what they made necessary.
    pub(crate) fn call_batch(
        &self,
        session: Option<SessionId>,
        mut commands: Vec<Command>,
        batch: Batch,
    ) -> Result<Results, Rejection> {
        if batch == Batch::Atomic && commands.len() == 1 {
            // One command is all or nothing by itself.
            let only = commands.pop().into_iter();
            let call = |command| self.call(session, command).map_err(|r| r.index(0));
            return only.map(|command| call(command).map(|applied| Ok(applied.reply))).collect();
        }
        self.check_alive()?;
        let mut writer = self.made_ready(self.writer.lock())?;
        writer.trace = None;
        let now = self.clock.now();
        if batch == Batch::Atomic {
            let envelope = |command: &Command| Envelope { now, session, command: command.clone() };
            let envelopes: Vec<_> = commands.iter().map(envelope).collect();
            if let Err(rejection) = self.try_out(&mut writer, session, &envelopes) {
                self.release(writer);
                return Err(rejection);
            }
        }
        let each = commands.into_iter();
        let results = each
            .map(|command| self.apply_timely(&mut writer, now, session, command))
            .collect::<Results>();
        let worked = self.work_off_if_possible(&mut writer, now);
        let settled = self.finish(writer);
        worked.and(settled).map(|()| results)
    }

    /// Whether all of them would be accepted, and the journal has room for them.
    fn try_out(
        &self,
        writer: &mut Writer,
        session: Option<SessionId>,
        envelopes: &[Envelope],
    ) -> Result<(), Rejection> {
        self.rehearse(&writer.state, |trial| {
            envelopes.iter().enumerate().try_for_each(|(index, envelope)| {
                try_one(trial, envelope).map(|_| ()).map_err(|r| r.index(index))
            })
        })?;
        let Writer { state, journal, .. } = writer;
        let Some(journal) = journal else { return Ok(()) };
        let session = session.and_then(|id| state.sessions().get(id));
        journal.make_room_for(session.and_then(|s| s.principal.as_deref()), envelopes)
    }

    /// Tries a command on a copy of the state, sent by a session that is opened for it there.
    pub(crate) fn try_in_new_session(
        &self,
        kind: SessionKind,
        principal: Option<Box<str>>,
        command: &Command,
    ) -> Result<(), Rejection> {
        self.check_alive()?;
        let now = self.clock.now();
        let state = self.with_state(State::branch);
        self.rehearse(&state, |trial| {
            let open = OpenSession { kind, principal }.into();
            let reply = try_one(trial, &Envelope { now, session: None, command: open })?;
            let Reply::SessionOpened { session } = reply else { return Ok(()) };
            let envelope = Envelope { now, session: Some(session), command: command.clone() };
            try_one(trial, &envelope).map(|_| ())
        })
    }

    /// Does something to a copy of the state. A panic in there is a defect: the kernel is poisoned,
    /// as if the real thing had been done.
    fn rehearse(
        &self,
        state: &State,
        play: impl FnOnce(&mut State) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let mut trial = state.branch();
        catch_unwind(AssertUnwindSafe(|| play(&mut trial))).unwrap_or_else(|_| {
            self.poison();
            Err(Rejection::new(Code::Defect, "a defect was found while trying commands out"))
        })
    }
}

/// Applies one command to a copy, as [`Shared::apply_timely`] does to the state.
fn try_one(trial: &mut State, envelope: &Envelope) -> Result<Reply, Rejection> {
    let mut effects = Effects::new();
    if envelope.now > trial.now().plus(TIME_STEP_MAX) {
        let command = AdvanceTime {}.into();
        apply(trial, &Envelope { now: envelope.now, session: None, command }, &mut effects)?;
    }
    apply(trial, envelope, &mut effects)
}
