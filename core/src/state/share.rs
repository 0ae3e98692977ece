//! Shares as exact fractions: no rounding decides who is next.

use std::cmp::Ordering;

use crate::resources::{Amount, Bundle, NameId};

/// Names that do not count in shares: one bit for each of the at most 64 names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Excluded(u64);

impl Excluded {
    /// Those of the names given.
    pub fn new(ids: impl Iterator<Item = NameId>) -> Self {
        Self(ids.fold(0, |mask, id| mask | 1 << (id.0 & 63)))
    }

    fn has(self, id: NameId) -> bool {
        self.0 >> (id.0 & 63) & 1 == 1
    }
}

/// A weighted dominant share: the largest part held of any one resource, divided by a weight.
/// Compared by cross-multiplication: with the limits of `limits.rs` a product stays below 2^127.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    held: u64,
    total: u64,
    weight: u64,
}

impl Share {
    /// Of someone who holds nothing.
    pub(super) const NOTHING: Self = Self { held: 0, total: 1, weight: 1 };

    /// The share of someone who holds `held` of `total`, with `weight` in thousandths.
    #[must_use]
    pub fn dominant(held: &Bundle, total: &Bundle, weight: Amount, excluded: Excluded) -> Self {
        let thousandths = |amount: Amount| amount.milli().unsigned_abs();
        let weight = thousandths(weight).max(1);
        let mut most = Self { held: 0, total: 1, weight };
        for item in held.iter().filter(|item| !excluded.has(item.key.name)) {
            let (held, total) = (held.scalar(&item.key), total.scalar(&item.key));
            let part = Self { held: thousandths(held), total: thousandths(total), weight };
            // A resource of which nothing exists any more has no share.
            if part.total > 0 && part > most {
                most = part;
            }
        }
        most
    }

    /// The share as a decimal fraction with six digits, for people.
    #[must_use]
    pub fn to_millionths(self) -> u64 {
        let product = u128::from(self.held) * 1_000_000_000;
        let divisor = u128::from(self.total) * u128::from(self.weight);
        u64::try_from(product / divisor).unwrap_or(u64::MAX)
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        if (self.total, self.weight) == (other.total, other.weight) {
            return self.held.cmp(&other.held);
        }
        // At most 2^53 * 2^53 * 2^20: no overflow.
        let cross =
            |a: &Self, b: &Self| u128::from(a.held) * u128::from(b.total) * u128::from(b.weight);
        cross(self, other).cmp(&cross(other, self))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

/// A share as a decimal fraction, rounded down to six digits.
pub(crate) fn decimal(share: Share) -> String {
    let millionths = share.to_millionths();
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intern::Names;

    fn share(held: &str, total: &str, weight: &str) -> Share {
        let mut names = Names::default();
        let total = names.intern(&total.parse().unwrap());
        let held = names.intern(&held.parse().unwrap());
        Share::dominant(&held, &total, weight.parse().unwrap(), Excluded::default())
    }

    #[test]
    fn the_largest_part_counts() {
        let total = "cpus:100;mem:100";
        assert!(share("cpus:5;mem:5", total, "1") < share("cpus:6;mem:1", total, "1"));
        assert!(share("cpus:6;mem:6", total, "2") < share("cpus:5;mem:5", total, "1"));
        assert_eq!(share("cpus:2", total, "2"), share("mem:1", total, "1"));
        assert_eq!(share("gone:5", total, "1"), share("", total, "1"));
    }

    #[test]
    fn what_is_excluded_does_not_count() {
        let mut names = Names::default();
        let total = names.intern(&"cpus:10;gpus:1".parse().unwrap());
        let excluded = Excluded::new([NameId::GPUS].into_iter());
        let of = |excluded| Share::dominant(&total, &total, Amount::from_units(1), excluded);
        assert_eq!(of(excluded), of(Excluded::default()));
        let gpu = names.intern(&"gpus:1".parse().unwrap());
        let share = Share::dominant(&gpu, &total, Amount::from_units(1), excluded);
        assert_eq!(share.to_millionths(), 0);
    }

    /// As doubles 0.15/3 is below 0.1/2; as fractions they are equal.
    #[test]
    fn shares_are_exact() {
        assert_eq!(share("cpus:15", "cpus:100", "3"), share("cpus:10", "cpus:100", "2"));
    }

    #[test]
    fn the_largest_products_fit() {
        let most = Share { held: 1 << 53, total: (1 << 53) - 1, weight: 1 };
        let more = Share { held: 1 << 53, total: (1 << 53) - 2, weight: 1 };
        assert!(most < more);
        let heavy = Share { held: 1 << 53, total: 1 << 53, weight: 1_000_000 };
        assert!(heavy < most);
        assert_eq!(heavy.to_millionths(), 1_000);
        let light = Share { held: 1 << 53, total: 1, weight: 1 };
        assert!(heavy < light && light > most);
    }
}
