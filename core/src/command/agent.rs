//! Commands of agent sessions (agent drivers).

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::operation::UpdateOperation;
use crate::attributes::Attributes;
use crate::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use crate::resources::Resources;
use crate::status::{Reason, Source, TaskState};
use crate::value::{AgentCapability, Bytes, CheckStatus, Domain, Ext, Uuid};

/// Registers a new agent. Reply: [`Registered`](crate::reply::Reply::Registered).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RegisterAgent {
    /// A name unique among agents, by which it is found again after a restart.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// What it has.
    #[n(1)]
    pub resources: Resources,
    /// What frameworks may look at.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// Opaque bytes of a wire layer.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<Ext>,
    /// The fault domain it is in; only in a kernel that has one itself (option `domain`).
    #[n(60)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// What it can deal with; everything if left out.
    #[n(61)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<AgentCapability>>,
    /// The machine it is on, as maintenance knows it; its name if left out. It never changes.
    #[n(62)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Box<str>>,
    /// What operations made of `resources`: the dynamic reservations and volumes that the agent
    /// keeps; none if left out.
    #[n(80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpointed: Option<Box<Resources>>,
}

/// A task that a returning agent has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReportedTask {
    /// Which.
    #[n(0)]
    pub task: TaskId,
    /// Its state as the agent knows it.
    #[n(1)]
    pub state: TaskState,
}

/// Brings a known agent back, named by its id or by its name. Tasks that the kernel knows there and
/// that are not listed are gone and get a terminal update; kills of those that are listed are sent
/// again; listed tasks that the kernel does not know are killed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReregisterAgent {
    /// The id it was given.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Or its name.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// What it has now; as before if left out.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// What frameworks may look at now; as before if left out.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// All tasks that it has.
    #[n(4)]
    #[serde(default)]
    pub tasks: Vec<ReportedTask>,
    /// All executors that it has; those of listed tasks that have not ended need not be listed.
    #[n(110)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cbor(default)]
    pub executors: Vec<ExecutorId>,
    /// All operations that it knows and whose end it has not seen acknowledged. Those that the
    /// kernel waits for and that are not listed are dropped.
    #[n(200)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cbor(default)]
    pub operations: Vec<UpdateOperation>,
    /// The fault domain it is in now; as before if left out.
    #[n(60)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// What it can deal with; as before if left out.
    #[n(61)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<AgentCapability>>,
    /// What operations made of the resources: the dynamic reservations and volumes that the agent
    /// keeps. Left out, what they made is kept, and must fit into new resources, unless these name
    /// such things themselves.
    #[n(80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpointed: Option<Box<Resources>>,
}

/// Changes an agent. A smaller total than what is in use is legal: nothing is offered there until
/// enough is returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UpdateAgent {
    /// Which; one of the session's agents.
    #[n(0)]
    pub agent: AgentId,
    /// The new total.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// The new attributes; if they differ as a set, all filters on the agent are dropped.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// The fault domain it is in now; as before if left out.
    #[n(60)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// What it can deal with; as before if left out.
    #[n(61)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<AgentCapability>>,
    /// What operations made of the resources: the dynamic reservations and volumes that the agent
    /// keeps. Left out, what they made is kept, and must fit into new resources, unless these name
    /// such things themselves.
    #[n(80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpointed: Option<Box<Resources>>,
}

impl UpdateAgent {
    /// A change of nothing, to start from.
    #[must_use]
    pub const fn new(agent: AgentId) -> Self {
        Self {
            agent,
            resources: None,
            attributes: None,
            domain: None,
            capabilities: None,
            checkpointed: None,
        }
    }
}

/// Reports the state of a task. One update per task is in flight to the framework; later ones wait
/// for its acknowledgement. Resources are recovered at a terminal state, not at its
/// acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Update {
    /// Which task, on one of the session's agents.
    #[n(0)]
    pub task: TaskId,
    /// Its state; any but `TASK_STAGING`, `TASK_UNREACHABLE` and `TASK_UNKNOWN`, which only the
    /// kernel can say.
    #[n(1)]
    pub state: TaskState,
    /// Identity of this update; the kernel assigns one if left out. A repeated one is ignored.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Who says so; `SOURCE_EXECUTOR` if left out.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// For people.
    #[n(5)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
    /// For the framework.
    #[n(6)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Bytes>,
    /// Whether the task is healthy, if it is checked.
    #[n(7)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// The result of its check, if it has one.
    #[n(110)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckStatus>,
}

impl Update {
    /// An update with nothing but a state.
    #[must_use]
    pub const fn new(task: TaskId, state: TaskState) -> Self {
        Self {
            task,
            state,
            uuid: None,
            source: None,
            reason: None,
            message: None,
            data: None,
            healthy: None,
            check: None,
        }
    }
}

/// Says something to a framework on behalf of an executor, or of a task without one. At most once:
/// who is not there is not told, and there is no order between messages and updates. Reply:
/// [`Sent`](crate::reply::Reply::Sent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct SendFrameworkMessage {
    /// On which of the session's agents.
    #[n(0)]
    pub agent: AgentId,
    /// To whom.
    #[n(1)]
    pub framework: FrameworkId,
    /// Who says it: the name of an executor, or of a task without one.
    #[n(2)]
    pub executor: Box<str>,
    /// What.
    #[n(3)]
    pub data: Bytes,
}

/// Reports that an executor runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RegisterExecutor {
    /// Which, on one of the session's agents.
    #[n(0)]
    pub executor: ExecutorId,
}

/// Reports that an executor is gone, or could not be started. Its tasks that have not ended end
/// with `reason`, its resources are free, and its framework is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ExecutorLost {
    /// Which, on one of the session's agents.
    #[n(0)]
    pub executor: ExecutorId,
    /// How it exited, if that is known.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// Why its tasks end; `REASON_EXECUTOR_TERMINATED` if left out. They fail; they are gone if
    /// their container could not be updated, was preempted or did not come back, and killed if
    /// the agent is drained or they were killed during the launch.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// For people.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
}
