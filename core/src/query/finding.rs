//! What in a whole state deserves a look: the questions that a person would ask first.

use std::collections::BTreeMap;

use serde::Serialize;

use super::explain::{self, EXAMPLES, Obstacle, PartExplanation};
use crate::state::State;
use crate::state::rows::state_of_agent;

/// Something that deserves a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// For programs: `invariant`, `agents_out_of_service`, `overcommitted`, `starving`,
    /// `framework_gone`, `unacknowledged`, `operations_unacknowledged`, `operations_waiting`,
    /// `held_offers`.
    pub finding: &'static str,
    /// What it is about: ids, or the name of a role.
    pub about: Vec<String>,
    /// What was found, for people.
    pub text: String,
    /// What can be done.
    pub remedy: &'static str,
}

/// All findings, the most pressing first.
pub(super) fn findings(state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(violation) = state.check_invariants() {
        findings.push(Finding {
            finding: "invariant",
            about: Vec::new(),
            text: format!("the state contradicts itself: {violation}"),
            remedy: "this is a defect of the kernel: keep the journal and report it",
        });
    }
    findings.extend(agents_out_of_service(state));
    findings.extend(overcommitted(state));
    findings.extend(pools_overcommitted(state));
    let parts = explain::all_parts(state);
    let starving: Vec<_> = parts.iter().filter(|part| is_starving(state, part)).collect();
    findings.extend(starving.iter().map(|part| starves(part)));
    findings.extend(frameworks_gone(state));
    findings.extend(unacknowledged(state));
    findings.extend(operations(state));
    if !starving.is_empty() {
        findings.extend(held_offers(state, &parts));
    }
    findings
}

/// The first few as text.
fn some<T: ToString>(ids: impl IntoIterator<Item = T>) -> Vec<String> {
    ids.into_iter().take(EXAMPLES).map(|id| id.to_string()).collect()
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn agents_out_of_service(state: &State) -> impl Iterator<Item = Finding> {
    let mut by_state = BTreeMap::<_, (Vec<_>, usize)>::new();
    for (id, agent) in state.agents().iter().filter(|(_, agent)| !agent.is_active()) {
        let (agents, tasks) = by_state.entry(state_of_agent(agent)).or_default();
        agents.push(id);
        *tasks += agent.tasks.len();
    }
    by_state.into_iter().map(|(state, (agents, tasks))| Finding {
        finding: "agents_out_of_service",
        text: format!("{} {state}, with {}", plural(agents.len(), "agent"), plural(tasks, "task")),
        about: some(agents),
        remedy: "have them connect again, reactivate or remove them",
    })
}

/// An agent that shrank below what its tasks hold.
fn overcommitted(state: &State) -> Option<Finding> {
    let agents = state.agents().iter();
    let agents: Vec<_> = agents
        .filter(|(_, agent)| {
            let used = agent.allocated.non_shared();
            !agent.total.contains(&used)
        })
        .map(|(id, _)| id)
        .collect();
    (!agents.is_empty()).then(|| Finding {
        finding: "overcommitted",
        text: format!("tasks hold more than there is on {}", plural(agents.len(), "agent")),
        about: some(agents),
        remedy: "kill tasks there, or give the agents back what they had",
    })
}

/// A pool that shrank below what its holders have.
fn pools_overcommitted(state: &State) -> impl Iterator<Item = Finding> {
    let pools = state.pools().iter().filter(|(_, pool)| !pool.total.contains(&pool.allocated));
    pools.map(|(name, pool)| Finding {
        finding: "overcommitted",
        text: format!(
            "tasks hold {} of pool {name:?}, which has {}",
            state.names().named(&pool.allocated),
            state.names().named(&pool.total)
        ),
        about: vec![name.to_owned()],
        remedy: "kill tasks that hold it, or give the pool back what it had",
    })
}

/// A connected framework that wants offers, has neither offers nor tasks, and cannot get any.
fn is_starving(state: &State, part: &PartExplanation) -> bool {
    let framework = state.frameworks().get(part.framework);
    part.offers == 0
        && part.open == 0
        && part.standing.is_some()
        && framework.is_some_and(|row| row.session().is_some() && row.tasks.is_empty())
        && !part.obstacles.iter().any(|obstacle| obstacle.reason == "suppressed")
}

fn starves(part: &PartExplanation) -> Finding {
    let reasons: Vec<_> = part.obstacles.iter().map(obstacle).collect();
    let reasons =
        if reasons.is_empty() { "there are no agents".into() } else { reasons.join(", ") };
    Finding {
        finding: "starving",
        about: vec![part.framework.to_string(), part.role.to_string()],
        text: format!(
            "framework {} gets no offers in role {:?}: {reasons}",
            part.framework, part.role
        ),
        remedy: part.obstacles.first().map_or("register agents", |first| first.remedy),
    }
}

fn obstacle(obstacle: &Obstacle) -> String {
    format!("{} on {}", obstacle.reason, plural(obstacle.count, "agent"))
}

/// Frameworks that nobody runs and that hold resources.
fn frameworks_gone(state: &State) -> Option<Finding> {
    let rows = state.frameworks().iter();
    let gone: Vec<_> =
        rows.filter(|(_, row)| row.session().is_none() && !row.tasks.is_empty()).collect();
    let tasks = gone.iter().map(|(_, row)| row.tasks.len()).sum();
    (!gone.is_empty()).then(|| Finding {
        finding: "framework_gone",
        text: format!(
            "{} not connected, with {} left",
            plural(gone.len(), "framework"),
            plural(tasks, "task")
        ),
        about: some(gone.iter().map(|(id, _)| *id)),
        remedy: "have them subscribe again before their failover timeout ends, or tear them down",
    })
}

/// Ended tasks stay until their last update is acknowledged.
fn unacknowledged(state: &State) -> impl Iterator<Item = Finding> {
    let mut ended = BTreeMap::<_, usize>::new();
    for (_, task) in state.tasks().iter().filter(|(_, task)| task.state.is_terminal()) {
        *ended.entry(task.framework).or_default() += 1;
    }
    ended.into_iter().map(|(framework, count)| Finding {
        finding: "unacknowledged",
        about: vec![framework.to_string()],
        text: format!(
            "framework {framework} has {} that ended and stay until it acknowledges",
            plural(count, "task")
        ),
        remedy: "acknowledge every update that has a uuid",
    })
}

/// Operations that have ended and are not acknowledged, and those whose agent is not there to say
/// what became of them.
fn operations(state: &State) -> impl Iterator<Item = Finding> {
    let rows = || state.operations().iter();
    let ended: Vec<_> = rows().filter(|(_, row)| row.report.is_some()).map(|(id, _)| id).collect();
    let away = |agent| state.agents().get(agent).is_none_or(|row| row.session().is_none());
    let waiting = rows().filter(|(_, row)| row.report.is_none() && away(row.agent));
    let waiting: Vec<_> = waiting.map(|(id, _)| id).collect();
    let finding = |finding, ids: Vec<_>, what: &str, remedy| {
        (!ids.is_empty()).then(|| Finding {
            finding,
            text: format!("{} {what}", plural(ids.len(), "operation")),
            about: some(ids),
            remedy,
        })
    };
    let ended = finding(
        "operations_unacknowledged",
        ended,
        "ended and not acknowledged: a drain waits for that, and the ids are not free",
        "acknowledge every operation update that has a uuid",
    );
    let waiting = finding(
        "operations_waiting",
        waiting,
        "not ended, on agents that are not connected",
        "have the agents connect again and list the operations that they know",
    );
    ended.into_iter().chain(waiting)
}

/// Offers that are kept while others get none.
fn held_offers(state: &State, parts: &[PartExplanation]) -> Option<Finding> {
    if state.options().offer_timeout_seconds.is_some() {
        return None;
    }
    let most = parts.iter().max_by_key(|part| part.offers).filter(|part| part.offers > 0)?;
    Some(Finding {
        finding: "held_offers",
        about: vec![most.framework.to_string()],
        text: format!(
            "framework {} keeps {} while others get none, and offers never end by themselves",
            most.framework,
            plural(most.offers, "offer")
        ),
        remedy: "decline what is not used, or open the kernel with `offer_timeout_seconds`",
    })
}
