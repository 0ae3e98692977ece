//! Whether an agent and a framework suit each other, whatever is free: capabilities of both, and
//! the region (semantics.md 2.10, 7.4).

use super::Refusal;
use crate::ids::RoleId;
use crate::resources::{Amount, NameId};
use crate::state::{Agent, Framework, State};
use crate::value::{AgentCapability, Capability};

/// Says whether `framework` in `role` and `agent` suit each other.
///
/// Errors: the first [`Refusal`] that applies.
pub fn suits(
    state: &State,
    framework: &Framework,
    role: RoleId,
    agent: &Agent,
) -> Result<(), Refusal> {
    let can = |capability| framework.capabilities.contains(&capability);
    if is_remote(state, agent) && !can(Capability::RegionAware) {
        return Err(Refusal::RemoteRegion);
    }
    if state.options().filter_gpu && !can(Capability::GpuResources) && has_gpus(agent) {
        return Err(Refusal::Gpus);
    }
    let lacks = |capability| !agent.capabilities.has(capability);
    if lacks(AgentCapability::MultiRole) && can(Capability::MultiRole) {
        return Err(Refusal::AgentLacks);
    }
    let nested = || state.roles().get(role).is_some_and(|role| role.name.contains('/'));
    if lacks(AgentCapability::HierarchicalRole) && nested() {
        return Err(Refusal::AgentLacks);
    }
    Ok(())
}

/// Whether the agent is in another region than the kernel. One without a domain is near.
fn is_remote(state: &State, agent: &Agent) -> bool {
    match (&agent.domain, &state.options().domain) {
        (Some(agent), Some(kernel)) => agent.region != kernel.region,
        _ => false,
    }
}

fn has_gpus(agent: &Agent) -> bool {
    agent.total.quantity(&NameId::GPUS) > Amount::ZERO
}
