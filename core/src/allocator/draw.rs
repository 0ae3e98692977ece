//! Who is next by chance: a weighted random order instead of the order of shares.
//!
//! The order of roles is drawn without replacement: each time one of those left, with a
//! probability that is its part of their weights. The weight of a role counts among its siblings
//! only, so a role deep down has its part of its parent's part. The frameworks of a role are drawn
//! in the same way with equal weights.
//!
//! The chance is that of the option `random_seed`: turn number *n* has the bytes of BLAKE3 in its
//! key derivation mode (context, then seed and *n* as 64 bits each, little-endian) with extended
//! output. It is a specified function of integers, so a replay draws the same on every machine,
//! and all that the ledger has to keep is the number of turns.

use crate::ids::{FrameworkId, RoleId};
use crate::options::Sorter;
use crate::state::{Order, State};

const CONTEXT: &str = "tamias 2026-11 random sorter: order of one turn";

/// A source of chance for one turn.
#[derive(Debug)]
struct Chance(blake3::OutputReader);

impl Chance {
    fn new(seed: u64, turn: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&seed.to_le_bytes()).update(&turn.to_le_bytes());
        Self(hasher.finalize_xof())
    }

    /// A number below `end`, each with the same probability; 0 if there is none.
    fn below(&mut self, end: u64) -> u64 {
        if end < 2 {
            return 0;
        }
        let mask = u64::MAX >> (end - 1).leading_zeros();
        loop {
            let mut bytes = [0; 8];
            self.0.fill(&mut bytes);
            let drawn = u64::from_le_bytes(bytes) & mask;
            // At least every second is taken.
            if drawn < end {
                return drawn;
            }
        }
    }
}

/// What is still to be drawn, with weights.
#[derive(Debug, Clone)]
struct Urn<T> {
    items: Vec<(T, u64)>,
    total: u64,
}

impl<T: Copy> Urn<T> {
    fn new(items: Vec<(T, u64)>) -> Self {
        let total = items.iter().map(|(_, weight)| weight).sum();
        Self { items, total }
    }

    fn draw(&mut self, chance: &mut Chance) -> Option<T> {
        let mut left = chance.below(self.total);
        let at = self.items.iter().position(|(_, weight)| {
            let is_it = left < *weight;
            left = left.saturating_sub(*weight);
            is_it
        })?;
        let (item, weight) = self.items.swap_remove(at);
        self.total -= weight;
        Some(item)
    }
}

/// The order of one turn, as far as it is random.
#[derive(Debug)]
pub struct Draw {
    chance: Chance,
    /// Unless roles are sorted by share.
    roles: Option<Urn<RoleId>>,
    /// Those of the role that is being served, unless frameworks are sorted by share.
    members: Option<Urn<FrameworkId>>,
}

impl Draw {
    /// The next turn's; none if all is sorted by share.
    pub(crate) fn next(state: &mut State, order: &Order) -> Option<Box<Self>> {
        let options = &state.options;
        let (roles, members) = (options.role_sorter, options.framework_sorter);
        if (roles, members) == (Sorter::Drf, Sorter::Drf) {
            return None;
        }
        let chance = Chance::new(options.random_seed, state.work.turns);
        state.work.turns = state.work.turns.wrapping_add(1);
        Some(Box::new(Self {
            chance,
            roles: (roles == Sorter::Random).then(|| Urn::new(order.lots().to_vec())),
            members: (members == Sorter::Random).then(|| Urn::new(Vec::new())),
        }))
    }

    /// Whether roles are drawn.
    pub fn has_roles(&self) -> bool {
        self.roles.is_some()
    }

    /// Whether the frameworks of a role are drawn.
    pub fn has_frameworks(&self) -> bool {
        self.members.is_some()
    }

    /// The next role.
    pub fn role(&mut self) -> Option<RoleId> {
        self.roles.as_mut()?.draw(&mut self.chance)
    }

    /// The next framework of a role; the first, if `starts`.
    pub fn framework(&mut self, state: &State, role: RoleId, starts: bool) -> Option<FrameworkId> {
        let members = self.members.as_mut()?;
        if starts {
            let all = state.roles().get(role).into_iter().flat_map(|role| &role.frameworks);
            *members = Urn::new(all.map(|id| (*id, 1)).collect());
        }
        members.draw(&mut self.chance)
    }
}

#[cfg(test)]
mod tests;
