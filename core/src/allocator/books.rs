//! Quota during one run of allocation: what each role may still be given, what is set aside for
//! guarantees, and what is left beyond them.
//!
//! - *consumed*: see [`quota`](crate::state::quota)
//! - *required*: what roles lack to their guarantees. A role needs what it lacks itself, or what
//!   those below it lack together if that is more.
//! - *available*: what is free for anybody on all agents. Nobody is given more than what of it is
//!   not required, unless by a guarantee of their own.

use std::collections::BTreeMap;

use crate::ids::RoleId;
use crate::options::QuotaBinds;
use crate::resources::{Amount, NameId};
use crate::state::{State, Tally};

#[derive(Debug, Default)]
struct Row {
    parent: Option<RoleId>,
    /// Those below that have a row.
    children: Vec<RoleId>,
    guarantees: Tally,
    limits: Vec<(NameId, Amount)>,
    consumed: Tally,
    required: Tally,
}

impl Row {
    fn lacks(&self) -> Tally {
        let mut lacks = self.guarantees.clone();
        lacks.subtract(&self.consumed);
        lacks
    }
}

/// The books of a run.
#[derive(Debug)]
pub struct Books {
    binds: QuotaBinds,
    /// Roles with quota, and under [`QuotaBinds::Subtree`] those above them.
    rows: BTreeMap<RoleId, Row>,
    required: Tally,
    available: Tally,
}

impl Books {
    /// Opens the books, with what is free for anybody; none if no role has a quota.
    pub fn open(state: &mut State) -> Option<Self> {
        if state.quotas.is_empty() {
            return None;
        }
        let available = state.spare();
        Some(Self::new(state, available))
    }

    /// As [`Books::open`], for who only wants to know; linear in the number of agents.
    pub fn read(state: &State) -> Option<Self> {
        (!state.quotas.is_empty()).then(|| Self::new(state, state.spare_anew()))
    }

    fn new(state: &State, available: Tally) -> Self {
        let binds = state.options().quota_binds;
        let mut rows: BTreeMap<RoleId, Row> = BTreeMap::new();
        for id in state.roles_with_quota() {
            for id in path(state, binds, id) {
                rows.entry(id).or_insert_with(|| row(state, id));
            }
        }
        let pairs: Vec<_> = rows.iter().filter_map(|(id, r)| Some((r.parent?, *id))).collect();
        for (parent, child) in pairs {
            if let Some(row) = rows.get_mut(&parent) {
                row.children.push(child);
            }
        }
        let mut books = Self { binds, rows, required: Tally::default(), available };
        let mut deepest: Vec<_> = books.rows.keys().copied().collect();
        deepest.sort_by_key(|id| std::cmp::Reverse(state.role_path(*id).count()));
        for id in deepest {
            books.require(id);
        }
        books.sum_required();
        books
    }

    /// Whether some role lacks what it is guaranteed.
    pub fn is_anything_required(&self) -> bool {
        !self.required.is_empty()
    }

    /// What a role may be given for the sake of guarantees, its own and those of roles above it,
    /// without what these set aside for others below them.
    pub fn allowance(&self, state: &State, role: RoleId) -> Tally {
        let mut most = Tally::default();
        let mut from = None;
        for (id, row) in self.path(state, role) {
            let mut free = row.lacks();
            if !free.is_empty() {
                let others = row.children.iter().filter(|child| Some(**child) != from);
                let others = others.filter_map(|child| self.rows.get(child));
                others.for_each(|other| free.subtract(&other.required));
                most.raise_to(&free);
            }
            from = Some(id);
        }
        most
    }

    /// How much of a name a role may be given within its limits and those above it; none if there
    /// is no limit.
    pub fn room(&self, state: &State, role: RoleId, name: NameId) -> Option<Amount> {
        let rooms = self.path(state, role).filter_map(|(_, row)| {
            let (_, limit) = row.limits.iter().find(|(limited, _)| *limited == name)?;
            Some(limit.saturating_sub(row.consumed.get(name)))
        });
        rooms.min()
    }

    /// How much of a name is not set aside for guarantees; none while nothing is required.
    pub fn headroom(&self, name: NameId) -> Option<Amount> {
        let rest = || self.available.get(name).saturating_sub(self.required.get(name));
        self.is_anything_required().then(rest)
    }

    /// Whether a role may be given anything that is free, whatever it is.
    pub fn leaves_free(&self, state: &State, role: RoleId) -> bool {
        !self.is_anything_required() && self.path(state, role).all(|(_, row)| row.limits.is_empty())
    }

    /// Writes down what a role was given of what quota is about. In Mesos only guarantees reduce
    /// what is required within a run.
    pub fn book(&mut self, state: &State, role: RoleId, given: &Tally, by_guarantee: bool) {
        self.available.subtract(given);
        let ids: Vec<_> = self.path(state, role).map(|(id, _)| id).collect();
        for id in ids {
            if let Some(row) = self.rows.get_mut(&id) {
                row.consumed.add(given);
            }
            if by_guarantee || self.binds == QuotaBinds::Subtree {
                self.require(id);
            }
        }
        if by_guarantee || self.binds == QuotaBinds::Subtree {
            self.sum_required();
        }
    }

    /// The role and those above it that are bound by quota, the nearest first.
    fn path<'a>(
        &'a self,
        state: &'a State,
        role: RoleId,
    ) -> impl Iterator<Item = (RoleId, &'a Row)> + 'a {
        path(state, self.binds, role).filter_map(|id| Some((id, self.rows.get(&id)?)))
    }

    /// Finds anew what a role requires; those below it are right.
    fn require(&mut self, id: RoleId) {
        let Some(row) = self.rows.get(&id) else { return };
        let mut below = Tally::default();
        let children = row.children.iter().filter_map(|child| self.rows.get(child));
        children.for_each(|child| below.add(&child.required));
        let mut required = row.lacks();
        required.raise_to(&below);
        if let Some(row) = self.rows.get_mut(&id) {
            row.required = required;
        }
    }

    fn sum_required(&mut self) {
        let mut sum = Tally::default();
        let top = self.rows.values().filter(|row| row.parent.is_none());
        top.for_each(|row| sum.add(&row.required));
        self.required = sum;
    }
}

/// The role and those above it as far as quota binds them, the nearest first.
fn path(state: &State, binds: QuotaBinds, role: RoleId) -> impl Iterator<Item = RoleId> + '_ {
    // A role below another is not bound by the other's quota in Mesos, and has none of its own.
    let most = match binds {
        QuotaBinds::Subtree => usize::MAX,
        QuotaBinds::TopLevel => 1,
    };
    state.role_path(role).take(most).map(|(id, _)| id)
}

fn row(state: &State, id: RoleId) -> Row {
    let quota = state.quota(id);
    let names = state.names();
    let limits = quota.into_iter().flat_map(|quota| quota.limits.iter());
    Row {
        parent: state.roles().get(id).and_then(|role| role.parent),
        children: Vec::new(),
        guarantees: quota
            .map_or_else(Tally::default, |quota| Tally::of_quantities(&quota.guarantees, names)),
        limits: limits.filter_map(|(name, limit)| Some((names.lookup(name)?, limit))).collect(),
        consumed: state.consumption(id),
        required: Tally::default(),
    }
}
