//! Arguments from Python, each with an error that names the argument.
//!
//! Floats are rounded here and nowhere else: an amount counts as the decimal that `repr` prints
//! (`0.1` is a tenth) and is rounded to thousandths by the kernel; seconds are rounded to the
//! nearest nanosecond. Everything else is exact.

use std::str::FromStr;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString};
use tamias::attributes::Attributes;
use tamias::error::shorten;
use tamias::value::{Bytes, Uuid};
use tamias::{Code, Nanos};

use crate::classes::classes;
use crate::errors::{Error, Result, reject};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// An argument of the wrong type: the caller's program is wrong, not its data.
pub(crate) fn wrong_type(field: &str, expected: &str, given: &Bound<'_, PyAny>) -> Error {
    let class = given.get_type();
    let name = class.name().map_or_else(|_| "object".into(), |name| name.to_string());
    Error::Python(PyTypeError::new_err(format!("{field}: expected {expected}, got {name}")))
}

/// A text; one that is not UTF-8 (a lone surrogate) is rejected.
pub(crate) fn text(field: &str, value: &Bound<'_, PyAny>) -> Result<String> {
    let Ok(string) = value.cast::<PyString>() else {
        return Err(wrong_type(field, "a text", value));
    };
    string.to_cow().map(std::borrow::Cow::into_owned).map_err(|_| {
        let shown = string.repr().map_or_else(|_| String::new(), |repr| repr.to_string());
        let shown = shorten(&shown);
        let why = "is not UTF-8: it holds a lone surrogate, as from undecodable bytes";
        reject(Code::BadName, field, format!("{shown} {why}"))
    })
}

/// A text, or nothing.
pub(crate) fn maybe_text(
    field: &str,
    value: Option<&Bound<'_, PyAny>>,
) -> Result<Option<Box<str>>> {
    value.map(|value| text(field, value).map(Into::into)).transpose()
}

/// The entries of a list, which may also be given as one entry alone.
pub(crate) fn texts(field: &str, value: &Bound<'_, PyAny>) -> Result<Vec<Box<str>>> {
    if value.is_instance_of::<PyString>() {
        let hint = format!("a list of texts, such as [{}]", value.repr()?);
        return Err(wrong_type(field, &hint, value));
    }
    let mut list = Vec::new();
    for (index, item) in entries(field, "a list of texts", value)?.iter().enumerate() {
        list.push(text(&format!("{field}[{index}]"), item).map_err(|e| e.entry(index))?.into());
    }
    Ok(list)
}

/// The entries of anything that can be iterated.
pub(crate) fn entries<'py>(
    field: &str,
    expected: &str,
    value: &Bound<'py, PyAny>,
) -> Result<Vec<Bound<'py, PyAny>>> {
    let Ok(iterator) = value.try_iter() else { return Err(wrong_type(field, expected, value)) };
    Ok(iterator.collect::<PyResult<_>>()?)
}

/// An id, or anything else with a text form.
pub(crate) fn parsed<T: FromStr<Err: std::fmt::Display>>(
    field: &str,
    value: &Bound<'_, PyAny>,
) -> Result<T> {
    let text = text(field, value)?;
    text.parse().map_err(|error: T::Err| reject(Code::Malformed, field, error.to_string()))
}

/// The identity of an update: hexadecimal text, 16 bytes, or a `uuid.UUID`.
pub(crate) fn uuid(field: &str, value: &Bound<'_, PyAny>) -> Result<Uuid> {
    if value.is_instance_of::<PyString>() {
        return parsed(field, value);
    }
    let bytes = match value.getattr("bytes") {
        Ok(bytes) => bytes,
        Err(_) => value.clone(),
    };
    let Ok(bytes) = bytes.cast::<PyBytes>() else {
        return Err(wrong_type(field, "the uuid of an update", value));
    };
    let array = <[u8; 16]>::try_from(bytes.as_bytes());
    array.map(Uuid).map_err(|_| {
        let count = bytes.as_bytes().len();
        reject(Code::Malformed, field, format!("a uuid has 16 bytes, not {count}"))
    })
}

/// Bytes.
pub(crate) fn bytes(field: &str, value: &Bound<'_, PyAny>) -> Result<Bytes> {
    match value.cast::<PyBytes>() {
        Ok(bytes) => Ok(Bytes(bytes.as_bytes().to_vec())),
        Err(_) => Err(wrong_type(field, "bytes", value)),
    }
}

/// A duration: seconds as a number, or a `timedelta`.
pub(crate) fn nanos(field: &str, value: &Bound<'_, PyAny>) -> Result<Nanos> {
    let out_of_range = || {
        let text = "is out of range: give seconds between -9223372036 and 9223372036";
        let shown = value.str().map_or_else(|_| String::new(), |text| text.to_string());
        reject(Code::BadTime, field, format!("{} {text}", shorten(&shown)))
    };
    if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(field, "seconds or a timedelta", value));
    }
    if value.is_instance_of::<PyInt>() {
        let seconds: i64 = value.extract().map_err(|_| out_of_range())?;
        return seconds.checked_mul(NANOS_PER_SECOND).map(Nanos).ok_or_else(out_of_range);
    }
    if let Ok(seconds) = value.cast::<PyFloat>() {
        let rounded = (seconds.value() * 1e9).round();
        // 2^63 is exactly a double; NaN is in no range.
        let limit = 9_223_372_036_854_775_808.0;
        if !(rounded > -limit && rounded < limit) {
            return Err(out_of_range());
        }
        #[allow(clippy::cast_possible_truncation)] // in range, as was just seen
        return Ok(Nanos(rounded as i64));
    }
    let classes = classes(value.py())?;
    if value.is_instance(classes.timedelta.bind(value.py()))? {
        let part = |name| -> PyResult<i64> { value.getattr(name)?.extract() };
        let seconds = part("days")? * 86_400 + part("seconds")?;
        let micros = part("microseconds")?;
        let whole = seconds.checked_mul(NANOS_PER_SECOND);
        return whole
            .and_then(|whole| whole.checked_add(micros * 1000))
            .map(Nanos)
            .ok_or_else(out_of_range);
    }
    Err(wrong_type(field, "seconds or a timedelta", value))
}

/// A duration, or nothing.
pub(crate) fn maybe_nanos(field: &str, value: Option<&Bound<'_, PyAny>>) -> Result<Option<Nanos>> {
    value.map(|value| nanos(field, value)).transpose()
}

/// How long to wait: nothing is for ever, less than nothing is not at all.
pub(crate) fn timeout(value: Option<&Bound<'_, PyAny>>) -> Result<Option<Duration>> {
    let nanos = maybe_nanos("timeout", value)?;
    Ok(nanos.map(|nanos| Duration::from_nanos(nanos.0.max(0).unsigned_abs())))
}

/// The text of a number, exactly as Python prints it.
pub(crate) fn number_text(value: &Bound<'_, PyAny>) -> Result<Option<String>> {
    let py = value.py();
    let is_number = value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance(classes(py)?.decimal.bind(py))?;
    if !is_number || value.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    Ok(Some(value.str()?.to_string()))
}

/// Attributes: a text, a mapping, or pairs.
pub(crate) fn attributes(value: Option<&Bound<'_, PyAny>>) -> Result<Option<Attributes>> {
    const FIELD: &str = "attributes";
    let Some(value) = value else { return Ok(None) };
    let joined = if value.is_instance_of::<PyString>() {
        text(FIELD, value)?
    } else {
        let items = match value.call_method0("items") {
            Ok(items) => items,
            Err(_) => value.clone(),
        };
        let mut joined = String::new();
        for item in entries(FIELD, "a text, a mapping of texts, or pairs", &items)? {
            let Ok((name, value)) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() else {
                return Err(wrong_type(FIELD, "pairs of name and value", &item));
            };
            let (name, value) = (text(FIELD, &name)?, text(FIELD, &value)?);
            // The text form splits there; letting them through would change the meaning.
            if name.contains([';', '\n', ':']) || value.contains([';', '\n']) {
                let pair = shorten(&format!("{name}:{value}"));
                let why = "holds `;`, a line break, or `:` in its name: leave them out";
                return Err(reject(Code::BadAttributes, FIELD, format!("{pair:?} {why}")));
            }
            joined.push_str(&format!("{name}:{value};"));
        }
        joined
    };
    let parsed = joined.parse::<Attributes>();
    parsed.map(Some).map_err(|error| reject(Code::BadAttributes, FIELD, error.to_string()))
}

/// A mapping of texts to texts.
pub(crate) fn text_map(
    field: &str,
    value: &Bound<'_, PyAny>,
) -> Result<std::collections::BTreeMap<Box<str>, Box<str>>> {
    let mut map = std::collections::BTreeMap::new();
    let py = value.py();
    let dict = py.get_type::<PyDict>().call1((value,))?;
    for (key, value) in dict.cast::<PyDict>().map_err(PyErr::from)?.iter() {
        let key = text(field, &key)?;
        let value = text(&format!("{field}.{}", shorten(&key)), &value)?;
        map.insert(key.into(), value.into());
    }
    Ok(map)
}
