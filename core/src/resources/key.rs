//! The key of a resource in its named form: a name and, rarely, metadata.

use std::fmt;
use std::sync::Arc;

use super::metadata::Metadata;
use super::name::Name;

/// Metadata, or none: plain resources carry no allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meta(
    /// `None` exactly when there is nothing to know.
    Option<Arc<Metadata>>,
);

impl Meta {
    /// No metadata.
    pub const PLAIN: Self = Self(None);

    /// The metadata, if there is any.
    #[must_use]
    pub fn get(&self) -> Option<&Metadata> {
        self.0.as_deref()
    }

    /// The shared metadata, if there is any.
    #[must_use]
    pub fn shared(&self) -> Option<&Arc<Metadata>> {
        self.0.as_ref()
    }

    /// True when there is nothing to know.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Metadata> for Meta {
    fn from(mut metadata: Metadata) -> Self {
        // Labels have no order: sorted once, here, they compare as sets.
        for reservation in &mut metadata.reservations {
            *reservation = std::mem::take(reservation).normal();
        }
        let source = metadata.disk.as_mut().and_then(|disk| disk.source.as_mut());
        if let Some(labels) = source.and_then(|source| source.metadata.as_mut()) {
            labels.sort_unstable();
        }
        if metadata.is_plain() { Self(None) } else { Self(Some(Arc::new(metadata))) }
    }
}

impl From<Arc<Metadata>> for Meta {
    fn from(metadata: Arc<Metadata>) -> Self {
        if metadata.is_plain() { Self(None) } else { Self(Some(metadata)) }
    }
}

/// The name of a resource and what is known of it: what makes two resources addable.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// The name.
    pub name: Name,
    /// The metadata.
    pub meta: Meta,
}

impl ResourceKey {
    /// Pairs a name with metadata.
    pub fn new(name: Name, meta: impl Into<Meta>) -> Self {
        Self { name, meta: meta.into() }
    }

    /// The text of the name, without the metadata.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.name.as_str()
    }

    /// The metadata, if there is any.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.meta.get()
    }
}

impl From<Name> for ResourceKey {
    fn from(name: Name) -> Self {
        Self { name, meta: Meta::PLAIN }
    }
}

/// A name alone is that of a plain resource.
impl PartialEq<Name> for ResourceKey {
    fn eq(&self, other: &Name) -> bool {
        self.meta.is_plain() && self.name == *other
    }
}

impl fmt::Debug for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// A named item stays at 40 bytes.
const _: () = assert!(size_of::<ResourceKey>() == 24);
