//! What a task asks for of devices, and which units it gets.
//!
//! A request names no unit: it asks for whole units, or for a part of one, of any model or of one
//! of several. [`Devices::resolve`] is the one place where it becomes units, in a way that depends
//! on nothing but what is there:
//!
//! - a part comes from the unit that has least left and still enough: whole ones stay whole;
//! - whole units come from one group if one has enough, from the smallest such group, so that large
//!   groups stay whole; else from as few groups as possible. A unit without a group is a group of
//!   its own;
//! - what is equal otherwise is taken in the order of the numbers.

use std::collections::BTreeMap;
use std::fmt;

use smallvec::SmallVec;

use super::amount::Amount;
use super::collection::{Collection, CollectionKey, Resource};
use super::devices::{ANY, Devices, DevicesError, Unit, check_word};
use super::value::Value;
use crate::limits::DEVICES_PER_AGENT_MAX;

/// How much a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// So many whole units.
    Whole(u32),
    /// A part of one unit, less than all of it.
    Part(Amount),
}

/// Why a request is not legal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Nothing, too much, or whole units and a part at once.
    #[error(
        "{amount} units cannot be asked for: ask for 1 to {DEVICES_PER_AGENT_MAX} whole ones, or \
         for a part of one, from 0.001 to 0.999"
    )]
    BadAmount {
        /// What was asked for.
        amount: Amount,
    },
    /// A model that is no word.
    #[error(transparent)]
    Model(#[from] DevicesError),
    /// Too many models.
    #[error("{count} models; name at most {DEVICES_PER_AGENT_MAX}")]
    TooManyModels {
        /// How many.
        count: usize,
    },
}

/// A request for units. One pointer wide.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DeviceRequest(Box<Inner>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Inner {
    ask: Ask,
    /// Sorted; empty means any.
    models: Vec<Box<str>>,
    /// Only where there are several units.
    one_group: bool,
}

impl DeviceRequest {
    /// Asks for whole units, if `amount` is a whole number, or for a part of one.
    ///
    /// Any model will do if none is named, otherwise each that is named. Errors: nothing is asked
    /// for, too much, or whole units and a part.
    pub fn new<M: AsRef<str>>(
        amount: Amount,
        models: &[M],
        one_group: bool,
    ) -> Result<Self, RequestError> {
        let bad = || RequestError::BadAmount { amount };
        let (whole, part) =
            (amount.milli() / Amount::MILLI_PER_UNIT, amount.milli() % Amount::MILLI_PER_UNIT);
        let ask = match (usize::try_from(whole), part) {
            (Ok(1..=DEVICES_PER_AGENT_MAX), 0) => {
                Ask::Whole(u32::try_from(whole).map_err(|_| bad())?)
            }
            (Ok(0), 1..) => Ask::Part(amount),
            _ => return Err(bad()),
        };
        if models.len() > DEVICES_PER_AGENT_MAX {
            return Err(RequestError::TooManyModels { count: models.len() });
        }
        models.iter().try_for_each(|model| check_word("model", model.as_ref()))?;
        let mut models: Vec<Box<str>> = models.iter().map(|model| model.as_ref().into()).collect();
        models.sort_unstable();
        models.dedup();
        // One unit is in one group anyhow.
        let one_group = one_group && matches!(ask, Ask::Whole(2..));
        Ok(Self(Box::new(Inner { ask, models, one_group })))
    }

    /// How much is asked for.
    #[must_use]
    pub fn ask(&self) -> Ask {
        self.0.ask
    }

    /// How much is asked for as a number; what satisfies the request has this quantity.
    #[must_use]
    pub fn quantity(&self) -> Amount {
        match self.0.ask {
            Ask::Whole(count) => Amount::from_units(count),
            Ask::Part(amount) => amount,
        }
    }

    /// The models that will do, sorted; none means any.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        self.0.models.iter().map(|model| &**model)
    }

    /// Whether all units must be in one group.
    #[must_use]
    pub fn is_one_group(&self) -> bool {
        self.0.one_group
    }

    /// How many units without a name satisfy it: whole ones, of no model and in no group.
    #[must_use]
    pub fn anonymous(&self) -> Option<Amount> {
        let plain = self.0.models.is_empty() && !self.0.one_group;
        (plain && matches!(self.0.ask, Ask::Whole(_))).then(|| self.quantity())
    }

    fn suits(&self, unit: &Unit) -> bool {
        self.0.models.is_empty()
            || unit.model().is_some_and(|model| self.models().any(|asked| asked == model))
    }
}

/// The whole units of a group that may be taken, and how many whole ones the group has in all.
struct Group<'a> {
    units: Vec<&'a Unit>,
    whole: usize,
}

impl Group<'_> {
    /// Small groups first, then those whose units come first.
    fn rank(&self) -> (usize, usize, u32) {
        (self.whole, self.units.len(), self.units.first().map_or(u32::MAX, |unit| unit.id()))
    }
}

impl Devices {
    /// The units that a request gets of what is here; none if no units can satisfy it. See the
    /// module text for which they are.
    #[must_use]
    pub fn resolve(&self, request: &DeviceRequest) -> Option<Self> {
        match request.ask() {
            Ask::Part(amount) => {
                let groups = self.groups();
                let crowd = |unit: &Unit| {
                    let of_group = unit.group().filter(|_| unit.is_whole());
                    of_group.map_or(1, |group| groups.get(group).map_or(1, |g| g.whole))
                };
                let enough = |unit: &&Unit| request.suits(unit) && unit.amount() >= amount;
                let units = self.iter().filter(enough);
                let best = units.min_by_key(|unit| (unit.amount(), crowd(unit), unit.id()))?;
                Some(Self::sorted(vec![best.with(amount)]))
            }
            Ask::Whole(count) => {
                let suits = |unit: &Unit| request.suits(unit);
                self.pick(count as usize, suits, request.is_one_group())
            }
        }
    }

    /// The part that fits under `limit`: whole units first, as many as fit; then of those that are
    /// shared already, the smallest first, what fits. No whole unit is split.
    pub(super) fn within(&self, limit: Amount) -> Self {
        if self.quantity() <= limit {
            return self.clone();
        }
        let most = limit.milli() / Amount::MILLI_PER_UNIT;
        let there = self.iter().filter(|unit| unit.is_whole()).count();
        let count = usize::try_from(most).unwrap_or(there).min(there);
        let mut kept = self.pick(count, |_| true, false).unwrap_or_default();
        let mut left = limit.saturating_sub(kept.quantity());
        let mut shared: Vec<_> = self.iter().filter(|unit| !unit.is_whole()).collect();
        shared.sort_unstable_by_key(|unit| (unit.amount(), unit.id()));
        for unit in shared {
            let amount = unit.amount().min(left);
            if amount.is_zero() {
                break;
            }
            left = left.saturating_sub(amount);
            kept.add(&Self::sorted(vec![unit.with(amount)]));
        }
        kept
    }

    /// So many whole units of those that suit, from as few groups as possible.
    fn pick(&self, count: usize, suits: impl Fn(&Unit) -> bool, one_group: bool) -> Option<Self> {
        let mut groups: Vec<Group<'_>> = self.groups().into_values().collect();
        let single = |unit| Group { units: vec![unit], whole: 1 };
        let alone = self.iter().filter(|unit| unit.is_whole() && unit.group().is_none());
        groups.extend(alone.map(single));
        for group in &mut groups {
            group.units.retain(|unit| suits(unit));
        }
        groups.retain(|group| !group.units.is_empty());
        groups.sort_unstable_by_key(Group::rank);
        let mut picked: Vec<Unit> = Vec::with_capacity(count);
        while picked.len() < count {
            let missing = count - picked.len();
            let enough = groups.iter().position(|group| group.units.len() >= missing);
            if enough.is_none() && one_group {
                return None;
            }
            // As much as possible of what is missing from one group.
            let largest = || {
                let sizes = groups.iter().enumerate().rev();
                sizes.max_by_key(|(_, group)| group.units.len()).map(|(at, _)| at)
            };
            let group = groups.remove(enough.or_else(largest)?);
            picked.extend(group.units.into_iter().take(missing).cloned());
        }
        picked.sort_unstable_by_key(Unit::id);
        Some(Self::sorted(picked))
    }

    /// The whole units that are in groups.
    fn groups(&self) -> BTreeMap<&str, Group<'_>> {
        let mut groups = BTreeMap::new();
        for unit in self.iter().filter(|unit| unit.is_whole()) {
            let Some(name) = unit.group() else { continue };
            let group = groups.entry(name).or_insert(Group { units: Vec::new(), whole: 0 });
            group.units.push(unit);
            group.whole += 1;
        }
        groups
    }
}

impl<K: CollectionKey> Collection<K> {
    /// The same as `wanted`, with units of what is here where `wanted` asks for some: by a request,
    /// by a whole number of a name that has units here, or by their numbers. A request for whole
    /// units of any model becomes a number where there are only numbers. All else stays as it is.
    ///
    /// Errors: the first key for which nothing here satisfies what is asked.
    pub fn resolve(&self, wanted: &Self) -> Result<Self, K> {
        let mut found = SmallVec::<[Resource<K>; 4]>::with_capacity(wanted.len());
        for item in wanted {
            let value = resolve_one(&item.value, self.get(&item.key));
            let value = value.ok_or_else(|| item.key.clone())?;
            found.push(Resource { key: item.key.clone(), value });
        }
        Ok(Self::from_items(found).unwrap_or_default())
    }
}

impl<K: CollectionKey> Collection<K> {
    /// Whether units of a name can give an amount: as many whole ones, and the rest from one more.
    /// True where there are no units of it.
    #[must_use]
    pub fn gives(&self, name: &K::Name, amount: Amount) -> bool {
        let (mut any, mut whole, mut largest) = (false, 0, 0);
        for item in self.iter().filter(|item| item.key.name() == name) {
            let Value::Devices(units) = &item.value else { continue };
            any = true;
            for milli in units.iter().map(|unit| unit.amount().milli()) {
                whole += i64::from(milli == Amount::MILLI_PER_UNIT);
                largest = largest.max(milli % Amount::MILLI_PER_UNIT);
            }
        }
        let count = amount.milli() / Amount::MILLI_PER_UNIT;
        let rest = amount.milli() % Amount::MILLI_PER_UNIT;
        !any || whole > count || (whole == count && largest >= rest)
    }
}

fn resolve_one(wanted: &Value, have: Option<&Value>) -> Option<Value> {
    match (wanted, have) {
        (Value::Request(request), Some(Value::Devices(units))) => {
            units.resolve(request).map(Value::Devices)
        }
        (Value::Request(request), Some(Value::Scalar(_))) => request.anonymous().map(Value::Scalar),
        (Value::Request(_), _) => None,
        (Value::Scalar(amount), Some(Value::Devices(units))) => {
            // A part has to be asked for as one: here numbers mean whole units.
            let request = DeviceRequest::new::<&str>(*amount, &[], false).ok();
            let whole = request.filter(|request| matches!(request.ask(), Ask::Whole(_)))?;
            units.resolve(&whole).map(Value::Devices)
        }
        (Value::Devices(named), Some(Value::Devices(units))) => {
            units.find(named).map(Value::Devices)
        }
        (value, _) => Some(value.clone()),
    }
}

impl fmt::Display for DeviceRequest {
    /// `<2 of a100|h100 in one group>`, `<0.5 of any>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} of ", self.quantity())?;
        if self.0.models.is_empty() {
            f.write_str(ANY)?;
        }
        for (i, model) in self.models().enumerate() {
            let separator = if i == 0 { "" } else { "|" };
            write!(f, "{separator}{model}")?;
        }
        f.write_str(if self.0.one_group { " in one group>" } else { ">" })
    }
}

impl fmt::Debug for DeviceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
