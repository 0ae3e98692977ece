//! Pools: adding, changing and removing them.

use proptest::prelude::*;

use super::operation::any_resources;
use super::script::{Chosen, Pick};
use crate::command::{AddPool, Command, RemovePool, SessionKind, UpdatePool};

/// Any command about pools.
pub fn of_operator() -> impl Strategy<Value = Command> {
    prop_oneof![
        (super::text(), any_resources())
            .prop_map(|(name, resources)| AddPool { name, resources }.into()),
        (super::text(), any_resources()).prop_map(|(name, resources)| UpdatePool {
            name,
            resources
        }
        .into()),
        super::text().prop_map(|name| RemovePool { name }.into()),
    ]
}

impl Pick<'_> {
    /// Two pools, of which one has reservations and the other may be taken back. They come, grow,
    /// shrink below what is in use, and go.
    pub(super) fn pool(&self) -> Chosen {
        let session = self.session(SessionKind::Operator)?;
        let (name, resources) = match self.choice.detail % 2 {
            0 => ("flex", format!("licences(web):1;licences:{}", self.choice.which % 5)),
            _ => ("keys", format!("keys:[1-{}];seats~:2", 1 + self.choice.which % 9)),
        };
        let resources = resources.parse().ok()?;
        let known = self.state.pools().get(name).is_some();
        let name: Box<str> = name.into();
        let command = match self.choice.detail % 7 {
            0 if known => RemovePool { name }.into(),
            1 if known => UpdatePool { name, resources: Default::default() }.into(),
            _ if known => UpdatePool { name, resources }.into(),
            _ => AddPool { name, resources }.into(),
        };
        Some((Some(session), command))
    }
}
