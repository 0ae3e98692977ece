//! The value of one resource, whatever its kind.

use std::fmt;

use super::amount::Amount;
use super::pieces::Pieces;
use super::ranges::Ranges;
use super::set::Set;

/// The value of one resource. 16 bytes: ranges and sets are one pointer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// An amount, such as 4 cpus.
    Scalar(Amount),
    /// Whole numbers, such as ports.
    Ranges(Ranges),
    /// Names, such as disks.
    Set(Set),
    /// Amounts that are used as a whole, such as volumes.
    Pieces(Pieces),
}

const _: () = assert!(size_of::<Value>() == 16);

/// The kind of a [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An amount.
    Scalar,
    /// Intervals of whole numbers.
    Ranges,
    /// Names.
    Set,
    /// Amounts that are used as a whole.
    Pieces,
}

/// How the scalars of a key may be divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    /// At will.
    Divisible,
    /// Not at all: each is used as a whole.
    Pieces,
    /// Not at all, and many may use it at the same time: copies of one thing.
    Copies,
}

impl Kind {
    /// The name as Mesos writes it in JSON.
    #[must_use]
    pub const fn mesos_name(self) -> &'static str {
        match self {
            Self::Scalar | Self::Pieces => "SCALAR",
            Self::Ranges => "RANGES",
            Self::Set => "SET",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Ranges => "ranges",
            Self::Set => "set",
            Self::Pieces => "pieces",
        })
    }
}

impl Value {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Scalar(_) => Kind::Scalar,
            Self::Ranges(_) => Kind::Ranges,
            Self::Set(_) => Kind::Set,
            Self::Pieces(_) => Kind::Pieces,
        }
    }

    /// True for nothing of any kind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(amount) => amount.is_zero(),
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Pieces(pieces) => pieces.is_empty(),
        }
    }

    /// How much this is as a bare number: a scalar by value, ranges by points, a set by items,
    /// pieces by their sum.
    ///
    /// At most [`Amount::TOTAL_MAX`]; only ranges can be larger, and are then cut to it.
    #[must_use]
    pub fn quantity(&self) -> Amount {
        let units = match self {
            Self::Scalar(amount) => return *amount,
            Self::Ranges(ranges) => ranges.count(),
            Self::Set(set) => set.len() as u128,
            Self::Pieces(pieces) => return pieces.quantity(),
        };
        let milli = units.saturating_mul(Amount::MILLI_PER_UNIT.unsigned_abs().into());
        Amount::from_milli(i64::try_from(milli).unwrap_or(i64::MAX))
    }

    /// True when `other` is of this kind and not more than this.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a >= b,
            (Self::Ranges(a), Self::Ranges(b)) => a.contains(b),
            (Self::Set(a), Self::Set(b)) => a.contains(b),
            (Self::Pieces(a), Self::Pieces(b)) => a.contains(b),
            _ => false,
        }
    }

    /// True when both are ranges or sets and have a point or item in common.
    ///
    /// Scalars are interchangeable, so two of them never overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ranges(a), Self::Ranges(b)) => a.overlaps(b),
            (Self::Set(a), Self::Set(b)) => a.overlaps(b),
            _ => false,
        }
    }

    /// The part that fits under `limit`: a scalar cut to it, ranges and sets whole or not at all,
    /// of pieces those that fit.
    pub(super) fn within(&self, limit: Amount) -> Self {
        match self {
            Self::Scalar(amount) => Self::Scalar(limit.min(*amount)),
            Self::Pieces(pieces) => Self::Pieces(pieces.within(limit)),
            value if value.quantity() > limit => Self::Scalar(Amount::ZERO),
            value => value.clone(),
        }
    }

    /// What is in both.
    pub(super) fn common(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => Self::Scalar(*a.min(b)),
            (a, b) if a.kind() == b.kind() => {
                let mut missing = b.clone();
                missing.subtract(a);
                let mut common = b.clone();
                common.subtract(&missing);
                common
            }
            _ => Self::Scalar(Amount::ZERO),
        }
    }

    /// The value as a key wants it: in pieces, in copies of one thing, or divisible.
    pub(super) fn normal(self, grain: Grain) -> Self {
        match (self, grain) {
            (Self::Scalar(size), Grain::Pieces) => Self::Pieces(Pieces::new(size, 1, false)),
            (Self::Scalar(size), Grain::Copies) => Self::Pieces(Pieces::new(size, 1, true)),
            (Self::Pieces(pieces), Grain::Divisible) => Self::Scalar(pieces.quantity()),
            (Self::Pieces(pieces), grain) => {
                Self::Pieces(pieces.with_shared(grain == Grain::Copies))
            }
            (value, _) => value,
        }
    }

    /// Adds `other`; a scalar stops at [`Amount::TOTAL_MAX`], another kind adds nothing.
    pub(super) fn add_saturating(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => *a = a.saturating_add(*b),
            (Self::Ranges(a), Self::Ranges(b)) => a.add(b),
            (Self::Set(a), Self::Set(b)) => a.union(b),
            (Self::Pieces(a), Self::Pieces(b)) => a.add(b),
            _ => {}
        }
    }

    /// Removes `other` as far as it is there; another kind removes nothing.
    pub(super) fn subtract(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => *a = a.saturating_sub(*b),
            (Self::Ranges(a), Self::Ranges(b)) => a.subtract(b),
            (Self::Set(a), Self::Set(b)) => a.difference(b),
            (Self::Pieces(a), Self::Pieces(b)) => a.subtract(b),
            _ => {}
        }
    }
}

impl fmt::Display for Value {
    /// `4`, `[1-3,7-9]` or `{a,b}`; `{:#}` puts a blank after each comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(amount) => fmt::Display::fmt(amount, f),
            Self::Ranges(ranges) => fmt::Display::fmt(ranges, f),
            Self::Set(set) => fmt::Display::fmt(set, f),
            Self::Pieces(pieces) => fmt::Display::fmt(pieces, f),
        }
    }
}

impl From<Amount> for Value {
    fn from(amount: Amount) -> Self {
        Self::Scalar(amount)
    }
}

impl From<Ranges> for Value {
    fn from(ranges: Ranges) -> Self {
        Self::Ranges(ranges)
    }
}

impl From<Set> for Value {
    fn from(set: Set) -> Self {
        Self::Set(set)
    }
}
