//! What must be true of operations whose outcome is reported.

use super::{Check, ensure};
use crate::ids::OperationId;
use crate::state::{Bulk, GrantKind, Hold, Liveness, Operation, State};
use crate::status::OperationState;

impl State {
    pub(super) fn check_operations(&self) -> Check {
        for (id, row) in self.operations.iter() {
            self.check_owners(id, row)?;
            self.check_hold(id, row)?;
            let known = matches!(row.state, OperationState::Pending | OperationState::Unreachable)
                || row.state.is_terminal();
            ensure("I42", known, || format!("operation {id} is {}, an answer", row.state))?;
            // I47: one that ended waits for an acknowledgement, or it would be gone.
            ensure("I47", row.state.is_terminal() == row.report.is_some(), || {
                format!("operation {id} is {} and has a report, or has none", row.state)
            })?;
            ensure("I47", row.report.is_none() || row.name.is_some(), || {
                format!("operation {id} has ended and nobody is to acknowledge it")
            })?;
            ensure("I45", row.retry.is_none() || row.report.is_some(), || {
                format!("operation {id} repeats a report that it does not have")
            })?;
            let away = row.state == OperationState::Unreachable;
            ensure("I44", row.unreachable_since.is_some() == away, || {
                format!("operation {id} is {}, and its agent since when?", row.state)
            })?;
        }
        let listed: usize = self.frameworks.iter().map(|(_, row)| row.operations.len()).sum();
        ensure("I43", listed == self.operations.len(), || {
            "a framework lists an operation that is gone".into()
        })?;
        let listed: usize = self.frameworks.iter().map(|(_, row)| row.operation_ids.len()).sum();
        let named = self.operations.iter().filter(|(_, row)| row.name.is_some()).count();
        ensure("I43", listed == named, || "an operation's id is left over".into())?;
        let listed: usize = self.agents.iter().map(|(_, row)| row.operations.len()).sum();
        let on_agents = self.operations.iter().filter(|(_, row)| self.agents.contains(row.agent));
        ensure("I44", listed == on_agents.count(), || {
            "an agent lists an operation that is gone".into()
        })
    }

    /// I43, I44: it is found where its framework and its agent look for it.
    fn check_owners(&self, id: OperationId, row: &Operation) -> Check {
        let framework = self.frameworks.get(row.framework);
        ensure("I43", framework.is_some_and(|f| f.operations.contains(&id)), || {
            format!("framework {} does not list its operation {id}", row.framework)
        })?;
        let named = |name| framework.and_then(|f| f.operation_ids.get(name)) == Some(&id);
        ensure("I43", row.name.as_ref().is_none_or(named), || {
            format!("operation {id} is not found by its id")
        })?;
        let Some(agent) = self.agents.get(row.agent) else {
            // Only what has ended may outlive its agent, until it is acknowledged.
            return ensure("I44", row.state.is_terminal(), || {
                format!("operation {id} has no agent")
            });
        };
        ensure("I44", agent.operations.contains(&id), || {
            format!("agent {} does not list its operation {id}", row.agent)
        })?;
        let away = row.state == OperationState::Unreachable;
        let allowed = match agent.liveness {
            Liveness::Connected(_) | Liveness::Disconnected(_) | Liveness::Overdue(_) => !away,
            Liveness::Unreachable(since) => {
                // Told of in counted steps: until then it keeps its state.
                let told_of = self.work.bulk.contains(&Bulk::UnreachableTasks(row.agent, since));
                away || row.state.is_terminal() || told_of
            }
            Liveness::Removing => true,
        };
        ensure("I44", allowed, || {
            format!("operation {id} is {} on agent {}, {:?}", row.state, row.agent, agent.liveness)
        })
    }

    /// I41: what a disk is made of is held until that has ended, and nothing else is.
    fn check_hold(&self, id: OperationId, row: &Operation) -> Check {
        let fits = match &row.hold {
            Hold::Granted(grant) => {
                row.state == OperationState::Pending
                    && row.makes_a_disk()
                    && self.grants.get(*grant).is_some_and(|g| {
                        g.kind == GrantKind::Operation(id)
                            && (g.agent, g.framework, g.role)
                                == (row.agent, row.framework, row.role)
                    })
            }
            Hold::Parked(_) => row.state == OperationState::Unreachable && row.makes_a_disk(),
            Hold::Released => row.state.is_terminal() || !row.makes_a_disk(),
        };
        ensure("I41", fits, || format!("operation {id} in {} holds {:?}", row.state, row.hold))
    }
}
