//! Events: what sessions are told.
//!
//! An event is a notification; the state is the truth. Offers live in the state until they end,
//! updates until they are acknowledged, so a reader that falls behind is brought up to date from
//! there. An event is identified by `(seq, ordinal)`: the command that caused it, and its place
//! among the events of that command.

use std::sync::Arc;

use serde::Serialize;

use crate::attributes::Attributes;
use crate::change::{Change, Snapshot};
use crate::command::{ExecutorSpec, Operation, TaskSpec};
use crate::ids::{
    AgentId, ExecutorId, FrameworkId, InverseOfferId, OfferId, OperationId, SessionId, TaskId,
};
use crate::resources::Resources;
use crate::status::{OperationState, Reason, Source, TaskState};
use crate::time::{Nanos, Time};
use crate::value::{Bytes, CheckStatus, Domain, Unavailability, Uuid};

/// What a session is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// To a framework: resources of one agent, held for it until it answers. Boxed: it is twice the
    /// size of any other event, and events are moved into rings and out of them.
    Offer(Box<Offer>),
    /// To a framework: an offer ended without its doing.
    Rescind {
        /// Which.
        offer: OfferId,
        /// Why.
        reason: RescindReason,
    },
    /// To a framework: the state of a task.
    Update(TaskStatus),
    /// To a framework: an agent is removed or unreachable. Its tasks get updates of their own.
    AgentLost {
        /// Which.
        agent: AgentId,
    },
    /// To a framework's session: its subscription has ended.
    SubscriptionEnded {
        /// Why.
        reason: EndReason,
    },
    /// To an agent driver: start a task.
    Launch(Launch),
    /// To an agent driver: end a task.
    Kill {
        /// On which agent.
        agent: AgentId,
        /// Which task.
        task: TaskId,
        /// Time between asking and ending it.
        grace_seconds: Nanos,
    },
    /// To an agent driver: the framework has seen the update; a driver that keeps updates may drop
    /// it.
    Acknowledged {
        /// On which agent.
        agent: AgentId,
        /// Of which task.
        task: TaskId,
        /// Which update.
        uuid: Uuid,
    },
    /// To an agent driver: an operation changed what is reserved and created on the agent.
    Checkpoint {
        /// On which agent.
        agent: AgentId,
        /// All that is reserved dynamically and all volumes there, from now on.
        resources: Resources,
    },
    /// To an agent driver: the agent was removed; end its tasks and forget it.
    AgentRemoved {
        /// Which.
        agent: AgentId,
    },
    /// To an agent driver: what a framework says to an executor, or to a task without one. To a
    /// framework: what such a one says to it.
    Message {
        /// On which agent.
        agent: AgentId,
        /// From or to which framework.
        framework: FrameworkId,
        /// The name of the executor, or of a task without one.
        executor: Box<str>,
        /// What is said.
        data: Bytes,
    },
    /// To an agent driver: start an executor; its tasks follow.
    LaunchExecutor(LaunchExecutor),
    /// To an agent driver: start these tasks, all or none.
    LaunchGroup(LaunchGroup),
    /// To an agent driver: end an executor and what it runs.
    ShutdownExecutor {
        /// On which agent.
        agent: AgentId,
        /// Which.
        executor: ExecutorId,
        /// Time between asking and ending it.
        grace_seconds: Nanos,
    },
    /// To a framework: an executor is gone. Its tasks get updates of their own.
    ExecutorLost {
        /// On which agent it was.
        agent: AgentId,
        /// The framework's name for it.
        executor: Box<str>,
        /// Its id.
        id: ExecutorId,
        /// How it exited, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<i32>,
        /// For people.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<Box<str>>,
    },
    /// The session's ring overflowed; what follows was read from the state again. Offers and
    /// updates that were seen before are repeated; an offer that is not has ended. Answers to
    /// `reconcile` and `agent_lost` may be missing: ask again.
    Resync,
    /// To a framework that holds something on an agent: may it go? The answer is for people.
    InverseOffer(InverseOffer),
    /// To a framework: the question is taken back.
    RescindInverseOffer {
        /// Which.
        inverse_offer: InverseOfferId,
    },
    /// To an agent driver: do this and say what became of it.
    ApplyOperation(ApplyOperation),
    /// To an agent driver: the end of an operation is known to whom it concerns; a driver may
    /// forget it.
    OperationAcknowledged {
        /// On which agent.
        agent: AgentId,
        /// Which operation.
        operation: OperationId,
        /// Which report; none if the kernel does not know the operation.
        #[serde(skip_serializing_if = "Option::is_none")]
        uuid: Option<Uuid>,
    },
    /// To a framework: the state of an operation that has an id.
    OperationUpdate(Box<OperationStatus>),
    /// To an operator who watches: a part of all there is.
    Snapshot(Snapshot),
    /// To an operator who watches: one thing is different.
    Changed(Change),
}

impl Event {
    /// The kinds of events as they stand in JSON.
    pub const KINDS: &'static [&'static str] = &[
        "offer",
        "rescind",
        "update",
        "agent_lost",
        "subscription_ended",
        "launch",
        "kill",
        "acknowledged",
        "agent_removed",
        "resync",
        "message",
        "inverse_offer",
        "rescind_inverse_offer",
        "checkpoint",
        "launch_executor",
        "launch_group",
        "shutdown_executor",
        "executor_lost",
        "apply_operation",
        "operation_acknowledged",
        "operation_update",
        "snapshot",
        "changed",
    ];

    /// Whether a session that missed it could not find it in the state: a ring that overflows
    /// keeps it nevertheless. Answers to `reconcile` are not among them: they can be had again.
    #[must_use]
    pub fn is_told_once(&self) -> bool {
        match self {
            Self::SubscriptionEnded { .. }
            | Self::AgentRemoved { .. }
            | Self::ExecutorLost { .. } => true,
            Self::Update(status) => {
                status.uuid.is_none() && status.reason != Some(Reason::Reconciliation)
            }
            // Those of operations that the kernel knows can be asked for; an error cannot.
            Self::OperationUpdate(status) => status.uuid.is_none() && status.state.is_terminal(),
            _ => false,
        }
    }

    /// The kind in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        Self::KINDS[match self {
            Self::Offer(_) => 0,
            Self::Rescind { .. } => 1,
            Self::Update(_) => 2,
            Self::AgentLost { .. } => 3,
            Self::SubscriptionEnded { .. } => 4,
            Self::Launch(_) => 5,
            Self::Kill { .. } => 6,
            Self::Acknowledged { .. } => 7,
            Self::AgentRemoved { .. } => 8,
            Self::Resync => 9,
            Self::Message { .. } => 10,
            Self::InverseOffer(_) => 11,
            Self::RescindInverseOffer { .. } => 12,
            Self::Checkpoint { .. } => 13,
            Self::LaunchExecutor(_) => 14,
            Self::LaunchGroup(_) => 15,
            Self::ShutdownExecutor { .. } => 16,
            Self::ExecutorLost { .. } => 17,
            Self::ApplyOperation(_) => 18,
            Self::OperationAcknowledged { .. } => 19,
            Self::OperationUpdate(_) => 20,
            Self::Snapshot(_) => 21,
            Self::Changed(_) => 22,
        }]
    }
}

/// Resources of one agent, held for one framework in one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// Its id, for accept and decline.
    pub offer: OfferId,
    /// Whose resources.
    pub agent: AgentId,
    /// The agent's name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<Arc<str>>,
    /// The machine that the agent is on, if it is not called like the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Arc<str>>,
    /// The fault domain of the agent, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Arc<Domain>>,
    /// When the agent's machine is not to be relied on, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailability: Option<Unavailability>,
    /// In which of its roles the framework is offered them.
    pub role: Arc<str>,
    /// What is offered.
    pub resources: Resources,
    /// The agent's attributes.
    #[serde(skip_serializing_if = "attributes_empty")]
    pub attributes: Arc<Attributes>,
    /// Names of the framework's executors on the agent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executors: Vec<Arc<str>>,
    /// When the offer is rescinded if it is not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn attributes_empty(attributes: &Arc<Attributes>) -> bool {
    attributes.is_empty()
}

/// A question whether an agent may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InverseOffer {
    /// Its id, for the answer.
    pub inverse_offer: InverseOfferId,
    /// Which agent.
    pub agent: AgentId,
    /// The agent's name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<Arc<str>>,
    /// The machine that the agent is on, if it is not called like the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Arc<str>>,
    /// When it is not to be relied on.
    pub unavailability: Unavailability,
    /// When the question is taken back if it is not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

/// Why an offer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RescindReason {
    /// It was not answered in time.
    Timeout,
    /// The agent is disconnected, deactivated, unreachable or removed.
    AgentInactive,
    /// The framework is no longer subscribed to the role.
    RoleRemoved,
    /// Weights changed.
    WeightsUpdated,
    /// When the agent's machine is not to be relied on changed.
    Unavailability,
    /// An operator's operation needed the resources, or a volume in it was destroyed.
    Operation,
    /// The quota of a role changed.
    QuotaUpdated,
    /// What the agent has changed: something in it that is revocable, reserved, or of a provider.
    ResourcesChanged,
}

/// Why a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// Another session took the framework over.
    FailedOver,
    /// The framework was torn down.
    TornDown,
}

/// The state of a task as a framework is told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// The framework's name for the task.
    pub name: Box<str>,
    /// Its handle, unless the kernel does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The state.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
    /// Where the task is or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// To be acknowledged with this; without it there is nothing to acknowledge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// When it was said.
    pub time: Time,
    /// Since when the agent cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_time: Option<Time>,
    /// Whether the task is healthy, if it is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// The result of its check, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckStatus>,
    /// The name of what runs it, if it has an executor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<Box<str>>,
    /// The driver's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Bytes>,
}

/// A task to be started by an agent driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Launch {
    /// On which agent.
    pub agent: AgentId,
    /// Its handle, for updates.
    pub task: TaskId,
    /// Whose it is.
    pub framework: FrameworkId,
    /// In which role.
    pub role: Arc<str>,
    /// What to run.
    pub spec: Arc<TaskSpec>,
    /// What is to run it, if it has an executor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<ExecutorId>,
}

/// An executor to be started by an agent driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaunchExecutor {
    /// On which agent.
    pub agent: AgentId,
    /// Its id, for reports.
    pub executor: ExecutorId,
    /// Whose it is.
    pub framework: FrameworkId,
    /// In which role.
    pub role: Arc<str>,
    /// What to run.
    pub spec: Arc<ExecutorSpec>,
}

/// Tasks to be started by an agent driver, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaunchGroup {
    /// On which agent.
    pub agent: AgentId,
    /// Whose they are.
    pub framework: FrameworkId,
    /// In which role.
    pub role: Arc<str>,
    /// What is to run them, if they have an executor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<ExecutorId>,
    /// The tasks.
    pub tasks: Vec<GroupTask>,
}

/// A task of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupTask {
    /// Its handle, for updates.
    pub task: TaskId,
    /// What to run.
    pub spec: Arc<TaskSpec>,
}

/// An operation to be done by an agent driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApplyOperation {
    /// On which agent.
    pub agent: AgentId,
    /// Its handle, for the report.
    pub operation: OperationId,
    /// Whose it is.
    pub framework: FrameworkId,
    /// In which role.
    pub role: Arc<str>,
    /// What to do.
    pub spec: Arc<Operation>,
}

/// The state of an operation as a framework is told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationStatus {
    /// The framework's name for the operation, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
    /// Its handle, unless the kernel does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<OperationId>,
    /// The state.
    pub state: OperationState,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
    /// Where it is or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Of which resource provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Box<str>>,
    /// What a disk became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<Resources>,
    /// To be acknowledged with this; without it there is nothing to acknowledge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// When it was said.
    pub time: Time,
    /// Since when the agent cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_time: Option<Time>,
}

/// An event with its addressee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Whom to tell.
    pub session: SessionId,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Where applied commands leave their events, in order.
pub type Effects = Vec<Effect>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    fn of_executors(agent: AgentId) -> Vec<Event> {
        let (executor, framework) = (ExecutorId::from_parts(0, 1), FrameworkId::from_parts(0, 1));
        vec![
            Event::Message { agent, framework, executor: "e".into(), data: Bytes(vec![1]) },
            Event::LaunchExecutor(LaunchExecutor {
                agent,
                executor,
                framework,
                role: "r".into(),
                spec: Arc::default(),
            }),
            Event::LaunchGroup(LaunchGroup {
                agent,
                framework,
                role: "r".into(),
                executor: None,
                tasks: Vec::new(),
            }),
            Event::ShutdownExecutor { agent, executor, grace_seconds: Nanos::ZERO },
            Event::ExecutorLost {
                agent,
                executor: "e".into(),
                id: executor,
                status: None,
                message: None,
            },
        ]
    }

    fn of_operations(agent: AgentId) -> Vec<Event> {
        let operation = OperationId::from_parts(0, 1);
        let spec = crate::command::ResourcesOf::default();
        let status = OperationStatus {
            id: None,
            handle: Some(operation),
            state: OperationState::Pending,
            message: None,
            agent: Some(agent),
            provider: None,
            converted: None,
            uuid: None,
            time: Time(0),
            unreachable_time: None,
        };
        vec![
            Event::ApplyOperation(ApplyOperation {
                agent,
                operation,
                framework: FrameworkId::from_parts(0, 1),
                role: "r".into(),
                spec: Arc::new(Operation::Reserve(spec)),
            }),
            Event::OperationAcknowledged { agent, operation, uuid: None },
            Event::OperationUpdate(Box::new(status)),
        ]
    }

    fn of_watching(agent: AgentId) -> [Event; 2] {
        let key = crate::change::Key::Agent(agent);
        let change = crate::change::Became::Removed;
        [
            Event::Snapshot(Snapshot { part: 0, more: false, rows: Vec::new() }),
            Event::Changed(Change { change, key, row: None }),
        ]
    }

    #[test]
    fn kinds_are_those_in_json() {
        let (agent, task) = (AgentId::from_parts(0, 1), TaskId::from_parts(0, 1));
        let status = TaskStatus {
            name: "t".into(),
            task: None,
            state: TaskState::Running,
            source: Source::Executor,
            reason: None,
            message: None,
            agent: None,
            uuid: None,
            time: Time(0),
            unreachable_time: None,
            healthy: None,
            check: None,
            executor: None,
            data: None,
        };
        let offer = Offer {
            offer: OfferId::from_parts(0, 1),
            agent,
            agent_name: None,
            hostname: None,
            domain: None,
            unavailability: None,
            role: "r".into(),
            resources: Resources::default(),
            attributes: Arc::default(),
            executors: Vec::new(),
            expires: None,
        };
        let launch = Launch {
            agent,
            task,
            framework: FrameworkId::from_parts(0, 1),
            role: "r".into(),
            spec: Arc::default(),
            executor: None,
        };
        let question = InverseOffer {
            inverse_offer: InverseOfferId::from_parts(0, 1),
            agent,
            agent_name: None,
            hostname: None,
            unavailability: Unavailability { start: Time(0), duration_seconds: None },
            expires: None,
        };
        let events = [
            Event::Rescind { offer: offer.offer, reason: RescindReason::Timeout },
            Event::Offer(Box::new(offer)),
            Event::Update(status),
            Event::AgentLost { agent },
            Event::SubscriptionEnded { reason: EndReason::TornDown },
            Event::Launch(launch),
            Event::Kill { agent, task, grace_seconds: Nanos::ZERO },
            Event::Acknowledged { agent, task, uuid: Uuid([0; 16]) },
            Event::AgentRemoved { agent },
            Event::Resync,
            Event::RescindInverseOffer { inverse_offer: question.inverse_offer },
            Event::InverseOffer(question),
            Event::Checkpoint { agent, resources: Resources::default() },
        ];
        let events = events.into_iter().chain(of_executors(agent)).chain(of_operations(agent));
        let events = events.chain(of_watching(agent));
        let events: Vec<_> = events.collect();
        assert_eq!(events.len(), Event::KINDS.len());
        for event in events {
            assert_eq!(serde_json::to_value(&event).unwrap()["event"], event.kind());
        }
    }
}
