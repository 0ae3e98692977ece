//! Frameworks: registered schedulers, the roles they take part in, and what they refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::constrained::Slots;
use super::timer::TimerKey;
use crate::constraint::Constraints;
use crate::ids::{AgentId, ExecutorId, GrantId, OperationId, RoleId, SessionId, TaskId};
use crate::intern::HasNames;
use crate::map::Map;
use crate::resources::{Bundle, Quantities, Without};
use crate::time::{Nanos, Time};
use crate::value::{Capability, Ext};

/// Whether a framework can be told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Connection {
    /// Through this session.
    #[n(0)]
    Connected(#[n(0)] SessionId),
    /// It may come back until the timer fires.
    #[n(1)]
    Disconnected(#[n(0)] TimerKey),
    /// It was torn down; its tasks are being killed and hold their resources until they ended.
    #[n(2)]
    Removing,
}

/// A registered scheduler.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Framework {
    /// Unique among frameworks, if given.
    #[n(0)]
    #[cbor(with = "crate::shared")]
    pub name: Option<Arc<str>>,
    /// Whether it can be told anything.
    #[n(1)]
    pub connection: Connection,
    /// What it can deal with.
    #[n(2)]
    pub capabilities: Vec<Capability>,
    /// Time to come back after a disconnection.
    #[n(3)]
    pub failover_timeout: Nanos,
    /// Opaque bytes of a wire layer.
    #[n(4)]
    pub ext: Option<Ext>,
    /// The roles it is subscribed to or still holds resources in.
    #[n(5)]
    pub roles: BTreeMap<RoleId, Subscription>,
    /// Whom the session speaks for that subscribed it first. Only such sessions, and those that
    /// speak for nobody else, take it over.
    #[n(200)]
    pub principal: Option<Box<str>>,
    /// Its live and unreachable tasks by name. Derived from the tasks.
    #[cbor(skip)]
    pub tasks: Map<Arc<str>, TaskId>,
    /// Its executors. Derived from the executors.
    #[cbor(skip)]
    pub executors: BTreeSet<ExecutorId>,
    /// Its operations. Derived from the operations.
    #[cbor(skip)]
    pub operations: BTreeSet<OperationId>,
    /// Those that have an id, by it. Derived from the operations.
    #[cbor(skip)]
    pub operation_ids: Map<Arc<str>, OperationId>,
}

/// A framework's part in one role.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Subscription {
    /// Whether it is subscribed; if not, it only still holds resources.
    #[n(0)]
    pub subscribed: bool,
    /// Whether it wants no offers for now.
    #[n(1)]
    pub suppressed: bool,
    /// How many offers it was made: decides between equal shares.
    #[n(2)]
    pub charges: u64,
    /// What it refused, by agent.
    #[n(3)]
    pub filters: BTreeMap<AgentId, Vec<Filter>>,
    /// Sets of quantities of which one must be in an offer; the kernel's option if it has none of
    /// its own. No set at all means that anything is worth offering.
    #[n(40)]
    pub min_allocatable: Option<Vec<Quantities>>,
    /// Which agents it wants to be offered.
    #[n(180)]
    pub constraints: Option<Constraints>,
    /// Those that it does not, by their slots. Derived from the constraints and the agents.
    #[cbor(skip)]
    pub excluded: Slots,
    /// Scalars offered and allocated. Derived from the grants.
    #[cbor(skip)]
    pub held: Bundle,
    /// Its offers and allocations. Derived from the grants.
    #[cbor(skip)]
    pub grants: BTreeSet<GrantId>,
    /// How many of its tasks, executors and operations are parked. Derived from them.
    #[cbor(skip)]
    pub parked: u32,
}

/// Refused resources: nothing contained in them is offered until the filter ends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Filter {
    /// What was refused.
    #[n(0)]
    pub resources: Bundle,
    /// When it ends.
    #[n(1)]
    pub expires: Time,
    /// The timer that ends it.
    #[n(2)]
    pub timer: TimerKey,
}

impl Framework {
    /// The session to tell, while it is connected.
    pub fn session(&self) -> Option<SessionId> {
        match self.connection {
            Connection::Connected(session) => Some(session),
            _ => None,
        }
    }

    /// Whether it was torn down and only its tasks, executors and operations are still to end.
    pub fn is_removing(&self) -> bool {
        self.connection == Connection::Removing
    }

    /// Whether neither a task nor an executor nor an operation of it is left.
    pub fn runs_nothing(&self) -> bool {
        self.tasks.is_empty() && self.executors.is_empty() && self.operations.is_empty()
    }

    /// What it cannot deal with, and is therefore not offered.
    pub fn cannot_have(&self) -> Without {
        let lacks = |capability| !self.capabilities.contains(&capability);
        Without {
            revocable: lacks(Capability::RevocableResources),
            shared: lacks(Capability::SharedResources),
            refined: lacks(Capability::ReservationRefinement),
        }
    }

    /// Whether it is offered what is in pools.
    pub fn knows_pools(&self) -> bool {
        self.capabilities.contains(&Capability::PoolResources)
    }

    /// Whether it distinguishes unreachable, dropped and gone tasks from lost ones.
    pub fn is_partition_aware(&self) -> bool {
        self.capabilities.contains(&Capability::PartitionAware)
    }
}

impl Subscription {
    /// Whether resources of that agent, no more than these, were refused.
    pub fn refuses(&self, agent: AgentId, resources: &Bundle) -> bool {
        self.filters
            .get(&agent)
            .is_some_and(|filters| filters.iter().any(|f| f.resources.contains(resources)))
    }
}
