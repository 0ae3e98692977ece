//! Hot verbs of a framework about offers: accept, decline, revive, suppress.

use tamias_core::command::{Accept as AcceptCommand, Decline, Revive, Suppress, TaskSpec};
use tamias_core::ids::OfferId;
use tamias_core::options::OnInvalid;
use tamias_core::reply::{Reply, TaskOutcome};
use tamias_core::resources::{ParseError, Resources};
use tamias_core::{Code, Command, Rejection};

use crate::batch::{ItemResult, done};
use crate::boundary::{
    OutItems, Outcome, Plain, bad_struct, guard, read_items, read_struct, slice, slice_out,
};
use crate::error::{Error, status};
use crate::session::{Session, read_roles};
use crate::strings::Str;
use crate::values::{further_fields, optional_nanos};
use crate::vocabulary::TAMIAS_NONE;

/// As the kernel's options say.
pub const TAMIAS_ON_INVALID_DEFAULT: u32 = 0;
/// One stale offer or one invalid task rejects the whole call; the offers stay with the framework.
pub const TAMIAS_ON_INVALID_REJECT: u32 = 1;
/// As Mesos does: void offers drop the tasks, an invalid task is an error, the rest goes on; the
/// outcomes tell.
pub const TAMIAS_ON_INVALID_REPORT: u32 = 2;

/// A task to launch. Begin with TAMIAS_TASK_INIT.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// Unique among the framework's live and unreachable tasks.
    pub name: Str,
    /// What it takes of the offers, such as `cpus:1;mem:64`; not empty.
    pub resources: Str,
    /// Further fields of the task as a JSON object, such as
    /// `{"command":{"argv":["/bin/true"]},"kill_grace_seconds":5}`; may be no text.
    pub json: Str,
}

// SAFETY: texts.
unsafe impl Plain for Task {
    const NAME: &'static str = "tamias_task";
}

/// What to do with offers, all of one agent and one role. Begin with TAMIAS_ACCEPT_INIT.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Accept {
    /// sizeof(tamias_accept), set by TAMIAS_ACCEPT_INIT.
    pub size: u32,
    /// One of TAMIAS_ON_INVALID_...
    pub on_invalid: u32,
    /// At least one, none twice.
    pub offers: *const u64,
    /// How many offers.
    pub offer_count: usize,
    /// Tasks to launch, in order; none makes it a decline.
    pub tasks: *const Task,
    /// How many tasks.
    pub task_count: usize,
    /// sizeof(tamias_task), set by TAMIAS_ACCEPT_INIT.
    pub task_stride: usize,
    /// How long what is left is not offered again; TAMIAS_UNSET for the kernel's option.
    pub refuse_ns: i64,
}

// SAFETY: integers and pointers.
unsafe impl Plain for Accept {
    const NAME: &'static str = "tamias_accept";
}

/// What became of one task of an accept.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct TaskResult {
    /// Its handle; 0 if it was not launched.
    pub task: u64,
    /// TAMIAS_TASK_STAGING if it was launched, else the terminal state that was reported for it.
    pub state: u32,
    /// Why it was not launched, one of TAMIAS_REASON_..., else TAMIAS_NONE. The update that reports
    /// it has the message.
    pub reason: u32,
}

// SAFETY: integers.
unsafe impl Plain for TaskResult {
    const NAME: &'static str = "tamias_task_result";
}

impl From<&TaskOutcome> for TaskResult {
    fn from(outcome: &TaskOutcome) -> Self {
        Self {
            task: outcome.task.map_or(0, |task| task.to_u64()),
            state: u32::from(outcome.state.number()),
            reason: outcome.reason.map_or(TAMIAS_NONE, |reason| u32::from(reason.number())),
        }
    }
}

/// Uses offers: launches tasks on them; what is left is free again.
///
/// `results` may be NULL; else it has room for one tamias_task_result per task, `result_stride`
/// bytes apart.
///
/// Errors: TAMIAS_ERR_OFFER_GONE, TAMIAS_ERR_NOT_YOURS, TAMIAS_ERR_MIXED_OFFERS,
/// TAMIAS_ERR_TASK_EXISTS, TAMIAS_ERR_EXCEEDS_OFFER, TAMIAS_ERR_INVALID_TASK,
/// TAMIAS_ERR_BAD_RESOURCES, TAMIAS_ERR_BAD_NAME, TAMIAS_ERR_BAD_LIST, with `index` and `field`.
/// Under TAMIAS_ON_INVALID_REPORT the first six are told by results and updates instead.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_accept(
    framework: *const Session,
    accept: *const Accept,
    results: *mut TaskResult,
    result_stride: usize,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (session, (command, count)) =
            unsafe { (Session::at(framework, "framework")?, read_accept(accept)?) };
        // SAFETY: the conventions.
        let places = unsafe { OutItems::new(results, count, result_stride, "results") }?;
        let reply = session.call(command).map_err(|rejection| {
            let field = rejection.field().replace("operations[0].launch.", "");
            rejection.at(field).within("accept")
        })?;
        let Reply::Accepted { tasks, .. } = reply else {
            return Err(Rejection::new(Code::Defect, "accept gave no outcomes"));
        };
        if let Some(places) = places {
            places.write(tasks.iter().map(TaskResult::from));
        }
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// The command, and how many tasks it has.
///
/// # Safety
/// As the conventions say.
unsafe fn read_accept(accept: *const Accept) -> Outcome<(Command, usize)> {
    // SAFETY: the conventions.
    let (given, offers, tasks) = unsafe {
        let given = read_struct(accept, "accept")?;
        let offers = slice(given.offers, given.offer_count, "accept.offers")?;
        let tasks = read_items(given.tasks, given.task_count, given.task_stride, "accept.tasks")?;
        (given, offers, tasks)
    };
    let on_invalid = match given.on_invalid {
        TAMIAS_ON_INVALID_DEFAULT => None,
        TAMIAS_ON_INVALID_REJECT => Some(OnInvalid::Reject),
        TAMIAS_ON_INVALID_REPORT => Some(OnInvalid::Report),
        other => {
            let text = format!("{other} is none of TAMIAS_ON_INVALID_DEFAULT, _REJECT, _REPORT");
            return Err(bad_struct("accept.on_invalid", text));
        }
    };
    let read = |(index, task): (usize, &Task)| {
        // SAFETY: the conventions.
        unsafe { read_task(*task) }
            .map_err(|r| r.within(&format!("accept.tasks[{index}]")).index(index))
    };
    let tasks = tasks.iter().enumerate().map(read).collect::<Outcome<Vec<_>>>()?;
    let command = AcceptCommand {
        offers: offers.iter().copied().map(OfferId::from_u64).collect(),
        operations: if tasks.is_empty() { Vec::new() } else { vec![tasks.into()] },
        refuse_seconds: optional_nanos(given.refuse_ns),
        on_invalid,
    };
    Ok((command.into(), given.task_count))
}

/// # Safety
/// As the conventions say.
unsafe fn read_task(task: Task) -> Outcome<TaskSpec> {
    // SAFETY: the conventions.
    let (name, resources, json) = unsafe {
        (
            task.name.text(Code::BadName, "name")?,
            read_resources(task.resources)?,
            task.json.optional(Code::Malformed, "json")?,
        )
    };
    let required = &[("name", "".into()), ("resources", "".into())];
    let more: TaskSpec = further_fields(json, &["name", "resources"], required)
        .map_err(|rejection| rejection.within("json"))?;
    Ok(TaskSpec { name: name.into(), resources, ..more })
}

/// # Safety
/// As the conventions say.
pub(crate) unsafe fn read_resources(resources: Str) -> Outcome<Resources> {
    // SAFETY: the conventions.
    let text = unsafe { resources.text(Code::BadResources, "resources") }?;
    text.parse().map_err(|error: ParseError| {
        Rejection::new(Code::BadResources, error.to_string()).at("resources")
    })
}

/// Gives offers back: the same or less is not offered again for `refuse_ns`, or for the kernel's
/// default if that is TAMIAS_UNSET.
///
/// `results` may be NULL; else it has room for one per offer, whose status is
/// TAMIAS_ERR_OFFER_GONE if it was no live offer of the framework. Such offers do not stop the
/// others and do not make the call fail.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_decline(
    framework: *const Session,
    offers: *const u64,
    offer_count: usize,
    refuse_ns: i64,
    results: *mut ItemResult,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (session, given, results) = unsafe {
            (
                Session::at(framework, "framework")?,
                slice(offers, offer_count, "offers")?,
                slice_out(results, offer_count, "results")?,
            )
        };
        let offers: Vec<_> = given.iter().copied().map(OfferId::from_u64).collect();
        let command = Decline { offers, refuse_seconds: optional_nanos(refuse_ns) };
        let Reply::Declined { mut gone } = session.call(command)? else {
            return Err(Rejection::new(Code::Defect, "decline gave no answer"));
        };
        // Of an offer that is listed twice the last mention is the one that came too late.
        for (place, offer) in results.unwrap_or_default().iter_mut().zip(given).rev() {
            let is_gone = gone.last().is_some_and(|last| last.to_u64() == *offer);
            if is_gone {
                gone.pop();
            }
            let status = if is_gone { status(Code::OfferGone) } else { 0 };
            *place = ItemResult { status, flags: 0 };
        }
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Drops the filters of these roles, or of all if none is given, and wants offers again.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_revive(
    framework: *const Session,
    roles: *const Str,
    role_count: usize,
    err: *mut Error,
) -> i32 {
    let make = |roles| Revive { roles }.into();
    // SAFETY: the conventions.
    unsafe { send_roles(framework, roles, role_count, err, make) }
}

/// Wants no offers in these roles, or in any if none is given, until it revives. Outstanding offers
/// stay valid.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_suppress(
    framework: *const Session,
    roles: *const Str,
    role_count: usize,
    err: *mut Error,
) -> i32 {
    let make = |roles| Suppress { roles }.into();
    // SAFETY: the conventions.
    unsafe { send_roles(framework, roles, role_count, err, make) }
}

/// # Safety
/// As the conventions say.
unsafe fn send_roles(
    framework: *const Session,
    roles: *const Str,
    role_count: usize,
    err: *mut Error,
    make: impl FnOnce(Vec<Box<str>>) -> Command,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (session, roles) = unsafe {
            (Session::at(framework, "framework")?, read_roles(roles, role_count, "roles")?)
        };
        done(&session.call(make(roles))?)
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}
