//! Tasks: the state machine and the stream of status updates.
//!
//! A task is *live* from its launch until the acknowledgement of its terminal update. It holds
//! resources in the states of [`TaskState::holds_resources`] only: they are recovered when the
//! terminal update arrives, not when it is acknowledged.
//!
//! Updates of a task are delivered one at a time and in order. [`Task::pending`] holds those that
//! are not acknowledged; its head is in flight while the framework is connected.

use std::collections::VecDeque;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::State;
use super::executor::TaskExecutor;
use super::timer::TimerKey;
use super::transition::Transition;
use crate::command::TaskSpec;
use crate::ids::{AgentId, FrameworkId, GrantId, RoleId, TaskId};
use crate::intern::HasNames;
use crate::limits::UPDATES_PER_TASK_MAX;
use crate::resources::Bundle;
use crate::status::{Reason, Source, TaskState};
use crate::time::{Nanos, Time};
use crate::value::{Bytes, CheckStatus, Uuid};

/// The transition table. `docs/concepts.md` prints it; a test compares.
#[must_use]
pub const fn transition(from: TaskState, to: TaskState) -> Transition {
    use TaskState::{Killing, Running, Staging, Starting, Unknown, Unreachable};
    if from.is_terminal() {
        return Transition::Kept;
    }
    match (from, to) {
        // Unknown is an answer, never a state; unreachable is left only by the agent's return.
        (Unknown, _) | (_, Unknown) | (Unreachable, Unreachable) => Transition::Illegal,
        (Staging | Starting | Running | Killing, Staging) => Transition::Illegal,
        (Running, Starting) | (Killing, Starting | Running) => Transition::Regression,
        _ => Transition::Next,
    }
}

/// Where the resources of a task are.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(context_bound = "HasNames")]
pub enum Hold {
    /// Charged to the agent under this grant.
    #[n(0)]
    Granted(#[n(0)] GrantId),
    /// Not charged while the agent is unreachable; charged again if the task comes back.
    #[n(1)]
    Parked(#[n(0)] Bundle),
    /// Given back for good.
    #[n(2)]
    Released,
}

impl Hold {
    /// The grant under which they are charged.
    pub fn grant(&self) -> Option<GrantId> {
        match self {
            Self::Granted(grant) => Some(*grant),
            Self::Parked(_) | Self::Released => None,
        }
    }

    /// Takes what is parked, if it is.
    pub(super) fn take_parked(&mut self) -> Option<Bundle> {
        match self {
            Self::Parked(resources) => {
                let resources = std::mem::take(resources);
                *self = Self::Released;
                Some(resources)
            }
            Self::Granted(_) | Self::Released => None,
        }
    }
}

/// A launched task.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Task {
    /// Whose it is.
    #[n(0)]
    pub framework: FrameworkId,
    /// Where it is.
    #[n(1)]
    pub agent: AgentId,
    /// In which role its resources are charged.
    #[n(2)]
    pub role: RoleId,
    /// The framework's name for it.
    #[n(3)]
    #[cbor(with = "crate::shared")]
    pub name: Arc<str>,
    /// The newest state, as reported or as the kernel concluded.
    #[n(4)]
    pub state: TaskState,
    /// The newest state told to the framework, which may be older (`status_update_state`).
    #[n(5)]
    pub told: Option<TaskState>,
    /// Where its resources are.
    #[n(6)]
    pub hold: Hold,
    /// What to run; dropped after the agent's first report.
    #[n(7)]
    #[cbor(with = "crate::shared")]
    pub spec: Option<Arc<TaskSpec>>,
    /// Grace of a kill, if the task has its own.
    #[n(8)]
    pub kill_grace: Option<Nanos>,
    /// Longest time to run.
    #[n(9)]
    pub max_completion: Option<Nanos>,
    /// Set from the first running state on, while `max_completion` is not over.
    #[n(10)]
    pub overdue_timer: Option<TimerKey>,
    /// The grace of the kill asked for, to be sent again to a returning agent.
    #[n(11)]
    pub kill: Option<Nanos>,
    /// Whether the kill is due to `max_completion`: then killed means failed.
    #[n(12)]
    pub overdue: bool,
    /// Updates that are not acknowledged, oldest first.
    #[n(13)]
    pub pending: VecDeque<StoredUpdate>,
    /// Updates acknowledged before, of those whose uuid the driver gave: repetitions of them are
    /// not delivered again. The oldest is forgotten beyond [`UPDATES_PER_TASK_MAX`].
    #[n(14)]
    pub acknowledged: VecDeque<Uuid>,
    /// How many updates were reported: part of the uuids that the kernel assigns.
    #[n(15)]
    pub updates: u32,
    /// Since when its agent cannot be reached.
    #[n(16)]
    pub unreachable_since: Option<Time>,
    /// Redelivery of the update in flight.
    #[n(17)]
    pub retry: Option<Retry>,
    /// What the framework was told last of its health.
    #[n(18)]
    pub healthy: Option<bool>,
    /// What runs it, if it has an executor.
    #[n(110)]
    pub executor: Option<TaskExecutor>,
    /// The first task of the group it was launched in.
    #[n(111)]
    pub group: Option<TaskId>,
    /// And what it was told last of the result of its check.
    #[n(112)]
    pub check: Option<CheckStatus>,
}

/// The redelivery of an update in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Retry {
    /// When.
    #[n(0)]
    pub timer: TimerKey,
    /// The interval that then ends; the next one is twice as long.
    #[n(1)]
    pub interval: Nanos,
}

/// A status update as it is stored until its acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StoredUpdate {
    /// Its identity.
    #[n(0)]
    pub uuid: Uuid,
    /// The reported state.
    #[n(1)]
    pub state: TaskState,
    /// Who said so.
    #[n(2)]
    pub source: Source,
    /// Why.
    #[n(3)]
    pub reason: Option<Reason>,
    /// For people.
    #[n(4)]
    pub message: Option<Box<str>>,
    /// For the framework.
    #[n(5)]
    pub data: Option<Bytes>,
    /// Whether the task is healthy, if it is checked.
    #[n(6)]
    pub healthy: Option<bool>,
    /// When it was said.
    #[n(7)]
    pub time: Time,
    /// Whether the driver gave the uuid, so that it may repeat it.
    #[n(8)]
    pub given: bool,
    /// The result of its check, if it has one.
    #[n(110)]
    pub check: Option<CheckStatus>,
}

impl Task {
    /// A task that was just launched and of which nobody was told anything.
    pub(crate) fn new(
        (framework, agent, role): (FrameworkId, AgentId, RoleId),
        name: Arc<str>,
        grant: GrantId,
    ) -> Self {
        Self {
            framework,
            agent,
            role,
            name,
            state: TaskState::Staging,
            told: None,
            hold: Hold::Granted(grant),
            spec: None,
            kill_grace: None,
            max_completion: None,
            overdue_timer: None,
            kill: None,
            overdue: false,
            pending: VecDeque::new(),
            acknowledged: VecDeque::new(),
            updates: 0,
            unreachable_since: None,
            retry: None,
            healthy: None,
            check: None,
            executor: None,
            group: None,
        }
    }

    /// Takes the update in flight for acknowledged; gives its uuid.
    pub(crate) fn acknowledge_head(&mut self) -> Option<Uuid> {
        let head = self.pending.pop_front()?;
        if head.given {
            if self.acknowledged.len() >= UPDATES_PER_TASK_MAX {
                self.acknowledged.pop_front();
            }
            self.acknowledged.push_back(head.uuid);
        }
        Some(head.uuid)
    }

    /// What reconciliation answers: the state told last, or the newest if none was told.
    pub fn reconciled_state(&self) -> TaskState {
        self.told.unwrap_or(self.state)
    }
}

impl State {
    /// Puts a task into the ledger, where its agent and framework look for it.
    pub(crate) fn insert_task(&mut self, task: Task) -> TaskId {
        let (agent, framework, name) = (task.agent, task.framework, task.name.clone());
        let id = self.tasks.insert(task);
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.tasks.insert(id);
        }
        if let Some(framework) = self.frameworks.get_mut(framework) {
            framework.tasks.insert(name, id);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::transition::check_documented;

    /// Prints the table as Markdown and compares it with the one in `docs/concepts.md`.
    #[test]
    fn the_documented_table_is_this_one() {
        let reported: Vec<_> =
            TaskState::ALL.iter().copied().filter(|s| *s != TaskState::Unknown).collect();
        let short = |state: &TaskState| state.name().trim_start_matches("TASK_").to_lowercase();
        let named: Vec<_> = reported.iter().map(|state| (short(state), *state)).collect();
        check_documented(&named, transition);
    }

    #[test]
    fn ended_tasks_stay_ended() {
        for &from in TaskState::ALL.iter().filter(|state| state.is_terminal()) {
            for &to in TaskState::ALL {
                assert_eq!(transition(from, to), Transition::Kept);
            }
            assert!(!from.holds_resources());
        }
    }
}
