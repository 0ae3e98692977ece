//! One task as the supervisor holds it.

use std::os::fd::OwnedFd;
use std::time::Instant;

use super::child::{Failed, Program};
use crate::protocol::WireTask;
use crate::record::Launched;
use crate::task::{Outcome, Pid, TaskState, Usage};

/// A task from its launch until its end is acknowledged.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) key: String,
    pub(super) launch: u64,
    /// Name of the sandbox; `None` when not even that could be made.
    pub(super) sandbox: Option<String>,
    pub(super) pid: Option<Pid>,
    pub(super) started_ns: Option<i64>,
    /// The main process while it lives.
    pub(super) process: Option<Process>,
    /// There while the process exists but the program does not run yet.
    pub(super) launching: Option<Launching>,
    /// There when it ended.
    pub(super) outcome: Option<Outcome>,
}

/// What is needed until the program runs.
#[derive(Debug)]
pub(super) struct Launching {
    /// Where the child reports a failed step.
    pub(super) report: OwnedFd,
    /// What it reported.
    pub(super) failed: Option<Failed>,
    /// For the text of the failure.
    pub(super) program: Box<Program>,
}

/// The main process of a task.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) start_ticks: u64,
    pub(super) pidfd: OwnedFd,
    /// `false`: taken over from a supervisor that died; it is somebody else's child.
    pub(super) is_child: bool,
    pub(super) started: Instant,
    /// What orphans of the task used that ended while it ran.
    pub(super) orphans: Usage,
    pub(super) kill: Option<Kill>,
}

/// A kill that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    /// When SIGKILL is due.
    pub(super) deadline: Instant,
    /// Whether it has been sent.
    pub(super) is_forced: bool,
}

impl Task {
    /// A task that never had a process.
    pub(super) fn without_process(key: String, launch: u64, sandbox: Option<String>) -> Self {
        Self {
            key,
            launch,
            sandbox,
            pid: None,
            started_ns: None,
            process: None,
            launching: None,
            outcome: None,
        }
    }

    /// A task from its record.
    pub(super) fn from_record(launched: &Launched) -> Self {
        let sandbox = Some(launched.sandbox.clone());
        Self {
            pid: Some(launched.pid),
            started_ns: Some(launched.started_ns),
            ..Self::without_process(launched.task.clone(), launched.launch, sandbox)
        }
    }

    /// The form in which a new owner is told of it.
    pub(super) fn to_wire(&self) -> WireTask {
        let state = match &self.outcome {
            Some(outcome) => TaskState::Ended(outcome.clone()),
            None if self.launching.is_some() => TaskState::Launching,
            None => TaskState::Running,
        };
        WireTask {
            task: self.key.clone(),
            pid: self.pid,
            sandbox: self.sandbox.clone(),
            started_ns: self.started_ns,
            state,
        }
    }
}
