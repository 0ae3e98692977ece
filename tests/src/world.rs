//! A kernel state with everything it was told and said: the stage of scripted tests.
//!
//! It holds a [`State`], sends it commands, and after each of them checks what must hold always:
//! the invariants, and that a rejection changes nothing. What a test wants to see is the effects
//! of the last command, by session.

use tamias::command::{
    Accept, Command, Envelope, OpenSession, RegisterAgent, SessionKind, Subscribe, TaskSpec, Tick,
};
use tamias::event::{Effects, Event, Offer};
use tamias::ids::{AgentId, FrameworkId, OfferId, SessionId, TaskId};
use tamias::machine::apply;
use tamias::reply::Reply;
use tamias::time::{Nanos, Time};
use tamias::{Options, Rejection, State};

/// When every scripted test begins.
pub const START: Time = Time(1_767_225_600_000_000_000);

/// A kernel state, the time, and what the last command caused.
#[derive(Debug, Clone)]
pub struct World {
    /// The state.
    pub state: State,
    /// The time of the next command.
    pub now: Time,
    /// What the last command, or all ticks of the last [`World::settle`], caused.
    pub effects: Effects,
    /// All accepted envelopes.
    pub journal: Vec<Envelope>,
}

impl World {
    /// A kernel that knows nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let state = State::new(options, START);
        Self { state, now: START, effects: Effects::new(), journal: Vec::new() }
    }

    /// Sends a command.
    ///
    /// # Panics
    /// If an invariant does not hold afterwards, or a rejection changed something.
    pub fn try_send(
        &mut self,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<Reply, Rejection> {
        let envelope = Envelope { now: self.now, session, command: command.into() };
        let before = self.state.hash();
        self.effects.clear();
        let result = apply(&mut self.state, &envelope, &mut self.effects);
        if result.is_ok() {
            self.journal.push(envelope);
        } else {
            assert_eq!(self.state.hash(), before, "a rejection changed the state");
            assert_eq!(self.effects, [], "a rejection had effects");
        }
        self.state.check_invariants().unwrap();
        result
    }

    /// Sends a command that must be accepted.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn send(&mut self, session: SessionId, command: impl Into<Command>) -> Reply {
        self.try_send(Some(session), command).unwrap()
    }

    /// Opens a session.
    ///
    /// # Panics
    /// If that is rejected.
    pub fn open(&mut self, kind: SessionKind) -> SessionId {
        match self.try_send(None, OpenSession { kind, principal: None }) {
            Ok(Reply::SessionOpened { session }) => session,
            other => panic!("no session: {other:?}"),
        }
    }

    /// Registers an agent with these resources in a session of its own.
    ///
    /// # Panics
    /// If that is rejected.
    pub fn agent(&mut self, resources: &str) -> (SessionId, AgentId) {
        let session = self.open(SessionKind::Agent);
        let resources = resources.parse().unwrap();
        let command = RegisterAgent { resources, ..RegisterAgent::default() };
        match self.send(session, command) {
            Reply::Registered { agent } => (session, agent),
            other => panic!("not registered: {other:?}"),
        }
    }

    /// Subscribes a framework to these roles in a session of its own.
    ///
    /// # Panics
    /// If that is rejected.
    pub fn framework(&mut self, roles: &[&str]) -> (SessionId, FrameworkId) {
        let session = self.open(SessionKind::Framework);
        let roles = roles.iter().map(|role| (*role).into()).collect();
        match self.send(session, Subscribe { roles, ..Subscribe::default() }) {
            Reply::Subscribed { framework, .. } => (session, framework),
            other => panic!("not subscribed: {other:?}"),
        }
    }

    /// Ticks until there is nothing more to do at this time.
    ///
    /// # Panics
    /// If the kernel never says so.
    pub fn settle(&mut self) {
        let mut effects = Effects::new();
        for _ in 0..10_000 {
            let reply = self.try_send(None, Tick {}).unwrap();
            effects.append(&mut self.effects);
            if matches!(reply, Reply::Ticked { more: false, .. }) {
                self.effects = effects;
                return;
            }
        }
        panic!("the work never ends");
    }

    /// Lets time go on, then settles.
    pub fn advance(&mut self, seconds: i64) {
        self.now = self.now.plus(Nanos::from_secs(seconds));
        self.settle();
    }

    /// What the last command told that session.
    pub fn told(&self, session: SessionId) -> Vec<&Event> {
        let to = self.effects.iter().filter(|effect| effect.session == session);
        to.map(|effect| &effect.event).collect()
    }

    /// The offers that the last command or settlement made to that session.
    pub fn offers(&self, session: SessionId) -> Vec<Offer> {
        let told = self.told(session).into_iter();
        told.filter_map(|event| match event {
            Event::Offer(offer) => Some(Offer::clone(offer)),
            _ => None,
        })
        .collect()
    }

    /// Launches tasks on one offer; gives their handles.
    ///
    /// # Panics
    /// If that is rejected.
    pub fn launch(
        &mut self,
        session: SessionId,
        offer: OfferId,
        tasks: Vec<TaskSpec>,
    ) -> Vec<TaskId> {
        let operations = vec![tasks.into()];
        let accept = Accept { offers: vec![offer], operations, ..Accept::default() };
        match self.send(session, accept) {
            Reply::Accepted { tasks, .. } => {
                tasks.iter().filter_map(|outcome| outcome.task).collect()
            }
            other => panic!("not accepted: {other:?}"),
        }
    }
}

/// A task with a name and resources.
///
/// # Panics
/// If the resources do not parse.
#[must_use]
pub fn task(name: &str, resources: &str) -> TaskSpec {
    TaskSpec { name: name.into(), resources: resources.parse().unwrap(), ..TaskSpec::default() }
}
