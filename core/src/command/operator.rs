//! Commands of operator sessions.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, FrameworkId};
use crate::resources::{Amount, Quantities, ResourceLimits};

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

/// A role and its quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RoleQuota {
    /// The role; it need not exist yet.
    #[n(0)]
    pub role: Box<str>,
    /// What is set aside for it until it consumes as much; replaces what was guaranteed before.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    pub guarantees: Quantities,
    /// What it is offered no more than; what is not named has no limit, 0 is a limit. Replaces what
    /// was limited before.
    #[n(2)]
    #[serde(default, skip_serializing_if = "ResourceLimits::is_empty")]
    pub limits: ResourceLimits,
}

/// Replaces the quota of the roles listed, all or none; without guarantees and limits a role has no
/// quota any more. Nothing that runs is ended. Offers are rescinded where a limit or a guarantee
/// needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UpdateQuota {
    /// At least one role, none twice.
    #[n(0)]
    pub quotas: Vec<RoleQuota>,
    /// Whether to accept guarantees beyond what the cluster has, and limits below what is consumed.
    #[n(1)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
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
