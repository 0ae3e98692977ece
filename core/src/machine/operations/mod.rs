//! Operations on resources: what an agent has becomes something else of the same quantity.
//!
//! - this file: operations of operators, on what no task holds, and the change of an agent's total
//! - [`check`]: the rules of each operation, for operators and frameworks alike
//! - [`disks`]: the rules of those whose result the agent decides
//! - [`feedback`]: reports, acknowledgements, reconciliation
//! - [`lost`]: what becomes of operations when somebody goes away
//!
//! What frameworks do on their offers stands in [`accept`](super::accept).

mod check;
mod disks;
mod feedback;
mod lost;
#[cfg(test)]
mod tests;

use super::Machine;
use crate::command::{
    CreateVolumes, DestroyVolumes, GrowVolume, ReserveResources, SessionKind, ShrinkVolume,
    UnreserveResources,
};
use crate::error::{Code, Rejection};
use crate::event::{Event, RescindReason};
use crate::ids::{AgentId, GrantId, SessionId};
use crate::limits::{REFUSE_DEFAULT, RESOURCES_PER_AGENT_MAX};
use crate::reply::Reply;
use crate::resources::{Bundle, Conversion, Metadata, Resources};
use crate::state::Agent;

pub(in crate::machine) use check::{Asked, Asking};

impl Machine<'_> {
    pub(super) fn reserve_resources(
        &mut self,
        sender: Option<SessionId>,
        command: &ReserveResources,
    ) -> Result<Reply, Rejection> {
        let (resources, source) = (&command.resources, command.source.as_deref());
        self.operate(sender, command.agent, Asked::Reserve { resources, source })
    }

    pub(super) fn unreserve_resources(
        &mut self,
        sender: Option<SessionId>,
        command: &UnreserveResources,
    ) -> Result<Reply, Rejection> {
        self.operate(sender, command.agent, Asked::Unreserve(&command.resources))
    }

    pub(super) fn create_volumes(
        &mut self,
        sender: Option<SessionId>,
        command: &CreateVolumes,
    ) -> Result<Reply, Rejection> {
        self.operate(sender, command.agent, Asked::Create(&command.volumes)).map_err(of_volumes)
    }

    pub(super) fn destroy_volumes(
        &mut self,
        sender: Option<SessionId>,
        command: &DestroyVolumes,
    ) -> Result<Reply, Rejection> {
        self.operate(sender, command.agent, Asked::Destroy(&command.volumes)).map_err(of_volumes)
    }

    pub(super) fn grow_volume(
        &mut self,
        sender: Option<SessionId>,
        command: &GrowVolume,
    ) -> Result<Reply, Rejection> {
        let (volume, addition) = (&command.volume, &command.addition);
        self.operate(sender, command.agent, Asked::Grow { volume, addition })
    }

    pub(super) fn shrink_volume(
        &mut self,
        sender: Option<SessionId>,
        command: &ShrinkVolume,
    ) -> Result<Reply, Rejection> {
        let (volume, subtract) = (&command.volume, command.subtract);
        self.operate(sender, command.agent, Asked::Shrink { volume, subtract })
    }

    /// Does an operation on what no task holds: on what is free, and on what is offered if that is
    /// not enough.
    fn operate(
        &mut self,
        sender: Option<SessionId>,
        agent: AgentId,
        asked: Asked<'_>,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Operator)?;
        let row = self.known_agent(agent)?;
        if !row.counts() {
            let text = format!("agent {agent} is unreachable: wait until it is back");
            let rejection = Rejection::new(Code::FailedPrecondition, text);
            return Err(rejection.at("agent").id(agent.to_u64()));
        }
        let session = self.state.sessions.get(session);
        let (total, in_use) = (&row.total, &row.allocated);
        let (total, in_use) = (self.state.names.named(total), self.state.names.named(in_use));
        let asking = Asking {
            total: &total,
            in_use: &in_use,
            agent: row.capabilities,
            role: None,
            principal: session.and_then(|session| session.principal.as_deref()),
            knows_shared: true,
        };
        self.may_operate(asking.principal, asked)?;
        self.check_operates_on_agent(asked)?;
        let conversion = asking.conversion(asked)?;
        let after = converted(&conversion, &total, Code::FailedPrecondition)?;
        let Some(needed) = self.offers_needed(row, &conversion.consumed) else {
            let text = format!("{} is not all free: tasks hold the rest", conversion.consumed);
            return Err(Rejection::new(Code::FailedPrecondition, text).at("resources"));
        };
        let mut offers = needed;
        offers.extend(self.offers_of_volumes(agent, asked.destroyed()));
        offers.sort_unstable();
        offers.dedup();
        for offer in offers {
            let Some(grant) = self.state.grants.get(offer).cloned() else { continue };
            self.rescind(offer, RescindReason::Operation);
            self.refuse(grant.framework, grant.role, agent, grant.resources, REFUSE_DEFAULT);
        }
        let after = self.state.names.intern(&after);
        self.convert_total(agent, after);
        self.offer_again(agent);
        Ok(Reply::Done)
    }

    /// The offers to be rescinded so that `consumed` is free: none that is not needed. None if
    /// tasks hold the rest.
    fn offers_needed(&self, agent: &Agent, consumed: &Resources) -> Option<Vec<GrantId>> {
        // What is shared is always free.
        let consumed = consumed.non_shared();
        let mut missing = consumed.clone();
        missing.subtract(&self.state.names.named(&agent.free()));
        let mut needed = Vec::new();
        for &id in &agent.grants {
            if missing.is_empty() {
                break;
            }
            let Some(grant) = self.state.grants.get(id).filter(|grant| grant.is_offer()) else {
                continue;
            };
            let mut left = missing.clone();
            left.subtract(&self.state.names.named(&grant.resources));
            if left != missing {
                missing = left;
                needed.push(id);
            }
        }
        if !missing.is_empty() {
            return None;
        }
        // An early one may have become superfluous by a later one.
        let mut at = 0;
        while at < needed.len() {
            let mut rest = needed.clone();
            rest.remove(at);
            let mut missing = consumed.clone();
            missing.subtract(&self.state.names.named(&agent.free()));
            for grant in rest.iter().filter_map(|id| self.state.grants.get(*id)) {
                missing.subtract(&self.state.names.named(&grant.resources));
            }
            if missing.is_empty() {
                needed = rest;
            } else {
                at += 1;
            }
        }
        Some(needed)
    }

    /// The offers that hold one of these volumes.
    pub(super) fn offers_of_volumes(
        &self,
        agent: AgentId,
        volumes: Option<&Resources>,
    ) -> Vec<GrantId> {
        let (Some(row), Some(volumes)) = (self.state.agents.get(agent), volumes) else {
            return Vec::new();
        };
        let Some(volumes) = self.state.names.find_within(volumes, &row.total) else {
            return Vec::new();
        };
        let holds = |id: &&GrantId| {
            let grant = self.state.grants.get(**id).filter(|grant| grant.is_offer());
            grant.is_some_and(|grant| {
                volumes.iter().any(|volume| grant.resources.get(&volume.key).is_some())
            })
        };
        row.grants.iter().filter(holds).copied().collect()
    }

    /// Gives an agent what operations made of its total, and tells it.
    pub(super) fn convert_total(&mut self, agent: AgentId, total: Bundle) {
        self.state.set_total(agent, total);
        if let Some(row) = self.state.agents.get_mut(agent) {
            row.converted = true;
        }
        self.tell_checkpoint(agent);
    }

    /// Tells an agent what is reserved and created on it.
    pub(super) fn tell_checkpoint(&mut self, agent: AgentId) {
        if let Some(event) = self.state.describe_checkpoint(agent) {
            self.tell_agent(agent, event);
        }
    }
}

/// The fields of these commands are called so.
fn of_volumes(fault: Rejection) -> Rejection {
    if fault.field() == "resources" { fault.at("volumes") } else { fault }
}

/// What there is after a conversion; `missing` is the code for what is not there before.
pub(super) fn converted(
    conversion: &Conversion,
    before: &Resources,
    missing: Code,
) -> Result<Resources, Rejection> {
    let after = conversion
        .apply(before)
        .map_err(|error| Rejection::new(missing, error.to_string()).at("resources"))?;
    if after.len() > RESOURCES_PER_AGENT_MAX && after.len() > before.len() {
        let text = format!("the agent would have more than {RESOURCES_PER_AGENT_MAX} resources");
        return Err(Rejection::new(Code::LimitReached, text).at("resources"));
    }
    Ok(after)
}

/// Whether operations made it so: a dynamic reservation or a volume of the agent itself.
pub(super) fn is_checkpointed(metadata: Option<&Metadata>) -> bool {
    metadata.is_some_and(|meta| {
        meta.provider.is_none()
            && (meta.is_dynamically_reserved() || meta.persistence_id().is_some())
    })
}

impl crate::state::State {
    /// Gives an agent another total.
    pub(crate) fn set_total(&mut self, id: AgentId, total: Bundle) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let counts = agent.counts();
        let before = std::mem::replace(&mut agent.total, total);
        if counts {
            let after = agent.total.clone();
            self.recount_total(&before, &after);
        }
        self.spare.touch(id);
    }

    /// What is reserved and created on an agent, as it is told.
    pub(crate) fn describe_checkpoint(&self, agent: AgentId) -> Option<Event> {
        let total = self.names.named(&self.agents.get(agent)?.total);
        let resources = total.filter(|key| is_checkpointed(key.metadata()));
        Some(Event::Checkpoint { agent, resources })
    }
}
