//! Devices in JSON.
//!
//! - units: `[{"id":0,"model":"a100","group":"g0","amount":0.5}]`, where no amount means one
//! - a request: `{"count":2,"models":["a100"],"one_group":true}` or `{"fraction":0.5}`
//!
//! Mesos has no such kind: its array of resource objects is extended by the type `DEVICES` with the
//! field `devices` or `request`.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::amount::Amount;
use super::device_request::{Ask, DeviceRequest};
use super::devices::{Description, Devices, Unit};
use super::value::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonUnit {
    id: u32,
    model: Option<String>,
    group: Option<String>,
    amount: Option<Amount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonDevices {
    #[serde(default)]
    unit: Vec<JsonUnit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonRequest {
    count: Option<u32>,
    fraction: Option<Amount>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    one_group: bool,
}

impl JsonUnit {
    fn into_unit(self) -> Result<Unit, String> {
        let description = Description::new(self.model.as_deref(), self.group.as_deref());
        let amount = self.amount.unwrap_or(Amount::from_units(1));
        let unit = description.and_then(|description| Unit::new(self.id, amount, description));
        unit.map_err(|error| error.to_string())
    }
}

impl JsonDevices {
    pub(super) fn into_value(self) -> Result<Value, String> {
        let units = self.unit.into_iter().map(JsonUnit::into_unit).collect::<Result<_, _>>()?;
        Devices::new(units).map(Value::Devices).map_err(|error| error.to_string())
    }
}

impl JsonRequest {
    pub(super) fn into_value(self) -> Result<Value, String> {
        let amount = match (self.count, self.fraction) {
            (Some(count), None) => Amount::from_units(count),
            (None, Some(part)) if part >= Amount::from_units(1) => {
                return Err(format!(
                    "fraction is {part}: a part of a unit is less than 1; for \
                                    whole units give count"
                ));
            }
            (None, Some(part)) => part,
            (Some(_), Some(_)) => {
                return Err("count and fraction are both given: ask for whole units or for a \
                            part of one"
                    .to_owned());
            }
            (None, None) => {
                return Err("neither count nor fraction is given: ask for whole units or for a \
                            part of one"
                    .to_owned());
            }
        };
        let request = DeviceRequest::new(amount, &self.models, self.one_group);
        request.map(Value::Request).map_err(|error| error.to_string())
    }
}

/// Reads a list of units.
pub(super) fn units(list: &[Json]) -> Result<Value, String> {
    let mut units = Vec::with_capacity(list.len().min(crate::limits::DEVICES_PER_AGENT_MAX));
    for (index, item) in list.iter().enumerate() {
        let unit = JsonUnit::deserialize(item).map_err(|error| error.to_string());
        let unit = unit.and_then(JsonUnit::into_unit);
        units.push(unit.map_err(|error| format!("unit {index} of the list: {error}"))?);
    }
    Devices::new(units).map(Value::Devices).map_err(|error| error.to_string())
}

/// Whether an object is meant as a request.
pub(super) fn is_request(object: &Json) -> bool {
    ["count", "fraction", "models"].iter().any(|field| object.get(field).is_some())
}

/// Reads a request.
pub(super) fn request(object: &Json) -> Result<Value, String> {
    let request = JsonRequest::deserialize(object).map_err(|error| {
        format!(
            "as a request for devices, such as {{\"count\":2}} or {{\"fraction\":0.5}}: {error}"
        )
    });
    request.and_then(JsonRequest::into_value)
}

/// The units as the field `devices`.
pub(super) fn write_units(devices: &Devices) -> Json {
    let unit = |unit: &Unit| {
        let mut object = json!({"id": unit.id()});
        for (key, word) in [("model", unit.model()), ("group", unit.group())] {
            if let Some(word) = word {
                object[key] = json!(word);
            }
        }
        if !unit.is_whole() {
            object["amount"] = json!(unit.amount());
        }
        object
    };
    json!({"unit": devices.iter().map(unit).collect::<Vec<_>>()})
}

/// The request as the field `request`.
pub(super) fn write_request(request: &DeviceRequest) -> Json {
    let mut object = match request.ask() {
        Ask::Whole(count) => json!({"count": count}),
        Ask::Part(amount) => json!({"fraction": amount}),
    };
    if request.models().len() > 0 {
        object["models"] = json!(request.models().collect::<Vec<_>>());
    }
    if request.is_one_group() {
        object["one_group"] = json!(true);
    }
    object
}
