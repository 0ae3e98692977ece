//! Operations on resources: as parts of an accept, and as commands of operators.
//!
//! A framework does them on what it is offered, an operator on what no task holds. Either way the
//! kernel does what is asked at once, and tells the agent what is reserved and created there; but
//! what becomes of a disk is known when the agent says so. An operation of a framework may have an
//! id: then its outcome, too, is what the agent says, and stays until it is acknowledged.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, OperationId};
use crate::resources::{Amount, Resources};
use crate::status::OperationState;
use crate::value::Uuid;

/// The resources of an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ResourcesOf {
    /// Which; not empty.
    #[n(0)]
    pub resources: Resources,
    /// The framework's name for the operation, unique among its operations, if it is to be told
    /// what becomes of it.
    #[n(200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
}

impl From<Resources> for ResourcesOf {
    fn from(resources: Resources) -> Self {
        Self { resources, id: None }
    }
}

/// Adds disk to a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Grow {
    /// The one volume, as it is.
    #[n(0)]
    pub volume: Resources,
    /// The disk that it is to have beside, reserved as the volume is.
    #[n(1)]
    pub addition: Resources,
    /// The framework's name for the operation, unique among its operations, if it is to be told
    /// what becomes of it.
    #[n(200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
}

/// Takes disk off a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Shrink {
    /// The one volume, as it is.
    #[n(0)]
    pub volume: Resources,
    /// How much of it becomes plain disk: more than nothing and less than all.
    #[n(1)]
    pub subtract: Amount,
    /// The framework's name for the operation, unique among its operations, if it is to be told
    /// what becomes of it.
    #[n(200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
}

/// What a disk is to become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum DiskTarget {
    /// A mounted file system.
    #[default]
    #[n(0)]
    Mount,
    /// A block device.
    #[n(1)]
    Block,
}

/// Has a resource provider make a disk of raw space. The space stays allocated to the framework
/// until the agent says what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct CreateDisk {
    /// The one raw disk of a provider.
    #[n(0)]
    pub source: Resources,
    /// What it is to become.
    #[n(1)]
    pub target: DiskTarget,
    /// The profile that it is to have, if the source has none.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_profile: Option<Box<str>>,
    /// The framework's name for the operation, unique among its operations, if it is to be told
    /// what becomes of it.
    #[n(200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
}

/// Has a resource provider make a disk raw space again; as [`CreateDisk`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct DestroyDisk {
    /// The one mounted or block disk of a provider, or a raw one with an id.
    #[n(0)]
    pub source: Resources,
    /// The framework's name for the operation, unique among its operations, if it is to be told
    /// what becomes of it.
    #[n(200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
}

/// Reports what became of an operation. It ends once: a report after the first is a duplicate.
/// The end of the making of a disk is reported before any total in which the disk stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UpdateOperation {
    /// Which, on one of the session's agents.
    #[n(0)]
    pub operation: OperationId,
    /// `OPERATION_FINISHED`, `OPERATION_FAILED`, `OPERATION_ERROR` or `OPERATION_DROPPED`; in a
    /// re-registration also `OPERATION_PENDING`.
    #[n(1)]
    pub state: OperationState,
    /// Identity of this report; the kernel assigns one if left out.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// For people.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
    /// What the disk became, of `create_disk` and `destroy_disk` that are finished; else nothing.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converted: Option<Box<Resources>>,
}

impl UpdateOperation {
    /// A report with nothing but a state.
    #[must_use]
    pub const fn new(operation: OperationId, state: OperationState) -> Self {
        Self { operation, state, uuid: None, message: None, converted: None }
    }
}

/// Confirms that the framework knows how an operation ended; its id is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct AcknowledgeOperation {
    /// The framework's name for it.
    #[n(0)]
    pub id: Box<str>,
    /// As in the update.
    #[n(1)]
    pub uuid: Uuid,
}

/// A question about one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReconcileOperation {
    /// The framework's name for it.
    #[n(0)]
    pub id: Box<str>,
    /// Where the framework believes it to be.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
}

/// Asks for the state of operations: each is answered with an update without uuid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReconcileOperations {
    /// Which; none means all that the kernel knows of the framework.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cbor(default)]
    pub operations: Vec<ReconcileOperation>,
}

/// Reserves resources of an agent that no task holds. Offers that hold them are rescinded, as few
/// as will do, and refused by their frameworks for 5 seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReserveResources {
    /// Whose.
    #[n(0)]
    pub agent: AgentId,
    /// With the reservations that they are to have.
    #[n(1)]
    pub resources: Resources,
    /// The same quantities as they are reserved so far. Left out, they have all but the last of
    /// the reservations.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<Resources>>,
}

/// Takes the last reservation off resources of an agent that no task holds; as
/// [`ReserveResources`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UnreserveResources {
    /// Whose.
    #[n(0)]
    pub agent: AgentId,
    /// As they are reserved so far.
    #[n(1)]
    pub resources: Resources,
}

/// Makes volumes of reserved disk of an agent that no task holds; as [`ReserveResources`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct CreateVolumes {
    /// Whose.
    #[n(0)]
    pub agent: AgentId,
    /// As they are to be.
    #[n(1)]
    pub volumes: Resources,
}

/// Makes volumes of an agent that no task holds plain disk again; as [`ReserveResources`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct DestroyVolumes {
    /// Whose.
    #[n(0)]
    pub agent: AgentId,
    /// Which.
    #[n(1)]
    pub volumes: Resources,
}

/// Adds disk to a volume of an agent that no task holds; as [`ReserveResources`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct GrowVolume {
    /// Whose.
    #[n(0)]
    pub agent: AgentId,
    /// The one volume, as it is.
    #[n(1)]
    pub volume: Resources,
    /// The disk that it is to have beside, reserved as the volume is.
    #[n(2)]
    pub addition: Resources,
}

/// Takes disk off a volume of an agent that no task holds; as [`ReserveResources`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ShrinkVolume {
    /// Whose.
    #[n(0)]
    pub agent: AgentId,
    /// The one volume, as it is.
    #[n(1)]
    pub volume: Resources,
    /// How much of it becomes plain disk: more than nothing and less than all.
    #[n(2)]
    pub subtract: Amount,
}
