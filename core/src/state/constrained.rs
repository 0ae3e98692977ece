//! Which agents are excluded by offer constraints.
//!
//! Constraints are looked at once for each agent when either is new or changes, never in a run of
//! allocation: there the verdict is a bit. Verdicts are derived, and no part of a snapshot.

use std::sync::Arc;

use super::{Agent, State};
use crate::constraint::{Constraints, Looks};
use crate::ids::{AgentId, FrameworkId, Id, RoleId};

/// A set of agents by their slots: 12.5 KiB for 100,000 agents. A copy shares it until either is
/// changed.
#[derive(Debug, Clone, Default)]
pub struct Slots(Arc<Vec<u64>>);

impl Slots {
    const BITS: u32 = u64::BITS;

    /// Whether the agent is in it.
    pub fn has(&self, agent: AgentId) -> bool {
        let word = self.0.get((agent.index() / Self::BITS) as usize);
        word.is_some_and(|word| word >> (agent.index() % Self::BITS) & 1 == 1)
    }

    /// How many are in it.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn set(&mut self, agent: AgentId, is_in: bool) {
        if self.has(agent) == is_in {
            return;
        }
        let at = (agent.index() / Self::BITS) as usize;
        let words = Arc::make_mut(&mut self.0);
        if words.len() <= at {
            words.resize(at + 1, 0);
        }
        words[at] ^= 1 << (agent.index() % Self::BITS);
    }
}

/// What constraints see of an agent.
pub(super) fn looks(agent: &Agent) -> Looks<'_> {
    Looks {
        attributes: &agent.attributes,
        hostname: agent.machine(),
        domain: agent.domain.as_deref(),
    }
}

impl State {
    /// Replaces the constraints of a framework's part in a role.
    pub(crate) fn set_constraints(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        constraints: Option<Constraints>,
    ) {
        let Some(part) = self.frameworks.get_mut(framework).and_then(|f| f.roles.get_mut(&role))
        else {
            return;
        };
        if part.constraints == constraints {
            return;
        }
        part.excluded = Slots::default();
        part.constraints.clone_from(&constraints);
        let Some(constraints) = constraints else {
            self.constrained.remove(&(framework, role));
            return;
        };
        for (id, agent) in self.agents.iter() {
            part.excluded.set(id, !constraints.hold(looks(agent)));
        }
        self.constrained.insert((framework, role));
    }

    /// Looks at an agent that is new, or whose attributes or place changed.
    pub(crate) fn look_at_agent(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        for (framework, role) in &self.constrained {
            let part = self.frameworks.get_mut(*framework).and_then(|f| f.roles.get_mut(role));
            if let Some(part) = part {
                let holds = part.constraints.as_ref().is_none_or(|c| c.hold(looks(agent)));
                part.excluded.set(id, !holds);
            }
        }
    }

    /// Drops the verdicts about an agent that is gone.
    pub(crate) fn look_away(&mut self, id: AgentId) {
        for (framework, role) in &self.constrained {
            let part = self.frameworks.get_mut(*framework).and_then(|f| f.roles.get_mut(role));
            if let Some(part) = part {
                part.excluded.set(id, false);
            }
        }
    }

    /// Finds all verdicts anew after a restore.
    pub(super) fn derive_constrained(&mut self) {
        let parts = self.frameworks.iter().flat_map(|(id, framework)| {
            let of_role = framework.roles.iter();
            of_role.filter(|(_, part)| part.constraints.is_some()).map(move |(role, _)| (id, *role))
        });
        self.constrained = parts.collect();
        let agents: Vec<_> = self.agents.ids().collect();
        for agent in agents {
            self.look_at_agent(agent);
        }
    }
}
