//! Devices in the text form: what stands between `<` and `>`.
//!
//! - units: `<0-3=a100@g0,4=a100@g1/0.5>`: numbers, then `=model`, `@group` and `/amount` as far as
//!   they are to be said; without an amount it is one
//! - a request: `<2 of a100|h100 in one group>`, `<0.5 of any>`

use std::sync::Arc;

use super::amount::Amount;
use super::device_request::DeviceRequest;
use super::devices::{Description, Devices, DevicesError, Unit};
use super::excerpt::Excerpt;
use super::text::Reason;
use super::value::Value;
use crate::limits::DEVICES_PER_AGENT_MAX;

/// Reads what stands between the brackets.
pub(super) fn parse_devices(inner: &str) -> Result<Value, Reason> {
    let words: Vec<&str> = inner.split_whitespace().collect();
    if words.get(1).is_some_and(|word| *word == "of") {
        return parse_request(inner, &words).map(Value::Request);
    }
    let mut units = Vec::new();
    if !inner.trim().is_empty() {
        for part in inner.split(',') {
            parse_units(part.trim(), &mut units)?;
        }
    }
    Ok(Value::Devices(Devices::new(units)?))
}

/// Reads `4 of a|b` or `4 of any in one group`.
fn parse_request(inner: &str, words: &[&str]) -> Result<DeviceRequest, Reason> {
    let bad = || Reason::NotARequest { found: Excerpt::new(inner.trim()) };
    let (amount, models, one_group) = match words {
        [amount, _, models] => (*amount, *models, false),
        [amount, _, models, "in", "one", "group"] => (*amount, *models, true),
        _ => return Err(bad()),
    };
    let models: Vec<&str> = match models {
        "any" => Vec::new(),
        models => models.split('|').collect(),
    };
    Ok(DeviceRequest::new(amount.parse::<Amount>()?, &models, one_group)?)
}

/// Reads one unit, or several in a row.
fn parse_units(text: &str, units: &mut Vec<Unit>) -> Result<(), Reason> {
    let bad = || Reason::NotAUnit { unit: Excerpt::new(text) };
    let (rest, amount) = match text.rsplit_once('/') {
        Some((rest, amount)) => (rest, amount.trim().parse::<Amount>()?),
        None => (text, Amount::from_units(1)),
    };
    let (rest, group) = match rest.split_once('@') {
        Some((rest, group)) => (rest, Some(group.trim())),
        None => (rest, None),
    };
    let (numbers, model) = match rest.split_once('=') {
        Some((numbers, model)) => (numbers, Some(model.trim())),
        None => (rest, None),
    };
    let number = |text: &str| super::text::whole(text).and_then(|id| u32::try_from(id).ok());
    let (first, last) = match numbers.split_once('-') {
        Some((first, last)) => (number(first), number(last)),
        None => (number(numbers), number(numbers)),
    };
    let (Some(first), Some(last)) = (first, last) else { return Err(bad()) };
    if first > last {
        return Err(bad());
    }
    let count = u64::from(last - first) + 1 + units.len() as u64;
    if count > DEVICES_PER_AGENT_MAX as u64 {
        return Err(DevicesError::TooMany { count }.into());
    }
    let description = Arc::new(Description::new(model, group)?);
    for id in first..=last {
        units.push(Unit::new(id, amount, description.clone())?);
    }
    Ok(())
}
