//! The seam through which every command goes.
//!
//! One writer behind a plain mutex: an uncontended lock costs about 5 ns, an apply 0.1 to 2 us, so
//! the lock is noise (`docs/adr/0019`). Callers see [`call`](Shared::call),
//! [`try_apply`](Shared::try_apply) and [`post`](Shared::post) only, so that what stands behind
//! them can change. Wakeups are delivered after the lock is released.
//!
//! A command that was accepted is reported as accepted, whatever becomes of the work that it made
//! necessary: what the journal has no room for is left to the next command or tick. The exception
//! is a journal under [`Durability::Sync`] that cannot be written: the caller is told, because its
//! command is not on the disk; its events wait until it is, and so does every later command.

mod batch;
mod handover;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};

use super::clock::{Clock, stopwatch};
use super::console::Console;
use super::journal::{Durability, JournalFile};
use super::metrics::{Counters, Metrics};
use super::ring::{EventRecord, RESYNC_ORDINAL, Ring};
use super::service::Services;
use super::wait::Waits;
use super::{Applied, fork};
use crate::command::{AdvanceTime, Command, Envelope, Tick};
use crate::error::{Code, Rejection};
use crate::event::{Effect, Effects};
use crate::ids::SessionId;
use crate::limits::TIME_STEP_MAX;
use crate::machine::apply;
use crate::map::Map;
use crate::reply::Reply;
use crate::state::State;
use crate::time::Time;

pub use batch::Batch;

/// Commands that may wait to be applied by the next holder of the lock.
const POSTS_MAX: usize = 1024;

/// What every handle of a kernel shares.
pub(crate) struct Shared {
    writer: CachePadded<Mutex<Writer>>,
    posts: ArrayQueue<(Option<SessionId>, Command)>,
    posts_rejected: AtomicU64,
    poisoned: AtomicBool,
    closed: AtomicBool,
    generation: u64,
    pub(crate) clock: Clock,
    pub(crate) warnings: Vec<String>,
    pub(crate) waits: Waits,
    pub(crate) services: Services,
    pub(crate) console: Mutex<Console>,
}

/// What only the holder of the lock may touch.
struct Writer {
    state: State,
    rings: Map<SessionId, Arc<Ring>>,
    effects: Effects,
    /// Events with their sequence numbers, while a caller wants them.
    trace: Option<Trace>,
    /// Events of commands that are not on the disk yet although they must be.
    held_back: Vec<(Arc<Ring>, EventRecord)>,
    /// Readers to be woken after the lock is released.
    to_wake: Vec<Arc<Ring>>,
    journal: Option<JournalFile>,
    counters: Counters,
}

/// Events, each with the sequence number of its command.
pub(crate) type Trace = Vec<(u64, Effect)>;

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(state: State, clock: Clock, journal: Option<JournalFile>) -> Self {
        let writer = Writer {
            state,
            rings: Map::default(),
            effects: Effects::new(),
            trace: None,
            held_back: Vec::new(),
            to_wake: Vec::new(),
            journal,
            counters: Counters::default(),
        };
        Self {
            writer: CachePadded::new(Mutex::new(writer)),
            posts: ArrayQueue::new(POSTS_MAX),
            posts_rejected: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            generation: fork::generation(),
            clock,
            warnings: Vec::new(),
            waits: Waits::default(),
            services: Services::default(),
            console: Mutex::default(),
        }
    }

    pub(crate) fn call(
        &self,
        session: Option<SessionId>,
        command: Command,
    ) -> Result<Applied, Rejection> {
        self.check_alive()?;
        let writer = self.made_ready(self.writer.lock())?;
        self.run(writer, session, command, false)
    }

    pub(crate) fn call_traced(
        &self,
        session: Option<SessionId>,
        command: Command,
    ) -> Result<Applied, Rejection> {
        self.check_alive()?;
        let writer = self.made_ready(self.writer.lock())?;
        self.run(writer, session, command, true)
    }

    /// Applies a command at a time that the caller says, as a record does; the clock, which must be
    /// a manual one, follows if the command is accepted. Unlike [`call`](Self::call) it announces
    /// no leap of time.
    pub(crate) fn call_at(
        &self,
        now: Time,
        session: Option<SessionId>,
        command: Command,
    ) -> Result<Applied, Rejection> {
        self.check_alive()?;
        if !self.clock.is_manual() {
            return Err(not_manual());
        }
        let mut writer = self.made_ready(self.writer.lock())?;
        writer.trace = Some(Vec::new());
        let result = self.apply_one(&mut writer, &Envelope { now, session, command });
        if result.is_ok() {
            self.clock.move_to(writer.state.now());
        }
        self.complete(writer, now, result)
    }

    pub(crate) fn try_apply(
        &self,
        session: Option<SessionId>,
        command: Command,
    ) -> Result<Reply, Rejection> {
        self.check_alive()?;
        match self.writer.try_lock() {
            Some(writer) => {
                let writer = self.made_ready(writer)?;
                self.run(writer, session, command, false).map(|applied| applied.reply)
            }
            None => Err(Rejection::new(Code::WouldBlock, "another thread is applying a command")),
        }
    }

    pub(crate) fn call_or_wait(
        &self,
        session: Option<SessionId>,
        command: Command,
        wait: impl FnOnce(&mut (dyn FnMut() + Send)),
    ) -> Result<Applied, Rejection> {
        self.check_alive()?;
        if let Some(writer) = self.writer.try_lock() {
            return self.run(self.made_ready(writer)?, session, command, false);
        }
        let mut command = Some(command);
        let mut result = None;
        wait(&mut || {
            if let Some(command) = command.take() {
                let writer = self.made_ready(self.writer.lock());
                result = Some(writer.and_then(|w| self.run(w, session, command, false)));
            }
        });
        result.unwrap_or_else(|| {
            Err(Rejection::new(Code::Defect, "a call that had to wait was not carried out"))
        })
    }

    pub(crate) fn post(
        &self,
        session: Option<SessionId>,
        command: Command,
    ) -> Result<(), Rejection> {
        self.check_alive()?;
        if self.posts.push((session, command)).is_err() {
            let text = format!("{POSTS_MAX} posted commands are waiting: try again");
            return Err(Rejection::new(Code::WouldBlock, text));
        }
        // Whoever holds the lock looks at the queue again after releasing it, so either it takes
        // our command or this succeeds.
        std::sync::atomic::fence(Ordering::SeqCst);
        if let Some(writer) = self.writer.try_lock() {
            self.finish(writer)?;
        }
        Ok(())
    }

    /// Applies the command under the lock, then everything that it made necessary.
    fn run(
        &self,
        mut writer: MutexGuard<'_, Writer>,
        session: Option<SessionId>,
        command: Command,
        traced: bool,
    ) -> Result<Applied, Rejection> {
        writer.trace = traced.then(Vec::new);
        let now = self.clock.now();
        let result = self.apply_timely(&mut writer, now, session, command);
        self.complete(writer, now, result)
    }

    /// Does what an accepted command made necessary, and lets go of the lock.
    fn complete(
        &self,
        mut writer: MutexGuard<'_, Writer>,
        now: Time,
        mut result: Result<Reply, Rejection>,
    ) -> Result<Applied, Rejection> {
        let seq = writer.state.seq();
        if result.is_ok() {
            result = self.work_off_if_possible(&mut writer, now).and(result);
        }
        let effects = writer.trace.take().unwrap_or_default();
        let settled = self.finish(writer);
        let reply = result?;
        settled.map(|()| Applied { seq, reply, effects })
    }

    /// Announces a long silence, then applies: the kernel's own clock is no wrong unit.
    fn apply_timely(
        &self,
        writer: &mut Writer,
        now: Time,
        session: Option<SessionId>,
        command: Command,
    ) -> Result<Reply, Rejection> {
        if now > writer.state.now().plus(TIME_STEP_MAX) {
            self.apply_one(
                writer,
                &Envelope { now, session: None, command: AdvanceTime {}.into() },
            )?;
        }
        self.apply_one(writer, &Envelope { now, session, command })
    }

    /// Journals and applies one command. A panic in there is a defect: the kernel is poisoned.
    fn apply_one(&self, writer: &mut Writer, envelope: &Envelope) -> Result<Reply, Rejection> {
        // Asked again under the lock: whoever held it before may have closed the journal, or met
        // a defect and left half of a command.
        self.check_alive()?;
        let Writer { state, effects, journal, .. } = writer;
        effects.clear();
        if let Some(journal) = journal {
            let session = envelope.session.and_then(|id| state.sessions().get(id));
            let principal = session.and_then(|s| s.principal.as_deref());
            journal.prepare_with_room(principal, envelope)?;
        }
        // The clock is read for those steps only that have something to decide.
        let is_allocation = matches!(envelope.command, Command::Tick(_)) && state.has_candidates();
        let took = is_allocation.then(stopwatch);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let before = state.seq();
            let result = apply(state, envelope, effects);
            if state.seq() != before {
                if let Some(journal) = journal {
                    journal.commit(state);
                }
            }
            result
        }));
        let Ok(result) = result else {
            self.poison();
            let text = format!("a defect was found while applying {}", envelope.command.name());
            return Err(Rejection::new(Code::Defect, text));
        };
        writer.counters.note(&envelope.command, &result, &writer.effects);
        if let Some(took) = took {
            writer.counters.note_allocation(took());
        }
        writer.publish();
        result
    }

    /// Ticks until there is nothing to do at `now`. Returns the next deadline.
    fn work_off(&self, writer: &mut Writer, now: Time) -> Result<Option<Time>, Rejection> {
        loop {
            let due = writer.state.next_deadline();
            if due.is_none_or(|due| due > now) {
                return Ok(due);
            }
            let tick = Envelope { now, session: None, command: Tick {}.into() };
            match self.apply_one(writer, &tick)? {
                Reply::Ticked { changed: true, .. } => {}
                _ => return Ok(due),
            }
        }
    }

    /// The same after a command that was accepted. What the journal does not take now stays due;
    /// only a defect is the concern of the command's sender.
    fn work_off_if_possible(&self, writer: &mut Writer, now: Time) -> Result<(), Rejection> {
        match self.work_off(writer, now) {
            Err(rejection) if rejection.code() == Code::Defect => Err(rejection),
            _ => Ok(()),
        }
    }

    /// Does what is due now; see [`Kernel::tick`](super::Kernel::tick).
    pub(crate) fn tick(&self, at: Option<Time>) -> Result<(Option<Time>, Trace), Rejection> {
        self.check_alive()?;
        let mut writer = self.made_ready(self.writer.lock())?;
        writer.trace = at.map(|_| Vec::new());
        let now = at.unwrap_or_else(|| self.clock.now());
        let announced = if now > writer.state.now().plus(TIME_STEP_MAX) {
            let command = AdvanceTime {}.into();
            self.apply_one(&mut writer, &Envelope { now, session: None, command }).map(|_| ())
        } else {
            Ok(())
        };
        let next = announced.and_then(|()| self.work_off(&mut writer, now));
        let effects = writer.trace.take().unwrap_or_default();
        let settled = self.finish(writer);
        let next = next?;
        settled.map(|()| (next, effects))
    }

    /// Moves a manual clock to `to`, stopping at each deadline on the way.
    pub(crate) fn advance(&self, to: Time) -> Result<Trace, Rejection> {
        let mut effects = Vec::new();
        loop {
            let due = self.with_state(State::next_deadline);
            let next = due.filter(|due| *due < to).unwrap_or(to).max(self.clock.now());
            if !self.clock.move_to(next) {
                return Err(not_manual());
            }
            effects.extend(self.tick(Some(next))?.1);
            if next >= to {
                // The clock itself moved, even if nothing was due.
                let applied = self.call_traced(None, AdvanceTime {}.into())?;
                effects.extend(applied.effects);
                return Ok(effects);
            }
        }
    }

    /// What is done with the journal, if there is one.
    pub(crate) fn with_journal<T>(
        &self,
        work: impl FnOnce(&mut JournalFile, &State) -> Result<T, Rejection>,
    ) -> Result<Option<T>, Rejection> {
        self.check_alive()?;
        self.with_writer(|writer| {
            let Writer { state, journal, .. } = writer;
            let done = journal.as_mut().map(|journal| work(journal, state)).transpose();
            if done.is_ok() {
                // Events that waited for it may be seen now.
                let _ = writer.settle();
            }
            done
        })
    }

    /// Writes out what the journal still has in memory; for quiet moments.
    pub(crate) fn tidy_journal(&self) -> Result<(), Rejection> {
        self.check_alive()?;
        self.with_writer(|writer| {
            writer.settle()?;
            match writer.journal.as_mut().map_or(Ok(()), |journal| journal.flush(false)) {
                // It may be possible later; a full buffer will tell.
                Err(rejection) if rejection.code() == Code::System => Ok(()),
                done => done,
            }
        })
    }

    /// Opens the ring of a session that was just opened.
    pub(crate) fn open_ring(&self, session: SessionId) -> Arc<Ring> {
        let ring = Arc::new(Ring::default());
        self.with_writer(|writer| writer.rings.insert(session, ring.clone()));
        ring
    }

    pub(crate) fn close_ring(&self, session: SessionId) {
        if let Some(ring) = self.with_writer(|writer| writer.rings.remove(&session)) {
            ring.close();
        }
    }

    /// Fills a ring that overflowed from the state.
    pub(crate) fn resync(&self, session: SessionId, ring: &Ring) {
        self.with_writer(|writer| {
            let seq = writer.state.seq();
            let events = std::iter::once(crate::event::Event::Resync)
                .chain(writer.state.events_to_repeat(session));
            let records = events.zip(RESYNC_ORDINAL..);
            let records = records.map(|(event, ordinal)| EventRecord { seq, ordinal, event });
            ring.refill(records.collect());
        });
    }

    pub(crate) fn with_state<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        self.with_writer(|writer| read(&writer.state))
    }

    /// All figures of one moment: read together, worked out without the lock.
    pub(crate) fn metrics(&self) -> Metrics {
        let (state, counters) =
            self.with_writer(|writer| (writer.state.branch(), writer.counters.clone()));
        Metrics::read(&state, &counters)
    }

    /// Ends the kernel after a defect. Those who wait find out.
    fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
        self.waits.wake_all();
    }

    pub(crate) fn posts_rejected(&self) -> u64 {
        self.posts_rejected.load(Ordering::Relaxed)
    }

    pub(crate) fn check_alive(&self) -> Result<(), Rejection> {
        if self.is_forked() {
            let text = "the process was forked after the kernel was opened: open one of your own";
            return Err(Rejection::new(Code::Forked, text));
        }
        if self.poisoned.load(Ordering::Acquire) {
            let text = "a defect was found earlier: the kernel accepts no more commands";
            return Err(Rejection::new(Code::KernelPoisoned, text));
        }
        if self.is_closed() {
            return Err(super::closed("the kernel is closed"));
        }
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether this process is a child of the one that opened the kernel.
    pub(crate) fn is_forked(&self) -> bool {
        self.generation != fork::generation()
    }
}

/// The last handle is gone: the journal ends in order. A forked child must leave it alone.
impl Drop for Shared {
    fn drop(&mut self) {
        if self.is_forked() {
            return;
        }
        let is_poisoned = self.poisoned.load(Ordering::Acquire);
        // Nobody is left to be told of a failure; what is on the disk is a valid beginning.
        let _ = self.writer.get_mut().end_journal(is_poisoned);
    }
}

fn not_manual() -> Rejection {
    let text = "this kernel follows the machine's clock: open it with a manual one";
    Rejection::new(Code::NotSupported, text)
}

impl Writer {
    /// Routes the events of the command just applied to the rings of their sessions.
    fn publish(&mut self) {
        let seq = self.state.seq();
        let journal = self.journal.as_ref();
        let wait = journal.is_some_and(|journal| journal.durability() == Durability::Sync);
        for (ordinal, effect) in (0..).zip(self.effects.drain(..)) {
            if let Some(trace) = &mut self.trace {
                trace.push((seq, effect.clone()));
            }
            let Some(ring) = self.rings.get(&effect.session) else { continue };
            let record = EventRecord { seq, ordinal, event: effect.event };
            if wait {
                self.held_back.push((ring.clone(), record));
            } else if ring.push(record) {
                self.to_wake.push(ring.clone());
            }
        }
    }
}
