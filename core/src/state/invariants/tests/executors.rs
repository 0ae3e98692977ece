//! Executors and groups, broken by hand.

use crate::command::{
    Accept, ExecutorKind, ExecutorSpec, LaunchGroup, RegisterAgent, SessionKind, Subscribe,
    TaskSpec, Tick,
};
use crate::event::Event;
use crate::ids::{ExecutorId, FrameworkId, GrantId, Id};
use crate::options::Options;
use crate::state::{Hold, State};
use crate::testing::steps::{open, send};
use crate::time::Time;

/// A group of two tasks with an executor.
fn stage() -> State {
    let mut state = State::new(Options::default(), Time(0));
    let scheduler = open(&mut state, SessionKind::Framework);
    let subscribe = Subscribe { roles: vec!["r".into()], ..Subscribe::default() };
    send(&mut state, Some(scheduler), subscribe);
    let driver = open(&mut state, SessionKind::Agent);
    let resources = "cpus:4;mem:1024;disk:100".parse().unwrap();
    send(&mut state, Some(driver), RegisterAgent { resources, ..RegisterAgent::default() });
    let effects = send(&mut state, None, Tick {}).1;
    let Event::Offer(offer) = &effects[0].event else { panic!("{effects:?}") };
    let task = |name: &str| TaskSpec {
        name: name.into(),
        resources: "cpus:1".parse().unwrap(),
        ..TaskSpec::default()
    };
    let executor = ExecutorSpec {
        name: "pod".into(),
        kind: ExecutorKind::Default,
        resources: "cpus:0.1;mem:32;disk:1".parse().unwrap(),
        ..ExecutorSpec::default()
    };
    let group =
        LaunchGroup { executor: Some(Box::new(executor)), tasks: vec![task("a"), task("b")] };
    let operations = vec![group.into()];
    let offers = vec![offer.offer];
    send(&mut state, Some(scheduler), Accept { offers, operations, ..Accept::default() });
    state
}

type Break = fn(&mut State);

#[test]
fn every_break_is_reported() {
    const EXECUTOR: ExecutorId = ExecutorId::from_u64(1 << 32);
    let breaks: [(&str, &str, Break); 12] = [
        ("I44", "does not list its executor", |s| {
            let agent = s.agents.ids().next().unwrap();
            s.agents.get_mut(agent).unwrap().executors.clear();
        }),
        ("I44", "does not list its executor", |s| {
            let framework = s.frameworks.ids().next().unwrap();
            s.frameworks.get_mut(framework).unwrap().executors.clear();
        }),
        ("I44", "lists an executor that is gone", |s| {
            let agent = s.agents.ids().next().unwrap();
            let nobody = ExecutorId::from_parts(9, 1);
            s.agents.get_mut(agent).unwrap().executors.insert(nobody);
        }),
        ("I44", "lists an executor that is gone", |s| {
            let framework = s.frameworks.ids().next().unwrap();
            let nobody = ExecutorId::from_parts(9, 1);
            s.frameworks.get_mut(framework).unwrap().executors.insert(nobody);
        }),
        ("I43", "has the name of another", |s| {
            let mut again = s.executors.get(EXECUTOR).unwrap().clone();
            again.hold = Hold::Released;
            let (agent, framework) = (again.agent, again.framework);
            let id = s.executors.insert(again);
            s.list_executor(id, agent, framework);
        }),
        ("I41", "not called as it is described", |s| {
            s.executors.get_mut(EXECUTOR).unwrap().name = "other".into();
        }),
        ("I41", "is not held by its executor", |s| {
            s.executors.get_mut(EXECUTOR).unwrap().hold = Hold::Released;
        }),
        ("I41", "which is not there", |s| {
            let task = s.tasks.ids().next().unwrap();
            s.tasks.get_mut(task).unwrap().executor.as_mut().unwrap().id =
                ExecutorId::from_parts(9, 1);
        }),
        ("I41", "which is not there", |s| {
            let task = s.tasks.ids().next().unwrap();
            s.tasks.get_mut(task).unwrap().executor.as_mut().unwrap().name = "other".into();
        }),
        ("timers", "is not set", |s| {
            let timer = s.executors.get(EXECUTOR).unwrap().registration;
            s.timers.cancel(timer);
        }),
        ("timers", "is not awaited", |s| {
            let row = s.executors.get_mut(EXECUTOR).unwrap();
            row.state = crate::state::ExecutorState::Running;
        }),
        ("I49", "in a group of others", |s| {
            let task = s.tasks.ids().min().unwrap();
            s.tasks.get_mut(task).unwrap().group = None;
        }),
    ];
    let sound = stage();
    for (invariant, words, break_it) in breaks {
        let mut broken = sound.clone();
        break_it(&mut broken);
        let violation = broken.check_invariants().expect_err(words);
        let text = violation.to_string();
        assert!(violation.invariant == invariant && text.contains(words), "{words}: {text}");
    }
}

#[test]
fn what_is_held_is_charged() {
    let mut state = stage();
    let id = state.executors.ids().next().unwrap();
    let grant = GrantId::from_parts(99, 1);
    let held =
        std::mem::replace(&mut state.executors.get_mut(id).unwrap().hold, Hold::Granted(grant));
    assert_eq!(state.check_executors().unwrap_err().invariant, "I41");
    state.executors.get_mut(id).unwrap().hold = held;
    let nobody = FrameworkId::from_parts(7, 7);
    state.executors.get_mut(id).unwrap().framework = nobody;
    assert_eq!(state.check_executors().unwrap_err().invariant, "I44");
}

#[test]
fn a_snapshot_has_executors() {
    let state = stage();
    let again = State::from_snapshot(&state.to_snapshot()).unwrap();
    assert_eq!(again.hash(), state.hash());
    assert_eq!(again.executors().len(), 1);
}
