//! Why a framework, a role or an agent gets no offers.
//!
//! The answer comes from the same [`gate`] that the allocator asks before each offer, so the two
//! cannot disagree. Where the gate says that too little is free, it is said why: nothing is, it is
//! reserved for others, or it needs a capability.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::allocator::{Books, Order, Refusal, Stage, gate};
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::options::Sorter;
use crate::resources::{Bundle, Resources};
use crate::row::RoleRow;
use crate::state::rows::{state_of_agent, state_of_framework};
use crate::state::{Agent, State, Subscription};
use crate::time::Time;

/// How many ids are named with each reason.
pub(super) const EXAMPLES: usize = 3;

/// Why something is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The gate of the allocator refuses.
    Refused(Refusal),
    /// Everything is offered or held by tasks.
    NothingFree,
    /// What is free is reserved for other roles.
    Reserved,
    /// What is free is nothing that the framework can deal with.
    Incapable,
    /// The framework does not know pools.
    PoolsUnknown,
    /// Enough is free in all, but in parts of units of devices: no unit can satisfy.
    NoUnit,
}

impl Reason {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.name(),
            Self::NothingFree => "nothing_free",
            Self::Reserved => "reserved",
            Self::Incapable => "incapable",
            Self::PoolsUnknown => "pools_unknown",
            Self::NoUnit => "no_unit",
        }
    }

    /// What would have to change, for people.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.remedy(),
            Self::NothingFree => {
                "wait for tasks and offers to end, add agents, or give the role a higher weight"
            }
            Self::Reserved => "ask in the role it is reserved for, or unreserve it",
            Self::Incapable => {
                "subscribe with REVOCABLE_RESOURCES, SHARED_RESOURCES or RESERVATION_REFINEMENT"
            }
            Self::PoolsUnknown => "subscribe with POOL_RESOURCES",
            Self::NoUnit => {
                "no unit can satisfy the smallest amount: wait until whole units are free, or ask \
                 for a part of one in `min_allocatable`"
            }
        }
    }
}

/// A reason and where it applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The reason.
    pub reason: &'static str,
    /// How often it applies.
    pub count: usize,
    /// The first to which it does: agents, or for an agent frameworks.
    pub examples: Vec<String>,
    /// When the first of the refusals ends, if the reason is refusals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// What would have to change.
    pub remedy: &'static str,
}

/// Where somebody stands in the order of shares: 1 is served first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The role among all roles with frameworks.
    pub role_place: usize,
    /// How many those are.
    pub roles: usize,
    /// The framework among those of the role.
    pub framework_place: usize,
    /// How many those are.
    pub frameworks: usize,
}

/// Why a framework gets no offers in a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartExplanation {
    /// Whose offers.
    pub framework: FrameworkId,
    /// In which role.
    pub role: Arc<str>,
    /// How many offers it has at the moment.
    pub offers: usize,
    /// How many agents there are.
    pub agents: usize,
    /// How many of them it could be offered: nothing is in the way but those who come before.
    pub open: usize,
    /// What is in the way, the most frequent first.
    pub obstacles: Vec<Obstacle>,
    /// Where it stands in the order of shares, if it takes part and nothing is left to chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// Why a framework gets no offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrameworkExplanation {
    /// Which.
    pub framework: FrameworkId,
    /// `connected`, `disconnected`, `removing`.
    pub state: &'static str,
    /// When agents are offered next: now if work is pending. Without it, when something changes or
    /// by command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_allocation: Option<Time>,
    /// One each, in the order of the names of the roles.
    pub roles: Vec<PartExplanation>,
}

/// Why the frameworks of a role get no offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleExplanation {
    /// The role.
    #[serde(flatten)]
    pub role: Option<RoleRow>,
    /// As for a framework.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_allocation: Option<Time>,
    /// One each, in the order of their ids.
    pub parts: Vec<PartExplanation>,
}

/// Why an agent is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentExplanation {
    /// Which.
    pub agent: AgentId,
    /// `active`, `deactivated`, `disconnected`, `unreachable`, `removing`.
    pub state: &'static str,
    /// What is neither offered nor held by tasks.
    pub free: Resources,
    /// How many offers of it have not ended.
    pub offers: usize,
    /// As for a framework.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_allocation: Option<Time>,
    /// How many frameworks in their roles could be offered it.
    pub open: usize,
    /// The first of them in the order of shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is in the way of the others, the most frequent first.
    pub obstacles: Vec<Obstacle>,
}

/// Obstacles while they are counted.
#[derive(Default)]
pub(super) struct Obstacles(BTreeMap<Reason, (usize, Vec<String>, Option<Time>)>);

impl Obstacles {
    pub(super) fn add(
        &mut self,
        reason: Reason,
        example: impl FnOnce() -> String,
        until: Option<Time>,
    ) {
        let (count, examples, first) = self.0.entry(reason).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(example());
        }
        *first = [*first, until].into_iter().flatten().min();
    }

    pub(super) fn sorted(self) -> Vec<Obstacle> {
        let obstacle = |(reason, (count, examples, until)): (Reason, _)| Obstacle {
            reason: reason.name(),
            count,
            examples,
            until,
            remedy: reason.remedy(),
        };
        let mut all: Vec<_> = self.0.into_iter().map(obstacle).collect();
        // Stable: equal counts stay in the order of the reasons.
        all.sort_by_key(|obstacle| std::cmp::Reverse(obstacle.count));
        all
    }
}

/// In which stage of a run the framework could be offered the agent in the role, and what; if in
/// none, why.
pub(super) fn look<'b>(
    state: &State,
    books: Option<&Books>,
    framework: FrameworkId,
    role: RoleId,
    agent: AgentId,
    free: &'b Bundle,
) -> Result<(Stage, Cow<'b, Bundle>), Reason> {
    let gated = |stage| {
        let gated = gate(state, books, stage, framework, role, agent, free);
        gated.resources.map(|resources| (stage, resources))
    };
    let guaranteed = books.is_some_and(|books| !books.allowance(state, role).is_empty());
    let first = guaranteed.then(|| gated(Stage::Guarantees).ok()).flatten();
    first.map_or_else(|| gated(Stage::Shares), Ok).map_err(|refusal| {
        let Some(row) = state.roles().get(role) else { return Reason::Refused(refusal) };
        // What is in pools is not offered without something of the agent.
        let own = state.pools().without(free);
        let is_reserved = || state.names().allocatable_to(&own, &row.name).is_empty();
        let only_parts = || {
            let part = state.frameworks().get(framework).and_then(|row| row.roles.get(&role));
            let own = state.offerable(framework, role, &own);
            part.is_some_and(|part| state.lacks_whole_units(part, &own))
        };
        match refusal {
            Refusal::TooSmall if own.is_empty() => Reason::NothingFree,
            Refusal::TooSmall if is_reserved() => Reason::Reserved,
            Refusal::TooSmall if state.offerable(framework, role, &own).is_empty() => {
                Reason::Incapable
            }
            Refusal::TooSmall if only_parts() => Reason::NoUnit,
            refusal => Reason::Refused(refusal),
        }
    })
}

/// When the first refusal of the agent ends.
fn refused_until(
    state: &State,
    framework: FrameworkId,
    role: RoleId,
    agent: AgentId,
) -> Option<Time> {
    let part = state.frameworks().get(framework)?.roles.get(&role)?;
    part.filters.get(&agent)?.iter().map(|filter| filter.expires).min()
}

pub(super) fn next_allocation(state: &State) -> Option<Time> {
    if let Some(hold) = &state.work.hold {
        return Some(hold.timer.deadline);
    }
    if state.has_candidates() {
        return Some(state.now());
    }
    state.work.interval.map(|timer| timer.deadline)
}

fn offers(state: &State, part: &Subscription) -> usize {
    let grants = part.grants.iter().filter_map(|id| state.grants().get(*id));
    grants.filter(|grant| grant.is_offer()).count()
}

/// What is free on each agent: computed once for all who ask.
fn all_free(state: &State) -> Vec<(AgentId, &Agent, Bundle)> {
    state.agents().iter().map(|(id, agent)| (id, agent, state.free_with_pools(agent))).collect()
}

fn part(
    state: &State,
    books: Option<&Books>,
    free: &[(AgentId, &Agent, Bundle)],
    order: &mut Order,
    id: FrameworkId,
    role: RoleId,
) -> Option<PartExplanation> {
    let part = state.frameworks().get(id)?.roles.get(&role)?;
    let (mut open, mut obstacles) = (0, Obstacles::default());
    for (agent, _, free) in free {
        match look(state, books, id, role, *agent, free) {
            Ok(_) => open += 1,
            Err(reason) => {
                let filtered = reason == Reason::Refused(Refusal::Filtered);
                let until = filtered.then(|| refused_until(state, id, role, *agent)).flatten();
                obstacles.add(reason, || agent.to_string(), until);
            }
        }
    }
    Some(PartExplanation {
        framework: id,
        role: state.roles().get(role)?.name.clone(),
        offers: offers(state, part),
        agents: free.len(),
        open,
        obstacles: obstacles.sorted(),
        standing: standing(state, order, id, role),
    })
}

fn standing(
    state: &State,
    order: &mut Order,
    framework: FrameworkId,
    role: RoleId,
) -> Option<Standing> {
    let options = state.options();
    if [options.role_sorter, options.framework_sorter].contains(&Sorter::Random) {
        return None;
    }
    let roles: Vec<_> = order.roles().collect();
    let role_place = 1 + roles.iter().position(|other| *other == role)?;
    let mut members = (0..).map_while(|at| order.framework(state, role, at));
    let framework_place = 1 + members.position(|other| other == framework)?;
    let frameworks = framework_place + members.count();
    Some(Standing { role_place, roles: roles.len(), framework_place, frameworks })
}

pub(super) fn framework(state: &State, id: FrameworkId) -> FrameworkExplanation {
    let (free, mut order, books) = (all_free(state), Order::new(state), Books::read(state));
    let row = state.frameworks().get(id);
    let parts = row.into_iter().flat_map(|row| row.roles.keys());
    let roles = parts.filter_map(|role| part(state, books.as_ref(), &free, &mut order, id, *role));
    let mut roles: Vec<_> = roles.collect();
    roles.sort_by(|a, b| a.role.cmp(&b.role));
    let state_name = row.map_or("removing", state_of_framework);
    let next_allocation = next_allocation(state);
    FrameworkExplanation { framework: id, state: state_name, next_allocation, roles }
}

pub(super) fn role(state: &State, id: RoleId) -> RoleExplanation {
    let (free, mut order, books) = (all_free(state), Order::new(state), Books::read(state));
    let frameworks = state.roles().get(id).into_iter().flat_map(|role| &role.frameworks);
    let part =
        |framework: &FrameworkId| part(state, books.as_ref(), &free, &mut order, *framework, id);
    RoleExplanation {
        role: state.role_row(id),
        next_allocation: next_allocation(state),
        parts: frameworks.filter_map(part).collect(),
    }
}

pub(super) fn agent(state: &State, id: AgentId) -> AgentExplanation {
    let row = state.agents().get(id);
    let free = row.map(|agent| state.free_with_pools(agent)).unwrap_or_default();
    let mut order = Order::new(state);
    let roles: Vec<_> = order.roles().collect();
    let books = Books::read(state);
    let (mut open, mut first, mut next, mut obstacles) = (0, None, None, Obstacles::default());
    for role in roles {
        let members: Vec<_> = (0..).map_while(|at| order.framework(state, role, at)).collect();
        for framework in members {
            let name = || {
                let role = state.roles().get(role).map_or("", |role| &role.name);
                format!("{framework} in {role}")
            };
            match look(state, books.as_ref(), framework, role, id, &free) {
                Ok((stage, _)) => {
                    open += 1;
                    // Guarantees are served before shares.
                    let place = if stage == Stage::Guarantees { &mut first } else { &mut next };
                    place.get_or_insert_with(name);
                }
                Err(reason) => {
                    let filtered = reason == Reason::Refused(Refusal::Filtered);
                    let until = || refused_until(state, framework, role, id);
                    obstacles.add(reason, name, filtered.then(until).flatten());
                }
            }
        }
    }
    let grants = row.into_iter().flat_map(|row| &row.grants);
    let grants = grants.filter_map(|grant| state.grants().get(*grant));
    AgentExplanation {
        agent: id,
        state: row.map_or("removing", state_of_agent),
        free: state.names().named(&state.pools().without(&free)),
        offers: grants.filter(|grant| grant.is_offer()).count(),
        next_allocation: next_allocation(state),
        open,
        next: first.or(next),
        obstacles: obstacles.sorted(),
    }
}

/// What the parts of all frameworks look like, for the diagnosis.
pub(super) fn all_parts(state: &State) -> Vec<PartExplanation> {
    let (free, mut order, books) = (all_free(state), Order::new(state), Books::read(state));
    let mut parts = Vec::new();
    for (id, row) in state.frameworks().iter() {
        for role in row.roles.keys() {
            parts.extend(part(state, books.as_ref(), &free, &mut order, id, *role));
        }
    }
    parts
}
