//! Compares everything that a kernel knows with what the model knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use tamias::State;
use tamias::event::{Effect, Effects, Event};
use tamias::ids::{AgentId, FrameworkId, SessionId};
use tamias::reply::Reply;
use tamias::resources::Bundle;
use tamias::state::{Connection, GrantKind, Hold, Liveness};
use tamias::status::Source;
use tamias::time::Time;

use crate::model::facts::{AgentStanding, FrameworkStanding};
use crate::model::pile::Pile;
use crate::model::{Model, SOME_TEXT};

/// A bundle of the ledger, taken apart.
#[must_use]
pub fn pile(state: &State, bundle: &Bundle) -> Pile {
    Pile::of(&state.names().named(bundle))
}

/// Compares the kernel with the model, fact by fact.
///
/// # Panics
/// At the first difference.
pub fn compare(state: &State, model: &Model) {
    same("the time", &state.now(), &model.now);
    same("the next deadline", &state.next_deadline(), &model.next_deadline());
    same("the whole", &pile(state, state.total()), &model.whole());
    sessions(state, model);
    agents(state, model);
    frameworks(state, model);
    offers(state, model);
    tasks(state, model);
    departures(state, model);
}

fn same<T: PartialEq + Debug>(what: &str, kernel: &T, model: &T) {
    assert_eq!(kernel, model, "{what}: the kernel has the left, the model has the right");
}

fn sessions(state: &State, model: &Model) {
    let kernel: BTreeMap<SessionId, _> = state
        .sessions()
        .iter()
        .map(|(id, s)| (id, (s.kind, s.framework, s.superseded, s.agents.clone())))
        .collect();
    let through = |id| {
        let standing = AgentStanding::Connected(id);
        let agents = model.agents.iter().filter(move |(_, agent)| agent.standing == standing);
        agents.map(|(id, _)| *id).collect::<BTreeSet<AgentId>>()
    };
    let expected = model.sessions.iter();
    let expected =
        expected.map(|(id, s)| (*id, (s.kind, s.framework, s.superseded, through(*id)))).collect();
    same("sessions", &kernel, &expected);
}

fn agents(state: &State, model: &Model) {
    let kernel: Vec<AgentId> = {
        let mut ids: Vec<_> = state.agents().ids().collect();
        ids.sort_unstable();
        ids
    };
    same("agents", &kernel, &model.agents.keys().copied().collect());
    for (id, agent) in state.agents().iter() {
        let expected = &model.agents[&id];
        same("an agent's name", &agent.name.as_deref(), &expected.name.as_deref());
        same("an agent's total", &pile(state, &agent.total), &expected.total);
        same("an agent's attributes", &*agent.attributes, &expected.attributes);
        same("an agent's service", &agent.deactivated, &expected.deactivated);
        same("an agent's offers", &pile(state, &agent.offered), &model.offered(id));
        same("an agent's allocations", &pile(state, &agent.allocated), &model.allocated(id));
        same("what is free on an agent", &pile(state, &agent.free()), &model.free(id));
        let standing = match agent.liveness {
            Liveness::Connected(session) => ("connected", Some(session), None),
            Liveness::Disconnected(timer) => ("away", None, Some(timer.deadline)),
            Liveness::Unreachable(since) => ("unreachable", None, Some(since)),
            Liveness::Removing => ("leaving", None, None),
            Liveness::Overdue(since) => ("overdue", None, Some(since)),
        };
        let expected = match expected.standing {
            AgentStanding::Connected(session) => ("connected", Some(session), None),
            AgentStanding::Away(alarm) => ("away", None, Some(alarm.at)),
            AgentStanding::Overdue(since) => ("overdue", None, Some(since)),
            AgentStanding::Unreachable(since) => ("unreachable", None, Some(since)),
            AgentStanding::Leaving => ("leaving", None, None),
        };
        same("an agent's standing", &standing, &expected);
    }
}

fn departures(state: &State, model: &Model) {
    same("agents that are gone", &state.registry().gone, &model.gone);
    for (id, agent) in state.agents().iter() {
        let drain = agent.drain.map(|d| (d.max_grace, d.mark_gone, d.drained));
        let expected = model.agents[&id].drain.map(|d| (d.max_grace, d.mark_gone, d.drained));
        same("a drain", &drain, &expected);
    }
    let maintenance = state.maintenance();
    let machines = maintenance.machines.iter();
    let windows: BTreeMap<String, _> = machines
        .map(|(name, planned)| (name.to_string(), (planned.unavailability, planned.down)))
        .collect();
    let expected = model.windows.iter();
    let expected = expected.map(|(name, w)| (name.clone(), (w.unavailability, w.down))).collect();
    same("the schedule", &windows, &expected);
    let offers: BTreeMap<_, _> = maintenance
        .offers
        .iter()
        .map(|(id, o)| (id, (o.agent, o.framework, o.timer.map(|timer| timer.deadline))))
        .collect();
    let expected = model.questions.iter();
    let expected =
        expected.map(|(id, q)| (*id, (q.agent, q.framework, q.expires.map(|e| e.at)))).collect();
    same("inverse offers", &offers, &expected);
    let asked: BTreeMap<_, _> = maintenance
        .inquiries
        .iter()
        .map(|(key, asked)| {
            let answer = asked.answer.map(|answer| (answer.accepted, answer.time));
            (*key, (asked.again.map(|timer| timer.deadline), answer))
        })
        .collect();
    let expected = model.asked.iter();
    let expected = expected.map(|(key, a)| (*key, (a.again.map(|again| again.at), a.answer)));
    same("who was asked", &asked, &expected.collect());
}

fn frameworks(state: &State, model: &Model) {
    let mut kernel: Vec<FrameworkId> = state.frameworks().ids().collect();
    kernel.sort_unstable();
    same("frameworks", &kernel, &model.frameworks.keys().copied().collect());
    let role_name = |id| state.roles().get(id).expect("a known role").name.to_string();
    let mut filters: Vec<(FrameworkId, String, AgentId, Pile, Time)> = Vec::new();
    for (id, framework) in state.frameworks().iter() {
        let expected = &model.frameworks[&id];
        same("a framework's name", &framework.name.as_deref(), &expected.name.as_deref());
        same("awareness", &framework.is_partition_aware(), &expected.aware);
        same("a failover timeout", &framework.failover_timeout, &expected.failover);
        let standing = match framework.connection {
            Connection::Connected(session) => ("connected", Some(session), None),
            Connection::Disconnected(timer) => ("away", None, Some(timer.deadline)),
            Connection::Removing => ("leaving", None, None),
        };
        let of_model = match expected.standing {
            FrameworkStanding::Connected(session) => ("connected", Some(session), None),
            FrameworkStanding::Away(alarm) => ("away", None, Some(alarm.at)),
            FrameworkStanding::Leaving => ("leaving", None, None),
        };
        same("a framework's standing", &standing, &of_model);
        let mut parts = BTreeMap::new();
        for (role, part) in &framework.roles {
            let name = role_name(*role);
            let held = pile(state, &part.held);
            same("what a framework holds", &held, &model.held(&name, Some(id)));
            for (agent, of_agent) in &part.filters {
                filters.extend(of_agent.iter().map(|filter| {
                    (id, name.clone(), *agent, pile(state, &filter.resources), filter.expires)
                }));
            }
            // Suppression means nothing where nothing is subscribed.
            let suppressed = part.subscribed && part.suppressed;
            parts.insert(name, (part.subscribed, suppressed, part.charges));
        }
        let of_model = expected.parts.iter().map(|(role, part)| {
            let suppressed = part.subscribed && part.suppressed;
            (role.clone(), (part.subscribed, suppressed, part.offers_made))
        });
        same("a framework's roles", &parts, &of_model.collect());
    }
    let mut expected: Vec<_> = model
        .filters
        .iter()
        .map(|f| (f.framework, f.role.clone(), f.agent, f.resources.clone(), f.ends.at))
        .collect();
    let key = |f: &(FrameworkId, String, AgentId, Pile, Time)| (f.0, f.1.clone(), f.2, f.4);
    filters.sort_by_key(key);
    expected.sort_by_key(key);
    same("filters", &filters, &expected);
    let roles: BTreeMap<String, _> = state
        .roles()
        .iter()
        .map(|(_, role)| {
            let made = (role.charges, role.own_charges);
            (role.name.to_string(), (role.weight, made, pile(state, &role.held)))
        })
        .collect();
    let expected = model.roles.iter().map(|(name, role)| {
        let made = (role.offers_made, role.own_offers_made);
        (name.clone(), (role.weight, made, model.held_below(name)))
    });
    same("roles", &roles, &expected.collect());
}

fn offers(state: &State, model: &Model) {
    let mut kernel = BTreeMap::new();
    for (id, grant) in state.grants().iter() {
        if let GrantKind::Offered(timer) = grant.kind {
            let role = state.roles().get(grant.role).expect("a known role").name.to_string();
            let resources = pile(state, &grant.resources);
            let expires = timer.map(|timer| timer.deadline);
            kernel.insert(id, (grant.framework, role, grant.agent, resources, expires));
        }
    }
    let expected = model.offers.iter().map(|(id, offer)| {
        let expires = offer.expires.map(|alarm| alarm.at);
        let resources = offer.resources.clone();
        (*id, (offer.framework, offer.role.clone(), offer.agent, resources, expires))
    });
    same("offers", &kernel, &expected.collect());
}

fn tasks(state: &State, model: &Model) {
    let mut kernel: Vec<_> = state.tasks().ids().collect();
    kernel.sort_unstable();
    same("tasks", &kernel, &model.tasks.keys().copied().collect());
    for (id, task) in state.tasks().iter() {
        let expected = &model.tasks[&id];
        let role = state.roles().get(task.role).map(|role| role.name.to_string());
        if !task.state.is_terminal() {
            same("a task's role", &role.as_deref(), &Some(expected.role.as_str()));
        }
        let who = (task.framework, task.agent, &*task.name);
        let of_model = (expected.framework, expected.agent, expected.name.as_str());
        same("whose a task is", &who, &of_model);
        same("a task's state", &(task.state, task.told), &(expected.state, expected.told));
        let held = match &task.hold {
            Hold::Granted(grant) => {
                state.grants().get(*grant).map(|grant| pile(state, &grant.resources))
            }
            Hold::Parked(resources) => Some(pile(state, resources)),
            Hold::Released => None,
        };
        let ended = expected.state.is_terminal();
        same("what a task holds", &held, &(!ended).then(|| expected.resources.clone()));
        same("a health", &task.healthy, &expected.told_health);
        same("a check", &task.check, &expected.told_check);
        same("a kill", &(task.kill, task.overdue), &(expected.kill, expected.overdue));
        let stream: Vec<_> = task.pending.iter().map(|u| (u.uuid, u.state, u.time)).collect();
        let of_model = expected.stream.iter().map(|u| (u.uuid, u.state, u.time));
        same("a stream", &stream, &of_model.collect());
        let seen: BTreeSet<_> = task.acknowledged.iter().copied().collect();
        same("what is acknowledged", &seen, &expected.acknowledged);
        same("an absence", &task.unreachable_since, &expected.unreachable_since);
        let overdue = task.overdue_timer.map(|timer| timer.deadline);
        same("an end", &overdue, &expected.overdue_at.map(|alarm| alarm.at));
        let retry = task.retry.map(|retry| (retry.timer.deadline, retry.interval));
        let of_model = expected.retry.map(|(alarm, interval)| (alarm.at, interval));
        same("a repetition", &retry, &of_model);
    }
}

/// Effects by session, with texts for people blurred as the model has them.
#[must_use]
pub fn by_session(effects: &Effects) -> BTreeMap<SessionId, Vec<Event>> {
    let mut told: BTreeMap<SessionId, Vec<Event>> = BTreeMap::new();
    for Effect { session, event } in effects {
        let mut event = event.clone();
        if let Event::Update(status) = &mut event {
            if status.source == Source::Master {
                blur(&mut status.message);
            }
        }
        told.entry(*session).or_default().push(event);
    }
    told
}

/// A reply with texts for people blurred.
#[must_use]
pub fn blurred(mut reply: Reply) -> Reply {
    if let Reply::Accepted { tasks, .. } = &mut reply {
        for outcome in tasks {
            blur(&mut outcome.message);
        }
    }
    reply
}

fn blur(text: &mut Option<Box<str>>) {
    if let Some(text) = text {
        assert!(!text.is_empty(), "a text for people says nothing");
        *text = SOME_TEXT.into();
    }
}
