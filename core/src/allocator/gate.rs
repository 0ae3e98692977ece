//! May a framework have resources of an agent in a role, and if not, why not.
//!
//! The allocator asks it before each offer; an explanation asks the same function, so the two can
//! never disagree.

use super::suits::suits;
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::resources::Bundle;
use crate::state::State;

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
    if !state.is_allocatable(free) {
        return Err(Refusal::TooSmall);
    }
    if part.refuses(agent, free) {
        return Err(Refusal::Filtered);
    }
    Ok(())
}
