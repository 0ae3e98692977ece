//! Where the shell takes its time from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Time;

/// A clock that never runs backwards.
#[derive(Debug)]
pub enum Clock {
    /// The machine's: wall time when the kernel was opened, then monotonic steps from there, so
    /// that a correction of the wall clock disturbs no timer.
    System {
        /// The wall time, or the last time in the journal if that is later.
        base: Time,
        /// The monotonic time at that moment.
        since: Instant,
    },
    /// Stands still until it is moved.
    Manual(AtomicI64),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX);
        Self::System { base: Time(nanos), since: Instant::now() }
    }

    /// A clock that stands still at `now`.
    #[must_use]
    pub const fn manual(now: Time) -> Self {
        Self::Manual(AtomicI64::new(now.0))
    }

    /// The same clock, never before `time`.
    #[must_use]
    pub fn not_before(self, time: Time) -> Self {
        match self {
            Self::System { base, since } => Self::System { base: base.max(time), since },
            Self::Manual(now) => Self::manual(Time(now.into_inner()).max(time)),
        }
    }

    /// The time.
    pub fn now(&self) -> Time {
        match self {
            Self::System { base, since } => base.plus(since.elapsed().into()),
            Self::Manual(now) => Time(now.load(Ordering::Acquire)),
        }
    }

    /// Whether it stands still until it is moved.
    pub const fn is_manual(&self) -> bool {
        matches!(self, Self::Manual(_))
    }

    /// Moves a manual clock forward; returns false for the machine's.
    pub(crate) fn move_to(&self, time: Time) -> bool {
        match self {
            Self::System { .. } => false,
            Self::Manual(now) => {
                now.fetch_max(time.0, Ordering::AcqRel);
                true
            }
        }
    }
}

/// Measures how long something takes, for metrics only: nothing is decided by it.
pub(crate) fn stopwatch() -> impl FnOnce() -> Duration {
    let begin = Instant::now();
    move || begin.elapsed()
}
