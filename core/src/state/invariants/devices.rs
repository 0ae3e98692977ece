//! Checks of units of devices: no unit is ever handed out beyond what there is of it.

use std::collections::BTreeMap;

use super::{Check, State, ensure};
use crate::ids::AgentId;
use crate::limits::DEVICES_PER_AGENT_MAX;
use crate::resources::{Bundle, NameId, Unit, Value};
use crate::state::Agent;

/// What is said of each unit, and how much of it there is, over all reservations.
type Units<'a> = BTreeMap<(NameId, u32), (&'a Unit, i64)>;

fn units<'a>(bundles: impl IntoIterator<Item = &'a Bundle>) -> Units<'a> {
    let mut units = Units::new();
    for item in bundles.into_iter().flatten() {
        let Value::Devices(devices) = &item.value else { continue };
        for unit in devices {
            units.entry((item.key.name, unit.id())).or_insert((unit, 0)).1 += unit.amount().milli();
        }
    }
    units
}

fn is_same(one: &Unit, other: &Unit) -> bool {
    (one.model(), one.group()) == (other.model(), other.group())
}

impl State {
    /// Of each unit at most one is held, and nothing is free beyond what there is; who holds a unit
    /// holds what the agent has, unless it has it no more.
    pub(super) fn check_units_of_agent(&self, id: AgentId, agent: &Agent) -> Check {
        let grants = agent.grants.iter().filter_map(|grant| self.grants.get(*grant));
        let held = || grants.clone().map(|grant| &grant.resources);
        let asked = held().chain([&agent.total]).any(|bundle| bundle.first_request().is_some());
        ensure("devices", !asked, || format!("agent {id} has a request for devices"))?;
        if !agent.total.has_devices() && !held().any(Bundle::has_devices) {
            return Ok(());
        }
        let (free, total) = (agent.free(), units([&agent.total]));
        ensure("devices", total.len() <= DEVICES_PER_AGENT_MAX, || {
            format!("agent {id} has {} units", total.len())
        })?;
        let (held, free) = (units(held()), units([&free]));
        for (&(_, number), (unit, sum)) in total.iter().chain(&held) {
            ensure("devices", *sum <= 1000, || {
                format!("agent {id}: {sum} thousandths of unit {number}, {unit:?}")
            })?;
        }
        for (place, (unit, taken)) in &held {
            let Some((own, there)) = total.get(place) else { continue };
            ensure("devices", is_same(unit, own), || {
                format!("agent {id} has unit {own:?}, and somebody holds {unit:?} of it")
            })?;
            let left = free.get(place).map_or(0, |(_, left)| *left);
            ensure("devices", left == 0 || left + taken <= *there, || {
                format!("agent {id}: of unit {own:?} {taken} are held and {left} are free")
            })?;
        }
        Ok(())
    }
}
