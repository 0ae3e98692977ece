//! The kernel's state as the traces write it.

use serde_json::{Map, Value, json};
use tamias::State;
use tamias::allocator::Order;
use tamias::ids::{FrameworkId, RoleId};
use tamias::resources::{Bundle, Value as Held};

use tamias::state::Tally;

use super::bag::{Bag, text_of};

/// The result of the trace command `state`.
///
/// Errors: resources that a trace cannot write.
pub fn of(state: &State) -> Result<Value, String> {
    let (role_order, framework_order) = order(state);
    let (mut role_shares, mut framework_shares) = (Map::new(), Map::new());
    let mut roles = Map::new();
    for (id, role) in state.roles().iter() {
        let (name, weight) = (role.name.to_string(), thousandths(role.weight.milli()));
        let consumed = text_of_tally(state, &state.consumption(id))?;
        let reserved = text_of_tally(state, &Tally::of(&role.reserved))?;
        roles.insert(name.clone(), json!({"consumed": consumed, "reserved": reserved}));
        if role.clients > 0 {
            role_shares.insert(name.clone(), share(state, &role.held, weight, role.charges));
        }
        if role.frameworks.is_empty() {
            continue;
        }
        framework_shares.insert(name.clone(), Value::Object(within(state, id)));
        if role.has_clients_below() {
            // Its own frameworks compete with the roles below as a client of weight 1.
            let own = share(state, &own_held(state, id), 1.0, role.own_charges);
            role_shares.insert(format!("{name}/."), own);
        }
    }
    Ok(json!({
        "agents": agents(state)?,
        "role_order": role_order,
        "framework_order": framework_order,
        "role_shares": role_shares,
        "framework_shares": framework_shares,
        "filters": filters(state),
        "roles": roles,
    }))
}

/// Quantities in the canonical text of the traces.
fn text_of_tally(state: &State, tally: &Tally) -> Result<String, String> {
    let items = tally.iter().filter_map(|(name, amount)| {
        state.names().name(name).map(|name| format!("{name}:{amount}"))
    });
    Bag::parse(&items.collect::<Vec<_>>().join(";")).map(|bag| bag.to_string())
}

/// Numbers are compared with a tolerance: the traces have doubles.
pub fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let double = number.as_f64().unwrap_or(f64::NAN);
            // Off the middle between two roundings, where exact shares often are.
            json!(format!("{:.7}", double + 3e-12))
        }
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, rounded(v))).collect(),
        other => other,
    }
}

fn agents(state: &State) -> Result<Map<String, Value>, String> {
    let mut agents = Map::new();
    for (_, agent) in state.agents().iter() {
        let Some(name) = &agent.name else { continue };
        let text = |bundle: &Bundle| text_of(&state.names().named(bundle));
        let (total, free) = (text(&agent.total)?, text(&agent.free())?);
        let shown = json!({"active": agent.is_active(), "total": total, "free": free});
        agents.insert(name.to_string(), shown);
    }
    Ok(agents)
}

/// Roles with frameworks, and within each the frameworks that take offers, in the kernel's order.
fn order(state: &State) -> (Vec<String>, Map<String, Value>) {
    let mut order = Order::new(state);
    let (mut roles, mut within) = (Vec::new(), Map::new());
    let ids: Vec<_> = order.roles().collect();
    for role in ids {
        let places = (0..).map_while(|at| order.framework(state, role, at));
        let list = places.filter(|framework| takes_offers(state, role, *framework));
        let list: Vec<_> = list.map(|framework| framework_name(state, framework)).collect();
        let name = role_name(state, role);
        within.insert(name.clone(), json!(list));
        roles.push(name);
    }
    (roles, within)
}

fn takes_offers(state: &State, role: RoleId, framework: FrameworkId) -> bool {
    state.frameworks().get(framework).is_some_and(|framework| {
        let part = framework.roles.get(&role);
        framework.session().is_some() && part.is_some_and(|p| p.subscribed && !p.suppressed)
    })
}

fn within(state: &State, role: RoleId) -> Map<String, Value> {
    let clients = state.roles().get(role).map(|role| role.frameworks.clone()).unwrap_or_default();
    let mut shares = Map::new();
    for id in clients {
        let part = state.frameworks().get(id).and_then(|framework| framework.roles.get(&role));
        let Some(part) = part else { continue };
        shares.insert(framework_name(state, id), share(state, &part.held, 1.0, part.charges));
    }
    shares
}

/// What the role's own frameworks hold.
fn own_held(state: &State, role: RoleId) -> Bundle {
    let mut sum = Bundle::new();
    for (_, framework) in state.frameworks().iter() {
        if let Some(part) = framework.roles.get(&role) {
            sum.add_assign(&part.held);
        }
    }
    sum
}

/// `[share, count]`, the share by the largest part held of anything.
fn share(state: &State, held: &Bundle, weight: f64, charges: u64) -> Value {
    let parts = held.iter().filter_map(|item| {
        let Held::Scalar(amount) = &item.value else { return None };
        let name = state.names().name(item.key.name)?;
        let excluded = state.options().fairness_exclude.contains(name);
        let total = state.total().scalar(&item.key).milli();
        (total > 0 && !excluded).then(|| thousandths(amount.milli()) / thousandths(total))
    });
    json!([parts.fold(0.0, f64::max) / weight, charges])
}

#[expect(clippy::cast_precision_loss, reason = "shares are compared with a tolerance")]
fn thousandths(milli: i64) -> f64 {
    milli as f64 / 1000.0
}

fn filters(state: &State) -> Vec<Value> {
    let mut filters = Vec::new();
    for (id, framework) in state.frameworks().iter() {
        for (role, part) in &framework.roles {
            for (agent, live) in &part.filters {
                let agent = state.agents().get(*agent).and_then(|agent| agent.name.as_deref());
                let names = (framework_name(state, id), role_name(state, *role));
                filters.push((names, agent.unwrap_or("?").to_owned(), live.len()));
            }
        }
    }
    filters.sort_unstable();
    let shown = |((framework, role), agent, count)| json!([framework, role, agent, count]);
    filters.into_iter().map(shown).collect()
}

fn role_name(state: &State, role: RoleId) -> String {
    state.roles().get(role).map_or_else(|| "?".to_owned(), |role| role.name.to_string())
}

fn framework_name(state: &State, framework: FrameworkId) -> String {
    let row = state.frameworks().get(framework);
    row.and_then(|row| row.name.as_deref()).unwrap_or("?").to_owned()
}
