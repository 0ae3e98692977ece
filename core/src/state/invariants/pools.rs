//! Checks of pools: whose a name is, and what is in use of it.

use std::collections::BTreeMap;

use super::{Check, State, Violation, ensure};
use crate::ids::GrantId;
use crate::resources::Bundle;
use crate::state::{Agent, Grant, Pool};

/// What is offered and allocated of a pool, and by which grants.
type InUse = (Bundle, Bundle, std::collections::BTreeSet<GrantId>);

impl State {
    pub(super) fn check_pools(&self) -> Check {
        let mut in_use: BTreeMap<&str, InUse> = BTreeMap::new();
        for (id, grant) in self.grants.iter() {
            for (name, pool) in self.pools.iter() {
                let part = grant.resources.filter(|key| pool.owns.has(key.name));
                if part.is_empty() {
                    continue;
                }
                let (offered, allocated, grants) = in_use.entry(name).or_default();
                grants.insert(id);
                // I14: what cannot be counted twice is granted once.
                let sum = if grant.is_offer() { offered } else { allocated };
                sum.add_disjoint(&part).map_err(|conflict| Violation {
                    invariant: "I14",
                    text: format!("pool {name:?}: {conflict}"),
                })?;
            }
        }
        let mut owned = 0;
        for (name, pool) in self.pools.iter() {
            let (offered, allocated, grants) = in_use.remove(name).unwrap_or_default();
            ensure("I14", !offered.overlaps(&allocated), || {
                format!("pool {name:?} offers what is allocated")
            })?;
            ensure("I13", (&pool.offered, &pool.allocated) == (&offered, &allocated), || {
                format!("pool {name:?}: sums of grants are off")
            })?;
            ensure("I13", pool.grants == grants, || {
                format!("pool {name:?}: the list of its grants is off")
            })?;
            self.check_names_of_pool(name, pool)?;
            owned += pool.names.len();
        }
        let names = self.names.ids().filter(|id| self.pools.owns(*id)).count();
        ensure("I15", names == owned, || "the list of names that pools own is off".into())?;
        for (id, agent) in self.agents.iter() {
            // I15: whose a resource is, is known from its name.
            ensure("I15", self.has_nothing_pooled(agent), || {
                format!("agent {id} has resources of a pool")
            })?;
        }
        ensure("pools", !self.pools.moved, || {
            "what a command gave back to pools is still to be offered after its end".into()
        })
    }

    fn has_nothing_pooled(&self, agent: &Agent) -> bool {
        let all = [&agent.total, &agent.offered, &agent.allocated];
        all.into_iter().all(|bundle| self.pools.part_of(bundle).is_none())
    }

    fn check_names_of_pool(&self, name: &str, pool: &Pool) -> Check {
        for own in &pool.names {
            let id = self.names.lookup(own);
            let owner = id.and_then(|id| self.pools.owner(id)).map(|(owner, _)| owner);
            ensure("I15", owner == Some(name), || {
                format!("{own} of pool {name:?} belongs to {owner:?}")
            })?;
        }
        ensure("I15", pool.total.iter().all(|item| pool.owns.has(item.key.name)), || {
            format!("pool {name:?} has resources that are not its own")
        })
    }

    /// I15: an offer is of one agent; what is in pools comes beside it, never alone.
    pub(super) fn check_agents_part(&self, id: GrantId, grant: &Grant) -> Check {
        let own = self.pools.without(&grant.resources);
        ensure("I15", !grant.is_offer() || !own.is_empty(), || {
            format!("offer {id} has nothing of its agent")
        })
    }
}
