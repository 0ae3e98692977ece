//! What becomes of operations when their agent or framework goes away, and when an agent returns.

use std::collections::BTreeMap;

use super::super::{Machine, over_limit};
use super::feedback::check_end;
use crate::command::{ReregisterAgent, UpdateOperation};
use crate::error::{Code, Rejection};
use crate::event::Event;
use crate::ids::{AgentId, OperationId};
use crate::limits::TASKS_PER_COMMAND_MAX;
use crate::state::{Operation, State};
use crate::status::OperationState;
use crate::time::Time;

/// What a returning agent says of its operations.
pub(in crate::machine) type Reported<'c> = BTreeMap<OperationId, &'c UpdateOperation>;

impl Machine<'_> {
    /// The reported operations by id. Those of other agents are a mistake; unknown ones are not.
    pub(in crate::machine) fn check_reported_operations<'c>(
        &self,
        agent: AgentId,
        command: &'c ReregisterAgent,
    ) -> Result<Reported<'c>, Rejection> {
        let count = command.operations.len();
        if count > TASKS_PER_COMMAND_MAX {
            return Err(over_limit("operations", count, TASKS_PER_COMMAND_MAX).at("operations"));
        }
        let mut reported = Reported::new();
        for (index, entry) in command.operations.iter().enumerate() {
            let id = entry.operation;
            let at = |fault: Rejection, field: &str| {
                let place = format!("operations[{index}].{field}");
                fault.at(place).index(index).id(id.to_u64())
            };
            if let Some(row) = self.state.operations.get(id) {
                if row.agent != agent {
                    let text = format!("operation {id} is on another agent than {agent}");
                    return Err(at(Rejection::new(Code::NotYours, text), "operation"));
                }
                if entry.state != OperationState::Pending {
                    check_end(row, entry).map_err(|fault| {
                        let field = fault.field().to_owned();
                        at(fault, &field)
                    })?;
                }
            }
            if reported.insert(id, entry).is_some() {
                let fault = Rejection::new(Code::BadList, format!("{id} is listed twice"));
                return Err(at(fault, "operation"));
            }
        }
        Ok(reported)
    }

    /// Brings the operations on a returning agent in line with those that it knows. Where it said
    /// what it has, that holds what its operations made.
    pub(in crate::machine) fn return_operations(
        &mut self,
        agent: AgentId,
        reported: &Reported<'_>,
        said_total: bool,
    ) {
        let strangers = reported.keys().filter(|id| !self.state.operations.contains(**id));
        for operation in strangers.copied().collect::<Vec<_>>() {
            self.tell_agent(agent, Event::OperationAcknowledged { agent, operation, uuid: None });
        }
        let known = self.state.agents.get(agent).map(|row| row.operations.clone());
        for id in known.into_iter().flatten() {
            if self.state.operations.get(id).is_none_or(|row| row.state.is_terminal()) {
                continue;
            }
            self.state.unpark_operation(id);
            match reported.get(&id) {
                None => {
                    let mut end = UpdateOperation::new(id, OperationState::Dropped);
                    end.message = Some("the agent came back without it".into());
                    self.end_operation(id, &end, false);
                }
                Some(entry) if entry.state != OperationState::Pending => {
                    self.end_operation(id, entry, !said_total);
                }
                Some(_) => self.conclude(id, OperationState::Pending, None),
            }
        }
    }

    /// The agent of an operation did not come back in time.
    pub(in crate::machine) fn operation_unreachable(&mut self, id: OperationId, since: Time) {
        self.state.park_operation(id);
        self.conclude(id, OperationState::Unreachable, Some(since));
        let wanted = self.state.operations.get(id).map(|row| self.state.is_wanted(row.framework));
        if wanted == Some(false) {
            self.remove_operation(id);
        }
    }

    /// The agent of an operation was removed, or is gone.
    pub(in crate::machine) fn operation_lost(&mut self, id: OperationId, gone: bool) {
        let state = if gone { OperationState::GoneByOperator } else { OperationState::Unknown };
        self.conclude(id, state, None);
        self.remove_operation(id);
    }

    /// Ends the wait for an operation of a framework that was removed. What an operation holds it
    /// holds until its agent says that it has ended.
    pub(in crate::machine) fn end_operation_of_removed(&mut self, id: OperationId) {
        match self.state.operations.get(id).map(|row| row.state) {
            Some(OperationState::Unreachable) => self.remove_operation(id),
            Some(state) if state.is_terminal() => self.settle_operation(id),
            _ => {}
        }
    }

    /// Puts an operation into a state that the kernel concludes, and tells its framework.
    fn conclude(&mut self, id: OperationId, state: OperationState, since: Option<Time>) {
        let Some(row) = self.state.operations.get_mut(id) else { return };
        let changed = row.state != state;
        (row.state, row.unreachable_since) = (state, since);
        let framework = row.framework;
        if changed && row.name.is_some() {
            self.tell_known(framework, id);
        }
    }
}

impl State {
    /// The operations of an agent that still need something done, for one counted step.
    pub(crate) fn some_operations_of_agent(
        &self,
        agent: AgentId,
        most: usize,
        wanted: impl Fn(&Operation) -> bool,
    ) -> Vec<OperationId> {
        let listed = self.agents.get(agent).into_iter().flat_map(|row| row.operations.iter());
        let listed = listed.copied();
        listed.filter(|id| self.operations.get(*id).is_some_and(&wanted)).take(most).collect()
    }
}
