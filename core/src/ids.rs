//! Identifiers: an index and a generation in one `u64`, never reused.
//!
//! A slot that is freed and filled again carries the next generation, so a stale id is *not found*
//! instead of meaning a stranger. The text form is a letter for the kind, the index and the
//! generation: `a0.1`, `f3.1`, `o17.4`. Another kernel's id cannot be recognised as such: it is not
//! found or names some object of this kernel, but it is never unsafe.

use std::fmt;
use std::str::FromStr;

/// What every id type has in common; lets an [`Arena`](crate::arena::Arena) be typed by its id.
pub trait Id: Copy + Ord + fmt::Debug {
    /// Builds the id of a slot.
    fn from_parts(index: u32, generation: u32) -> Self;
    /// The slot.
    fn index(self) -> u32;
    /// How often the slot has been filled, counted from 1.
    fn generation(self) -> u32;
}

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not {kind} id: expected `{letter}INDEX.GENERATION`, for example `{letter}0.1`"
)]
pub struct IdError {
    text: String,
    kind: &'static str,
    letter: char,
}

fn parse_parts(text: &str, letter: char) -> Option<(u32, u32)> {
    let (index, generation) = text.strip_prefix(letter)?.split_once('.')?;
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(index) || !digits(generation) {
        return None;
    }
    let generation: u32 = generation.parse().ok()?;
    (generation > 0).then_some((index.parse().ok()?, generation))
}

macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The id as it crosses the C ABI: generation in the high half, index in the low.
            #[must_use]
            pub const fn to_u64(self) -> u64 {
                self.0
            }

            /// Reads an id from the C ABI; any number is accepted, whether it exists is looked up.
            #[must_use]
            pub const fn from_u64(raw: u64) -> Self {
                Self(raw)
            }
        }

        impl Id for $name {
            fn from_parts(index: u32, generation: u32) -> Self {
                Self((u64::from(generation) << 32) | u64::from(index))
            }

            #[allow(clippy::cast_possible_truncation)] // the low half is meant
            fn index(self) -> u32 {
                self.0 as u32
            }

            fn generation(self) -> u32 {
                (self.0 >> 32) as u32
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}.{}", $letter, self.index(), self.generation())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_parts(text, $letter)
                    .map(|(index, generation)| Self::from_parts(index, generation))
                    .ok_or_else(|| IdError {
                        text: crate::error::shorten(text),
                        kind: $kind,
                        letter: $letter,
                    })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.u64(self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                d.u64().map(Self)
            }
        }
    };
}

define_id!(
    /// A machine that offers resources.
    AgentId, 'a', "an agent");
define_id!(
    /// A registered scheduler.
    FrameworkId, 'f', "a framework");
define_id!(
    /// Resources of one agent granted to one framework; while it is an offer, the offer's id.
    GrantId, 'o', "an offer");
define_id!(
    /// A question to one framework whether one agent may go.
    InverseOfferId, 'i', "an inverse offer");
define_id!(
    /// A task handle. Frameworks name their tasks; the handle is what replies and events carry.
    TaskId, 't', "a task");
define_id!(
    /// What runs several tasks of one framework on one agent.
    ExecutorId, 'e', "an executor");
define_id!(
    /// An operation whose outcome an agent reports.
    OperationId, 'x', "an operation");
define_id!(
    /// A session: the right to send commands in one capacity.
    SessionId, 's', "a session");
define_id!(
    /// A role with a weight or a framework. Outside the ledger roles are known by name.
    RoleId, 'r', "a role");

/// The id of a grant that is an offer.
pub type OfferId = GrantId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_reads_back() {
        let id = OfferId::from_parts(17, 4);
        assert_eq!(id.to_string(), "o17.4");
        assert_eq!("o17.4".parse(), Ok(id));
        assert_eq!(OfferId::from_u64(id.to_u64()), id);
    }

    #[test]
    fn an_id_of_another_kind_is_named() {
        let error = "a0.1".parse::<OfferId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"a0.1\" is not an offer id: expected `oINDEX.GENERATION`, for example `o0.1`"
        );
        for text in ["", "o", "o1", "o1.", "o.1", "o1.0", "o+1.1", "o4294967296.1", "o1.1x"] {
            assert!(text.parse::<OfferId>().is_err(), "{text}");
        }
    }
}
