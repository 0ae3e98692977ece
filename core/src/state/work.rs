//! Work that is done in counted steps instead of at once: allocation and bulk effects.
//!
//! A step is a [`Tick`](crate::command::Tick). Steps are counted, never timed, so that a replay
//! makes the same ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use minicbor::{Decode, Encode};

use super::timer::TimerKey;
use crate::ids::{AgentId, FrameworkId, RoleId, TaskId};
use crate::resources::Quantities;
use crate::time::Time;

/// A bulk effect that is being worked off.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Bulk {
    /// Rescind every offer, from this slot of the grants on.
    #[n(0)]
    RescindAll(#[n(0)] u32),
    /// Kill the tasks of a framework that was torn down, from this slot of the tasks on.
    #[n(1)]
    EndFramework(#[n(0)] FrameworkId, #[n(1)] u32),
    /// Tell frameworks that the tasks of an agent are unreachable since then.
    #[n(2)]
    UnreachableTasks(#[n(0)] AgentId, #[n(1)] Time),
    /// End the tasks of a removed agent.
    #[n(3)]
    RemoveAgent(#[n(0)] AgentId),
    /// Kill the tasks of a draining agent, those after the one given.
    #[n(60)]
    Drain(#[n(0)] AgentId, #[n(1)] Option<TaskId>),
    /// Do to the agents on machines what the schedule says, from this slot of the agents on.
    #[n(61)]
    Machines(#[n(0)] BTreeSet<Box<str>>, #[n(1)] u32),
    /// Forget agents that are too many or too old.
    #[n(62)]
    Collect,
    /// End the executors of a framework that was torn down, from this slot of the executors on.
    #[n(110)]
    EndExecutors(#[n(0)] FrameworkId, #[n(1)] u32),
    /// Rescind offers of a role and those below while it has more than its limits, from this slot
    /// of the grants on.
    #[n(40)]
    EnforceLimits(#[n(0)] RoleId, #[n(1)] u32),
    /// Rescind offers of others until a role can have what it is guaranteed.
    #[n(41)]
    FreeGuarantees(#[n(0)] FreeGuarantees),
    /// Forget the ended operations of a framework that was torn down, from this slot of the
    /// operations on.
    #[n(200)]
    EndOperations(#[n(0)] FrameworkId, #[n(1)] u32),
}

/// How far the rescinding for a guarantee has come.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FreeGuarantees {
    /// For which role.
    #[n(0)]
    pub role: RoleId,
    /// The slot of the next agent.
    #[n(1)]
    pub slot: u32,
    /// On how many agents offers were rescinded.
    #[n(2)]
    pub agents: u32,
    /// How much was rescinded of what quota is about.
    #[n(3)]
    pub rescinded: Quantities,
}

/// What allocation waits for after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AgentsAwaited {
    /// How many agents are still to come; at least one.
    #[n(0)]
    pub agents: u32,
    /// What ends the wait if they do not.
    #[n(1)]
    pub timer: TimerKey,
}

/// What is to be done.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map)]
pub struct Work {
    /// Bulk effects, worked off in order and before any allocation.
    #[n(0)]
    pub bulk: VecDeque<Bulk>,
    /// Agents to be offered now.
    #[n(1)]
    pub candidates: BTreeSet<AgentId>,
    /// Agents to be offered at the next interval.
    #[n(2)]
    pub waiting: BTreeSet<AgentId>,
    /// The next interval; set while agents wait.
    #[n(3)]
    pub interval: Option<TimerKey>,
    /// Agents about which those who hold something there are to be asked.
    #[n(60)]
    pub to_ask: BTreeSet<AgentId>,
    /// Agents that wait for their turn to be unreachable, those that wait longest first.
    #[n(61)]
    pub overdue: BTreeSet<(Time, AgentId)>,
    /// When it is the turn of the first; set while one waits.
    #[n(62)]
    pub permit: Option<TimerKey>,
    /// When the next may be, at the earliest.
    #[n(63)]
    pub next_permit: Option<Time>,
    /// Agents of which something was withheld for the sake of quota when they were last offered.
    /// They are offered again when what quota leaves has changed.
    #[n(40)]
    pub withheld: BTreeSet<AgentId>,
    /// Runs of allocation that were commanded: what is left of each, in the order given. They go
    /// before the candidates. None is empty.
    #[n(100)]
    pub runs: VecDeque<VecDeque<AgentId>>,
    /// The round over all agents in which what came back to pools is offered with them.
    #[n(170)]
    pub round: Option<Round>,
    /// Whether such a round begins at the next interval.
    #[n(171)]
    pub round_waits: bool,
    /// How many turns had a random order: the number of the next.
    #[n(180)]
    pub turns: u64,
    /// Set while allocation waits for agents to come back.
    #[n(181)]
    pub hold: Option<AgentsAwaited>,
    /// When the buckets of tokens for commands are full, by their place among the options.
    #[n(182)]
    pub rates: BTreeMap<u32, Time>,
}

/// A round over all agents, in the order of their slots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Round {
    /// The next slot.
    #[n(0)]
    pub slot: u32,
    /// Whether something came back meanwhile: then another round follows.
    #[n(1)]
    pub again: bool,
}

impl Work {
    /// Whether a tick has something to do before any timer is due.
    pub fn is_pending(&self) -> bool {
        !self.bulk.is_empty() || self.is_allocation_pending() || !self.to_ask.is_empty()
    }

    /// Whether agents are to be offered now.
    pub fn is_allocation_pending(&self) -> bool {
        let some = !self.candidates.is_empty() || !self.runs.is_empty() || self.round.is_some();
        self.hold.is_none() && some
    }

    /// Whether something is to be offered at the next interval.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty() || self.round_waits
    }

    /// Begins a round over all agents, or another one after that which is going on.
    pub fn begin_round(&mut self) {
        match &mut self.round {
            Some(round) => round.again = true,
            None => self.round = Some(Round::default()),
        }
    }

    /// Takes the next agents to be offered in one run, at most so many; those of a round are not
    /// among them.
    pub fn next_run(&mut self, most: usize) -> Vec<AgentId> {
        let Some(run) = self.runs.front_mut() else {
            return std::iter::from_fn(|| self.candidates.pop_first()).take(most).collect();
        };
        let agents = run.drain(..run.len().min(most)).collect();
        if run.is_empty() {
            self.runs.pop_front();
        }
        agents
    }

    /// Forgets an agent that goes away.
    pub fn forget_candidate(&mut self, agent: AgentId) {
        self.candidates.remove(&agent);
        self.waiting.remove(&agent);
        self.withheld.remove(&agent);
        for run in &mut self.runs {
            run.retain(|id| *id != agent);
        }
        self.runs.retain(|run| !run.is_empty());
    }
}
