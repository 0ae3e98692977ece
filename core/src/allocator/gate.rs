//! May a framework have resources of an agent in a role, and if not, why not.
//!
//! The allocator asks it before each offer; an explanation asks the same function, so the two can
//! never disagree.

use std::borrow::Cow;

use super::books::Books;
use super::suits::suits;
use super::turn::Stage;
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::resources::Bundle;
use crate::state::quota::is_bounded;
use crate::state::{State, Subscription, Tally};

/// Why a framework is not offered an agent's free resources in a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Refusal {
    /// The agent is disconnected, deactivated or gone.
    AgentInactive,
    /// The framework is disconnected or gone.
    FrameworkInactive,
    /// The framework is not subscribed to the role.
    NotSubscribed,
    /// The framework suppressed offers in the role.
    Suppressed,
    /// The agent is not one that the framework's offer constraints in the role allow.
    Constraint,
    /// The agent is in another region, and the framework is not `REGION_AWARE`.
    RemoteRegion,
    /// The agent has GPUs, and the framework no `GPU_RESOURCES`.
    Gpus,
    /// The agent lacks what the framework's capabilities or the role's name need.
    AgentLacks,
    /// The agent has as many executors as the kernel's option allows.
    ExecutorsFull,
    /// The role is at its limit, or what is free is set aside for guarantees of others.
    Withheld,
    /// Nothing is free, or less than the smallest amount worth offering.
    TooSmall,
    /// The framework refused these resources or more, and its filter is not over.
    Filtered,
}

impl Refusal {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgentInactive => "agent_inactive",
            Self::FrameworkInactive => "framework_inactive",
            Self::NotSubscribed => "not_subscribed",
            Self::Suppressed => "suppressed",
            Self::Constraint => "constraint",
            Self::RemoteRegion => "remote_region",
            Self::Gpus => "gpus",
            Self::AgentLacks => "agent_lacks",
            Self::ExecutorsFull => "executors_full",
            Self::Withheld => "quota",
            Self::TooSmall => "too_small",
            Self::Filtered => "filtered",
        }
    }

    /// What would have to change, for people.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::AgentInactive => "have the agent connect again, or reactivate it",
            Self::FrameworkInactive => "have the framework subscribe again",
            Self::NotSubscribed => "subscribe the framework to the role",
            Self::Suppressed => "revive the role",
            Self::Constraint => {
                "change the attributes or the place of the agent, or the framework's constraints"
            }
            Self::RemoteRegion => "subscribe with REGION_AWARE",
            Self::Gpus => "subscribe with GPU_RESOURCES, or set the option `filter_gpu` to false",
            Self::AgentLacks => "register the agent with MULTI_ROLE and HIERARCHICAL_ROLE",
            Self::ExecutorsFull => "wait for executors there to end, or raise the option",
            Self::Withheld => "raise the limit of the role, or lower the guarantees of others",
            Self::TooSmall => "wait for more to become free, or lower `min_allocatable`",
            Self::Filtered => "wait for the refusals to end, or revive the role",
        }
    }
}

/// What the gate lets through.
#[derive(Debug)]
pub struct Gated<'b> {
    /// What the framework may be offered; else the first [`Refusal`] that applies, in the order of
    /// the enumeration.
    pub resources: Result<Cow<'b, Bundle>, Refusal>,
    /// Whether it would be more but for quota.
    pub withholds: bool,
}

/// What of `free`, which is what is free on `agent`, `framework` may be offered in `role` in that
/// stage of a run.
pub fn gate<'b>(
    state: &State,
    books: Option<&Books>,
    stage: Stage,
    framework: FrameworkId,
    role: RoleId,
    agent: AgentId,
    free: &'b Bundle,
) -> Gated<'b> {
    let refused = |refusal, withholds| Gated { resources: Err(refusal), withholds };
    let part = match admits(state, framework, role, agent) {
        Ok(part) => part,
        Err(refusal) => return refused(refusal, false),
    };
    let own = state.offerable(framework, role, free);
    match leave(state, books, stage, role, own) {
        Err(refusal) => refused(refusal, true),
        Ok((given, withholds)) => {
            Gated { resources: wants(state, part, agent, &given).map(|()| given), withholds }
        }
    }
}

/// The part of [`gate`] that does not depend on what is free; the framework's part in the role.
fn admits(
    state: &State,
    framework: FrameworkId,
    role: RoleId,
    agent: AgentId,
) -> Result<&Subscription, Refusal> {
    let Some(row) = state.agents().get(agent).filter(|agent| agent.is_active()) else {
        return Err(Refusal::AgentInactive);
    };
    let Some(framework) = state.frameworks().get(framework).filter(|f| f.session().is_some())
    else {
        return Err(Refusal::FrameworkInactive);
    };
    let Some(part) = framework.roles.get(&role).filter(|part| part.subscribed) else {
        return Err(Refusal::NotSubscribed);
    };
    if part.suppressed {
        return Err(Refusal::Suppressed);
    }
    if part.excluded.has(agent) {
        return Err(Refusal::Constraint);
    }
    suits(state, framework, role, row)?;
    let most = state.options().max_executors_per_agent;
    if most.is_some_and(|most| state.executors_of_agent(row) >= most as usize) {
        return Err(Refusal::ExecutorsFull);
    }
    Ok(part)
}

/// The part of [`gate`] that depends on what is free.
fn wants(state: &State, part: &Subscription, agent: AgentId, free: &Bundle) -> Result<(), Refusal> {
    if !state.is_allocatable(part, free) {
        return Err(Refusal::TooSmall);
    }
    if part.refuses(agent, free) {
        return Err(Refusal::Filtered);
    }
    Ok(())
}

/// What quota leaves of what a framework could have in a role, and whether that is less.
///
/// Errors: [`Refusal::Withheld`] if that is nothing, or in the first stage nothing guaranteed.
fn leave<'b>(
    state: &State,
    books: Option<&Books>,
    stage: Stage,
    role: RoleId,
    own: Cow<'b, Bundle>,
) -> Result<(Cow<'b, Bundle>, bool), Refusal> {
    let Some(books) = books else { return Ok((own, false)) };
    if stage == Stage::Shares && books.leaves_free(state, role) {
        return Ok((own, false));
    }
    let cut = cut(state, books, stage, role, &own);
    let is_cut = cut != *own;
    if cut.is_empty() && is_cut { Err(Refusal::Withheld) } else { Ok((Cow::Owned(cut), is_cut)) }
}

/// What quota leaves of what a framework could have. What a guarantee gives, it gives whatever is
/// set aside for others; where it gives nothing there is nothing else either.
fn cut(state: &State, books: &Books, stage: Stage, role: RoleId, own: &Bundle) -> Bundle {
    let names = state.names();
    let mut bounded = own.filter_items(is_bounded);
    let mut given = own.clone();
    given.subtract(&bounded);
    let mut guaranteed = Tally::default();
    if stage == Stage::Guarantees {
        let allowance = books.allowance(state, role);
        let part = names.shrink(&bounded, |name| Some(allowance.get(name)));
        if part.is_empty() {
            return part;
        }
        guaranteed = Tally::of(&part);
        bounded.subtract(&part);
        given.add_assign(&part);
    }
    let extra = names.shrink(&bounded, |name| {
        let room = books.room(state, role, name);
        let room = room.map(|room| room.saturating_sub(guaranteed.get(name)));
        match (room, books.headroom(name)) {
            (Some(room), Some(headroom)) => Some(room.min(headroom)),
            (room, headroom) => room.or(headroom),
        }
    });
    given.add_assign(&extra);
    given
}
