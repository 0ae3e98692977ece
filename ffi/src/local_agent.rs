//! The local agent: runs tasks as real processes of this machine.

use std::time::Duration;

use tamias_agent::{LocalAgent as Agent, LocalAgentOptions};
use tamias_core::Code;

use crate::boundary::{Out, bad_struct, guard, guard_free, handle};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::strings::{Buffer, Str};

/// An agent that runs tasks as processes of this machine, under a small supervisor executable. It
/// has no thread: whoever waits on a session of the kernel, or calls tamias_kernel_drive(), serves
/// it. Processes of tasks are no children of this process.
///
/// Thread-safe.
#[derive(Debug)]
pub struct LocalAgent(Agent);

/// Starts a local agent, or attaches to the tasks that an earlier owner of the work directory left
/// running. Free it with tamias_local_agent_free().
///
/// `json` is an object: `{"work_dir":"/var/lib/ci"}`, and if wanted "name" (default "local"),
/// "resources" (default: the cpus and memory of this machine), "attributes", "on_owner_exit"
/// ("kill" or "keep"), "kill_grace_seconds", "executable" (of tamias-supervisor; default:
/// TAMIAS_SUPERVISOR in the environment, or beside the program or the library), "cgroup".
///
/// Errors: TAMIAS_ERR_MALFORMED with the key in `field`, TAMIAS_ERR_SYSTEM,
/// TAMIAS_ERR_AGENT_CONNECTED while another agent of that name is at work.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_local_agent_open(
    kernel: *const Kernel,
    json: Str,
    out: *mut *mut LocalAgent,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (kernel, out, json) = unsafe {
            (Kernel::core(kernel)?, Out::new(out, "out")?, json.text(Code::Malformed, "json")?)
        };
        let agent = Agent::start(kernel, LocalAgentOptions::from_json(json)?)?;
        out.write(Box::into_raw(Box::new(LocalAgent(agent))));
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// The agent's id; 0 for NULL.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_local_agent_id(agent: *const LocalAgent) -> u64 {
    // SAFETY: a handle by the conventions.
    unsafe { handle(agent, "agent") }.map_or(0, |agent| agent.0.id().to_u64())
}

/// Says in one line what holds tasks to their resources here: cgroups or resource limits, and what
/// of it is enforced. It was tried out, not guessed.
///
/// Errors: TAMIAS_ERR_HANDLE_CLOSED after tamias_local_agent_close().
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_local_agent_limits(
    agent: *const LocalAgent,
    out: *mut Buffer,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: a handle by the conventions.
        let agent = unsafe { handle(agent, "agent") }?;
        if out.is_null() || !out.is_aligned() {
            return Err(bad_struct("out", "is NULL or not aligned"));
        }
        let limits = agent.0.limits().ok_or_else(|| {
            tamias_core::Rejection::new(Code::HandleClosed, "the local agent was closed")
        })?;
        // SAFETY: checked above; a buffer by the conventions.
        unsafe { (*out).set(&limits.to_string()) }
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Leaves in good order: its tasks are ended, or kept, as its options say. Waits for ended ones to
/// be dead, at most `timeout_ns`, and says whether they all are; they are ended all the same.
/// `all_ended` may be NULL. Again is no matter.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_local_agent_close(
    agent: *const LocalAgent,
    timeout_ns: i64,
    all_ended: *mut bool,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (agent, out) =
            unsafe { (handle(agent, "agent")?, Out::optional(all_ended, "all_ended")?) };
        let ended = agent.0.close(Duration::from_nanos(timeout_ns.max(0).unsigned_abs()))?;
        if let Some(out) = out {
            out.write(ended);
        }
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Gives the handle back; what tamias_local_agent_close() has not ended ends or is kept now. NULL
/// is allowed; the same handle twice is not.
///
/// Externally synchronised. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_local_agent_free(agent: *mut LocalAgent) {
    guard_free(|| {
        if !agent.is_null() {
            // SAFETY: made by `Box::into_raw` in tamias_local_agent_open and freed once.
            drop(unsafe { Box::from_raw(agent) });
        }
    });
}
