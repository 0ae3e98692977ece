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
    /// items, copies of a shared volume once; over all metadata.
    #[must_use]
    pub fn of(resources: &Resources) -> Self {
        // The collection is sorted by name first and has nothing empty, so this is too.
        let mut entries: SmallVec<[(Name, Amount); 4]> = SmallVec::new();
        for item in resources {
            let quantity = item.value.quantity();
            match entries.last_mut() {
                Some((name, sum)) if *name == item.key.name => *sum = sum.saturating_add(quantity),
                _ => entries.push((item.key.name.clone(), quantity)),
            }
        }
        Self { entries }
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
        quantities.iter().all(|(name, amount)| self.quantity(name) >= amount)
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
        for (name, amount) in parse_entries(text)? {
            out.set(name, amount);
        }
        Ok(out)
    }
}

/// Reads names with amounts, zeros included; one name given twice is added.
pub(super) fn parse_entries(text: &str) -> Result<Vec<(Name, Amount)>, ParseError> {
    let mut out: Vec<(Name, Amount)> = Vec::new();
    for (count, token) in (1..).zip(Token::all(text)) {
        if count > ITEMS_MAX {
            return Err(token.error(InputError::TooManyItems));
        }
        let (name, meta, value) = token.split().map_err(|reason| token.error(reason))?;
        if !meta.is_plain() {
            return Err(token.error(token.decorated()));
        }
        let amount = parse_amount(value).map_err(|reason| token.error(reason))?;
        let Some((_, sum)) = out.iter_mut().find(|(known, _)| *known == name) else {
            out.push((name, amount));
            continue;
        };
        match sum.checked_add(amount).filter(|sum| *sum <= Amount::MAX) {
            Some(total) => *sum = total,
            None => {
                let conflict = Conflict::TooLarge { key: name, limit: Amount::MAX };
                return Err(token.error(InputError::from(conflict)));
            }
        }
    }
    Ok(out)
}

/// Writes `name:amount;name:amount`, with a blank after each `;` under `{:#}`.
pub(super) fn write_entries<'a>(
    f: &mut fmt::Formatter<'_>,
    entries: impl Iterator<Item = (&'a Name, Amount)>,
) -> fmt::Result {
    let separator = if f.alternate() { "; " } else { ";" };
    for (i, (name, amount)) in entries.enumerate() {
        let separator = if i == 0 { "" } else { separator };
        f.write_str(separator)?;
        super::meta_text::write_name(f, name)?;
        write!(f, ":{amount}")?;
    }
    Ok(())
}

impl fmt::Display for Quantities {
    /// The canonical text, `cpus:0.01;mem:32`; `{:#}` puts a blank after each `;` as Mesos does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_entries(f, self.iter())
    }
}

impl fmt::Debug for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
