//! Resources as single thousandths, points and items.

use std::collections::{BTreeMap, BTreeSet};

use tamias::resources::{Amount, Name, Ranges, Resource, Resources, Set, Value};

/// Resources of one owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pile {
    /// Thousandths by name; none is zero.
    pub scalars: BTreeMap<String, i128>,
    /// Single points of ranges.
    pub points: BTreeSet<(String, u64)>,
    /// Single items of sets.
    pub items: BTreeSet<(String, String)>,
}

impl Pile {
    /// Takes resources apart.
    ///
    /// # Panics
    /// If there is a volume, a whole disk or a device: no play has one.
    #[must_use]
    pub fn of(resources: &Resources) -> Self {
        let mut pile = Self::default();
        for resource in resources {
            let name = resource.key.as_str().to_owned();
            match &resource.value {
                Value::Scalar(amount) => {
                    pile.scalars.insert(name, amount.milli().into());
                }
                Value::Ranges(ranges) => {
                    let points = ranges.iter().flat_map(|(first, last)| first..=last);
                    pile.points.extend(points.map(|point| (name.clone(), point)));
                }
                // No play has volumes: the model counts amounts only.
                Value::Pieces(_) => panic!("{resource:?} is used as a whole"),
                Value::Devices(_) | Value::Request(_) => panic!("{resource:?} is of units"),
                Value::Set(set) => {
                    pile.items.extend(set.iter().map(|item| (name.clone(), item.to_owned())));
                }
            }
        }
        pile
    }

    /// Puts them together again.
    ///
    /// # Panics
    /// If one name has two kinds: no owner can have that.
    #[must_use]
    pub fn to_resources(&self) -> Resources {
        let mut by_name: BTreeMap<&str, Value> = BTreeMap::new();
        for (name, milli) in &self.scalars {
            let milli = i64::try_from(*milli).expect("within limits");
            by_name.insert(name, Amount::from_milli(milli).into());
        }
        let names: BTreeSet<&String> = self.points.iter().map(|(name, _)| name).collect();
        for name in names {
            let own = self.points.iter().filter(|(n, _)| n == name);
            let intervals = own.map(|(_, point)| (*point, *point)).collect();
            let ranges = Ranges::coalesced(intervals).expect("few points");
            assert!(by_name.insert(name, ranges.into()).is_none(), "{name} has two kinds");
        }
        let names: BTreeSet<&String> = self.items.iter().map(|(name, _)| name).collect();
        for name in names {
            let own = self.items.iter().filter(|(n, _)| n == name);
            let set = Set::new(own.map(|(_, item)| item.as_str())).expect("legal items");
            assert!(by_name.insert(name, set.into()).is_none(), "{name} has two kinds");
        }
        let items = by_name
            .into_iter()
            .map(|(name, value)| Resource::new(Name::new(name).expect("a legal name"), value));
        Resources::from_items(items).expect("one of each name")
    }

    /// The sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for (name, milli) in &other.scalars {
            *sum.scalars.entry(name.clone()).or_default() += milli;
        }
        sum.points.extend(other.points.iter().cloned());
        sum.items.extend(other.items.iter().cloned());
        sum
    }

    /// The difference, never below nothing.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        for (name, milli) in &other.scalars {
            if let Some(own) = rest.scalars.get_mut(name) {
                *own -= milli;
            }
        }
        rest.scalars.retain(|_, milli| *milli > 0);
        rest.points = rest.points.difference(&other.points).cloned().collect();
        rest.items = rest.items.difference(&other.items).cloned().collect();
        rest
    }

    /// Whether all of `other` is here.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        let enough = |(name, milli): (&String, &i128)| self.milli(name) >= *milli;
        other.scalars.iter().all(enough)
            && other.points.is_subset(&self.points)
            && other.items.is_subset(&self.items)
    }

    /// Whether a point or item is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.points.is_disjoint(&other.points) || !self.items.is_disjoint(&other.items)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scalars.is_empty() && self.points.is_empty() && self.items.is_empty()
    }

    /// Only the scalars.
    #[must_use]
    pub fn scalars(&self) -> Self {
        Self { scalars: self.scalars.clone(), ..Self::default() }
    }

    /// Thousandths of a scalar.
    #[must_use]
    pub fn milli(&self, name: &str) -> i128 {
        self.scalars.get(name).copied().unwrap_or(0)
    }

    /// How much there is of a name, in thousandths, whatever its kind.
    #[must_use]
    pub fn quantity(&self, name: &str) -> i128 {
        let points = self.points.iter().filter(|(n, _)| n == name).count();
        let items = self.items.iter().filter(|(n, _)| n == name).count();
        self.milli(name) + 1000 * (points + items) as i128
    }

    /// The names in it, with the kind of each.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<(&str, u8)> {
        let scalars = self.scalars.keys().map(|name| (name.as_str(), 0));
        let points = self.points.iter().map(|(name, _)| (name.as_str(), 1));
        let items = self.items.iter().map(|(name, _)| (name.as_str(), 2));
        scalars.chain(points).chain(items).collect()
    }
}
