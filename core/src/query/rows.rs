//! What there is: one row per object, with names instead of interned ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::Picked;
use super::explain::decimal;
use crate::allocator::Share;
use crate::attributes::Attributes;
use crate::event::Offer;
use crate::ids::{AgentId, FrameworkId, GrantId, RoleId, TaskId};
use crate::resources::{Amount, Bundle, Quantities, ResourceLimits, Resources};
use crate::state::{Agent, Connection, Framework, Hold, Liveness, State, Task};
use crate::status::TaskState;
use crate::time::Time;
use crate::value::{AgentCapability, Capability, Domain};

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

/// An agent that an operator marked gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoneRow {
    /// Its id; it never comes back.
    pub agent: AgentId,
    /// When it was marked.
    pub since: Time,
}

pub(super) fn gone(state: &State) -> Vec<GoneRow> {
    let gone = state.registry().gone.iter();
    gone.map(|(agent, since)| GoneRow { agent: *agent, since: *since }).collect()
}

pub(crate) fn state_of_agent(agent: &Agent) -> &'static str {
    match agent.liveness {
        Liveness::Connected(_) if agent.is_active() => "active",
        Liveness::Connected(_) => "deactivated",
        Liveness::Disconnected(_) | Liveness::Overdue(_) => "disconnected",
        Liveness::Unreachable(_) => "unreachable",
        Liveness::Removing => "removing",
    }
}

pub(crate) fn state_of_framework(framework: &Framework) -> &'static str {
    match framework.connection {
        Connection::Connected(_) => "connected",
        Connection::Disconnected(_) => "disconnected",
        Connection::Removing => "removing",
    }
}

pub(super) fn agents(state: &State, picked: Picked) -> Vec<AgentRow> {
    let of_others = |id: AgentId| {
        let grants = state.agents().get(id).into_iter().flat_map(|agent| &agent.grants);
        let mut grants = grants.filter_map(|grant| state.grants().get(*grant));
        (picked.framework.is_some() || picked.role.is_some())
            && !grants.any(|grant| picked.has(id, grant.framework, grant.role))
    };
    let rows = state.agents().iter().filter(|(id, _)| picked.agent.is_none_or(|one| one == *id));
    rows.filter(|(id, _)| !of_others(*id)).map(|(id, agent)| agent_row(state, id, agent)).collect()
}

fn agent_row(state: &State, id: AgentId, agent: &Agent) -> AgentRow {
    let names = state.names();
    AgentRow {
        agent: id,
        name: agent.name.clone(),
        hostname: agent.hostname.clone(),
        state: state_of_agent(agent),
        drain: agent.drain.map(|drain| if drain.drained { "drained" } else { "draining" }),
        domain: agent.domain.clone(),
        capabilities: agent.capabilities.iter().collect(),
        attributes: agent.attributes.clone(),
        total: names.named(&agent.total),
        offered: names.named(&agent.offered),
        allocated: names.named(&agent.allocated),
        tasks: agent.tasks.len(),
    }
}

pub(super) fn frameworks(state: &State, picked: Picked) -> Vec<FrameworkRow> {
    let wanted = |id: FrameworkId, framework: &Framework| {
        picked.framework.is_none_or(|one| one == id)
            && picked.role.is_none_or(|role| framework.roles.contains_key(&role))
            && picked.agent.is_none_or(|agent| {
                let grants = framework.roles.values().flat_map(|part| &part.grants);
                let mut grants = grants.filter_map(|grant| state.grants().get(*grant));
                grants.any(|grant| grant.agent == agent)
            })
    };
    let rows = state.frameworks().iter().filter(|(id, framework)| wanted(*id, framework));
    rows.map(|(id, framework)| framework_row(state, id, framework)).collect()
}

fn framework_row(state: &State, id: FrameworkId, framework: &Framework) -> FrameworkRow {
    // By name: ids of roles mean nothing outside.
    let mut roles = BTreeMap::new();
    for (role, part) in &framework.roles {
        let Some(role) = state.roles().get(*role) else { continue };
        let (mut offers, mut offered, mut allocated) = (0, Bundle::new(), Bundle::new());
        for grant in part.grants.iter().filter_map(|grant| state.grants().get(*grant)) {
            if grant.is_offer() {
                offers += 1;
                offered.add_assign(&grant.resources);
            } else {
                allocated.add_assign(&grant.resources);
            }
        }
        let row = PartRow {
            role: role.name.clone(),
            subscribed: part.subscribed,
            suppressed: part.suppressed,
            offers,
            offered: state.names().named(&offered),
            allocated: state.names().named(&allocated),
            filters: part.filters.values().map(Vec::len).sum(),
        };
        roles.insert(role.name.clone(), row);
    }
    FrameworkRow {
        framework: id,
        name: framework.name.clone(),
        state: state_of_framework(framework),
        capabilities: framework.capabilities.clone(),
        roles: roles.into_values().collect(),
        tasks: framework.tasks.len(),
    }
}

pub(super) fn roles(state: &State, picked: Picked) -> Vec<RoleRow> {
    let named = state.role_ids.values().copied();
    let wanted = |id: &RoleId| {
        picked.role.is_none_or(|one| one == *id)
            && picked.framework.is_none_or(|framework| {
                state.roles().get(*id).is_some_and(|role| role.frameworks.contains(&framework))
            })
    };
    named.filter(wanted).filter_map(|id| role_row(state, id)).collect()
}

pub(super) fn role_row(state: &State, id: RoleId) -> Option<RoleRow> {
    let role = state.roles().get(id)?;
    let excluded = state.excluded_from_shares();
    Some(RoleRow {
        role: role.name.clone(),
        weight: role.weight,
        held: state.names().named(&role.held),
        share: decimal(Share::dominant(&role.held, state.total(), role.weight, excluded)),
        quota: role.quota.as_deref().map(|quota| QuotaRow {
            guarantees: quota.guarantees.clone(),
            limits: quota.limits.clone(),
            principal: quota.principal.clone(),
        }),
        frameworks: role.frameworks.iter().copied().collect(),
    })
}

pub(super) fn offers(state: &State, picked: Picked) -> Vec<OfferRow> {
    let offers = state.grants().iter().filter(|(_, grant)| grant.is_offer());
    let offers = offers.filter(|(_, grant)| picked.has(grant.agent, grant.framework, grant.role));
    let row = |(id, framework): (GrantId, FrameworkId)| {
        Some(OfferRow { framework, offer: state.describe_offer(id)? })
    };
    offers.map(|(id, grant)| (id, grant.framework)).filter_map(row).collect()
}

pub(super) fn tasks(state: &State, picked: Picked) -> Vec<TaskRow> {
    let tasks = state.tasks().iter();
    let tasks = tasks.filter(|(_, task)| picked.has(task.agent, task.framework, task.role));
    let row = |(id, task): (TaskId, &Task)| {
        let resources = match &task.hold {
            Hold::Granted(grant) => state.grants().get(*grant).map(|grant| &grant.resources),
            Hold::Parked(resources) => Some(resources),
            Hold::Released => None,
        };
        TaskRow {
            task: id,
            name: task.name.clone(),
            framework: task.framework,
            agent: task.agent,
            role: state.roles().get(task.role).map(|role| role.name.clone()),
            state: task.state,
            resources: resources.map(|held| state.names().named(held)).unwrap_or_default(),
            unacknowledged: task.pending.len(),
            unreachable_time: task.unreachable_since,
        }
    };
    tasks.map(row).collect()
}
