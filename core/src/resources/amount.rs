//! Exact amounts of a scalar resource.
//!
//! Owns the fixed-point number and its decimal text. Rounding is half away from zero at the third
//! decimal, as Mesos does, but from the decimal text itself: no binary fraction is ever involved.

use std::fmt;
use std::str::FromStr;

use super::excerpt::Excerpt;

/// A non-negative amount in thousandths of the resource's unit (cpus, GiB, MiB, licences...).
///
/// Always within `ZERO..=TOTAL_MAX`. What comes in as text or JSON is at most [`Amount::MAX`];
/// sums over many agents may reach [`Amount::TOTAL_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount of one resource: 10^12 units.
    pub const MAX: Self = Self(1_000_000_000_000_000);
    /// The largest sum: 2^53 thousandths, so that allocation x total x weight fits an `i128` and a
    /// total is exact wherever a reader has only doubles.
    pub const TOTAL_MAX: Self = Self(1 << 53);
    /// Thousandths per unit.
    pub const MILLI_PER_UNIT: i64 = 1000;

    /// The amount of `milli` thousandths, clamped into `ZERO..=TOTAL_MAX`.
    ///
    /// For constants and for numbers that are known to be in range; input goes through
    /// [`Amount::try_from_milli`] or [`str::parse`].
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        if milli < 0 {
            Self::ZERO
        } else if milli > Self::TOTAL_MAX.0 {
            Self::TOTAL_MAX
        } else {
            Self(milli)
        }
    }

    /// The amount of `units` whole units.
    #[must_use]
    pub const fn from_units(units: u32) -> Self {
        // u32::MAX units are 4.3 * 10^12 thousandths: below MAX. `i64::from` is not const.
        Self(units as i64 * Self::MILLI_PER_UNIT)
    }

    /// The amount of `milli` thousandths if it is within `ZERO..=MAX`.
    pub fn try_from_milli(milli: i64) -> Result<Self, AmountError> {
        if milli < 0 {
            Err(AmountError::Negative { text: Excerpt::new(&format!("{milli} thousandths")) })
        } else if milli > Self::MAX.0 {
            Err(AmountError::TooLarge { text: Excerpt::new(&format!("{milli} thousandths")) })
        } else {
            Ok(Self(milli))
        }
    }

    /// The thousandths.
    #[must_use]
    pub const fn milli(self) -> i64 {
        self.0
    }

    /// True for nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, unless it exceeds [`Amount::TOTAL_MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        // Two amounts are at most 2^54 together: the i64 cannot overflow.
        let sum = self.0 + other.0;
        if sum > Self::TOTAL_MAX.0 { None } else { Some(Self(sum)) }
    }

    /// The sum, at most [`Amount::TOTAL_MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self::from_milli(self.0 + other.0)
    }

    /// The difference, at least nothing.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self::from_milli(self.0 - other.0)
    }

    /// The difference, unless `other` is more than `self`.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        if other.0 > self.0 { None } else { Some(Self(self.0 - other.0)) }
    }
}

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Nothing was written.
    #[error("the amount is empty; write a number such as 4 or 0.5")]
    Empty,
    /// Not a decimal number (this includes `nan` and `inf`).
    #[error("{text} is not a number; write a decimal such as 4, 0.5 or 1e3")]
    NotANumber {
        /// What was written.
        text: Excerpt,
    },
    /// Below zero.
    #[error("{text} is negative; an amount is 0 or more")]
    Negative {
        /// What was written.
        text: Excerpt,
    },
    /// Above [`Amount::MAX`].
    #[error("{text} is too large; an amount is at most 1000000000000 units")]
    TooLarge {
        /// What was written.
        text: Excerpt,
    },
    /// Not zero, but zero at three decimals.
    #[error("{text} rounds to 0; the smallest amount is 0.001, and 0 means none")]
    TooSmall {
        /// What was written.
        text: Excerpt,
    },
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads `4`, `0.5`, `.5`, `1e3`: exact, rounded half away from zero at the third decimal.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let number = text.trim();
        if number.is_empty() {
            return Err(AmountError::Empty);
        }
        let excerpt = || Excerpt::new(number);
        let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
        let Some(decimal) = Decimal::parse(unsigned) else {
            return Err(AmountError::NotANumber { text: excerpt() });
        };
        // "-0" is the zero that some languages print after a subtraction.
        if number.starts_with('-') && !decimal.is_zero() {
            return Err(AmountError::Negative { text: excerpt() });
        }
        match decimal.to_milli() {
            Some(0) if !decimal.is_zero() => Err(AmountError::TooSmall { text: excerpt() }),
            Some(milli) if milli <= Self::MAX.0 => Ok(Self(milli)),
            _ => Err(AmountError::TooLarge { text: excerpt() }),
        }
    }
}

impl fmt::Display for Amount {
    /// Decimal text with at most three decimals and no trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, milli) = (self.0 / Self::MILLI_PER_UNIT, self.0 % Self::MILLI_PER_UNIT);
        if milli == 0 {
            write!(f, "{units}")
        } else if milli % 100 == 0 {
            write!(f, "{units}.{}", milli / 100)
        } else if milli % 10 == 0 {
            write!(f, "{units}.{:02}", milli / 10)
        } else {
            write!(f, "{units}.{milli:03}")
        }
    }
}

/// An unsigned decimal number taken apart, not yet evaluated.
struct Decimal<'a> {
    int: &'a [u8],
    frac: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Any exponent beyond this is as good as infinite; the clamp keeps the arithmetic in `i64`.
    const EXPONENT_MAX: i64 = 1 << 40;

    fn parse(text: &'a str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Self::parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (int, frac) = (int.as_bytes(), frac.as_bytes());
        let all_digits = int.iter().chain(frac).all(u8::is_ascii_digit);
        let any_digit = !int.is_empty() || !frac.is_empty();
        (all_digits && any_digit).then_some(Self { int, frac, exponent })
    }

    fn parse_exponent(text: &str) -> Option<i64> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let size = digits.iter().fold(0_i64, |size, digit| {
            (size * 10 + i64::from(digit - b'0')).min(Self::EXPONENT_MAX)
        });
        Some(if text.starts_with('-') { -size } else { size })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.int.iter().chain(self.frac).map(|digit| digit - b'0')
    }

    fn is_zero(&self) -> bool {
        self.digits().all(|digit| digit == 0)
    }

    /// The value in thousandths, rounded half away from zero; `None` when far beyond the range.
    fn to_milli(&self) -> Option<i64> {
        /// 10^17 thousandths exceed every limit, and 17 digits fit an `i64`.
        const DIGITS_MAX: i64 = 17;
        if self.is_zero() {
            return Some(0);
        }
        let leading_zeros = self.digits().take_while(|digit| *digit == 0).count();
        let int_len = i64::try_from(self.int.len()).ok()?;
        // How many significant digits stand before the point once scaled to thousandths.
        let whole = int_len + self.exponent + 3 - i64::try_from(leading_zeros).ok()?;
        if whole > DIGITS_MAX {
            return None;
        }
        if whole < 0 {
            return Some(0);
        }
        let mut digits = self.digits().skip(leading_zeros).chain(std::iter::repeat(0));
        let mut milli = 0_i64;
        for _ in 0..whole {
            milli = milli * 10 + i64::from(digits.next()?);
        }
        // Half away from zero needs only the next digit: anything after it cannot change a 5.
        Some(milli + i64::from(digits.next()? >= 5))
    }
}
