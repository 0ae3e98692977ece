//! Sessions and time.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// In which capacity a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum SessionKind {
    /// Steers: weights, agents, teardown.
    #[n(0)]
    Operator,
    /// Schedules: one framework.
    #[n(1)]
    Framework,
    /// Runs tasks: one or many agents.
    #[n(2)]
    Agent,
}

impl SessionKind {
    /// The word used in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Framework => "framework",
            Self::Agent => "agent",
        }
    }
}

/// Opens a session; sent without one. Reply: [`SessionOpened`](crate::reply::Reply::SessionOpened).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct OpenSession {
    /// In which capacity.
    #[n(0)]
    pub kind: SessionKind,
    /// Whom it speaks for: the policy says what that principal may do. Without it the session is
    /// the embedding program's own and may do everything.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Box<str>>,
}

/// Closes the sender's session: its framework or agents are disconnected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct CloseSession {}

/// One counted step of what time and pending work bring: due timers, bulk effects, allocation.
/// Reply: [`Ticked`](crate::reply::Reply::Ticked), which says whether there is more to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Tick {}

/// Like [`Tick`], and allowed to move the clock by more than
/// [`TIME_STEP_MAX`](crate::limits::TIME_STEP_MAX).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct AdvanceTime {}

/// The kernel was opened from its journal: all sessions end, so frameworks and agents are
/// disconnected and their timers start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Restart {}
