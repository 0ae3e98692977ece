//! Agents on the way out: gone, drained, in maintenance.

use super::{Break, Stage, reported};
use crate::command::{
    DrainAgent, MaintenanceWindow, MarkAgentGone, SessionKind, UpdateMaintenanceSchedule,
};
use crate::ids::{AgentId, FrameworkId};
use crate::state::State;
use crate::state::drain::Drain;
use crate::state::maintenance::Inquiry;
use crate::time::{Nanos, Time};

fn drain(drained: bool) -> Drain {
    Drain { max_grace: None, mark_gone: false, drained }
}

#[test]
fn registry() {
    reported(&[
        ("I53", "is gone and still there", |s| {
            let agent = s.agent;
            s.state.registry.mark_gone(agent, Time(0));
        }),
        ("I53", "its age is not known", |s| {
            s.state.registry.gone.insert(AgentId::from_u64(99), Time(0));
        }),
        ("I53", "among the gone ones twice", |s| {
            s.state.registry.gone_by_age.insert((Time(0), AgentId::from_u64(99)));
        }),
        ("I44", "not listed so", |s| s.state.registry.away_by_age.clear()),
        ("I44", "listed as unreachable and is not", |s| {
            let agent = s.agent;
            s.state.registry.away_by_age.insert((Time(0), agent));
        }),
        ("work", "is not overdue", |s| {
            let agent = s.agent;
            s.state.work.overdue.insert((Time(0), agent));
        }),
        ("timers", "allocation waits for no agents", |s| {
            let timer = s.state.timers.set(Time(9), crate::state::Timer::HoldEnds);
            s.state.work.hold = Some(crate::state::AgentsAwaited { agents: 0, timer });
        }),
        ("rates", "of a limit that there is not", |s| {
            s.state.work.rates.insert(0, Time(9));
        }),
        ("timers", "HoldEnds is not set", |s| {
            let timer = s.state.registry.collection.unwrap();
            s.state.work.hold = Some(crate::state::AgentsAwaited { agents: 1, timer });
        }),
        ("timers", "Collection is not set", |s| {
            let timer = s.state.registry.collection;
            s.state.timers.cancel(timer);
        }),
    ]);
}

#[test]
fn drains() {
    reported(&[
        ("I52", "is drained in service", |s| s.agent(s.agent).drain = Some(drain(false))),
        ("I52", "is drained and has tasks", |s| {
            // Its offers are gone, or that would be found first.
            let offer = s.offer;
            s.state.close_grant(offer);
            let agent = s.agent(s.agent);
            (agent.deactivated, agent.drain) = (true, Some(drain(true)));
        }),
    ]);
    let mut stage = Stage::new();
    let (_, idle) = stage.register("idle", "cpus:1");
    let agent = stage.agent(idle);
    (agent.deactivated, agent.drain) = (true, Some(drain(false)));
    let violation = stage.state.check_invariants().unwrap_err();
    assert!(violation.to_string().contains("still being drained"), "{violation}");
}

/// A stage with an inverse offer about its agent.
fn asked() -> Stage {
    let mut stage = Stage::new();
    let operator = stage.open(SessionKind::Operator);
    let (machines, start) = (vec!["agent".into()], Time(0));
    let window = MaintenanceWindow { machines, start, duration_seconds: None };
    stage.send(Some(operator), UpdateMaintenanceSchedule { windows: vec![window] });
    stage.at(605);
    assert_eq!(stage.state.maintenance.offers.len(), 1);
    stage
}

#[test]
fn inquiries() {
    let breaks: &[(&str, &str, Break)] = &[
        ("I32", "which is not there", |s| {
            let framework = s.framework;
            let key = (AgentId::from_u64(99), framework);
            s.state.maintenance.inquiries.insert(key, Inquiry::default());
        }),
        ("I32", "which is not there, was asked", |s| {
            let key = (s.agent, FrameworkId::from_u64(99));
            s.state.maintenance.inquiries.insert(key, Inquiry::default());
        }),
        ("I37", "is of another agent", |s| {
            let id = s.state.maintenance.offers.ids().next().unwrap();
            let lost = s.lost;
            s.state.maintenance.offers.get_mut(id).unwrap().agent = lost;
        }),
        ("I37", "to be made again", |s| {
            let timer = s.state.timers.first();
            s.state.maintenance.inquiries.values_mut().next().unwrap().again = timer;
        }),
        ("I37", "not scheduled", |s| s.state.maintenance.machines.clear()),
        ("I37", "nobody was asked", |s| s.state.maintenance.inquiries.clear()),
        ("timers", "is not set", |s| {
            let id = s.state.maintenance.offers.ids().next().unwrap();
            let timer = s.state.maintenance.offers.get(id).unwrap().timer;
            s.state.timers.cancel(timer);
        }),
    ];
    let sound = asked();
    for (invariant, words, breaks) in breaks {
        let mut broken = sound.clone();
        breaks(&mut broken);
        let violation = broken.state.check_invariants().expect_err(words);
        let text = violation.to_string();
        assert!(violation.invariant == *invariant && text.contains(words), "{words}: {text}");
    }
}

/// What an operator said of agents survives in a snapshot (I59).
#[test]
fn departures_survive_a_snapshot() {
    let mut stage = asked();
    let operator = stage.open(SessionKind::Operator);
    let (_, idle) = stage.register("idle", "cpus:1");
    let max_grace_seconds = Some(Nanos::from_secs(7));
    stage.send(Some(operator), DrainAgent { agent: idle, max_grace_seconds, mark_gone: false });
    let lost = stage.lost;
    stage.send(Some(operator), MarkAgentGone { agent: lost });
    stage.at(606);
    let back = State::from_snapshot(&stage.state.to_snapshot()).unwrap();
    assert_eq!(back.hash(), stage.state.hash());
    assert!(back.registry().is_gone(lost) && back.agents().get(lost).is_none());
    let drain = back.agents().get(idle).unwrap().drain.unwrap();
    assert_eq!((drain.max_grace, drain.drained), (max_grace_seconds, true));
    assert_eq!(back.maintenance_status(), stage.state.maintenance_status());
}
