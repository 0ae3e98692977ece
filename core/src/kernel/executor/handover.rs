//! Taking the writer's lock over and letting go of it: what is owed to those who had it before and
//! to those who come after.

use std::sync::atomic::{Ordering, fence};

use parking_lot::MutexGuard;

use super::{Shared, Writer};
use crate::error::Rejection;
use crate::kernel::journal::Durability;

impl Shared {
    /// A writer that can take a command: what an earlier one could not write is written, and what
    /// was posted is applied, so that a thread's own posts come before its commands.
    pub(super) fn made_ready<'s>(
        &'s self,
        mut writer: MutexGuard<'s, Writer>,
    ) -> Result<MutexGuard<'s, Writer>, Rejection> {
        if let Err(rejection) = self.check_alive().and_then(|()| writer.settle()) {
            self.release(writer);
            return Err(rejection);
        }
        self.drain_posts(&mut writer);
        Ok(writer)
    }

    /// Does something under the lock that is no command.
    pub(super) fn with_writer<T>(&self, work: impl FnOnce(&mut Writer) -> T) -> T {
        let mut writer = self.writer.lock();
        // A thread that looks at the state finds there what it posted.
        if !self.posts.is_empty() {
            self.drain_posts(&mut writer);
            // A failure is told to the next command.
            let _ = writer.settle();
        }
        let result = work(&mut writer);
        self.release(writer);
        result
    }

    /// Applies what is posted now; what comes meanwhile is for the next round, so that a storm of
    /// posts cannot hold one caller for ever.
    pub(super) fn drain_posts(&self, writer: &mut Writer) {
        let waiting = self.posts.len();
        for _ in 0..waiting {
            let Some((session, command)) = self.posts.pop() else { break };
            let now = self.clock.now();
            if self.apply_timely(writer, now, session, command).is_err() {
                self.posts_rejected.fetch_add(1, Ordering::Relaxed);
            }
        }
        if waiting > 0 {
            // Nobody waits for a reply; what is left over stays due, a defect shows at once.
            let _ = self.work_off(writer, self.clock.now());
        }
    }

    /// Has the journal do what its durability asks for, and lets go of the lock.
    ///
    /// Errors: under [`Durability::Sync`] the command was applied, but is not on the disk.
    pub(super) fn finish(&self, mut writer: MutexGuard<'_, Writer>) -> Result<(), Rejection> {
        self.drain_posts(&mut writer);
        let settled = writer.settle();
        self.release(writer);
        settled.map_err(|rejection| {
            let text = format!("{}; the command was applied all the same", rejection.message());
            Rejection::new(rejection.code(), text)
        })
    }

    /// Lets go of the lock, wakes readers, and looks for posts once more: who posted while the
    /// lock was taken relies on it.
    pub(super) fn release<'s>(&'s self, mut writer: MutexGuard<'s, Writer>) {
        loop {
            let mut to_wake = std::mem::take(&mut writer.to_wake);
            let deadline = writer.state.next_deadline();
            let is_over = self.poisoned.load(Ordering::Acquire);
            if is_over {
                to_wake.extend(writer.rings.values().cloned());
            }
            let is_stuck = !writer.held_back.is_empty();
            drop(writer);
            for ring in to_wake {
                ring.wake();
            }
            if is_stuck {
                // It tries again, or tells.
                self.waits.wake_keeper();
            }
            self.waits.deadline_is(deadline);
            fence(Ordering::SeqCst);
            if self.posts.is_empty() {
                return;
            }
            match self.writer.try_lock() {
                Some(again) => writer = again,
                None => return,
            }
            self.drain_posts(&mut writer);
            // A failure is told to the next command.
            let _ = writer.settle();
        }
    }

    /// Ends the kernel for every handle; see [`Kernel::close`](crate::Kernel::close).
    pub(crate) fn close(&self) -> Result<(), Rejection> {
        if self.is_forked() {
            return Ok(());
        }
        let mut writer = self.writer.lock();
        // What was posted before counts; what comes from now on is refused.
        self.drain_posts(&mut writer);
        if self.closed.swap(true, Ordering::AcqRel) {
            self.release(writer);
            return Ok(());
        }
        let ended = writer.end_journal(self.poisoned.load(Ordering::Acquire));
        let rings = std::mem::take(&mut writer.rings);
        self.release(writer);
        for ring in rings.values() {
            ring.close();
        }
        self.waits.wake_all();
        ended
    }
}

impl Writer {
    /// Ends the journal in order. After a defect the state may be half changed, but the commands
    /// before it are whole.
    pub(super) fn end_journal(&mut self, is_poisoned: bool) -> Result<(), Rejection> {
        match self.journal.take() {
            Some(mut journal) if is_poisoned => journal.flush(true),
            Some(journal) => journal.close(&self.state),
            None => Ok(()),
        }
    }

    /// Has the journal do what its durability asks for; then events may be seen.
    pub(super) fn settle(&mut self) -> Result<(), Rejection> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let settled = journal.settle();
        if journal.durability() == Durability::Sync {
            settled?;
        }
        // Without sync a command counts once it is applied. A full buffer refuses the next one, a
        // journal that failed for good does, and a flush says why.
        for (ring, record) in self.held_back.drain(..) {
            if ring.push(record) {
                self.to_wake.push(ring);
            }
        }
        Ok(())
    }
}
