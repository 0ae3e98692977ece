//! Devices: units that are counted one by one, such as graphics processors.
//!
//! An agent names its units, each with a number of its own, how much of it there is (at most one),
//! and, if it likes, a model and a group. What is free of each unit, and what a task holds of it,
//! has the same form: so eight halves are eight halves, and never four whole units.
//!
//! Promises: sorted by number, each unit once, no unit empty or more than one. Addition and
//! subtraction go unit by unit; what is said of a unit belongs to it, so that units that are
//! described differently do not contain each other.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::amount::Amount;
use super::excerpt::Excerpt;
use crate::limits::DEVICES_PER_AGENT_MAX;

/// What is said of a unit beside its number and amount.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Description {
    /// What it is, such as `a100`.
    pub model: Option<Box<str>>,
    /// With which others it is closely connected.
    pub group: Option<Box<str>>,
}

/// The most bytes of a model or of a group.
pub const WORD_BYTES_MAX: usize = 64;

/// Stands for any model in a request, so no model is called that.
pub(super) const ANY: &str = "any";

impl Description {
    /// Checks the words: they are not empty, and hold nothing that the text form uses.
    pub fn new(model: Option<&str>, group: Option<&str>) -> Result<Self, DevicesError> {
        for (what, word) in [("model", model), ("group", group)] {
            if let Some(word) = word {
                check_word(what, word)?;
            }
        }
        Ok(Self { model: model.map(Into::into), group: group.map(Into::into) })
    }

    /// Whether `other` says nothing that is not said here.
    fn says(&self, other: &Self) -> bool {
        let says =
            |own: &Option<Box<str>>, other: &Option<Box<str>>| other.is_none() || own == other;
        says(&self.model, &other.model) && says(&self.group, &other.group)
    }
}

pub(super) fn check_word(what: &'static str, word: &str) -> Result<(), DevicesError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || ",;:=@/|*<>()[]{}".contains(c);
    if word.is_empty() || word.len() > WORD_BYTES_MAX || word == ANY || word.contains(bad) {
        return Err(DevicesError::BadWord { what, word: Excerpt::new(word) });
    }
    Ok(())
}

/// One unit, or what there is of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    id: u32,
    /// Thousandths, 1 to 1000.
    milli: u16,
    /// `None` exactly when nothing is said.
    description: Option<Arc<Description>>,
}

const _: () = assert!(size_of::<Unit>() == 16);

/// The thousandths of a whole unit.
const WHOLE: u16 = 1000;

/// Why a list of units is not legal, or two lists do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DevicesError {
    /// A unit stands twice.
    #[error("unit {id} is given twice; give each unit once")]
    Duplicate {
        /// Which.
        id: u32,
    },
    /// Too many units.
    #[error("{count} units; an agent has at most {DEVICES_PER_AGENT_MAX}")]
    TooMany {
        /// How many.
        count: u64,
    },
    /// Nothing of a unit, or more than one.
    #[error("{amount} of unit {id}; there is more than 0 and at most 1 of a unit")]
    BadAmount {
        /// Which.
        id: u32,
        /// How much.
        amount: Amount,
    },
    /// Together more than one unit.
    #[error("unit {id} comes to {sum}; there is at most 1 of a unit")]
    TooMuch {
        /// Which.
        id: u32,
        /// The sum.
        sum: Amount,
    },
    /// One unit is described in two ways.
    #[error("unit {id} is {one} and {other}; describe it the same way everywhere")]
    Different {
        /// Which.
        id: u32,
        /// What is there.
        one: Excerpt,
        /// What was to be added.
        other: Excerpt,
    },
    /// A model or group that is no word.
    #[error(
        "the {what} {word} is not one; write 1 to {WORD_BYTES_MAX} bytes without blanks and any of \
         ,;:=@/|*<>()[]{{}}, and not 'any'"
    )]
    BadWord {
        /// `model` or `group`.
        what: &'static str,
        /// What was written.
        word: Excerpt,
    },
}

impl Unit {
    /// So much of a unit. Errors: nothing of it, or more than one.
    pub fn new(
        id: u32,
        amount: Amount,
        description: impl Into<Arc<Description>>,
    ) -> Result<Self, DevicesError> {
        let description = description.into();
        match u16::try_from(amount.milli()) {
            Ok(milli @ 1..=WHOLE) => {
                let said = *description != Description::default();
                Ok(Self { id, milli, description: said.then_some(description) })
            }
            _ => Err(DevicesError::BadAmount { id, amount }),
        }
    }

    /// Its number, by which it is told apart from others of its name on its agent.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// How much there is of it: more than nothing, at most one.
    #[must_use]
    pub fn amount(&self) -> Amount {
        Amount::from_milli(self.milli.into())
    }

    /// Whether all of it is there.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.milli == WHOLE
    }

    /// What it is.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.description.as_ref()?.model.as_deref()
    }

    /// With which others it is closely connected.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.description.as_ref()?.group.as_deref()
    }

    /// The same unit with another amount, which is legal.
    pub(super) fn with(&self, amount: Amount) -> Self {
        let milli = u16::try_from(amount.milli()).unwrap_or(WHOLE).min(WHOLE);
        Self { milli, ..self.clone() }
    }

    /// Whether `next` follows in number and is the same otherwise.
    fn is_before(&self, next: &Self) -> bool {
        self.id.checked_add(1) == Some(next.id)
            && self.milli == next.milli
            && self.description == next.description
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        write_rest(f, self)
    }
}

/// Units, each with what there is of it. One pointer wide, shared between copies until one changes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Devices(Arc<Vec<Unit>>);

impl Devices {
    /// Units in any order, each once.
    pub fn new(mut units: Vec<Unit>) -> Result<Self, DevicesError> {
        if units.len() > DEVICES_PER_AGENT_MAX {
            return Err(DevicesError::TooMany { count: units.len() as u64 });
        }
        units.sort_unstable_by_key(Unit::id);
        match units.windows(2).find(|pair| pair[0].id == pair[1].id) {
            Some(pair) => Err(DevicesError::Duplicate { id: pair[0].id }),
            None => Ok(Self(Arc::new(units))),
        }
    }

    /// Units that are legal, sorted and single.
    pub(super) fn sorted(units: Vec<Unit>) -> Self {
        debug_assert!(units.windows(2).all(|pair| pair[0].id < pair[1].id));
        Self(Arc::new(units))
    }

    /// The units in the order of their numbers.
    pub fn iter(&self) -> std::slice::Iter<'_, Unit> {
        self.0.iter()
    }

    /// How many units there is something of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is nothing of any unit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The unit of that number, if there is something of it.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&Unit> {
        let at = self.0.binary_search_by_key(&id, Unit::id).ok()?;
        self.0.get(at)
    }

    /// How much there is of a unit.
    #[must_use]
    pub fn amount(&self, id: u32) -> Amount {
        self.get(id).map_or(Amount::ZERO, Unit::amount)
    }

    /// The sum over all units: what shares, quota and limits count.
    #[must_use]
    pub fn quantity(&self) -> Amount {
        self.iter().fold(Amount::ZERO, |sum, unit| sum.saturating_add(unit.amount()))
    }

    /// True when there is as much of each unit of `other`, described the same way.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|unit| {
            self.get(unit.id)
                .is_some_and(|own| own.milli >= unit.milli && own.description == unit.description)
        })
    }

    /// True when both together are more than there can be of some unit.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        other.iter().any(|unit| self.get(unit.id).is_some_and(|own| own.milli + unit.milli > WHOLE))
    }

    /// The units that `wanted` names, as they are described here. None if there is less of one of
    /// them, or `wanted` describes one otherwise; it need not describe them.
    #[must_use]
    pub fn find(&self, wanted: &Self) -> Option<Self> {
        let units = wanted.iter().map(|unit| {
            let own = self.get(unit.id).filter(|own| own.milli >= unit.milli)?;
            let silent = Description::default();
            let said = own.description.as_deref().unwrap_or(&silent);
            let fits = unit.description.as_ref().is_none_or(|asked| said.says(asked));
            fits.then(|| own.with(unit.amount()))
        });
        units.collect::<Option<Vec<_>>>().map(Self::sorted)
    }

    /// Checks that both can be added: of no unit more than one, none described in two ways.
    pub(super) fn check_add(&self, other: &Self) -> Result<(), DevicesError> {
        let mut count = self.len() as u64;
        for unit in other {
            let Some(own) = self.get(unit.id) else {
                count += 1;
                continue;
            };
            if own.description != unit.description {
                let text = |unit: &Unit| Excerpt::new(&format!("{:?}", unit.with_whole()));
                let (one, other) = (text(own), text(unit));
                return Err(DevicesError::Different { id: unit.id, one, other });
            }
            if own.milli + unit.milli > WHOLE {
                let sum = own.amount().saturating_add(unit.amount());
                return Err(DevicesError::TooMuch { id: unit.id, sum });
            }
        }
        if count > DEVICES_PER_AGENT_MAX as u64 {
            return Err(DevicesError::TooMany { count });
        }
        Ok(())
    }

    /// Adds unit by unit, of each at most one; what is said of a unit here stays.
    pub(super) fn add(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        let units = Arc::make_mut(&mut self.0);
        for unit in other {
            match units.binary_search_by_key(&unit.id, Unit::id) {
                Ok(at) => units[at].milli = (units[at].milli + unit.milli).min(WHOLE),
                Err(at) => units.insert(at, unit.clone()),
            }
        }
    }

    /// Subtracts unit by unit, of none below nothing.
    pub(super) fn subtract(&mut self, other: &Self) {
        if self.is_empty() || other.is_empty() {
            return;
        }
        Arc::make_mut(&mut self.0).retain_mut(|unit| {
            let less = other.get(unit.id).map_or(0, |other| other.milli);
            unit.milli = unit.milli.saturating_sub(less);
            unit.milli > 0
        });
    }
}

impl<'a> IntoIterator for &'a Devices {
    type Item = &'a Unit;
    type IntoIter = std::slice::Iter<'a, Unit>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Unit {
    fn with_whole(&self) -> Self {
        Self { milli: WHOLE, ..self.clone() }
    }
}

impl fmt::Display for Devices {
    /// `<0-3=a100@g0,4=a100@g1/0.5>`; units in a row that are the same otherwise are a range.
    /// `{:#}` puts a blank after each comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<")?;
        let mut rest = self.0.as_slice();
        while let Some(first) = rest.first() {
            let row = rest.windows(2).take_while(|pair| pair[0].is_before(&pair[1])).count();
            write!(f, "{}", first.id)?;
            if let Some(last) = rest.get(row).filter(|_| row > 0) {
                write!(f, "-{}", last.id)?;
            }
            write_rest(f, first)?;
            rest = &rest[row + 1..];
            if !rest.is_empty() {
                f.write_str(if f.alternate() { ", " } else { "," })?;
            }
        }
        f.write_str(">")
    }
}

fn write_rest(f: &mut fmt::Formatter<'_>, unit: &Unit) -> fmt::Result {
    if let Some(model) = unit.model() {
        write!(f, "={model}")?;
    }
    if let Some(group) = unit.group() {
        write!(f, "@{group}")?;
    }
    match unit.milli.cmp(&WHOLE) {
        Ordering::Less => write!(f, "/{}", unit.amount()),
        _ => Ok(()),
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
