//! What there is: which rows are asked for.

use super::Picked;
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::row::{
    AgentRow, ExecutorRow, FrameworkRow, GoneRow, OfferRow, OperationRow, OrderRow, PoolRow,
    RoleRow, TaskRow,
};
use crate::state::{Framework, Order, State};

pub(super) fn gone(state: &State) -> Vec<GoneRow> {
    state.registry().gone.keys().filter_map(|agent| state.gone_row(*agent)).collect()
}

pub(super) fn agents(state: &State, picked: Picked) -> Vec<AgentRow> {
    let of_others = |id: AgentId| {
        let grants = state.agents().get(id).into_iter().flat_map(|agent| &agent.grants);
        let mut grants = grants.filter_map(|grant| state.grants().get(*grant));
        (picked.framework.is_some() || picked.role.is_some())
            && !grants.any(|grant| picked.has(id, grant.framework, grant.role))
    };
    let rows = state.agents().iter().filter(|(id, _)| picked.agent.is_none_or(|one| one == *id));
    rows.filter(|(id, _)| !of_others(*id)).filter_map(|(id, _)| state.agent_row(id)).collect()
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
    rows.filter_map(|(id, _)| state.framework_row(id)).collect()
}

pub(super) fn roles(state: &State, picked: Picked) -> Vec<RoleRow> {
    let named = state.role_ids.values().copied();
    let wanted = |id: &RoleId| {
        picked.role.is_none_or(|one| one == *id)
            && picked.framework.is_none_or(|framework| {
                state.roles().get(*id).is_some_and(|role| role.frameworks.contains(&framework))
            })
    };
    named.filter(wanted).filter_map(|id| state.role_row(id)).collect()
}

pub(super) fn order(state: &State, picked: Picked) -> Vec<OrderRow> {
    let mut order = Order::new(state);
    let mut rows = Vec::new();
    for role in order.roles().collect::<Vec<_>>() {
        if picked.role.is_some_and(|one| one != role) {
            continue;
        }
        let mut members = (0..).map_while(|at| order.framework(state, role, at));
        let wanted = |id: &FrameworkId| picked.framework.is_none_or(|one| one == *id);
        rows.extend(members.by_ref().filter(wanted).filter_map(|id| state.order_row(role, id)));
    }
    rows
}

pub(super) fn offers(state: &State, picked: Picked) -> Vec<OfferRow> {
    let offers = state.grants().iter().filter(|(_, grant)| grant.is_offer());
    let offers = offers.filter(|(_, grant)| picked.has(grant.agent, grant.framework, grant.role));
    offers.filter_map(|(id, _)| state.offer_row(id)).collect()
}

pub(super) fn tasks(state: &State, picked: Picked) -> Vec<TaskRow> {
    let tasks = state.tasks().iter();
    let tasks = tasks.filter(|(_, task)| picked.has(task.agent, task.framework, task.role));
    tasks.filter_map(|(id, _)| state.task_row(id)).collect()
}

pub(super) fn pools(state: &State) -> Vec<PoolRow> {
    state.pools().iter().filter_map(|(name, _)| state.pool_row(name)).collect()
}

pub(super) fn operations(state: &State, picked: Picked) -> Vec<OperationRow> {
    let rows = state.operations().iter();
    let rows = rows.filter(|(_, row)| picked.has(row.agent, row.framework, row.role));
    rows.filter_map(|(id, _)| state.operation_row(id)).collect()
}

pub(super) fn executors(state: &State, picked: Picked) -> Vec<ExecutorRow> {
    let executors = state.executors().iter();
    let executors = executors.filter(|(_, row)| picked.has(row.agent, row.framework, row.role));
    executors.filter_map(|(id, _)| state.executor_row(id)).collect()
}
