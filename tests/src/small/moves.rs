//! The moves of small worlds. Each is a few commands made for the state in which they are sent.

use tamias::State;
use tamias::command::{
    Accept, AcceptInverseOffers, Acknowledge, CloseSession, Command, DeactivateAgent, Decline,
    DrainAgent, Kill, MaintenanceWindow, MarkAgentGone, OpenSession, ReactivateAgent, Reconcile,
    RegisterAgent, RemoveAgent, ReportedTask, ReregisterAgent, Restart, Revive, RoleQuota,
    RoleWeight, SessionKind, StartMaintenance, StopMaintenance, Subscribe, Suppress, Teardown,
    Update, UpdateAgent, UpdateMaintenanceSchedule, UpdateQuota, UpdateWeights,
};
use tamias::ids::{AgentId, FrameworkId, OfferId, SessionId, TaskId};
use tamias::status::TaskState;
use tamias::time::Nanos;
use tamias::value::Uuid;

use super::Small;
use crate::world::task;

/// The first agent.
pub const AGENT_1: &str = "a1";
/// The second agent.
pub const AGENT_2: &str = "a2";
/// The framework of role r1.
pub const FRAMEWORK_1: &str = "f1";
/// The framework of role r2.
pub const FRAMEWORK_2: &str = "f2";

/// The n-th command of a move; none when it has no more, or nothing to work on.
pub type Commands = fn(&mut Small, usize) -> Option<(Option<SessionId>, Command)>;

/// A move: what a story calls it, and its commands.
#[derive(Debug, Clone, Copy)]
pub struct Move(pub &'static str, pub Commands);

/// All moves.
pub const MOVES: &[Move] = &[
    Move("f1 launches a small task on its oldest offer", |w, n| launch(w, n, FRAMEWORK_1, 1)),
    Move("f2 launches a small task on its oldest offer", |w, n| launch(w, n, FRAMEWORK_2, 1)),
    Move("f1 launches on all its offers of one agent", |w, n| launch(w, n, FRAMEWORK_1, 9)),
    Move("f1 declines its oldest offer for no time", |w, n| decline(w, n, FRAMEWORK_1, 0)),
    Move("f2 declines its oldest offer for an hour", |w, n| decline(w, n, FRAMEWORK_2, 3600)),
    Move("the oldest task starts to run", |w, n| update(w, n, TaskState::Running)),
    Move("the oldest task finishes", |w, n| update(w, n, TaskState::Finished)),
    Move("f1 acknowledges", |w, n| acknowledge(w, n, FRAMEWORK_1)),
    Move("f2 acknowledges", |w, n| acknowledge(w, n, FRAMEWORK_2)),
    Move("f1 kills its oldest task", kill),
    Move("f1 reconciles everything", |w, n| {
        once(n, by(w, FRAMEWORK_1)?, Reconcile { tasks: vec![] })
    }),
    Move("f1 suppresses its offers", |w, n| {
        once(n, by(w, FRAMEWORK_1)?, Suppress { roles: vec![] })
    }),
    Move("f1 revives its offers", |w, n| once(n, by(w, FRAMEWORK_1)?, Revive { roles: vec![] })),
    Move("f1 goes away", |w, n| once(n, by(w, FRAMEWORK_1)?, CloseSession {})),
    Move("f1 comes back, or takes itself over", |w, n| {
        arrive(w, n, SessionKind::Framework, |_| Some(subscribe(FRAMEWORK_1, "r1")))
    }),
    Move("f1 leaves its role for that of f2", |w, n| {
        once(n, by(w, FRAMEWORK_1)?, subscribe(FRAMEWORK_1, "r2"))
    }),
    Move("the operator tears f2 down", |w, n| {
        let framework = Some(framework(&w.state, FRAMEWORK_2)?);
        once(n, operator(&w.state)?, Teardown { framework })
    }),
    Move("the operator doubles the weight of r1", |w, n| {
        let weight = RoleWeight { role: "r1".into(), weight: "2".parse().ok()? };
        once(n, operator(&w.state)?, UpdateWeights { weights: vec![weight] })
    }),
    Move("the operator guarantees r1 two cpus and limits it to them", |w, n| {
        once(n, operator(&w.state)?, quota("cpus:2", "cpus:2"))
    }),
    Move("the operator takes the quota of r1 away", |w, n| {
        once(n, operator(&w.state)?, quota("", ""))
    }),
    Move("the operator takes a1 out of service", |w, n| {
        once(n, operator(&w.state)?, DeactivateAgent { agent: agent(&w.state, AGENT_1)? })
    }),
    Move("the operator takes a1 into service", |w, n| {
        once(n, operator(&w.state)?, ReactivateAgent { agent: agent(&w.state, AGENT_1)? })
    }),
    Move("the operator removes a2", |w, n| {
        once(n, operator(&w.state)?, RemoveAgent { agent: agent(&w.state, AGENT_2)? })
    }),
    Move("the operator drains a1", |w, n| {
        let agent = agent(&w.state, AGENT_1)?;
        let drain = DrainAgent { agent, max_grace_seconds: None, mark_gone: false };
        once(n, operator(&w.state)?, drain)
    }),
    Move("a2 is gone", |w, n| {
        once(n, operator(&w.state)?, MarkAgentGone { agent: agent(&w.state, AGENT_2)? })
    }),
    Move("the machine of a1 is to go", |w, n| {
        let (machines, start) = (vec![AGENT_1.into()], w.now);
        let window = MaintenanceWindow { machines, start, duration_seconds: None };
        once(n, operator(&w.state)?, UpdateMaintenanceSchedule { windows: vec![window] })
    }),
    Move("it goes down, or up again", |w, n| {
        let planned = w.state.maintenance().machines.get(AGENT_1)?;
        let machines = vec![AGENT_1.into()];
        let operator = operator(&w.state)?;
        if planned.down {
            return once(n, operator, StopMaintenance { machines });
        }
        once(n, operator, StartMaintenance { machines })
    }),
    Move("the first who is asked lets it go", |w, n| {
        let (id, offer) = w.state.maintenance().offers.iter().next()?;
        let session = w.state.frameworks().get(offer.framework)?.session()?;
        let refuse_seconds = Some(Nanos::from_secs(60));
        once(n, session, AcceptInverseOffers { inverse_offers: vec![id], refuse_seconds })
    }),
    Move("a1 is disconnected", |w, n| once(n, of_agent(&w.state, AGENT_1)?, CloseSession {})),
    Move("a1 comes back with its tasks", |w, n| come_back(w, n, true)),
    Move("a1 comes back without tasks", |w, n| come_back(w, n, false)),
    Move("a1 shrinks", |w, n| {
        let resources = "cpus:1;ports:[1-2]".parse().ok();
        let agent = agent(&w.state, AGENT_1)?;
        once(n, of_agent(&w.state, AGENT_1)?, UpdateAgent { resources, ..UpdateAgent::new(agent) })
    }),
    Move("the kernel is opened again", |_, n| (n == 0).then(|| (None, Restart {}.into()))),
    Move("six seconds go by", |w, n| wait(w, n, 6)),
    Move("a quarter of an hour goes by", |w, n| wait(w, n, 900)),
];

/// How an agent of that name registers.
///
/// # Panics
/// Never: its resources parse.
#[must_use]
pub fn register(name: &str) -> RegisterAgent {
    let resources = "cpus:2;ports:[1-4]".parse().unwrap();
    RegisterAgent { name: Some(name.into()), resources, ..RegisterAgent::default() }
}

/// A quota of r1, whatever stands against it.
///
/// # Panics
/// If the texts do not parse.
#[must_use]
pub fn quota(guarantees: &str, limits: &str) -> UpdateQuota {
    let (guarantees, limits) = (guarantees.parse().unwrap(), limits.parse().unwrap());
    UpdateQuota { quotas: vec![RoleQuota { role: "r1".into(), guarantees, limits }], force: true }
}

/// How a framework of that name subscribes, and takes itself over.
#[must_use]
pub fn subscribe(name: &str, role: &str) -> Subscribe {
    Subscribe { name: Some(name.into()), roles: vec![role.into()], ..Subscribe::default() }
}

/// A move of one command.
fn once(
    number: usize,
    session: SessionId,
    command: impl Into<Command>,
) -> Option<(Option<SessionId>, Command)> {
    (number == 0).then(|| (Some(session), command.into()))
}

fn agent(state: &State, name: &str) -> Option<AgentId> {
    state.agent_id(name)
}

fn framework(state: &State, name: &str) -> Option<FrameworkId> {
    state.framework_id(name)
}

/// The session of a framework.
fn by(world: &Small, name: &str) -> Option<SessionId> {
    world.state.frameworks().get(framework(&world.state, name)?)?.session()
}

fn of_agent(state: &State, name: &str) -> Option<SessionId> {
    state.agents().get(agent(state, name)?)?.session()
}

fn operator(state: &State) -> Option<SessionId> {
    session_of_kind(state, SessionKind::Operator)
}

fn session_of_kind(state: &State, kind: SessionKind) -> Option<SessionId> {
    state.sessions().iter().find(|(_, session)| session.kind == kind).map(|(id, _)| id)
}

fn offers(state: &State, name: &str) -> Vec<(OfferId, AgentId)> {
    let framework = framework(state, name);
    let grants = state.grants().iter();
    let own = grants.filter(|(_, grant)| grant.is_offer() && Some(grant.framework) == framework);
    own.map(|(id, grant)| (id, grant.agent)).collect()
}

fn tasks(state: &State, name: &str) -> Vec<TaskId> {
    let framework = framework(state, name);
    let tasks = state.tasks().iter();
    tasks.filter(|(_, task)| Some(task.framework) == framework).map(|(id, _)| id).collect()
}

/// Launches one task on up to so many offers of one agent; its name is the first that is free.
fn launch(
    world: &mut Small,
    number: usize,
    name: &str,
    most: usize,
) -> Option<(Option<SessionId>, Command)> {
    let session = by(world, name)?;
    let own = offers(&world.state, name);
    let (_, agent) = *own.first()?;
    let same = own.iter().filter(|(_, at)| *at == agent).take(most).map(|(id, _)| *id);
    let names = world.state.frameworks().get(framework(&world.state, name)?)?;
    let free = (1..100).map(|n| format!("t{n}")).find(|t| !names.tasks.contains_key(t.as_str()))?;
    let resources = if most == 1 { "cpus:1;ports:[1-1]" } else { "cpus:1.5" };
    let command = Accept {
        offers: same.collect(),
        operations: vec![vec![task(&free, resources)].into()],
        ..Accept::default()
    };
    once(number, session, command)
}

fn decline(
    world: &mut Small,
    number: usize,
    name: &str,
    seconds: i64,
) -> Option<(Option<SessionId>, Command)> {
    let (offer, _) = *offers(&world.state, name).first()?;
    let refuse_seconds = Some(Nanos::from_secs(seconds));
    once(number, by(world, name)?, Decline { offers: vec![offer], refuse_seconds })
}

/// Its agent reports a state of the oldest task that is connected and has not ended.
fn update(
    world: &mut Small,
    number: usize,
    state: TaskState,
) -> Option<(Option<SessionId>, Command)> {
    let agents = world.state.agents();
    let mut live = world.state.tasks().iter().filter(|(_, task)| !task.state.is_terminal());
    let (id, session) =
        live.find_map(|(id, task)| Some((id, agents.get(task.agent)?.session()?)))?;
    once(number, session, Update::new(id, state))
}

fn acknowledge(
    world: &mut Small,
    number: usize,
    name: &str,
) -> Option<(Option<SessionId>, Command)> {
    let mut own = tasks(&world.state, name).into_iter();
    let (task, uuid): (TaskId, Uuid) =
        own.find_map(|id| Some((id, world.state.tasks().get(id)?.pending.front()?.uuid)))?;
    once(number, by(world, name)?, Acknowledge { task: task.into(), uuid })
}

fn kill(world: &mut Small, number: usize) -> Option<(Option<SessionId>, Command)> {
    let task = *tasks(&world.state, FRAMEWORK_1).first()?;
    once(number, by(world, FRAMEWORK_1)?, Kill { task: task.into(), kill_grace_seconds: None })
}

/// Opens a session and sends a command in it.
fn arrive<C: Into<Command>>(
    world: &mut Small,
    number: usize,
    kind: SessionKind,
    command: impl FnOnce(&Small) -> Option<C>,
) -> Option<(Option<SessionId>, Command)> {
    match number {
        0 => Some((None, OpenSession { kind, principal: None }.into())),
        1 => {
            let session = world.opened?;
            Some((Some(session), command(world)?.into()))
        }
        _ => None,
    }
}

fn come_back(
    world: &mut Small,
    number: usize,
    with_tasks: bool,
) -> Option<(Option<SessionId>, Command)> {
    let id = agent(&world.state, AGENT_1)?;
    arrive(world, number, SessionKind::Agent, |world| {
        let tasks = world.state.tasks().iter().filter(|(_, task)| task.agent == id && with_tasks);
        let report = |id| ReportedTask { task: id, state: TaskState::Running };
        let tasks = tasks.map(|(id, _)| report(id)).collect();
        Some(ReregisterAgent { agent: Some(id), tasks, ..ReregisterAgent::default() })
    })
}

fn wait(world: &mut Small, number: usize, seconds: i64) -> Option<(Option<SessionId>, Command)> {
    if number == 0 {
        world.now = world.now.plus(Nanos::from_secs(seconds));
    }
    None
}
