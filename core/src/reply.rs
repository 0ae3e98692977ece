//! Replies: what an accepted command gave.

use serde::Serialize;

use crate::error::Code;
use crate::ids::{AgentId, FrameworkId, InverseOfferId, OfferId, OperationId, SessionId, TaskId};
use crate::status::{OperationState, Reason, TaskState};
use crate::time::Time;

/// What an accepted command gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// It is done.
    Done,
    /// A session was opened.
    SessionOpened {
        /// Its id.
        session: SessionId,
    },
    /// One step was made.
    Ticked {
        /// Whether something was done; if not, nothing changed and nothing was journaled.
        changed: bool,
        /// Whether there is work for another step at the same time.
        more: bool,
        /// When the next timer is due, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_deadline: Option<Time>,
    },
    /// An agent was registered or came back.
    Registered {
        /// Its id.
        agent: AgentId,
    },
    /// A framework is subscribed.
    Subscribed {
        /// Its id.
        framework: FrameworkId,
        /// Whether it was known before.
        resubscribed: bool,
    },
    /// Offers were used.
    Accepted {
        /// One outcome per task, in the order of operations and tasks.
        tasks: Vec<TaskOutcome>,
        /// One outcome per other operation, in their order.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        operations: Vec<OperationOutcome>,
    },
    /// A status update was taken.
    Updated {
        /// It was reported before: nothing changed.
        duplicate: bool,
        /// It goes backwards, such as from running to starting: taken, but suspicious.
        regression: bool,
    },
    /// A message was sent.
    Sent {
        /// Whether there is a session to be told. It is not said again.
        delivered: bool,
    },
    /// Offers were given back.
    Declined {
        /// Those that were no live offers of the framework.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        gone: Vec<OfferId>,
    },
    /// Inverse offers were answered.
    Answered {
        /// Those that were no open ones to the framework.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        gone: Vec<InverseOfferId>,
    },
}

/// What became of one task of an accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskOutcome {
    /// The framework's name for it.
    pub name: Box<str>,
    /// Its handle if it was launched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// `TASK_STAGING` if it was launched, else the terminal state that was reported for it.
    pub state: TaskState,
    /// Why it was not launched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
}

/// What became of one operation of an accept that is not a launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationOutcome {
    /// Its place among the operations of the accept, from 0.
    pub operation: usize,
    /// `OPERATION_FINISHED` if it was done, `OPERATION_PENDING` if its agent is to say what becomes
    /// of it, `OPERATION_ERROR` if it cannot be done.
    pub state: OperationState,
    /// Its handle if it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<OperationId>,
    /// Why it was not done, for programs.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "code_name")]
    pub code: Option<Code>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // Given so by serde.
fn code_name<S: serde::Serializer>(code: &Option<Code>, serializer: S) -> Result<S::Ok, S::Error> {
    match code {
        Some(code) => serializer.serialize_str(code.name()),
        None => serializer.serialize_none(),
    }
}
