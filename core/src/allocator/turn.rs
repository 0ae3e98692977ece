//! One agent's turn in a run of allocation.
//!
//! A run has two stages, each over all its agents: first roles are given what they lack to their
//! guarantees, then everybody what is left. Who comes first does not change within a turn.

use std::borrow::Cow;

use super::books::Books;
use super::gate::{Refusal, admits, wants};
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
        let mut free = row.free();
        if let Some(shared) = shared_offered {
            free.subtract(shared);
        }
        let turn = Self { agent, stage, free, walk: Walk::default(), role: None, withheld: false };
        state.may_be_allocatable(&turn.free).then_some(turn)
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
                None => (order.next_role(&mut self.walk)?, 0),
            };
            let framework = match (self.stage, books) {
                (Stage::Guarantees, None) => None,
                (Stage::Guarantees, Some(books)) if books.allowance(state, role).is_empty() => None,
                _ => order.framework(state, role, at),
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
        let part = admits(state, framework, role, self.agent)?;
        let own = state.offerable(framework, role, &self.free);
        let left = leave(state, books, self.stage, role, own);
        let own = match left {
            Ok((own, is_cut)) => {
                self.withheld |= is_cut;
                own
            }
            Err(refusal) => {
                self.withheld = true;
                return Err(refusal);
            }
        };
        wants(state, part, self.agent, &own)?;
        Ok(own)
    }
}

/// What quota leaves of what a framework could have in a role, and whether that is less.
///
/// Errors: [`Refusal::Withheld`] if that is nothing, or in the first stage nothing guaranteed.
pub(super) fn leave<'b>(
    state: &State,
    books: Option<&Books>,
    stage: Stage,
    role: RoleId,
    own: Cow<'b, Bundle>,
) -> Result<(Cow<'b, Bundle>, bool), Refusal> {
    let Some(books) = books else { return Ok((own, false)) };
    if stage == Stage::Shares && books.leaves_free(state, role) {
        return Ok((own, false));
    }
    let cut = cut(state, books, stage, role, &own);
    let is_cut = cut != *own;
    if cut.is_empty() && is_cut { Err(Refusal::Withheld) } else { Ok((Cow::Owned(cut), is_cut)) }
}

/// What quota leaves of what a framework could have. What a guarantee gives, it gives whatever is
/// set aside for others; where it gives nothing there is nothing else either.
fn cut(state: &State, books: &Books, stage: Stage, role: RoleId, own: &Bundle) -> Bundle {
    let names = state.names();
    let mut bounded = own.filter_items(is_bounded);
    let mut given = own.clone();
    given.subtract(&bounded);
    let mut guaranteed = Tally::default();
    if stage == Stage::Guarantees {
        let allowance = books.allowance(state, role);
        let part = names.shrink(&bounded, |name| Some(allowance.get(name)));
        if part.is_empty() {
            return part;
        }
        guaranteed = Tally::of(&part);
        bounded.subtract(&part);
        given.add_assign(&part);
    }
    let extra = names.shrink(&bounded, |name| {
        let room = books.room(state, role, name);
        let room = room.map(|room| room.saturating_sub(guaranteed.get(name)));
        match (room, books.headroom(name)) {
            (Some(room), Some(headroom)) => Some(room.min(headroom)),
            (room, headroom) => room.or(headroom),
        }
    });
    given.add_assign(&extra);
    given
}
