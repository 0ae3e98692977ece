//! Sessions: the right to send commands in one capacity, and the events that come back.

use std::ffi::c_int;
use std::sync::Mutex;
use std::time::Duration;

use tamias_core::command::{SessionKind, Subscribe};
use tamias_core::ids::FrameworkId;
use tamias_core::reply::Reply;
use tamias_core::{Code, Command, Framework, Rejection};

use crate::boundary::{
    Out, Outcome, Plain, check_count, check_reserved, guard, guard_free, handle, read_struct, slice,
};
use crate::error::Error;
use crate::events::Delivered;
use crate::kernel::Kernel;
use crate::strings::Str;
use crate::values::{further_fields, optional_nanos};

/// An open session. It speaks in one capacity: functions named tamias_framework_... need one of
/// tamias_kernel_subscribe(), those named tamias_agent_... one of tamias_kernel_agent_driver(); any
/// other is answered with TAMIAS_ERR_WRONG_SESSION. It keeps its kernel alive.
///
/// Thread-safe. Only tamias_session_poll() and tamias_session_free(), which take a pointer that is
/// not const, are for one thread at a time.
#[derive(Debug)]
pub struct Session {
    handle: Handle,
    /// What the last poll gave out, kept for the pointers into it.
    delivered: Mutex<Delivered>,
}

#[derive(Debug)]
enum Handle {
    Framework(Framework),
    Other(tamias_core::Session),
}

impl Session {
    fn new(handle: Handle) -> *mut Self {
        Box::into_raw(Box::new(Self { handle, delivered: Mutex::default() }))
    }

    /// The session behind a pointer.
    ///
    /// # Safety
    /// As the conventions say.
    pub(crate) unsafe fn at<'a>(session: *const Self, field: &str) -> Outcome<&'a Self> {
        // SAFETY: a handle by the conventions.
        unsafe { handle(session, field) }
    }

    /// Sends a command.
    pub(crate) fn call(&self, command: impl Into<Command>) -> Outcome<Reply> {
        self.core().call(command)
    }

    /// The core's handle.
    pub(crate) fn core(&self) -> &tamias_core::Session {
        match &self.handle {
            Handle::Framework(framework) => framework,
            Handle::Other(session) => session,
        }
    }

    fn framework(&self) -> Option<&Framework> {
        match &self.handle {
            Handle::Framework(framework) => Some(framework),
            Handle::Other(_) => None,
        }
    }

    pub(crate) fn delivered(&self) -> std::sync::MutexGuard<'_, Delivered> {
        // A panic while it was held left nothing half done that matters: it is refilled.
        self.delivered.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A framework's subscription. Begin with TAMIAS_SUBSCRIPTION_INIT.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Subscription {
    /// sizeof(tamias_subscription), set by TAMIAS_SUBSCRIPTION_INIT.
    pub size: u32,
    /// Must be zero.
    pub reserved: u32,
    /// A name unique among frameworks, by which it is found again after a restart; may be no text.
    pub name: Str,
    /// In which roles it takes part; none means that it gets no offers.
    pub roles: *const Str,
    /// How many roles.
    pub role_count: usize,
    /// In which of them it wants no offers for now.
    pub suppressed_roles: *const Str,
    /// How many of these.
    pub suppressed_role_count: usize,
    /// Time to come back after a disconnection before it is removed; TAMIAS_UNSET for the kernel's
    /// option.
    pub failover_timeout_ns: i64,
    /// The id of a framework to take over, 0 for a new one or one of that name.
    pub framework: u64,
    /// Further fields of `subscribe` as a JSON object, such as
    /// `{"capabilities":["PARTITION_AWARE"]}`; may be no text.
    pub json: Str,
}

// SAFETY: integers, pointers and texts.
unsafe impl Plain for Subscription {
    const NAME: &'static str = "tamias_subscription";
}

/// Opens a framework session and subscribes. Free it with tamias_session_free().
///
/// Errors: TAMIAS_ERR_BAD_NAME, TAMIAS_ERR_BAD_LIST, TAMIAS_ERR_NAME_TAKEN,
/// TAMIAS_ERR_UNKNOWN_FRAMEWORK, TAMIAS_ERR_BAD_STRUCT; no session is left behind.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_subscribe(
    kernel: *const Kernel,
    subscription: *const Subscription,
    out: *mut *mut Session,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (kernel, command, out) = unsafe {
            (Kernel::core(kernel)?, read_subscription(subscription)?, Out::new(out, "out")?)
        };
        out.write(Session::new(Handle::Framework(kernel.subscribe(command)?)));
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// # Safety
/// As the conventions say.
unsafe fn read_subscription(subscription: *const Subscription) -> Outcome<Subscribe> {
    const FIELD: &str = "subscription";
    // SAFETY: the conventions.
    let given = unsafe { read_struct(subscription, FIELD) }?;
    check_reserved(&given.reserved.to_ne_bytes(), "subscription.reserved")?;
    // SAFETY: the conventions.
    let (name, roles, suppressed_roles, json) = unsafe {
        (
            given.name.optional(Code::BadName, "subscription.name")?,
            read_roles(given.roles, given.role_count, "subscription.roles")?,
            read_roles(
                given.suppressed_roles,
                given.suppressed_role_count,
                "subscription.suppressed_roles",
            )?,
            given.json.optional(Code::Malformed, "subscription.json")?,
        )
    };
    let typed = ["name", "roles", "suppressed_roles", "failover_timeout_seconds", "framework"];
    let required = &[("roles", serde_json::Value::Array(Vec::new()))];
    let more: Subscribe = further_fields(json, &typed, required)
        .map_err(|rejection| rejection.within("subscription.json"))?;
    Ok(Subscribe {
        framework: (given.framework != 0).then(|| FrameworkId::from_u64(given.framework)),
        name: name.map(Into::into),
        roles,
        suppressed_roles,
        failover_timeout_seconds: optional_nanos(given.failover_timeout_ns),
        ..more
    })
}

/// # Safety
/// As the conventions say.
pub(crate) unsafe fn read_roles(
    roles: *const Str,
    count: usize,
    field: &str,
) -> Outcome<Vec<Box<str>>> {
    check_count(count, field)?;
    // SAFETY: the conventions.
    let roles = unsafe { slice(roles, count, field) }?;
    let read = |(index, role): (usize, &Str)| {
        // SAFETY: the conventions.
        let text = unsafe { role.text(Code::BadName, &format!("{field}[{index}]")) };
        text.map(Into::into).map_err(|rejection| rejection.index(index))
    };
    roles.iter().enumerate().map(read).collect()
}

/// Opens a session for an agent driver, which registers one or many agents and runs their tasks.
/// Free it with tamias_session_free(): its agents are disconnected then.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_agent_driver(
    kernel: *const Kernel,
    out: *mut *mut Session,
    err: *mut Error,
) -> i32 {
    // SAFETY: the conventions.
    unsafe { open(kernel, SessionKind::Agent, out, err) }
}

/// Opens an operator session, for weights, agents in and out of service, and teardown; send these
/// commands with tamias_command() and its id. Free it with tamias_session_free().
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_operator(
    kernel: *const Kernel,
    out: *mut *mut Session,
    err: *mut Error,
) -> i32 {
    // SAFETY: the conventions.
    unsafe { open(kernel, SessionKind::Operator, out, err) }
}

/// # Safety
/// As the conventions say.
unsafe fn open(
    kernel: *const Kernel,
    kind: SessionKind,
    out: *mut *mut Session,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (kernel, out) = unsafe { (Kernel::core(kernel)?, Out::new(out, "out")?) };
        out.write(Session::new(Handle::Other(kernel.session(kind, None)?)));
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Closes the session and gives the handle back, with everything that its last poll gave out. A
/// framework may come back within its failover timeout. NULL is allowed; the same handle twice is
/// not. If another thread may be waiting on it, call tamias_session_close() first and let that
/// thread return.
///
/// Externally synchronised. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_session_free(session: *mut Session) {
    guard_free(|| {
        if !session.is_null() {
            // SAFETY: made by `Box::into_raw` in `Session::new` and freed once.
            drop(unsafe { Box::from_raw(session) });
        }
    });
}

/// Closes the session but keeps the handle: waits on it end with TAMIAS_ERR_HANDLE_CLOSED. Again is
/// no matter.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_session_close(session: *const Session, err: *mut Error) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        unsafe { Session::at(session, "session") }?.core().close()
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// The session's id, for tamias_command(); 0 for NULL.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_session_id(session: *const Session) -> u64 {
    // SAFETY: the conventions.
    let session = unsafe { Session::at(session, "session") };
    session.map_or(0, |session| session.core().id().to_u64())
}

/// The id of the session's framework; 0 for NULL and for a session of another kind.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_id(framework: *const Session) -> u64 {
    // SAFETY: the conventions.
    let session = unsafe { Session::at(framework, "framework") };
    let framework = session.ok().and_then(|session| session.framework());
    framework.map_or(0, |framework| framework.id().to_u64())
}

/// Whether the subscription took over a framework that was known before.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_framework_is_resubscribed(framework: *const Session) -> bool {
    // SAFETY: the conventions.
    let session = unsafe { Session::at(framework, "framework") };
    let framework = session.ok().and_then(|session| session.framework());
    framework.is_some_and(Framework::is_resubscribed)
}

/// Waits until there are events, and lets time go on meanwhile: timers fire, agents in this process
/// are served. `timeout_ns` may be TAMIAS_NEVER.
///
/// Several threads may wait. A signal does not end the wait: wait in slices, or watch
/// tamias_session_event_fd() instead.
///
/// Errors: TAMIAS_ERR_WAIT_TIMEOUT if there are none in time; TAMIAS_ERR_HANDLE_CLOSED.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_session_wait(
    session: *const Session,
    timeout_ns: i64,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let session = unsafe { Session::at(session, "session") }?;
        let Ok(nanos) = u64::try_from(timeout_ns) else {
            let text = format!("{timeout_ns} is negative: give nanoseconds, or TAMIAS_NEVER");
            return Err(Rejection::new(Code::BadTime, text).at("timeout_ns"));
        };
        let timeout = (timeout_ns != i64::MAX).then(|| Duration::from_nanos(nanos));
        if session.core().wait(timeout)? {
            return Ok(());
        }
        Err(Rejection::new(Code::WaitTimeout, format!("no event within {nanos} ns")))
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// A file descriptor that is readable while there are events, for event loops: poll when it is, and
/// call tamias_kernel_drive() at the deadlines that it gives. It belongs to the session: do not
/// read from it and do not close it.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_session_event_fd(
    session: *const Session,
    fd: *mut c_int,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (session, out) = unsafe { (Session::at(session, "session")?, Out::new(fd, "fd")?) };
        out.write(session.core().event_fd()?);
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}
