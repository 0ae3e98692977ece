//! Grants: the one ledger entity. Offers and allocations are views of it.
//!
//! [`State::open_grant`] and [`State::close_grant`] are the only places where resources change
//! hands, so that sums of agents, roles and frameworks cannot drift apart.

use minicbor::{Decode, Encode};

use super::timer::TimerKey;
use super::{Hold, State};
use crate::ids::{AgentId, FrameworkId, GrantId, RoleId, TaskId};
use crate::intern::HasNames;
use crate::resources::{Bundle, CollectionKey as _, Key, MetaId, Value};

/// What a grant is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum GrantKind {
    /// An offer, with the timer that ends it.
    #[n(0)]
    Offered(#[n(0)] Option<TimerKey>),
    /// Held by a task.
    #[n(1)]
    Allocated(#[n(0)] TaskId),
}

/// Resources of one agent granted to one framework in one role.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Grant {
    /// Whose resources.
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

/// The scalars of a bundle by name, whatever their metadata: what shares are computed from. Copies
/// of a shared volume count once.
pub fn scalars(bundle: &Bundle) -> Bundle {
    if bundle.iter().all(|item| item.key.meta == MetaId::PLAIN) {
        return bundle.filter_items(|item| matches!(item.value, Value::Scalar(_)));
    }
    let mut sum = Bundle::new();
    for item in bundle {
        if matches!(item.value, Value::Scalar(_) | Value::Pieces(_)) {
            let key = Key::plain(item.key.name);
            sum.add_assign(&Bundle::single(key, item.value.quantity()));
        }
    }
    sum
}

impl State {
    /// What a grant adds to what its framework holds: its scalars, but for copies of a shared
    /// volume of which the framework has another in the role already.
    fn newly_held(&self, id: GrantId, grant: &Grant) -> Bundle {
        let resources = &grant.resources;
        if !resources.iter().any(|item| item.key.is_shared()) {
            return scalars(resources);
        }
        let part = self.frameworks.get(grant.framework).and_then(|f| f.roles.get(&grant.role));
        let others = part.into_iter().flat_map(|part| &part.grants).filter(|other| **other != id);
        let others: Vec<_> = others
            .filter_map(|other| self.grants.get(*other))
            .filter(|other| other.agent == grant.agent)
            .collect();
        scalars(&resources.filter(|key| {
            !key.is_shared() || others.iter().all(|other| other.resources.get(key).is_none())
        }))
    }

    /// Grants resources. The caller has checked that they are free.
    pub(crate) fn open_grant(&mut self, grant: Grant) -> GrantId {
        let id = self.grants.next_id();
        let fits = self.charge(id, &grant);
        debug_assert!(fits, "a grant of what was not free");
        self.grants.insert(grant)
    }

    /// Ends a grant; its resources are free again. The caller decides who may have them.
    pub(crate) fn close_grant(&mut self, id: GrantId) -> Option<Grant> {
        let grant = self.grants.remove(id)?;
        if let GrantKind::Offered(timer) = grant.kind {
            self.timers.cancel(timer);
        }
        if let Some(agent) = self.agents.get_mut(grant.agent) {
            let sum = if grant.is_offer() { &mut agent.offered } else { &mut agent.allocated };
            sum.subtract(&grant.resources);
            agent.grants.remove(&id);
        }
        let held = self.newly_held(id, &grant);
        let mut next = Some(grant.role);
        while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
            role.held.subtract(&held);
            next = role.parent;
        }
        self.touched.one(grant.role, grant.framework);
        if let Some(part) = self.part_mut(grant.framework, grant.role) {
            part.held.subtract(&held);
            part.grants.remove(&id);
        }
        self.leave_role_if_done(grant.framework, grant.role);
        Some(grant)
    }

    /// Stops charging a task whose agent cannot be reached; its role is kept for its return.
    pub(crate) fn park(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get(id) else { return };
        let Hold::Granted(grant) = task.hold else { return };
        if let Some(part) = self.part_mut(task.framework, task.role) {
            part.parked += 1;
        }
        let resources = self.close_grant(grant).map(|grant| grant.resources).unwrap_or_default();
        if let Some(task) = self.tasks.get_mut(id) {
            task.hold = Hold::Parked(resources);
        }
    }

    /// Charges a parked task to its agent again. This may exceed the agent's total: what runs
    /// there runs there.
    pub(crate) fn unpark(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        let Hold::Parked(resources) = std::mem::replace(&mut task.hold, Hold::Released) else {
            return;
        };
        let (agent, framework, role) = (task.agent, task.framework, task.role);
        let kind = GrantKind::Allocated(id);
        let grant = self.open_grant(Grant { agent, framework, role, resources, kind });
        if let Some(task) = self.tasks.get_mut(id) {
            task.hold = Hold::Granted(grant);
        }
        self.forget_parked(framework, role);
    }

    /// A parked task ended or is charged again.
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
            fits &= sum.add(&grant.resources).is_ok();
            agent.grants.insert(id);
        }
        let held = self.newly_held(id, grant);
        let mut next = Some(grant.role);
        while let Some(role) = next.and_then(|id| self.roles.get_mut(id)) {
            fits &= role.held.add(&held).is_ok();
            next = role.parent;
        }
        self.touched.one(grant.role, grant.framework);
        if let Some(part) = self.part_mut(grant.framework, grant.role) {
            fits &= part.held.add(&held).is_ok();
            part.grants.insert(id);
        }
        fits
    }
}
