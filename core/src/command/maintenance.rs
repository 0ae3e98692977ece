//! Commands about agents that are to go: gone for good, drained, in maintenance. Most are an
//! operator's; a framework answers inverse offers.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, InverseOfferId};
use crate::time::{Nanos, Time};

/// Declares that an agent is gone and never comes back: its tasks end as
/// `TASK_GONE_BY_OPERATOR`, also if it could not be reached before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct MarkAgentGone {
    /// Which.
    #[n(0)]
    pub agent: AgentId,
}

/// Takes an agent out of service and has its tasks killed. It is drained when none of them is left
/// and every end is acknowledged; then `reactivate_agent` takes it into service again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct DrainAgent {
    /// Which.
    #[n(0)]
    pub agent: AgentId,
    /// The longest grace of any task; each has its own if left out.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_grace_seconds: Option<Nanos>,
    /// Whether it is marked gone once it is drained.
    #[n(2)]
    #[serde(default)]
    pub mark_gone: bool,
}

/// A time in which machines are not to be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct MaintenanceWindow {
    /// Which: the hostnames of their agents, or the names of agents without one. At least one.
    #[n(0)]
    pub machines: Vec<Box<str>>,
    /// When it begins.
    #[n(1)]
    pub start: Time,
    /// How long it takes; unknown if left out.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<Nanos>,
}

/// Replaces the maintenance schedule. What is offered of agents on machines whose window changed
/// is rescinded and offered again with the window; those who hold something there are sent inverse
/// offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UpdateMaintenanceSchedule {
    /// No machine twice, and every machine that is down.
    #[n(0)]
    pub windows: Vec<MaintenanceWindow>,
}

/// Takes scheduled machines down: their agents are removed, their tasks are lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct StartMaintenance {
    /// Which; at least one.
    #[n(0)]
    pub machines: Vec<Box<str>>,
}

/// Takes machines that are down up again, and out of the schedule: agents may register there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct StopMaintenance {
    /// Which; at least one.
    #[n(0)]
    pub machines: Vec<Box<str>>,
}

/// Says that the agents of inverse offers can go: a promise that only people act on. Reply:
/// [`Answered`](crate::reply::Reply::Answered).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct AcceptInverseOffers {
    /// Which; those that have ended are ignored.
    #[n(0)]
    pub inverse_offers: Vec<InverseOfferId>,
    /// How long not to be asked again.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_seconds: Option<Nanos>,
}

/// Says that the agents of inverse offers cannot go. Reply:
/// [`Answered`](crate::reply::Reply::Answered).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct DeclineInverseOffers {
    /// Which; those that have ended are ignored.
    #[n(0)]
    pub inverse_offers: Vec<InverseOfferId>,
    /// How long not to be asked again.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_seconds: Option<Nanos>,
}
