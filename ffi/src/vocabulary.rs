//! Numbers and names of task states, reasons and sources: those of the Mesos v1 API.
//!
//! The constants repeat `tamias_core::status` because cbindgen reads sources, not values; a test
//! compares them one by one.

use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use tamias_core::status::{Reason, Source, TaskState};

use crate::boundary::guard_free;

/// No state, reason or source is given.
pub const TAMIAS_NONE: u32 = 0xffff;

/// An agent has the task but it does not run yet; optional.
pub const TAMIAS_TASK_STARTING: u32 = 0;
/// It runs.
pub const TAMIAS_TASK_RUNNING: u32 = 1;
/// It ended well.
pub const TAMIAS_TASK_FINISHED: u32 = 2;
/// It ended badly.
pub const TAMIAS_TASK_FAILED: u32 = 3;
/// It ended because it was to.
pub const TAMIAS_TASK_KILLED: u32 = 4;
/// It is lost; what a framework without `PARTITION_AWARE` sees instead of several states.
pub const TAMIAS_TASK_LOST: u32 = 5;
/// Launched, not yet seen by an agent.
pub const TAMIAS_TASK_STAGING: u32 = 6;
/// Its description was invalid.
pub const TAMIAS_TASK_ERROR: u32 = 7;
/// It is being killed.
pub const TAMIAS_TASK_KILLING: u32 = 8;
/// It was never launched.
pub const TAMIAS_TASK_DROPPED: u32 = 9;
/// Its agent cannot be reached; it may come back as anything.
pub const TAMIAS_TASK_UNREACHABLE: u32 = 10;
/// It was running and is certainly gone.
pub const TAMIAS_TASK_GONE: u32 = 11;
/// An operator declared its agent gone.
pub const TAMIAS_TASK_GONE_BY_OPERATOR: u32 = 12;
/// The kernel has no information; only ever an answer, never stored.
pub const TAMIAS_TASK_UNKNOWN: u32 = 13;

/// The command could not be run or ended abnormally.
pub const TAMIAS_REASON_COMMAND_EXECUTOR_FAILED: u32 = 0;
/// What ran the task ended.
pub const TAMIAS_REASON_EXECUTOR_TERMINATED: u32 = 1;
/// What ran the task went away by itself; no longer used by Mesos.
pub const TAMIAS_REASON_EXECUTOR_UNREGISTERED: u32 = 2;
/// Its framework was removed.
pub const TAMIAS_REASON_FRAMEWORK_REMOVED: u32 = 3;
/// Its directory could not be kept from garbage collection.
pub const TAMIAS_REASON_GC_ERROR: u32 = 4;
/// It named a framework that is not its own.
pub const TAMIAS_REASON_INVALID_FRAMEWORKID: u32 = 5;
/// An offer was gone, foreign, or did not fit the others.
pub const TAMIAS_REASON_INVALID_OFFERS: u32 = 6;
/// The kernel could not be reached; only ever said by a driver.
pub const TAMIAS_REASON_MASTER_DISCONNECTED: u32 = 7;
/// It used more memory than it may.
pub const TAMIAS_REASON_CONTAINER_LIMITATION_MEMORY: u32 = 8;
/// The answer to a reconciliation.
pub const TAMIAS_REASON_RECONCILIATION: u32 = 9;
/// Its agent disconnected.
pub const TAMIAS_REASON_AGENT_DISCONNECTED: u32 = 10;
/// Its agent was removed or became unreachable.
pub const TAMIAS_REASON_AGENT_REMOVED: u32 = 11;
/// Its agent restarted and does not have it any more.
pub const TAMIAS_REASON_AGENT_RESTARTED: u32 = 12;
/// Its agent is not known.
pub const TAMIAS_REASON_AGENT_UNKNOWN: u32 = 13;
/// The description was invalid.
pub const TAMIAS_REASON_TASK_INVALID: u32 = 14;
/// The framework may not launch it.
pub const TAMIAS_REASON_TASK_UNAUTHORIZED: u32 = 15;
/// The task is not known.
pub const TAMIAS_REASON_TASK_UNKNOWN: u32 = 16;
/// Its resources were needed by others: the agent took revocable ones back.
pub const TAMIAS_REASON_CONTAINER_PREEMPTED: u32 = 17;
/// It needs a reservation or a volume that the agent does not have.
pub const TAMIAS_REASON_RESOURCES_UNKNOWN: u32 = 18;
/// It was over a limit.
pub const TAMIAS_REASON_CONTAINER_LIMITATION: u32 = 19;
/// It used more disk than it may.
pub const TAMIAS_REASON_CONTAINER_LIMITATION_DISK: u32 = 20;
/// It could not be started.
pub const TAMIAS_REASON_CONTAINER_LAUNCH_FAILED: u32 = 21;
/// The resources of what runs it could not be changed.
pub const TAMIAS_REASON_CONTAINER_UPDATE_FAILED: u32 = 22;
/// What was to run it did not register in time.
pub const TAMIAS_REASON_EXECUTOR_REGISTRATION_TIMEOUT: u32 = 23;
/// What ran it did not come back in time after a restart of the agent.
pub const TAMIAS_REASON_EXECUTOR_REREGISTRATION_TIMEOUT: u32 = 24;
/// Its group, or one of the group, was invalid.
pub const TAMIAS_REASON_TASK_GROUP_INVALID: u32 = 25;
/// The framework may not launch its group.
pub const TAMIAS_REASON_TASK_GROUP_UNAUTHORIZED: u32 = 26;
/// What carried its input and output ended.
pub const TAMIAS_REASON_IO_SWITCHBOARD_EXITED: u32 = 27;
/// The result of its check changed.
pub const TAMIAS_REASON_TASK_CHECK_STATUS_UPDATED: u32 = 28;
/// Its health changed.
pub const TAMIAS_REASON_TASK_HEALTH_CHECK_STATUS_UPDATED: u32 = 29;
/// It was killed before it started.
pub const TAMIAS_REASON_TASK_KILLED_DURING_LAUNCH: u32 = 30;
/// An operator declared its agent gone.
pub const TAMIAS_REASON_AGENT_REMOVED_BY_OPERATOR: u32 = 31;
/// Its agent came back and has it.
pub const TAMIAS_REASON_AGENT_REREGISTERED: u32 = 32;
/// It ran longer than its `max_completion_seconds`.
pub const TAMIAS_REASON_MAX_COMPLETION_TIME_REACHED: u32 = 33;
/// Its agent is being drained.
pub const TAMIAS_REASON_AGENT_DRAINING: u32 = 34;

/// The kernel (the Mesos master).
pub const TAMIAS_SOURCE_MASTER: u32 = 0;
/// The agent driver.
pub const TAMIAS_SOURCE_AGENT: u32 = 1;
/// What runs the task.
pub const TAMIAS_SOURCE_EXECUTOR: u32 = 2;
type Names = LazyLock<Vec<(u8, CString)>>;

macro_rules! names {
    ($type:ty) => {
        LazyLock::new(|| {
            let named =
                |item: &$type| (item.number(), CString::new(item.name()).unwrap_or_default());
            <$type>::ALL.iter().map(named).collect()
        })
    };
}

static STATES: Names = names!(TaskState);
static REASONS: Names = names!(Reason);
static SOURCES: Names = names!(Source);

fn name_of(names: &'static Names, number: u32) -> *const c_char {
    let mut name = c"UNKNOWN_NUMBER".as_ptr();
    guard_free(|| {
        if let Some((_, known)) = names.iter().find(|(known, _)| u32::from(*known) == number) {
            name = known.as_ptr();
        }
    });
    name
}

/// The name of a task state, such as "TASK_RUNNING"; "UNKNOWN_NUMBER" for a number that this
/// library does not have. A static text.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub extern "C" fn tamias_task_state_name(state: u32) -> *const c_char {
    name_of(&STATES, state)
}

/// The name of a reason, such as "REASON_RECONCILIATION"; otherwise as tamias_task_state_name().
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub extern "C" fn tamias_reason_name(reason: u32) -> *const c_char {
    name_of(&REASONS, reason)
}

/// The name of a source, such as "SOURCE_EXECUTOR"; otherwise as tamias_task_state_name().
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub extern "C" fn tamias_source_name(source: u32) -> *const c_char {
    name_of(&SOURCES, source)
}
