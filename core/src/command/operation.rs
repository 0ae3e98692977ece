//! Operations on resources: as parts of an accept, and as commands of operators.
//!
//! A framework does them on what it is offered, an operator on what no task holds. Either way the
//! kernel does what is asked at once, and tells the agent what is reserved and created there.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ids::AgentId;
use crate::resources::{Amount, Resources};

/// The resources of an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ResourcesOf {
    /// Which; not empty.
    #[n(0)]
    pub resources: Resources,
}

impl From<Resources> for ResourcesOf {
    fn from(resources: Resources) -> Self {
        Self { resources }
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
