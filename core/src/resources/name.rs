//! Names of resources, and their interned form.
//!
//! Owns what a legal name is, the order of names (cpus, mem, disk, gpus, ports, then by bytes), and
//! the key types of the ledger. The table behind the interned ids belongs to the kernel's state.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::excerpt::Excerpt;
use super::metadata::Metadata;
use super::value::Grain;

/// The names that every kernel knows, in their order; the index is their [`NameId`].
const WELL_KNOWN: [&str; 5] = ["cpus", "mem", "disk", "gpus", "ports"];

/// The name of a resource: 1 to 255 bytes without blanks, control characters and `:;()[]{}`.
///
/// Cheap to clone. Ordered with the well-known names first, the others by bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Repr);

// The variant order is the sort order. A well-known name is always `Known`, so `Eq` is exact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Known(u8),
    Other(Arc<str>),
}

/// Why a text is not the name of a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing was written.
    #[error("the resource name is empty; write a name such as cpus")]
    Empty,
    /// Too long.
    #[error("resource name {name} has {bytes} bytes; at most {} are allowed", Name::BYTES_MAX)]
    TooLong {
        /// The name.
        name: Excerpt,
        /// Its length.
        bytes: usize,
    },
    /// A character that the text form uses, a blank or a control character.
    #[error(
        "resource name {name} contains {found:?}; \
         blanks, control characters and any of :;()[]{{}} are not allowed"
    )]
    BadCharacter {
        /// The name.
        name: Excerpt,
        /// The character.
        found: char,
    },
}

impl Name {
    /// Processor cores.
    pub const CPUS: Self = Self(Repr::Known(0));
    /// Memory, in MiB.
    pub const MEM: Self = Self(Repr::Known(1));
    /// Disk space, in MiB.
    pub const DISK: Self = Self(Repr::Known(2));
    /// Graphics processors.
    pub const GPUS: Self = Self(Repr::Known(3));
    /// Network ports.
    pub const PORTS: Self = Self(Repr::Known(4));
    /// The most bytes of a name.
    pub const BYTES_MAX: usize = 255;

    /// Checks and makes a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let known = (0_u8..).zip(WELL_KNOWN).find(|(_, name)| *name == text);
        if let Some((index, _)) = known {
            return Ok(Self(Repr::Known(index)));
        }
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::BYTES_MAX {
            return Err(NameError::TooLong { name: Excerpt::new(text), bytes: text.len() });
        }
        let bad = |c: char| c.is_whitespace() || c.is_control() || ":;()[]{}".contains(c);
        match text.chars().find(|c| bad(*c)) {
            Some(found) => Err(NameError::BadCharacter { name: Excerpt::new(text), found }),
            None => Ok(Self(Repr::Other(Arc::from(text)))),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Indices come only from the table itself; the fallback is unreachable.
            Repr::Known(index) => WELL_KNOWN.get(usize::from(*index)).copied().unwrap_or(""),
            Repr::Other(text) => text,
        }
    }

    /// The fixed id of a well-known name.
    #[must_use]
    pub fn well_known_id(&self) -> Option<NameId> {
        match &self.0 {
            Repr::Known(index) => Some(NameId(u16::from(*index))),
            Repr::Other(_) => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Name {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a resource as a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Name::new(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// The interned form of a [`Name`] within one kernel. Well-known names have ids 0 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub u16);

impl NameId {
    /// Processor cores.
    pub const CPUS: Self = Self(0);
    /// Memory, in MiB.
    pub const MEM: Self = Self(1);
    /// Disk space, in MiB.
    pub const DISK: Self = Self(2);
    /// Graphics processors.
    pub const GPUS: Self = Self(3);
    /// Network ports.
    pub const PORTS: Self = Self(4);
    /// How many ids are fixed; an interner hands out ids from here on.
    pub const WELL_KNOWN_COUNT: u16 = 5;

    /// The name of a well-known id.
    #[must_use]
    pub fn well_known_name(self) -> Option<Name> {
        let index = u8::try_from(self.0).ok()?;
        (self.0 < Self::WELL_KNOWN_COUNT).then_some(Name(Repr::Known(index)))
    }
}

impl fmt::Display for NameId {
    /// The name when it is well-known, otherwise `#id`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.well_known_name() {
            Some(name) => f.write_str(name.as_str()),
            None => write!(f, "#{}", self.0),
        }
    }
}

/// The interned metadata of a resource (reservations, disk, revocable, shared...) in one kernel.
///
/// The upper bits repeat what is asked for most, so that it needs no look into the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetaId(pub u32);

impl MetaId {
    /// No metadata: unreserved, not revocable, not shared.
    pub const PLAIN: Self = Self(0);
    /// How many ids there can be.
    pub const COUNT_MAX: u32 = 1 << 26;

    const REVOCABLE: u32 = 1 << 31;
    const SHARED: u32 = 1 << 30;
    const RESERVED: u32 = 1 << 29;
    const REFINED: u32 = 1 << 28;
    const PIECES: u32 = 1 << 27;
    const VOLUME: u32 = 1 << 26;

    /// The id of the entry `index` of a table; 0 is none.
    #[must_use]
    pub fn new(index: u32, metadata: &Metadata) -> Self {
        let flags = [
            (Self::REVOCABLE, metadata.revocable),
            (Self::SHARED, metadata.shared),
            (Self::RESERVED, !metadata.reservations.is_empty()),
            (Self::REFINED, metadata.is_refined()),
            (Self::PIECES, metadata.is_indivisible()),
            (Self::VOLUME, metadata.persistence_id().is_some()),
        ];
        let set = flags.iter().filter(|(_, is)| *is).fold(0, |set, (flag, _)| set | flag);
        Self(set | (index & (Self::COUNT_MAX - 1)))
    }

    /// The entry of the table.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 & (Self::COUNT_MAX - 1)
    }

    const fn is(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    /// Whether it can be taken back at any time.
    #[must_use]
    pub const fn is_revocable(self) -> bool {
        self.is(Self::REVOCABLE)
    }

    /// Whether many may use it at the same time.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.is(Self::SHARED)
    }

    /// Whether it is reserved for a role.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.is(Self::RESERVED)
    }

    /// Whether its reservation was refined for a role below.
    #[must_use]
    pub const fn is_refined(self) -> bool {
        self.is(Self::REFINED)
    }

    /// Whether it is a persistent volume.
    #[must_use]
    pub const fn is_volume(self) -> bool {
        self.is(Self::VOLUME)
    }

    /// How its scalars may be divided.
    #[must_use]
    pub const fn grain(self) -> Grain {
        if self.is_shared() {
            Grain::Copies
        } else if self.is(Self::PIECES) {
            Grain::Pieces
        } else {
            Grain::Divisible
        }
    }
}

/// What makes two interned resources addable: the same name and the same metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The name.
    pub name: NameId,
    /// The metadata.
    pub meta: MetaId,
}

impl Key {
    /// The key of a resource without metadata.
    #[must_use]
    pub const fn plain(name: NameId) -> Self {
        Self { name, meta: MetaId::PLAIN }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meta {
            MetaId::PLAIN => write!(f, "{}", self.name),
            meta => write!(f, "{}@{}", self.name, meta.index()),
        }
    }
}

// A named item stays at 32 bytes and an interned one at 24.
const _: () = assert!(size_of::<Name>() == 16 && size_of::<Key>() == 8);
