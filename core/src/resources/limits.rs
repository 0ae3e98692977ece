//! The most of each name: what a quota may limit.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::amount::Amount;
use super::name::Name;
use super::quantities::Quantities;
use super::text::ParseError;

/// A sorted map from name to the most of it; a name that is absent is unlimited, zero is a limit.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ResourceLimits {
    entries: BTreeMap<Name, Amount>,
}

impl ResourceLimits {
    /// No limit on anything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// True when nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The limited names with their limits, in the order of names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, Amount)> + '_ {
        self.entries.iter().map(|(name, amount)| (name, *amount))
    }

    /// The limit of `name`; none is unlimited.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<Amount> {
        self.entries.get(name).copied()
    }

    /// Limits `name`.
    pub fn set(&mut self, name: Name, limit: Amount) {
        self.entries.insert(name, limit);
    }

    /// What is left under the limits once `quantities` are used: never below zero, and a limit of
    /// zero is kept.
    pub fn subtract(&mut self, quantities: &Quantities) {
        for (name, limit) in &mut self.entries {
            *limit = limit.saturating_sub(quantities.get(name));
        }
    }

    /// True when the quantities are within the limits.
    #[must_use]
    pub fn contains(&self, quantities: &Quantities) -> bool {
        self.entries.iter().all(|(name, limit)| quantities.get(name) <= *limit)
    }

    /// True when the other limits are within these: what is limited here is limited there, by as
    /// much at most.
    #[must_use]
    pub fn contains_limits(&self, other: &Self) -> bool {
        self.entries.iter().all(|(name, limit)| other.get(name).is_some_and(|most| most <= *limit))
    }
}

impl FromIterator<(Name, Amount)> for ResourceLimits {
    fn from_iter<I: IntoIterator<Item = (Name, Amount)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

impl FromStr for ResourceLimits {
    type Err = ParseError;

    /// Reads `cpus:4;gpus:0`: a zero stays, unlike in quantities.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        super::quantities::parse_entries(text).map(|entries| entries.into_iter().collect())
    }
}

impl fmt::Display for ResourceLimits {
    /// The canonical text, `cpus:4;gpus:0`; `{:#}` puts a blank after each `;` as Mesos does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::quantities::write_entries(f, self.iter())
    }
}

impl fmt::Debug for ResourceLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
