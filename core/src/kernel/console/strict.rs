//! JSON objects as people write them by hand: a key that stands there twice is a mistake, not a
//! choice between two values.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{Code, Rejection, shorten};

/// Reads one JSON object.
///
/// Errors: [`Code::Malformed`] with the column.
pub(super) fn parse_object(text: &str) -> Result<Map<String, Value>, Rejection> {
    let malformed = |error: serde_json::Error| {
        // The text is one line: only the column tells anything.
        let message = error.to_string().replace("at line 1 column", "at column");
        Rejection::new(Code::Malformed, message)
    };
    let value: Value = serde_json::from_str(text).map_err(malformed)?;
    let Value::Object(fields) = value else {
        let text =
            format!("{} is no object: a line is one, such as {{\"do\":\"tick\"}}", shorten(text));
        return Err(Rejection::new(Code::Malformed, text));
    };
    serde_json::from_str::<NoDuplicates>(text).map_err(malformed)?;
    Ok(fields)
}

/// Any JSON, looked through for duplicate keys. A number is nothing to look into, however
/// `serde_json` hands it over.
struct NoDuplicates;

impl<'de> Deserialize<'de> for NoDuplicates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for NoDuplicates {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} stands there twice")));
            }
            seen.insert(key);
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_anything_are_read() {
        let text = r#"{"a":[1,-2.50,1e+400,true,null,"x"],"b":{"a":{"a":12345678901234567890}}}"#;
        let fields = parse_object(text).unwrap();
        assert_eq!(Value::Object(fields).to_string(), text);
    }

    #[test]
    fn a_duplicate_key_is_named_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"b":[{"a":1,"c":0,"a":1}]}"#] {
            let error = parse_object(text).unwrap_err();
            assert!(error.to_string().contains("the key \"a\" stands there twice"), "{error}");
        }
    }

    #[test]
    fn what_is_no_object_is_said() {
        let error = parse_object(r#"{"do":"#).unwrap_err();
        assert_eq!(error.to_string(), "EOF while parsing a value at column 6");
        assert!(parse_object("[1]").unwrap_err().to_string().starts_with("[1] is no object"));
        assert!(parse_object("{} x").unwrap_err().to_string().contains("trailing characters"));
    }
}
