//! Collections of resources and their arithmetic, written once for both forms of key.
//!
//! Promises: always normalised (sorted by key, one item per key, no empty item); a fallible
//! operation that fails leaves the collection as it was; `contains`, `overlaps` and `subtract` of
//! scalars allocate nothing.

use std::fmt;

use smallvec::SmallVec;

use super::amount::Amount;
use super::devices::DevicesError;
use super::excerpt::Excerpt;
use super::key::ResourceKey;
use super::metadata::Metadata;
use super::name::{Key, Name, NameId};
use super::pieces::Pieces;
use super::value::{Grain, Kind, Value};

/// What a key must be able to do: be ordered, copied about and named in an error, and tell the
/// name of the resource and how it may be divided.
pub trait CollectionKey: Clone + Ord + fmt::Debug + fmt::Display {
    /// The name without metadata.
    type Name: Clone + Ord;

    /// The name without metadata.
    fn name(&self) -> &Self::Name;

    /// How the scalars of this key may be divided.
    fn grain(&self) -> Grain;

    /// Whether it can be taken back at any time.
    fn is_revocable(&self) -> bool;

    /// Whether many may use it at the same time.
    fn is_shared(&self) -> bool;

    /// Whether it is reserved for a role.
    fn is_reserved(&self) -> bool;

    /// Whether its reservation was refined for a role below.
    fn is_refined(&self) -> bool;
}

impl CollectionKey for ResourceKey {
    type Name = Name;

    fn name(&self) -> &Name {
        &self.name
    }

    fn grain(&self) -> Grain {
        match self.metadata() {
            Some(metadata) if metadata.shared => Grain::Copies,
            Some(metadata) if Metadata::is_indivisible(metadata) => Grain::Pieces,
            _ => Grain::Divisible,
        }
    }

    fn is_revocable(&self) -> bool {
        self.metadata().is_some_and(|metadata| metadata.revocable)
    }

    fn is_shared(&self) -> bool {
        self.metadata().is_some_and(|metadata| metadata.shared)
    }

    fn is_reserved(&self) -> bool {
        self.metadata().is_some_and(|metadata| !metadata.reservations.is_empty())
    }

    fn is_refined(&self) -> bool {
        self.metadata().is_some_and(Metadata::is_refined)
    }
}

impl CollectionKey for Key {
    type Name = NameId;

    fn name(&self) -> &NameId {
        &self.name
    }

    fn grain(&self) -> Grain {
        self.meta.grain()
    }

    fn is_revocable(&self) -> bool {
        self.meta.is_revocable()
    }

    fn is_shared(&self) -> bool {
        self.meta.is_shared()
    }

    fn is_reserved(&self) -> bool {
        self.meta.is_reserved()
    }

    fn is_refined(&self) -> bool {
        self.meta.is_refined()
    }
}

/// One resource: a key and a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource<K> {
    /// What it is.
    pub key: K,
    /// How much or which.
    pub value: Value,
}

impl<K> Resource<K> {
    /// Pairs a key with a value.
    pub fn new(key: impl Into<K>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// The named form: interfaces, commands, events and the journal.
pub type Resources = Collection<ResourceKey>;

/// The interned form: the ledger.
pub type Bundle = Collection<Key>;

/// Resources of one owner, normalised; equal collections mean the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Collection<K> {
    items: SmallVec<[Resource<K>; 4]>,
}

/// Why two collections cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict<K> {
    /// One key with two kinds of value.
    #[error("{key} is given as {present} and as {added}; one name has one kind of value")]
    KindMismatch {
        /// The resource.
        key: K,
        /// The kind of what was there.
        present: Kind,
        /// The kind of what was to be added.
        added: Kind,
    },
    /// A sum of scalars above the limit.
    #[error("the sum of {key} is above {limit}, the largest amount; give less")]
    TooLarge {
        /// The resource.
        key: K,
        /// The limit.
        limit: Amount,
    },
    /// A point or item that is on both sides of a disjoint addition.
    #[error("{key} has {shared} on both sides; each point or item can be given once")]
    Overlap {
        /// The resource.
        key: K,
        /// The first shared point or item.
        shared: Excerpt,
    },
    /// Units that do not go together.
    #[error("{key}: {fault}")]
    Units {
        /// The resource.
        key: K,
        /// What is wrong.
        fault: DevicesError,
    },
    /// Two requests for units.
    #[error("{key} is asked for twice; ask once, for all of it")]
    AskedTwice {
        /// The resource.
        key: K,
    },
}

impl<K> Default for Collection<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Collection<K> {
    /// The empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self { items: SmallVec::new() }
    }

    /// True when there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The items in the order of their keys.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource<K>> {
        self.items.iter()
    }

    /// Takes everything away.
    pub fn clear(&mut self) {
        self.items.clear();
    }
}

impl<K: CollectionKey> Collection<K> {
    /// Unites items in any order; equal keys are added, empty items are dropped.
    pub fn from_items<I>(items: I) -> Result<Self, Conflict<K>>
    where
        I: IntoIterator<Item = Resource<K>>,
    {
        let mut sorted: SmallVec<[Resource<K>; 4]> = items.into_iter().map(normal).collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut out = Self::new();
        for item in sorted {
            // An empty item still has to be of the right kind: `cpus:0;cpus:[]` is a mistake.
            match out.items.last_mut() {
                Some(last) if last.key == item.key => {
                    check_add(last, &item, false)?;
                    last.value.add_saturating(&item.value);
                }
                _ => out.items.push(item),
            }
        }
        out.items.retain(|item| !item.value.is_empty());
        Ok(out)
    }

    /// A collection of one item, or of none when the value is empty.
    #[must_use]
    pub fn single(key: impl Into<K>, value: impl Into<Value>) -> Self {
        let mut out = Self::new();
        let item = normal(Resource::new(key, value));
        if !item.value.is_empty() {
            out.items.push(item);
        }
        out
    }

    /// The value of `key`; a name alone is that of the plain resource.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&Value>
    where
        K: PartialEq<Q>,
    {
        self.items.iter().find(|item| item.key == *key).map(|item| &item.value)
    }

    /// The scalar of `key`, or the sum of its pieces or units; zero if it is missing or of another
    /// kind.
    #[must_use]
    pub fn scalar<Q>(&self, key: &Q) -> Amount
    where
        K: PartialEq<Q>,
    {
        match self.get(key) {
            Some(Value::Scalar(amount)) => *amount,
            Some(Value::Pieces(pieces)) => pieces.quantity(),
            Some(Value::Devices(devices)) => devices.quantity(),
            _ => Amount::ZERO,
        }
    }

    /// How much of `name` there is over all metadata, as a bare number (see [`Value::quantity`]).
    #[must_use]
    pub fn quantity(&self, name: &K::Name) -> Amount {
        self.iter()
            .filter(|item| item.key.name() == name)
            .fold(Amount::ZERO, |sum, item| sum.saturating_add(item.value.quantity()))
    }

    /// Adds: scalars are summed, ranges and sets united. On a conflict nothing is changed.
    pub fn add(&mut self, other: &Self) -> Result<(), Conflict<K>> {
        self.check(other, false)?;
        self.merge(other);
        Ok(())
    }

    /// Adds what must be apart: as [`Collection::add`], but a shared point or item is a conflict.
    pub fn add_disjoint(&mut self, other: &Self) -> Result<(), Conflict<K>> {
        self.check(other, true)?;
        self.merge(other);
        Ok(())
    }

    /// Adds what is known to fit, such as what was subtracted before.
    ///
    /// Total: should it not fit after all, a scalar stops at [`Amount::TOTAL_MAX`] and a value of
    /// another kind is left out. That is a mistake of the caller and asserted in debug builds.
    pub fn add_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.check(other, false), Ok(()));
        self.merge(other);
    }

    fn check(&self, other: &Self, disjoint: bool) -> Result<(), Conflict<K>> {
        let mut own = self.items.as_slice();
        for item in other {
            own = skip_to(own, &item.key);
            if let Some(present) = own.first().filter(|present| present.key == item.key) {
                check_add(present, item, disjoint)?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) {
        let mut at = 0;
        for item in other {
            while self.items.get(at).is_some_and(|own| own.key < item.key) {
                at += 1;
            }
            match self.items.get_mut(at) {
                Some(own) if own.key == item.key => own.value.add_saturating(&item.value),
                _ => self.items.insert(at, item.clone()),
            }
        }
    }

    /// Removes what is there of `other`: never below nothing, and what is missing is no matter.
    pub fn subtract(&mut self, other: &Self) {
        let mut take = other.items.as_slice();
        self.items.retain(|own| {
            take = skip_to(take, &own.key);
            match take.first() {
                Some(item) if item.key == own.key => {
                    own.value.subtract(&item.value);
                    !own.value.is_empty()
                }
                _ => true,
            }
        });
    }

    /// True when everything in `other` is here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut own = self.items.as_slice();
        other.iter().all(|item| {
            own = skip_to(own, &item.key);
            own.first().is_some_and(|have| have.key == item.key && have.value.contains(&item.value))
        })
    }

    /// True when a point or item is in both. Scalars never overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut own = self.items.as_slice();
        other.iter().any(|item| {
            own = skip_to(own, &item.key);
            own.first().is_some_and(|have| have.key == item.key && have.value.overlaps(&item.value))
        })
    }

    /// The part that fits under limits: `limit(name)` is the most of it over all metadata, `None`
    /// means all. Items are visited in their order.
    ///
    /// Scalars are cut to what is left of their limit. Ranges, sets and each single piece are
    /// indivisible: kept whole when they fit into what is left, dropped otherwise.
    #[must_use]
    pub fn shrink(&self, mut limit: impl FnMut(&K::Name) -> Option<Amount>) -> Self {
        let mut out = Self::new();
        let mut at: Option<(&K::Name, Option<Amount>)> = None;
        for item in self {
            let left = match &at {
                Some((name, left)) if *name == item.key.name() => *left,
                _ => limit(item.key.name()),
            };
            let kept = match left {
                Some(most) => item.value.within(most),
                None => item.value.clone(),
            };
            at = Some((item.key.name(), left.map(|left| left.saturating_sub(kept.quantity()))));
            if !kept.is_empty() {
                out.items.push(Resource { key: item.key.clone(), value: kept });
            }
        }
        out
    }

    /// Only the items whose key passes.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&K) -> bool) -> Self {
        Self { items: self.iter().filter(|item| keep(&item.key)).cloned().collect() }
    }

    /// Only the items that pass.
    #[must_use]
    pub fn filter_items(&self, mut keep: impl FnMut(&Resource<K>) -> bool) -> Self {
        Self { items: self.iter().filter(|item| keep(item)).cloned().collect() }
    }

    /// The same resources under other keys, such as names instead of interned ids.
    ///
    /// Items whose new keys are equal are added, which may be a conflict.
    pub fn try_map_keys<L, E>(
        &self,
        mut map: impl FnMut(&K) -> Result<L, E>,
    ) -> Result<Collection<L>, E>
    where
        L: CollectionKey,
        E: From<Conflict<L>>,
    {
        let mut items = SmallVec::<[Resource<L>; 4]>::with_capacity(self.len());
        for item in self {
            items.push(Resource { key: map(&item.key)?, value: item.value.clone() });
        }
        Ok(Collection::from_items(items)?)
    }
}

/// A value in the form that its key wants.
fn normal<K: CollectionKey>(item: Resource<K>) -> Resource<K> {
    let grain = item.key.grain();
    Resource { value: item.value.normal(grain), key: item.key }
}

/// Drops the items before `key`. Collections are short: a scan beats a binary search.
fn skip_to<'a, K: Ord>(items: &'a [Resource<K>], key: &K) -> &'a [Resource<K>] {
    let skip = items.iter().take_while(|item| item.key < *key).count();
    &items[skip..]
}

fn check_add<K: CollectionKey>(
    present: &Resource<K>,
    added: &Resource<K>,
    disjoint: bool,
) -> Result<(), Conflict<K>> {
    let key = || present.key.clone();
    let shared = match (&present.value, &added.value) {
        (Value::Scalar(a), Value::Scalar(b)) => {
            return match a.checked_add(*b) {
                Some(_) => Ok(()),
                None => Err(Conflict::TooLarge { key: key(), limit: Amount::TOTAL_MAX }),
            };
        }
        (Value::Devices(a), Value::Devices(b)) => {
            return a.check_add(b).map_err(|fault| Conflict::Units { key: key(), fault });
        }
        (Value::Request(_), Value::Request(_)) => {
            return Err(Conflict::AskedTwice { key: key() });
        }
        (Value::Ranges(a), Value::Ranges(b)) if disjoint => {
            a.first_shared(b).map(|point| Excerpt::new(&point.to_string()))
        }
        (Value::Set(a), Value::Set(b)) if disjoint => a.first_shared(b).map(Excerpt::new),
        (Value::Ranges(_), Value::Ranges(_))
        | (Value::Set(_), Value::Set(_))
        | (Value::Pieces(_), Value::Pieces(_)) => None,
        (a, b) => {
            return Err(Conflict::KindMismatch { key: key(), present: a.kind(), added: b.kind() });
        }
    };
    shared.map_or(Ok(()), |shared| Err(Conflict::Overlap { key: key(), shared }))
}

impl<K> IntoIterator for Collection<K> {
    type Item = Resource<K>;
    type IntoIter = smallvec::IntoIter<[Resource<K>; 4]>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, K> IntoIterator for &'a Collection<K> {
    type Item = &'a Resource<K>;
    type IntoIter = std::slice::Iter<'a, Resource<K>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: fmt::Display> fmt::Display for Collection<K> {
    /// The canonical text, `cpus:4;ports:[1-3,7-9]`, which parses back to the same collection.
    ///
    /// `{:#}` prints as Mesos does: `cpus:4; ports:[1-3, 7-9]`, and `{}` for nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() && self.is_empty() {
            return f.write_str("{}");
        }
        let mut first = true;
        for item in self {
            match &item.value {
                Value::Pieces(pieces) => write_pieces(f, &mut first, &item.key, pieces)?,
                value => {
                    write_key(f, &mut first, &item.key)?;
                    fmt::Display::fmt(value, f)?;
                }
            }
        }
        Ok(())
    }
}

fn write_key<K: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    first: &mut bool,
    key: &K,
) -> fmt::Result {
    if !std::mem::take(first) {
        f.write_str(if f.alternate() { "; " } else { ";" })?;
    }
    // Whether it prints as Mesos does goes with the formatter.
    fmt::Display::fmt(key, f)?;
    f.write_str(":")
}

/// One item per size: `disk#v&:64*2`. Mesos prints each piece, and copies as `disk<SHARED>:64<2>`.
fn write_pieces<K: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    first: &mut bool,
    key: &K,
    pieces: &Pieces,
) -> fmt::Result {
    for (size, count) in pieces.iter() {
        if f.alternate() {
            let times = if pieces.is_shared() { 1 } else { count };
            for _ in 0..times {
                write_key(f, first, key)?;
                write!(f, "{size}")?;
            }
            if pieces.is_shared() {
                write!(f, "<{count}>")?;
            }
        } else {
            write_key(f, first, key)?;
            write!(f, "{size}")?;
            if count > 1 {
                write!(f, "*{count}")?;
            }
        }
    }
    Ok(())
}

impl<K: fmt::Display> fmt::Debug for Collection<K> {
    /// The text form: a failing test shows `"cpus:4;mem:32"` instead of a page of structs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
