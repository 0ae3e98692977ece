//! Shares as exact fractions: no rounding decides who is next.

use std::cmp::Ordering;

use crate::resources::{Amount, Bundle};

/// A weighted dominant share: the largest part held of any one resource, divided by a weight.
/// Compared by cross-multiplication: with the limits of `limits.rs` a product stays below 2^127.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    held: u64,
    total: u64,
    weight: u64,
}

impl Share {
    /// The share of someone who holds `held` of `total`, with `weight` in thousandths.
    #[must_use]
    pub fn dominant(held: &Bundle, total: &Bundle, weight: Amount) -> Self {
        let thousandths = |amount: Amount| amount.milli().unsigned_abs();
        let weight = thousandths(weight).max(1);
        let parts = held.iter().map(|item| Self {
            held: thousandths(held.scalar(&item.key)),
            total: thousandths(total.scalar(&item.key)),
            weight,
        });
        // A resource of which nothing exists any more has no share.
        parts.filter(|part| part.total > 0).max().unwrap_or(Self { held: 0, total: 1, weight })
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
        let cross = |a: &Self, b: &Self| {
            u128::from(a.held)
                .saturating_mul(u128::from(b.total))
                .saturating_mul(u128::from(b.weight))
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intern::Names;

    fn share(held: &str, total: &str, weight: &str) -> Share {
        let mut names = Names::default();
        let total = names.intern(&total.parse().unwrap());
        let held = names.intern(&held.parse().unwrap());
        Share::dominant(&held, &total, weight.parse().unwrap())
    }

    #[test]
    fn the_largest_part_counts() {
        let total = "cpus:100;mem:100";
        assert!(share("cpus:5;mem:5", total, "1") < share("cpus:6;mem:1", total, "1"));
        assert!(share("cpus:6;mem:6", total, "2") < share("cpus:5;mem:5", total, "1"));
        assert_eq!(share("cpus:2", total, "2"), share("mem:1", total, "1"));
        assert_eq!(share("gone:5", total, "1"), share("", total, "1"));
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
    }
}
