//! Grants: the one ledger entity. Offers and allocations are views of it.
//!
//! [`State::open_grant`] and [`State::close_grant`] are the only places where resources change
//! hands, so that sums of agents, roles and frameworks cannot drift apart.

use minicbor::{Decode, Encode};

use super::timer::TimerKey;
use super::{Hold, State};
use crate::ids::{AgentId, ExecutorId, FrameworkId, GrantId, OperationId, RoleId, TaskId};
use crate::intern::HasNames;
use crate::resources::{Bundle, CollectionKey as _, Key, MetaId, Resource, Resources, Value};

/// What a grant is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum GrantKind {
    /// An offer, with the timer that ends it.
    #[n(0)]
    Offered(#[n(0)] Option<TimerKey>),
    /// Held by a task.
    #[n(1)]
    Allocated(#[n(0)] TaskId),
    /// Held by an executor.
    #[n(110)]
    Executor(#[n(0)] ExecutorId),
    /// Held by an operation that is not done yet.
    #[n(200)]
    Operation(#[n(0)] OperationId),
}

/// Resources of one agent, and of pools beside it, granted to one framework in one role.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Grant {
    /// Whose resources, but for those that are charged to pools.
    #[n(0)]
    pub agent: AgentId,
    /// To whom.
    #[n(1)]
    pub framework: FrameworkId,
    /// In which of its roles.
    #[n(2)]
    pub role: RoleId,
    /// What.
    #[n(3)]
    pub resources: Bundle,
    /// Offered or allocated.
    #[n(4)]
    pub kind: GrantKind,
}

impl Grant {
    /// Whether it is an offer.
    pub fn is_offer(&self) -> bool {
        matches!(self.kind, GrantKind::Offered(_))
    }
}

/// What of a bundle is reserved or can be taken back: it is exempt from quota.
fn exempt(bundle: &Bundle) -> Bundle {
    if bundle.iter().all(|item| item.key.meta == MetaId::PLAIN) {
        return Bundle::new();
    }
    scalars(&bundle.filter(|key| key.is_reserved() || key.is_revocable()))
}

/// The scalars of a bundle by name, whatever their metadata: what shares are computed from. Copies
/// of a shared volume count once, units of devices by their sum.
pub fn scalars(bundle: &Bundle) -> Bundle {
    let is_plain = |item: &Resource<Key>| {
        item.key.meta == MetaId::PLAIN && !matches!(item.value, Value::Devices(_))
    };
    if bundle.iter().all(is_plain) {
        return bundle.filter_items(|item| matches!(item.value, Value::Scalar(_)));
    }
    let mut sum = Bundle::new();
    for item in bundle {
        if item.value.is_counted() {
            let key = Key::plain(item.key.name);
            sum.add_assign(&Bundle::single(key, item.value.quantity()));
        }
    }
    sum
}

impl State {
    /// What a grant adds to what its framework holds: its scalars, but for copies of a shared
    /// volume of which the framework has another in the role already; and what of them is exempt
    /// from quota.
    fn newly_held(&self, id: GrantId, grant: &Grant) -> (Bundle, Bundle) {
        let resources = &grant.resources;
        if !resources.iter().any(|item| item.key.is_shared()) {
            return (scalars(resources), exempt(resources));
        }
        let part = self.frameworks.get(grant.framework).and_then(|f| f.roles.get(&grant.role));
        let others = part.into_iter().flat_map(|part| &part.grants).filter(|other| **other != id);
        let others: Vec<_> = others
            .filter_map(|other| self.grants.get(*other))
            .filter(|other| other.agent == grant.agent)
            .collect();
        let counted = resources.filter(|key| {
            !key.is_shared() || others.iter().all(|other| other.resources.get(key).is_none())
        });
        (scalars(&counted), exempt(&counted))
    }

    /// Grants resources. The caller has checked that they are free.
    pub(crate) fn open_grant(&mut self, grant: Grant) -> GrantId {
        let id = self.grants.next_id();
        let fits = self.charge(id, &grant);
        debug_assert!(fits, "a grant of what was not free");
        self.grants.insert(grant)
    }

    /// Adds to a grant. The caller has checked that it is free.
    pub(crate) fn extend_grant(&mut self, id: GrantId, more: &Bundle) {
        let Some(grant) = self.grants.get(id) else { return };
        let part = Grant { resources: more.clone(), ..grant.clone() };
        let fits = self.charge(id, &part);
        debug_assert!(fits, "more of what was not free");
        if let Some(grant) = self.grants.get_mut(id) {
            grant.resources.add_assign(more);
        }
    }

    /// Makes a part of an offer something else, and of its agent's total likewise; the offer stays.
    /// The caller has checked that both fit.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn convert_grant(&mut self, id: GrantId, resources: Bundle, total: Bundle) {
        let Some(grant) = self.grants.get(id).cloned() else { return };
        self.discharge(id, &grant);
        self.set_total(grant.agent, total);
        let grant = Grant { resources, ..grant };
        let fits = self.charge(id, &grant);
        debug_assert!(fits, "a conversion keeps amounts");
        if let Some(own) = self.grants.get_mut(id) {
            *own = grant;
        }
    }

    /// What a task or executor holds, also while it is not charged.
    pub fn held_by<'a>(&'a self, hold: &'a Hold) -> Option<&'a Bundle> {
        match hold {
            Hold::Granted(grant) => self.grants.get(*grant).map(|grant| &grant.resources),
            Hold::Parked(resources) => Some(resources),
            Hold::Released => None,
        }
    }

    /// What was asked for, with the units that were given where units were asked for.
    pub(crate) fn with_units(&self, asked: &Resources, hold: &Hold) -> Option<Resources> {
        let held = self.held_by(hold)?;
        if !held.has_devices() && asked.first_request().is_none() {
            return None;
        }
        let held = self.names.named(held).filter_items(|item| {
            // A request for any units may have become a number.
            let is_request = matches!(asked.get(&item.key), Some(Value::Request(_)));
            is_request || matches!(item.value, Value::Devices(_))
        });
        let mut given = asked.filter(|key| held.get(key).is_none());
        given.add_assign(&held);
        Some(given)
    }

    /// What somebody holds changed: the order is looked at anew, and what quota leaves to others.
    fn touch(&mut self, grant: &Grant) {
        self.touched.one(grant.role, grant.framework);
        self.spare.touch(grant.agent);
        self.quota_moved = true;
    }

    /// Ends a grant; its resources are free again. The caller decides who may have them.
    pub(crate) fn close_grant(&mut self, id: GrantId) -> Option<Grant> {
        let grant = self.grants.remove(id)?;
        if let GrantKind::Offered(timer) = grant.kind {
            self.timers.cancel(timer);
        }
        self.discharge(id, &grant);
        self.leave_role_if_done(grant.framework, grant.role);
        Some(grant)
    }

    /// Takes a grant out of the sums of its agent, role and framework.
    fn discharge(&mut self, id: GrantId, grant: &Grant) {
        if let Some(agent) = self.agents.get_mut(grant.agent) {
            let sum = if grant.is_offer() { &mut agent.offered } else { &mut agent.allocated };
            sum.subtract(&self.pools.without(&grant.resources));
            agent.grants.remove(&id);
        }
        if let Some(pooled) = self.pools.part_of(&grant.resources) {
            self.pools.discharge(id, grant, &pooled);
        }
        let (held, exempt) = self.newly_held(id, grant);
        let mut next = Some(grant.role);
        while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
            role.held.subtract(&held);
            role.exempt.subtract(&exempt);
            next = role.parent;
        }
        self.touch(grant);
        if let Some(part) = self.part_mut(grant.framework, grant.role) {
            part.held.subtract(&held);
            part.grants.remove(&id);
        }
    }

    /// Stops charging a task whose agent cannot be reached; its role is kept for its return.
    pub(crate) fn park(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get(id) else { return };
        let Some(hold) = self.parked(task.hold.grant(), task.framework, task.role) else { return };
        if let Some(task) = self.tasks.get_mut(id) {
            task.hold = hold;
        }
    }

    /// Charges a parked task to its agent again. This may exceed the agent's total: what runs
    /// there runs there.
    pub(crate) fn unpark(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        let Some(resources) = task.hold.take_parked() else { return };
        let (agent, framework, role) = (task.agent, task.framework, task.role);
        let kind = GrantKind::Allocated(id);
        let hold = self.unparked(Grant { agent, framework, role, resources, kind });
        if let Some(task) = self.tasks.get_mut(id) {
            task.hold = hold;
        }
    }

    /// Closes the grant of a task or executor whose agent cannot be reached, and keeps what it was.
    pub(super) fn parked(
        &mut self,
        grant: Option<GrantId>,
        framework: FrameworkId,
        role: RoleId,
    ) -> Option<Hold> {
        let grant = grant?;
        // First, or the framework would leave the role with its last grant.
        if let Some(part) = self.part_mut(framework, role) {
            part.parked += 1;
        }
        let resources = self.close_grant(grant).map(|grant| grant.resources).unwrap_or_default();
        Some(Hold::Parked(resources))
    }

    /// Opens a grant for what was parked.
    pub(super) fn unparked(&mut self, grant: Grant) -> Hold {
        let (framework, role) = (grant.framework, grant.role);
        let hold = Hold::Granted(self.open_grant(grant));
        self.forget_parked(framework, role);
        hold
    }

    /// A parked task or executor ended or is charged again.
    pub(crate) fn forget_parked(&mut self, framework: FrameworkId, role: RoleId) {
        if let Some(part) = self.part_mut(framework, role) {
            part.parked -= 1;
        }
        self.leave_role_if_done(framework, role);
    }

    /// Adds a grant to the sums of its agent, role and framework; also used after a restore. Says
    /// whether it fits there: in a damaged snapshot it may not.
    pub(super) fn charge(&mut self, id: GrantId, grant: &Grant) -> bool {
        let mut fits = true;
        if let Some(agent) = self.agents.get_mut(grant.agent) {
            let sum = if grant.is_offer() { &mut agent.offered } else { &mut agent.allocated };
            fits &= sum.add(&self.pools.without(&grant.resources)).is_ok();
            agent.grants.insert(id);
        }
        if let Some(pooled) = self.pools.part_of(&grant.resources) {
            fits &= self.pools.charge(id, grant, &pooled);
        }
        let (held, exempt) = self.newly_held(id, grant);
        let mut next = Some(grant.role);
        while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
            fits &= role.held.add(&held).is_ok() && role.exempt.add(&exempt).is_ok();
            next = role.parent;
        }
        self.touch(grant);
        if let Some(part) = self.part_mut(grant.framework, grant.role) {
            fits &= part.held.add(&held).is_ok();
            part.grants.insert(id);
        }
        fits
    }
}
