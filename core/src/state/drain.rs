//! Draining: an agent on the way out of service, with its tasks on the way to their end.

use minicbor::{Decode, Encode};

use super::agent::Agent;
use crate::time::Nanos;

/// How an agent is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Drain {
    /// The longest grace of any task; each has its own if there is none.
    #[n(0)]
    pub max_grace: Option<Nanos>,
    /// Whether the agent is marked gone once it is drained.
    #[n(1)]
    pub mark_gone: bool,
    /// Whether nothing is left there.
    #[n(2)]
    pub drained: bool,
}

impl Drain {
    /// The grace of a kill that the drain sends, where it is not the task's own: the longest
    /// allowed, unless the task's is no longer.
    pub fn grace_instead_of(&self, own: Option<Nanos>) -> Option<Nanos> {
        self.max_grace.filter(|longest| own.is_none_or(|own| own > *longest))
    }
}

impl Agent {
    /// Whether its tasks are being ended for a drain.
    pub fn is_draining(&self) -> bool {
        self.drain.is_some_and(|drain| !drain.drained)
    }

    /// Whether nothing is left there that a drain waits for.
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.operations.is_empty()
    }
}
