//! States with a pool of which something is offered, allocated and parked.

use super::*;
use crate::command::AddPool;
use crate::state::State;

/// The stage with a pool beside what it has; the offer and the running task have a part of it.
fn with_pool() -> Stage {
    let mut stage = Stage::new();
    let operator = stage.open(SessionKind::Operator);
    let name = "flex".into();
    let resources = "licences:4;tokens:[1-4]".parse().unwrap();
    stage.send(Some(operator), AddPool { name, resources });
    stage.register("beside", "cpus:2");
    let offer = stage.offer();
    stage.running = stage.launch(offer, &[("with", "cpus:0.5;licences:1;tokens:[1-2]")])[0];
    stage.at(1600);
    let offered = |id: &&GrantId| stage.state.grants.get(**id).unwrap().is_offer();
    let pool = stage.state.pools.get("flex").unwrap();
    stage.offer = *pool.grants.iter().find(offered).unwrap();
    stage.agent = stage.grant(stage.offer).agent;
    stage
}

fn bundle(state: &State, text: &str) -> Bundle {
    state.names.find(&text.parse().unwrap()).unwrap()
}

#[test]
fn pools() {
    let breaks: &[(&str, &str, Break)] = &[
        ("I13", "pool \"flex\": sums of grants are off", |s| {
            s.state.pools.row_mut("flex").allocated.clear();
        }),
        ("I13", "pool \"flex\": sums of grants are off", |s| {
            s.state.pools.row_mut("flex").offered.clear();
        }),
        ("I13", "pool \"flex\": the list of its grants is off", |s| {
            s.state.pools.row_mut("flex").grants.clear();
        }),
        ("I14", "pool \"flex\" offers what is allocated", |s| {
            let tokens = bundle(&s.state, "licences:3;tokens:[2-4]");
            let own = s.grant(s.offer).resources.clone();
            let mut own = s.state.pools.without(&own).into_owned();
            own.add_assign(&tokens);
            s.grant(s.offer).resources = own;
        }),
        ("I14", "on both sides", |s| {
            let allocation = s.allocation();
            let again = s.grant(allocation).clone();
            let (cpu, agent) = (cpus("cpus:0.5"), again.agent);
            let id = s.state.grants.insert(again);
            let agent = s.agent(agent);
            agent.grants.insert(id);
            agent.allocated.add_assign(&cpu);
        }),
        ("I15", "belongs to None", |s| {
            s.state.pools.row_mut("flex").names.insert("unheard".parse().unwrap());
        }),
        ("I15", "has resources that are not its own", |s| {
            let one = cpus("cpus:1");
            s.state.pools.row_mut("flex").total.add_assign(&one);
            s.state.total.add_assign(&one);
        }),
        ("I15", "the list of names that pools own is off", |s| {
            let tokens = "tokens".parse().unwrap();
            s.state.pools.row_mut("flex").names.remove(&tokens);
        }),
        ("I15", "has resources of a pool", |s| {
            let one = bundle(&s.state, "licences:1");
            s.agent(s.agent).total.add_assign(&one);
            s.state.total.add_assign(&one);
        }),
        ("I15", "has nothing of its agent", |s| {
            let resources = s.grant(s.offer).resources.clone();
            s.grant(s.offer).resources = s.state.pools.part_of(&resources).unwrap();
            let own = s.state.pools.without(&resources).into_owned();
            s.agent(s.agent).offered.subtract(&own);
        }),
        ("totals", "the cluster's total is off", |s| {
            s.state.pools.row_mut("flex").total = bundle(&s.state, "licences:9;tokens:[1-4]");
        }),
        ("pools", "still to be offered after its end", |s| s.state.pools.moved = true),
        ("work", "agents wait without an interval", |s| s.state.work.round_waits = true),
    ];
    let sound = with_pool();
    sound.state.check_invariants().unwrap();
    for (invariant, words, breaks) in breaks {
        let mut broken = sound.clone();
        breaks(&mut broken);
        let violation = broken.state.check_invariants().expect_err(words);
        let text = violation.to_string();
        assert!(violation.invariant == *invariant && text.contains(words), "{words}: {text}");
    }
}

/// What is derived is derived again.
#[test]
fn a_snapshot_brings_pools_back() {
    let stage = with_pool();
    let restored = State::from_snapshot(&stage.state.to_snapshot()).unwrap();
    assert_eq!(restored.hash(), stage.state.hash());
    let (one, other) = (stage.state.pools.get("flex"), restored.pools.get("flex"));
    let sums = |pool: Option<&crate::state::Pool>, state: &State| {
        let pool = pool.unwrap();
        let names = &state.names;
        (names.named(&pool.offered), names.named(&pool.allocated), pool.grants.clone())
    };
    assert_eq!(sums(one, &stage.state), sums(other, &restored));
}
