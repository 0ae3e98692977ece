//! What can go wrong on the owner's side, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::task::Pid;

/// An error of the owner's side of the supervisor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A launch request has a field that no process can be made from. Nothing was sent.
    #[error("task {task:?}: {field} {why}")]
    InvalidLaunch {
        /// The task's key, shortened.
        task: String,
        /// The field, with its index.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// The work directory cannot be used.
    #[error("work directory {}: cannot {action}: {source}", path.display())]
    WorkDir {
        /// The directory or the file in it.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// No supervisor executable was found.
    #[error(
        "no executable `tamias-supervisor` found; looked at {}; set the option `executable` or \
         the environment variable TAMIAS_SUPERVISOR to its path",
        looked_at.join(", ")
    )]
    ExecutableNotFound {
        /// Each place that was tried and what was found there.
        looked_at: Vec<String>,
    },
    /// The executable could not be started, or ended before it answered.
    #[error("cannot start the supervisor {}: {message}", executable.display())]
    Start {
        /// The executable.
        executable: PathBuf,
        /// What happened.
        message: String,
    },
    /// Another process owns the supervisor of this work directory.
    #[error(
        "work directory {} is in use by the process {owner}; one owner at a time: close it there \
         or choose another directory",
        work_dir.display()
    )]
    InUse {
        /// The directory.
        work_dir: PathBuf,
        /// The process that owns it now.
        owner: Pid,
    },
    /// The supervisor that runs for this work directory refuses this owner.
    #[error("the supervisor of work directory {} refuses: {message}", work_dir.display())]
    Refused {
        /// The directory.
        work_dir: PathBuf,
        /// Its reason.
        message: String,
    },
    /// Owner and supervisor speak different protocols.
    #[error(
        "the supervisor of work directory {} speaks protocol {theirs}, this library {ours}: \
         use the `tamias-supervisor` of the same release, or let the old one end first",
        work_dir.display()
    )]
    Protocol {
        /// The directory.
        work_dir: PathBuf,
        /// The supervisor's protocol number.
        theirs: u32,
        /// This library's.
        ours: u32,
    },
    /// The supervisor did not answer in time.
    #[error(
        "the supervisor of work directory {} did not answer for {seconds} s",
        work_dir.display()
    )]
    Timeout {
        /// The directory.
        work_dir: PathBuf,
        /// How long it was waited for, in seconds.
        seconds: u64,
    },
    /// The connection to the supervisor is gone.
    #[error("the supervisor is gone: {message}; start it again on the same work directory")]
    Lost {
        /// What was seen.
        message: String,
    },
    /// The handle is used in a forked child of the process that made it.
    #[error(
        "this supervisor handle belongs to process {owner} and is used in its forked child \
         {here}; a child that wants to run tasks starts its own on another work directory"
    )]
    Forked {
        /// The process that made the handle.
        owner: u32,
        /// The calling process.
        here: u32,
    },
    /// A message is larger than a frame may be.
    #[error("task {task:?}: the launch message has {size} bytes, more than {max}")]
    TooLarge {
        /// The task's key, shortened.
        task: String,
        /// The size of the message in bytes.
        size: usize,
        /// The largest allowed, in bytes.
        max: usize,
    },
    /// A call of the operating system failed.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names what was tried.
    pub(crate) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}
