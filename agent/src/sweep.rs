//! Killing what a dead supervisor left behind.
//!
//! A process belongs to a task when it *is* the task's main process (number and start time), when
//! it is in the session of that living main process, or when its environment names a sandbox of
//! the work directory. A session whose leader is gone is no proof by itself: its number may have
//! been used again. Only the holder of the work directory's lock may sweep: otherwise the tasks of
//! a new supervisor would be taken for leftovers.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::OnOwnerExit;
use crate::place::Place;
use crate::procfs::{self, Stat};
use crate::record::{self, Contents, Launched};
use crate::sys::{process, try_lock};
use crate::task::Pid;

/// Rounds of killing: a round can miss only what was forked while it ran.
const ROUNDS_MAX: u32 = 100;

/// How long the lock of a dead supervisor is waited for: children that it had just forked hold a
/// copy of it until they notice, at their gate.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// What is to be killed.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// Main processes: number and start time.
    mains: HashSet<(Pid, u64)>,
    /// Every process marked with a sandbox at or below one of these is a task's.
    sandboxes: Vec<PathBuf>,
    /// Sandboxes of tasks that must be left alone.
    spared: Vec<PathBuf>,
}

impl Sweep {
    /// Adds a main process by its record, if it can still be the one: same start of the machine.
    pub(crate) fn add_main(&mut self, launched: &Launched, boot_id: &str) {
        if launched.boot_id == boot_id {
            self.mains.insert((launched.pid, launched.start_ticks));
        }
    }

    /// Adds every process marked with this directory or one below it.
    pub(crate) fn add_sandbox(&mut self, sandbox: &Path) {
        self.sandboxes.push(sandbox.to_owned());
    }

    /// Leaves every process marked with this sandbox alone.
    pub(crate) fn spare(&mut self, sandbox: &Path) {
        self.spared.push(sandbox.to_owned());
    }

    /// Sends SIGKILL to all of them, round after round until none is left. Gives how many it hit.
    pub(crate) fn kill(&self) -> usize {
        let mut hit = HashSet::new();
        for _ in 0..ROUNDS_MAX {
            let found = self.find();
            let fresh: Vec<_> =
                found.iter().filter(|s| !hit.contains(&(s.pid, s.start_ticks))).collect();
            if fresh.is_empty() {
                break;
            }
            for stat in fresh {
                hit.insert((stat.pid, stat.start_ticks));
                kill_exactly(stat);
            }
        }
        hit.len()
    }

    fn find(&self) -> Vec<Stat> {
        let me = Pid::try_from(std::process::id()).unwrap_or(0);
        let alive: Vec<Stat> =
            procfs::all().into_iter().filter(|s| !s.is_dead() && s.pid != me).collect();
        let sessions: HashSet<Pid> =
            alive.iter().filter(|s| self.is_main(s)).map(|s| s.pid).collect();
        alive
            .into_iter()
            .filter(|s| self.is_main(s) || sessions.contains(&s.session) || self.is_marked(s.pid))
            .collect()
    }

    fn is_main(&self, stat: &Stat) -> bool {
        self.mains.contains(&(stat.pid, stat.start_ticks))
    }

    fn is_marked(&self, pid: Pid) -> bool {
        let Some(mark) = procfs::sandbox_of(pid) else { return false };
        let below = |dirs: &[PathBuf]| dirs.iter().any(|dir| mark.starts_with(dir));
        below(&self.sandboxes) && !below(&self.spared)
    }
}

/// For when the supervisor is dead: what it has on record, after killing what it left behind if
/// its tasks were not to be kept. `None`: another supervisor holds the lock and has seen to it.
pub(crate) fn after_loss(place: &Place, mode: OnOwnerExit) -> Option<Contents> {
    let lock = place.open_lock().ok()?;
    let deadline = Instant::now() + LOCK_WAIT;
    while !try_lock(lock.as_fd()).ok()? {
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(LOCK_PAUSE);
    }
    let contents = record::read(&place.records()).ok()?;
    if mode == OnOwnerExit::Kill {
        let boot_id = procfs::boot_id();
        let mut sweep = Sweep::default();
        sweep.add_sandbox(&place.sandboxes());
        for launched in contents.unended() {
            sweep.add_main(launched, &boot_id);
        }
        sweep.kill();
    }
    Some(contents)
}

/// Kills the process of this number and start time and no other: the pidfd is taken first and
/// then compared, so the number cannot change hands in between.
fn kill_exactly(stat: &Stat) {
    let Ok(pidfd) = process::pidfd_open(stat.pid) else { return };
    if procfs::is_alive(stat.pid, stat.start_ticks) {
        // Gone or not ours to kill: nothing more can be done here.
        let _ = process::pidfd_signal(pidfd.as_fd(), libc::SIGKILL);
    }
}
