//! The kernel of a simulation, its clock, and what is on its way to whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tamias::command::{Command, Envelope, OpenSession, SessionKind, Tick};
use tamias::event::{Effects, Event};
use tamias::ids::SessionId;
use tamias::machine::apply;
use tamias::reply::Reply;
use tamias::time::{Nanos, Time};
use tamias::{Options, Rejection, State};

use super::Report;
use super::story::{Line, Story};
use crate::world::START;

/// Ticks after which work that has not ended never will.
const TICKS_MAX: usize = 100_000;

/// The kernel and the wires to it.
#[derive(Debug)]
pub struct Kernel {
    /// Its state.
    pub state: State,
    /// The time of the next command.
    pub now: Time,
    /// Everything that was sent and accepted.
    pub story: Story,
    inboxes: BTreeMap<SessionId, VecDeque<Event>>,
    rejected: u64,
    launched: u64,
    told: BTreeSet<&'static str>,
}

impl Kernel {
    /// A kernel that knows nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            state: State::new(options.clone(), START),
            now: START,
            story: Story::new(options),
            inboxes: BTreeMap::new(),
            rejected: 0,
            launched: 0,
            told: BTreeSet::new(),
        }
    }

    /// Sends a command and lets all work that it causes be done.
    ///
    /// # Errors
    /// The kernel's rejection.
    pub fn send(
        &mut self,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<Reply, Rejection> {
        let envelope = Envelope { now: self.now, session, command: command.into() };
        // Noted first: should it panic, it is the last line of the story.
        self.story.lines.push(Line::Command(Box::new(envelope.clone()), None));
        let result = self.apply(&envelope);
        match &result {
            Err(_) => {
                self.rejected += 1;
                self.story.lines.pop();
            }
            Ok(reply) => {
                self.note(reply);
                self.settle();
            }
        }
        result
    }

    fn note(&mut self, reply: &Reply) {
        match (reply, self.story.lines.last_mut()) {
            (Reply::SessionOpened { session }, Some(Line::Command(_, opened))) => {
                *opened = Some(*session);
            }
            (Reply::Accepted { tasks, .. }, _) => {
                self.launched += tasks.iter().filter(|task| task.task.is_some()).count() as u64;
            }
            _ => {}
        }
    }

    fn apply(&mut self, envelope: &Envelope) -> Result<Reply, Rejection> {
        let mut effects = Effects::new();
        let result = apply(&mut self.state, envelope, &mut effects);
        for effect in effects {
            self.told.insert(match &effect.event {
                Event::Update(status) => status.state.name(),
                other => other.kind(),
            });
            self.inboxes.entry(effect.session).or_default().push_back(effect.event);
        }
        if let Err(violation) = self.state.check_invariants() {
            panic!("after {}: {violation}", envelope.command.name());
        }
        result
    }

    /// Lets all work be done that there is at this time.
    fn settle(&mut self) {
        for _ in 0..TICKS_MAX {
            let tick = Envelope { now: self.now, session: None, command: Tick {}.into() };
            match self.apply(&tick) {
                Ok(Reply::Ticked { more: true, .. }) => {}
                Ok(_) => return,
                Err(rejection) => panic!("a tick was rejected: {rejection}"),
            }
        }
        panic!("the work never ends");
    }

    /// Lets time go on; what becomes due on the way happens at its own time.
    pub fn advance(&mut self, span: Nanos) {
        if span == Nanos::ZERO {
            return;
        }
        let end = self.now.plus(span);
        self.story.lines.push(Line::Advance(span));
        while let Some(due) = self.state.next_deadline().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Opens a session.
    ///
    /// # Panics
    /// If the kernel does not open it.
    pub fn open(&mut self, kind: SessionKind) -> SessionId {
        match self.send(None, OpenSession { kind, principal: None }) {
            Ok(Reply::SessionOpened { session }) => session,
            other => panic!("no session: {other:?}"),
        }
    }

    /// Takes the next event that is on its way to a session.
    pub fn next_event(&mut self, session: SessionId) -> Option<Event> {
        self.inboxes.get_mut(&session)?.pop_front()
    }

    /// Loses everything that is on its way to a session.
    pub fn lose_events(&mut self, session: SessionId) {
        self.inboxes.remove(&session);
    }

    /// What came of it so far.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            commands: self.state.seq(),
            tasks: self.launched,
            rejected: self.rejected,
            told: self.told.clone(),
        }
    }
}
