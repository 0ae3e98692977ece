//! Attributes of an agent: what a framework may look at when it chooses, never counted or shared.
//!
//! Text form `name:value;name:value`, split at the first `:` only, so `a:b:c` is the text `b:c`.
//! Names need not be unique; order and duplicates do not matter when sets are compared.

use std::fmt;
use std::str::FromStr;

use crate::error::shorten;
use crate::limits::{ATTRIBUTES_PER_AGENT_MAX, NAME_BYTES_MAX};
use crate::resources::kind_of_text;

/// The attributes of one agent, in the order given.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<(Box<str>, Box<str>)>);

/// Why a text is not a list of attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// No `:` between name and value.
    #[error("attribute {index} {text:?} has no value: write `name:value`")]
    NoValue {
        /// Which one, counted from 0.
        index: usize,
        /// The text of it, shortened.
        text: String,
    },
    /// An empty name or value, or one that is too long.
    #[error("attribute {index} {text:?}: name and value need 1 to 255 bytes each")]
    Length {
        /// Which one, counted from 0.
        index: usize,
        /// The text of it, shortened.
        text: String,
    },
    /// Too many of them.
    #[error("{0} attributes: at most {ATTRIBUTES_PER_AGENT_MAX}")]
    TooMany(usize),
}

impl Attributes {
    /// Name and value of each attribute in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Whether a value is text: neither a number (`4`, `-1.5e3`) nor ranges (`[1-3,7-9]`).
    pub fn is_text(value: &str) -> bool {
        kind_of_text(value).is_none()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Equal as sets: order and duplicates do not matter.
impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        let within = |a: &Self, b: &Self| a.0.iter().all(|item| b.0.contains(item));
        within(self, other) && within(other, self)
    }
}

impl Eq for Attributes {}

impl FromStr for Attributes {
    type Err = AttributeError;

    fn from_str(text: &str) -> Result<Self, AttributeError> {
        let mut list = Vec::new();
        let items = text.split([';', '\n']).map(str::trim).filter(|item| !item.is_empty());
        for (index, item) in items.enumerate() {
            let Some((name, value)) = item.split_once(':') else {
                return Err(AttributeError::NoValue { index, text: shorten(item) });
            };
            let (name, value) = (name.trim(), value.trim());
            if [name, value].iter().any(|s| s.is_empty() || s.len() > NAME_BYTES_MAX) {
                return Err(AttributeError::Length { index, text: shorten(item) });
            }
            list.push((name.into(), value.into()));
        }
        if list.len() > ATTRIBUTES_PER_AGENT_MAX {
            return Err(AttributeError::TooMany(list.len()));
        }
        Ok(Self(list))
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}:{value}")?;
        }
        Ok(())
    }
}

impl serde::Serialize for Attributes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Attributes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<C> minicbor::Encode<C> for Attributes {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.to_string())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Attributes {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        d.str()?.parse().map_err(|e| minicbor::decode::Error::message(e).at(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form() {
        let attributes: Attributes = "rack:r1; os:linux;a:foo:bar".parse().unwrap();
        assert_eq!(attributes.to_string(), "rack:r1;os:linux;a:foo:bar");
        assert_eq!(attributes.get("a"), Some("foo:bar"));
        assert_eq!(attributes, "os:linux;rack:r1;a:foo:bar;os:linux".parse().unwrap());
        assert_ne!(attributes, "os:linux".parse().unwrap());
        assert!("".parse::<Attributes>().unwrap().is_empty());
    }

    #[test]
    fn errors_say_which() {
        let error = "rack:r1;oops".parse::<Attributes>().unwrap_err();
        assert_eq!(error.to_string(), "attribute 1 \"oops\" has no value: write `name:value`");
        assert!(matches!(":x".parse::<Attributes>(), Err(AttributeError::Length { index: 0, .. })));
    }
}
