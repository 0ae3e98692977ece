//! Things that are used as a whole: volumes, mounted disks, block devices.

use std::fmt;

use smallvec::SmallVec;

use super::amount::Amount;

type Counts = SmallVec<[(Amount, u32); 2]>;

/// A multiset of amounts under one key: one mounted disk of 100, two copies of a shared volume of
/// 64. One pointer wide.
///
/// Addition unites, subtraction takes pieces away, containment counts them: a disk of 20 does not
/// contain one of 10, and one disk does not contain two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pieces(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Inner {
    /// Sorted by amount; no amount is zero, no count is zero.
    counts: Counts,
    /// Copies of one thing, which count once.
    shared: bool,
}

impl Pieces {
    /// `count` pieces of one size; copies of one thing when `shared`.
    #[must_use]
    pub fn new(size: Amount, count: u32, shared: bool) -> Self {
        let mut counts = Counts::new();
        if !size.is_zero() && count > 0 {
            counts.push((size, count));
        }
        Self(Box::new(Inner { counts, shared }))
    }

    /// True when there is no piece.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.counts.is_empty()
    }

    /// Whether these are copies of one thing.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.shared
    }

    /// The sizes in rising order, each with the number of its pieces.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Amount, u32)> + '_ {
        self.0.counts.iter().copied()
    }

    /// How many pieces there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.iter().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// The sum of the pieces, at most [`Amount::TOTAL_MAX`]; copies of one thing count once.
    #[must_use]
    pub fn quantity(&self) -> Amount {
        self.iter().fold(Amount::ZERO, |sum, (size, count)| {
            let times = if self.0.shared { 1 } else { i64::from(count) };
            let milli = size.milli().saturating_mul(times);
            sum.saturating_add(Amount::from_milli(milli))
        })
    }

    /// True when there are at least as many pieces of each size.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(size, count)| self.count_of(size) >= count)
    }

    fn count_of(&self, size: Amount) -> u32 {
        self.iter().find(|(own, _)| *own == size).map_or(0, |(_, count)| count)
    }

    /// The same pieces, each once.
    #[must_use]
    pub fn once(&self) -> Self {
        let counts = self.iter().map(|(size, _)| (size, 1)).collect();
        Self(Box::new(Inner { counts, shared: self.0.shared }))
    }

    /// The same pieces as copies of one thing, or as things of their own: copies become one.
    pub(super) fn with_shared(self, shared: bool) -> Self {
        let mut out = if self.0.shared && !shared { self.once() } else { self };
        out.0.shared = shared;
        out
    }

    /// The pieces that fit under `limit`, the small ones first.
    pub(super) fn within(&self, limit: Amount) -> Self {
        let mut left = limit;
        let mut counts = Counts::new();
        for (size, count) in self.iter() {
            let most = left.milli() / size.milli();
            let kept = if self.0.shared {
                if most > 0 { count } else { 0 }
            } else {
                u32::try_from(most).unwrap_or(u32::MAX).min(count)
            };
            if kept > 0 {
                let times = if self.0.shared { 1 } else { i64::from(kept) };
                left = left.saturating_sub(Amount::from_milli(size.milli() * times));
                counts.push((size, kept));
            }
        }
        Self(Box::new(Inner { counts, shared: self.0.shared }))
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (size, count) in other.iter() {
            match self.0.counts.binary_search_by_key(&size, |(own, _)| *own) {
                Ok(at) => {
                    let own = &mut self.0.counts[at].1;
                    *own = own.saturating_add(count);
                }
                Err(at) => self.0.counts.insert(at, (size, count)),
            }
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.0.counts.retain(|(size, count)| {
            *count = count.saturating_sub(other.count_of(*size));
            *count > 0
        });
    }
}

impl fmt::Display for Pieces {
    /// `100+200*2`: a piece of 100 and two of 200.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (size, count)) in self.iter().enumerate() {
            let plus = if i == 0 { "" } else { "+" };
            write!(f, "{plus}{size}")?;
            if count > 1 {
                write!(f, "*{count}")?;
            }
        }
        Ok(())
    }
}
