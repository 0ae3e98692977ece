//! What agents say of operations: reports, their acknowledgement, reconciliation.

use std::sync::Arc;

use super::super::{Machine, over_limit};
use super::disks::check_converted;
use crate::command::{
    AcknowledgeOperation, Operation as Spec, ReconcileOperation, ReconcileOperations, SessionKind,
    UpdateOperation,
};
use crate::error::{Code, Rejection, shorten};
use crate::event::{ApplyOperation, Event, OperationStatus};
use crate::ids::{AgentId, FrameworkId, OperationId, RoleId, SessionId};
use crate::limits::TASKS_PER_COMMAND_MAX;
use crate::reply::Reply;
use crate::resources::{Bundle, Conversion, Resources};
use crate::state::operation::{OperationReport, provider, transition};
use crate::state::task::Retry;
use crate::state::transition::Transition;
use crate::state::{Grant, GrantKind, Hold, Liveness, Operation, State, Timer};
use crate::status::OperationState;
use crate::time::Nanos;
use crate::value::Uuid;

/// Whether an agent driver may say that an operation ended so.
pub(super) const fn is_end(state: OperationState) -> bool {
    use OperationState::{Dropped, Error, Failed, Finished};
    matches!(state, Finished | Failed | Error | Dropped)
}

impl Machine<'_> {
    /// Puts an operation of an accept into the ledger, and tells its agent.
    pub(in crate::machine) fn start_operation(
        &mut self,
        (framework, agent, role): (FrameworkId, AgentId, RoleId),
        spec: &Spec,
        held: Bundle,
    ) -> OperationId {
        let id = self.state.operations.next_id();
        let hold = if held.is_empty() {
            Hold::Released
        } else {
            let kind = GrantKind::Operation(id);
            let grant = Grant { agent, framework, role, resources: held, kind };
            Hold::Granted(self.state.open_grant(grant))
        };
        let id = self.state.insert_operation(Operation {
            framework,
            agent,
            role,
            name: spec.id().map(Into::into),
            spec: Arc::new(spec.clone()),
            state: OperationState::Pending,
            hold,
            report: None,
            unreachable_since: None,
            retry: None,
        });
        if let Some(apply) = self.state.describe_application(id) {
            self.tell_agent(agent, Event::ApplyOperation(apply));
        }
        id
    }

    /// Tells a framework that an operation with an id cannot be done.
    pub(in crate::machine) fn tell_error(
        &mut self,
        framework: FrameworkId,
        spec: &Spec,
        agent: Option<AgentId>,
        fault: &Rejection,
    ) {
        let Some(id) = spec.id() else { return };
        let status = OperationStatus {
            message: Some(fault.to_string().into()),
            agent,
            provider: provider(spec).map(Into::into),
            ..self.kernel_word(id.into(), OperationState::Error)
        };
        self.tell_framework(framework, Event::OperationUpdate(Box::new(status)));
    }

    pub(in crate::machine) fn update_operation(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateOperation,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Agent)?;
        let id = command.operation;
        let Some(row) = self.state.operations.get(id) else {
            let text = format!("no operation {id}: its end is known, or it was never begun");
            let rejection = Rejection::new(Code::UnknownOperation, text);
            return Err(rejection.at("operation").id(id.to_u64()));
        };
        if self.own_agent(session, row.agent).is_err() {
            let text = format!("operation {id} is not on an agent of session {session}");
            return Err(Rejection::new(Code::NotYours, text).at("operation").id(id.to_u64()));
        }
        check_end(row, command)?;
        if transition(row.state, command.state) == Transition::Kept {
            return Ok(Reply::Updated { duplicate: true, regression: false });
        }
        self.end_operation(id, command, true);
        Ok(Reply::Updated { duplicate: false, regression: false })
    }

    /// Ends an operation as reported: what it held is free, and is something else if it is
    /// finished and `convert`; its framework is told, or else it is over.
    pub(super) fn end_operation(&mut self, id: OperationId, end: &UpdateOperation, convert: bool) {
        let now = self.state.now;
        let Some(row) = self.state.operations.get_mut(id) else { return };
        let (agent, framework) = (row.agent, row.framework);
        let held = row.hold.grant();
        let assigned = u128::from(id.to_u64()) << 64 | 1;
        row.state = end.state;
        row.unreachable_since = None;
        row.report = Some(OperationReport {
            uuid: end.uuid.unwrap_or(Uuid(assigned.to_be_bytes())),
            message: end.message.clone(),
            converted: end.converted.clone(),
            time: now,
        });
        let nobody_waits = row.name.is_none();
        let held = held.and_then(|grant| self.state.grants.get(grant));
        let held = held.map(|grant| self.state.names.named(&grant.resources));
        if self.state.release_operation(id) {
            if let (Some(consumed), Some(converted), true) = (held, &end.converted, convert) {
                self.convert_disk(agent, consumed, converted);
            }
            self.offer_again(agent);
        }
        if nobody_waits || !self.state.is_wanted(framework) {
            self.settle_operation(id);
        } else {
            self.deliver_operation(id);
        }
    }

    /// An agent that has said meanwhile what it has is believed.
    fn convert_disk(&mut self, agent: AgentId, consumed: Resources, converted: &Resources) {
        let Some(row) = self.state.agents.get(agent) else { return };
        let total = self.state.names.named(&row.total);
        let conversion = Conversion { consumed, converted: converted.clone() };
        if let Ok(after) = conversion.apply(&total) {
            let after = self.state.names.intern(&after);
            self.state.set_total(agent, after);
        }
    }

    /// Tells a connected framework how an operation ended.
    pub(in crate::machine) fn deliver_operation(&mut self, id: OperationId) {
        let Some(row) = self.state.operations.get_mut(id) else { return };
        self.state.timers.cancel(row.retry.take().map(|retry| retry.timer));
        let framework = row.framework;
        if row.report.is_none() || !self.is_connected(framework) {
            return;
        }
        self.repeat_operation(id, self.state.options.update_retry.map(|retry| retry.min_seconds));
    }

    /// Tells it, and sets the timer to tell it again.
    fn repeat_operation(&mut self, id: OperationId, again: Option<Nanos>) {
        let Some(status) = self.state.describe_operation(id) else { return };
        let Some(framework) = self.state.operations.get(id).map(|row| row.framework) else {
            return;
        };
        self.tell_framework(framework, Event::OperationUpdate(Box::new(status)));
        let Some(interval) = again else { return };
        let due = self.state.now.plus(interval);
        let timer = self.state.timers.set(due, Timer::OperationRetry(id));
        if let Some(row) = self.state.operations.get_mut(id) {
            row.retry = Some(Retry { timer, interval });
        }
    }

    /// The framework has not acknowledged in time: tell it again, and wait twice as long.
    pub(in crate::machine) fn retry_operation(&mut self, id: OperationId) {
        let Some(row) = self.state.operations.get_mut(id) else { return };
        let (framework, last) = (row.framework, row.retry.take());
        let (Some(last), Some(policy)) = (last, self.state.options.update_retry) else { return };
        // A disconnected framework is told when it is back.
        if self.is_connected(framework) {
            let interval = last.interval.doubled().min(policy.max_seconds);
            self.repeat_operation(id, Some(interval));
        }
    }

    fn is_connected(&self, framework: FrameworkId) -> bool {
        self.state.frameworks.get(framework).is_some_and(|row| row.session().is_some())
    }

    pub(in crate::machine) fn acknowledge_operation(
        &mut self,
        sender: Option<SessionId>,
        command: &AcknowledgeOperation,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        let row = self.state.frameworks.get(framework);
        let known = row.and_then(|row| row.operation_ids.get(&*command.id).copied());
        let Some(id) = known else {
            let text = format!("the framework has no operation {:?}", shorten(&command.id));
            return Err(Rejection::new(Code::UnknownOperation, text).at("id"));
        };
        let row = self.state.operations.get(id);
        let Some(report) = row.and_then(|row| row.report.as_ref()) else {
            let text = format!("operation {id} has not ended: there is nothing to acknowledge");
            let rejection = Rejection::new(Code::NothingToAcknowledge, text);
            return Err(rejection.at("id").id(id.to_u64()));
        };
        if report.uuid != command.uuid {
            let text = format!("the end of operation {id} has uuid {}", report.uuid);
            return Err(Rejection::new(Code::WrongUuid, text).at("uuid").id(id.to_u64()));
        }
        self.settle_operation(id);
        Ok(Reply::Done)
    }

    /// The end of an operation is known to whom it concerns.
    pub(super) fn settle_operation(&mut self, id: OperationId) {
        let Some(row) = self.state.operations.get(id) else { return };
        let (agent, uuid) = (row.agent, row.report.as_ref().map(|report| report.uuid));
        self.tell_agent(agent, Event::OperationAcknowledged { agent, operation: id, uuid });
        self.remove_operation(id);
    }

    /// Takes an operation out of the ledger, and does what waited for that.
    pub(in crate::machine) fn remove_operation(&mut self, id: OperationId) {
        let Some(row) = self.state.take_operation(id) else { return };
        self.finish_removing_framework(row.framework);
        self.check_drained(row.agent);
    }

    pub(in crate::machine) fn reconcile_operations(
        &mut self,
        sender: Option<SessionId>,
        command: &ReconcileOperations,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        let count = command.operations.len();
        if count > TASKS_PER_COMMAND_MAX {
            return Err(over_limit("operations", count, TASKS_PER_COMMAND_MAX).at("operations"));
        }
        for asked in &command.operations {
            self.answer_about_operation(framework, asked);
        }
        if command.operations.is_empty() {
            let own = self.state.frameworks.get(framework).map(|row| row.operations.clone());
            for id in own.into_iter().flatten() {
                self.tell_known(framework, id);
            }
        }
        Ok(Reply::Done)
    }

    /// Answers one question about an operation as Mesos does. A kernel knows all its operations
    /// from its journal, so no agent need be asked.
    fn answer_about_operation(&mut self, framework: FrameworkId, asked: &ReconcileOperation) {
        let row = self.state.frameworks.get(framework);
        if let Some(id) = row.and_then(|row| row.operation_ids.get(&*asked.id).copied()) {
            self.tell_known(framework, id);
            return;
        }
        let mut status = self.kernel_word(asked.id.clone(), OperationState::Unknown);
        status.agent = asked.agent;
        if asked.agent.is_some_and(|agent| self.state.registry.is_gone(agent)) {
            status.state = OperationState::GoneByOperator;
        } else if let Some(agent) = asked.agent.and_then(|agent| self.state.agents.get(agent)) {
            if let Liveness::Unreachable(since) = agent.liveness {
                status.state = OperationState::Unreachable;
                status.unreachable_time = Some(since);
            }
        }
        self.tell_framework(framework, Event::OperationUpdate(Box::new(status)));
    }

    /// Tells a framework the state of one of its operations, without anything to acknowledge.
    pub(super) fn tell_known(&mut self, framework: FrameworkId, id: OperationId) {
        if let Some(status) = self.state.describe_operation(id) {
            let status = OperationStatus { uuid: None, time: self.state.now, ..status };
            self.tell_framework(framework, Event::OperationUpdate(Box::new(status)));
        }
    }

    /// What the kernel itself says of an operation.
    fn kernel_word(&self, id: Box<str>, state: OperationState) -> OperationStatus {
        OperationStatus {
            id: Some(id),
            handle: None,
            state,
            message: None,
            agent: None,
            provider: None,
            converted: None,
            uuid: None,
            time: self.state.now,
            unreachable_time: None,
        }
    }
}

/// Whether an agent may report that of an operation.
pub(super) fn check_end(row: &Operation, command: &UpdateOperation) -> Result<(), Rejection> {
    if !is_end(command.state) {
        let text = format!("{} cannot be reported by an agent", command.state);
        return Err(Rejection::new(Code::InvalidOperation, text).at("state"));
    }
    match (command.state, command.converted.as_deref()) {
        (OperationState::Finished, converted) => check_converted(&row.spec, converted),
        (_, None) => Ok(()),
        (state, Some(_)) => {
            let text = format!("nothing was converted by what ended as {state}: leave it out");
            Err(Rejection::new(Code::InvalidOperation, text).at("converted"))
        }
    }
}

impl State {
    /// An operation that has not ended, as its agent is told to do it.
    pub(crate) fn describe_application(&self, id: OperationId) -> Option<ApplyOperation> {
        let row = self.operations.get(id)?;
        if row.state != OperationState::Pending {
            return None;
        }
        Some(ApplyOperation {
            agent: row.agent,
            operation: id,
            framework: row.framework,
            role: self.roles.get(row.role)?.name.clone(),
            spec: row.spec.clone(),
        })
    }

    /// The state of an operation, as its framework is told it.
    pub(crate) fn describe_operation(&self, id: OperationId) -> Option<OperationStatus> {
        let row = self.operations.get(id)?;
        let report = row.report.as_ref();
        Some(OperationStatus {
            id: row.name.as_deref().map(Into::into),
            handle: Some(id),
            state: row.state,
            message: report.and_then(|report| report.message.clone()),
            agent: Some(row.agent),
            provider: row.provider().map(Into::into),
            converted: report.and_then(|report| report.converted.as_deref().cloned()),
            uuid: report.map(|report| report.uuid),
            time: report.map_or(self.now, |report| report.time),
            unreachable_time: row.unreachable_since,
        })
    }

    /// The end of an operation that its framework has not acknowledged.
    pub(crate) fn describe_end_of_operation(&self, id: OperationId) -> Option<OperationStatus> {
        self.describe_operation(id).filter(|status| status.uuid.is_some())
    }
}
