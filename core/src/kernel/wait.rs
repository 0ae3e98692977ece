//! Sleeping until something happens, and who lets time go on meanwhile.
//!
//! Without a thread of its own the kernel needs somebody to fire its timers and to serve its
//! in-process agents. One of the sleepers, the *timekeeper*, does it for all: it sleeps until the
//! next deadline at most and watches the agents' descriptors. When it leaves, it hands the office
//! to another sleeper.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::ring::Ring;
use super::signal::Signal;
use super::{Kernel, Session};
use crate::error::{Code, Rejection};
use crate::time::Time;

/// The sleepers of one kernel.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    sleepers: Mutex<Sleepers>,
    /// The deadline that the timekeeper sleeps for; `i64::MIN` while nobody keeps time, so that
    /// no deadline is earlier.
    kept: Kept,
}

#[derive(Debug)]
struct Kept(AtomicI64);

impl Default for Kept {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

#[derive(Debug, Default)]
struct Sleepers {
    keeper: Option<Arc<Signal>>,
    others: VecDeque<Arc<Signal>>,
    /// Descriptors to be used again.
    spare: Vec<Arc<Signal>>,
}

impl Waits {
    /// Called after every command: wakes the timekeeper if it would sleep too long.
    pub(crate) fn deadline_is(&self, deadline: Option<Time>) {
        let deadline = deadline.map_or(i64::MAX, |time| time.0);
        if deadline < self.kept.0.load(Ordering::SeqCst) {
            self.wake_keeper();
        }
    }

    /// Makes the timekeeper look at everything again, for example at a new in-process agent.
    pub(crate) fn wake_keeper(&self) {
        if let Some(keeper) = &self.sleepers.lock().keeper {
            keeper.raise();
        }
    }

    /// Makes every sleeper look at its condition again.
    pub(crate) fn wake_all(&self) {
        let sleepers = self.sleepers.lock();
        for signal in sleepers.keeper.iter().chain(&sleepers.others) {
            signal.raise();
        }
    }

    fn is_nobody_keeping_time(&self) -> bool {
        self.kept.0.load(Ordering::SeqCst) == i64::MIN
    }

    fn enter(&self) -> io::Result<Arc<Signal>> {
        let mut sleepers = self.sleepers.lock();
        let signal = match sleepers.spare.pop() {
            Some(signal) => signal,
            None => Arc::new(Signal::new()?),
        };
        signal.clear();
        if sleepers.keeper.is_none() {
            sleepers.keeper = Some(signal.clone());
        } else {
            sleepers.others.push_back(signal.clone());
        }
        Ok(signal)
    }

    fn is_keeper(&self, signal: &Arc<Signal>) -> bool {
        self.sleepers.lock().keeper.as_ref().is_some_and(|keeper| Arc::ptr_eq(keeper, signal))
    }

    fn leave(&self, signal: Arc<Signal>) {
        let mut sleepers = self.sleepers.lock();
        if sleepers.keeper.as_ref().is_some_and(|keeper| Arc::ptr_eq(keeper, &signal)) {
            self.kept.0.store(i64::MIN, Ordering::SeqCst);
            sleepers.keeper = sleepers.others.pop_front();
            if let Some(next) = &sleepers.keeper {
                next.raise();
            }
        } else {
            sleepers.others.retain(|other| !Arc::ptr_eq(other, &signal));
        }
        sleepers.spare.push(signal);
    }
}

/// Leaves the sleepers even if a service panics.
struct Sleeper<'a> {
    waits: &'a Waits,
    signal: Arc<Signal>,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.waits.leave(self.signal.clone());
    }
}

impl Kernel {
    /// Sleeps until the ring has something to take or the timeout is over; lets time go on and
    /// serves in-process agents meanwhile. Returns whether there is something to take.
    ///
    /// Errors: [`Code::HandleClosed`] when the ring was closed, [`Code::Forked`],
    /// [`Code::KernelPoisoned`], [`Code::System`].
    pub(crate) fn wait_for(
        &self,
        ring: &Ring,
        timeout: Option<Duration>,
    ) -> Result<bool, Rejection> {
        self.wait_until(&[ring], timeout, || ring.is_ready(), || ring.is_closed())
    }

    /// Like [`Session::wait`], for any of several sessions of this kernel: a program with one
    /// thread and several frameworks. Returns whether one of them has events.
    ///
    /// Errors: as there; [`Code::UnknownSession`] for a session of another kernel.
    pub fn wait_any(
        &self,
        sessions: &[&Session],
        timeout: Option<Duration>,
    ) -> Result<bool, Rejection> {
        for (index, session) in sessions.iter().enumerate() {
            if !Arc::ptr_eq(&self.shared, &session.kernel().shared) {
                let text = "the session is another kernel's: wait for each kernel by itself";
                let place = format!("sessions[{index}]");
                return Err(Rejection::new(Code::UnknownSession, text).at(place).index(index));
            }
        }
        let rings: Vec<&Ring> = sessions.iter().map(|session| session.ring()).collect();
        let ready = || rings.iter().any(|ring| ring.is_ready());
        self.wait_until(&rings, timeout, ready, || rings.iter().any(|ring| ring.is_closed()))
    }

    /// Keeps time and serves in-process agents until `stop` or the timeout.
    pub(crate) fn keep_time(
        &self,
        timeout: Option<Duration>,
        stop: impl Fn() -> bool,
    ) -> Result<bool, Rejection> {
        self.wait_until(&[], timeout, stop, || false)
    }

    fn wait_until(
        &self,
        rings: &[&Ring],
        timeout: Option<Duration>,
        ready: impl Fn() -> bool,
        closed: impl Fn() -> bool,
    ) -> Result<bool, Rejection> {
        self.check_alive()?;
        if ready() {
            // Those who always find events must not starve the in-process agents.
            if self.shared.waits.is_nobody_keeping_time() {
                self.serve()?;
            }
            return Ok(true);
        }
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waits = &self.shared.waits;
        let signal = waits.enter().map_err(|error| system("cannot wait", &error))?;
        let sleeper = Sleeper { waits, signal };
        let ring_fds: io::Result<Vec<RawFd>> = rings.iter().map(|ring| ring.fd()).collect();
        let ring_fds = ring_fds.map_err(|error| system("cannot wait", &error))?;
        loop {
            let is_keeper = waits.is_keeper(&sleeper.signal);
            let deadline = if is_keeper { self.keep_once()? } else { None };
            if ready() {
                return Ok(true);
            }
            if closed() {
                return Err(super::closed("the handle was closed while waiting"));
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(false);
            }
            let own = std::iter::once(sleeper.signal.as_raw_fd()).chain(ring_fds.iter().copied());
            let mut polls: Vec<_> = own.map(|fd| watch(fd, libc::POLLIN)).collect();
            if is_keeper {
                let (readable, writable) = self.shared.services.fds();
                polls.extend(readable.into_iter().map(|fd| watch(fd, libc::POLLIN)));
                polls.extend(writable.into_iter().map(|fd| watch(fd, libc::POLLOUT)));
            }
            sleep(&mut polls, self.time_to_sleep(end, deadline))?;
            sleeper.signal.clear();
            for ring in rings {
                ring.quiet();
            }
            self.check_alive()?;
        }
    }

    /// The timekeeper's duties: serve agents, fire timers, and say until when it sleeps.
    fn keep_once(&self) -> Result<Option<Time>, Rejection> {
        let served = self.serve();
        self.shared.tidy_journal()?;
        let deadline = if self.shared.clock.is_manual() { None } else { self.tick()? };
        let kept = deadline.map_or(i64::MAX, |time| time.0);
        self.shared.waits.kept.0.store(kept, Ordering::SeqCst);
        // A command between the tick and the store would have found the old value.
        let now = self.next_deadline().filter(|_| !self.shared.clock.is_manual());
        served.map(|()| deadline.into_iter().chain(now).min())
    }

    fn time_to_sleep(&self, end: Option<Instant>, deadline: Option<Time>) -> Option<Duration> {
        let until_end = end.map(|end| end.saturating_duration_since(Instant::now()));
        let until_deadline = deadline.map(|deadline| {
            let nanos = deadline.since(self.now()).0.max(0);
            Duration::from_nanos(nanos.unsigned_abs())
        });
        until_end.into_iter().chain(until_deadline).min()
    }
}

fn watch(fd: RawFd, events: libc::c_short) -> libc::pollfd {
    libc::pollfd { fd, events, revents: 0 }
}

/// Sleeps until one of the descriptors is ready, the time is over, or a signal came.
fn sleep(polls: &mut [libc::pollfd], time: Option<Duration>) -> Result<(), Rejection> {
    // Rounded up: waking a moment too early would only mean another round.
    let millis = time.map_or(-1, |time| {
        let rounded = time.as_nanos().div_ceil(1_000_000);
        libc::c_int::try_from(rounded).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: the pointer and count describe the slice of initialised pollfds.
    let result = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, millis) };
    if result < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(system("cannot wait", &error));
        }
    }
    Ok(())
}

fn system(what: &str, error: &io::Error) -> Rejection {
    Rejection::new(Code::System, format!("{what}: {error}"))
}
