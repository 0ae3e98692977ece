//! Units of devices, broken by hand.

use super::*;
use crate::state::Grant;

/// A framework that holds half of unit 0 of three; the rest is offered.
fn with_units() -> (Stage, AgentId) {
    let mut stage = Stage::new();
    let agent = stage.register("devices", "cpus:4;gpus:<0=a100@x,1-2=a100>").1;
    stage.at(606);
    let of_agent = |(_, grant): &(GrantId, &Grant)| grant.agent == agent;
    let (offer, _) = stage.state.grants.iter().find(of_agent).unwrap();
    stage.launch(offer, &[("half", "cpus:1;gpus:<0=a100/0.5>")]);
    stage.at(610);
    (stage, agent)
}

fn broken(change: impl FnOnce(&mut State, AgentId)) -> String {
    let (mut stage, agent) = with_units();
    change(&mut stage.state, agent);
    stage.state.check_invariants().unwrap_err().to_string()
}

/// Item by item: no reader lets a unit in that stands twice.
fn bundle(state: &mut State, text: &str) -> Bundle {
    let mut sum = Bundle::new();
    text.split(';').for_each(|item| sum.add_assign(&state.names.intern(&item.parse().unwrap())));
    sum
}

/// Makes the total of an agent something else behind everybody's back.
fn set_total(state: &mut State, agent: AgentId, text: &str) {
    let total = bundle(state, text);
    state.set_total(agent, total);
}

#[test]
fn units_are_whole_and_sound() {
    let (stage, agent) = with_units();
    let row = stage.state.agents().get(agent).unwrap();
    assert!(row.free().is_empty());
    let again = State::from_snapshot(&stage.state.to_snapshot()).unwrap();
    assert_eq!(again.hash(), stage.state.hash());
}

#[test]
fn a_unit_that_is_held_is_not_another_one() {
    let text = broken(|state, agent| set_total(state, agent, "cpus:4;gpus:<0=h100@x,1-2=a100>"));
    assert!(text.contains("has unit 0=h100@x, and somebody holds 0=a100@x"), "{text}");
}

#[test]
fn a_unit_that_is_held_is_not_free_under_another_reservation() {
    let text = "cpus:4;gpus(a):<0=a100@x>;gpus:<1-2=a100>";
    let text = broken(|state, agent| set_total(state, agent, text));
    assert!(text.contains("of unit 0=a100@x 1000 are held and 1000 are free"), "{text}");
}

#[test]
fn a_unit_is_there_once() {
    let text = "cpus:4;gpus(a):<0=a100@x>;gpus:<0=a100@x,1-2=a100>";
    let text = broken(|state, agent| set_total(state, agent, text));
    assert!(text.contains("2000 thousandths of unit 0"), "{text}");
}

/// The task holds something else, as the sums of its agent know.
fn hold(state: &mut State, agent: AgentId, text: &str) {
    let resources = bundle(state, text);
    let row = state.agents.get_mut(agent).unwrap();
    row.allocated = resources.clone();
    let own = row.grants.clone();
    let id = own.iter().find(|id| !state.grants.get(**id).unwrap().is_offer()).unwrap();
    state.grants.get_mut(*id).unwrap().resources = resources;
}

#[test]
fn a_unit_is_granted_once() {
    let text = broken(|state, agent| hold(state, agent, "cpus:1;gpus:<0=a100@x/0.75>"));
    assert!(text.contains("offers what is allocated"), "{text}");
    let text = broken(|state, agent| hold(state, agent, "cpus:1;gpus(a):<0=a100@x/0.75>"));
    assert!(text.contains("1250 thousandths of unit 0"), "{text}");
}

#[test]
fn nobody_has_a_request() {
    let text = broken(|state, agent| {
        let mut total = state.agents.get(agent).unwrap().total.clone();
        total.add_assign(&bundle(state, "fpgas:<1 of any>"));
        state.agents.get_mut(agent).unwrap().total = total;
    });
    assert!(text.contains("has a request for devices"), "{text}");
}

#[test]
fn an_agent_has_few_units() {
    let text = broken(|state, agent| {
        set_total(state, agent, "cpus:4;gpus:<0=a100@x,1-2=a100>;fpgas:<0-63>");
    });
    assert!(text.contains("has 67 units"), "{text}");
}
