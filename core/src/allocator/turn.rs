//! One agent's turn in a run of allocation.
//!
//! A run has two stages, each over all its agents: first roles are given what they lack to their
//! guarantees, then everybody what is left. Who comes first does not change within a turn.

use std::borrow::Cow;

use super::books::Books;
use super::draw::Draw;
use super::gate::{Refusal, gate};
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::resources::Bundle;
use crate::state::quota::is_bounded;
use crate::state::{Order, State, Tally, Walk};

/// What a run does with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Gives roles what they lack to their guarantees.
    Guarantees,
    /// Gives everybody what is left.
    Shares,
}

/// What one framework is to be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Whom.
    pub framework: FrameworkId,
    /// In which role.
    pub role: RoleId,
    /// What: everything free on the agent that it may have.
    pub resources: Bundle,
}

/// An agent's turn.
#[derive(Debug)]
pub struct Turn {
    agent: AgentId,
    stage: Stage,
    free: Bundle,
    walk: Walk,
    /// The order, where it is random.
    draw: Option<Box<Draw>>,
    /// The role that is being served, and the place of its next framework.
    role: Option<(RoleId, usize)>,
    withheld: bool,
}

impl Turn {
    /// A turn of an agent that has something to offer. Of shared volumes each is offered once in a
    /// run: `shared_offered` are those that were.
    pub fn new(
        state: &State,
        agent: AgentId,
        stage: Stage,
        shared_offered: Option<&Bundle>,
    ) -> Option<Self> {
        let row = state.agents().get(agent).filter(|agent| agent.is_active())?;
        let mut free = state.free_with_pools(row);
        if let Some(shared) = shared_offered {
            free.subtract(shared);
        }
        let (walk, draw, role) = Default::default();
        let turn = Self { agent, stage, free, walk, draw, role, withheld: false };
        state.may_be_allocatable(&turn.free).then_some(turn)
    }

    /// Leaves to chance who comes first.
    pub fn set_draw(&mut self, draw: Option<Box<Draw>>) {
        self.draw = draw;
    }

    /// The next that is to be offered something of what is left.
    pub fn next(
        &mut self,
        state: &State,
        order: &mut Order,
        books: Option<&Books>,
    ) -> Option<Placement> {
        loop {
            let (role, at) = match self.role {
                Some(served) => served,
                None => (self.next_role(order)?, 0),
            };
            let framework = match (self.stage, books) {
                (Stage::Guarantees, None) => None,
                (Stage::Guarantees, Some(books)) if books.allowance(state, role).is_empty() => None,
                _ => self.framework(state, order, role, at),
            };
            let Some(framework) = framework else {
                self.role = None;
                continue;
            };
            self.role = Some((role, at + 1));
            if let Ok(resources) = self.part(state, books, framework, role) {
                return Some(Placement { framework, role, resources: resources.into_owned() });
            }
        }
    }

    fn next_role(&mut self, order: &Order) -> Option<RoleId> {
        match &mut self.draw {
            Some(draw) if draw.has_roles() => draw.role(),
            _ => order.next_role(&mut self.walk),
        }
    }

    fn framework(
        &mut self,
        state: &State,
        order: &mut Order,
        role: RoleId,
        at: usize,
    ) -> Option<FrameworkId> {
        match &mut self.draw {
            Some(draw) if draw.has_frameworks() => draw.framework(state, role, at == 0),
            _ => order.framework(state, role, at),
        }
    }

    /// Takes what was given; says whether anything is left that may be offered.
    pub fn take(&mut self, state: &State, books: Option<&mut Books>, given: &Placement) -> bool {
        self.free.subtract(&given.resources);
        if let Some(books) = books {
            let amounts = Tally::of(&given.resources.filter_items(is_bounded));
            books.book(state, given.role, &amounts, self.stage == Stage::Guarantees);
        }
        state.may_be_allocatable(&self.free)
    }

    /// Whether somebody would have been offered more of what is left but for the quota.
    pub fn has_withheld(&self) -> bool {
        self.stage == Stage::Shares && self.withheld && !self.free.is_empty()
    }

    /// What a framework is to be offered in a role.
    fn part(
        &mut self,
        state: &State,
        books: Option<&Books>,
        framework: FrameworkId,
        role: RoleId,
    ) -> Result<Cow<'_, Bundle>, Refusal> {
        let gated = gate(state, books, self.stage, framework, role, self.agent, &self.free);
        self.withheld |= gated.withholds;
        gated.resources
    }
}
