//! Commands of framework sessions.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::operation::{CreateDisk, DestroyDisk, Grow, ResourcesOf, Shrink};
use crate::constraint::Constraint;
use crate::ids::{AgentId, FrameworkId, OfferId, TaskId};
use crate::options::OnInvalid;
use crate::resources::{Amount, Name, Quantities, Resources};
use crate::time::Nanos;
use crate::value::{Bytes, Capability, Ext, Uuid};

/// Subscribes a framework. With `framework`, or with the `name` of a disconnected one, the sender
/// takes over that framework: its outstanding offers are discarded, its tasks run on,
/// unacknowledged updates are delivered again, and everything else is replaced by what is given
/// here, except that a name that is left out stays. Sent again by the framework's own session (with
/// its id or name) it does the same, but keeps the offers, except those in roles that it leaves. A
/// role that is no longer suppressed is revived, filters included. Reply:
/// [`Subscribed`](crate::reply::Reply::Subscribed).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Subscribe {
    /// The framework to take over.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<FrameworkId>,
    /// A name unique among frameworks, by which it is found again after a restart.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// In which roles it takes part; none means that it gets no offers.
    #[n(2)]
    pub roles: Vec<Box<str>>,
    /// In which of them it wants no offers for now.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed_roles: Vec<Box<str>>,
    /// Time to come back after a disconnection before it is removed; the kernel's option if left
    /// out.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover_timeout_seconds: Option<Nanos>,
    /// What it can deal with; the kernel's option if left out.
    #[n(5)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
    /// Opaque bytes of a wire layer.
    #[n(6)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<Ext>,
    /// By role, what is worth offering to it: sets of quantities of which one must be in an offer,
    /// instead of the kernel's option. An empty list means anything.
    #[n(40)]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub min_allocatable: BTreeMap<Box<str>, Vec<Quantities>>,
    /// By role, which agents it wants to be offered: groups of constraints, of which one must hold
    /// with all its constraints. A role that is left out has none.
    #[n(180)]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub offer_constraints: BTreeMap<Box<str>, Vec<Vec<Constraint>>>,
}

/// Replaces what a subscribed framework says about itself, as a [`Subscribe`] by its own session
/// does, but repeats no updates and has no allocation run by itself. `framework` may be left out.
/// What is left out is not kept, except the name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct UpdateFramework(#[n(0)] pub Subscribe);

/// What to run, for agents that run processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct TaskCommand {
    /// Program and arguments; or `shell`.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<Box<str>>,
    /// A line for `/bin/sh -c`; or `argv`.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Box<str>>,
    /// Environment variables on top of the agent's base environment.
    #[n(2)]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<Box<str>, Box<str>>,
    /// Working directory; the task's sandbox if left out.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<Box<str>>,
    /// File to read as standard input; empty input if left out.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Box<str>>,
}

/// What is to run an executor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum ExecutorKind {
    /// The framework's own program: it needs `command` or `ext`.
    #[default]
    #[n(0)]
    Custom,
    /// What the agent has for groups of tasks; it has no `command`.
    #[n(1)]
    Default,
}

/// What runs tasks on their behalf, with resources of its own. It starts with the first task that
/// names it on an agent and is charged once; later tasks must describe it in the same way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ExecutorSpec {
    /// Unique among the framework's executors on an agent.
    #[n(0)]
    pub name: Box<str>,
    /// What it takes of the offers, beside its tasks; may be empty.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Whose program it is.
    #[n(2)]
    #[serde(default, skip_serializing_if = "is_custom")]
    pub kind: ExecutorKind,
    /// What to run.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<TaskCommand>,
    /// Time between asking it to end and ending it; the kernel's option if left out.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown_grace_seconds: Option<Nanos>,
    /// For people and tools.
    #[n(5)]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Opaque bytes of a wire layer.
    #[n(6)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<Ext>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde gives references
fn is_custom(kind: &ExecutorKind) -> bool {
    *kind == ExecutorKind::Custom
}

/// A task to launch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct TaskSpec {
    /// Unique among the framework's tasks until its terminal update is acknowledged.
    #[n(0)]
    pub name: Box<str>,
    /// What it takes of the offers; not empty.
    #[n(1)]
    pub resources: Resources,
    /// What to run, for agents that run processes.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<TaskCommand>,
    /// Time between asking it to end and ending it.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_grace_seconds: Option<Nanos>,
    /// Time after its start at which it is killed and fails.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_completion_seconds: Option<Nanos>,
    /// For people and tools.
    #[n(5)]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Opaque bytes of a wire layer.
    #[n(6)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<Ext>,
    /// What runs it, instead of `command`; started if it is not there yet.
    #[n(110)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<Box<ExecutorSpec>>,
    /// How much of cpus and mem it may use beyond `resources` while its agent has it to spare; at
    /// least what it takes. For agents with the capability `TASK_RESOURCE_LIMITS`.
    #[n(220)]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<Name, TaskLimit>,
}

/// The most of one resource that a task may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum TaskLimit {
    /// All that its agent has to spare; in JSON `"unlimited"`.
    #[n(0)]
    Unlimited,
    /// This much.
    #[n(1)]
    Of(#[n(0)] Amount),
}

impl TaskLimit {
    const UNLIMITED: &'static str = "unlimited";
}

impl Serialize for TaskLimit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unlimited => serializer.serialize_str(Self::UNLIMITED),
            Self::Of(amount) => amount.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TaskLimit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value == Self::UNLIMITED {
            return Ok(Self::Unlimited);
        }
        serde_json::from_value(value).map(Self::Of).map_err(|error| {
            serde::de::Error::custom(format_args!("{error}, or \"{}\"", Self::UNLIMITED))
        })
    }
}

/// What to do with accepted resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Launch tasks.
    #[n(1)]
    Launch(#[n(0)] LaunchTasks),
    /// Reserve resources: they are given with the reservations that they are to have, the last of
    /// which is new.
    #[n(2)]
    Reserve(#[n(0)] ResourcesOf),
    /// Take the last reservation off resources; they are given as they are.
    #[n(3)]
    Unreserve(#[n(0)] ResourcesOf),
    /// Make volumes of reserved disk; they are given as they are to be.
    #[n(4)]
    Create(#[n(0)] ResourcesOf),
    /// Make volumes plain disk again.
    #[n(5)]
    Destroy(#[n(0)] ResourcesOf),
    /// Add disk to a volume. Later operations of the accept cannot use the result.
    #[n(11)]
    GrowVolume(#[n(0)] Grow),
    /// Take disk off a volume. Later operations of the accept cannot use the result.
    #[n(12)]
    ShrinkVolume(#[n(0)] Shrink),
    /// Launch tasks, all or none.
    #[n(110)]
    LaunchGroup(#[n(0)] LaunchGroup),
    /// Have a disk made of raw space.
    #[n(200)]
    CreateDisk(#[n(0)] CreateDisk),
    /// Have a disk made raw space again.
    #[n(201)]
    DestroyDisk(#[n(0)] DestroyDisk),
}

impl Operation {
    /// The name in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Launch(_) => "launch",
            Self::LaunchGroup(_) => "launch_group",
            Self::Reserve(_) => "reserve",
            Self::Unreserve(_) => "unreserve",
            Self::Create(_) => "create",
            Self::Destroy(_) => "destroy",
            Self::GrowVolume(_) => "grow_volume",
            Self::ShrinkVolume(_) => "shrink_volume",
            Self::CreateDisk(_) => "create_disk",
            Self::DestroyDisk(_) => "destroy_disk",
        }
    }

    /// The framework's name for it, if it is to be told what becomes of it. Launches have none:
    /// their tasks have names.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Launch(_) | Self::LaunchGroup(_) => None,
            Self::Reserve(of) | Self::Unreserve(of) | Self::Create(of) | Self::Destroy(of) => {
                of.id.as_deref()
            }
            Self::GrowVolume(grow) => grow.id.as_deref(),
            Self::ShrinkVolume(shrink) => shrink.id.as_deref(),
            Self::CreateDisk(create) => create.id.as_deref(),
            Self::DestroyDisk(destroy) => destroy.id.as_deref(),
        }
    }

    /// All resources that it names.
    pub fn resources(&self) -> impl Iterator<Item = &Resources> {
        let executors = match self {
            Self::LaunchGroup(group) => group.executor.as_deref(),
            _ => None,
        };
        let executors = self.tasks().iter().filter_map(|t| t.executor.as_deref()).chain(executors);
        let launched = self.tasks().iter().map(|task| &task.resources);
        let launched = launched.chain(executors.map(|executor| &executor.resources));
        let own = match self {
            Self::Launch(_) | Self::LaunchGroup(_) => [None, None],
            Self::Reserve(of) | Self::Unreserve(of) | Self::Create(of) | Self::Destroy(of) => {
                [Some(&of.resources), None]
            }
            Self::GrowVolume(grow) => [Some(&grow.volume), Some(&grow.addition)],
            Self::ShrinkVolume(shrink) => [Some(&shrink.volume), None],
            Self::CreateDisk(create) => [Some(&create.source), None],
            Self::DestroyDisk(destroy) => [Some(&destroy.source), None],
        };
        launched.chain(own.into_iter().flatten())
    }

    /// The tasks that it launches.
    #[must_use]
    pub fn tasks(&self) -> &[TaskSpec] {
        match self {
            Self::Launch(launch) => &launch.tasks,
            Self::LaunchGroup(group) => &group.tasks,
            _ => &[],
        }
    }
}

/// Tasks to launch, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct LaunchTasks {
    /// Each by itself: one that is invalid does not stop the others, under `report`.
    #[n(0)]
    pub tasks: Vec<TaskSpec>,
}

/// Tasks that are launched all or none: if one of them is invalid none is, and when one ends other
/// than well the others are killed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct LaunchGroup {
    /// What runs them; each by itself if left out.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<Box<ExecutorSpec>>,
    /// At least one.
    #[n(1)]
    pub tasks: Vec<TaskSpec>,
}

impl From<LaunchGroup> for Operation {
    fn from(group: LaunchGroup) -> Self {
        Self::LaunchGroup(group)
    }
}

impl From<Vec<TaskSpec>> for Operation {
    fn from(tasks: Vec<TaskSpec>) -> Self {
        Self::Launch(LaunchTasks { tasks })
    }
}

/// Uses offers, all of one agent and one role. Each operation works on what those before it left.
/// What no operation takes is free again, and refused by this framework for `refuse_seconds`, but
/// for what operations made. Reply: [`Accepted`](crate::reply::Reply::Accepted) with one outcome
/// per task and one per other operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Accept {
    /// At least one, none twice.
    #[n(0)]
    pub offers: Vec<OfferId>,
    /// In order; none is a decline.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// How long the rest is refused; the kernel's option if left out.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_seconds: Option<Nanos>,
    /// Reject the whole call for one fault, or report outcomes; the kernel's option if left out.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_invalid: Option<OnInvalid>,
}

/// Gives offers back. Ids that are no live offers of the framework are listed in the reply,
/// [`Declined`](crate::reply::Reply::Declined); the others are processed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Decline {
    /// Which.
    #[n(0)]
    pub offers: Vec<OfferId>,
    /// How long the same or less is not offered again; the kernel's option if left out.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_seconds: Option<Nanos>,
}

/// Wants offers again: filters of these roles are dropped, suppression ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Revive {
    /// Which roles; none means all.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Box<str>>,
}

/// Wants no offers until it revives; outstanding ones stay valid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Suppress {
    /// Which roles; none means all.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Box<str>>,
}

/// A task, by the framework's name for it or by handle. In JSON `"name"` or `{"id": "t0.1"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(untagged, expecting = "expected a task's name, or {\"id\": \"t0.1\"} for a handle")]
pub enum TaskRef {
    /// The framework's name.
    #[n(0)]
    Name(#[n(0)] Box<str>),
    /// The handle.
    #[n(1)]
    Handle(#[n(0)] TaskHandle),
}

/// A task's handle as an object, to tell it from a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct TaskHandle {
    /// As in replies and events.
    #[n(0)]
    pub id: TaskId,
}

impl From<&str> for TaskRef {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<TaskId> for TaskRef {
    fn from(id: TaskId) -> Self {
        Self::Handle(TaskHandle { id })
    }
}

/// Has a task killed. A task that is not known, or whose agent is unreachable, is answered as by
/// [`Reconcile`]; in the latter case the kill is sent when the agent returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Kill {
    /// Which.
    #[n(0)]
    pub task: TaskRef,
    /// Time between asking it to end and ending it; the task's own if left out. A repeated kill may
    /// shorten a running grace, never extend it.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_grace_seconds: Option<Nanos>,
}

/// Confirms the update in flight, so that the next one of the task is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Acknowledge {
    /// Which task.
    #[n(0)]
    pub task: TaskRef,
    /// The uuid of the update.
    #[n(1)]
    pub uuid: Uuid,
}

/// One task to be reconciled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReconcileTask {
    /// Which; it need not be known.
    #[n(0)]
    pub task: TaskRef,
    /// The agent that the framework believes it to be on.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
}

/// Asks for the state of tasks: each listed one is answered by an update without uuid; an empty
/// list asks for all tasks of the framework that are not unreachable. Changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Reconcile {
    /// Which; none means all that are not unreachable.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<ReconcileTask>,
}

/// Says something to an executor of the framework, or to a task without one, through the driver of
/// its agent. At most once: who is not there is not told, and there is no order between messages
/// and other events. Reply: [`Sent`](crate::reply::Reply::Sent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct SendMessage {
    /// On which agent.
    #[n(0)]
    pub agent: AgentId,
    /// To whom: the name of an executor, or of a task without one.
    #[n(1)]
    pub executor: Box<str>,
    /// What.
    #[n(2)]
    pub data: Bytes,
}

/// Has an executor of the framework ended: after its grace it is gone, and tasks that it still runs
/// fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ShutdownExecutor {
    /// On which agent.
    #[n(0)]
    pub agent: AgentId,
    /// Which, by name.
    #[n(1)]
    pub executor: Box<str>,
}
