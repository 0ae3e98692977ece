//! What an agent may say of its units of devices, and what it may change while some are held.
//!
//! Promises, with what [`State::free`](crate::state::Agent::free) does: of no unit more is ever
//! handed out than there is, however it is reserved; and nobody holds a unit that has become
//! another one.

use std::collections::BTreeMap;

use super::{Machine, over_limit};
use crate::error::{Code, Rejection};
use crate::limits::DEVICES_PER_AGENT_MAX;
use crate::resources::{Bundle, CollectionKey as _, Key, Kind, NameId, Resources, Unit, Value};

fn bad(text: String) -> Rejection {
    Rejection::new(Code::BadResources, text).at("resources")
}

/// What an agent has names its units: nothing is asked for, each unit is there once over all
/// reservations, and no name has both units and a number.
pub(super) fn check_units(total: &Resources) -> Result<(), Rejection> {
    if let Some(key) = total.first_request() {
        let text = format!("{key} is asked for: an agent names its units, as {key}:<0-3=model>");
        return Err(bad(text));
    }
    if !total.has_devices() {
        return Ok(());
    }
    let (mut count, mut last) = (0, None);
    for item in total {
        let kind = item.value.kind();
        match last.replace((&item.key.name, kind)) {
            Some((name, other)) if *name == item.key.name => {
                if other != kind && (other == Kind::Devices || kind == Kind::Devices) {
                    return Err(bad(format!(
                        "{} is given as {kind} and as {other}; one name has one kind of value",
                        item.key
                    )));
                }
            }
            _ => {
                let units = total.units_of(&item.key.name);
                count += units.map_err(|conflict| bad(conflict.to_string()))?.len();
            }
        }
    }
    if count > DEVICES_PER_AGENT_MAX {
        return Err(over_limit("units of devices", count, DEVICES_PER_AGENT_MAX).at("resources"));
    }
    Ok(())
}

/// Where a unit is and how much of it, by key.
type Places<'b> = BTreeMap<(NameId, u32), BTreeMap<Key, (&'b Unit, i64)>>;

fn places<'b>(bundles: impl IntoIterator<Item = &'b Bundle>) -> Places<'b> {
    let mut places = Places::new();
    for item in bundles.into_iter().flatten() {
        let Value::Devices(units) = &item.value else { continue };
        for unit in units {
            let of_unit = places.entry((item.key.name, unit.id())).or_default();
            of_unit.entry(item.key).or_insert((unit, 0)).1 += unit.amount().milli();
        }
    }
    places
}

impl Machine<'_> {
    /// Checks a new total against what offers and tasks hold. A unit may go away, or become less,
    /// under those who hold it; it may not become another one, or be reserved otherwise, for then
    /// it would be given to others as well.
    pub(super) fn check_units_held(
        &self,
        total: &Bundle,
        held: &[Bundle],
    ) -> Result<(), Rejection> {
        if !total.has_devices() && !held.iter().any(Bundle::has_devices) {
            return Ok(());
        }
        let refuse = |name: NameId, text: String| {
            let name = self.state.names.name(name).map_or("a resource", |name| name.as_str());
            let text = format!("{name}{text}: change it when offers and tasks have returned it");
            Err(Rejection::new(Code::FailedPrecondition, text).at("resources"))
        };
        for item in held.iter().flatten() {
            let is_units = |value: &Value| matches!(value, Value::Devices(_));
            let other = total.iter().find(|own| {
                own.key.name() == item.key.name() && is_units(&own.value) != is_units(&item.value)
            });
            if let Some(other) = other {
                let (is, was) = (other.value.kind(), item.value.kind());
                return refuse(item.key.name, format!(" is given as {is} and held as {was}"));
            }
        }
        let totals = places([total]);
        for ((name, id), held) in places(held) {
            let Some(has) = totals.get(&(name, id)) else { continue };
            let mut now = has.values();
            let now = now.next().map(|(unit, _)| (unit.model(), unit.group()));
            if held.values().any(|(unit, _)| Some((unit.model(), unit.group())) != now) {
                return refuse(name, format!(": unit {id} is held and described otherwise"));
            }
            let single = has.len() == 1 && held.keys().eq(has.keys());
            let enough = |(key, (_, taken)): (&Key, &(&Unit, i64))| {
                has.get(key).is_some_and(|(_, there)| there >= taken)
            };
            if !single && !held.iter().all(enough) {
                return refuse(name, format!(": unit {id} is held and reserved otherwise"));
            }
        }
        Ok(())
    }
}
