//! Operations on resources within an accept.

use super::super::Machine;
use super::super::operations::{Asked, Asking, converted};
use super::{Offered, Plan};
use crate::command::Operation;
use crate::error::{Code, Rejection, shorten};
use crate::event::RescindReason;
use crate::ids::FrameworkId;
use crate::names::check_name;
use crate::reply::OperationOutcome;
use crate::resources::{Bundle, Conversion, Resources};
use crate::state::operation::provider;
use crate::status::OperationState;
use crate::value::{AgentCapabilities, AgentCapability, Capability};

/// What operations make of an agent, as far as an accept was planned.
#[derive(Default)]
pub(super) struct Converted {
    /// What the agent has then.
    pub total: Resources,
    /// The volumes that are destroyed.
    pub destroyed: Vec<Resources>,
}

impl Machine<'_> {
    /// Decides on one operation; what it makes can be used by later ones. Returns what it holds
    /// until its agent says what became of it.
    pub(super) fn plan_operation<'c>(
        &self,
        framework: FrameworkId,
        offered: &Offered,
        plan: &mut Plan<'c>,
        operation: &'c Operation,
    ) -> Result<Bundle, Rejection> {
        let nothing = Bundle::new();
        let Some(asked) = Asked::of(operation) else { return Ok(nothing) };
        let Some(agent) = self.state.agents.get(offered.agent) else { return Ok(nothing) };
        let Some(row) = self.state.frameworks.get(framework) else { return Ok(nothing) };
        self.check_id(framework, agent.capabilities, plan, operation)?;
        let names = plan.names.as_ref().unwrap_or(&self.state.names);
        let total = match &plan.converted {
            Some(converted) => converted.total.clone(),
            None => names.named(&agent.total),
        };
        let mut in_use = names.named(&agent.allocated);
        in_use.add_assign(&names.named(&plan.used));
        let session = row.session().and_then(|id| self.state.sessions.get(id));
        let asking = Asking {
            total: &total,
            in_use: &in_use,
            agent: agent.capabilities,
            role: self.state.roles.get(offered.role).map(|role| &*role.name),
            principal: session.and_then(|session| session.principal.as_deref()),
            knows_shared: row.capabilities.contains(&Capability::SharedResources),
        };
        self.may_operate(asking.principal, asked)?;
        self.check_operates_on_agent(asked)?;
        let conversion = asking.conversion(asked)?;
        if asked.is_of_disk() {
            let held = self.find(plan, asked.resources()).map_err(|fault| fault.at("source"))?;
            plan.remaining.subtract(&held);
            plan.operation_ids.extend(operation.id());
            return Ok(held);
        }
        // Several offers may hold the same shared volume.
        let remaining = names.named(&plan.remaining).one_copy();
        let left = converted(&conversion, &remaining, Code::ExceedsOffer)?;
        let after = converted(&conversion, &total, Code::ExceedsOffer)?;
        let left = if asked.is_resize() { without_result(&conversion, remaining) } else { left };

        let names = plan.names.get_or_insert_with(|| self.state.names.clone());
        names.intern(&after);
        plan.remaining = names.intern(&left);
        let converted = plan.converted.get_or_insert_with(Converted::default);
        converted.total = after;
        converted.destroyed.extend(asked.destroyed().cloned());
        plan.operation_ids.extend(operation.id());
        Ok(nothing)
    }

    /// An id is unique, and of use only where the agent reports what becomes of operations.
    fn check_id(
        &self,
        framework: FrameworkId,
        agent: AgentCapabilities,
        plan: &Plan<'_>,
        operation: &Operation,
    ) -> Result<(), Rejection> {
        let Some(id) = operation.id() else { return Ok(()) };
        check_name("operation", id).map_err(|fault| fault.at("id"))?;
        let row = self.state.frameworks.get(framework);
        let known = row.and_then(|row| row.operation_ids.get(id));
        if known.is_some() || plan.operation_ids.contains(id) {
            let text = format!(
                "the framework has an operation {:?}: an id is free again once its end is \
                 acknowledged",
                shorten(id)
            );
            return Err(Rejection::new(Code::OperationExists, text).at("id"));
        }
        let own = provider(operation).is_none();
        let needs = [
            (AgentCapability::ResourceProvider, true, "RESOURCE_PROVIDER"),
            (AgentCapability::AgentOperationFeedback, own, "AGENT_OPERATION_FEEDBACK"),
        ];
        match needs.into_iter().find(|(one, needed, _)| *needed && !agent.has(*one)) {
            None => Ok(()),
            Some((_, _, name)) => {
                let text = format!(
                    "the agent has no capability {name}, so nobody would say what became of it: \
                     leave the id out"
                );
                Err(Rejection::new(Code::InvalidOperation, text).at("id"))
            }
        }
    }

    /// Does or refuses one operation that was planned; what it converts is converted already.
    pub(super) fn finish_operation(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        (index, operation): (usize, &Operation),
        result: Result<Bundle, Rejection>,
    ) -> OperationOutcome {
        match result {
            Err(fault) => {
                self.tell_error(framework, operation, Some(offered.agent), &fault);
                failed(index, &fault)
            }
            Ok(held) if held.is_empty() && operation.id().is_none() => {
                let state = OperationState::Finished;
                OperationOutcome {
                    operation: index,
                    state,
                    handle: None,
                    code: None,
                    message: None,
                }
            }
            Ok(held) => {
                let place = (framework, offered.agent, offered.role);
                let handle = Some(self.start_operation(place, operation, held));
                let state = OperationState::Pending;
                OperationOutcome { operation: index, state, handle, code: None, message: None }
            }
        }
    }

    /// Does all that was planned with the agent's resources; its offers are closed.
    pub(super) fn convert(&mut self, offered: &Offered, plan: &mut Plan<'_>) {
        let (Some(names), Some(converted)) = (plan.names.take(), plan.converted.take()) else {
            return;
        };
        for volumes in &converted.destroyed {
            for offer in self.offers_of_volumes(offered.agent, Some(volumes)) {
                self.rescind(offer, RescindReason::Operation);
            }
        }
        self.state.names = names;
        let total = self.state.names.intern(&converted.total);
        self.convert_total(offered.agent, total);
    }
}

/// What a resize leaves: not its result, which waits for the next offer.
fn without_result(conversion: &Conversion, mut remaining: Resources) -> Resources {
    remaining.subtract(&conversion.consumed);
    remaining
}

/// What became of an operation that cannot be done.
pub(super) fn failed(operation: usize, fault: &Rejection) -> OperationOutcome {
    OperationOutcome {
        operation,
        state: OperationState::Error,
        handle: None,
        code: Some(fault.code()),
        message: Some(fault.to_string().into()),
    }
}
