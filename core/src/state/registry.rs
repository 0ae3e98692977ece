//! Agents that cannot be reached and agents that are gone for good, by age: what questions after
//! lost tasks are answered from. Both lists are bounded by number and by age.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use super::timer::TimerKey;
use crate::ids::AgentId;
use crate::time::Time;

/// The two lists; see the module text.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map)]
pub struct Registry {
    /// Agents that an operator marked gone, and when. Their ids never come back.
    #[n(0)]
    pub gone: BTreeMap<AgentId, Time>,
    /// When something of the lists is to be forgotten.
    #[n(1)]
    pub collection: Option<TimerKey>,
    /// The gone agents, oldest first. Derived.
    #[cbor(skip)]
    pub gone_by_age: BTreeSet<(Time, AgentId)>,
    /// The agents that cannot be reached, oldest first. Derived from the agents.
    #[cbor(skip)]
    pub away_by_age: BTreeSet<(Time, AgentId)>,
}

impl Registry {
    /// Whether an operator marked that agent gone.
    pub fn is_gone(&self, agent: AgentId) -> bool {
        self.gone.contains_key(&agent)
    }

    /// Takes an agent for gone since then.
    pub(crate) fn mark_gone(&mut self, agent: AgentId, since: Time) {
        if self.gone.insert(agent, since).is_none() {
            self.gone_by_age.insert((since, agent));
        }
    }

    /// Forgets that an agent is gone.
    pub(crate) fn forget_gone(&mut self, agent: AgentId) {
        if let Some(since) = self.gone.remove(&agent) {
            self.gone_by_age.remove(&(since, agent));
        }
    }
}
