//! Commands of operator sessions.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, FrameworkId};
use crate::resources::Amount;

/// A role and its weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RoleWeight {
    /// The role; it need not exist yet.
    #[n(0)]
    pub role: Box<str>,
    /// 0.001 to 1000; 1 is the default.
    #[n(1)]
    pub weight: Amount,
}

/// Sets the weights of the roles listed, all or none. If frameworks are subscribed to any of them,
/// all outstanding offers are rescinded, so that the next allocation follows the new weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UpdateWeights {
    /// At least one role, none twice.
    #[n(0)]
    pub weights: Vec<RoleWeight>,
}

/// Takes an agent out of service: its offers are rescinded and no new ones made; its tasks run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct DeactivateAgent {
    /// Which.
    #[n(0)]
    pub agent: AgentId,
}

/// Takes a deactivated agent into service again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ReactivateAgent {
    /// Which.
    #[n(0)]
    pub agent: AgentId,
}

/// Removes an agent for good: its offers are rescinded, its tasks are lost. Sent by an operator or
/// by the agent's own session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RemoveAgent {
    /// Which.
    #[n(0)]
    pub agent: AgentId,
}

/// Removes a framework: its offers end, its tasks are killed, its id never comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Teardown {
    /// Which; a framework session may leave it out and means itself.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<FrameworkId>,
}

/// One run of allocation over the agents listed, in that order, worked off by the next ticks. With
/// the option `allocate_only_on_command` it is the only way to offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Allocate {
    /// Which, none twice; an empty list means every agent in the order of the ids. Agents that are
    /// out of service when their turn comes are passed over.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentId>,
}
