//! The value of one resource, whatever its kind.

use std::fmt;

use super::amount::Amount;
use super::device_request::DeviceRequest;
use super::devices::Devices;
use super::pieces::Pieces;
use super::ranges::Ranges;
use super::set::Set;

/// The value of one resource. 16 bytes: all but amounts are one pointer.
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
    /// Units, such as graphics processors.
    Devices(Devices),
    /// What a task asks for of units; nothing that anybody has.
    Request(DeviceRequest),
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
    /// Units.
    Devices,
    /// What a task asks for of units.
    Request,
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
            // Mesos has no such kind.
            Self::Devices | Self::Request => "DEVICES",
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
            Self::Devices => "devices",
            Self::Request => "a request for devices",
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
            Self::Devices(_) => Kind::Devices,
            Self::Request(_) => Kind::Request,
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
            Self::Devices(devices) => devices.is_empty(),
            Self::Request(_) => false,
        }
    }

    /// How much this is as a bare number: a scalar by value, ranges by points, a set by items,
    /// pieces and units by their sum, a request by what it asks for.
    ///
    /// At most [`Amount::TOTAL_MAX`]; only ranges can be larger, and are then cut to it.
    #[must_use]
    pub fn quantity(&self) -> Amount {
        let units = match self {
            Self::Scalar(amount) => return *amount,
            Self::Ranges(ranges) => ranges.count(),
            Self::Set(set) => set.len() as u128,
            Self::Pieces(pieces) => return pieces.quantity(),
            Self::Devices(devices) => return devices.quantity(),
            Self::Request(request) => return request.quantity(),
        };
        let milli = units.saturating_mul(Amount::MILLI_PER_UNIT.unsigned_abs().into());
        Amount::from_milli(i64::try_from(milli).unwrap_or(i64::MAX))
    }

    /// Whether shares, quota and limits count it: amounts of whatever form.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        matches!(self, Self::Scalar(_) | Self::Pieces(_) | Self::Devices(_))
    }

    /// True when `other` is of this kind and not more than this. No value contains a request: it is
    /// to be resolved ([`Devices::resolve`]) or compared as an amount.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a >= b,
            (Self::Ranges(a), Self::Ranges(b)) => a.contains(b),
            (Self::Set(a), Self::Set(b)) => a.contains(b),
            (Self::Pieces(a), Self::Pieces(b)) => a.contains(b),
            (Self::Devices(a), Self::Devices(b)) => a.contains(b),
            _ => false,
        }
    }

    /// True when both are ranges or sets and have a point or item in common, or units of which both
    /// together are more than one.
    ///
    /// Scalars are interchangeable, so two of them never overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ranges(a), Self::Ranges(b)) => a.overlaps(b),
            (Self::Set(a), Self::Set(b)) => a.overlaps(b),
            (Self::Devices(a), Self::Devices(b)) => a.overlaps(b),
            _ => false,
        }
    }

    /// The part that fits under `limit`: a scalar cut to it, ranges and sets whole or not at all,
    /// of pieces those that fit, of units whole ones and parts of those that are shared already.
    pub(super) fn within(&self, limit: Amount) -> Self {
        match self {
            Self::Scalar(amount) => Self::Scalar(limit.min(*amount)),
            Self::Pieces(pieces) => Self::Pieces(pieces.within(limit)),
            Self::Devices(devices) => Self::Devices(devices.within(limit)),
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
            (Self::Devices(a), Self::Devices(b)) => a.add(b),
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
            (Self::Devices(a), Self::Devices(b)) => a.subtract(b),
            _ => {}
        }
    }
}

impl fmt::Display for Value {
    /// `4`, `[1-3,7-9]`, `{a,b}` or `<0-3=a100>`; `{:#}` puts a blank after each comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(amount) => fmt::Display::fmt(amount, f),
            Self::Ranges(ranges) => fmt::Display::fmt(ranges, f),
            Self::Set(set) => fmt::Display::fmt(set, f),
            Self::Pieces(pieces) => fmt::Display::fmt(pieces, f),
            Self::Devices(devices) => fmt::Display::fmt(devices, f),
            Self::Request(request) => fmt::Display::fmt(request, f),
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

impl From<Devices> for Value {
    fn from(devices: Devices) -> Self {
        Self::Devices(devices)
    }
}

impl From<DeviceRequest> for Value {
    fn from(request: DeviceRequest) -> Self {
        Self::Request(request)
    }
}
