//! Sets of whole numbers held as inclusive intervals, such as ports.
//!
//! Promises: intervals are sorted, disjoint and not adjacent, so equal sets are equal values.
//! Nothing wraps at `u64::MAX`.

use std::fmt;

use smallvec::SmallVec;

/// Most resources have one or two intervals; they stand in the one allocation.
type Intervals = SmallVec<[(u64, u64); 2]>;

/// A set of `u64` points, kept as the fewest inclusive intervals. One pointer wide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(
    /// `None` exactly when there is no interval.
    Option<Box<Intervals>>,
);

/// Why a list of intervals is not legal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangesError {
    /// An interval ends before it begins.
    #[error("range {index} is {begin}-{end}, which ends before it begins; write {end}-{begin}")]
    Reversed {
        /// Position in the list, from 0.
        index: usize,
        /// The first bound.
        begin: u64,
        /// The second bound.
        end: u64,
    },
    /// Two intervals share a point.
    #[error("two ranges share {point}; the ranges of one resource must not overlap")]
    Overlap {
        /// The smallest shared point.
        point: u64,
    },
}

impl Ranges {
    /// Makes ranges from intervals in any order that do not overlap (adjacent ones are merged).
    pub fn new(intervals: Vec<(u64, u64)>) -> Result<Self, RangesError> {
        let sorted = Self::sorted(intervals)?;
        // The widest end so far, not only the one before: a long interval may span several.
        let mut last_end = None;
        for &(begin, end) in &sorted {
            if last_end.is_some_and(|last| begin <= last) {
                return Err(RangesError::Overlap { point: begin });
            }
            last_end = last_end.max(Some(end));
        }
        Ok(Self::from_sorted(sorted))
    }

    /// Makes ranges from intervals in any order; those that overlap are united.
    pub fn coalesced(intervals: Vec<(u64, u64)>) -> Result<Self, RangesError> {
        Ok(Self::from_sorted(Self::sorted(intervals)?))
    }

    fn sorted(mut intervals: Vec<(u64, u64)>) -> Result<Vec<(u64, u64)>, RangesError> {
        let reversed = intervals.iter().enumerate().find(|(_, (begin, end))| begin > end);
        if let Some((index, &(begin, end))) = reversed {
            return Err(RangesError::Reversed { index, begin, end });
        }
        intervals.sort_unstable();
        Ok(intervals)
    }

    fn from_sorted(intervals: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut out = Intervals::new();
        for interval in intervals {
            push_coalesced(&mut out, interval);
        }
        Self::from_intervals(out)
    }

    fn from_intervals(intervals: Intervals) -> Self {
        Self((!intervals.is_empty()).then(|| Box::new(intervals)))
    }

    fn as_slice(&self) -> &[(u64, u64)] {
        self.0.as_deref().map_or(&[], SmallVec::as_slice)
    }

    /// True when there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The intervals, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.as_slice().iter().copied()
    }

    /// How many points there are.
    #[must_use]
    pub fn count(&self) -> u128 {
        self.iter().map(|(begin, end)| u128::from(end - begin) + 1).sum()
    }

    /// Adds the points of `other` (union).
    pub fn add(&mut self, other: &Self) {
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        if other.is_empty() {
            return;
        }
        let (mut left, mut right) = (self.as_slice(), other.as_slice());
        let mut out = Intervals::with_capacity(left.len().max(right.len()));
        loop {
            // The list whose first interval begins lower gives the next one.
            let from = match (left.first(), right.first()) {
                (Some(l), Some(r)) if l <= r => &mut left,
                (_, Some(_)) => &mut right,
                _ => &mut left,
            };
            let Some((interval, rest)) = from.split_first() else { break };
            *from = rest;
            push_coalesced(&mut out, *interval);
        }
        *self = Self::from_intervals(out);
    }

    /// Removes the points of `other`; points that are not there do not matter.
    pub fn subtract(&mut self, other: &Self) {
        if !self.overlaps(other) {
            return;
        }
        let cuts = other.as_slice();
        let mut first_cut = 0;
        let mut out = Intervals::new();
        for (mut begin, end) in self.iter() {
            while cuts.get(first_cut).is_some_and(|cut| cut.1 < begin) {
                first_cut += 1;
            }
            let mut rest = true;
            for &(cut_begin, cut_end) in cuts[first_cut..].iter().take_while(|cut| cut.0 <= end) {
                if cut_begin > begin {
                    out.push((begin, cut_begin - 1));
                }
                if cut_end >= end {
                    rest = false;
                    break;
                }
                begin = cut_end + 1;
            }
            if rest {
                out.push((begin, end));
            }
        }
        *self = Self::from_intervals(out);
    }

    /// True when every point of `other` is here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut own = self.as_slice();
        other.iter().all(|(begin, end)| {
            // Both sides are coalesced: an interval fits into one of ours or not at all.
            own = &own[own.partition_point(|interval| interval.1 < begin)..];
            own.first().is_some_and(|interval| interval.0 <= begin && end <= interval.1)
        })
    }

    /// True when some point is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first_shared(other).is_some()
    }

    /// The smallest point that is in both.
    #[must_use]
    pub fn first_shared(&self, other: &Self) -> Option<u64> {
        let (mut left, mut right) = (self.as_slice(), other.as_slice());
        while let (Some(l), Some(r)) = (left.first(), right.first()) {
            if l.1 < r.0 {
                left = &left[1..];
            } else if r.1 < l.0 {
                right = &right[1..];
            } else {
                return Some(l.0.max(r.0));
            }
        }
        None
    }

    /// The `n` smallest points, or `None` when there are fewer.
    #[must_use]
    pub fn take(&self, n: u64) -> Option<Self> {
        let mut missing = n;
        let mut out = Intervals::new();
        for (begin, end) in self.iter() {
            if missing == 0 {
                break;
            }
            let last = end.min(begin.saturating_add(missing - 1));
            out.push((begin, last));
            // `last - begin` is below `missing`, so neither step can underflow.
            missing = missing - (last - begin) - 1;
        }
        (missing == 0).then(|| Self::from_intervals(out))
    }
}

/// Appends an interval that begins at or after the last one, merging where they touch.
fn push_coalesced(out: &mut Intervals, (begin, end): (u64, u64)) {
    match out.last_mut() {
        // `saturating_add`: an interval that ends at u64::MAX must not wrap to 0.
        Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
        _ => out.push((begin, end)),
    }
}

impl fmt::Display for Ranges {
    /// `[1-3,7-9]`; with `{:#}` as Mesos prints it, `[1-3, 7-9]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if f.alternate() { ", " } else { "," };
        f.write_str("[")?;
        for (i, (begin, end)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { separator };
            write!(f, "{separator}{begin}-{end}")?;
        }
        f.write_str("]")
    }
}
