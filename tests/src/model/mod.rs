//! A deliberately naive kernel: what every command does, written from the design and from the
//! words of the commands, to compare the real one with.
//!
//! It keeps facts only: maps of sessions, agents, frameworks, offers and tasks, and a list of
//! filters. Every sum is added up when it is asked for, every search is a scan of everything, time
//! is looked for in all facts, and each command works on a copy that is thrown away when it is
//! rejected. There is nothing in it to go stale.
//!
//! What it shares with the kernel is vocabulary (commands, replies, events, states, options) and
//! the rules by which both can be compared exactly: a freed id slot is filled again last in, first
//! out ([`slots`]); what concerns several objects goes in the order of their ids; bulk effects,
//! timers and allocation are worked off in counted steps ([`tick`]).
//!
//! Where the design leaves open which of several mistakes is reported first, the model lists all
//! that it sees, and any of them will do. Texts for people are not predicted, only that there is
//! one: [`SOME_TEXT`] stands for it.
//!
//! - [`facts`]: what is known
//! - [`pile`]: resources as single thousandths, points and items
//! - [`sessions`], [`operator`], [`agents`], [`frameworks`], [`messages`],
//!   [`offers`], [`updates`], [`tasks`]:
//!   commands
//! - [`departures`], [`maintenance`]: agents on the way out, and who is asked about it
//! - [`tick`], [`allocation`]: what time and pending work bring

mod agents;
mod allocation;
mod departures;
pub mod facts;
mod frameworks;
mod maintenance;
mod messages;
mod names;
mod offers;
mod operator;
pub mod pile;
mod policy;
mod sessions;
pub mod slots;
mod tasks;
mod tick;
mod updates;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tamias::command::{Command, Envelope, SessionKind, SetPolicy};
use tamias::error::Code;
use tamias::event::{Effect, Event};
use tamias::ids::{AgentId, FrameworkId, InverseOfferId, OfferId, SessionId, TaskId};
use tamias::limits::TIME_STEP_MAX;
use tamias::reply::Reply;
use tamias::status::TaskState;
use tamias::time::{Nanos, Time};
use tamias::{Effects, Options};

use facts::{
    Agent, AgentStanding, Alarm, Asked, Chore, Filter, Framework, FrameworkStanding, Offer,
    Question, Role, Session, Task, Window,
};
use pile::Pile;
use slots::Slots;

/// Stands for any text that is meant for people.
pub const SOME_TEXT: &str = "*";

/// What a command gives: a reply, or the mistakes in it, of which any may be reported.
pub type Verdict = Result<Reply, Vec<Code>>;

/// What a command is expected to give and to cause.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The reply, or the mistakes.
    pub verdict: Verdict,
    /// The events, in order.
    pub effects: Effects,
}

/// The naive kernel; see the module text.
#[derive(Debug, Clone)]
pub struct Model {
    /// The options that it was opened with.
    pub options: Options,
    /// When it was opened.
    pub started: Time,
    /// The time of the last accepted command.
    pub now: Time,
    /// All open sessions.
    pub sessions: BTreeMap<SessionId, Session>,
    /// All agents, also those being removed.
    pub agents: BTreeMap<AgentId, Agent>,
    /// All frameworks, also those being removed.
    pub frameworks: BTreeMap<FrameworkId, Framework>,
    /// Roles with a weight or a framework.
    pub roles: BTreeMap<String, Role>,
    /// All outstanding offers.
    pub offers: BTreeMap<OfferId, Offer>,
    /// All live and unreachable tasks.
    pub tasks: BTreeMap<TaskId, Task>,
    /// All filters, in the order in which they were made.
    pub filters: Vec<Filter>,
    /// Bulk effects that are not worked off.
    pub chores: VecDeque<Chore>,
    /// Agents to be offered now.
    pub look_now: BTreeSet<AgentId>,
    /// Runs of allocation that an operator asked for: what is left of each, in order.
    pub runs: VecDeque<VecDeque<AgentId>>,
    /// Who may do what.
    pub policy: SetPolicy,
    /// Agents to be offered at the next interval.
    pub look_later: BTreeSet<AgentId>,
    /// The next interval.
    pub next_batch: Option<Alarm>,
    /// When lost agents are to be forgotten.
    pub next_collection: Option<Alarm>,
    /// Agents that an operator declared gone, and when.
    pub gone: BTreeMap<AgentId, Time>,
    /// When the next agent that stayed away is lost.
    pub next_permit: Option<Alarm>,
    /// Before that, none may be.
    pub permit_after: Option<Time>,
    /// The maintenance schedule by machine.
    pub windows: BTreeMap<String, Window>,
    /// Open questions whether an agent may go.
    pub questions: BTreeMap<InverseOfferId, Question>,
    /// Who was asked about which agent.
    pub asked: BTreeMap<(AgentId, FrameworkId), Asked>,
    /// Agents about which those who hold something there are to be asked.
    pub to_ask: BTreeSet<AgentId>,
    /// Names of resources that any agent ever had.
    pub names: BTreeSet<String>,
    slots: AllSlots,
    alarms_set: u64,
    effects: Effects,
}

#[derive(Debug, Clone, Default)]
struct AllSlots {
    sessions: Slots,
    agents: Slots,
    frameworks: Slots,
    grants: Slots,
    tasks: Slots,
    questions: Slots,
}

impl Model {
    /// A kernel that knows nothing yet.
    #[must_use]
    pub fn new(options: Options, now: Time) -> Self {
        Self {
            options,
            started: now,
            now,
            sessions: BTreeMap::new(),
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            roles: BTreeMap::new(),
            offers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            filters: Vec::new(),
            chores: VecDeque::new(),
            look_now: BTreeSet::new(),
            runs: VecDeque::new(),
            policy: SetPolicy::default(),
            look_later: BTreeSet::new(),
            next_batch: None,
            next_collection: None,
            gone: BTreeMap::new(),
            next_permit: None,
            permit_after: None,
            windows: BTreeMap::new(),
            questions: BTreeMap::new(),
            asked: BTreeMap::new(),
            to_ask: BTreeSet::new(),
            names: BTreeSet::new(),
            slots: AllSlots::default(),
            alarms_set: 0,
            effects: Effects::new(),
        }
    }

    /// Applies a command, or nothing of it.
    pub fn apply(&mut self, envelope: &Envelope) -> Outcome {
        let mut copy = self.clone();
        let verdict = copy.attempt(envelope);
        let effects = std::mem::take(&mut copy.effects);
        match &verdict {
            Err(_) => Outcome { verdict, effects: Effects::new() },
            Ok(Reply::Ticked { changed: false, .. }) => Outcome { verdict, effects },
            Ok(_) => {
                *self = copy;
                Outcome { verdict, effects }
            }
        }
    }

    fn attempt(&mut self, envelope: &Envelope) -> Verdict {
        let announced = matches!(envelope.command, Command::AdvanceTime(_) | Command::Restart(_));
        if !announced && envelope.now.since(self.now) > TIME_STEP_MAX {
            return Err(vec![Code::TimeStep]);
        }
        self.now = self.now.max(envelope.now);
        let sender = envelope.session;
        if self.is_forbidden(sender, &envelope.command) {
            return Err(vec![Code::Unauthorized]);
        }
        let reply = match &envelope.command {
            Command::OpenSession(command) => self.open_session(sender, command),
            Command::CloseSession(_) => self.close_session(sender),
            Command::Tick(_) | Command::AdvanceTime(_) if sender.is_some() => {
                self.speaker(sender)?;
                Ok(self.time_goes_on(&envelope.command))
            }
            Command::Tick(_) | Command::AdvanceTime(_) => Ok(self.time_goes_on(&envelope.command)),
            Command::Restart(_) => self.restart(sender),
            Command::UpdateWeights(command) => self.update_weights(sender, command),
            Command::DeactivateAgent(command) => self.deactivate_agent(sender, command),
            Command::ReactivateAgent(command) => self.reactivate_agent(sender, command),
            Command::RemoveAgent(command) => self.remove_agent(sender, command),
            Command::Teardown(command) => self.teardown(sender, command),
            Command::SetPolicy(command) => self.set_policy(sender, command),
            Command::Allocate(command) => self.ask_for_run(sender, command),
            Command::RegisterAgent(command) => self.register_agent(sender, command),
            Command::ReregisterAgent(command) => self.reregister_agent(sender, command),
            Command::UpdateAgent(command) => self.update_agent(sender, command),
            Command::Update(command) => self.update(sender, command),
            Command::Subscribe(command) => self.subscribe(sender, command),
            Command::UpdateFramework(command) => self.update_framework(sender, command),
            Command::SendMessage(command) => self.send_message(sender, command),
            Command::SendFrameworkMessage(command) => self.send_framework_message(sender, command),
            Command::Accept(command) => self.accept(sender, command),
            Command::Decline(command) => self.decline(sender, command),
            Command::Revive(command) => self.revive(sender, command),
            Command::Suppress(command) => self.suppress(sender, command),
            Command::Kill(command) => self.kill(sender, command),
            Command::Acknowledge(command) => self.acknowledge(sender, command),
            Command::Reconcile(command) => self.reconcile(sender, command),
            Command::MarkAgentGone(command) => self.mark_agent_gone(sender, command),
            Command::DrainAgent(command) => self.drain_agent(sender, command),
            Command::UpdateMaintenanceSchedule(command) => {
                self.update_maintenance_schedule(sender, command)
            }
            Command::StartMaintenance(command) => self.start_maintenance(sender, command),
            Command::StopMaintenance(command) => self.stop_maintenance(sender, command),
            Command::AcceptInverseOffers(command) => self.accept_inverse_offers(sender, command),
            Command::DeclineInverseOffers(command) => self.decline_inverse_offers(sender, command),
            other => panic!("the model does not know {}", other.name()),
        }?;
        self.forget_roles();
        Ok(reply)
    }

    fn time_goes_on(&mut self, command: &Command) -> Reply {
        if matches!(command, Command::Tick(_)) { self.tick() } else { self.advance_time() }
    }

    /// The sender's session and its kind.
    fn speaker(&self, sender: Option<SessionId>) -> Result<(SessionId, &Session), Vec<Code>> {
        let id = sender.ok_or(vec![Code::WrongSession])?;
        let session = self.sessions.get(&id).ok_or(vec![Code::UnknownSession])?;
        Ok((id, session))
    }

    fn speaker_of(
        &self,
        sender: Option<SessionId>,
        kind: SessionKind,
    ) -> Result<SessionId, Vec<Code>> {
        let (id, session) = self.speaker(sender)?;
        if session.kind == kind { Ok(id) } else { Err(vec![Code::WrongSession]) }
    }

    /// The framework for which a framework session speaks.
    fn speaking_framework(&self, sender: Option<SessionId>) -> Result<FrameworkId, Vec<Code>> {
        let id = self.speaker_of(sender, SessionKind::Framework)?;
        let session = &self.sessions[&id];
        let otherwise = if session.superseded { Code::Superseded } else { Code::NotSubscribed };
        session.framework.ok_or(vec![otherwise])
    }

    /// An alarm at that time; of several at one time, the one set first rings first.
    fn alarm(&mut self, at: Time) -> Alarm {
        self.alarms_set += 1;
        Alarm { at, set: self.alarms_set }
    }

    fn alarm_in(&mut self, span: Nanos) -> Alarm {
        self.alarm(self.now.plus(span))
    }

    fn tell(&mut self, session: SessionId, event: Event) {
        self.effects.push(Effect { session, event });
    }

    fn tell_framework(&mut self, framework: FrameworkId, event: Event) {
        if let Some(session) = self.session_of_framework(framework) {
            self.tell(session, event);
        }
    }

    fn tell_agent(&mut self, agent: AgentId, event: Event) {
        if let Some(AgentStanding::Connected(session)) = self.agents.get(&agent).map(|a| a.standing)
        {
            self.tell(session, event);
        }
    }

    fn session_of_framework(&self, framework: FrameworkId) -> Option<SessionId> {
        match self.frameworks.get(&framework)?.standing {
            FrameworkStanding::Connected(session) => Some(session),
            FrameworkStanding::Away(_) | FrameworkStanding::Leaving => None,
        }
    }

    /// Whether what the agent has may be offered: connected, and in service.
    pub fn is_active(&self, agent: AgentId) -> bool {
        let agent = self.agents.get(&agent);
        agent.is_some_and(|a| matches!(a.standing, AgentStanding::Connected(_)) && !a.deactivated)
    }

    /// What is offered on an agent.
    pub fn offered(&self, agent: AgentId) -> Pile {
        let offers = self.offers.values().filter(|offer| offer.agent == agent);
        offers.fold(Pile::default(), |sum, offer| sum.plus(&offer.resources))
    }

    /// What the tasks on an agent hold.
    pub fn allocated(&self, agent: AgentId) -> Pile {
        let tasks = self.tasks.values().filter(|t| t.agent == agent && t.state.holds_resources());
        tasks.fold(Pile::default(), |sum, task| sum.plus(&task.resources))
    }

    /// The scalars that frameworks are offered and use in a role and below.
    pub fn held_below(&self, role: &str) -> Pile {
        let below = |r: &str| r == role || names::is_below(r, role);
        let roles = self.roles.keys().filter(|r| below(r));
        roles.fold(Pile::default(), |sum, r| sum.plus(&self.held(r, None)))
    }

    /// The scalars that frameworks are offered and use in a role: all of them, or one.
    pub fn held(&self, role: &str, only: Option<FrameworkId>) -> Pile {
        let counts = |r: &str, f| r == role && only.is_none_or(|only| only == f);
        let offers = self.offers.values().filter(|o| counts(&o.role, o.framework));
        let tasks = self.tasks.values().filter(|t| counts(&t.role, t.framework));
        let holding = tasks.filter(|t| t.state.holds_resources());
        let parts = offers.map(|o| &o.resources).chain(holding.map(|t| &t.resources));
        parts.fold(Pile::default(), |sum, part| sum.plus(part)).scalars()
    }

    /// The whole of which shares are parts: the scalars of all agents that may be reached.
    pub fn whole(&self) -> Pile {
        let counted = self.agents.values().filter(|agent| agent.counts());
        counted.fold(Pile::default(), |sum, agent| sum.plus(&agent.total)).scalars()
    }

    /// The tasks that pass, in the order of their handles.
    fn tasks_where(&self, wanted: impl Fn(&Task) -> bool) -> Vec<TaskId> {
        self.tasks.iter().filter(|(_, task)| wanted(task)).map(|(id, _)| *id).collect()
    }

    /// The offers that pass, in the order of their ids.
    fn offers_where(&self, wanted: impl Fn(&Offer) -> bool) -> Vec<OfferId> {
        self.offers.iter().filter(|(_, offer)| wanted(offer)).map(|(id, _)| *id).collect()
    }

    /// A framework takes part in a role while it is subscribed to it or has something there that
    /// is held or will be held again; a role is known while it has a weight or a framework.
    fn forget_roles(&mut self) {
        let mut used: BTreeSet<(FrameworkId, &str)> = BTreeSet::new();
        used.extend(self.offers.values().map(|o| (o.framework, o.role.as_str())));
        let keeps = |t: &&Task| t.state.holds_resources() || t.state == TaskState::Unreachable;
        used.extend(self.tasks.values().filter(keeps).map(|t| (t.framework, t.role.as_str())));
        for (id, framework) in &mut self.frameworks {
            framework.parts.retain(|role, part| part.subscribed || used.contains(&(*id, role)));
        }
        let known: Vec<String> = self.roles.keys().cloned().collect();
        for name in &known {
            let above = name.match_indices('/').map(|(at, _)| name[..at].to_owned());
            for above in above {
                self.roles.entry(above).or_default();
            }
        }
        let clients: BTreeSet<String> =
            self.frameworks.values().flat_map(|f| f.parts.keys().cloned()).collect();
        let wanted = |name: &str, role: &Role| !role.is_default() || clients.contains(name);
        let kept = self.roles.clone();
        self.roles.retain(|name, role| {
            let mut all = kept.iter();
            wanted(name, role) || all.any(|(n, r)| names::is_below(n, name) && wanted(n, r))
        });
        for (name, role) in &mut self.roles {
            let below = clients.iter().any(|client| names::is_below(client, name));
            match (clients.contains(name), below) {
                (false, false) => (role.offers_made, role.own_offers_made) = (0, 0),
                (false, true) => role.own_offers_made = 0,
                // Left alone it inherits what was below.
                (true, false) => role.own_offers_made = role.offers_made,
                (true, true) => {}
            }
        }
    }
}
