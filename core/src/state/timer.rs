//! Timers: entries of the state, ordered by deadline and then by the order in which they were set.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::ids::{
    AgentId, ExecutorId, FrameworkId, GrantId, InverseOfferId, OperationId, RoleId, TaskId,
};
use crate::time::Time;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Timer {
    /// The periodic allocation for what no event triggered.
    #[n(0)]
    Allocation,
    /// An offer was not answered.
    #[n(1)]
    OfferExpires(#[n(0)] GrantId),
    /// Filters of a framework and role on an agent end.
    #[n(2)]
    FiltersExpire(#[n(0)] FrameworkId, #[n(1)] RoleId, #[n(2)] AgentId),
    /// A framework did not come back.
    #[n(3)]
    FailoverEnds(#[n(0)] FrameworkId),
    /// An agent did not come back.
    #[n(4)]
    ReregistrationEnds(#[n(0)] AgentId),
    /// A task has run for as long as it may.
    #[n(5)]
    TaskOverdue(#[n(0)] TaskId),
    /// An update is still not acknowledged.
    #[n(6)]
    UpdateRetry(#[n(0)] TaskId),
    /// An inverse offer was not answered.
    #[n(60)]
    InverseOfferExpires(#[n(0)] InverseOfferId),
    /// A framework may be asked about an agent again.
    #[n(61)]
    AskAgain(#[n(0)] AgentId, #[n(1)] FrameworkId),
    /// Agents are to be forgotten.
    #[n(62)]
    Collection,
    /// The next agent may become unreachable.
    #[n(63)]
    RemovalPermit,
    /// An executor was started and is not heard of.
    #[n(110)]
    ExecutorUnheard(#[n(0)] ExecutorId),
    /// Allocation has waited for agents for long enough.
    #[n(180)]
    HoldEnds,
    /// The end of an operation is still not acknowledged.
    #[n(200)]
    OperationRetry(#[n(0)] OperationId),
}

/// The place of a timer in the order: deadline, rank, then a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct TimerKey {
    /// When.
    #[n(0)]
    pub deadline: Time,
    /// Which comes first at one deadline: the periodic allocation still sees the filters that end
    /// at the same instant, as in Mesos, so they rank last.
    #[n(1)]
    pub rank: u8,
    /// Distinguishes timers with one deadline and rank.
    #[n(2)]
    pub serial: u64,
}

impl Timer {
    const fn rank(self) -> u8 {
        match self {
            Self::Allocation => 0,
            Self::FiltersExpire(..) => 2,
            Self::Collection => 3,
            _ => 1,
        }
    }
}

/// All timers that are set.
#[derive(Debug, Clone, Default, Encode, Decode)]
pub struct Timers {
    #[n(0)]
    entries: BTreeMap<TimerKey, Timer>,
    #[n(1)]
    serial: u64,
}

impl Timers {
    /// Sets a timer; the key cancels it.
    pub fn set(&mut self, deadline: Time, timer: Timer) -> TimerKey {
        let key = TimerKey { deadline, rank: timer.rank(), serial: self.serial };
        self.serial += 1;
        self.entries.insert(key, timer);
        key
    }

    /// Cancels a timer, if it is still set.
    pub fn cancel(&mut self, key: Option<TimerKey>) {
        if let Some(key) = key {
            self.entries.remove(&key);
        }
    }

    /// Takes out the first timer that is due.
    pub fn pop_due(&mut self, now: Time) -> Option<(TimerKey, Timer)> {
        let (&key, _) = self.entries.first_key_value()?;
        if key.deadline > now {
            return None;
        }
        self.entries.pop_first()
    }

    /// The key of the first timer.
    pub fn first(&self) -> Option<TimerKey> {
        self.entries.first_key_value().map(|(key, _)| *key)
    }

    /// When the first timer is due.
    pub fn next_deadline(&self) -> Option<Time> {
        self.entries.first_key_value().map(|(key, _)| key.deadline)
    }

    /// The timer under a key.
    pub fn get(&self, key: TimerKey) -> Option<Timer> {
        self.entries.get(&key).copied()
    }

    /// How many are set.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    #[test]
    fn due_in_order_of_deadline_then_setting() {
        let offer = |i| Timer::OfferExpires(GrantId::from_parts(i, 1));
        let mut timers = Timers::default();
        timers.set(Time(20), offer(1));
        let cancelled = timers.set(Time(10), offer(2));
        timers.set(Time(10), offer(3));
        timers.set(Time(10), offer(4));
        timers.cancel(Some(cancelled));
        timers.cancel(None);
        assert_eq!(timers.next_deadline(), Some(Time(10)));
        assert_eq!(timers.pop_due(Time(9)), None);
        let due: Vec<_> =
            std::iter::from_fn(|| timers.pop_due(Time(15))).map(|(_, timer)| timer).collect();
        assert_eq!(due, [offer(3), offer(4)]);
        assert_eq!(timers.len(), 1);
    }
}
