//! Why nothing of a pool is offered: for each framework in each of its roles, what is in the way on
//! most agents, for a pool is offered beside them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::explain::{Obstacle, Obstacles, Reason, look, next_allocation};
use crate::allocator::{Books, Order, Refusal, Stage};
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::resources::{Bundle, Resources};
use crate::state::{Pool, State};
use crate::time::Time;

/// Why nothing of a pool is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolExplanation {
    /// Which.
    pub pool: Box<str>,
    /// What is neither offered nor held by tasks.
    pub free: Resources,
    /// How many offers with a part of it have not ended.
    pub offers: usize,
    /// When agents are offered next: now if work is pending. Without it, when something changes or
    /// by command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_allocation: Option<Time>,
    /// How many frameworks in their roles could be offered some of it, with some agent.
    pub open: usize,
    /// The first of them in the order of shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is in the way of the others, the most frequent first.
    pub obstacles: Vec<Obstacle>,
}

pub(super) fn explain(state: &State, name: &str, pool: &Pool) -> PoolExplanation {
    let agents = state.agents().iter();
    let free: Vec<_> = agents.map(|(id, agent)| (id, state.free_with_pools(agent))).collect();
    let (mut order, books) = (Order::new(state), Books::read(state));
    let roles: Vec<_> = order.roles().collect();
    let (mut open, mut first, mut next, mut obstacles) = (0, None, None, Obstacles::default());
    for role in roles {
        let members: Vec<_> = (0..).map_while(|at| order.framework(state, role, at)).collect();
        for framework in members {
            let name = || {
                let role = state.roles().get(role).map_or("", |role| &role.name);
                format!("{framework} in {role}")
            };
            match could_have(state, books.as_ref(), &free, pool, framework, role) {
                Ok(stage) => {
                    open += 1;
                    let place = if stage == Stage::Guarantees { &mut first } else { &mut next };
                    place.get_or_insert_with(name);
                }
                Err(reason) => obstacles.add(reason, name, None),
            }
        }
    }
    let grants = pool.grants.iter().filter_map(|grant| state.grants().get(*grant));
    PoolExplanation {
        pool: name.into(),
        free: state.names().named(&pool.free()),
        offers: grants.filter(|grant| grant.is_offer()).count(),
        next_allocation: next_allocation(state),
        open,
        next: first.or(next),
        obstacles: obstacles.sorted(),
    }
}

/// In which stage a framework could be offered some of the pool; else what is in the way on most
/// agents, the first in order of several that are equally frequent.
fn could_have(
    state: &State,
    books: Option<&Books>,
    agents: &[(AgentId, Bundle)],
    pool: &Pool,
    framework: FrameworkId,
    role: RoleId,
) -> Result<Stage, Reason> {
    if !state.frameworks().get(framework).is_some_and(crate::state::Framework::knows_pools) {
        return Err(Reason::PoolsUnknown);
    }
    let free = pool.free();
    if free.is_empty() {
        return Err(Reason::NothingFree);
    }
    let reserved = state
        .roles()
        .get(role)
        .is_some_and(|row| state.names().allocatable_to(&free, &row.name).is_empty());
    if reserved {
        return Err(Reason::Reserved);
    }
    let mut reasons = BTreeMap::<Reason, usize>::new();
    let mut found = None;
    for (agent, free) in agents {
        let reason = match look(state, books, framework, role, *agent, free) {
            Ok((stage, given)) if given.iter().any(|item| pool.owns.has(item.key.name)) => {
                found =
                    if stage == Stage::Guarantees { Some(stage) } else { found.or(Some(stage)) };
                continue;
            }
            Ok(_) => Reason::Refused(Refusal::Withheld),
            Err(reason) => reason,
        };
        *reasons.entry(reason).or_default() += 1;
    }
    // No agent at all is as good as none that is active.
    let most = reasons.into_iter().rev().max_by_key(|(_, count)| *count);
    let most = most.map_or(Reason::Refused(Refusal::AgentInactive), |(reason, _)| reason);
    found.ok_or(most)
}
