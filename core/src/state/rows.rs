//! Rows: what is shown of an object, with names instead of interned ids.

use std::collections::BTreeMap;

use super::share::decimal;
use super::{Agent, Connection, ExecutorState, Framework, Hold, Liveness, Share, State};
use crate::ids::{AgentId, ExecutorId, FrameworkId, GrantId, OperationId, RoleId, TaskId};
use crate::resources::{Amount, Bundle, Resources};
use crate::row::{
    AgentRow, ExecutorRow, FrameworkRow, GoneRow, OfferRow, OperationRow, OrderRow, PartRow,
    PoolRow, QuotaRow, RoleRow, TaskRow,
};

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

impl State {
    pub(crate) fn agent_row(&self, id: AgentId) -> Option<AgentRow> {
        let agent = self.agents.get(id)?;
        let names = &self.names;
        Some(AgentRow {
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
        })
    }

    pub(crate) fn framework_row(&self, id: FrameworkId) -> Option<FrameworkRow> {
        let framework = self.frameworks.get(id)?;
        // By name: ids of roles mean nothing outside.
        let mut roles = BTreeMap::new();
        for (role, part) in &framework.roles {
            let Some(role) = self.roles.get(*role) else { continue };
            let (mut offers, mut offered, mut allocated) = (0, Bundle::new(), Bundle::new());
            for grant in part.grants.iter().filter_map(|grant| self.grants.get(*grant)) {
                if grant.is_offer() {
                    offers += 1;
                    offered.add_assign(&grant.resources.units_as_amounts());
                } else {
                    allocated.add_assign(&grant.resources.units_as_amounts());
                }
            }
            let row = PartRow {
                role: role.name.clone(),
                subscribed: part.subscribed,
                suppressed: part.suppressed,
                offers,
                offered: self.names.named(&offered),
                allocated: self.names.named(&allocated),
                filters: part.filters.values().map(Vec::len).sum(),
                constraints: part.constraints.as_ref().map(|all| all.groups().to_vec()),
                excluded: part.constraints.as_ref().map(|_| part.excluded.count()),
            };
            roles.insert(role.name.clone(), row);
        }
        Some(FrameworkRow {
            framework: id,
            name: framework.name.clone(),
            state: state_of_framework(framework),
            capabilities: framework.capabilities.clone(),
            roles: roles.into_values().collect(),
            tasks: framework.tasks.len(),
        })
    }

    pub(crate) fn role_row(&self, id: RoleId) -> Option<RoleRow> {
        let role = self.roles.get(id)?;
        let excluded = self.excluded_from_shares();
        Some(RoleRow {
            role: role.name.clone(),
            weight: role.weight,
            held: self.names.named(&role.held),
            share: decimal(Share::dominant(&role.held, &self.total, role.weight, excluded)),
            quota: role.quota.as_deref().map(|quota| QuotaRow {
                guarantees: quota.guarantees.clone(),
                limits: quota.limits.clone(),
                principal: quota.principal.clone(),
            }),
            frameworks: role.frameworks.iter().copied().collect(),
        })
    }

    /// A place in the order of offers; none for who wants none.
    pub(crate) fn order_row(&self, role: RoleId, framework: FrameworkId) -> Option<OrderRow> {
        let (id, role_id) = (framework, role);
        let framework = self.frameworks.get(id).filter(|one| one.session().is_some())?;
        let part = framework.roles.get(&role_id).filter(|one| one.subscribed && !one.suppressed)?;
        let role = self.roles.get(role_id)?;
        let excluded = self.excluded_from_shares();
        let share = |held, weight| decimal(Share::dominant(held, &self.total, weight, excluded));
        Some(OrderRow {
            role: role.name.clone(),
            role_share: share(&role.held, role.weight),
            role_offers: role.charges,
            framework: id,
            name: framework.name.clone(),
            share: share(&part.held, Amount::from_units(1)),
            offers: part.charges,
        })
    }

    pub(crate) fn offer_row(&self, id: GrantId) -> Option<OfferRow> {
        let framework = self.grants.get(id)?.framework;
        Some(OfferRow { framework, offer: self.describe_offer(id)? })
    }

    pub(crate) fn task_row(&self, id: TaskId) -> Option<TaskRow> {
        let task = self.tasks.get(id)?;
        Some(TaskRow {
            task: id,
            name: task.name.clone(),
            framework: task.framework,
            agent: task.agent,
            role: self.roles.get(task.role).map(|role| role.name.clone()),
            state: task.state,
            resources: self.held(&task.hold),
            unacknowledged: task.pending.len(),
            unreachable_time: task.unreachable_since,
        })
    }

    pub(crate) fn pool_row(&self, name: &str) -> Option<PoolRow> {
        let pool = self.pools.get(name)?;
        let grants = pool.grants.iter().filter_map(|id| self.grants.get(*id));
        Some(PoolRow {
            pool: name.into(),
            total: self.names.named(&pool.total),
            offered: self.names.named(&pool.offered),
            allocated: self.names.named(&pool.allocated),
            holders: grants.filter(|grant| !grant.is_offer()).count(),
        })
    }

    pub(crate) fn executor_row(&self, id: ExecutorId) -> Option<ExecutorRow> {
        let executor = self.executors.get(id)?;
        Some(ExecutorRow {
            executor: id,
            name: executor.name.clone(),
            framework: executor.framework,
            agent: executor.agent,
            role: self.roles.get(executor.role).map(|role| role.name.clone()),
            state: match executor.state {
                ExecutorState::Registering => "registering",
                ExecutorState::Running => "running",
                ExecutorState::Terminating(_) => "terminating",
            },
            resources: self.held(&executor.hold),
        })
    }

    /// What a task or an operation holds, or will hold again.
    fn held(&self, hold: &Hold) -> Resources {
        self.held_by(hold).map(|held| self.names.named(held)).unwrap_or_default()
    }

    pub(crate) fn operation_row(&self, id: OperationId) -> Option<OperationRow> {
        let row = self.operations.get(id)?;
        Some(OperationRow {
            operation: id,
            id: row.name.clone(),
            kind: row.spec.name(),
            framework: row.framework,
            agent: row.agent,
            provider: row.provider().map(Into::into),
            role: self.roles.get(row.role).map(|role| role.name.clone()),
            state: row.state,
            resources: self.held(&row.hold),
            unacknowledged: row.report.is_some(),
            unreachable_time: row.unreachable_since,
        })
    }

    pub(crate) fn gone_row(&self, agent: AgentId) -> Option<GoneRow> {
        let since = self.registry.gone.get(&agent).copied()?;
        Some(GoneRow { agent, since })
    }
}
