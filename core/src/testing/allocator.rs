//! What an allocator is told by a master, and no command says: for replays of recorded decisions.

use crate::ids::{AgentId, FrameworkId, OfferId, TaskId};
use crate::resources::{Conversion, ConversionError, Resources};
use crate::state::{Grant, GrantKind, State, Subscription, Task};
use crate::status::TaskState;

/// Converts a part of an outstanding offer, and of its agent's total; the offer stays.
///
/// Errors: the offer is gone, or does not hold what is consumed.
pub fn convert_offer(
    state: &mut State,
    offer: OfferId,
    conversion: &Conversion,
) -> Result<(), ConversionError> {
    let nothing = Resources::new();
    let grant = state.grants.get(offer).filter(|grant| grant.is_offer());
    let agent = grant.and_then(|grant| state.agents.get(grant.agent));
    let Some((grant, agent)) = grant.zip(agent) else {
        return conversion.apply(&nothing).map(drop);
    };
    let offered = conversion.apply(&state.names.named(&grant.resources))?;
    let total = conversion.apply(&state.names.named(&agent.total))?;
    let (offered, total) = (state.names.intern(&offered), state.names.intern(&total));
    state.convert_grant(offer, offered, total);
    Ok(())
}

/// Charges a framework in a role with what runs on an agent that was registered with it. It counts
/// as an offer that was made, unless it is a part of what was counted before.
pub fn adopt_task(
    state: &mut State,
    agent: AgentId,
    framework: FrameworkId,
    role: &str,
    name: &str,
    resources: &Resources,
    counts: bool,
) -> TaskId {
    let role = state.role_or_new(role);
    if let Some(framework) = state.frameworks.get_mut(framework) {
        framework.roles.entry(role).or_insert_with(Subscription::default);
    }
    state.join_role(framework, role);
    let id = state.tasks.next_id();
    let resources = state.names.intern(resources);
    let kind = GrantKind::Allocated(id);
    let grant = state.open_grant(Grant { agent, framework, role, resources, kind });
    if counts {
        state.count_offer(framework, role);
    }
    let task = Task::new((framework, agent, role), name.into(), grant);
    let running = TaskState::Running;
    state.insert_task(Task { state: running, told: Some(running), ..task })
}
