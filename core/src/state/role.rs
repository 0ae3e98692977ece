//! Roles: the buckets between which resources are shared by weight, in a tree of names.
//!
//! `eng/web` lies below `eng`. A role exists while it has a weight, a quota, a reservation or a
//! framework, and as long as a role below it exists. What its frameworks hold counts for it and for
//! every role above it.
//!
//! A role *takes part* in sharing while it, or a role below, has a framework. Where it has both,
//! its own frameworks compete with the roles below as a client of their own, under the path
//! `eng/.` and with weight 1.

use std::collections::BTreeSet;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::State;
use super::quota::Quota;
use crate::ids::{FrameworkId, RoleId};
use crate::intern::HasNames;
use crate::names;
use crate::resources::{Amount, Bundle};

/// A role. It exists while it has a weight or quota of its own, a reservation, a framework, or a
/// role below.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Role {
    /// Its name, the whole path.
    #[n(0)]
    #[cbor(with = "crate::shared")]
    pub name: Arc<str>,
    /// Its weight among the roles beside it.
    #[n(1)]
    pub weight: Amount,
    /// How many offers were made in it and below since it takes part: decides between equal shares.
    #[n(2)]
    pub charges: u64,
    /// How many of them count for its own frameworks, where roles below take part too. Where none
    /// does, all of them; a role that is left alone inherits what was below it.
    #[n(40)]
    pub own_charges: u64,
    /// What it is guaranteed and limited to, if anything.
    #[n(41)]
    pub quota: Option<Box<Quota>>,
    /// Scalars offered and allocated to frameworks in it and below. Derived from the grants.
    #[cbor(skip)]
    pub held: Bundle,
    /// What of that is reserved or revocable, and so exempt from quota. Derived from the grants.
    #[cbor(skip)]
    pub exempt: Bundle,
    /// Scalars reserved for it and roles below, used or not. Derived from the agents.
    #[cbor(skip)]
    pub reserved: Bundle,
    /// How many scalar resources of agents are reserved for it and roles below. Derived.
    #[cbor(skip)]
    pub reservations: u32,
    /// Frameworks subscribed to it or still holding resources in it. Derived.
    #[cbor(skip)]
    pub frameworks: BTreeSet<FrameworkId>,
    /// The role right above. Derived from the name.
    #[cbor(skip)]
    pub parent: Option<RoleId>,
    /// The roles right below. Derived from their names.
    #[cbor(skip)]
    pub children: BTreeSet<RoleId>,
    /// How many roles have a framework: this one and those below. Derived.
    #[cbor(skip)]
    pub clients: u32,
}

impl Role {
    /// The weight of roles for which none was set.
    pub const DEFAULT_WEIGHT: Amount = Amount::from_units(1);

    /// A role without weight of its own and without frameworks.
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            weight: Self::DEFAULT_WEIGHT,
            charges: 0,
            own_charges: 0,
            quota: None,
            held: Bundle::new(),
            exempt: Bundle::new(),
            reserved: Bundle::new(),
            reservations: 0,
            frameworks: BTreeSet::new(),
            parent: None,
            children: BTreeSet::new(),
            clients: 0,
        }
    }

    /// Whether it has to exist for its own sake: a weight, a quota, a reservation, a framework.
    pub fn is_used(&self) -> bool {
        self.weight != Self::DEFAULT_WEIGHT
            || self.quota.is_some()
            || self.reservations > 0
            || !self.frameworks.is_empty()
    }

    /// Whether a role below has a framework.
    pub fn has_clients_below(&self) -> bool {
        self.clients > u32::from(!self.frameworks.is_empty())
    }

    /// The last component of its name.
    pub fn component(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

impl State {
    /// The role of that name and those above it, made if they do not exist.
    pub(crate) fn role_or_new(&mut self, name: &str) -> RoleId {
        if let Some(&id) = self.role_ids.get(name) {
            return id;
        }
        let parent = names::parent(name).map(|parent| self.role_or_new(parent));
        let name: Arc<str> = name.into();
        let id = self.roles.insert(Role { parent, ..Role::new(name.clone()) });
        self.role_ids.insert(name, id);
        if let Some(parent) = parent.and_then(|parent| self.roles.get_mut(parent)) {
            parent.children.insert(id);
        }
        self.touched.all();
        id
    }

    /// Whether as many roles of those names fit, those above them counted for each.
    pub(crate) fn has_room_for_roles<'a>(&self, names: impl Iterator<Item = &'a str>) -> bool {
        let depth = |name: &str| 1 + names::ancestors(name).count();
        self.roles.has_room_for(names.map(depth).sum())
    }

    /// Removes a role that is not used and has none below, and likewise those above it.
    pub(crate) fn drop_unused_role(&mut self, id: RoleId) {
        let mut next = Some(id);
        while let Some(id) = next {
            if self.roles.get(id).is_none_or(|r| r.is_used() || !r.children.is_empty()) {
                return;
            }
            let Some(role) = self.roles.remove(id) else { return };
            self.role_ids.remove(&role.name);
            self.touched.all();
            next = role.parent;
            if let Some(parent) = role.parent.and_then(|parent| self.roles.get_mut(parent)) {
                parent.children.remove(&id);
            }
        }
    }

    /// Makes a framework a client of a role.
    pub(crate) fn join_role(&mut self, framework: FrameworkId, id: RoleId) {
        self.touched.all();
        let Some(role) = self.roles.get_mut(id) else { return };
        let first = role.frameworks.is_empty();
        role.frameworks.insert(framework);
        if first {
            self.count_client(id, true);
        }
    }

    /// Ends a framework's being a client of a role; the role may be gone afterwards.
    pub(crate) fn leave_role(&mut self, framework: FrameworkId, id: RoleId) {
        self.touched.all();
        let Some(role) = self.roles.get_mut(id) else { return };
        let last = role.frameworks.remove(&framework) && role.frameworks.is_empty();
        if last {
            role.own_charges = 0;
            self.count_client(id, false);
        }
        self.drop_unused_role(id);
    }

    /// A role got its first framework, or lost its last. A role that nobody takes part in any more
    /// starts at 0 when it returns; one that is left with its own frameworks only keeps the count
    /// of all that was below it, as their own.
    fn count_client(&mut self, id: RoleId, joins: bool) {
        let mut next = Some(id);
        while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
            role.clients = if joins { role.clients + 1 } else { role.clients.saturating_sub(1) };
            if role.clients == 0 {
                role.charges = 0;
            }
            if !joins && !role.frameworks.is_empty() && !role.has_clients_below() {
                role.own_charges = role.charges;
            }
            next = role.parent;
        }
    }

    /// Counts an offer, or a part of one, that was made to a framework in a role.
    pub(crate) fn count_offer(&mut self, framework: FrameworkId, id: RoleId) {
        if let Some(role) = self.roles.get_mut(id) {
            role.own_charges += 1;
        }
        let mut next = Some(id);
        while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
            role.charges += 1;
            next = role.parent;
        }
        if let Some(part) = self.part_mut(framework, id) {
            part.charges += 1;
        }
        self.touched.one(id, framework);
    }

    /// The role and those above it, the nearest first.
    pub fn role_path(&self, id: RoleId) -> impl Iterator<Item = (RoleId, &Role)> + '_ {
        let row = |id: RoleId| self.roles.get(id).map(|role| (id, role));
        std::iter::successors(row(id), move |(_, role)| role.parent.and_then(row))
    }

    /// The scalars that a role's own frameworks hold, without what is held below.
    pub fn held_by_own_frameworks(&self, role: &Role) -> Bundle {
        let mut own = role.held.clone();
        for child in role.children.iter().filter_map(|child| self.roles.get(*child)) {
            own.subtract(&child.held);
        }
        own
    }

    /// Rebuilds the tree after a restore: names, parents, children, and who takes part.
    pub(super) fn derive_roles(&mut self) {
        self.role_ids = self.roles.iter().map(|(id, role)| (role.name.clone(), id)).collect();
        let above: Vec<_> = self
            .roles
            .iter()
            .map(|(id, role)| (id, names::parent(&role.name).and_then(|p| self.role_id(p))))
            .collect();
        let with_quota = self.roles.iter().filter(|(_, role)| role.quota.is_some());
        self.quotas = with_quota.map(|(id, _)| id).collect();
        for (id, parent) in above {
            if let Some(role) = self.roles.get_mut(id) {
                role.parent = parent;
            }
            if let Some(parent) = parent.and_then(|parent| self.roles.get_mut(parent)) {
                parent.children.insert(id);
            }
        }
        let mut members = Vec::new();
        for (id, framework) in self.frameworks.iter() {
            members.extend(framework.roles.keys().map(|role| (*role, id)));
        }
        for (role, framework) in members {
            if let Some(role) = self.roles.get_mut(role) {
                role.frameworks.insert(framework);
            }
        }
        let used: Vec<_> =
            self.roles.iter().filter(|(_, role)| !role.frameworks.is_empty()).collect();
        let used: Vec<RoleId> = used.into_iter().map(|(id, _)| id).collect();
        for id in used {
            let mut next = Some(id);
            while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
                role.clients += 1;
                next = role.parent;
            }
        }
    }
}
