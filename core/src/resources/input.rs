//! What every input form of resources shares: the sum of the items read so far, and its limits.

use super::amount::Amount;
use super::collection::{Collection, Conflict, Resources};
use super::key::{Meta, ResourceKey};
use super::meta_check::MetadataError;
use super::name::Name;
use super::value::{Kind, Value};

/// The most items in one text or JSON form of resources or quantities.
pub const ITEMS_MAX: usize = 1024;

/// Why an item cannot join those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// More than [`ITEMS_MAX`] items.
    #[error("more than {ITEMS_MAX} items; name each resource once")]
    TooManyItems,
    /// It does not add up with the items before it.
    #[error(transparent)]
    Conflict(#[from] Conflict<ResourceKey>),
    /// It does not add up with the quantities before it.
    #[error(transparent)]
    Quantity(#[from] Conflict<Name>),
    /// Its metadata is not legal, or not of such a resource.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// Adds items one by one, so that an error can name the item.
#[derive(Default)]
pub(super) struct Builder {
    sum: Resources,
    /// Of every item, empty ones too: `cpus:0;cpus:[1-2]` is a mistake although `cpus:0` is none.
    kinds: Vec<(Name, Kind)>,
    items: usize,
}

impl Builder {
    pub(super) fn push(&mut self, name: Name, value: Value) -> Result<(), InputError> {
        self.push_key(name.into(), value)
    }

    /// Adds an item with metadata, which is checked (semantics.md 1.7, rules 7 to 10).
    pub(super) fn push_with(
        &mut self,
        name: Name,
        meta: Meta,
        value: Value,
    ) -> Result<(), InputError> {
        if let Some(metadata) = meta.get() {
            metadata.check(&name, &value)?;
        }
        self.push_key(ResourceKey { name, meta }, value)
    }

    fn push_key(&mut self, key: ResourceKey, value: Value) -> Result<(), InputError> {
        self.items += 1;
        if self.items > ITEMS_MAX {
            return Err(InputError::TooManyItems);
        }
        // Pieces are read as scalars: one name has one kind over all metadata.
        let added = if value.kind() == Kind::Pieces { Kind::Scalar } else { value.kind() };
        match self.kinds.iter().find(|(known, _)| *known == key.name) {
            Some(&(_, present)) if present != added => {
                return Err(Conflict::KindMismatch { key, present, added }.into());
            }
            Some(_) => {}
            None => self.kinds.push((key.name.clone(), added)),
        }
        let is_devices = added == Kind::Devices;
        self.sum.add(&Collection::single(key.clone(), value))?;
        if is_devices {
            self.sum.units_of(&key.name)?;
        }
        if self.sum.scalar(&key) > Amount::MAX {
            return Err(Conflict::TooLarge { key, limit: Amount::MAX }.into());
        }
        Ok(())
    }

    /// True when an item of this name came before.
    pub(super) fn has(&self, name: &Name) -> bool {
        self.kinds.iter().any(|(known, _)| known == name)
    }

    pub(super) fn finish(self) -> Resources {
        self.sum
    }
}
