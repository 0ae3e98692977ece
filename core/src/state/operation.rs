//! Operations whose outcome an agent reports: those that make and destroy disks, and all to which
//! their framework gave an id.
//!
//! An operation is in the ledger from its accept until its end is known to whom it concerns: to its
//! framework if it has an id, which acknowledges; else to the kernel. One that makes or destroys a
//! disk holds what it consumes until it has ended. What the others do is done in the ledger at
//! once; if their agent says that it failed, its total says what there is.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::task::Retry;
use super::transition::Transition;
use super::{Grant, GrantKind, Hold, State};
use crate::command::Operation as Spec;
use crate::ids::{AgentId, FrameworkId, OperationId, RoleId};
use crate::intern::HasNames;
use crate::resources::{Metadata, Resources};
use crate::status::OperationState;
use crate::time::Time;
use crate::value::Uuid;

/// The transition table. `docs/concepts.md` prints it; a test compares.
#[must_use]
pub const fn transition(from: OperationState, to: OperationState) -> Transition {
    use OperationState::{Pending, Recovering, Unknown, Unreachable, Unsupported};
    if from.is_terminal() {
        return Transition::Kept;
    }
    match (from, to) {
        // These are answers, never states.
        (Unknown | Recovering | Unsupported, _) | (_, Unknown | Recovering | Unsupported) => {
            Transition::Illegal
        }
        (Pending, Pending) | (Unreachable, Unreachable) => Transition::Illegal,
        _ => Transition::Next,
    }
}

/// How an operation ended, as it was reported.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OperationReport {
    /// Its identity.
    #[n(0)]
    pub uuid: Uuid,
    /// For people.
    #[n(1)]
    pub message: Option<Box<str>>,
    /// What a disk became.
    #[n(2)]
    pub converted: Option<Box<Resources>>,
    /// When it was said.
    #[n(3)]
    pub time: Time,
}

/// An operation whose outcome an agent reports.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Operation {
    /// Whose it is.
    #[n(0)]
    pub framework: FrameworkId,
    /// Where it is.
    #[n(1)]
    pub agent: AgentId,
    /// In which role what it holds is charged.
    #[n(2)]
    pub role: RoleId,
    /// The framework's name for it.
    #[n(3)]
    #[cbor(with = "crate::shared")]
    pub name: Option<Arc<str>>,
    /// What is to be done.
    #[n(4)]
    #[cbor(with = "crate::shared")]
    pub spec: Arc<Spec>,
    /// The newest state, as reported or as the kernel concluded.
    #[n(5)]
    pub state: OperationState,
    /// Where what it consumes is; released from the start if that was converted at once.
    #[n(6)]
    pub hold: Hold,
    /// How it ended, until that is acknowledged.
    #[n(7)]
    pub report: Option<OperationReport>,
    /// Since when its agent cannot be reached.
    #[n(8)]
    pub unreachable_since: Option<Time>,
    /// Redelivery of the report.
    #[n(9)]
    pub retry: Option<Retry>,
}

impl Operation {
    /// Whether it holds what it consumes until it has ended.
    pub fn makes_a_disk(&self) -> bool {
        matches!(*self.spec, Spec::CreateDisk(_) | Spec::DestroyDisk(_))
    }

    /// Of which resource provider it is.
    pub fn provider(&self) -> Option<&str> {
        provider(&self.spec)
    }
}

/// The provider of what an operation is about; none is the agent itself.
pub fn provider(spec: &Spec) -> Option<&str> {
    let first = spec.resources().find_map(|resources| resources.iter().next());
    first.and_then(|item| item.key.metadata()).and_then(|meta: &Metadata| meta.provider.as_deref())
}

impl State {
    /// All operations whose outcome is reported.
    pub fn operations(&self) -> &crate::arena::Arena<OperationId, Operation> {
        &self.operations
    }

    /// Puts an operation into the ledger, where its agent and framework look for it.
    pub(crate) fn insert_operation(&mut self, row: Operation) -> OperationId {
        let (agent, framework, name) = (row.agent, row.framework, row.name.clone());
        let id = self.operations.insert(row);
        self.list_operation(id, agent, framework, name);
        id
    }

    fn list_operation(
        &mut self,
        id: OperationId,
        agent: AgentId,
        owner: FrameworkId,
        name: Option<Arc<str>>,
    ) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.operations.insert(id);
        }
        if let Some(framework) = self.frameworks.get_mut(owner) {
            framework.operations.insert(id);
            if let Some(name) = name {
                framework.operation_ids.insert(name, id);
            }
        }
    }

    /// Takes an operation out of the ledger, with what it holds.
    pub(crate) fn take_operation(&mut self, id: OperationId) -> Option<Operation> {
        self.release_operation(id);
        let row = self.operations.remove(id)?;
        self.timers.cancel(row.retry.map(|retry| retry.timer));
        if let Some(agent) = self.agents.get_mut(row.agent) {
            agent.operations.remove(&id);
        }
        if let Some(framework) = self.frameworks.get_mut(row.framework) {
            framework.operations.remove(&id);
            if let Some(name) = &row.name {
                framework.operation_ids.remove(name);
            }
        }
        Some(row)
    }

    /// Gives what an operation holds back for good; says whether it is free now.
    pub(crate) fn release_operation(&mut self, id: OperationId) -> bool {
        let Some(row) = self.operations.get_mut(id) else { return false };
        let (framework, role) = (row.framework, row.role);
        match std::mem::replace(&mut row.hold, Hold::Released) {
            Hold::Granted(grant) => self.close_grant(grant).is_some(),
            Hold::Parked(_) => {
                self.forget_parked(framework, role);
                false
            }
            Hold::Released => false,
        }
    }

    /// Stops charging an operation whose agent cannot be reached.
    pub(crate) fn park_operation(&mut self, id: OperationId) {
        let Some(row) = self.operations.get(id) else { return };
        let Some(hold) = self.parked(row.hold.grant(), row.framework, row.role) else { return };
        if let Some(row) = self.operations.get_mut(id) {
            row.hold = hold;
        }
    }

    /// Charges a parked operation to its agent again.
    pub(crate) fn unpark_operation(&mut self, id: OperationId) {
        let Some(row) = self.operations.get_mut(id) else { return };
        let Some(resources) = row.hold.take_parked() else { return };
        let (agent, framework, role) = (row.agent, row.framework, row.role);
        let kind = GrantKind::Operation(id);
        let hold = self.unparked(Grant { agent, framework, role, resources, kind });
        if let Some(row) = self.operations.get_mut(id) {
            row.hold = hold;
        }
    }

    /// Lists all operations again after a restore.
    pub(super) fn derive_operations(&mut self) {
        let rows = self.operations.iter().map(|(id, row)| {
            let parked = matches!(row.hold, Hold::Parked(_));
            (id, row.agent, row.framework, row.role, row.name.clone(), parked)
        });
        for (id, agent, framework, role, name, parked) in rows.collect::<Vec<_>>() {
            self.list_operation(id, agent, framework, name);
            if let Some(part) = self.part_mut(framework, role).filter(|_| parked) {
                part.parked += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::transition::check_documented;

    /// Prints the table as Markdown and compares it with the one in `docs/concepts.md`.
    #[test]
    fn the_documented_table_is_this_one() {
        let is_state = |state: &OperationState| {
            transition(OperationState::Pending, *state) == Transition::Next
                || *state == OperationState::Pending
        };
        let states: Vec<_> = OperationState::ALL.iter().copied().filter(is_state).collect();
        let short =
            |state: &OperationState| state.name().trim_start_matches("OPERATION_").to_lowercase();
        let named: Vec<_> = states.iter().map(|state| (short(state), *state)).collect();
        check_documented(&named, transition);
    }

    #[test]
    fn ended_operations_stay_ended() {
        for &from in OperationState::ALL.iter().filter(|state| state.is_terminal()) {
            for &to in OperationState::ALL {
                assert_eq!(transition(from, to), Transition::Kept);
            }
        }
    }
}
