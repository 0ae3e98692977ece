//! Resources in JSON.
//!
//! Reads three forms: the text form as a string, the array of resource objects that Mesos uses, and
//! a plain object, `{"cpus":4,"ports":[[31000,32000]],"disks":["a"]}`; see `device_json` for
//! devices. Writes the text form.
//! Amounts are read from the text of the JSON number, so `0.1` is exactly a tenth.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::amount::Amount;
use super::collection::Resources;
use super::device_json::{self, JsonDevices, JsonRequest};
use super::excerpt::Excerpt;
use super::input::{Builder, ITEMS_MAX, InputError};
use super::key::{Meta, ResourceKey};
use super::limits::ResourceLimits;
use super::meta_json::{
    DowngradeError, Format, MesosDisk, MesosMarker, MesosMetadata, MesosProvider, MesosReservation,
};
use super::name::Name;
use super::quantities::Quantities;
use super::ranges::Ranges;
use super::set::Set;
use super::text::parse_value;
use super::value::{Kind, Value};

impl Serialize for Amount {
    /// A JSON number with the exact decimal text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = serde_json::Number::from_str(&self.to_string());
        number.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// A JSON number, by its text, or a string with the same text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Through `serde_json`, which alone knows how it hands over the text of a number.
        let unexpected = match Json::deserialize(deserializer)? {
            Json::Number(number) => return number.as_str().parse().map_err(de::Error::custom),
            Json::String(text) => return text.parse().map_err(de::Error::custom),
            Json::Null => de::Unexpected::Unit,
            Json::Bool(value) => de::Unexpected::Bool(value),
            Json::Array(_) => de::Unexpected::Seq,
            Json::Object(_) => de::Unexpected::Map,
        };
        let expected = "an amount: a number of at least 0, or the same as a string";
        Err(de::Error::invalid_type(unexpected, &expected))
    }
}

impl Serialize for Resources {
    /// The canonical text as a string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Quantities {
    /// The canonical text as a string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ResourcesVisitor)
    }
}

struct ResourcesVisitor;

impl<'de> de::Visitor<'de> for ResourcesVisitor {
    type Value = Resources;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "resources: a string like \"cpus:4;mem:32\", an object like {\"cpus\":4}, \
             or an array of Mesos resource objects",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Resources, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Resources, A::Error> {
        let mut sum = Builder::default();
        let mut index = 0_usize;
        while let Some(resource) = seq.next_element::<MesosResource>()? {
            let name = resource.name.clone();
            let pushed = resource.into_parts().and_then(|(meta, value)| {
                sum.push_with(name.clone(), meta, value).map_err(|error| error.to_string())
            });
            pushed.map_err(|error| {
                de::Error::custom(format_args!("resource {index}, {name}: {error}"))
            })?;
            index += 1;
        }
        Ok(sum.finish())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resources, A::Error> {
        let mut sum = Builder::default();
        while let Some(name) = next_name(&mut map, &self)? {
            if sum.has(&name) {
                return Err(twice(&name));
            }
            let json = map.next_value::<Json>()?;
            let pushed = match plain_value(&json) {
                Ok(value) => sum.push(name.clone(), value).map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            pushed.map_err(|error| de::Error::custom(format_args!("{name}: {error}")))?;
        }
        Ok(sum.finish())
    }
}

impl<'de> Deserialize<'de> for Quantities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantitiesVisitor)
    }
}

struct QuantitiesVisitor;

impl<'de> de::Visitor<'de> for QuantitiesVisitor {
    type Value = Quantities;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("quantities: a string like \"cpus:0.01;mem:32\" or an object like {\"cpus\":4}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantities, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Quantities, A::Error> {
        // The builder keeps the rules: one entry per name, a limit on entries, zeros are dropped.
        let mut sum = Builder::default();
        while let Some(name) = next_name(&mut map, &self)? {
            if sum.has(&name) {
                return Err(twice(&name));
            }
            let amount = map.next_value::<Amount>()?;
            sum.push(name, Value::Scalar(amount)).map_err(de::Error::custom)?;
        }
        Ok(Quantities::of(&sum.finish()))
    }
}

fn twice<E: de::Error>(name: &Name) -> E {
    E::custom(format_args!("{name}: the name appears twice in one object; write it once"))
}

/// The next key of an object as a name.
fn next_name<'de, A: MapAccess<'de>>(
    map: &mut A,
    expected: &dyn de::Expected,
) -> Result<Option<Name>, A::Error> {
    let Some(key) = map.next_key::<String>()? else {
        return Ok(None);
    };
    // A bare number, which arbitrary precision hands over as a map with this key.
    if key == "$serde_json::private::Number" {
        return Err(de::Error::invalid_type(de::Unexpected::Other("number"), expected));
    }
    Name::new(&key).map(Some).map_err(de::Error::custom)
}

/// The value of a plain object: a number, a list of pairs, of strings or of units, a request, or
/// the text of one.
fn plain_value(json: &Json) -> Result<Value, String> {
    match json {
        Json::Number(number) => match number.as_str().parse() {
            Ok(amount) => Ok(Value::Scalar(amount)),
            Err(error) => Err(error.to_string()),
        },
        Json::String(text) => parse_value(text).map_err(|reason| reason.to_string()),
        Json::Array(list) if list.first().is_some_and(Json::is_string) => plain_set(list),
        Json::Array(list) if list.first().is_some_and(Json::is_object) => device_json::units(list),
        Json::Array(list) => plain_ranges(list),
        Json::Object(_) if device_json::is_request(json) => device_json::request(json),
        other => Err(format!(
            "{} is not a value; write a number, [[1,3],[7,9]] for ranges, \
             [\"a\",\"b\"] for a set or [{{\"id\":0}}] for devices",
            Excerpt::new(&other.to_string())
        )),
    }
}

fn plain_set(list: &[Json]) -> Result<Value, String> {
    let mut items = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let Some(text) = item.as_str() else {
            let item = Excerpt::new(&item.to_string());
            return Err(format!("set item {index} is {item}; write a string"));
        };
        items.push(text);
    }
    Set::new(items).map(Value::Set).map_err(|error| error.to_string())
}

fn plain_ranges(list: &[Json]) -> Result<Value, String> {
    let mut intervals = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let pair = match item.as_array().map(Vec::as_slice) {
            Some([begin, end]) => begin.as_u64().zip(end.as_u64()),
            _ => None,
        };
        let Some(pair) = pair else {
            let item = Excerpt::new(&item.to_string());
            return Err(format!("range {index} is {item}; write [begin,end], two whole numbers"));
        };
        intervals.push(pair);
    }
    Ranges::new(intervals).map(Value::Ranges).map_err(|error| error.to_string())
}

/// One resource object of Mesos. Every field of the protocol is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosResource {
    name: Name,
    r#type: MesosType,
    scalar: Option<MesosScalar>,
    ranges: Option<MesosRanges>,
    set: Option<MesosSet>,
    devices: Option<JsonDevices>,
    request: Option<JsonRequest>,
    role: Option<Box<str>>,
    reservation: Option<MesosReservation>,
    #[serde(default)]
    reservations: Vec<MesosReservation>,
    allocation_info: Option<IgnoredAny>,
    disk: Option<MesosDisk>,
    revocable: Option<MesosMarker>,
    shared: Option<MesosMarker>,
    provider_id: Option<MesosProvider>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum MesosType {
    Scalar,
    Ranges,
    Set,
    Devices,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosScalar {
    value: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosRanges {
    #[serde(default)]
    range: Vec<MesosRange>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosRange {
    begin: u64,
    end: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosSet {
    #[serde(default)]
    item: Vec<String>,
}

impl MesosResource {
    fn into_parts(self) -> Result<(Meta, Value), String> {
        if self.allocation_info.is_some() {
            // Not dropped silently: what is offered or launched says for which role by itself.
            return Err("allocation_info: the offer has the role; leave it out".to_owned());
        }
        let devices = (self.devices, self.request);
        let value = mesos_value(self.r#type, self.scalar, self.ranges, self.set, devices)?;
        let metadata = MesosMetadata {
            role: self.role,
            reservation: self.reservation,
            reservations: self.reservations,
            disk: self.disk,
            revocable: self.revocable,
            shared: self.shared,
            provider: self.provider_id,
        };
        Ok((metadata.into_metadata()?.into(), value))
    }
}

/// The value of the field that goes with the type.
fn mesos_value(
    kind: MesosType,
    scalar: Option<MesosScalar>,
    ranges: Option<MesosRanges>,
    set: Option<MesosSet>,
    devices: (Option<JsonDevices>, Option<JsonRequest>),
) -> Result<Value, String> {
    match (kind, scalar, ranges, set, devices) {
        (MesosType::Scalar, Some(scalar), None, None, (None, None)) => {
            Ok(Value::Scalar(scalar.value))
        }
        (MesosType::Ranges, None, Some(ranges), None, (None, None)) => {
            let intervals = ranges.range.iter().map(|range| (range.begin, range.end));
            let ranges = Ranges::new(intervals.collect());
            ranges.map(Value::Ranges).map_err(|error| error.to_string())
        }
        (MesosType::Set, None, None, Some(set), (None, None)) => {
            Set::new(set.item).map(Value::Set).map_err(|error| error.to_string())
        }
        (MesosType::Devices, None, None, None, (Some(devices), None)) => devices.into_value(),
        (MesosType::Devices, None, None, None, (None, Some(request))) => request.into_value(),
        (kind, ..) => {
            let kind = match kind {
                MesosType::Scalar => Kind::Scalar,
                MesosType::Ranges => Kind::Ranges,
                MesosType::Set => Kind::Set,
                MesosType::Devices => Kind::Devices,
            };
            let mesos = kind.mesos_name();
            Err(format!("type is {mesos}; give the field \"{kind}\" and no other value"))
        }
    }
}

impl Resources {
    /// The array of resource objects that Mesos uses in its HTTP interfaces.
    #[must_use]
    pub fn to_mesos_json(&self) -> Json {
        self.to_mesos_json_as(Format::PostRefinement)
    }

    /// The same in another form. Refined reservations stay as they are in every form: see
    /// [`Resources::downgraded`].
    #[must_use]
    pub fn to_mesos_json_as(&self, format: Format) -> Json {
        let mut objects = Vec::with_capacity(self.len());
        for item in self {
            match &item.value {
                // Each piece is an object of its own, and so is each copy.
                Value::Pieces(pieces) => {
                    for (size, count) in pieces.iter() {
                        let object = object(&item.key, &Value::Scalar(size), format);
                        objects.extend(std::iter::repeat_n(object, count as usize));
                    }
                }
                value => objects.push(object(&item.key, value, format)),
            }
        }
        Json::Array(objects)
    }

    /// The array for readers that know one reservation at most, and whether it is all of it: what
    /// has a refined reservation stays in the form since refinement.
    pub fn downgraded(&self) -> (Json, Result<(), DowngradeError>) {
        let is_refined =
            |key: &ResourceKey| key.metadata().is_some_and(super::Metadata::is_refined);
        let mut refined = self.iter().filter(|item| is_refined(&item.key));
        let outcome = match refined.next() {
            None => Ok(()),
            Some(first) => {
                let first = Excerpt::new(&first.key.to_string());
                Err(DowngradeError { count: refined.count() + 1, first })
            }
        };
        (self.to_mesos_json_as(Format::PreRefinement), outcome)
    }
}

fn object(key: &ResourceKey, value: &Value, format: Format) -> Json {
    let kind = value.kind();
    let mut object = json!({"name": key.as_str(), "type": kind.mesos_name()});
    let field = match kind {
        Kind::Pieces => Kind::Scalar.to_string(),
        Kind::Request => "request".to_owned(),
        kind => kind.to_string(),
    };
    object[field] = match value {
        // An amount always serializes: its text is a JSON number.
        Value::Scalar(amount) => json!({"value": amount}),
        Value::Pieces(pieces) => json!({"value": pieces.quantity()}),
        Value::Ranges(ranges) => {
            let pair = |(begin, end)| json!({"begin": begin, "end": end});
            json!({"range": ranges.iter().map(pair).collect::<Vec<_>>()})
        }
        Value::Set(set) => json!({"item": set.iter().collect::<Vec<_>>()}),
        Value::Devices(devices) => device_json::write_units(devices),
        Value::Request(request) => device_json::write_request(request),
    };
    match key.metadata() {
        Some(metadata) => metadata.write_json(&mut object, format),
        None if format == Format::PostRefinement => {}
        None => super::meta_json::write_legacy(None, &mut object),
    }
    object
}

impl Serialize for ResourceLimits {
    /// The canonical text as a string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitsVisitor)
    }
}

struct LimitsVisitor;

impl<'de> de::Visitor<'de> for LimitsVisitor {
    type Value = ResourceLimits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("limits: a string like \"cpus:4;gpus:0\" or an object like {\"cpus\":4}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ResourceLimits, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ResourceLimits, A::Error> {
        let mut limits = ResourceLimits::new();
        while let Some(name) = next_name(&mut map, &self)? {
            if limits.get(&name).is_some() {
                return Err(twice(&name));
            }
            if limits.iter().len() == ITEMS_MAX {
                return Err(de::Error::custom(InputError::TooManyItems));
            }
            limits.set(name, map.next_value::<Amount>()?);
        }
        Ok(limits)
    }
}
