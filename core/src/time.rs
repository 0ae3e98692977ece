//! Time: `i64` nanoseconds since the Unix epoch, always an argument, never read from a clock here.
//!
//! In JSON both types are decimal seconds (`1.5`), read from the text without passing through a
//! double, so that a nanosecond survives.

use std::fmt;
use std::str::FromStr;

/// A point in time, nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A length of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub i64);

impl Time {
    /// Later than any deadline.
    pub const NEVER: Self = Self(i64::MAX);

    /// The time `span` later; sticks at the ends of the range.
    #[must_use]
    pub const fn plus(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How much later `self` is than `earlier`; negative when it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Nanos {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Twice as long; sticks at the end of the range.
    #[must_use]
    pub const fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }
}

impl From<std::time::Duration> for Nanos {
    fn from(duration: std::time::Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// Why a text is not a number of seconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a number of seconds: expected a decimal such as 0.25, \
     at most 9 decimals and 9223372036 seconds"
)]
pub struct SecondsError(String);

/// Reads decimal seconds into nanoseconds, exactly.
fn parse_seconds(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let no_digits = whole.is_empty() || (digits.contains('.') && fraction.is_empty());
    if no_digits || fraction.len() > 9 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let total = whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some(if negative { -total } else { total })
}

/// The text of a JSON number. Those whose shortest text has an exponent come that way out of a
/// [`serde_json::Value`], whatever they were written like: `0.000001` as `1e-6`.
fn plain_decimal(number: &serde_json::Number) -> String {
    let text = number.as_str();
    let double = number.as_f64().filter(|_| text.contains(['e', 'E']));
    match double {
        Some(double) if serde_json::Number::from_f64(double).as_ref() == Some(number) => {
            double.to_string()
        }
        _ => text.to_owned(),
    }
}

fn format_seconds(nanos: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (sign, magnitude) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let (whole, fraction) = (magnitude / 1_000_000_000, magnitude % 1_000_000_000);
    if fraction == 0 {
        return write!(f, "{sign}{whole}");
    }
    let decimals = format!("{fraction:09}");
    write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
}

macro_rules! seconds_type {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                format_seconds(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = SecondsError;

            fn from_str(text: &str) -> Result<Self, SecondsError> {
                parse_seconds(text)
                    .map($name)
                    .ok_or_else(|| SecondsError(crate::error::shorten(text)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let number: serde_json::Number =
                    self.to_string().parse().map_err(serde::ser::Error::custom)?;
                number.serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = serde_json::Number::deserialize(deserializer)?;
                plain_decimal(&number).parse().map_err(serde::de::Error::custom)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.i64(self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                d.i64().map($name)
            }
        }
    };
}

seconds_type!(Time);
seconds_type!(Nanos);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (text, nanos) in [
            ("0", 0),
            ("5", 5_000_000_000),
            ("0.25", 250_000_000),
            ("-1", -1_000_000_000),
            ("1767225600.123456789", 1_767_225_600_123_456_789),
        ] {
            assert_eq!(text.parse(), Ok(Nanos(nanos)));
            assert_eq!(Nanos(nanos).to_string(), text);
            let json: Nanos = serde_json::from_str(text).unwrap();
            assert_eq!((json, serde_json::to_string(&json).unwrap()), (Nanos(nanos), text.into()));
        }
    }

    #[test]
    fn a_nanosecond_survives_a_json_value() {
        for (text, nanos) in [("0.000000001", 1), ("0.00001", 10_000), ("0.000000123", 123)] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::from_value::<Nanos>(value).unwrap(), Nanos(nanos), "{text}");
        }
        for text in ["1e-10", "1e300", "1.0000000001"] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert!(serde_json::from_value::<Nanos>(value).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_seconds_is_said() {
        for text in ["", ".", "1.", ".5", "1e3", "nan", "1.0000000001", "99999999999", "5s", "+1"] {
            assert!(text.parse::<Nanos>().is_err(), "{text}");
        }
    }
}
