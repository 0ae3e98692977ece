//! May a framework have resources of an agent in a role, and if not, why not.
//!
//! The allocator asks it before each offer; an explanation asks the same function, so the two can
//! never disagree.

use std::borrow::Cow;

use super::books::Books;
use super::suits::suits;
use super::turn::{Stage, leave};
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::resources::Bundle;
use crate::state::{State, Subscription};

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
    /// The agent is in another region, and the framework is not `REGION_AWARE`.
    RemoteRegion,
    /// The agent has GPUs, and the framework no `GPU_RESOURCES`.
    Gpus,
    /// The agent lacks what the framework's capabilities or the role's name need.
    AgentLacks,
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
            Self::RemoteRegion => "remote_region",
            Self::Gpus => "gpus",
            Self::AgentLacks => "agent_lacks",
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
            Self::RemoteRegion => "subscribe with REGION_AWARE",
            Self::Gpus => "subscribe with GPU_RESOURCES, or set the option `filter_gpu` to false",
            Self::AgentLacks => "register the agent with MULTI_ROLE and HIERARCHICAL_ROLE",
            Self::Withheld => "raise the limit of the role, or lower the guarantees of others",
            Self::TooSmall => "wait for more to become free, or lower `min_allocatable`",
            Self::Filtered => "wait for the refusals to end, or revive the role",
        }
    }
}

/// Says whether `framework` may be offered `free`, what is free on `agent`, in `role`.
///
/// Errors: the first [`Refusal`] that applies, in the order of the enumeration.
pub fn gate(
    state: &State,
    framework: FrameworkId,
    role: RoleId,
    agent: AgentId,
    free: &Bundle,
) -> Result<(), Refusal> {
    let part = admits(state, framework, role, agent)?;
    wants(state, part, agent, free)
}

/// As [`gate`], for what quota leaves in either stage of a run that begins now.
///
/// Errors: as those of [`gate`]; if both stages refuse, why there is no fair share.
pub fn gate_with(
    state: &State,
    books: Option<&Books>,
    framework: FrameworkId,
    role: RoleId,
    agent: AgentId,
    free: &Bundle,
) -> Result<Stage, Refusal> {
    let part = admits(state, framework, role, agent)?;
    if books.is_some_and(|books| !books.allowance(state, role).is_empty()) {
        let given = leave(state, books, Stage::Guarantees, role, Cow::Borrowed(free));
        if given.and_then(|(given, _)| wants(state, part, agent, &given)).is_ok() {
            return Ok(Stage::Guarantees);
        }
    }
    let (given, _) = leave(state, books, Stage::Shares, role, Cow::Borrowed(free))?;
    wants(state, part, agent, &given).map(|()| Stage::Shares)
}

/// The part of [`gate`] that does not depend on what is free; the framework's part in the role.
pub(super) fn admits(
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
    suits(state, framework, role, row)?;
    Ok(part)
}

/// The part of [`gate`] that depends on what is free.
pub(super) fn wants(
    state: &State,
    part: &Subscription,
    agent: AgentId,
    free: &Bundle,
) -> Result<(), Refusal> {
    if !state.is_allocatable(part, free) {
        return Err(Refusal::TooSmall);
    }
    if part.refuses(agent, free) {
        return Err(Refusal::Filtered);
    }
    Ok(())
}
