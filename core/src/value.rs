//! Small values that commands and events carry: uuids, opaque bytes, capabilities.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::error::shorten;
use crate::time::{Nanos, Time};

/// The result of a task's check; what is not known yet is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckStatus {
    /// The exit code of its command.
    #[n(0)]
    Command(#[n(0)] Option<i32>),
    /// The status code of its HTTP request.
    #[n(1)]
    Http(#[n(0)] Option<u32>),
    /// Whether its TCP connection was made.
    #[n(2)]
    Tcp(#[n(0)] Option<bool>),
}

/// The identity of a status update: 16 opaque bytes, hexadecimal in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let wrong = || UuidError(shorten(text));
        if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        u128::from_str_radix(&digits, 16).map(|n| Self(n.to_be_bytes())).map_err(|_| wrong())
    }
}

/// Why a text is not a uuid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a uuid: expected 32 hexadecimal digits")]
pub struct UuidError(String);

impl Serialize for Uuid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<C> Encode<C> for Uuid {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Uuid {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let bytes = d.bytes()?.try_into();
        bytes.map(Self).map_err(|_| minicbor::decode::Error::message("uuid of 16 bytes").at(at))
    }
}

/// Bytes the kernel does not look into; base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let wrong = |e| serde::de::Error::custom(format_args!("not base64: {e}"));
        BASE64.decode(text.as_bytes()).map(Self).map_err(wrong)
    }
}

impl<C> Encode<C> for Bytes {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Bytes {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        ByteVec::decode(d, ctx).map(|bytes| Self(bytes.into()))
    }
}

/// Opaque bytes of a wire layer with their media type, kept byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Ext {
    /// What the bytes are, for example `application/x-protobuf`.
    #[n(0)]
    pub media_type: Box<str>,
    /// The bytes, at most [`EXT_BYTES_MAX`](crate::limits::EXT_BYTES_MAX).
    #[n(1)]
    pub bytes: Bytes,
}

/// What a framework can deal with.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Capability {
    /// Wants resources that can be taken back at any time.
    #[n(1)]
    RevocableResources,
    /// Knows volumes that several tasks may use at a time.
    #[n(4)]
    SharedResources,
    /// Knows reservations of reservations.
    #[n(7)]
    ReservationRefinement,
    /// Distinguishes `TASK_UNREACHABLE`, `TASK_DROPPED`, `TASK_GONE`... from `TASK_LOST`.
    #[n(5)]
    PartitionAware,
    /// Wants agents in another region than the kernel's, too.
    #[n(30)]
    RegionAware,
    /// Knows that resources are offered in one of several roles.
    #[n(31)]
    MultiRole,
    /// Knows that agents with GPUs are scarce; others are not offered them under the option
    /// `filter_gpu`.
    #[n(32)]
    GpuResources,
    /// Knows resources of the whole cluster; others are not offered what is in pools.
    #[n(170)]
    PoolResources,
}

impl Capability {
    /// All capabilities of this version.
    pub const ALL: &'static [Self] = &[
        Self::RevocableResources,
        Self::SharedResources,
        Self::ReservationRefinement,
        Self::PartitionAware,
        Self::RegionAware,
        Self::MultiRole,
        Self::GpuResources,
        Self::PoolResources,
    ];
}

/// What an agent can deal with.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cbor(index_only)]
#[repr(u8)]
#[non_exhaustive]
pub enum AgentCapability {
    /// Keeps resources of several roles of one framework apart.
    #[n(1)]
    MultiRole = 1,
    /// Knows roles like `a/b`.
    #[n(2)]
    HierarchicalRole = 2,
    /// Knows reservations of reservations.
    #[n(3)]
    ReservationRefinement = 3,
    /// Has resource providers: operations are identified and reported one by one.
    #[n(4)]
    ResourceProvider = 4,
    /// Reports operations on its own resources.
    #[n(5)]
    AgentOperationFeedback = 5,
    /// Can grow and shrink volumes.
    #[n(6)]
    ResizeVolume = 6,
    /// Can be drained.
    #[n(7)]
    AgentDraining = 7,
    /// Distinguishes what a task asks for from what it may use at most.
    #[n(8)]
    TaskResourceLimits = 8,
}

impl AgentCapability {
    /// All capabilities of this version.
    pub const ALL: &'static [Self] = &[
        Self::MultiRole,
        Self::HierarchicalRole,
        Self::ReservationRefinement,
        Self::ResourceProvider,
        Self::AgentOperationFeedback,
        Self::ResizeVolume,
        Self::AgentDraining,
        Self::TaskResourceLimits,
    ];
}

/// A set of capabilities of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct AgentCapabilities(#[n(0)] u16);

impl AgentCapabilities {
    /// All that this version knows: what an agent has that does not say.
    #[must_use]
    pub fn all() -> Self {
        AgentCapability::ALL.iter().copied().collect()
    }

    /// Whether it is in the set.
    #[must_use]
    pub const fn has(self, capability: AgentCapability) -> bool {
        self.0 & (1 << capability as u16) != 0
    }

    /// Those in the set, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = AgentCapability> {
        AgentCapability::ALL.iter().copied().filter(move |one| self.has(*one))
    }
}

impl FromIterator<AgentCapability> for AgentCapabilities {
    fn from_iter<T: IntoIterator<Item = AgentCapability>>(list: T) -> Self {
        Self(list.into_iter().fold(0, |bits, one| bits | 1 << one as u16))
    }
}

/// Where a fault takes down everything at once: a zone of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Domain {
    /// Far from all other regions.
    #[n(0)]
    pub region: Box<str>,
    /// Near the other zones of the region.
    #[n(1)]
    pub zone: Box<str>,
}

/// When something is not to be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Unavailability {
    /// From when on.
    #[n(0)]
    pub start: Time,
    /// For how long; unknown if left out.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<Nanos>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_of_agents() {
        let some: AgentCapabilities = [AgentCapability::AgentDraining].into_iter().collect();
        for capability in AgentCapability::ALL {
            assert!(AgentCapabilities::all().has(*capability));
            assert_eq!(some.has(*capability), *capability == AgentCapability::AgentDraining);
        }
    }

    #[test]
    fn uuids_and_bytes_in_json() {
        let uuid: Uuid = serde_json::from_str("\"00010203-04050607-08090a0b-0c0d0e0f\"").unwrap();
        assert_eq!(uuid.to_string(), "000102030405060708090a0b0c0d0e0f");
        assert!("0001".parse::<Uuid>().is_err());
        let bytes: Bytes = serde_json::from_str("\"aGk=\"").unwrap();
        assert_eq!(bytes.0, b"hi");
        assert!(serde_json::from_str::<Bytes>("\"!\"").is_err());
    }
}
