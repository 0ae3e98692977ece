//! Kills, ends, and orphans.
//!
//! An orphan is a descendant of a task whose parent has exited: it has become a child of the
//! supervisor, the subreaper. **An orphan lives as long as its task lives.** Whose it is, its
//! session tells, or the sandbox in its environment, or its open files; one that shows none of
//! them (a daemon that has covered every trace) lives until no task is left.
//!
//! An ended main process stays a zombie until its group is killed: only as long as it does, its
//! number cannot be another group's.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::launch::explain;
use super::log;
use super::task::{Kill, Process};
use crate::procfs::{self, Stat};
use crate::protocol::Reply;
use crate::record::Record;
use crate::sweep::Sweep;
use crate::sys::process::{self, Children};
use crate::sys::unix_ns;
use crate::task::{Exit, ExitStatus, Outcome, Pid, Usage};

/// How long the session of an ended task is remembered: its members become orphans within
/// moments, and its number must not be held against a later session.
const SESSION_MEMORY: Duration = Duration::from_secs(10);

impl Daemon {
    /// Ends a task: SIGTERM now, SIGKILL after the grace period. A second call can only bring
    /// the SIGKILL forward.
    pub(super) fn kill(&mut self, launch: u64, grace: Duration) {
        let Some(process) = self.process_mut(launch) else { return };
        let now = Instant::now();
        // A grace of ages means "until it ends by itself".
        let deadline = now.checked_add(grace).unwrap_or(now + Duration::from_secs(u32::MAX.into()));
        if let Some(kill) = &mut process.kill {
            kill.deadline = kill.deadline.min(deadline);
        } else {
            process.kill = Some(Kill { deadline, is_forced: false });
            if grace > Duration::ZERO {
                signal_task(process, libc::SIGTERM);
                // A stopped process would see the SIGTERM only when somebody continues it.
                signal_task(process, libc::SIGCONT);
            }
        }
        self.force_overdue();
    }

    /// Ends every task.
    pub(super) fn kill_all(&mut self, grace: Duration) {
        let alive: Vec<u64> = self.alive().map(|(launch, _)| launch).collect();
        for launch in alive {
            self.kill(launch, grace);
        }
    }

    /// When the next SIGKILL is due.
    pub(super) fn next_kill(&self) -> Option<Instant> {
        self.alive()
            .filter_map(|(_, process)| process.kill)
            .filter(|kill| !kill.is_forced)
            .map(|kill| kill.deadline)
            .min()
    }

    /// Sends the SIGKILLs that are due.
    pub(super) fn force_overdue(&mut self) {
        let now = Instant::now();
        let is_due = |kill: Kill| !kill.is_forced && kill.deadline <= now;
        let due: Vec<u64> = self
            .alive()
            .filter(|(_, process)| process.kill.is_some_and(is_due))
            .map(|(launch, _)| launch)
            .collect();
        for launch in due {
            let Some(process) = self.process_mut(launch) else { continue };
            if let Some(kill) = &mut process.kill {
                kill.is_forced = true;
            }
            // The rest of its descendants dies with the main process: see `sweep_orphans`.
            signal_task(process, libc::SIGKILL);
            if let Some(cgroups) = &self.cgroups {
                cgroups.kill(launch);
            }
        }
    }

    /// Reaps what has ended: main processes with all that follows from it, and orphans.
    pub(super) fn reap_children(&mut self) {
        let mut has_change = false;
        while let Ok(Children::Ended(pid)) = process::look_at_children() {
            has_change = true;
            let task = self.alive().find(|(_, main)| main.is_child && main.pid == pid);
            match task.map(|(launch, _)| launch) {
                Some(launch) => self.finish(launch, pid),
                None => self.reap_orphan(pid),
            }
        }
        if has_change {
            self.sweep_orphans();
        }
    }

    /// The main process of a task has ended.
    fn finish(&mut self, launch: u64, pid: Pid) {
        // A program that ended at once: its start has to be told before its end.
        self.read_report(launch);
        if let Err(error) = process::signal_group(pid, libc::SIGKILL) {
            log(&format!("cannot kill the rest of group {pid}: {error}"));
        }
        if let Some(cgroups) = &self.cgroups {
            cgroups.kill(launch);
            self.leaving_cgroups.push(launch);
        }
        self.ended_sessions.push((pid, Instant::now()));
        let Ok((status, mut usage)) = process::reap(pid) else { return };
        let is_over_memory =
            self.cgroups.as_ref().is_some_and(|cgroups| cgroups.is_over_memory(launch));
        let Some(task) = self.tasks.get_mut(&launch) else { return };
        let Some(main) = task.process.take() else { return };
        let failed = task.launching.take().and_then(|l| Some((l.failed?, l.program)));
        let outcome = if let Some((failed, program)) = failed {
            Outcome::LaunchFailed { message: explain(failed, &program) }
        } else {
            add(&mut usage, main.orphans);
            usage.wall_ns = u64::try_from(main.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            Outcome::Exited(exit(status, Some(usage), main.kill, is_over_memory))
        };
        self.end_task(launch, outcome);
    }

    /// The main process of a task that was taken over has ended: how, nobody can tell any more.
    pub(super) fn finish_adopted(&mut self, launch: u64) {
        let Some(task) = self.tasks.get_mut(&launch) else { return };
        let Some(main) = task.process.take_if(|process| !process.is_child) else { return };
        if let Some(sandbox) = &task.sandbox {
            // It was never this supervisor's child, so neither are its orphans.
            let mut sweep = Sweep::default();
            sweep.add_sandbox(&self.place.sandbox(sandbox));
            sweep.kill();
        }
        if let Some(cgroups) = &self.cgroups {
            cgroups.kill(launch);
            self.leaving_cgroups.push(launch);
        }
        self.end_task(launch, Outcome::Exited(exit(ExitStatus::Lost, None, main.kill, false)));
    }

    /// Notes the end of a task and tells the owner.
    pub(super) fn end_task(&mut self, launch: u64, outcome: Outcome) {
        let Some(task) = self.tasks.get_mut(&launch) else { return };
        task.process = None;
        task.launching = None;
        task.outcome = Some(outcome.clone());
        let (key, sandbox) = (task.key.clone(), task.sandbox.clone());
        let record = Record::Ended { task: key.clone(), outcome: outcome.clone() };
        self.write_record(&record);
        self.tell(&Reply::Ended { task: key, sandbox, outcome });
    }

    fn reap_orphan(&mut self, pid: Pid) {
        // A zombie still shows its session.
        let session = procfs::stat(pid).map(|stat| stat.session);
        let Ok((_, usage)) = process::reap(pid) else { return };
        let launch = self
            .alive()
            .find(|(_, main)| main.is_child && Some(main.pid) == session)
            .map(|(launch, _)| launch);
        if let Some(main) = launch.and_then(|launch| self.process_mut(launch)) {
            add(&mut main.orphans, usage);
        }
    }

    /// Kills the orphans whose task has ended. The children of a killed orphan become orphans
    /// here in turn, and its end calls this again.
    pub(super) fn sweep_orphans(&mut self) {
        let me = Pid::try_from(std::process::id()).unwrap_or(0);
        let mains: HashSet<Pid> = self.alive().map(|(_, main)| main.pid).collect();
        let orphans: Vec<Stat> = procfs::children(me)
            .into_iter()
            .filter(|pid| !mains.contains(pid))
            .filter_map(procfs::stat)
            .filter(|stat| !stat.is_dead())
            .collect();
        for stat in &orphans {
            if !self.may_live(stat, &mains) {
                // A child that is not reaped: its number is its own.
                if let Err(error) = process::signal_child(stat.pid, libc::SIGKILL) {
                    log(&format!("cannot kill the orphan {}: {error}", stat.pid));
                }
            }
        }
        self.ended_sessions.retain(|(_, ended)| ended.elapsed() < SESSION_MEMORY);
    }

    fn may_live(&self, orphan: &Stat, mains: &HashSet<Pid>) -> bool {
        if mains.contains(&orphan.session) {
            return true;
        }
        if self.ended_sessions.iter().any(|&(session, _)| session == orphan.session) {
            return false;
        }
        match self.sandbox_of_orphan(orphan.pid) {
            Some(name) => self.tasks.values().any(|task| {
                task.process.is_some() && task.sandbox.as_deref() == Some(name.as_str())
            }),
            None => !mains.is_empty(),
        }
    }

    /// The sandbox that an orphan shows in its environment, or else by its working directory or
    /// standard files. Only for children of this process: somebody else may well look into a
    /// sandbox without belonging to its task.
    fn sandbox_of_orphan(&self, pid: Pid) -> Option<String> {
        let sandboxes = self.place.sandboxes();
        let name = |path: &PathBuf| {
            let first = path.strip_prefix(&sandboxes).ok()?.components().next()?;
            Some(first.as_os_str().to_str()?.to_owned())
        };
        let mark = procfs::sandbox_of(pid);
        mark.iter().find_map(name).or_else(|| procfs::places_of(pid).iter().find_map(name))
    }

    /// Removes the cgroups of ended tasks, as far as their last processes are gone.
    pub(super) fn remove_cgroups(&mut self) {
        if let Some(cgroups) = &self.cgroups {
            self.leaving_cgroups.retain(|&launch| !cgroups.remove(launch));
        }
    }
}

/// Sends a signal to the whole group of a living main process.
fn signal_task(main: &Process, signal: libc::c_int) {
    if !main.is_child && !procfs::is_alive(main.pid, main.start_ticks) {
        return;
    }
    // A child that has not made its group yet, before its first step, is reached by itself.
    if !process::signal_group(main.pid, signal).unwrap_or(false) {
        let _ = process::pidfd_signal(main.pidfd.as_fd(), signal);
    }
}

pub(super) fn exit(
    status: ExitStatus,
    usage: Option<Usage>,
    kill: Option<Kill>,
    is_over_memory: bool,
) -> Exit {
    Exit {
        status,
        usage,
        is_kill_requested: kill.is_some(),
        is_kill_forced: kill.is_some_and(|kill| kill.is_forced),
        is_over_memory,
        ended_ns: unix_ns(),
    }
}

fn add(to: &mut Usage, more: Usage) {
    to.cpu_user_ns = to.cpu_user_ns.saturating_add(more.cpu_user_ns);
    to.cpu_system_ns = to.cpu_system_ns.saturating_add(more.cpu_system_ns);
    to.rss_kib_max = to.rss_kib_max.max(more.rss_kib_max);
}
