//! Hot verbs about tasks: acknowledge and kill for a framework; update for an agent driver, and
//! registering its agents.

use tamias_core::command::{
    Acknowledge, Kill as KillCommand, RegisterAgent, TaskRef, Update as UpdateCommand,
};
use tamias_core::ids::TaskId;
use tamias_core::reply::Reply;
use tamias_core::status::{Reason, Source, TaskState};
use tamias_core::value::{Bytes as CoreBytes, Uuid};
use tamias_core::{Code, Command, Rejection};

use crate::batch::{self, ItemResult};
use crate::boundary::{
    Out, Outcome, Plain, bad_struct, check_reserved, guard, read_items, read_struct, slice_out,
};
use crate::error::Error;
use crate::events::{TAMIAS_HEALTH_BAD, TAMIAS_HEALTH_GOOD, TAMIAS_HEALTH_NONE};
use crate::offers::read_resources;
use crate::session::Session;
use crate::strings::{Bytes, Str};
use crate::values::{further_fields, optional_nanos};
use crate::vocabulary::TAMIAS_NONE;

/// An update that the framework has dealt with.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Acknowledgement {
    /// Which task.
    pub task: u64,
    /// The uuid of the update.
    pub uuid: [u8; 16],
}

// SAFETY: integers.
unsafe impl Plain for Acknowledgement {
    const NAME: &'static str = "tamias_acknowledgement";
}

/// A task to be killed. Begin with TAMIAS_KILL_INIT.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Kill {
    /// Which, by handle; 0 to use its name.
    pub task: u64,
    /// Which, by the framework's name for it; no text to use its handle.
    pub name: Str,
    /// Time between asking it to end and ending it; TAMIAS_UNSET for the task's own.
    pub grace_ns: i64,
}

// SAFETY: integers and a text.
unsafe impl Plain for Kill {
    const NAME: &'static str = "tamias_kill";
}

/// The state of a task as its agent reports it. Begin with TAMIAS_UPDATE_INIT.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// Which task, on one of the session's agents.
    pub task: u64,
    /// One of TAMIAS_TASK_..., but not _STAGING, _UNREACHABLE, _UNKNOWN.
    pub state: u32,
    /// One of TAMIAS_REASON_..., or TAMIAS_NONE.
    pub reason: u32,
    /// One of TAMIAS_SOURCE_..., or TAMIAS_NONE for the executor.
    pub source: u32,
    /// One of TAMIAS_HEALTH_...
    pub health: u32,
    /// Identity of this update, so that a repeated one is recognised; all zero to let the kernel
    /// assign one.
    pub uuid: [u8; 16],
    /// For people; may be no text.
    pub message: Str,
    /// For the framework; may be none.
    pub data: Bytes,
}

// SAFETY: integers, a text and bytes.
unsafe impl Plain for Update {
    const NAME: &'static str = "tamias_update";
}

/// Confirms updates, so that the next one of each task is delivered.
///
/// `stride` is sizeof(tamias_acknowledgement); `flags` is TAMIAS_BATCH_ATOMIC or
/// TAMIAS_BATCH_BEST_EFFORT; `results` has room for one per item, or is NULL if atomic.
///
/// Errors: TAMIAS_ERR_UNKNOWN_TASK, TAMIAS_ERR_WRONG_UUID, TAMIAS_ERR_NOTHING_TO_ACKNOWLEDGE with
/// `index`, or in the results.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_acknowledge(
    framework: *const Session,
    items: *const Acknowledgement,
    count: usize,
    stride: usize,
    flags: u32,
    results: *mut ItemResult,
    err: *mut Error,
) -> i32 {
    let read = |item: &Acknowledgement| {
        let task = TaskId::from_u64(item.task).into();
        Ok(Acknowledge { task, uuid: Uuid(item.uuid) }.into())
    };
    let array = Array { items, count, stride, flags, results };
    // SAFETY: the conventions.
    unsafe { send(framework, "framework", array, err, read) }
}

/// Has tasks killed. A task that is not known, or whose agent is unreachable, is answered by an
/// update, as by a reconciliation; in the latter case the kill is sent when the agent returns.
///
/// `stride` is sizeof(tamias_kill); `flags` and `results` as for tamias_framework_acknowledge().
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_kill(
    framework: *const Session,
    items: *const Kill,
    count: usize,
    stride: usize,
    flags: u32,
    results: *mut ItemResult,
    err: *mut Error,
) -> i32 {
    let read = |item: &Kill| {
        // SAFETY: the conventions.
        let name = unsafe { item.name.optional(Code::BadName, "name") }?;
        let task: TaskRef = match (item.task, name) {
            (0, Some(name)) => name.into(),
            (0, None) => return Err(bad_struct("task", "give a handle or a name")),
            (task, None) => TaskId::from_u64(task).into(),
            (_, Some(_)) => {
                return Err(bad_struct("name", "give a handle or a name, not both"));
            }
        };
        Ok(KillCommand { task, kill_grace_seconds: optional_nanos(item.grace_ns) }.into())
    };
    let array = Array { items, count, stride, flags, results };
    // SAFETY: the conventions.
    unsafe { send(framework, "framework", array, err, read) }
}

/// Reports states of tasks.
///
/// `stride` is sizeof(tamias_update); `flags` and `results` as for tamias_framework_acknowledge();
/// a result tells an update that was reported before, or that goes backwards.
///
/// Errors: TAMIAS_ERR_UNKNOWN_TASK, TAMIAS_ERR_NOT_YOURS, TAMIAS_ERR_BAD_TASK_STATE,
/// TAMIAS_ERR_LIMIT_REACHED with `index`, or in the results.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_agent_update(
    driver: *const Session,
    items: *const Update,
    count: usize,
    stride: usize,
    flags: u32,
    results: *mut ItemResult,
    err: *mut Error,
) -> i32 {
    let array = Array { items, count, stride, flags, results };
    // SAFETY: the conventions.
    unsafe { send(driver, "driver", array, err, |item| read_update(*item)) }
}

/// A batch as it comes in.
#[derive(Clone, Copy)]
struct Array<T> {
    items: *const T,
    count: usize,
    stride: usize,
    flags: u32,
    results: *mut ItemResult,
}

/// Reads the items of a batch and sends a command for each. An item that cannot be read rejects the
/// call, whatever the flags say.
///
/// # Safety
/// As the conventions say.
unsafe fn send<T: Plain>(
    session: *const Session,
    self_name: &str,
    array: Array<T>,
    err: *mut Error,
    read: impl Fn(&T) -> Outcome<Command>,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (session, items, results) = unsafe {
            (
                Session::at(session, self_name)?,
                read_items(array.items, array.count, array.stride, "items")?,
                slice_out(array.results, array.count, "results")?,
            )
        };
        let read = |(index, item): (usize, &T)| {
            read(item).map_err(|r| r.within(&format!("items[{index}]")).index(index))
        };
        let commands = items.iter().enumerate().map(read).collect::<Outcome<Vec<_>>>()?;
        batch::send(session, commands, array.flags, results, "items")
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

fn read_update(item: Update) -> Outcome<Command> {
    let state = number(item.state, TaskState::from_number, "state", "TAMIAS_TASK_...")?;
    // SAFETY: the conventions.
    let (message, data) =
        unsafe { (item.message.optional(Code::Malformed, "message")?, item.data.get("data")?) };
    let healthy = match item.health {
        TAMIAS_HEALTH_NONE => None,
        TAMIAS_HEALTH_GOOD => Some(true),
        TAMIAS_HEALTH_BAD => Some(false),
        other => return Err(bad_struct("health", format!("{other} is no TAMIAS_HEALTH_..."))),
    };
    let command = UpdateCommand {
        task: TaskId::from_u64(item.task),
        state,
        uuid: (item.uuid != [0; 16]).then_some(Uuid(item.uuid)),
        source: optional_number(item.source, Source::from_number, "source", "TAMIAS_SOURCE_...")?,
        reason: optional_number(item.reason, Reason::from_number, "reason", "TAMIAS_REASON_...")?,
        message: message.map(Into::into),
        data: (!data.is_empty()).then(|| CoreBytes(data.to_vec())),
        healthy,
        // Results of checks are reported with the generic verb.
        check: None,
    };
    Ok(command.into())
}

fn number<T>(number: u32, known: impl Fn(u8) -> Option<T>, field: &str, names: &str) -> Outcome<T> {
    let found = u8::try_from(number).ok().and_then(known);
    found.ok_or_else(|| bad_struct(field, format!("{number} is none of {names}")))
}

fn optional_number<T>(
    given: u32,
    known: impl Fn(u8) -> Option<T>,
    field: &str,
    names: &str,
) -> Outcome<Option<T>> {
    if given == TAMIAS_NONE {
        return Ok(None);
    }
    number(given, known, field, names).map(Some)
}

/// What an agent is. Begin with TAMIAS_AGENT_INFO_INIT.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AgentInfo {
    /// sizeof(tamias_agent_info), set by TAMIAS_AGENT_INFO_INIT.
    pub size: u32,
    /// Must be zero.
    pub reserved: u32,
    /// A name unique among agents, by which it is found again after a restart; may be no text.
    pub name: Str,
    /// What it has, such as `cpus:4;mem:8192;ports:[31000-32000];disks:{a,b}`.
    pub resources: Str,
    /// What frameworks may look at, such as `rack:r1;os:linux`; may be no text.
    pub attributes: Str,
    /// Further fields of `register_agent` as a JSON object; may be no text.
    pub json: Str,
}

// SAFETY: integers and texts.
unsafe impl Plain for AgentInfo {
    const NAME: &'static str = "tamias_agent_info";
}

/// Registers a new agent with this driver. `agent` is given its id.
///
/// Errors: TAMIAS_ERR_BAD_RESOURCES, TAMIAS_ERR_BAD_ATTRIBUTES, TAMIAS_ERR_BAD_NAME,
/// TAMIAS_ERR_NAME_TAKEN, TAMIAS_ERR_LIMIT_REACHED.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_agent_register(
    driver: *const Session,
    info: *const AgentInfo,
    agent: *mut u64,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (session, command, out) = unsafe {
            (Session::at(driver, "driver")?, read_info(info)?, Out::new(agent, "agent")?)
        };
        match session.call(command).map_err(|rejection| rejection.within("info"))? {
            Reply::Registered { agent } => {
                out.write(agent.to_u64());
                Ok(())
            }
            _ => Err(Rejection::new(Code::Defect, "the registration gave no agent")),
        }
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// # Safety
/// As the conventions say.
unsafe fn read_info(info: *const AgentInfo) -> Outcome<RegisterAgent> {
    // SAFETY: the conventions.
    let given = unsafe { read_struct(info, "info") }?;
    check_reserved(&given.reserved.to_ne_bytes(), "info.reserved")?;
    // SAFETY: the conventions.
    let (name, resources, attributes, json) = unsafe {
        (
            given.name.optional(Code::BadName, "info.name")?,
            read_resources(given.resources).map_err(|rejection| rejection.within("info"))?,
            given.attributes.text(Code::BadAttributes, "info.attributes")?,
            given.json.optional(Code::Malformed, "info.json")?,
        )
    };
    let attributes = attributes.parse().map_err(|error| {
        let error: tamias_core::attributes::AttributeError = error;
        Rejection::new(Code::BadAttributes, error.to_string()).at("info.attributes")
    })?;
    let required = &[("resources", "".into())];
    let more: RegisterAgent = further_fields(json, &["name", "resources", "attributes"], required)
        .map_err(|rejection| rejection.within("info.json"))?;
    Ok(RegisterAgent { name: name.map(Into::into), resources, attributes, ..more })
}
