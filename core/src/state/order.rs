//! Who is next: the tree of roles by weighted dominant share, then the frameworks of a role.
//!
//! Equal shares are decided by the number of offers made, then by the path of the role or by the
//! name and id of the framework: a total order. A role's own frameworks compete with the roles
//! below it under the path `role/.`.
//!
//! An [`Order`] is a cache: it is made from the state when it is first asked for, and afterwards
//! only the places of those are looked at anew who [`Touched`] says were granted or gave back
//! something. It decides nothing, so it is no part of a snapshot, and a branch makes its own.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::share::{Excluded, Share};
use super::{Role, State};
use crate::ids::{FrameworkId, Id, RoleId};
use crate::options::Sorter;
use crate::resources::{Amount, Bundle};

/// More changes than this and everything is sorted anew: bounds what is remembered.
const TOUCHED_MAX: usize = 4096;

/// What has changed since the order was last made.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    all: bool,
    some: Vec<(RoleId, FrameworkId)>,
}

impl Touched {
    /// Everything: roles, weights, frameworks or the whole of which shares are parts.
    pub(crate) fn all(&mut self) {
        self.all = true;
        self.some.clear();
    }

    /// What one framework holds in one role.
    pub(crate) fn one(&mut self, role: RoleId, framework: FrameworkId) {
        if self.all || self.some.last() == Some(&(role, framework)) {
            return;
        }
        if self.some.len() == TOUCHED_MAX {
            self.all();
        } else {
            self.some.push((role, framework));
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    share: Share,
    charges: u64,
}

impl Place {
    const FIRST: Self = Self { share: Share::NOTHING, charges: 0 };

    fn cmp(&self, other: &Self) -> Ordering {
        self.share.cmp(&other.share).then(self.charges.cmp(&other.charges))
    }
}

/// A competitor among its siblings: a role with all below it, or a role's own frameworks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seat {
    slot: u32,
    own: bool,
}

#[derive(Debug, Clone)]
struct Node {
    id: RoleId,
    parent: Option<u32>,
    /// Its place among the roles of its level by the bytes of the path.
    rank: u32,
    /// Its place in its parent's list.
    place: Place,
    /// The place of its own frameworks in its own list, if it has both kinds.
    own: Place,
    /// Who competes within it, in order; empty where only its own frameworks are.
    seats: Vec<Seat>,
    has_own: bool,
    /// Made when it is first looked into.
    members: Option<Members>,
}

/// The frameworks of a role.
#[derive(Debug, Clone, Default)]
struct Members {
    /// By id.
    all: Vec<Member>,
    /// Indexes of `all`, in order.
    order: Vec<u32>,
}

#[derive(Debug, Clone)]
struct Member {
    id: FrameworkId,
    place: Place,
    /// Its place by name and id.
    rank: u32,
}

/// How far a walk through the order has come.
#[derive(Debug, Default)]
pub struct Walk {
    started: bool,
    /// The lists entered, each with the next seat in it; no slot means the top.
    stack: SmallVec<[(Option<u32>, usize); 4]>,
}

/// The order of roles and frameworks; see the module text.
#[derive(Debug, Default)]
pub struct Order {
    made: bool,
    total: Bundle,
    excluded: Excluded,
    /// By the slot of the role.
    nodes: Vec<Option<Node>>,
    top: Vec<Seat>,
    /// What each role with frameworks of its own weighs in a draw, by path. Empty unless roles are
    /// drawn.
    lots: Vec<(RoleId, u64)>,
}

/// What all roles together weigh in a draw. Parts of parts are rounded down to whole ones, at least
/// 1: far below what anybody could see.
const LOTS: u64 = 1 << 60;

/// A copy starts empty: it is made anew where it is needed.
impl Clone for Order {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Order {
    /// The order as the state is now.
    #[must_use]
    pub fn new(state: &State) -> Self {
        let mut order = Self::default();
        order.rebuild(state);
        order
    }

    /// Brings it up to date with the state.
    pub(crate) fn refresh(&mut self, state: &State, touched: &mut Touched) {
        if !self.made || touched.all || self.total != state.total {
            self.rebuild(state);
        } else {
            for &(role, framework) in &touched.some {
                self.move_member(state, role, framework);
                self.move_role(state, role);
            }
        }
        touched.all = false;
        touched.some.clear();
    }

    /// The next role in order that has frameworks of its own.
    pub fn next_role(&self, walk: &mut Walk) -> Option<RoleId> {
        if !walk.started {
            (walk.started, walk.stack) = (true, SmallVec::from_elem((None, 0), 1));
        }
        while let Some((slot, next)) = walk.stack.last_mut() {
            let seats = match slot.map(|slot| self.node(slot)) {
                None => &self.top,
                Some(node) => &node?.seats,
            };
            let Some(seat) = seats.get(*next) else {
                walk.stack.pop();
                continue;
            };
            *next += 1;
            let node = self.node(seat.slot)?;
            if seat.own || node.seats.is_empty() {
                return Some(node.id);
            }
            walk.stack.push((Some(seat.slot), 0));
        }
        None
    }

    /// The framework at that place in the order of a role.
    pub fn framework(&mut self, state: &State, role: RoleId, at: usize) -> Option<FrameworkId> {
        let (total, excluded) = (&self.total, self.excluded);
        let node = self.nodes.get_mut(role.index() as usize)?.as_mut()?;
        let members = node.members.get_or_insert_with(|| members(state, role, total, excluded));
        members.order.get(at).map(|index| members.all[*index as usize].id)
    }

    /// All roles with frameworks in order, for tests and explanations.
    pub fn roles(&self) -> impl Iterator<Item = RoleId> + '_ {
        let mut walk = Walk::default();
        std::iter::from_fn(move || self.next_role(&mut walk))
    }

    /// A copy with what it holds, for the check of the invariants.
    pub(super) fn twin(&self) -> Self {
        let (total, nodes, top) = (self.total.clone(), self.nodes.clone(), self.top.clone());
        let lots = self.lots.clone();
        Self { made: self.made, total, excluded: self.excluded, nodes, top, lots }
    }

    fn node(&self, slot: u32) -> Option<&Node> {
        self.nodes.get(slot as usize)?.as_ref()
    }

    fn rebuild(&mut self, state: &State) {
        self.made = true;
        self.total.clone_from(&state.total);
        self.excluded = state.excluded_from_shares();
        self.nodes.clear();
        self.top.clear();
        let slots = state.roles.ids().map(|id| id.index() as usize + 1).max().unwrap_or(0);
        self.nodes.resize_with(slots, || None);
        // In the order of paths, so that a rank is found by counting and parents come first.
        for (rank, id) in (0..).zip(state.role_ids.values()) {
            let Some(role) = state.roles.get(*id).filter(|role| role.clients > 0) else { continue };
            let has_own = !role.frameworks.is_empty();
            let seats = Vec::with_capacity(role.children.len().min(role.clients as usize));
            let parent = role.parent.map(Id::index);
            let (place, own) = self.places(state, role);
            let mut node =
                Node { id: *id, parent, rank, place, own, seats, has_own, members: None };
            if has_own && role.has_clients_below() {
                node.seats.push(Seat { slot: id.index(), own: true });
            }
            let seat = Seat { slot: id.index(), own: false };
            if let Some(at) = self.nodes.get_mut(id.index() as usize) {
                *at = Some(node);
            }
            self.seats_mut(parent).push(seat);
        }
        let mut top = std::mem::take(&mut self.top);
        top.sort_by(|a, b| self.compare(state, *a, *b));
        self.top = top;
        for slot in 0..self.nodes.len() {
            let Some(node) = &mut self.nodes[slot] else { continue };
            let mut seats = std::mem::take(&mut node.seats);
            seats.sort_by(|a, b| self.compare(state, *a, *b));
            if let Some(node) = &mut self.nodes[slot] {
                node.seats = seats;
            }
        }
        self.lots.clear();
        if state.options.role_sorter == Sorter::Random {
            self.lots = self.lots_anew(state);
        }
    }

    /// What each role with frameworks of its own weighs in a draw. Their order says nothing, but is
    /// always the same.
    pub fn lots(&self) -> &[(RoleId, u64)] {
        &self.lots
    }

    fn lots_anew(&self, state: &State) -> Vec<(RoleId, u64)> {
        let weight = |seat: &Seat| {
            let role = self.node(seat.slot).and_then(|node| state.roles.get(node.id));
            let weight = role.filter(|_| !seat.own).map_or(Role::DEFAULT_WEIGHT, |r| r.weight);
            u64::try_from(weight.milli()).unwrap_or_default()
        };
        let mut lots = Vec::new();
        let mut lists = vec![(&self.top, LOTS)];
        while let Some((seats, part)) = lists.pop() {
            let all: u64 = seats.iter().map(weight).sum();
            for seat in seats {
                let Some(node) = self.node(seat.slot) else { continue };
                let part = u128::from(part) * u128::from(weight(seat)) / u128::from(all.max(1));
                let part = u64::try_from(part).unwrap_or(u64::MAX).max(1);
                if seat.own || node.seats.is_empty() {
                    lots.push((node.rank, (node.id, part)));
                } else {
                    lists.push((&node.seats, part));
                }
            }
        }
        // The seats are sorted by shares, which the draw must not depend on.
        lots.sort_unstable_by_key(|(rank, _)| *rank);
        lots.into_iter().map(|(_, lot)| lot).collect()
    }

    fn seats_mut(&mut self, parent: Option<u32>) -> &mut Vec<Seat> {
        match parent {
            Some(slot) => match self.nodes.get_mut(slot as usize) {
                Some(Some(node)) => &mut node.seats,
                _ => &mut self.top,
            },
            None => &mut self.top,
        }
    }

    /// The place of a role among its siblings, and that of its own frameworks within it.
    fn places(&self, state: &State, role: &Role) -> (Place, Place) {
        let share =
            |held: &Bundle, weight| Share::dominant(held, &self.total, weight, self.excluded);
        let place = Place { share: share(&role.held, role.weight), charges: role.charges };
        if role.frameworks.is_empty() || !role.has_clients_below() {
            return (place, place);
        }
        let held = state.held_by_own_frameworks(role);
        let own = Place { share: share(&held, Role::DEFAULT_WEIGHT), charges: role.own_charges };
        (place, own)
    }

    fn place(&self, seat: Seat) -> Place {
        match self.node(seat.slot) {
            Some(node) if seat.own => node.own,
            Some(node) => node.place,
            None => Place::FIRST,
        }
    }

    /// Siblings: share, number of offers, path.
    fn compare(&self, state: &State, a: Seat, b: Seat) -> Ordering {
        self.place(a).cmp(&self.place(b)).then_with(|| {
            if a.own == b.own {
                let rank = |seat: Seat| self.node(seat.slot).map(|node| node.rank);
                return rank(a).cmp(&rank(b));
            }
            let path = |seat: Seat| {
                let role = self.node(seat.slot).and_then(|node| state.roles.get(node.id));
                role.map_or("", |role| if seat.own { "." } else { role.component() })
            };
            path(a).cmp(path(b))
        })
    }

    /// Finds the new place of a role, of its own frameworks, and of all roles above.
    fn move_role(&mut self, state: &State, role: RoleId) {
        let mut next = Some(role.index());
        while let Some(slot) = next {
            let Some(node) = self.node(slot) else { return };
            let Some(role) = state.roles.get(node.id) else { return };
            let (parent, split) = (node.parent, node.has_own && !node.seats.is_empty());
            let (place, own) = self.places(state, role);
            self.move_seat(state, parent, Seat { slot, own: false }, place);
            if split {
                self.move_seat(state, Some(slot), Seat { slot, own: true }, own);
            }
            next = parent;
        }
    }

    fn move_seat(&mut self, state: &State, list: Option<u32>, seat: Seat, new: Place) {
        if self.place(seat).cmp(&new) == Ordering::Equal {
            return;
        }
        let mut seats = std::mem::take(self.seats_mut(list));
        let old = seats.binary_search_by(|other| self.compare(state, *other, seat));
        if let Ok(at) = old {
            seats.remove(at);
        }
        if let Some(Some(node)) = self.nodes.get_mut(seat.slot as usize) {
            *(if seat.own { &mut node.own } else { &mut node.place }) = new;
        }
        let found = seats.binary_search_by(|other| self.compare(state, *other, seat));
        let (Ok(at) | Err(at)) = found;
        if old.is_ok() {
            seats.insert(at, seat);
        }
        *self.seats_mut(list) = seats;
    }

    /// Finds the new place of a framework in a role.
    fn move_member(&mut self, state: &State, role: RoleId, framework: FrameworkId) {
        let (total, excluded) = (&self.total, self.excluded);
        let Some(Some(node)) = self.nodes.get_mut(role.index() as usize) else { return };
        let Some(members) = &mut node.members else { return };
        let Some(new) = place_of_member(state, role, framework, total, excluded) else { return };
        let Ok(index) = members.all.binary_search_by(|member| member.id.cmp(&framework)) else {
            return;
        };
        if members.all[index].place.cmp(&new) == Ordering::Equal {
            return;
        }
        if let Ok(at) = members.find(index) {
            members.order.remove(at);
            members.all[index].place = new;
            let (Ok(at) | Err(at)) = members.find(index);
            members.order.insert(at, u32::try_from(index).unwrap_or(u32::MAX));
        }
    }
}

impl Members {
    fn compare(&self, a: usize, b: usize) -> Ordering {
        let (a, b) = (&self.all[a], &self.all[b]);
        a.place.cmp(&b.place).then(a.rank.cmp(&b.rank))
    }

    fn find(&self, index: usize) -> Result<usize, usize> {
        self.order.binary_search_by(|other| self.compare(*other as usize, index))
    }
}

/// Frameworks have no weights: all are equal within their role.
fn place_of_member(
    state: &State,
    role: RoleId,
    framework: FrameworkId,
    total: &Bundle,
    excluded: Excluded,
) -> Option<Place> {
    let part = state.frameworks.get(framework)?.roles.get(&role)?;
    let share = Share::dominant(&part.held, total, Amount::from_units(1), excluded);
    Some(Place { share, charges: part.charges })
}

fn members(state: &State, role: RoleId, total: &Bundle, excluded: Excluded) -> Members {
    let ids = state.roles.get(role).into_iter().flat_map(|role| &role.frameworks);
    let member = |id: &FrameworkId| {
        let place = place_of_member(state, role, *id, total, excluded)?;
        Some(Member { id: *id, place, rank: 0 })
    };
    let mut members = Members { all: ids.filter_map(member).collect(), order: Vec::new() };
    members.order = (0..).take(members.all.len()).collect();
    if members.all.len() < 2 {
        return members;
    }
    let name = |index: u32| {
        let id = members.all[index as usize].id;
        (state.frameworks.get(id).and_then(|framework| framework.name.as_deref()), id)
    };
    let mut by_name = members.order.clone();
    by_name.sort_by(|a, b| name(*a).cmp(&name(*b)));
    for (rank, index) in (0..).zip(by_name) {
        members.all[index as usize].rank = rank;
    }
    let mut order = std::mem::take(&mut members.order);
    order.sort_by(|a, b| members.compare(*a as usize, *b as usize));
    members.order = order;
    members
}

impl State {
    /// The names that the options leave out of shares.
    pub(crate) fn excluded_from_shares(&self) -> Excluded {
        let names = self.options.fairness_exclude.iter();
        Excluded::new(names.filter_map(|name| self.names.lookup(name)))
    }

    /// The cached order, up to date. Give it back with [`State::put_order`].
    pub(crate) fn take_order(&mut self) -> Order {
        let mut order = std::mem::take(&mut self.order);
        let mut touched = std::mem::take(&mut self.touched);
        order.refresh(self, &mut touched);
        self.touched = touched;
        order
    }

    pub(crate) fn put_order(&mut self, order: Order) {
        self.order = order;
    }
}
