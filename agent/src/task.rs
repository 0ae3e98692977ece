//! What a task is to the local agent: what to run, how it ended, what it used.
//!
//! Owns the values that cross between owner and supervisor and that stand in the record file. It
//! knows no process and no file: those are the supervisor's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A process number as the kernel of the operating system gives it.
pub type Pid = i32;

/// Longest task key, in bytes: the limit that names have everywhere else.
pub const TASK_KEY_LEN_MAX: usize = 255;

/// What a task runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskCommand {
    /// A program and its arguments. A program without `/` is looked up in the `PATH` of the task.
    Argv(Vec<String>),
    /// A text for `/bin/sh -c`.
    Shell(String),
}

/// How much a task may use, where the machine can enforce it (see [`crate::Limits`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLimits {
    /// Processor share in thousandths of a cpu; `None`: not limited.
    pub cpus_milli: Option<u64>,
    /// Memory in MiB; `None`: not limited.
    pub mem_mib: Option<u64>,
}

/// A request to run one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchRequest {
    /// The key under which the owner speaks of the task: not empty, at most
    /// [`TASK_KEY_LEN_MAX`] bytes, unique until its end is acknowledged.
    pub task: String,
    /// What to run.
    pub command: TaskCommand,
    /// Environment beside the base (`PATH`, `HOME`, `TAMIAS_TASK`, `TAMIAS_SANDBOX`); a name that
    /// stands in the base replaces it, except the two that begin with `TAMIAS_`.
    pub env: BTreeMap<String, String>,
    /// File that becomes the standard input; `None`: empty input. A relative path starts at the
    /// working directory of the task.
    pub stdin: Option<PathBuf>,
    /// Working directory; `None`: the sandbox. A relative path starts at the sandbox.
    pub working_directory: Option<PathBuf>,
    /// Limits to enforce.
    pub limits: TaskLimits,
}

impl LaunchRequest {
    /// A request with an empty environment, empty input, the sandbox as working directory, and
    /// no limits.
    pub fn new(task: impl Into<String>, command: TaskCommand) -> Self {
        Self {
            task: task.into(),
            command,
            env: BTreeMap::new(),
            stdin: None,
            working_directory: None,
            limits: TaskLimits::default(),
        }
    }

    /// Checks what can be known without looking at the machine. Owner and supervisor both call
    /// it: the owner for an error at the call, the supervisor because it trusts no message.
    pub fn validate(&self) -> Result<(), Error> {
        let invalid = |field: String, why: &str| {
            Err(Error::InvalidLaunch { task: shortened(&self.task), field, why: why.to_owned() })
        };
        if self.task.is_empty() {
            return invalid("task".into(), "is empty; give each task a key of its own");
        }
        if self.task.len() > TASK_KEY_LEN_MAX {
            return invalid("task".into(), "is longer than 255 bytes");
        }
        if self.task.contains('\0') {
            return invalid("task".into(), "holds a NUL byte");
        }
        match &self.command {
            TaskCommand::Argv(argv) => {
                if argv.first().is_none_or(String::is_empty) {
                    return invalid("command.argv[0]".into(), "is empty; name a program");
                }
                for (index, argument) in argv.iter().enumerate() {
                    if argument.contains('\0') {
                        let field = format!("command.argv[{index}]");
                        return invalid(field, "holds a NUL byte, which no program can receive");
                    }
                }
            }
            TaskCommand::Shell(text) => {
                if text.contains('\0') {
                    return invalid("command.shell".into(), "holds a NUL byte");
                }
            }
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains('=') || name.contains('\0') {
                let field = format!("env[{:?}]", shortened(name));
                return invalid(field, "is no name: it must not be empty nor hold '=' or NUL");
            }
            if value.contains('\0') {
                return invalid(format!("env[{:?}]", shortened(name)), "has a NUL byte in it");
            }
        }
        for (field, path) in
            [("stdin", &self.stdin), ("working_directory", &self.working_directory)]
        {
            let Some(path) = path else { continue };
            let Some(text) = path.to_str() else {
                return invalid(field.into(), "is not UTF-8");
            };
            if text.is_empty() || text.contains('\0') {
                return invalid(field.into(), "is empty or holds a NUL byte");
            }
        }
        if self.limits.mem_mib == Some(0) {
            return invalid("limits.mem_mib".into(), "is 0; leave it out for no limit");
        }
        if self.limits.cpus_milli == Some(0) {
            return invalid("limits.cpus_milli".into(), "is 0; leave it out for no limit");
        }
        Ok(())
    }
}

/// Cuts a name in the middle so that an error message stays readable.
pub(crate) fn shortened(name: &str) -> String {
    const KEEP: usize = 40;
    if name.chars().count() <= 2 * KEEP + 3 {
        return name.to_owned();
    }
    let head: String = name.chars().take(KEEP).collect();
    let tail: Vec<char> = name.chars().rev().take(KEEP).collect();
    format!("{head}...{}", tail.into_iter().rev().collect::<String>())
}

/// How the main process of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// It exited by itself with this code, 0 to 255.
    Code(i32),
    /// A signal of this number ended it.
    Signal(i32),
    /// It is gone, and nobody could collect how: its supervisor had been killed.
    Lost,
}

impl ExitStatus {
    /// Whether this is exit code 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match signal_name(number) {
                Some(name) => write!(f, "signal {number} ({name})"),
                None => write!(f, "signal {number}"),
            },
            Self::Lost => f.write_str("exit status lost with the supervisor"),
        }
    }
}

/// The name of a signal, where it has one.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGVTALRM => "SIGVTALRM",
        libc::SIGPROF => "SIGPROF",
        libc::SIGIO => "SIGIO",
        libc::SIGPWR => "SIGPWR",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

/// What a task used. It counts the main process, the descendants it waited for, and the
/// descendants that ended as orphans while it ran; not those killed after its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time in user mode, nanoseconds.
    pub cpu_user_ns: u64,
    /// Processor time in the kernel of the operating system, nanoseconds.
    pub cpu_system_ns: u64,
    /// Largest resident set of any one process of the task, KiB.
    pub rss_kib_max: u64,
    /// From the start of the program to its end, nanoseconds.
    pub wall_ns: u64,
}

impl Usage {
    /// User and system time together, nanoseconds.
    pub const fn cpu_ns(&self) -> u64 {
        self.cpu_user_ns.saturating_add(self.cpu_system_ns)
    }
}

/// The end of a task that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How the main process ended.
    pub status: ExitStatus,
    /// What it used; `None` where the status is lost.
    pub usage: Option<Usage>,
    /// Whether a kill was under way: asked for, or because the owner went away.
    pub is_kill_requested: bool,
    /// Whether SIGKILL was sent because the grace period was over.
    pub is_kill_forced: bool,
    /// Whether the machine killed a process of the task for using more memory than its limit.
    pub is_over_memory: bool,
    /// When it was noticed, nanoseconds since the Unix epoch.
    pub ended_ns: i64,
}

/// How a task came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its program was started and has ended.
    Exited(Exit),
    /// Its program was never started; the text says which step failed, on what, and why.
    LaunchFailed {
        /// What failed.
        message: String,
    },
}

/// Where a task is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Sent to the supervisor; its program is not started yet.
    Launching,
    /// Its program runs.
    Running,
    /// It ended; kept until the owner acknowledges it.
    Ended(Outcome),
}

/// A task as the supervisor knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    /// The owner's key of the task.
    pub task: String,
    /// Process number of the main process; `None` before it exists.
    pub pid: Option<Pid>,
    /// Its sandbox: the directory with its `stdout` and `stderr`; `None` before it exists.
    pub sandbox: Option<PathBuf>,
    /// When its process was made, nanoseconds since the Unix epoch.
    pub started_ns: Option<i64>,
    /// Where it is in its life.
    pub state: TaskState,
}
