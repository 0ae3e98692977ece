//! The events of one session: bounded, never blocking the writer, never losing silently.
//!
//! A ring that overflows drops what it cannot hold and remembers that; its reader then gets
//! [`Event::Resync`] and everything that still matters read from the state again: live offers and
//! unacknowledged updates for a framework, open launches and kills for an agent driver. What the
//! state does not keep ([`Event::is_told_once`]) is not dropped: it is rare.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::signal::Signal;
use crate::event::Event;

/// Events that a ring holds before it overflows: 4,096 of about 250 B are 1 MiB per session that
/// does not read.
pub const RING_MAX: usize = 4096;

/// Places from here on are those of events that were read from the state again, so that they are
/// never taken for the events of the last command.
pub const RESYNC_ORDINAL: u32 = 1 << 31;

/// An event with its identity: the command that caused it, and its place among that command's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// The sequence number of the command; that of the resync for what was read again.
    pub seq: u64,
    /// The place among the events of the command, over all sessions; from [`RESYNC_ORDINAL`] on
    /// for what was read again.
    pub ordinal: u32,
    /// What happened.
    pub event: Event,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<EventRecord>,
    overflowed: bool,
    closed: bool,
}

/// See the module text.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    queue: Mutex<Queue>,
    signal: OnceLock<Signal>,
}

impl Ring {
    /// Adds an event; returns whether a sleeping reader is to be woken once the lock is released.
    pub(crate) fn push(&self, record: EventRecord) -> bool {
        let mut queue = self.queue.lock();
        if queue.overflowed || queue.events.len() >= RING_MAX {
            queue.overflowed = true;
            if !record.event.is_told_once() {
                return false;
            }
        }
        queue.events.push_back(record);
        queue.events.len() == 1
    }

    /// Wakes sleeping readers.
    pub(crate) fn wake(&self) {
        if let Some(signal) = self.signal.get() {
            signal.raise();
        }
    }

    /// Takes up to `most` events; the second value says that a resync is due.
    pub(crate) fn take(&self, most: usize) -> (Vec<EventRecord>, bool) {
        let mut queue = self.queue.lock();
        let count = most.min(queue.events.len());
        let taken = queue.events.drain(..count).collect();
        let resync = queue.events.is_empty() && queue.overflowed;
        if queue.events.is_empty() && !resync && !queue.closed {
            if let Some(signal) = self.signal.get() {
                signal.clear();
            }
        }
        (taken, resync)
    }

    /// Puts in what was read from the state; the caller holds the writer, so nothing comes between.
    pub(crate) fn refill(&self, records: Vec<EventRecord>) {
        let mut queue = self.queue.lock();
        // Another thread that reads may have been faster.
        if queue.overflowed {
            queue.overflowed = false;
            queue.events.extend(records);
        }
    }

    /// Makes the descriptor unreadable if there is nothing to take: a wakeup can come after the
    /// event was taken already.
    pub(crate) fn quiet(&self) {
        let queue = self.queue.lock();
        if queue.events.is_empty() && !queue.overflowed && !queue.closed {
            if let Some(signal) = self.signal.get() {
                signal.clear();
            }
        }
    }

    /// Whether there is something to take.
    pub(crate) fn is_ready(&self) -> bool {
        let queue = self.queue.lock();
        !queue.events.is_empty() || queue.overflowed
    }

    /// Ends all waits on it.
    pub(crate) fn close(&self) {
        self.queue.lock().closed = true;
        self.wake();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// A descriptor that is readable while there is something to take; made at the first call.
    pub(crate) fn fd(&self) -> io::Result<RawFd> {
        if let Some(signal) = self.signal.get() {
            return Ok(signal.as_raw_fd());
        }
        let fresh = Signal::new()?;
        let fd = self.signal.get_or_init(|| fresh).as_raw_fd();
        // Events that came before there was a descriptor.
        if self.is_ready() || self.is_closed() {
            self.wake();
        }
        Ok(fd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ordinal: u32) -> EventRecord {
        EventRecord { seq: 1, ordinal, event: Event::Resync }
    }

    fn readable(fd: RawFd) -> bool {
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
    }

    #[test]
    fn the_descriptor_is_readable_while_events_wait() {
        let ring = Ring::default();
        assert!(ring.push(record(0)));
        let fd = ring.fd().unwrap();
        assert!(readable(fd));
        assert!(!ring.push(record(1)));
        assert_eq!(ring.take(1).0.len(), 1);
        assert!(readable(fd));
        assert_eq!(ring.take(9).0.len(), 1);
        assert!(!readable(fd));
        assert!(ring.push(record(2)));
        ring.wake();
        assert!(readable(fd));
    }

    #[test]
    fn a_late_wakeup_does_not_stay() {
        let ring = Ring::default();
        let fd = ring.fd().unwrap();
        assert!(ring.push(record(0)));
        assert_eq!(ring.take(9).0.len(), 1);
        ring.wake();
        assert!(readable(fd));
        ring.quiet();
        assert!(!readable(fd));
        assert!(ring.push(record(1)));
        ring.wake();
        ring.quiet();
        assert!(readable(fd));
        ring.close();
        ring.take(9);
        ring.quiet();
        assert!(readable(fd), "a closed ring wakes for ever");
    }

    #[test]
    fn what_the_state_does_not_keep_outlives_an_overflow() {
        let ring = Ring::default();
        for ordinal in 0..=RING_MAX {
            ring.push(record(u32::try_from(ordinal).unwrap()));
        }
        let ended = Event::SubscriptionEnded { reason: crate::event::EndReason::TornDown };
        ring.push(EventRecord { seq: 2, ordinal: 0, event: ended.clone() });
        ring.push(record(9));
        let (events, resync) = ring.take(usize::MAX);
        assert_eq!((events.len(), resync), (RING_MAX + 1, true));
        assert_eq!(events[RING_MAX].event, ended);
        ring.refill(vec![record(8)]);
        ring.refill(vec![record(8)]);
        assert_eq!(ring.take(9).0.len(), 1, "two readers refill it once");
    }

    #[test]
    fn an_overflow_is_remembered_until_the_refill() {
        let ring = Ring::default();
        for ordinal in 0..=RING_MAX {
            ring.push(record(u32::try_from(ordinal).unwrap()));
        }
        let (events, resync) = ring.take(RING_MAX - 1);
        assert_eq!((events.len(), resync), (RING_MAX - 1, false));
        let (events, resync) = ring.take(9);
        assert_eq!((events.len(), resync), (1, true));
        ring.push(record(7));
        ring.refill(vec![record(8)]);
        let (events, resync) = ring.take(9);
        assert_eq!((events, resync), (vec![record(8)], false));
    }
}
