//! Commands that suit the state they are sent to, so that a random life of a kernel is a long one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::command::{
    Accept, AcceptInverseOffers, Acknowledge, Action, AdvanceTime, Allocate, CloseSession, Command,
    DeactivateAgent, Decline, DeclineInverseOffers, DrainAgent, Envelope, ExecutorLost,
    ExecutorSpec, Kill, LaunchGroup, MaintenanceWindow, MarkAgentGone, OpenSession, Operation,
    ReactivateAgent, Reconcile, ReconcileTask, RegisterAgent, RegisterExecutor, RemoveAgent,
    ReportedTask, ReregisterAgent, Restart, Revive, RoleQuota, RoleWeight, Rule,
    SendFrameworkMessage, SendMessage, SessionKind, SetPolicy, ShutdownExecutor, StartMaintenance,
    StopMaintenance, Subscribe, Suppress, TaskCommand, TaskRef, TaskSpec, Teardown, Tick, Unwatch,
    Update, UpdateAgent, UpdateFramework, UpdateMaintenanceSchedule, UpdateOperation, UpdateQuota,
    UpdateWeights, Watch,
};
use crate::constraint::{Constraint, Predicate, Selector};
use crate::event::Effects;
use crate::ids::{AgentId, FrameworkId, OfferId, SessionId, TaskId};
use crate::limits::TIME_STEP_MAX;
use crate::machine::apply;
use crate::resources::{Amount, Name, Quantities, Resources};
use crate::state::{Agent, Framework, State};
use crate::status::{OperationState, TaskState};
use crate::time::Nanos;
use crate::value::{Bytes, Ext};

/// What is left open in a command until the state is known.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Which command.
    pub what: u8,
    /// About which of the objects that there are.
    pub which: u16,
    /// With which details.
    pub detail: u16,
    /// How many milliseconds after the command before.
    pub millis: u16,
}

/// Any choice.
pub fn choice() -> impl Strategy<Value = Choice> {
    (any::<u8>(), any::<u16>(), any::<u16>(), 0..2000_u16)
        .prop_map(|(what, which, detail, millis)| Choice { what, which, detail, millis })
}

const ROLES: [&str; 3] = ["web", "batch", "*"];

/// A state after a life of such commands.
#[must_use]
pub fn lived(mut state: State, choices: &[Choice]) -> State {
    for choice in choices {
        let envelope = plausible(&state, *choice);
        let _ = apply(&mut state, &envelope, &mut Effects::new());
    }
    state
}

/// A command that the state probably accepts; a new session if the choice finds no object.
#[must_use]
pub fn plausible(state: &State, choice: Choice) -> Envelope {
    let now = state.now().plus(Nanos::from_millis(i64::from(choice.millis)));
    if choice.what % 38 < 6 {
        // When something is due, so that timers fire; deadlines beyond a day are left alone.
        let due = state.next_deadline().filter(|due| due.since(now) < TIME_STEP_MAX);
        let now = due.map_or(now, |due| due.max(now));
        return Envelope { now, session: None, command: Tick {}.into() };
    }
    let pick = Pick { state, choice };
    let chosen = match choice.what % 38 {
        6 => Some((None, pick.open_session())),
        7..=9 => pick.subscribe(),
        10 | 11 => pick.register(),
        12..=17 => pick.accept(),
        18 => pick.decline(),
        19..=21 => pick.update(),
        22..=24 => pick.acknowledge(),
        25 => pick.executor().or_else(|| pick.kill()),
        26 if choice.which % 4 == 0 => pick.kill(),
        26 => pick.operator(),
        27 => pick.framework_flow(),
        28 => pick.update_agent(),
        29 => pick.reregister(),
        30 if choice.which % 2 == 0 => pick.pool(),
        30 => pick.reconcile(),
        31 | 32 => pick.accept_operation(),
        33 => pick.feedback().or_else(|| pick.accept_operation()),
        34..=36 => pick.operator_operation(),
        _ => Some(pick.rarely()),
    };
    let (session, command) = chosen.unwrap_or_else(|| (None, pick.open_session()));
    Envelope { now, session, command }
}

pub(super) type Chosen = Option<(Option<SessionId>, Command)>;

pub(super) struct Pick<'a> {
    pub(super) state: &'a State,
    pub(super) choice: Choice,
}

impl Pick<'_> {
    /// One of the things, evenly.
    pub(super) fn one<T>(&self, items: impl Iterator<Item = T>) -> Option<T> {
        let mut items: Vec<T> = items.collect();
        let at = usize::from(self.choice.which).checked_rem(items.len())?;
        Some(items.swap_remove(at))
    }

    pub(super) fn role(&self) -> Box<str> {
        ROLES[usize::from(self.choice.detail) % ROLES.len()].into()
    }

    fn span(&self) -> Option<Nanos> {
        let seconds = i64::from(self.choice.detail % 8);
        (seconds > 0).then(|| Nanos::from_secs(seconds))
    }

    pub(super) fn session(&self, kind: SessionKind) -> Option<SessionId> {
        let sessions = self.state.sessions().iter();
        self.one(sessions.filter(|(_, s)| s.kind == kind).map(|(id, _)| id))
    }

    fn framework(&self) -> Option<(FrameworkId, SessionId)> {
        let connected = |(id, f): (_, &Framework)| f.session().map(|session| (id, session));
        self.one(self.state.frameworks().iter().filter_map(connected))
    }

    fn agent(&self) -> Option<(AgentId, SessionId)> {
        let connected = |(id, a): (_, &Agent)| a.session().map(|session| (id, session));
        self.one(self.state.agents().iter().filter_map(connected))
    }

    pub(super) fn offer(&self) -> Option<(OfferId, SessionId, Resources)> {
        let (id, grant) = self.one(self.state.grants().iter().filter(|(_, g)| g.is_offer()))?;
        let session = self.state.frameworks().get(grant.framework)?.session()?;
        Some((id, session, self.state.names().named(&grant.resources)))
    }

    fn task(&self) -> Option<(TaskId, SessionId)> {
        let (id, task) = self.one(self.state.tasks().iter())?;
        Some((id, self.state.frameworks().get(task.framework)?.session()?))
    }

    fn open_session(&self) -> Command {
        let kinds = [SessionKind::Framework, SessionKind::Agent, SessionKind::Operator];
        let kind = kinds[usize::from(self.choice.which) % kinds.len()];
        OpenSession { kind, principal: self.span().map(|_| "alice".into()) }.into()
    }

    fn subscribe(&self) -> Chosen {
        let session = self.session(SessionKind::Framework)?;
        let own = self.state.sessions().get(session)?.framework;
        let away = self.state.frameworks().iter().filter(|(_, f)| f.session().is_none());
        let away = away.filter(|(_, f)| !f.is_removing()).map(|(id, _)| id).next();
        let subscribe = Subscribe {
            framework: own.or(away.filter(|_| self.choice.detail % 2 == 0)),
            roles: vec![self.role()],
            failover_timeout_seconds: self.span(),
            offer_constraints: self.constraints(),
            ..Subscribe::default()
        };
        Some((Some(session), subscribe.into()))
    }

    /// Constraints in the role of a subscription, now and then.
    fn constraints(&self) -> BTreeMap<Box<str>, Vec<Vec<Constraint>>> {
        if self.choice.detail % 5 != 3 {
            return BTreeMap::new();
        }
        let constraint = |selector, predicate| Constraint { selector, predicate };
        let groups = vec![
            vec![constraint(Selector::Hostname, Predicate::TextNotMatches("agent-[13]".into()))],
            vec![constraint(Selector::Attribute("rack".into()), Predicate::Exists)],
        ];
        BTreeMap::from([(self.role(), groups)])
    }

    fn register(&self) -> Chosen {
        let session = self.session(SessionKind::Agent)?;
        let cpus = 1 + self.choice.detail % 8;
        let raw = if self.choice.which % 2 == 0 {
            ";disk<source=raw,profile=p,provider=q>:16"
        } else {
            ""
        };
        let gpus = if self.choice.detail % 3 == 0 { ";gpus:<0-3=a@x,4-5=a@y,6=t4>" } else { "" };
        let total = format!("cpus:{cpus};mem:4096;disk:64;ports:[100-199]{raw}{gpus}");
        let register = RegisterAgent {
            name: self.span().map(|_| format!("agent-{}", self.choice.detail).into()),
            resources: total.parse().ok()?,
            attributes: ["rack:r1", "os:linux"][usize::from(self.choice.detail % 2)]
                .parse()
                .ok()?,
            ..RegisterAgent::default()
        };
        Some((Some(session), register.into()))
    }

    fn accept(&self) -> Chosen {
        let (offer, session, offered) = self.offer()?;
        let part = match self.choice.detail % 6 {
            0 => offered,
            1 | 4 => "cpus:0.5;mem:64".parse().ok()?,
            2 => "cpus:0.25;gpus:<0.3 of any>".parse().ok()?,
            3 => "cpus:0.25;gpus:<2 of a|h100 in one group>".parse().ok()?,
            _ => "cpus:0.25;ports:[100-100]".parse().ok()?,
        };
        let detail = self.choice.detail;
        let task = TaskSpec {
            name: format!("task-{detail}").into(),
            resources: part,
            command: Some(TaskCommand { shell: Some("true".into()), ..TaskCommand::default() }),
            max_completion_seconds: self.span(),
            ext: (detail % 5 == 0).then(|| Ext {
                media_type: "text/plain".into(),
                bytes: Bytes(detail.to_be_bytes().into()),
            }),
            ..TaskSpec::default()
        };
        let operations = vec![self.launch(task)];
        let refuse_seconds = self.span();
        let accept = Accept { offers: vec![offer], operations, refuse_seconds, on_invalid: None };
        Some((Some(session), accept.into()))
    }

    /// A task alone, with an executor, or in a group.
    fn launch(&self, mut task: TaskSpec) -> Operation {
        let executor = Box::new(ExecutorSpec {
            name: format!("executor-{}", self.choice.which % 3).into(),
            ext: Some(Ext { media_type: "text/plain".into(), bytes: Bytes(vec![1]) }),
            ..ExecutorSpec::default()
        });
        match self.choice.which % 8 {
            0..=2 => {
                (task.command, task.executor) = (None, Some(executor));
                vec![task].into()
            }
            3 => LaunchGroup { executor: None, tasks: vec![task] }.into(),
            _ => vec![task].into(),
        }
    }

    /// What becomes of an executor.
    fn executor(&self) -> Chosen {
        let (id, row) = self.one(self.state.executors().iter())?;
        let driver = self.state.agents().get(row.agent)?.session();
        let (agent, executor) = (row.agent, row.name.as_ref().into());
        match self.choice.detail % 4 {
            0 => {
                let session = self.state.frameworks().get(row.framework)?.session()?;
                Some((Some(session), ShutdownExecutor { agent, executor }.into()))
            }
            1 => {
                let lost = ExecutorLost { executor: id, status: None, reason: None, message: None };
                Some((Some(driver?), lost.into()))
            }
            _ => Some((Some(driver?), RegisterExecutor { executor: id }.into())),
        }
    }

    fn decline(&self) -> Chosen {
        let (offer, session, _) = self.offer()?;
        let decline = Decline { offers: vec![offer], refuse_seconds: self.span() };
        Some((Some(session), decline.into()))
    }

    fn update(&self) -> Chosen {
        const STATES: [TaskState; 6] = [
            TaskState::Starting,
            TaskState::Running,
            TaskState::Running,
            TaskState::Finished,
            TaskState::Failed,
            TaskState::Killed,
        ];
        let (id, task) = self.one(self.state.tasks().iter())?;
        let session = self.state.agents().get(task.agent)?.session()?;
        let state = STATES[usize::from(self.choice.detail) % STATES.len()];
        Some((Some(session), Update::new(id, state).into()))
    }

    fn acknowledge(&self) -> Chosen {
        let (id, session) = self.task()?;
        let uuid = self.state.tasks().get(id)?.pending.front()?.uuid;
        Some((Some(session), Acknowledge { task: id.into(), uuid }.into()))
    }

    fn kill(&self) -> Chosen {
        let (id, session) = self.task()?;
        let kill = Kill { task: id.into(), kill_grace_seconds: self.span() };
        Some((Some(session), kill.into()))
    }

    fn operator(&self) -> Chosen {
        let session = self.session(SessionKind::Operator)?;
        let agent = self.one(self.state.agents().ids());
        let command = match (self.choice.detail % 18, agent) {
            (0..=2, Some(agent)) => DeactivateAgent { agent }.into(),
            (3..=5, Some(agent)) => ReactivateAgent { agent }.into(),
            (7, Some(agent)) if self.choice.which % 2 == 0 => {
                Allocate { agents: vec![agent] }.into()
            }
            (7, _) => Allocate::default().into(),
            (6, Some(agent)) => RemoveAgent { agent }.into(),
            (13, Some(agent)) => MarkAgentGone { agent }.into(),
            (8 | 9, Some(agent)) => {
                let mark_gone = self.choice.which % 2 == 0;
                DrainAgent { agent, max_grace_seconds: self.span(), mark_gone }.into()
            }
            (10..=12, _) => self.maintenance(),
            (14, _) => self.quota(),
            (15, _) => self.policy(),
            (16, _) => Watch { nouns: None }.into(),
            (17, _) => Unwatch {}.into(),
            _ => {
                let weight = Amount::from_milli(1 + i64::from(self.choice.which) % 4000);
                let weight = RoleWeight { role: self.role(), weight };
                UpdateWeights { weights: vec![weight] }.into()
            }
        };
        Some((Some(session), command))
    }

    /// What comes next in the maintenance of a machine, or mostly: up again if one is down, down
    /// if one is scheduled, else a schedule.
    fn maintenance(&self) -> Command {
        let machines = || self.state.maintenance().machines.iter();
        let down = self.one(machines().filter(|(_, planned)| planned.down));
        let due = self.one(machines().filter(|(_, planned)| !planned.down));
        match (down, due) {
            _ if self.choice.which % 4 == 0 => self.schedule(),
            (Some((name, _)), _) => StopMaintenance { machines: vec![name.clone()] }.into(),
            (None, Some((name, _))) => StartMaintenance { machines: vec![name.clone()] }.into(),
            (None, None) => self.schedule(),
        }
    }

    /// A schedule with the machines that are down and one more.
    fn schedule(&self) -> Command {
        let scheduled = self.state.maintenance().machines.iter();
        let mut machines: std::collections::BTreeSet<Box<str>> =
            scheduled.filter(|(_, planned)| planned.down).map(|(name, _)| name.clone()).collect();
        let agents = self.state.agents().iter();
        let names = agents.filter_map(|(_, agent)| agent.machine()).map(Box::<str>::from);
        machines.extend(self.one(names));
        let machines: Vec<_> = machines.into_iter().collect();
        let windows = if machines.is_empty() {
            Vec::new()
        } else {
            let duration_seconds = self.span();
            vec![MaintenanceWindow { machines, start: self.state.now(), duration_seconds }]
        };
        UpdateMaintenanceSchedule { windows }.into()
    }

    /// Guarantees, limits, both or none of them.
    fn quota(&self) -> Command {
        let halves = |most| Amount::from_milli(i64::from(self.choice.which % most) * 500);
        let mut guarantees = Quantities::new();
        guarantees.set(Name::CPUS, halves(5));
        let limits = [(Name::CPUS, halves(17))].into_iter();
        let limits = limits.filter(|_| self.choice.which % 3 > 0).collect();
        let quota = RoleQuota { role: self.role(), guarantees, limits };
        UpdateQuota { quotas: vec![quota], force: self.choice.which % 2 == 0 }.into()
    }

    /// One rule about one action, in a role or in all.
    fn policy(&self) -> Command {
        let action = Action::ALL[usize::from(self.choice.which) % Action::ALL.len()];
        let roles = (self.choice.which % 2 == 0).then(|| vec![self.role()]);
        let allow = self.choice.which % 3 == 0;
        let rule = Rule { principals: None, actions: Some(vec![action]), roles, allow };
        SetPolicy { rules: vec![rule], otherwise: true }.into()
    }

    fn framework_flow(&self) -> Chosen {
        let (_, session) = self.framework()?;
        let asked = self.one(self.state.maintenance().offers.iter());
        if let Some((id, offer)) = asked.filter(|_| self.choice.detail % 2 == 0) {
            let session = self.state.frameworks().get(offer.framework)?.session()?;
            let (inverse_offers, refuse_seconds) = (vec![id], self.span());
            let command = if self.choice.detail % 4 == 0 {
                AcceptInverseOffers { inverse_offers, refuse_seconds }.into()
            } else {
                DeclineInverseOffers { inverse_offers, refuse_seconds }.into()
            };
            return Some((Some(session), command));
        }
        let agent = self.one(self.state.agents().ids());
        let command = match (self.choice.detail % 9, agent) {
            (0..=2, _) => Suppress { roles: Vec::new() }.into(),
            (3, _) => {
                UpdateFramework(Subscribe { roles: vec![self.role()], ..Default::default() }).into()
            }
            (4, Some(agent)) => {
                SendMessage { agent, executor: "task-1".into(), data: Bytes(vec![4]) }.into()
            }
            _ => Revive { roles: Vec::new() }.into(),
        };
        Some((Some(session), command))
    }

    fn update_agent(&self) -> Chosen {
        let (agent, session) = self.agent()?;
        if let Some((framework, _)) = self.framework().filter(|_| self.choice.detail % 8 == 7) {
            let (executor, data) = ("task-1".into(), Bytes(vec![7]));
            let said = SendFrameworkMessage { agent, framework, executor, data };
            return Some((Some(session), said.into()));
        }
        let total = format!("cpus:{};mem:2048;disk:64", 1 + self.choice.detail % 8);
        let resources = Some(total.parse().ok()?);
        Some((Some(session), UpdateAgent { resources, ..UpdateAgent::new(agent) }.into()))
    }

    fn reregister(&self) -> Chosen {
        let session = self.session(SessionKind::Agent)?;
        let away = |a: &Agent| a.session().is_none() && !a.is_removing();
        let (id, agent) = self.one(self.state.agents().iter().filter(|(_, a)| away(a)))?;
        let tasks = agent.tasks.iter().filter(|_| self.choice.detail % 4 != 0);
        let tasks = tasks.map(|task| ReportedTask { task: *task, state: TaskState::Running });
        let has = agent.operations.iter().filter(|_| self.choice.detail % 3 != 0);
        let operations = has.map(|id| UpdateOperation::new(*id, OperationState::Pending)).collect();
        let agent = Some(id);
        let command =
            ReregisterAgent { agent, tasks: tasks.collect(), operations, ..Default::default() };
        Some((Some(session), command.into()))
    }

    fn reconcile(&self) -> Chosen {
        let (_, session) = self.framework()?;
        let named = ReconcileTask { task: TaskRef::from("task-1"), agent: None };
        let tasks = self.span().map(|_| named).into_iter().collect();
        Some((Some(session), Reconcile { tasks }.into()))
    }

    fn rarely(&self) -> (Option<SessionId>, Command) {
        match self.choice.detail % 12 {
            0 => (None, Restart {}.into()),
            1..=3 => (self.framework().map(|(_, session)| session), Teardown::default().into()),
            4..=7 => (self.one(self.state.sessions().ids()), CloseSession {}.into()),
            _ => (None, AdvanceTime {}.into()),
        }
    }
}
