//! Who may do what for which roles.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What can be allowed or forbidden.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Action {
    /// Subscribe a framework to a role.
    #[n(0)]
    Subscribe,
    /// Remove a framework that has a part in a role, other than one's own.
    #[n(1)]
    Teardown,
    /// Set a role's weight.
    #[n(2)]
    UpdateWeights,
    /// Set a role's quota.
    #[n(3)]
    UpdateQuota,
    /// Reserve resources for a role.
    #[n(4)]
    Reserve,
    /// End a reservation for a role.
    #[n(5)]
    Unreserve,
    /// Make a volume of what is reserved for a role.
    #[n(6)]
    CreateVolume,
    /// Destroy such a volume.
    #[n(7)]
    DestroyVolume,
    /// Grow or shrink such a volume.
    #[n(8)]
    ResizeVolume,
    /// Have agents offered, take them in and out of service, plan their maintenance, remove them.
    #[n(9)]
    ManageAgents,
    /// Replace the policy.
    #[n(10)]
    SetPolicy,
    /// Add, change and remove pools.
    #[n(170)]
    ManagePools,
    /// Make a disk of a provider's raw space.
    #[n(200)]
    CreateDisk,
    /// Make such a disk raw space again.
    #[n(201)]
    DestroyDisk,
    /// Be told all there is and what changes.
    #[n(11)]
    Watch,
}

impl Action {
    /// All of this version.
    pub const ALL: &'static [Self] = &[
        Self::Subscribe,
        Self::Teardown,
        Self::UpdateWeights,
        Self::UpdateQuota,
        Self::Reserve,
        Self::Unreserve,
        Self::CreateVolume,
        Self::DestroyVolume,
        Self::ResizeVolume,
        Self::ManageAgents,
        Self::SetPolicy,
        Self::ManagePools,
        Self::CreateDisk,
        Self::DestroyDisk,
        Self::Watch,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Teardown => "teardown",
            Self::UpdateWeights => "update_weights",
            Self::UpdateQuota => "update_quota",
            Self::Reserve => "reserve",
            Self::Unreserve => "unreserve",
            Self::CreateVolume => "create_volume",
            Self::DestroyVolume => "destroy_volume",
            Self::ResizeVolume => "resize_volume",
            Self::ManageAgents => "manage_agents",
            Self::SetPolicy => "set_policy",
            Self::ManagePools => "manage_pools",
            Self::CreateDisk => "create_disk",
            Self::DestroyDisk => "destroy_disk",
            Self::Watch => "watch",
        }
    }
}

/// One row of the policy. What is left out means any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Rule {
    /// Whose actions.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principals: Option<Vec<Box<str>>>,
    /// Which actions.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Action>>,
    /// For which roles, each with all below it. An action that is for no role, such as
    /// `manage_agents`, is met only by a rule without roles.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Box<str>>>,
    /// Whether it is allowed.
    #[n(3)]
    pub allow: bool,
}

/// Replaces the policy. The first rule that is about an action decides; where none is, `otherwise`
/// does. Sessions without a principal are the program's own that embeds the kernel: they may do
/// everything, so nobody is locked out for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct SetPolicy {
    /// In order.
    #[n(0)]
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Whether that is allowed which no rule is about.
    #[n(1)]
    #[serde(default = "allowed")]
    pub otherwise: bool,
}

const fn allowed() -> bool {
    true
}

impl Default for SetPolicy {
    /// Everything is allowed.
    fn default() -> Self {
        Self { rules: Vec::new(), otherwise: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_called_as_in_json() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
        }
        let page = include_str!("../../../docs/concepts.md");
        let missing = |action: &&Action| !page.contains(&format!("`{}`", action.name()));
        let missing: Vec<_> = Action::ALL.iter().filter(missing).collect();
        assert!(missing.is_empty(), "docs/concepts.md does not name {missing:?}");
    }
}
