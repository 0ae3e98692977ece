//! Random plays: what many careless sessions do with a kernel.
//!
//! A play goes in [`Scene`]s. Each has an [`Intent`], such as "some framework accepts some of its
//! offers", and a [`Pace`]: how time goes on afterwards, and how many ticks there are. Intents name
//! nobody: they hold numbers with which a [`Play`] picks among those who are there when it comes to
//! it, now and then among those who are gone or never were. So every intent can be played at any
//! time, and a play from which scenes are cut is still a play: that is how failures shrink.
//!
//! The play has a [`Model`] on the stage, which says what happens; [`Play::lines`] holds what was
//! sent in the last scene and what the model expects of it, for the kernel to be compared with.
//!
//! - [`intent`]: intents and paces, and how they are drawn
//! - [`palette`]: the few names, resources and times that plays are made of
//! - [`departures`]: agents that are to go
//! - [`agents`], [`frameworks`], [`tasks`]: how intents become commands

mod agents;
pub mod departures;
mod frameworks;
pub mod intent;
pub mod palette;
mod policy;
mod tasks;

use std::collections::BTreeSet;
use std::fmt;

use tamias::Options;
use tamias::command::{AdvanceTime, Command, Envelope, OpenSession, Restart, SessionKind, Tick};
use tamias::event::Event;
use tamias::ids::{AgentId, FrameworkId, InverseOfferId, OfferId, SessionId, TaskId};
use tamias::reply::Reply;
use tamias::time::{Nanos, Time};

use crate::model::{Model, Outcome};
use crate::world::START;
use intent::{Aim, Intent, Pace, Pick, Scene, Whom};

/// A play; see the module text.
#[derive(Clone)]
pub struct Play {
    /// What is expected to be.
    pub model: Model,
    /// What was sent in the last scene, and what is expected of it.
    pub lines: Vec<(Envelope, Outcome)>,
    clock: Time,
    disguise: Option<Disguise>,
    counter: u32,
    former: Former,
}

/// Who sends everything instead of those who want it; perhaps nobody.
#[derive(Debug, Clone, Copy)]
struct Disguise(Option<SessionId>);

impl fmt::Debug for Play {
    /// How it began: that and the scenes are what a failure needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Play").field(&self.model.options).finish()
    }
}

/// Everybody who ever was there.
#[derive(Debug, Clone, Default)]
struct Former {
    sessions: BTreeSet<SessionId>,
    agents: BTreeSet<AgentId>,
    frameworks: BTreeSet<FrameworkId>,
    offers: BTreeSet<OfferId>,
    questions: BTreeSet<InverseOfferId>,
    tasks: BTreeSet<TaskId>,
}

impl Play {
    /// An empty stage.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            model: Model::new(options, START),
            lines: Vec::new(),
            clock: START,
            disguise: None,
            counter: 0,
            former: Former::default(),
        }
    }

    /// Whether there is hardly anybody who could do anything: then somebody should join.
    #[must_use]
    pub fn is_lonely(&self) -> bool {
        let agents = self.model.agents.keys().filter(|id| self.model.is_active(**id));
        let frameworks = self.model.frameworks.keys();
        agents.count() < 2 || frameworks.filter(|id| self.session_of(**id).is_some()).count() < 2
    }

    /// Plays a scene.
    pub fn scene(&mut self, scene: &Scene) {
        self.lines.clear();
        self.intent(&scene.intent);
        self.disguise = None;
        self.pace(scene.pace);
    }

    fn intent(&mut self, intent: &Intent) {
        match intent {
            Intent::Disguised(inner, whom) => {
                self.disguise = Some(Disguise(self.any_session(*whom)));
                self.intent(inner);
            }
            Intent::CloseSession(pick) => {
                let sessions: Vec<_> = self.model.sessions.keys().copied().collect();
                if let Some(session) = choose(&sessions, *pick) {
                    self.send(session, tamias::command::CloseSession {});
                }
            }
            Intent::Restart => {
                self.perform(None, Restart {});
            }
            Intent::Jump { hours, announced } => {
                self.clock = self.model.now.plus(Nanos::from_secs(3600 * i64::from(*hours)));
                if *announced {
                    self.perform(None, AdvanceTime {});
                } else {
                    self.perform(None, Tick {});
                    self.clock = self.model.now;
                }
            }
            Intent::Policy(policy) => self.set_policy(policy),
            Intent::Agent(intent) => self.agent_intent(intent),
            Intent::Framework(intent) => self.framework_intent(intent),
            Intent::Task(intent) => self.task_intent(intent),
            Intent::Departure(departure) => self.departure(departure),
        }
    }

    fn pace(&mut self, pace: Pace) {
        match pace {
            Pace::Leave => {}
            Pace::Step { after } => {
                self.clock = self.model.now.plus(after);
                self.perform(None, Tick {});
            }
            Pace::Settle { after } => {
                self.clock = self.model.now.plus(after);
                self.settle();
            }
            Pace::ToDeadline { late } => {
                let now = self.model.now;
                let deadline = self.model.next_deadline().unwrap_or(now);
                let deadline = deadline.min(now.plus(Nanos::from_secs(80_000)));
                self.clock = deadline.plus(Nanos(i64::from(late)));
                self.settle();
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..1000 {
            let outcome = self.perform(None, Tick {});
            if !matches!(outcome.verdict, Ok(Reply::Ticked { more: true, .. })) {
                return;
            }
        }
        panic!("the model always has something more to do");
    }

    /// Sends a command and takes note of what the model expects.
    fn perform(&mut self, sender: Option<SessionId>, command: impl Into<Command>) -> Outcome {
        let command = command.into();
        let spoken = !matches!(
            command,
            Command::OpenSession(_) | Command::Tick(_) | Command::AdvanceTime(_)
        );
        let session = match self.disguise {
            Some(Disguise(other)) if spoken => other,
            _ => sender,
        };
        let envelope = Envelope { now: self.clock, session, command };
        let outcome = self.model.apply(&envelope);
        self.remember(&outcome);
        self.lines.push((envelope, outcome.clone()));
        outcome
    }

    fn send(&mut self, session: SessionId, command: impl Into<Command>) -> Outcome {
        self.perform(Some(session), command)
    }

    fn remember(&mut self, outcome: &Outcome) {
        match &outcome.verdict {
            Ok(Reply::SessionOpened { session }) => {
                self.former.sessions.insert(*session);
            }
            Ok(Reply::Registered { agent }) => {
                self.former.agents.insert(*agent);
            }
            Ok(Reply::Subscribed { framework, .. }) => {
                self.former.frameworks.insert(*framework);
            }
            Ok(Reply::Accepted { tasks, .. }) => {
                self.former.tasks.extend(tasks.iter().filter_map(|outcome| outcome.task));
            }
            _ => {}
        }
        for effect in &outcome.effects {
            if let Event::Offer(offer) = &effect.event {
                self.former.offers.insert(offer.offer);
            }
            if let Event::InverseOffer(question) = &effect.event {
                self.former.questions.insert(question.inverse_offer);
            }
        }
    }

    fn open(&mut self, kind: SessionKind) -> SessionId {
        let principal = self.next_principal();
        match self.perform(None, OpenSession { kind, principal }).verdict {
            Ok(Reply::SessionOpened { session }) => session,
            other => panic!("no session: {other:?}"),
        }
    }

    /// An open session of that kind, or a new one.
    fn some_session(&mut self, kind: SessionKind, pick: Pick) -> SessionId {
        let open: Vec<_> = self.sessions_of(kind);
        choose(&open, pick).unwrap_or_else(|| self.open(kind))
    }

    fn sessions_of(&self, kind: SessionKind) -> Vec<SessionId> {
        let of_kind = self.model.sessions.iter().filter(|(_, session)| session.kind == kind);
        of_kind.map(|(id, _)| *id).collect()
    }

    /// Some session, perhaps a closed one, perhaps none.
    fn any_session(&self, whom: Whom) -> Option<SessionId> {
        let open: Vec<_> = self.model.sessions.keys().copied().collect();
        let session = aim(whom, &open, &self.former.sessions, SessionId::from_u64);
        session.filter(|_| whom.pick % 7 != 0)
    }

    /// A number that was never used.
    fn fresh(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }
}

/// One of the items, if there are any.
fn choose<T: Copy>(items: &[T], pick: Pick) -> Option<T> {
    if items.is_empty() { None } else { Some(items[usize::from(pick) % items.len()]) }
}

/// One of those who are there, or one who is gone, or one who never was.
fn aim<T: Copy + Ord>(
    whom: Whom,
    live: &[T],
    former: &BTreeSet<T>,
    from_u64: impl Fn(u64) -> T,
) -> Option<T> {
    match whom.aim {
        Aim::Live => choose(live, whom.pick),
        Aim::Former => {
            let gone: Vec<_> = former.iter().copied().filter(|id| !live.contains(id)).collect();
            choose(&gone, whom.pick).or_else(|| choose(live, whom.pick))
        }
        Aim::Nobody => Some(from_u64(u64::from(whom.pick) << 32 | u64::from(whom.pick % 5))),
    }
}
