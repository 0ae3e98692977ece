//! What an earlier supervisor of the same work directory left: ended tasks that nobody
//! acknowledged, and processes.
//!
//! Tasks that were to be kept and are still the same processes (number and start time) are taken
//! over. All others without an end on record are ended now: killed if they live, their status
//! reported as lost.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use super::daemon::Daemon;
use super::log;
use super::reaper::exit;
use super::task::{Process, Task};
use crate::OnOwnerExit;
use crate::procfs;
use crate::record::{Contents, Launched};
use crate::sweep::Sweep;
use crate::sys::process;
use crate::task::{ExitStatus, Outcome, Usage};

impl Daemon {
    /// Brings the tasks of the record file back. Called once, before any owner is served.
    pub(super) fn recover(&mut self, contents: &Contents) {
        let mut sweep = Sweep::default();
        sweep.add_sandbox(&self.place.sandboxes());
        for (index, (key, known)) in (0_u64..).zip(&contents.tasks) {
            let mut task = match &known.launched {
                Some(launched) => Task::from_record(launched),
                // Ended before it had a number: any that no task has will do.
                None => Task::without_process(key.clone(), u64::MAX - index, None),
            };
            task.outcome.clone_from(&known.outcome);
            if let (Some(launched), None) = (&known.launched, &known.outcome) {
                task.process = self.take_over(launched, contents.on_owner_exit);
                if task.process.is_some() {
                    sweep.spare(&self.place.sandbox(&launched.sandbox));
                } else {
                    sweep.add_main(launched, &self.boot_id);
                }
            }
            self.keys.insert(key.clone(), task.launch);
            self.tasks.insert(task.launch, task);
        }
        // Without any launch there is nothing that could be left.
        if contents.next_launch > 1 {
            let killed = sweep.kill();
            if killed > 0 {
                log(&format!("killed {killed} processes left by an earlier supervisor"));
            }
        }
        self.end_lost();
    }

    fn take_over(&self, launched: &Launched, mode: OnOwnerExit) -> Option<Process> {
        if mode != OnOwnerExit::Keep || launched.boot_id != self.boot_id {
            return None;
        }
        // The pidfd first: then the comparison speaks about the process that it names.
        let pidfd = process::pidfd_open(launched.pid).ok()?;
        if !procfs::is_alive(launched.pid, launched.start_ticks) {
            return None;
        }
        log(&format!("took over task {:?}, process {}", launched.task, launched.pid));
        Some(Process {
            pid: launched.pid,
            start_ticks: launched.start_ticks,
            pidfd,
            is_child: false,
            started: Instant::now(),
            orphans: Usage::default(),
            kill: None,
        })
    }

    fn end_lost(&mut self) {
        let lost: Vec<u64> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.process.is_none() && task.outcome.is_none())
            .map(|(&launch, _)| launch)
            .collect();
        for launch in lost {
            let outcome = Outcome::Exited(exit(ExitStatus::Lost, None, None, false));
            self.end_task(launch, outcome);
        }
    }
}

/// Whether the kernel of this machine has pidfds; without them nothing here works.
pub(super) fn check_pidfd() -> io::Result<()> {
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    let pidfd = process::pidfd_open(me)?;
    process::pidfd_signal(pidfd.as_fd(), 0)
}
