//! Executors: what runs several tasks of one framework on one agent, with resources of its own.
//!
//! An executor starts with the first task that names it and is charged once, however many tasks it
//! runs. It goes when its agent says so: then its tasks that have not ended fail, and its resources
//! are free. A task without executor is its own.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::transition::Transition;
use super::{Agent, Grant, GrantKind, Hold, State, TimerKey};
use crate::command::ExecutorSpec;
use crate::ids::{AgentId, ExecutorId, FrameworkId, RoleId, TaskId};
use crate::intern::HasNames;
use crate::status::Reason;
use crate::time::Nanos;

/// How far an executor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ExecutorState {
    /// The agent was told to start it.
    #[n(0)]
    Registering,
    /// The agent said that it runs.
    #[n(1)]
    Running,
    /// The agent was told to end it, with that grace. It takes no more tasks.
    #[n(2)]
    Terminating(#[n(0)] Nanos),
}

/// The transition table. `docs/concepts.md` prints it; a test compares. An executor leaves it when
/// its agent says that it is gone, whatever it is in.
#[must_use]
pub const fn transition(from: ExecutorState, to: ExecutorState) -> Transition {
    use ExecutorState::{Registering, Running, Terminating};
    match (from, to) {
        (_, Registering) => Transition::Illegal,
        // What runs may say so again, what is to end has said so too late.
        (Running | Terminating(_), Running) => Transition::Kept,
        (Registering, Running) | (_, Terminating(_)) => Transition::Next,
    }
}

/// An executor.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Executor {
    /// Whose it is.
    #[n(0)]
    pub framework: FrameworkId,
    /// Where it is.
    #[n(1)]
    pub agent: AgentId,
    /// In which role its resources are charged.
    #[n(2)]
    pub role: RoleId,
    /// The framework's name for it, unique among those of the framework on the agent.
    #[n(3)]
    #[cbor(with = "crate::shared")]
    pub name: Arc<str>,
    /// What it is: each task that names it must say the same.
    #[n(4)]
    #[cbor(with = "crate::shared")]
    pub spec: Arc<ExecutorSpec>,
    /// How far it is.
    #[n(5)]
    pub state: ExecutorState,
    /// Where its resources are; released from the start if it has none.
    #[n(6)]
    pub hold: Hold,
    /// Until when it is to register.
    #[n(7)]
    pub registration: Option<TimerKey>,
    /// Why its tasks fail with it, unless the agent says otherwise.
    #[n(8)]
    pub cause: Option<Reason>,
}

/// The executor of a task, whose name outlives it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TaskExecutor {
    /// Which.
    #[n(0)]
    pub id: ExecutorId,
    /// The framework's name for it.
    #[n(1)]
    #[cbor(with = "crate::shared")]
    pub name: Arc<str>,
}

impl Executor {
    /// Whether it was told to end.
    pub fn is_terminating(&self) -> bool {
        matches!(self.state, ExecutorState::Terminating(_))
    }
}

impl State {
    /// All executors.
    pub fn executors(&self) -> &crate::arena::Arena<ExecutorId, Executor> {
        &self.executors
    }

    /// The framework's executor of that name on an agent.
    pub fn executor_id(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        name: &str,
    ) -> Option<ExecutorId> {
        let on_agent = &self.agents.get(agent)?.executors;
        on_agent.iter().copied().find(|id| {
            let row = self.executors.get(*id);
            row.is_some_and(|row| row.framework == framework && *row.name == *name)
        })
    }

    /// How many executors an agent has; a task without one that has not ended is its own.
    pub(crate) fn executors_of_agent(&self, agent: &Agent) -> usize {
        let tasks = agent.tasks.iter().filter_map(|id| self.tasks.get(*id));
        let alone = tasks.filter(|task| task.executor.is_none() && !task.state.is_terminal());
        agent.executors.len() + alone.count()
    }

    /// The tasks of an executor that have not ended.
    pub(crate) fn tasks_of_executor(&self, id: ExecutorId) -> Vec<TaskId> {
        let agent = self.executors.get(id).and_then(|row| self.agents.get(row.agent));
        let tasks = agent.into_iter().flat_map(|agent| &agent.tasks).copied();
        let runs = |task: &TaskId| {
            self.tasks.get(*task).is_some_and(|task| {
                !task.state.is_terminal() && task.executor.as_ref().is_some_and(|e| e.id == id)
            })
        };
        tasks.filter(runs).collect()
    }

    /// Lists an executor where its agent and framework look for it.
    pub(crate) fn list_executor(&mut self, id: ExecutorId, agent: AgentId, owner: FrameworkId) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.executors.insert(id);
        }
        if let Some(framework) = self.frameworks.get_mut(owner) {
            framework.executors.insert(id);
        }
    }

    /// Takes an executor out of the ledger, with what it holds.
    pub(crate) fn remove_executor(&mut self, id: ExecutorId) -> Option<Executor> {
        let row = self.executors.remove(id)?;
        self.timers.cancel(row.registration);
        if let Some(agent) = self.agents.get_mut(row.agent) {
            agent.executors.remove(&id);
        }
        if let Some(framework) = self.frameworks.get_mut(row.framework) {
            framework.executors.remove(&id);
        }
        match row.hold {
            Hold::Granted(grant) => {
                self.close_grant(grant);
            }
            Hold::Parked(_) => self.forget_parked(row.framework, row.role),
            Hold::Released => {}
        }
        Some(row)
    }

    /// Stops charging an executor whose agent cannot be reached.
    pub(crate) fn park_executor(&mut self, id: ExecutorId) {
        let Some(row) = self.executors.get(id) else { return };
        let Some(hold) = self.parked(row.hold.grant(), row.framework, row.role) else { return };
        if let Some(row) = self.executors.get_mut(id) {
            row.hold = hold;
        }
    }

    /// Charges a parked executor to its agent again.
    pub(crate) fn unpark_executor(&mut self, id: ExecutorId) {
        let Some(row) = self.executors.get_mut(id) else { return };
        let Some(resources) = row.hold.take_parked() else { return };
        let (agent, framework, role) = (row.agent, row.framework, row.role);
        let kind = GrantKind::Executor(id);
        let hold = self.unparked(Grant { agent, framework, role, resources, kind });
        if let Some(row) = self.executors.get_mut(id) {
            row.hold = hold;
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
        let states = [
            ("registering", ExecutorState::Registering),
            ("running", ExecutorState::Running),
            ("terminating", ExecutorState::Terminating(Nanos::ZERO)),
        ];
        check_documented(&states.map(|(name, state)| (name.to_owned(), state)), transition);
    }
}
