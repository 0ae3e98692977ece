//! Options of a kernel, from a mapping.
//!
//! They become the JSON that every language knows, and the kernel reads that: a name that does not
//! exist or a value out of range is its error, with its path.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyMapping, PyString};
use serde_json::{Map, Value as Json};
use tamias::{Code, Options};

use crate::convert::{entries, nanos, number_text, text, wrong_type};
use crate::errors::{Result, reject};
use crate::resources::PyResources;

const FIELD: &str = "options";

/// Reads the options that differ from the preset.
pub(crate) fn options(
    preset: &Bound<'_, PyAny>,
    given: Option<&Bound<'_, PyAny>>,
) -> Result<Options> {
    let mut object = match given {
        None => Map::new(),
        Some(given) => match given.cast::<PyMapping>() {
            Ok(mapping) => mapping_to_json(FIELD, mapping)?,
            Err(_) => return Err(wrong_type(FIELD, "a mapping of options", given)),
        },
    };
    if object.contains_key("preset") {
        let hint = "give the preset as an argument of its own: Kernel(preset=...)";
        return Err(reject(Code::Malformed, "options.preset", hint));
    }
    object.insert("preset".into(), Json::String(text("preset", preset)?));
    Ok(Options::from_json(Json::Object(object))?)
}

fn mapping_to_json(field: &str, mapping: &Bound<'_, PyMapping>) -> Result<Map<String, Json>> {
    let mut object = Map::new();
    for pair in mapping.items()?.iter() {
        let (name, value) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let name = text(field, &name)?;
        let place = format!("{field}.{}", tamias::error::shorten(&name));
        let json = if name.ends_with("_seconds") && !value.is_none() {
            number(&place, &nanos(&place, &value)?.to_string())?
        } else {
            to_json(&place, &value)?
        };
        object.insert(name, json);
    }
    Ok(object)
}

fn to_json(field: &str, value: &Bound<'_, PyAny>) -> Result<Json> {
    if value.is_none() {
        return Ok(Json::Null);
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(Json::Bool(flag.is_true()));
    }
    if let Some(text) = number_text(value)? {
        return number(field, &text);
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Json::String(text(field, value)?));
    }
    if let Ok(resources) = value.cast::<PyResources>() {
        return Ok(Json::String(resources.get().0.to_string()));
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        return Ok(Json::Object(mapping_to_json(field, mapping)?));
    }
    let expected = "a text, a number, a bool, a mapping or a list";
    let mut list = Vec::new();
    for (index, item) in entries(field, expected, value)?.iter().enumerate() {
        list.push(to_json(&format!("{field}[{index}]"), item)?);
    }
    Ok(Json::Array(list))
}

/// A number by its text; what Python prints of NaN and infinity is no number in JSON.
fn number(field: &str, text: &str) -> Result<Json> {
    let number = text.parse::<serde_json::Number>();
    number.map(Json::Number).map_err(|_| {
        let shown = tamias::error::shorten(text);
        reject(Code::Malformed, field, format!("{shown} is not a number"))
    })
}
