//! What there is, for people and programs that look at a kernel: one row per object, with names
//! instead of interned ids. Queries answer in rows, and operators who watch are told them.

use std::sync::Arc;

use serde::Serialize;

use crate::attributes::Attributes;
use crate::constraint::Constraint;
use crate::event::Offer;
use crate::ids::{AgentId, ExecutorId, FrameworkId, OperationId, TaskId};
use crate::resources::{Amount, Quantities, ResourceLimits, Resources};
use crate::status::{OperationState, TaskState};
use crate::time::Time;
use crate::value::{AgentCapability, Capability, Domain, Unavailability};

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentRow {
    /// Its id.
    pub agent: AgentId,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Its machine, if that is not called like the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Arc<str>>,
    /// `active`, `deactivated`, `disconnected`, `unreachable`, `removing`.
    pub state: &'static str,
    /// `draining` or `drained`, if an operator wants it empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<&'static str>,
    /// The fault domain, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Arc<Domain>>,
    /// What it can deal with.
    pub capabilities: Vec<AgentCapability>,
    /// What frameworks may look at.
    pub attributes: Arc<Attributes>,
    /// What it has.
    pub total: Resources,
    /// Of that, what is offered.
    pub offered: Resources,
    /// Of that, what tasks hold.
    pub allocated: Resources,
    /// How many tasks it has, also unreachable ones.
    pub tasks: usize,
}

/// A framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrameworkRow {
    /// Its id.
    pub framework: FrameworkId,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// `connected`, `disconnected`, `removing`.
    pub state: &'static str,
    /// What it can deal with.
    pub capabilities: Vec<Capability>,
    /// Its part in each role, in the order of their names.
    pub roles: Vec<PartRow>,
    /// How many live and unreachable tasks it has.
    pub tasks: usize,
}

/// A framework's part in a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartRow {
    /// The role.
    pub role: Arc<str>,
    /// Whether it is subscribed; if not, it only still holds resources.
    pub subscribed: bool,
    /// Whether it wants no offers for now.
    pub suppressed: bool,
    /// How many offers it has that have not ended.
    pub offers: usize,
    /// What they hold.
    pub offered: Resources,
    /// What its tasks hold.
    pub allocated: Resources,
    /// How many of its refusals are not over.
    pub filters: usize,
    /// Its offer constraints, if it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Vec<Vec<Constraint>>>,
    /// How many agents they exclude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<usize>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleRow {
    /// Its name, the whole path.
    pub role: Arc<str>,
    /// Its weight among the roles beside it.
    pub weight: Amount,
    /// The scalars that it and the roles below it hold: offered and allocated.
    pub held: Resources,
    /// The largest part of any one resource that it holds, divided by its weight: a decimal
    /// fraction, rounded down to six digits.
    pub share: String,
    /// Its quota, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaRow>,
    /// The frameworks subscribed to it or still holding resources in it.
    pub frameworks: Vec<FrameworkId>,
}

/// The quota of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaRow {
    /// What is set aside for it.
    #[serde(skip_serializing_if = "Quantities::is_empty")]
    pub guarantees: Quantities,
    /// What it is offered no more than.
    #[serde(skip_serializing_if = "ResourceLimits::is_empty")]
    pub limits: ResourceLimits,
    /// Whom the session that set it speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Box<str>>,
}

/// A framework in a role that wants offers, in its place of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderRow {
    /// The role.
    pub role: Arc<str>,
    /// Its share and that of the roles below it, as [`RoleRow::share`].
    pub role_share: String,
    /// How many offers were made in it and below it; of equal shares the one with fewer is first.
    pub role_offers: u64,
    /// The framework.
    pub framework: FrameworkId,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Its own share in the role: a decimal fraction, rounded down to six digits.
    pub share: String,
    /// How many offers were made to it in the role.
    pub offers: u64,
}

/// An offer that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferRow {
    /// To whom.
    pub framework: FrameworkId,
    /// The offer as the framework was told it.
    #[serde(flatten)]
    pub offer: Offer,
}

/// A live or unreachable task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// Its handle.
    pub task: TaskId,
    /// The framework's name for it.
    pub name: Arc<str>,
    /// Whose it is.
    pub framework: FrameworkId,
    /// Where it is.
    pub agent: AgentId,
    /// In which role. An ended task can outlive its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
    /// Its newest state.
    pub state: TaskState,
    /// What it holds; of an unreachable task, what it will hold again if it comes back.
    pub resources: Resources,
    /// How many updates its framework has not acknowledged.
    pub unacknowledged: usize,
    /// Since when its agent cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_time: Option<Time>,
}

/// Resources of the whole cluster that lie on no agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolRow {
    /// Its name.
    pub pool: Box<str>,
    /// What there is of it.
    pub total: Resources,
    /// Of that, what is offered.
    pub offered: Resources,
    /// Of that, what tasks and executors hold. May be more than the total after that shrank.
    pub allocated: Resources,
    /// How many tasks and executors hold something of it.
    pub holders: usize,
}

/// An operation whose outcome is reported and not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationRow {
    /// Its handle.
    pub operation: OperationId,
    /// The framework's name for it, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// What it is, as in an accept.
    pub kind: &'static str,
    /// Whose it is.
    pub framework: FrameworkId,
    /// Where it is.
    pub agent: AgentId,
    /// Of which resource provider; none is the agent itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Box<str>>,
    /// In which role. An ended operation can outlive its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
    /// Its newest state.
    pub state: OperationState,
    /// What it holds until it has ended; of an unreachable one, what it will hold again.
    pub resources: Resources,
    /// Whether it has ended and its framework has not acknowledged that.
    pub unacknowledged: bool,
    /// Since when its agent cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable_time: Option<Time>,
}

/// An executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExecutorRow {
    /// Its id.
    pub executor: ExecutorId,
    /// The framework's name for it.
    pub name: Arc<str>,
    /// Whose it is.
    pub framework: FrameworkId,
    /// Where it is.
    pub agent: AgentId,
    /// In which role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
    /// `registering`, `running`, `terminating`.
    pub state: &'static str,
    /// What it holds beside its tasks; if its agent cannot be reached, what it will hold again.
    pub resources: Resources,
}

/// An agent that an operator marked gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoneRow {
    /// Its id; it never comes back.
    pub agent: AgentId,
    /// When it was marked.
    pub since: Time,
}

/// A machine of the schedule as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineStatus {
    /// Its name.
    pub machine: Box<str>,
    /// When it is not to be relied on.
    pub unavailability: Unavailability,
    /// Whether it is down; draining if not.
    pub down: bool,
    /// What those who hold something there said last.
    pub answers: Vec<AgentAnswer>,
}

/// What a framework said about an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AgentAnswer {
    /// The agent.
    pub agent: AgentId,
    /// The framework.
    pub framework: FrameworkId,
    /// Whether the agent may go.
    pub accepted: bool,
    /// When it said so.
    pub time: Time,
}
