//! Operations, broken by hand.

use crate::command::{
    Accept, CreateDisk, Operation, RegisterAgent, ResourcesOf, SessionKind, Subscribe, Tick,
    UpdateOperation,
};
use crate::event::Event;
use crate::ids::{AgentId, GrantId, Id, OperationId};
use crate::options::Options;
use crate::state::{Hold, State};
use crate::status::OperationState;
use crate::testing::steps::{open, send};
use crate::time::Time;

const DISK: OperationId = OperationId::from_u64(1 << 32);
const ENDED: OperationId = OperationId::from_u64(1 << 32 | 1);

/// A disk in the making, and a reservation that has ended and is not acknowledged.
fn stage() -> State {
    let mut state = State::new(Options::mesos(), Time(0));
    let scheduler = open(&mut state, SessionKind::Framework);
    let subscribe = Subscribe { roles: vec!["r".into()], ..Subscribe::default() };
    send(&mut state, Some(scheduler), subscribe);
    let driver = open(&mut state, SessionKind::Agent);
    let resources = "cpus:4;disk<source=raw,profile=p,provider=q>:100".parse().unwrap();
    send(&mut state, Some(driver), RegisterAgent { resources, ..RegisterAgent::default() });
    let effects = send(&mut state, None, Tick {}).1;
    let Event::Offer(offer) = &effects[0].event else { panic!("{effects:?}") };
    let source = "disk<source=raw,profile=p,provider=q>:60".parse().unwrap();
    let create = CreateDisk { source, id: Some("disk".into()), ..CreateDisk::default() };
    let resources = "cpus(+r):1".parse().unwrap();
    let reserve = ResourcesOf { resources, id: Some("cpus".into()) };
    let operations = vec![Operation::CreateDisk(create), Operation::Reserve(reserve)];
    let offers = vec![offer.offer];
    send(&mut state, Some(scheduler), Accept { offers, operations, ..Accept::default() });
    let end = UpdateOperation::new(ENDED, OperationState::Finished);
    send(&mut state, Some(driver), end);
    state
}

type Break = fn(&mut State);

fn agent(state: &mut State) -> &mut crate::state::Agent {
    let id = state.agents.ids().next().unwrap();
    state.agents.get_mut(id).unwrap()
}

fn framework(state: &mut State) -> &mut crate::state::Framework {
    let id = state.frameworks.ids().next().unwrap();
    state.frameworks.get_mut(id).unwrap()
}

fn row(state: &mut State, id: OperationId) -> &mut crate::state::Operation {
    state.operations.get_mut(id).unwrap()
}

#[test]
fn every_break_is_reported() {
    const NOBODY: OperationId = OperationId::from_u64(1 << 32 | 9);
    let breaks: [(&str, &str, Break); 17] = [
        ("I43", "does not list its operation", |s| framework(s).operations.clear()),
        ("I43", "lists an operation that is gone", |s| {
            framework(s).operations.insert(NOBODY);
        }),
        ("I43", "is not found by its id", |s| framework(s).operation_ids.clear()),
        ("I43", "id is left over", |s| {
            framework(s).operation_ids.insert("other".into(), DISK);
        }),
        ("I44", "does not list its operation", |s| agent(s).operations.clear()),
        ("I44", "lists an operation that is gone", |s| {
            agent(s).operations.insert(NOBODY);
        }),
        ("I44", "has no agent", |s| row(s, DISK).agent = AgentId::from_parts(9, 1)),
        ("I44", "is OPERATION_UNREACHABLE on agent", |s| {
            row(s, ENDED).state = OperationState::Unreachable;
        }),
        ("I44", "since when", |s| row(s, DISK).unreachable_since = Some(Time(1))),
        ("I41", "is not held by its operation", |s| row(s, DISK).hold = Hold::Released),
        ("I41", "is not held by its operation", |s| {
            row(s, DISK).hold = Hold::Granted(GrantId::from_parts(99, 1));
        }),
        ("I41", "holds", |s| {
            let hold = row(s, DISK).hold.clone();
            row(s, ENDED).hold = hold;
        }),
        ("I42", "an answer", |s| {
            let row = row(s, ENDED);
            (row.state, row.report) = (OperationState::Unknown, None);
        }),
        ("I47", "has a report, or has none", |s| row(s, ENDED).report = None),
        ("I47", "nobody is to acknowledge it", |s| {
            row(s, ENDED).name = None;
            framework(s).operation_ids.remove("cpus");
        }),
        ("I45", "does not have", |s| {
            let retry = row(s, ENDED).retry.take();
            row(s, DISK).retry = retry;
        }),
        ("timers", "", |s| row(s, ENDED).retry = None),
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
fn a_snapshot_has_operations() {
    let state = stage();
    let again = State::from_snapshot(&state.to_snapshot()).unwrap();
    assert_eq!(again.hash(), state.hash());
    assert_eq!(again.operations().len(), 2);
    assert!(again.operations().get(DISK).unwrap().hold.grant().is_some());
}
