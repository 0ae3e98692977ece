//! Quota: what roles are guaranteed, and the most they may have.
//!
//! A role *consumes* what is reserved for it or a role below, used or not, and what is offered or
//! allocated in it and below without being reserved or revocable. Only scalars count.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use smallvec::SmallVec;

use super::State;
use super::grant::scalars;
use crate::ids::RoleId;
use crate::intern::Names;
use crate::resources::{
    Amount, Bundle, CollectionKey as _, Key, NameId, Quantities, Resource, ResourceLimits,
};

/// What a role is guaranteed, and the most it may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Quota {
    /// What is set aside for it until it has as much.
    #[n(0)]
    pub guarantees: Quantities,
    /// What it is offered no more than; what is not named has no limit.
    #[n(1)]
    pub limits: ResourceLimits,
    /// Whom the session that set it speaks for.
    #[n(2)]
    pub principal: Option<Box<str>>,
}

impl Quota {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.guarantees.is_empty() && self.limits.is_empty()
    }
}

/// Amounts by name, in the order of the ids; what is absent is zero. Sums stop at
/// [`Amount::TOTAL_MAX`], differences at zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(SmallVec<[(NameId, Amount); 4]>);

impl Tally {
    /// How much there is of each scalar, whatever its metadata.
    pub fn of(bundle: &Bundle) -> Self {
        let mut tally = Self::default();
        for item in bundle {
            if item.value.is_counted() {
                tally.set(item.key.name, |sum| sum.saturating_add(item.value.quantity()));
            }
        }
        tally
    }

    /// Quantities by id; a name that no resource has yet is left out.
    pub fn of_quantities(quantities: &Quantities, names: &Names) -> Self {
        let mut tally = Self::default();
        for (name, amount) in quantities.iter() {
            if let Some(id) = names.lookup(name) {
                tally.set(id, |_| amount);
            }
        }
        tally
    }

    /// True when everything is zero.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much of a name.
    pub fn get(&self, name: NameId) -> Amount {
        self.0.iter().find(|(own, _)| *own == name).map_or(Amount::ZERO, |(_, amount)| *amount)
    }

    /// The names with their amounts, none of them zero.
    pub fn iter(&self) -> impl Iterator<Item = (NameId, Amount)> + '_ {
        self.0.iter().copied()
    }

    /// Adds.
    pub fn add(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            self.set(name, |sum| sum.saturating_add(amount));
        }
    }

    /// Subtracts, never below zero.
    pub fn subtract(&mut self, other: &Self) {
        self.0.retain(|(name, amount)| {
            *amount = amount.saturating_sub(other.get(*name));
            !amount.is_zero()
        });
    }

    /// Of each name what is more, here or there.
    pub fn raise_to(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            self.set(name, |own| own.max(amount));
        }
    }

    /// Drops names.
    pub fn retain(&mut self, keep: impl Fn(NameId) -> bool) {
        self.0.retain(|(name, _)| keep(*name));
    }

    fn set(&mut self, name: NameId, change: impl FnOnce(Amount) -> Amount) {
        match self.0.binary_search_by_key(&name, |(own, _)| *own) {
            Ok(at) => self.0[at].1 = change(self.0[at].1),
            Err(at) => {
                let amount = change(Amount::ZERO);
                if !amount.is_zero() {
                    self.0.insert(at, (name, amount));
                }
            }
        }
    }
}

/// Whether limits and guarantees are about it: scalars that are neither reserved nor revocable.
pub fn is_bounded(item: &Resource<Key>) -> bool {
    !item.key.is_reserved() && !item.key.is_revocable() && item.value.is_counted()
}

impl State {
    /// The quota of a role, if it has one of its own.
    pub fn quota(&self, role: RoleId) -> Option<&Quota> {
        self.roles.get(role)?.quota.as_deref()
    }

    /// The roles with a quota of their own.
    pub fn roles_with_quota(&self) -> impl ExactSizeIterator<Item = RoleId> + '_ {
        self.quotas.iter().copied()
    }

    /// What a role and those below it consume: reserved for them, or offered or allocated to them.
    pub fn consumption(&self, role: RoleId) -> Tally {
        let Some(role) = self.roles.get(role) else { return Tally::default() };
        let mut sum = Tally::of(&role.held);
        sum.subtract(&Tally::of(&role.exempt));
        sum.add(&Tally::of(&role.reserved));
        sum
    }

    /// Sets the quota of a role, or takes it away with an empty one.
    pub(crate) fn set_quota(&mut self, id: RoleId, quota: Quota) {
        let Some(role) = self.roles.get_mut(id) else { return };
        role.quota = (!quota.is_empty()).then(|| Box::new(quota));
        if role.quota.is_some() {
            self.quotas.insert(id);
        } else {
            self.quotas.remove(&id);
        }
        self.quota_moved = true;
        self.drop_unused_role(id);
    }

    /// Counts what an agent has towards the whole, and its reservations towards their roles.
    pub(crate) fn count_total(&mut self, total: &Bundle) {
        self.total.add_assign(&scalars(total));
        self.count_reservations(total, true);
    }

    /// What an agent has counts no more.
    pub(crate) fn uncount_total(&mut self, total: &Bundle) {
        self.total.subtract(&scalars(total));
        self.count_reservations(total, false);
    }

    /// An agent has something else than before.
    pub(crate) fn recount_total(&mut self, before: &Bundle, after: &Bundle) {
        self.total.subtract(&scalars(before));
        self.total.add_assign(&scalars(after));
        // The new ones first: a role that is only reserved for stays the same.
        self.count_reservations(after, true);
        self.count_reservations(before, false);
    }

    /// Roles are made and dropped in the order of their names: that of interned keys is another one
    /// after a restore, and ids of roles come from it.
    pub(super) fn count_reservations(&mut self, total: &Bundle, adds: bool) {
        self.quota_moved = true;
        let mut parts = BTreeMap::<Box<str>, Vec<Bundle>>::new();
        for item in total.iter().filter(|item| item.key.is_reserved()) {
            // As in Mesos, ports that are reserved for a role do not make it known.
            let part = scalars(&Bundle::single(item.key, item.value.clone()));
            let role = self.names.reservation_role(item.key).filter(|_| !part.is_empty());
            if let Some(role) = role {
                parts.entry(role.into()).or_default().push(part);
            }
        }
        for (name, parts) in parts {
            let id = self.role_or_new(&name);
            for part in parts {
                self.count_reservation(id, &part, adds);
            }
            if !adds {
                self.drop_unused_role(id);
            }
        }
    }

    /// One reservation for a role, towards it and all above it.
    fn count_reservation(&mut self, id: RoleId, part: &Bundle, adds: bool) {
        let mut next = Some(id);
        while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
            if adds {
                role.reservations = role.reservations.saturating_add(1);
                role.reserved.add_assign(part);
            } else {
                role.reservations = role.reservations.saturating_sub(1);
                role.reserved.subtract(part);
            }
            next = role.parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(names: &Names, text: &str) -> Tally {
        Tally::of_quantities(&text.parse().unwrap(), names)
    }

    #[test]
    fn tallies_stop_at_zero_and_at_the_most() {
        let mut names = Names::default();
        names.intern(&"licences:1".parse().unwrap());
        let mut sum = tally(&names, "mem:5;licences:2;unseen:9");
        assert_eq!(sum, tally(&names, "licences:2;mem:5"));
        sum.subtract(&tally(&names, "mem:7;cpus:1"));
        assert_eq!(sum, tally(&names, "licences:2"));
        sum.raise_to(&tally(&names, "licences:1;cpus:3"));
        assert_eq!(sum, tally(&names, "licences:2;cpus:3"));
        for _ in 0..20 {
            sum.add(&tally(&names, "cpus:1000000000000"));
        }
        assert_eq!(sum.get(NameId::CPUS), Amount::TOTAL_MAX);
        sum.subtract(&sum.clone());
        assert!(sum.is_empty());
    }

    #[test]
    fn all_scalars_of_a_name_are_one_amount() {
        let mut names = Names::default();
        let text = "cpus:1;cpus(eng):2;cpus~:4;disk<source=mount,root=/a>:10;ports:[1-5]";
        let bundle = names.intern(&text.parse().unwrap());
        assert_eq!(Tally::of(&bundle), tally(&names, "cpus:7;disk:10"));
        let bounded = bundle.filter_items(is_bounded);
        assert_eq!(Tally::of(&bounded), tally(&names, "cpus:1;disk:10"));
    }
}
