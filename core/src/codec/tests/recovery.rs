//! After a snapshot and a restart everybody comes back, and every agent holds what it held.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::command::{
    Command, RegisterAgent, RemoveAgent, ReportedTask, ReregisterAgent, Restart, SessionKind,
    Subscribe, Tick,
};
use crate::ids::{AgentId, FrameworkId, SessionId, TaskId};
use crate::reply::Reply;
use crate::resources::{Bundle, Resources};
use crate::state::{Drain, Hold, Liveness, Task};
use crate::status::TaskState;
use crate::testing::choice;
use crate::testing::script::lived;
use crate::testing::steps;
use crate::time::Time;

fn send(state: &mut State, session: Option<SessionId>, command: impl Into<Command>) -> Reply {
    steps::send(state, session, command).0
}

/// What the tasks of each agent hold, and will hold again once it can be reached.
/// By agent, with names: two states need not number the metadata of resources alike.
fn held(state: &State) -> BTreeMap<AgentId, Resources> {
    let mut held: BTreeMap<AgentId, Bundle> = BTreeMap::new();
    for (_, task) in state.tasks().iter() {
        let resources = match &task.hold {
            Hold::Granted(grant) => &state.grants().get(*grant).unwrap().resources,
            Hold::Parked(resources) => resources,
            Hold::Released => continue,
        };
        held.entry(task.agent).or_default().add_assign(resources);
    }
    for (_, row) in state.executors().iter() {
        let resources = match &row.hold {
            Hold::Granted(grant) => &state.grants().get(*grant).unwrap().resources,
            Hold::Parked(resources) => resources,
            Hold::Released => continue,
        };
        held.entry(row.agent).or_default().add_assign(resources);
    }
    held.into_iter().map(|(agent, sum)| (agent, state.names().named(&sum))).collect()
}

/// What the kernel must know by itself, for nobody else does.
#[derive(Debug, PartialEq)]
struct Registered {
    agents: Vec<(AgentId, bool, Option<Drain>)>,
    lost: Vec<(AgentId, Time)>,
    gone: BTreeMap<AgentId, Time>,
    schedule: Vec<(Box<str>, crate::state::maintenance::Planned)>,
    weights: BTreeMap<String, crate::resources::Amount>,
}

fn registered(state: &State) -> Registered {
    let lost = state.agents().iter().filter_map(|(id, agent)| match agent.liveness {
        Liveness::Unreachable(since) => Some((id, since)),
        _ => None,
    });
    let roles = state.roles().iter().filter(|(_, role)| role.weight.milli() != 1000);
    let machines = state.maintenance().machines.iter();
    Registered {
        agents: state.agents().iter().map(|(id, a)| (id, a.deactivated, a.drain)).collect(),
        lost: lost.collect(),
        gone: state.registry().gone.clone(),
        schedule: machines.map(|(name, planned)| (name.clone(), *planned)).collect(),
        weights: roles.map(|(_, role)| (role.name.to_string(), role.weight)).collect(),
    }
}

/// How its agent sees a task that it has.
fn reported((task, row): (TaskId, &Task)) -> ReportedTask {
    let newest = row.pending.back().map_or(row.state, |update| update.state);
    let state = if newest == TaskState::Unreachable { TaskState::Running } else { newest };
    ReportedTask { task, state }
}

fn agents_return(state: &mut State) {
    let known = state.agents().iter().filter(|(_, agent)| !agent.is_removing());
    let known: Vec<AgentId> = known.map(|(id, _)| id).collect();
    for id in known {
        if state.planned(id).is_some_and(|planned| planned.down) {
            continue;
        }
        let own = state.tasks().iter().filter(|(_, task)| task.agent == id);
        let tasks = own.filter(|(_, task)| !task.state.is_terminal()).map(reported).collect();
        let executors = state.executors().iter().filter(|(_, row)| row.agent == id);
        let executors = executors.map(|(id, _)| id).collect();
        let session = steps::open(state, SessionKind::Agent);
        send(
            state,
            Some(session),
            ReregisterAgent { agent: Some(id), tasks, executors, ..Default::default() },
        );
    }
}

fn frameworks_return(state: &mut State) {
    let known = state.frameworks().iter().filter(|(_, framework)| !framework.is_removing());
    let known: Vec<FrameworkId> = known.map(|(id, _)| id).collect();
    for id in known {
        let parts = state.frameworks().get(id).unwrap().roles.iter();
        let subscribed = parts.filter(|(_, part)| part.subscribed).map(|(role, _)| *role);
        let names = subscribed.map(|role| (&*state.roles().get(role).unwrap().name).into());
        let subscribe =
            Subscribe { framework: Some(id), roles: names.collect(), ..Default::default() };
        let session = steps::open(state, SessionKind::Framework);
        send(state, Some(session), subscribe);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// I59, whoever comes back first.
    #[test]
    fn what_agents_hold_survives_a_restart(
        choices in vec(choice(), 1..250),
        mesos in any::<bool>(),
        agents_first in any::<bool>(),
    ) {
        let options = if mesos { Options::mesos() } else { Options::default() };
        let before = lived(State::new(options, START), &choices);
        let mut state = State::from_snapshot(&before.to_snapshot()).unwrap();
        send(&mut state, None, Restart {});
        prop_assert_eq!(registered(&state), registered(&before));
        if agents_first {
            agents_return(&mut state);
            frameworks_return(&mut state);
        } else {
            frameworks_return(&mut state);
            agents_return(&mut state);
        }
        prop_assert_eq!(held(&state), held(&before));
        prop_assert!(state.check_invariants().is_ok());
        let of_pools = |state: &State| {
            let names = state.names();
            let pools = state.pools().iter();
            let pools = pools.map(|(name, pool)| (String::from(name), names.named(&pool.total)));
            pools.collect::<BTreeMap<_, _>>()
        };
        prop_assert_eq!(of_pools(&state), of_pools(&before));
        for (id, agent) in state.agents().iter().filter(|(_, agent)| agent.session().is_some()) {
            let expected = held(&before).remove(&id).unwrap_or_default();
            let expected = state.names().find(&expected).unwrap();
            prop_assert_eq!(&agent.allocated, &*state.pools().without(&expected));
        }
    }
}

/// Roles that only reservations make are made and dropped by name: in what order a kernel came to
/// know of their metadata is another one after a restore.
#[test]
fn reserved_roles_keep_their_ids_after_a_restore() {
    let mut state = State::new(Options::default(), START);
    let driver = steps::open(&mut state, SessionKind::Agent);
    let mut register = |resources: &str| {
        let resources = resources.parse().unwrap();
        let register = RegisterAgent { resources, ..RegisterAgent::default() };
        match send(&mut state, Some(driver), register) {
            Reply::Registered { agent } => agent,
            other => panic!("not registered: {other:?}"),
        }
    };
    // The live kernel knows of `b` first, a restored one of `a`.
    let first = register("cpus(b):1");
    let both = register("cpus(a):1;cpus(b):1");
    let remove = |state: &mut State, agent| {
        send(state, Some(driver), RemoveAgent { agent });
        while let Reply::Ticked { more: true, .. } = send(state, None, Tick {}) {}
    };
    remove(&mut state, first);
    let mut twin = State::from_snapshot(&state.to_snapshot()).unwrap();
    for state in [&mut state, &mut twin] {
        remove(state, both);
        let resources = "cpus(c):1;cpus(d):1".parse().unwrap();
        send(state, Some(driver), RegisterAgent { resources, ..RegisterAgent::default() });
    }
    assert_eq!(twin.hash(), state.hash());
}

/// The lives of the test above hold something.
#[test]
fn something_is_held() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut holding = 0;
    for _ in 0..20 {
        let choices = vec(choice(), 250).new_tree(&mut runner).unwrap().current();
        holding +=
            usize::from(!held(&lived(State::new(Options::default(), START), &choices)).is_empty());
    }
    assert!(holding > 5, "{holding} of 20 lives hold anything at their end");
}
