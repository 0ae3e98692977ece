//! The tree of roles: who is where, what each subtree holds, and whose counts are whose.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, add, ensure};
use crate::ids::{FrameworkId, RoleId};
use crate::names;
use crate::options::QuotaBinds;
use crate::resources::Bundle;
use crate::state::grant::scalars;
use crate::state::spare::Spare;
use crate::state::{Order, Role, State};

impl State {
    pub(super) fn check_roles(
        &self,
        held: &BTreeMap<RoleId, (Bundle, Bundle)>,
        mut members: BTreeMap<RoleId, BTreeSet<FrameworkId>>,
    ) -> Check {
        for (id, role) in self.roles.iter() {
            self.check_place_in_tree(id, role)?;
        }
        let (mut subtree, mut clients): (BTreeMap<_, (Bundle, Bundle)>, BTreeMap<_, u32>) =
            Default::default();
        for (id, _) in self.roles.iter() {
            let nothing = Default::default();
            let (own, exempt) = held.get(&id).unwrap_or(&nothing);
            for (above, _) in self.role_path(id) {
                let sums = subtree.entry(above).or_default();
                add(&mut sums.0, own)?;
                add(&mut sums.1, exempt)?;
                *clients.entry(above).or_default() += u32::from(members.contains_key(&id));
            }
        }
        self.check_quota()?;
        for (id, role) in self.roles.iter() {
            let name = &role.name;
            let (own, exempt) = subtree.remove(&id).unwrap_or_default();
            ensure("I28", role.held == own && role.exempt == exempt, || {
                format!("role {name:?}: the sum of what it holds is off")
            })?;
            ensure("I28", role.frameworks == members.remove(&id).unwrap_or_default(), || {
                format!("role {name:?}: its frameworks are off")
            })?;
            ensure("I28", clients.get(&id) == Some(&role.clients), || {
                format!("role {name:?}: the number of roles with frameworks is off")
            })?;
            check_charges(role)?;
            // I33: a role exists for a weight, quota, reservation, framework, or role below.
            ensure("I33", role.is_used() || !role.children.is_empty(), || {
                format!("role {name:?} has no weight, quota, reservation, framework or role below")
            })?;
        }
        ensure("I33", members.is_empty(), || "a framework takes part in no role".into())?;
        ensure("names", self.role_ids.len() == self.roles.len(), || {
            "a role's name is left over".into()
        })?;
        self.check_order()
    }

    /// I34 and quota: reservations are counted where they belong, and what is free is summed right.
    fn check_quota(&self) -> Check {
        let mut reserved: BTreeMap<RoleId, (Bundle, u32)> = BTreeMap::new();
        let agents = self.agents.iter().filter(|(_, agent)| agent.counts());
        let totals = agents.map(|(_, agent)| &agent.total);
        for total in totals.chain(self.pools.iter().map(|(_, pool)| &pool.total)) {
            let total = total.scalars();
            for item in total.iter().filter(|item| item.key.meta.is_reserved()) {
                let role = self.names.reservation_role(item.key);
                let id = role.and_then(|role| self.role_id(role));
                ensure("I33", id.is_some(), || format!("reserved for {role:?}, which is no role"))?;
                let part = scalars(&Bundle::single(item.key, item.value.clone()));
                for (above, _) in id.into_iter().flat_map(|id| self.role_path(id)) {
                    let sums = reserved.entry(above).or_default();
                    add(&mut sums.0, &part)?;
                    sums.1 += 1;
                }
            }
        }
        for (id, role) in self.roles.iter() {
            let sums = reserved.remove(&id).unwrap_or_default();
            ensure("I34", (&role.reserved, role.reservations) == (&sums.0, sums.1), || {
                format!("role {:?}: the sum of its reservations is off", role.name)
            })?;
            let quota = role.quota.as_deref();
            ensure("quota", quota.is_some() == self.quotas.contains(&id), || {
                format!("role {:?} is not listed as one with a quota, or is", role.name)
            })?;
            ensure("quota", quota.is_none_or(|quota| !quota.is_empty()), || {
                format!("role {:?} has an empty quota", role.name)
            })?;
            let below = |(name, limit)| quota.is_some_and(|q| q.guarantees.get(name) > limit);
            ensure("quota", !quota.is_some_and(|q| q.limits.iter().any(below)), || {
                format!("role {:?} is guaranteed more than its limit", role.name)
            })?;
            let top = self.options.quota_binds == QuotaBinds::TopLevel;
            ensure("quota", !top || quota.is_none() || role.parent.is_none(), || {
                format!("role {:?} has a quota and is not at the top", role.name)
            })?;
        }
        let exists = |id: &RoleId| self.roles.contains(*id);
        ensure("quota", self.quotas.iter().all(exists), || "a quota is left over".into())?;
        if let Some(mut kept) = self.spare.twin() {
            ensure("I24", kept.sum(self) == Spare::default().sum(self), || {
                "the sum of what is free for anybody is off".into()
            })?;
        }
        let parts = self.frameworks.iter().flat_map(|(_, framework)| framework.roles.values());
        let minima = parts.filter(|part| part.min_allocatable.is_some()).count();
        ensure("minima", self.own_minima == minima, || "the number of own minima is off".into())
    }

    fn check_place_in_tree(&self, id: RoleId, role: &Role) -> Check {
        let name = &role.name;
        ensure("names", self.role_ids.get(name) == Some(&id), || {
            format!("role {name:?} is not found by its name")
        })?;
        let above = names::parent(name);
        let parent = above.and_then(|above| self.role_id(above));
        ensure("I33", above.is_some() == parent.is_some() && role.parent == parent, || {
            format!("role {name:?} is not below the role above it")
        })?;
        let lists =
            |parent: RoleId| self.roles.get(parent).is_some_and(|p| p.children.contains(&id));
        ensure("I33", parent.is_none_or(lists), || {
            format!("role {name:?} is not listed by the role above it")
        })?;
        let is_child =
            |child: &RoleId| self.roles.get(*child).is_some_and(|c| c.parent == Some(id));
        ensure("I33", role.children.iter().all(is_child), || {
            format!("role {name:?} lists a role below that is gone")
        })
    }

    /// I29: the order that is kept is the one that a sort would give.
    fn check_order(&self) -> Check {
        let mut touched = self.touched.clone();
        let (mut kept, mut fresh) = (self.order.twin(), Order::new(self));
        kept.refresh(self, &mut touched);
        ensure("I29", kept.roles().eq(fresh.roles()), || "the order of roles is off".into())?;
        ensure("I29", kept.lots() == fresh.lots(), || "what roles weigh in a draw is off".into())?;
        for (id, role) in self.roles.iter() {
            for at in 0..role.frameworks.len() {
                let both = (kept.framework(self, id, at), fresh.framework(self, id, at));
                ensure("I29", both.0 == both.1, || {
                    format!("role {:?}: the order of its frameworks is off", role.name)
                })?;
            }
        }
        Ok(())
    }
}

/// Counts are of who takes part: nobody has none, and one that is alone has them all.
fn check_charges(role: &Role) -> Check {
    let expected = match (role.frameworks.is_empty(), role.has_clients_below()) {
        (true, false) => role.charges == 0 && role.own_charges == 0,
        (true, true) => role.own_charges == 0,
        (false, false) => role.own_charges == role.charges,
        (false, true) => role.own_charges <= role.charges,
    };
    ensure("I29", expected, || format!("role {:?}: its count of offers is off", role.name))
}
