//! The local agent of Tamias: runs tasks as real processes on this machine.
//!
//! Tasks are not children of the process that embeds this library: hosts have their own SIGCHLD
//! handling, and a parent-death signal fires when the *thread* that forked exits. One small
//! executable per agent, `tamias-supervisor`, is their parent. This crate is both sides of it:
//!
//! - [`Supervisor`], the owner's handle: start or attach, launch, kill, read events, acknowledge.
//!   It never blocks beyond [`Supervisor::start`] and [`Supervisor::close`], starts no thread, and
//!   gives a descriptor to poll.
//! - the executable itself (`supervisor/`), which no caller sees.
//! - [`detect`]: the cpus, memory and disk of this machine; [`Limits`]: what holds a task to its
//!   share of them.
//!
//! ```no_run
//! use std::time::Duration;
//! use tamias_agent::{LaunchRequest, Supervisor, SupervisorEvent, SupervisorOptions, TaskCommand};
//!
//! # fn main() -> Result<(), tamias_agent::Error> {
//! let mut supervisor = Supervisor::start(&SupervisorOptions::new("/var/tmp/my-agent"))?;
//! supervisor.launch(LaunchRequest::new("hello", TaskCommand::Shell("echo hello".into())))?;
//! while supervisor.wait(Duration::from_secs(10))? {
//!     for event in supervisor.read_events()? {
//!         if let SupervisorEvent::Exited { task, exit } = event {
//!             println!("{task}: {}", exit.status);
//!             supervisor.acknowledge_exit(&task)?;
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Promises
//! - A task's processes do not outlive it: when its main process ends, its group and its orphans
//!   are killed.
//! - With [`OnOwnerExit::Kill`] no task outlives its owner, whether the owner, the supervisor, or
//!   both are killed. With [`OnOwnerExit::Keep`] tasks run on, and the next owner of the work
//!   directory gets them back with every end that was not acknowledged.
//! - An end is told truthfully: an exit status that nobody could collect is
//!   [`ExitStatus::Lost`], and a program that could not be started is
//!   [`Outcome::LaunchFailed`], never "exit code 127".
//!
//! # Refuses
//! It is no container: tasks share the file system, the network and the user of their owner.
//!
//! Read on: `client/` (the handle), `protocol.rs` (what crosses), `supervisor/mod.rs` (the
//! processes), `record.rs` (what survives).

#[cfg(not(target_os = "linux"))]
compile_error!(
    "tamias-agent runs tasks by Linux means (pidfds, subreaper, /proc); on other systems build \
     the workspace without this crate: `cargo build -p tamias`"
);

mod cgroup;
mod client;
mod detect;
mod error;
mod limits;
mod local;
mod place;
mod procfs;
mod protocol;
mod record;
mod supervisor;
mod sweep;
mod sys;
mod task;

pub use client::{Supervisor, SupervisorEvent, SupervisorOptions};
pub use detect::{Machine, detect};
pub use error::Error;
pub use limits::{Enforcement, Limits, Mechanism};
pub use local::{LocalAgent, LocalAgentOptions};
pub use task::{
    Exit, ExitStatus, LaunchRequest, Outcome, Pid, TASK_KEY_LEN_MAX, TaskCommand, TaskInfo,
    TaskLimits, TaskState, Usage,
};

#[doc(hidden)]
pub use supervisor::supervisor_main;

use serde::{Deserialize, Serialize};

/// What happens to the tasks when their owner goes away, in whatever way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOwnerExit {
    /// They are killed: SIGTERM to each group, SIGKILL after the grace period.
    #[default]
    Kill,
    /// They run on; the next owner of the work directory gets them back.
    Keep,
}
