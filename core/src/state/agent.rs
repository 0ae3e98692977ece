//! Agents: what a machine has, what of it is granted, and whether it can be reached.

use std::collections::BTreeSet;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::drain::Drain;
use super::timer::TimerKey;
use crate::attributes::Attributes;
use crate::ids::{ExecutorId, GrantId, OperationId, SessionId, TaskId};
use crate::intern::HasNames;
use crate::resources::{Bundle, CollectionKey as _};
use crate::time::Time;
use crate::value::{AgentCapabilities, Domain, Ext};

/// Whether an agent can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Liveness {
    /// Through this session.
    #[n(0)]
    Connected(#[n(0)] SessionId),
    /// It may come back until the timer fires; its tasks are taken to run.
    #[n(1)]
    Disconnected(#[n(0)] TimerKey),
    /// It did not come back in time; its tasks are unreachable and hold nothing.
    #[n(2)]
    Unreachable(#[n(0)] Time),
    /// It was removed; its tasks are being ended in counted steps.
    #[n(3)]
    Removing,
    /// It did not come back in time, and waits since then for its turn to be unreachable.
    #[n(60)]
    Overdue(#[n(0)] Time),
}

/// A machine that offers resources.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Agent {
    /// Unique among agents, if given.
    #[n(0)]
    #[cbor(with = "crate::shared")]
    pub name: Option<Arc<str>>,
    /// What it has.
    #[n(1)]
    pub total: Bundle,
    /// What frameworks may look at.
    #[n(2)]
    #[cbor(with = "crate::shared")]
    pub attributes: Arc<Attributes>,
    /// Opaque bytes of a wire layer.
    #[n(3)]
    pub ext: Option<Ext>,
    /// Whether it can be reached.
    #[n(4)]
    pub liveness: Liveness,
    /// Whether an operator took it out of service.
    #[n(5)]
    pub deactivated: bool,
    /// The fault domain it is in.
    #[n(60)]
    #[cbor(with = "crate::shared")]
    pub domain: Option<Arc<Domain>>,
    /// What it can deal with.
    #[n(61)]
    pub capabilities: AgentCapabilities,
    /// The machine it is on, if it is not called like the agent.
    #[n(62)]
    #[cbor(with = "crate::shared")]
    pub hostname: Option<Arc<str>>,
    /// Whether and how it is drained; then it is deactivated, too.
    #[n(63)]
    pub drain: Option<Drain>,
    /// Whether operations ever changed what is reserved or created there: then it is told again
    /// when it comes back.
    #[n(80)]
    pub converted: bool,
    /// Sum of its offers. Derived from the grants.
    #[cbor(skip)]
    pub offered: Bundle,
    /// Sum of what its tasks hold. Derived from the grants.
    #[cbor(skip)]
    pub allocated: Bundle,
    /// Its offers and allocations. Derived from the grants.
    #[cbor(skip)]
    pub grants: BTreeSet<GrantId>,
    /// Its tasks, also the unreachable ones. Derived from the tasks.
    #[cbor(skip)]
    pub tasks: BTreeSet<TaskId>,
    /// Its executors. Derived from the executors.
    #[cbor(skip)]
    pub executors: BTreeSet<ExecutorId>,
    /// Its operations. Derived from the operations.
    #[cbor(skip)]
    pub operations: BTreeSet<OperationId>,
}

impl Agent {
    /// The session to tell, while it is connected.
    pub fn session(&self) -> Option<SessionId> {
        match self.liveness {
            Liveness::Connected(session) => Some(session),
            _ => None,
        }
    }

    /// The machine it is on, as maintenance knows it; none if it has neither hostname nor name.
    pub fn machine(&self) -> Option<&str> {
        self.hostname.as_deref().or(self.name.as_deref())
    }

    /// Whether its resources may be offered.
    pub fn is_active(&self) -> bool {
        self.session().is_some() && !self.deactivated
    }

    /// Whether it was removed and only its tasks are still to be ended.
    pub fn is_removing(&self) -> bool {
        self.liveness == Liveness::Removing
    }

    /// Whether its resources count as part of the whole: not while nobody can reach them.
    pub fn counts(&self) -> bool {
        matches!(
            self.liveness,
            Liveness::Connected(_) | Liveness::Disconnected(_) | Liveness::Overdue(_)
        )
    }

    /// What is neither offered nor allocated; nothing where more is in use than the total. Shared
    /// volumes are always free.
    pub fn free(&self) -> Bundle {
        let mut free = self.total.clone();
        free.subtract(&self.offered);
        free.subtract(&self.allocated);
        if self.total.iter().any(|item| item.key.is_shared()) {
            free = free.non_shared();
            free.add_assign(&self.total.shared());
        }
        free
    }
}
