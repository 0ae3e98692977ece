//! Values of C as values of the core.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tamias_core::{Code, Nanos, Rejection};

use crate::boundary::Outcome;

/// `TAMIAS_UNSET` of the header: no value, the kernel's default holds.
pub(crate) const UNSET: i64 = i64::MIN;

/// A duration, unless it is unset.
pub(crate) fn optional_nanos(nanos: i64) -> Option<Nanos> {
    (nanos != UNSET).then_some(Nanos(nanos))
}

/// Reads the fields that a struct does not have from a JSON object. `typed` are the names of those
/// that it has, which may not be given twice; `required` are values for those that the core wants
/// in any case.
pub(crate) fn further_fields<T: DeserializeOwned + Default>(
    json: Option<&str>,
    typed: &[&str],
    required: &[(&str, Value)],
) -> Outcome<T> {
    let Some(json) = json else { return Ok(T::default()) };
    let malformed = |text: String| Rejection::new(Code::Malformed, text);
    let mut fields: Map<String, Value> =
        serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
    if let Some(name) = typed.iter().find(|name| fields.contains_key(**name)) {
        let text = "is a field of the struct: leave it out of the JSON text";
        return Err(malformed(text.into()).at(*name));
    }
    fields.extend(required.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        let rejection = malformed(error.into_inner().to_string());
        if path == "." { rejection } else { rejection.at(path) }
    })
}
