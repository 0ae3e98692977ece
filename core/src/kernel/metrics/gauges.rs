//! What there is at the moment, read from a copy of the state.

use std::collections::BTreeMap;

use super::{Family, Sample, count};
use crate::allocator::Share;
use crate::resources::{Amount, Bundle, Value};
use crate::state::State;
use crate::state::rows::{state_of_agent, state_of_framework};
use crate::status::{OperationState, TaskState};

/// All gauges of a state.
pub(super) fn families(state: &State) -> Vec<Family> {
    let offers = state.grants().iter().filter(|(_, grant)| grant.is_offer()).count();
    let parts = || state.frameworks().iter().flat_map(|(_, framework)| framework.roles.values());
    let filters: usize = parts().flat_map(|part| part.filters.values()).map(Vec::len).sum();
    let pending: usize = state.tasks().iter().map(|(_, task)| task.pending.len()).sum();
    vec![
        Family::gauge("tamias_agents", "Agents by state.").by("state", agents(state)),
        Family::gauge("tamias_frameworks", "Frameworks by state.").by("state", frameworks(state)),
        Family::gauge("tamias_tasks", "Live and unreachable tasks by state.")
            .by("state", tasks(state)),
        Family::gauge("tamias_operations", "Operations by state that are waited for or told.")
            .by("state", operations(state)),
        Family::gauge("tamias_offers_outstanding", "Offers that have not ended.").of(size(offers)),
        Family::gauge("tamias_offer_filters", "Refusals that are not over.").of(size(filters)),
        Family::gauge(
            "tamias_updates_unacknowledged",
            "Updates that are kept until they are seen.",
        )
        .of(size(pending)),
        resources(state),
        Family::gauge("tamias_role_weight", "Weight of a role.")
            .by("role", roles(state, |role| decimal(role.weight))),
        Family::gauge(
            "tamias_role_dominant_share",
            "The largest part of any resource that a role holds, not divided by its weight.",
        )
        .by("role", roles(state, |role| share(state, &role.held))),
        quota(state),
    ]
}

fn size(number: usize) -> f64 {
    count(number as u64)
}

fn decimal(amount: Amount) -> f64 {
    #[allow(clippy::cast_precision_loss)] // For people and graphs.
    let thousandths = amount.milli() as f64;
    thousandths / 1000.0
}

fn share(state: &State, held: &Bundle) -> f64 {
    let excluded = state.excluded_from_shares();
    let share = Share::dominant(held, state.total(), Amount::from_units(1), excluded);
    count(share.to_millionths()) / 1e6
}

fn agents(state: &State) -> BTreeMap<&'static str, f64> {
    let mut counts: BTreeMap<_, f64> =
        ["active", "deactivated", "disconnected", "removing", "unreachable"]
            .map(|name| (name, 0.0))
            .into();
    for (_, agent) in state.agents().iter() {
        *counts.entry(state_of_agent(agent)).or_default() += 1.0;
    }
    counts
}

fn frameworks(state: &State) -> BTreeMap<&'static str, f64> {
    let mut counts: BTreeMap<_, f64> =
        ["connected", "disconnected", "removing"].map(|name| (name, 0.0)).into();
    for (_, framework) in state.frameworks().iter() {
        *counts.entry(state_of_framework(framework)).or_default() += 1.0;
    }
    counts
}

fn tasks(state: &State) -> BTreeMap<&'static str, f64> {
    let mut counts: BTreeMap<_, f64> =
        TaskState::ALL.iter().map(|state| (state.name(), 0.0)).collect();
    for (_, task) in state.tasks().iter() {
        *counts.entry(task.state.name()).or_default() += 1.0;
    }
    counts
}

fn operations(state: &State) -> BTreeMap<&'static str, f64> {
    let mut counts: BTreeMap<_, f64> =
        OperationState::ALL.iter().map(|state| (state.name(), 0.0)).collect();
    for (_, row) in state.operations().iter() {
        *counts.entry(row.state.name()).or_default() += 1.0;
    }
    counts
}

/// Scalars of all agents that count and of pools, by name: what there is, is offered, is allocated.
fn resources(state: &State) -> Family {
    let mut sums = BTreeMap::<(String, &'static str), f64>::new();
    let agents = state.agents().iter().map(|(_, agent)| agent).filter(|agent| agent.counts());
    let agents = agents.map(|agent| [&agent.total, &agent.offered, &agent.allocated]);
    let pools = state.pools().iter();
    let pools = pools.map(|(_, pool)| [&pool.total, &pool.offered, &pool.allocated]);
    for bundles in agents.chain(pools) {
        let parts = ["total", "offered", "allocated"].into_iter().zip(bundles);
        for (what, bundle) in parts {
            for item in &state.names().named(bundle) {
                if let Value::Scalar(amount) = &item.value {
                    let sum = sums.entry((item.key.name.to_string(), what)).or_default();
                    *sum += decimal(*amount);
                }
            }
        }
    }
    let help =
        "Scalar resources of connected and disconnected agents and of pools, in their own units.";
    let mut family = Family::gauge("tamias_resources", help);
    family.samples = sums
        .into_iter()
        .map(|((name, what), value)| Sample {
            labels: vec![("name", name), ("what", what.to_owned())],
            value,
        })
        .collect();
    family
}

/// Roles with a quota: what they are guaranteed, limited to, and consume.
fn quota(state: &State) -> Family {
    let help = "Quota of a role and what it and those below it consume, in units of the resource.";
    let mut family = Family::gauge("tamias_role_quota", help);
    for id in state.roles_with_quota() {
        let Some((role, quota)) = state.roles().get(id).zip(state.quota(id)) else { continue };
        let mut sample = |name: String, what: &'static str, amount| {
            let role = ("role", role.name.to_string());
            let labels = vec![role, ("name", name), ("what", what.to_owned())];
            family.samples.push(Sample { labels, value: decimal(amount) });
        };
        for (name, amount) in quota.guarantees.iter() {
            sample(name.to_string(), "guarantee", amount);
        }
        for (name, amount) in quota.limits.iter() {
            sample(name.to_string(), "limit", amount);
        }
        for (id, amount) in state.consumption(id).iter() {
            if let Some(name) = state.names().name(id) {
                sample(name.to_string(), "consumed", amount);
            }
        }
    }
    family
}

fn roles(state: &State, figure: impl Fn(&crate::state::Role) -> f64) -> BTreeMap<String, f64> {
    state.roles().iter().map(|(_, role)| (role.name.to_string(), figure(role))).collect()
}
