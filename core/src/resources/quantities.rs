//! Bare numbers per name: how much, whatever the kind and metadata.
//!
//! Used for thresholds (the least that is worth offering), guarantees and shares.

use std::fmt;
use std::str::FromStr;

use smallvec::SmallVec;

use super::amount::Amount;
use super::collection::{Conflict, Resources};
use super::input::{ITEMS_MAX, InputError};
use super::name::Name;
use super::text::{ParseError, Token, parse_amount};

/// A sorted map from name to a positive amount; a name that is absent counts as zero.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Quantities {
    entries: SmallVec<[(Name, Amount); 4]>,
}

impl Quantities {
    /// No quantity.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How much of each name there is in `resources`: scalars by value, ranges by points, sets by
    /// items.
    #[must_use]
    pub fn of(resources: &Resources) -> Self {
        // The collection is sorted and has nothing empty, so this is too.
        let entries = resources.iter().map(|item| (item.key.clone(), item.value.quantity()));
        Self { entries: entries.collect() }
    }

    /// True when there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many names have a quantity.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries in the order of names; no amount is zero.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, Amount)> + '_ {
        self.entries.iter().map(|(name, amount)| (name, *amount))
    }

    /// The quantity of `name`; zero when absent.
    #[must_use]
    pub fn get(&self, name: &Name) -> Amount {
        self.find(name).map_or(Amount::ZERO, |at| self.entries[at].1)
    }

    fn find(&self, name: &Name) -> Result<usize, usize> {
        self.entries.binary_search_by(|(own, _)| own.cmp(name))
    }

    /// Sets the quantity of `name`; zero removes it.
    pub fn set(&mut self, name: Name, amount: Amount) {
        match self.find(&name) {
            Ok(at) if amount.is_zero() => drop(self.entries.remove(at)),
            Ok(at) => self.entries[at].1 = amount,
            Err(_) if amount.is_zero() => {}
            Err(at) => self.entries.insert(at, (name, amount)),
        }
    }

    /// Adds every entry of `other`. On a conflict (a sum too large) nothing is changed.
    pub fn add(&mut self, other: &Self) -> Result<(), Conflict<Name>> {
        let mut sum = self.clone();
        for (name, amount) in other.iter() {
            sum.add_one(name.clone(), amount, Amount::TOTAL_MAX)?;
        }
        *self = sum;
        Ok(())
    }

    fn add_one(&mut self, name: Name, amount: Amount, limit: Amount) -> Result<(), Conflict<Name>> {
        match self.get(&name).checked_add(amount).filter(|sum| *sum <= limit) {
            Some(sum) => self.set(name, sum),
            None => return Err(Conflict::TooLarge { key: name, limit }),
        }
        Ok(())
    }

    /// Subtracts every entry of `other`, never below zero.
    pub fn subtract(&mut self, other: &Self) {
        self.entries.retain(|(name, amount)| {
            *amount = amount.saturating_sub(other.get(name));
            !amount.is_zero()
        });
    }

    /// True when each entry of `other` is at most the own.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(name, amount)| amount <= self.get(name))
    }
}

impl Resources {
    /// True when there is at least as much of each name as `quantities` says.
    #[must_use]
    pub fn contains_quantities(&self, quantities: &Quantities) -> bool {
        quantities
            .iter()
            .all(|(name, amount)| self.get(name).is_some_and(|value| value.quantity() >= amount))
    }

    /// The part within `quantities`; what they do not name is dropped. See [`Resources::shrink`].
    #[must_use]
    pub fn shrink_to(&self, quantities: &Quantities) -> Self {
        self.shrink(|name| Some(quantities.get(name)))
    }
}

impl FromStr for Quantities {
    type Err = ParseError;

    /// Reads `cpus:0.01;mem:32`; one name given twice is added.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut out = Self::new();
        for (count, token) in (1..).zip(Token::all(text)) {
            if count > ITEMS_MAX {
                return Err(token.error(InputError::TooManyItems));
            }
            let (name, value) = token.split().map_err(|reason| token.error(reason))?;
            let amount = parse_amount(value).map_err(|reason| token.error(reason))?;
            out.add_one(name, amount, Amount::MAX)
                .map_err(|conflict| token.error(InputError::from(conflict)))?;
        }
        Ok(out)
    }
}

impl fmt::Display for Quantities {
    /// The canonical text, `cpus:0.01;mem:32`; `{:#}` puts a blank after each `;` as Mesos does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if f.alternate() { "; " } else { ";" };
        for (i, (name, amount)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { separator };
            write!(f, "{separator}{name}:{amount}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
