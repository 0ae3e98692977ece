//! Operations on resources within an accept.

use super::super::Machine;
use super::super::operations::{Asked, Asking, converted};
use super::{Offered, Plan};
use crate::command::Operation;
use crate::error::{Code, Rejection};
use crate::event::RescindReason;
use crate::ids::FrameworkId;
use crate::reply::OperationOutcome;
use crate::resources::{Conversion, Resources};
use crate::status::OperationState;
use crate::value::Capability;

/// What operations make of an agent, as far as an accept was planned.
#[derive(Default)]
pub(super) struct Converted {
    /// What the agent has then.
    pub total: Resources,
    /// The volumes that are destroyed.
    pub destroyed: Vec<Resources>,
}

impl Machine<'_> {
    /// Decides on one operation; what it makes can be used by later ones.
    pub(super) fn plan_operation(
        &self,
        framework: FrameworkId,
        offered: &Offered,
        plan: &mut Plan<'_>,
        operation: &Operation,
    ) -> Result<(), Rejection> {
        let Some(asked) = Asked::of(operation) else { return Ok(()) };
        let Some(agent) = self.state.agents.get(offered.agent) else { return Ok(()) };
        let Some(row) = self.state.frameworks.get(framework) else { return Ok(()) };
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
        Ok(())
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

/// What became of an operation.
pub(super) fn outcome(operation: usize, fault: Option<&Rejection>) -> OperationOutcome {
    match fault {
        None => {
            let state = OperationState::Finished;
            OperationOutcome { operation, state, code: None, message: None }
        }
        Some(fault) => OperationOutcome {
            operation,
            state: OperationState::Error,
            code: Some(fault.code()),
            message: Some(fault.to_string().into()),
        },
    }
}
