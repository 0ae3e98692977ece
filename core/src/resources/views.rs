//! Parts of a collection by what is known of them, and the same resources known otherwise.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::collection::{Collection, CollectionKey, Conflict, Resource, Resources};
use super::devices::Devices;
use super::key::{Meta, ResourceKey};
use super::metadata::{Metadata, Reservation};
use super::name::Name;
use super::value::Value;

/// What someone cannot deal with, and is therefore not offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// Nothing that can be taken back at any time.
    pub revocable: bool,
    /// No shared volumes.
    pub shared: bool,
    /// Nothing with a refined reservation.
    pub refined: bool,
}

impl<K: CollectionKey> Collection<K> {
    /// What can be taken back at any time.
    #[must_use]
    pub fn revocable(&self) -> Self {
        self.filter(K::is_revocable)
    }

    /// What cannot be taken back.
    #[must_use]
    pub fn non_revocable(&self) -> Self {
        self.filter(|key| !key.is_revocable())
    }

    /// What is reserved for any role.
    #[must_use]
    pub fn reserved(&self) -> Self {
        self.filter(K::is_reserved)
    }

    /// What is reserved for nobody.
    #[must_use]
    pub fn unreserved(&self) -> Self {
        self.filter(|key| !key.is_reserved())
    }

    /// Copies of what many may use at the same time.
    #[must_use]
    pub fn shared(&self) -> Self {
        self.filter(K::is_shared)
    }

    /// What one only may use at a time.
    #[must_use]
    pub fn non_shared(&self) -> Self {
        self.filter(|key| !key.is_shared())
    }

    /// Without what someone cannot deal with.
    #[must_use]
    pub fn without(&self, what: Without) -> Self {
        self.filter(|key| {
            !(what.revocable && key.is_revocable()
                || what.shared && key.is_shared()
                || what.refined && key.is_refined())
        })
    }

    /// Scalars, pieces and units: what shares and quota are about.
    #[must_use]
    pub fn scalars(&self) -> Self {
        self.filter_items(|item| item.value.is_counted())
    }

    /// Whether there are units of devices.
    #[must_use]
    pub fn has_devices(&self) -> bool {
        self.iter().any(|item| matches!(item.value, Value::Devices(_)))
    }

    /// The same with units of devices as their sum: what can be added up over agents.
    #[must_use]
    pub fn units_as_amounts(&self) -> Cow<'_, Self> {
        if !self.has_devices() {
            return Cow::Borrowed(self);
        }
        let items = self.iter().map(|item| {
            let value = match &item.value {
                Value::Devices(units) => Value::Scalar(units.quantity()),
                value => value.clone(),
            };
            Resource { key: item.key.clone(), value }
        });
        // The keys are those of a collection already.
        Cow::Owned(Self::from_items(items).unwrap_or_default())
    }

    /// The first request for devices: what a task may ask for, and nobody can have.
    #[must_use]
    pub fn first_request(&self) -> Option<&K> {
        self.iter().find(|item| matches!(item.value, Value::Request(_))).map(|item| &item.key)
    }

    /// The units of a name, over all metadata: a unit that is reserved in part is one unit.
    ///
    /// Errors: a unit comes to more than one, or is described in several ways.
    pub fn units_of(&self, name: &K::Name) -> Result<Devices, Conflict<K>> {
        let mut sum = Devices::default();
        for item in self.iter().filter(|item| item.key.name() == name) {
            if let Value::Devices(units) = &item.value {
                let conflict = |fault| Conflict::Units { key: item.key.clone(), fault };
                sum.check_add(units).map_err(conflict)?;
                sum.add(units);
            }
        }
        Ok(sum)
    }

    /// One copy of whatever is shared.
    #[must_use]
    pub fn one_copy(&self) -> Self {
        let items = self.iter().map(|item| {
            let value = match &item.value {
                Value::Pieces(pieces) if pieces.is_shared() => Value::Pieces(pieces.once()),
                value => value.clone(),
            };
            Resource { key: item.key.clone(), value }
        });
        // The keys are those of a collection already.
        Self::from_items(items).unwrap_or_default()
    }
}

impl Resources {
    /// What is reserved for that role itself.
    #[must_use]
    pub fn reserved_to(&self, role: &str) -> Self {
        self.filter(|key| key.metadata().and_then(Metadata::reservation_role) == Some(role))
    }

    /// What may be offered in `role`: unreserved, or reserved for it or a role above it.
    #[must_use]
    pub fn allocatable_to(&self, role: &str) -> Self {
        self.filter(|key| key.metadata().is_none_or(|meta| meta.is_allocatable_to(role)))
    }

    /// What is reserved, by the role that it is reserved for.
    #[must_use]
    pub fn reservations(&self) -> BTreeMap<&str, Self> {
        let mut by_role = BTreeMap::new();
        for item in self {
            let Some(role) = item.key.metadata().and_then(Metadata::reservation_role) else {
                continue;
            };
            by_role.entry(role).or_insert_with(|| self.reserved_to(role));
        }
        by_role
    }

    /// The same resources with other metadata. What becomes equal is added up.
    #[must_use]
    pub fn with_metadata(&self, mut change: impl FnMut(&mut Metadata)) -> Self {
        let mut out = Self::new();
        for item in self {
            let mut metadata = item.key.metadata().cloned().unwrap_or_default();
            change(&mut metadata);
            let key = ResourceKey { name: item.key.name.clone(), meta: Meta::from(metadata) };
            // One owner's resources: kinds agree and sums are within limits already.
            out.add_assign(&Self::single(key, item.value.clone()));
        }
        out
    }

    /// The value of `name` over all metadata: the sum of amounts and pieces (copies of one thing
    /// once), all ranges, all items.
    #[must_use]
    pub fn over_all(&self, name: &Name) -> Option<Value> {
        let own = self.filter(|key| key.name == *name);
        own.with_metadata(|metadata| *metadata = Metadata::default()).get(name).cloned()
    }

    /// The same resources, reserved for nobody.
    #[must_use]
    pub fn to_unreserved(&self) -> Self {
        self.with_metadata(|metadata| metadata.reservations.clear())
    }

    /// The same resources with one more reservation each. Check the result with
    /// [`Resources::check_metadata`]: it must refine the one below.
    #[must_use]
    pub fn push_reservation(&self, reservation: &Reservation) -> Self {
        self.with_metadata(|metadata| metadata.reservations.push(reservation.clone()))
    }

    /// The same resources without their last reservation; unreserved ones stay.
    #[must_use]
    pub fn pop_reservation(&self) -> Self {
        self.with_metadata(|metadata| {
            metadata.reservations.pop();
        })
    }

    /// Checks the metadata of every item, as reading does.
    pub fn check_metadata(&self) -> Result<(), super::MetadataError> {
        self.iter().try_for_each(|item| match item.key.metadata() {
            Some(metadata) => metadata.check(&item.key.name, &item.value),
            None => Ok(()),
        })
    }

    /// Resources that satisfy `target`, whatever they are reserved for: those of the target's role
    /// first, then unreserved ones, then any. None if there is too little.
    ///
    /// The result carries the reservations that were found. All other metadata must agree.
    #[must_use]
    pub fn find(&self, target: &Self) -> Option<Self> {
        let mut left = self.clone();
        let mut found = Self::new();
        for wanted in target {
            found.add_assign(&left.take_one(wanted)?);
        }
        Some(found)
    }

    fn take_one(&mut self, wanted: &Resource<ResourceKey>) -> Option<Self> {
        let bare = without_reservations(&wanted.key);
        let role = wanted.key.metadata().and_then(Metadata::reservation_role);
        let rank = |key: &ResourceKey| match key.metadata().and_then(Metadata::reservation_role) {
            own if own == role => 0,
            None => 1,
            Some(_) => 2,
        };
        let same = |item: &&Resource<ResourceKey>| without_reservations(&item.key) == bare;
        let mut candidates: Vec<_> = self.iter().filter(same).cloned().collect();
        candidates.sort_by_key(|item| rank(&item.key));
        let mut missing = wanted.value.clone();
        let mut found = Self::new();
        for have in candidates {
            let taken = have.value.common(&missing);
            missing.subtract(&taken);
            found.add_assign(&Self::single(have.key, taken));
            if missing.is_empty() {
                self.subtract(&found);
                return Some(found);
            }
        }
        None
    }
}

fn without_reservations(key: &ResourceKey) -> ResourceKey {
    let Some(metadata) = key.metadata().filter(|meta| !meta.reservations.is_empty()) else {
        return key.clone();
    };
    let metadata = Metadata { reservations: Vec::new(), ..metadata.clone() };
    ResourceKey { name: key.name.clone(), meta: metadata.into() }
}

/// The reservations that both stacks begin with.
#[must_use]
pub fn reservation_ancestor<'a>(one: &'a Metadata, other: &Metadata) -> &'a [Reservation] {
    let pairs = one.reservations.iter().zip(&other.reservations);
    let common = pairs.take_while(|(a, b)| a == b).count();
    &one.reservations[..common]
}
