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
