//! What is left for those without a guarantee: the sum of what is free, reserved for nobody and
//! not revocable, over all agents and pools.
//!
//! A cache: it is made when it is first asked for; afterwards only the agents are looked at anew
//! where something changed. Each agent counts by itself: one that has less than what is in use of
//! it takes nothing away from the others.

use super::State;
use super::quota::{Tally, is_bounded};
use crate::ids::{AgentId, Id as _};
use crate::options::QuotaBinds;

/// More changes than this and everything is summed anew: bounds what is remembered.
const TOUCHED_MAX: usize = 4096;

/// The sum and its parts.
#[derive(Debug, Default)]
pub struct Spare {
    made: bool,
    sum: Tally,
    /// By the slot of the agent.
    parts: Vec<Tally>,
    touched: Vec<AgentId>,
}

/// A copy starts empty: it is made anew where it is needed.
impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Spare {
    /// Something changed on an agent.
    pub(crate) fn touch(&mut self, agent: AgentId) {
        if !self.made || self.touched.last() == Some(&agent) {
            return;
        }
        if self.touched.len() == TOUCHED_MAX {
            *self = Self::default();
        } else {
            self.touched.push(agent);
        }
    }

    /// Looks at one agent anew.
    fn refresh(&mut self, state: &State, agent: AgentId) {
        let slot = agent.index() as usize;
        if self.parts.len() <= slot {
            self.parts.resize_with(slot + 1, Tally::default);
        }
        let before = std::mem::replace(&mut self.parts[slot], part(state, agent));
        self.sum.add(&self.parts[slot]);
        self.sum.subtract(&before);
    }

    /// A copy with what it holds, for the check of the invariants; none if it holds nothing.
    pub(super) fn twin(&self) -> Option<Self> {
        let (sum, parts, touched) = (self.sum.clone(), self.parts.clone(), self.touched.clone());
        self.made.then_some(Self { made: true, sum, parts, touched })
    }

    /// A copy that misses what was touched.
    #[cfg(test)]
    pub(super) fn forgetful(&self) -> Self {
        Self { touched: Vec::new(), ..self.twin().unwrap_or_default() }
    }

    /// The sum, up to date.
    pub(super) fn sum(&mut self, state: &State) -> &Tally {
        if self.made {
            let mut touched = std::mem::take(&mut self.touched);
            touched.sort_unstable_by_key(|agent| agent.index());
            touched.dedup_by_key(|agent| agent.index());
            for agent in touched {
                // The slot may be another agent's by now.
                let now = state.agents.next_from(agent.index()).map(|(id, _)| id);
                let same = now.filter(|now| now.index() == agent.index());
                self.refresh(state, same.unwrap_or(agent));
            }
        } else {
            *self = Self { made: true, ..Self::default() };
            for agent in state.agents.ids() {
                self.refresh(state, agent);
            }
        }
        &self.sum
    }
}

/// What one agent adds. As in Mesos one out of service counts under its rule, although nobody can
/// be offered what it has.
fn part(state: &State, agent: AgentId) -> Tally {
    let Some(row) = state.agents.get(agent) else { return Tally::default() };
    let everywhere = state.options.quota_binds == QuotaBinds::TopLevel;
    let counts = if everywhere { row.counts() } else { row.is_active() };
    if !counts {
        return Tally::default();
    }
    Tally::of(&row.free().filter_items(is_bounded))
}

impl State {
    /// What is free for anybody on all agents.
    pub(crate) fn spare(&mut self) -> Tally {
        if self.options.headroom_from_sums {
            return self.spare_from_sums();
        }
        let mut spare = std::mem::take(&mut self.spare);
        let mut sum = spare.sum(self).clone();
        self.spare = spare;
        self.add_spare_of_pools(&mut sum);
        sum
    }

    /// The same without the cache: linear in the number of agents.
    pub(crate) fn spare_anew(&self) -> Tally {
        if self.options.headroom_from_sums {
            return self.spare_from_sums();
        }
        let mut sum = Spare::default().sum(self).clone();
        self.add_spare_of_pools(&mut sum);
        sum
    }

    /// Pools are few, and nothing of them is kept.
    fn add_spare_of_pools(&self, sum: &mut Tally) {
        for (_, pool) in self.pools.iter() {
            sum.add(&Tally::of(&pool.free().filter_items(is_bounded)));
        }
    }

    /// As Mesos does it: see [`Options`](crate::Options).
    fn spare_from_sums(&self) -> Tally {
        let (mut sum, mut used, mut reserved, mut reserved_used, mut revocable) =
            <(Tally, Tally, Tally, Tally, Tally)>::default();
        for (_, agent) in self.agents.iter().filter(|(_, agent)| agent.counts()) {
            sum.add(&Tally::of(&agent.total));
            reserved.add(&Tally::of(&agent.total.reserved()));
            for held in [&agent.offered, &agent.allocated] {
                used.add(&Tally::of(held));
                reserved_used.add(&Tally::of(&held.reserved()));
            }
            revocable.add(&Tally::of(&agent.free().revocable()));
        }
        reserved.subtract(&reserved_used);
        for less in [used, reserved, revocable] {
            sum.subtract(&less);
        }
        self.add_spare_of_pools(&mut sum);
        sum
    }
}
