//! A kernel without its shell, driven by hand, for the benches.

use tamias::command::{OpenSession, RegisterAgent, SessionKind, Subscribe, Tick};
use tamias::event::Event;
use tamias::ids::{OfferId, SessionId};
use tamias::machine::apply;
use tamias::{Command, Effects, Envelope, Options, Reply, State, Time};

/// A state that is driven by hand, without the shell.
pub struct World {
    pub state: State,
    pub effects: Effects,
    pub now: Time,
    pub frameworks: Vec<SessionId>,
    pub driver: SessionId,
}

impl World {
    pub fn new(agents: u32, frameworks: u32) -> Self {
        let mut world = Self::empty(Options::default());
        world.add_agents(agents);
        world.add_frameworks(frameworks);
        world
    }

    pub fn empty(options: Options) -> Self {
        let mut world = Self {
            state: State::new(options, Time(0)),
            effects: Effects::new(),
            now: Time(0),
            frameworks: Vec::new(),
            driver: SessionId::from_u64(0),
        };
        world.driver = world.open(SessionKind::Agent, None);
        world
    }

    pub fn add_agents(&mut self, count: u32) {
        self.add_agents_with(count, "cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    }

    pub fn add_agents_with(&mut self, count: u32, resources: &str) {
        let resources: tamias::resources::Resources = resources.parse().unwrap();
        for _ in 0..count {
            let command = RegisterAgent { resources: resources.clone(), ..Default::default() };
            self.send(Some(self.driver), command);
        }
    }

    pub fn add_frameworks(&mut self, count: u32) {
        for index in 0..count {
            self.add_framework(None, format!("role{index}"));
        }
    }

    pub fn add_framework(&mut self, principal: Option<&str>, role: String) {
        let session = self.open(SessionKind::Framework, principal);
        self.send(Some(session), Subscribe { roles: vec![role.into()], ..Default::default() });
        self.frameworks.push(session);
    }

    pub fn open(&mut self, kind: SessionKind, principal: Option<&str>) -> SessionId {
        let principal = principal.map(Into::into);
        match self.send(None, OpenSession { kind, principal }) {
            Reply::SessionOpened { session } => session,
            other => panic!("{other:?}"),
        }
    }

    pub fn send(&mut self, session: Option<SessionId>, command: impl Into<Command>) -> Reply {
        self.effects.clear();
        let envelope = Envelope { now: self.now, session, command: command.into() };
        apply(&mut self.state, &envelope, &mut self.effects).unwrap()
    }

    /// Ticks until there is nothing to do; returns the offers made.
    pub fn tick(&mut self) -> Vec<(SessionId, OfferId)> {
        let mut offers = Vec::new();
        loop {
            let reply = self.send(None, Tick {});
            offers.extend(self.effects.iter().filter_map(|effect| match &effect.event {
                Event::Offer(offer) => Some((effect.session, offer.offer)),
                _ => None,
            }));
            if !matches!(reply, Reply::Ticked { more: true, .. }) {
                return offers;
            }
        }
    }

    pub fn uuid(&self) -> tamias::value::Uuid {
        let mut uuids = self.effects.iter().filter_map(|effect| match &effect.event {
            Event::Update(status) => status.uuid,
            _ => None,
        });
        uuids.next().expect("an update was delivered")
    }
}
