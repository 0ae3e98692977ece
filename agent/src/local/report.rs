//! What the kernel is told about a task: states, reasons, and the figures as JSON in `data`.

use std::path::Path;

use serde::Serialize;
use tamias::command::Update;
use tamias::ids::TaskId;
use tamias::status::{Reason, Source, TaskState};
use tamias::value::{Bytes, Uuid};

use crate::task::{Exit, ExitStatus, Pid};

/// The `data` of an update of the local agent, as JSON.
#[derive(Debug, Default, Serialize)]
struct Data<'a> {
    /// Process number of the main process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<Pid>,
    /// Directory with `stdout` and `stderr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<&'a str>,
    /// If it exited by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// If a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    /// Processor time of the task, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ns: Option<u64>,
    /// From its start to its end, nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ns: Option<u64>,
    /// Largest resident set of one process, KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_kib_max: Option<u64>,
}

fn update(task: TaskId, state: TaskState, source: Source) -> Update {
    Update { source: Some(source), ..Update::new(task, state) }
}

fn with_data(mut update: Update, data: &Data<'_>) -> Update {
    // Numbers and valid text always serialise.
    update.data = serde_json::to_vec(data).ok().map(Bytes);
    update
}

/// The same for every report of one end, so that a repeated one is recognised.
fn end_uuid(task: TaskId) -> Uuid {
    let mut bytes = *b"________the_end_";
    bytes[..8].copy_from_slice(&task.to_u64().to_be_bytes());
    Uuid(bytes)
}

pub(super) fn starting(task: TaskId) -> Update {
    update(task, TaskState::Starting, Source::Agent)
}

pub(super) fn running(task: TaskId, pid: Pid, sandbox: Option<&Path>) -> Update {
    let sandbox = sandbox.and_then(Path::to_str);
    let data = Data { pid: Some(pid), sandbox, ..Data::default() };
    with_data(update(task, TaskState::Running, Source::Executor), &data)
}

pub(super) fn launch_failed(task: TaskId, message: &str) -> Update {
    let mut update = update(task, TaskState::Failed, Source::Agent);
    update.reason = Some(Reason::ContainerLaunchFailed);
    update.message = Some(message.into());
    update.uuid = Some(end_uuid(task));
    update
}

/// Killed is what was to be killed, however it took it; otherwise the exit code decides.
pub(super) fn ended(task: TaskId, exit: &Exit, sandbox: Option<&Path>) -> Update {
    let (state, reason) = match exit.status {
        ExitStatus::Lost => (TaskState::Gone, Some(Reason::ExecutorTerminated)),
        _ if exit.is_over_memory => (TaskState::Failed, Some(Reason::ContainerLimitationMemory)),
        _ if exit.is_kill_requested => (TaskState::Killed, None),
        ExitStatus::Code(0) => (TaskState::Finished, None),
        ExitStatus::Code(_) | ExitStatus::Signal(_) => {
            (TaskState::Failed, Some(Reason::CommandExecutorFailed))
        }
    };
    let mut message = exit.status.to_string();
    if exit.is_over_memory {
        message += ": it used more memory than it may";
    } else if exit.is_kill_forced {
        message += ": it did not end within the grace period";
    }
    let data = Data {
        sandbox: sandbox.and_then(Path::to_str),
        exit_code: match exit.status {
            ExitStatus::Code(code) => Some(code),
            _ => None,
        },
        signal: match exit.status {
            ExitStatus::Signal(signal) => Some(signal),
            _ => None,
        },
        cpu_ns: exit.usage.map(|usage| usage.cpu_ns()),
        wall_ns: exit.usage.map(|usage| usage.wall_ns),
        rss_kib_max: exit.usage.map(|usage| usage.rss_kib_max),
        ..Data::default()
    };
    let mut update = with_data(update(task, state, Source::Executor), &data);
    update.reason = reason;
    update.message = Some(message.into());
    update.uuid = Some(end_uuid(task));
    update
}
