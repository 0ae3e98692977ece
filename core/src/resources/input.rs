//! What every input form of resources shares: the sum of the items read so far, and its limits.

use super::amount::Amount;
use super::collection::{Collection, Conflict, Resources};
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
    Conflict(#[from] Conflict<Name>),
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
        self.items += 1;
        if self.items > ITEMS_MAX {
            return Err(InputError::TooManyItems);
        }
        let added = value.kind();
        match self.kinds.iter().find(|(known, _)| *known == name) {
            Some(&(_, present)) if present != added => {
                return Err(Conflict::KindMismatch { key: name, present, added }.into());
            }
            Some(_) => {}
            None => self.kinds.push((name.clone(), added)),
        }
        self.sum.add(&Collection::single(name.clone(), value))?;
        if self.sum.scalar(&name) > Amount::MAX {
            return Err(Conflict::TooLarge { key: name, limit: Amount::MAX }.into());
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
