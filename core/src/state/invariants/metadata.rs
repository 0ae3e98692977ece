//! Checks of reserved, shared and revocable resources.

use std::collections::BTreeSet;

use super::{Check, State, ensure};
use crate::ids::{AgentId, GrantId};
use crate::resources::{CollectionKey as _, Metadata, Value};
use crate::state::{Agent, Grant};

impl State {
    /// What an agent may have: volumes with ids of their own, one copy of each shared one.
    pub(super) fn check_metadata_of_agent(&self, id: AgentId, agent: &Agent) -> Check {
        let mut volumes = BTreeSet::new();
        for item in &agent.total {
            let Value::Pieces(pieces) = &item.value else { continue };
            // I35: the total counts a shared volume once.
            ensure("I35", !pieces.is_shared() || pieces.count() == 1, || {
                format!("agent {id} has several copies of a shared volume")
            })?;
            let metadata = self.names.metadata(item.key.meta);
            let Some(volume) = metadata.and_then(|meta| meta.persistence_id()) else { continue };
            let role = metadata.and_then(|meta| meta.reservation_role());
            // I54: a persistence id is unique per agent and role.
            let first = volumes.insert((role, volume));
            ensure("I54", first && pieces.count() == 1, || {
                format!("agent {id} has two volumes {volume:?} of one role")
            })?;
        }
        Ok(())
    }

    /// Who may hold what: reserved resources only in the role or below it. What a framework cannot
    /// deal with is kept from it when offers are made; it may lose the capability later.
    pub(super) fn check_metadata_of_grant(&self, id: GrantId, grant: &Grant) -> Check {
        let role = self.roles.get(grant.role).map_or("", |role| &*role.name);
        for item in &grant.resources {
            if !item.key.is_reserved() {
                continue;
            }
            let metadata = self.names.metadata(item.key.meta);
            ensure("I16", metadata.is_some_and(|meta| meta.is_allocatable_to(role)), || {
                let own =
                    metadata.and_then(|meta: &std::sync::Arc<Metadata>| meta.reservation_role());
                format!("grant {id} in role {role:?} holds what is reserved for {own:?}")
            })?;
        }
        Ok(())
    }
}
