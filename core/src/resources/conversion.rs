//! What operations do to resources: consumed ones become converted ones.

use super::amount::Amount;
use super::collection::Resources;
use super::excerpt::Excerpt;
use super::key::ResourceKey;
use super::metadata::{Disk, Metadata};
use super::name::Name;
use super::quantities::Quantities;
use super::value::Value;

/// Resources before and after an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// What must be there, and is gone afterwards.
    pub consumed: Resources,
    /// What is there instead.
    pub converted: Resources,
}

/// Why a conversion cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// What is to be consumed is not there.
    #[error("{consumed} is not all in {available}")]
    NotContained {
        /// What is to be consumed.
        consumed: Box<Resources>,
        /// What there is.
        available: Box<Resources>,
    },
    /// The shared volume has more copies.
    #[error("{volume} is still used: a shared volume is destroyed when no copy is in use")]
    CopiesLeft {
        /// The volume.
        volume: Excerpt,
    },
    /// Nothing is reserved that could be unreserved.
    #[error("{resource} is not reserved")]
    NotReserved {
        /// The first such resource.
        resource: Excerpt,
    },
    /// Nothing is a volume that could be destroyed, grown or shrunk.
    #[error("{resource} is no persistent volume")]
    NotAVolume {
        /// The first such resource.
        resource: Excerpt,
    },
    /// A volume is shrunk by all of it, or more, or nothing.
    #[error("a volume of {size} cannot shrink by {subtract}: take more than 0 and less than all")]
    BadShrink {
        /// What it has.
        size: Amount,
        /// What it is to lose.
        subtract: Amount,
    },
    /// The sums of the two sides differ.
    #[error("{consumed} cannot become {converted}: an operation keeps the quantities")]
    QuantitiesDiffer {
        /// One side.
        consumed: Box<Resources>,
        /// The other.
        converted: Box<Resources>,
    },
}

fn excerpt(key: &ResourceKey) -> Excerpt {
    Excerpt::new(&key.to_string())
}

impl Conversion {
    /// Reserves: `resources` with the reservations that they are to have. Without `source` they
    /// have all but the last of them so far; with it they are `source` so far.
    #[must_use]
    pub fn reserve(resources: &Resources, source: Option<&Resources>) -> Self {
        let consumed = match source {
            Some(source) => source.clone(),
            None => resources.pop_reservation(),
        };
        Self { consumed, converted: resources.clone() }
    }

    /// Takes the last reservation off each of `resources`.
    pub fn unreserve(resources: &Resources) -> Result<Self, ConversionError> {
        let plain = resources.unreserved();
        if let Some(item) = plain.iter().next() {
            return Err(ConversionError::NotReserved { resource: excerpt(&item.key) });
        }
        Ok(Self { consumed: resources.clone(), converted: resources.pop_reservation() })
    }

    /// Makes the volumes `volumes` of the disks that they are to lie on.
    pub fn create(volumes: &Resources) -> Result<Self, ConversionError> {
        Ok(Self { consumed: disks_of(volumes)?, converted: volumes.clone() })
    }

    /// Makes the disks of `volumes` plain again, reserved as they are.
    pub fn destroy(volumes: &Resources) -> Result<Self, ConversionError> {
        Ok(Self { consumed: volumes.clone(), converted: disks_of(volumes)? })
    }

    /// Adds the disk `addition` to the only volume in `volume`.
    pub fn grow(volume: &Resources, addition: &Resources) -> Result<Self, ConversionError> {
        let (key, size) = only_volume(volume)?;
        let more = addition.quantity(&Name::DISK);
        let mut consumed = volume.clone();
        consumed.add_assign(addition);
        let converted = Resources::single(key, size.saturating_add(more));
        Ok(Self { consumed, converted })
    }

    /// Takes `subtract` off the only volume in `volume`; it becomes plain disk.
    pub fn shrink(volume: &Resources, subtract: Amount) -> Result<Self, ConversionError> {
        let (key, size) = only_volume(volume)?;
        let rest = size.checked_sub(subtract).filter(|rest| !rest.is_zero());
        let Some(rest) = rest.filter(|_| !subtract.is_zero()) else {
            return Err(ConversionError::BadShrink { size, subtract });
        };
        let freed = Resources::single(key.clone(), subtract);
        let mut converted = disks_of(&freed)?;
        converted.add_assign(&Resources::single(key, rest));
        Ok(Self { consumed: volume.clone(), converted })
    }

    /// What there is afterwards. Errors: the consumed part is not there, a copy of a destroyed
    /// volume would remain, or quantities would change.
    pub fn apply(&self, resources: &Resources) -> Result<Resources, ConversionError> {
        if !resources.contains(&self.consumed) {
            return Err(ConversionError::NotContained {
                consumed: Box::new(self.consumed.clone()),
                available: Box::new(resources.clone()),
            });
        }
        if Quantities::of(&self.consumed) != Quantities::of(&self.converted) {
            return Err(ConversionError::QuantitiesDiffer {
                consumed: Box::new(self.consumed.clone()),
                converted: Box::new(self.converted.clone()),
            });
        }
        let mut after = resources.clone();
        after.subtract(&self.consumed);
        for gone in &self.consumed.shared() {
            if after.get(&gone.key).is_some() && self.converted.get(&gone.key).is_none() {
                return Err(ConversionError::CopiesLeft { volume: excerpt(&gone.key) });
            }
        }
        after.add_assign(&self.converted);
        Ok(after)
    }
}

impl Resources {
    /// The same resources as `within` describes them: what does not tell resources apart, such as
    /// the path of a volume, is as it is there.
    #[must_use]
    pub fn as_in(&self, within: &Self) -> Self {
        let mut out = Self::new();
        for item in self {
            let known = within.iter().find(|known| known.key == item.key);
            let key = known.map_or(&item.key, |known| &known.key).clone();
            out.add_assign(&Self::single(key, item.value.clone()));
        }
        out
    }
}

/// What the volumes were made of.
fn disks_of(volumes: &Resources) -> Result<Resources, ConversionError> {
    for item in volumes {
        let id = item.key.metadata().and_then(Metadata::persistence_id);
        if id.is_none() {
            return Err(ConversionError::NotAVolume { resource: excerpt(&item.key) });
        }
    }
    Ok(volumes.one_copy().with_metadata(|metadata| {
        metadata.disk = metadata.disk.as_ref().and_then(Disk::stripped);
        metadata.shared = false;
    }))
}

fn only_volume(volume: &Resources) -> Result<(ResourceKey, Amount), ConversionError> {
    let mut items = volume.iter();
    let first = match (items.next(), items.next()) {
        (Some(first), None) => first,
        (_, Some(second)) => {
            return Err(ConversionError::NotAVolume { resource: excerpt(&second.key) });
        }
        (None, None) => {
            return Err(ConversionError::NotAVolume { resource: Excerpt::new("nothing") });
        }
    };
    match (&first.value, first.key.metadata().and_then(Metadata::persistence_id)) {
        (Value::Pieces(pieces), Some(_)) if pieces.count() == 1 => {
            Ok((first.key.clone(), pieces.quantity()))
        }
        _ => Err(ConversionError::NotAVolume { resource: excerpt(&first.key) }),
    }
}
