//! One run of allocation over a bounded number of agents, in two stages: guarantees, then shares.
//!
//! A run over more agents is worked off in several, each with both stages: what is guaranteed is
//! set aside over all agents in each of them. What one framework is given of one agent in one role
//! in both stages is one offer.

use std::collections::BTreeMap;

use super::Machine;
use crate::allocator::{Books, Draw, Placement, Stage, Turn};
use crate::ids::{AgentId, FrameworkId, OfferId, RoleId};
use crate::limits::AGENTS_PER_STEP;
use crate::resources::Bundle;
use crate::state::State;

/// A run at work.
pub(super) struct Run {
    agents: Vec<AgentId>,
    /// Open only while some role has a quota.
    books: Option<Books>,
    /// In the order in which they were made.
    offers: Vec<OfferId>,
    /// Those of the first stage.
    first: BTreeMap<(AgentId, FrameworkId, RoleId), OfferId>,
    /// What was offered of shared volumes.
    shared: BTreeMap<AgentId, Bundle>,
}

impl Run {
    /// A run over the agents whose turn it is.
    pub(super) fn new(state: &mut State) -> Self {
        let mut agents = state.work.next_run(AGENTS_PER_STEP);
        if agents.is_empty() {
            agents = state.next_of_round(AGENTS_PER_STEP);
        }
        let books = Books::open(state);
        let (offers, first, shared) = Default::default();
        Self { agents, books, offers, first, shared }
    }

    /// Makes the offers of the run, and tells of them.
    pub(super) fn over(mut self, machine: &mut Machine<'_>) {
        let agents = std::mem::take(&mut self.agents);
        if self.books.as_ref().is_some_and(Books::is_anything_required) {
            for &agent in &agents {
                self.turn(machine, agent, Stage::Guarantees);
            }
        }
        for &agent in &agents {
            self.turn(machine, agent, Stage::Shares);
        }
        for offer in self.offers {
            machine.tell_offer(offer);
        }
    }

    fn turn(&mut self, machine: &mut Machine<'_>, agent: AgentId, stage: Stage) {
        let shared = self.shared.get(&agent);
        let Some(mut turn) = Turn::new(machine.state, agent, stage, shared) else { return };
        // Who comes first is settled for the turn: what is given in it counts in the next.
        let mut order = machine.state.take_order();
        turn.set_draw(Draw::next(machine.state, &order));
        while let Some(placement) = turn.next(machine.state, &mut order, self.books.as_ref()) {
            let more = turn.take(machine.state, self.books.as_mut(), &placement);
            self.give(machine, agent, stage, placement);
            if !more {
                break;
            }
        }
        machine.state.put_order(order);
        if turn.has_withheld() && !machine.state.options.allocate_only_on_command {
            machine.state.work.withheld.insert(agent);
        }
    }

    fn give(
        &mut self,
        machine: &mut Machine<'_>,
        agent: AgentId,
        stage: Stage,
        placement: Placement,
    ) {
        let shared = placement.resources.shared();
        if !shared.is_empty() {
            self.shared.entry(agent).or_default().add_assign(&shared);
        }
        let key = (agent, placement.framework, placement.role);
        if let Some(offer) = self.first.get(&key) {
            machine.extend_offer(*offer, &placement);
            return;
        }
        let offer = machine.make_offer(agent, placement);
        self.offers.push(offer);
        if stage == Stage::Guarantees {
            self.first.insert(key, offer);
        }
    }
}
