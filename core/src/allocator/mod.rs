//! Who is offered an agent's free resources: weighted dominant resource fairness over roles, then
//! over the frameworks of a role.
//!
//! The allocator reads the state and returns grants; the [`machine`](crate::machine) commits them.
//! The algorithm is that of Ghodsi et al., *Dominant Resource Fairness: Fair Allocation of Multiple
//! Resource Types* (NSDI 2011), in the coarse form of Mesos: the first framework in order that may
//! have the resources gets everything that is free on the agent.
//!
//! - [`Share`], [`Order`]: who is next, kept by the state
//! - [`gate`]: may it have this, and if not, why not
//! - `suits`: the part of that which depends on capabilities and regions

pub mod gate;
mod suits;

use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::resources::Bundle;
use crate::state::State;

pub use crate::state::{Order, Share, Walk};
pub use gate::{Refusal, gate};

/// What one framework is to be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Whom.
    pub framework: FrameworkId,
    /// In which role.
    pub role: RoleId,
    /// What: everything free on the agent that it may have.
    pub resources: Bundle,
}

/// Finds the framework that is to be offered an agent's free resources, if any may have them: all
/// that are not reserved for others. Of shared volumes each is offered once in a run:
/// `shared_offered` are those that were.
pub fn place(
    state: &State,
    order: &mut Order,
    agent: AgentId,
    shared_offered: &Bundle,
) -> Option<Placement> {
    let row = state.agents().get(agent).filter(|agent| agent.is_active())?;
    let mut free = row.free();
    free.subtract(shared_offered);
    if !state.is_allocatable(&free) {
        return None;
    }
    let mut walk = Walk::default();
    while let Some(role) = order.next_role(&mut walk) {
        let mut at = 0;
        while let Some(framework) = order.framework(state, role, at) {
            let own = state.offerable(framework, role, &free);
            if gate(state, framework, role, agent, &own).is_ok() {
                return Some(Placement { framework, role, resources: own.into_owned() });
            }
            at += 1;
        }
    }
    None
}
