//! The kernel: open, the generic verb, time, state hash.

use std::ffi::c_char;

use tamias_core::ids::SessionId;
use tamias_core::{Code, Rejection, Time};

use crate::boundary::{Out, Outcome, Plain, bad_struct, guard, guard_free, handle, read_struct};
use crate::error::Error;
use crate::strings::{Buffer, Str};
use crate::version::TAMIAS_ABI_VERSION;

/// A scheduling kernel. Closed by tamias_kernel_free(); its sessions may outlive the handle, they
/// keep the kernel alive.
///
/// Thread-safe.
#[derive(Debug)]
pub struct Kernel(tamias_core::Kernel);

/// Bytes of a state hash.
pub const TAMIAS_HASH_BYTES: usize = 32;

/// How to open a kernel. Begin with TAMIAS_OPTIONS_INIT.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// sizeof(tamias_options), set by TAMIAS_OPTIONS_INIT.
    pub size: u32,
    /// TAMIAS_ABI_VERSION of the header, set by TAMIAS_OPTIONS_INIT.
    pub abi_version: u32,
    /// A JSON object, or no text for a kernel in memory with default options that follows the
    /// machine's clock. For example
    /// `{"options":{"preset":"mesos","offer_timeout_seconds":30},"clock":"manual","start":0}`;
    /// docs/conformance.md has all keys.
    pub json: Str,
}

// SAFETY: integers and a text.
unsafe impl Plain for Options {
    const NAME: &'static str = "tamias_options";
}

/// # Safety
/// As the conventions say.
unsafe fn core<'a>(kernel: *const Kernel) -> Outcome<&'a tamias_core::Kernel> {
    // SAFETY: a handle by the conventions.
    let kernel = unsafe { handle(kernel, "kernel") }?;
    Ok(&kernel.0)
}

/// The same, for what reads without a check of its own: in a forked child the lock may be held for
/// ever by a thread that does not exist there.
///
/// # Safety
/// As the conventions say.
unsafe fn core_here<'a>(kernel: *const Kernel) -> Outcome<&'a tamias_core::Kernel> {
    // SAFETY: a handle by the conventions.
    let kernel = unsafe { core(kernel) }?;
    if kernel.is_forked() {
        let text = "the process was forked after the kernel was opened: open one of your own";
        return Err(Rejection::new(Code::Forked, text));
    }
    Ok(kernel)
}

/// Opens a kernel. Free it with tamias_kernel_free().
///
/// `options` may be NULL for the defaults.
///
/// Errors: TAMIAS_ERR_NOT_SUPPORTED if the header and the library do not fit together;
/// TAMIAS_ERR_MALFORMED, TAMIAS_ERR_BAD_OPTION with the key in `field`.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_open(
    options: *const Options,
    out: *mut *mut Kernel,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (out, json) = unsafe { (Out::new(out, "out")?, read_options(options)?) };
        let kernel = tamias_core::Kernel::open_json(json)?;
        out.write(Box::into_raw(Box::new(Kernel(kernel))));
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// The JSON text of the options.
///
/// # Safety
/// As the conventions say.
unsafe fn read_options<'a>(options: *const Options) -> Outcome<&'a str> {
    if options.is_null() {
        return Ok("{}");
    }
    // SAFETY: the conventions.
    let options = unsafe { read_struct(options, "options") }?;
    check_abi(options.abi_version)?;
    // SAFETY: the conventions.
    let json = unsafe { options.json.text(Code::Malformed, "options.json") }?;
    Ok(if json.trim().is_empty() { "{}" } else { json })
}

fn check_abi(header: u32) -> Outcome {
    if header == TAMIAS_ABI_VERSION {
        return Ok(());
    }
    if header == 0 {
        return Err(bad_struct(
            "options.abi_version",
            "is not set: begin with TAMIAS_OPTIONS_INIT",
        ));
    }
    let older = if header < TAMIAS_ABI_VERSION { "the program" } else { "the library" };
    let text = format!(
        "the header has ABI version {header}, this library ({}) has {TAMIAS_ABI_VERSION}: {older} \
         is too old and must be replaced or built again",
        env!("CARGO_PKG_VERSION"),
    );
    Err(Rejection::new(Code::NotSupported, text).at("options.abi_version"))
}

/// Gives the handle back. The kernel ends with its last session. NULL is allowed; the same handle
/// twice is not. Do not free a handle that another thread is using.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_free(kernel: *mut Kernel) {
    guard_free(|| {
        if !kernel.is_null() {
            // SAFETY: made by `Box::into_raw` in tamias_kernel_open and freed once.
            drop(unsafe { Box::from_raw(kernel) });
        }
    });
}

/// The generic verb: sends one JSON line of `len` bytes and returns the outcome and the events that
/// it caused, one JSON line each, without a newline at the end.
///
/// With a session, as from tamias_session_id(), the line is a plain command such as
/// `{"do":"revive","roles":["batch"]}`. With session 0 it may also be a line of a script:
/// docs/conformance.md has all commands and keys. A blank line and one that begins with `#` give an
/// empty text.
///
/// Errors: those of the command, and TAMIAS_ERR_UNKNOWN_COMMAND, TAMIAS_ERR_MALFORMED. If an
/// expectation of a script line was not met, TAMIAS_ERR_BAD_SCRIPT; the command was applied then.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_command(
    kernel: *const Kernel,
    session: u64,
    line: *const c_char,
    len: usize,
    out: *mut Buffer,
    err: *mut Error,
) -> i32 {
    let body = || {
        let line = Str { ptr: line, len };
        // SAFETY: the conventions.
        let (kernel, line) = unsafe { (core(kernel)?, line.text(Code::Malformed, "line")?) };
        if out.is_null() || !out.is_aligned() {
            return Err(bad_struct("out", "is NULL or not aligned"));
        }
        let session = (session != 0).then(|| SessionId::from_u64(session));
        let text = kernel.command(session, line)?;
        // SAFETY: checked above; a buffer by the conventions.
        unsafe { (*out).set(&text) }
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// The time of the kernel's clock, in nanoseconds since 1970.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_now(
    kernel: *const Kernel,
    now_ns: *mut i64,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (kernel, out) = unsafe { (core(kernel)?, Out::new(now_ns, "now_ns")?) };
        out.write(kernel.now().0);
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// When the next timer is due: call tamias_kernel_drive() then, unless somebody waits on a session.
/// TAMIAS_NEVER if none is set; in the past if there is work already.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_next_deadline(
    kernel: *const Kernel,
    deadline_ns: *mut i64,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (kernel, out) = unsafe { (core_here(kernel)?, Out::new(deadline_ns, "deadline_ns")?) };
        out.write(kernel.next_deadline().unwrap_or(Time::NEVER).0);
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Lets time go on: fires the timers that are due and does the work that waits. For programs with
/// an event loop of their own; a wait on a session does it by itself.
///
/// `deadline_ns` may be NULL; it is given what tamias_kernel_next_deadline() would give.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_tick(
    kernel: *const Kernel,
    deadline_ns: *mut i64,
    err: *mut Error,
) -> i32 {
    // SAFETY: the conventions.
    unsafe { let_time_go_on(kernel, deadline_ns, err, tamias_core::Kernel::tick) }
}

/// Serves agents that live in this process, then does what tamias_kernel_tick() does. Never sleeps.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_drive(
    kernel: *const Kernel,
    deadline_ns: *mut i64,
    err: *mut Error,
) -> i32 {
    // SAFETY: the conventions.
    unsafe { let_time_go_on(kernel, deadline_ns, err, tamias_core::Kernel::drive) }
}

/// # Safety
/// As the conventions say.
unsafe fn let_time_go_on(
    kernel: *const Kernel,
    deadline_ns: *mut i64,
    err: *mut Error,
    how: impl FnOnce(&tamias_core::Kernel) -> Result<Option<Time>, Rejection>,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (kernel, out) = unsafe { (core(kernel)?, Out::optional(deadline_ns, "deadline_ns")?) };
        let deadline = how(kernel)?.unwrap_or(Time::NEVER);
        if let Some(out) = out {
            out.write(deadline.0);
        }
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Moves a manual clock forward and lets the timers on the way fire one after the other.
///
/// Errors: TAMIAS_ERR_NOT_SUPPORTED on a kernel that follows the machine's clock;
/// TAMIAS_ERR_BAD_TIME for a time that is past already.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_advance(
    kernel: *const Kernel,
    to_ns: i64,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let kernel = unsafe { core_here(kernel) }?;
        let (now, to) = (kernel.now(), Time(to_ns));
        if to < now {
            let text = format!("{to} s is before {now} s, the kernel's time: it runs forward only");
            return Err(Rejection::new(Code::BadTime, text).at("to_ns"));
        }
        kernel.advance(to).map(|_| ())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Writes how much there is, who has it and what was done so far, all of one moment, as OpenMetrics
/// text (`application/openmetrics-text; version=1.0.0; charset=utf-8`) into `out`, which is emptied
/// first. Counters begin when the kernel is opened.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_metrics(
    kernel: *const Kernel,
    out: *mut Buffer,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let kernel = unsafe { core_here(kernel)? };
        if out.is_null() || !out.is_aligned() {
            return Err(bad_struct("out", "is NULL or not aligned"));
        }
        let text = kernel.metrics().to_openmetrics();
        // SAFETY: checked above; a buffer by the conventions.
        unsafe { (*out).set(&text) }
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// Writes TAMIAS_HASH_BYTES bytes, BLAKE3 of the canonical state: equal for all kernels that
/// accepted the same commands, on any machine and in any language. It takes time proportional to
/// the state.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_kernel_state_hash(
    kernel: *const Kernel,
    hash: *mut u8,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (kernel, out) = unsafe {
            (core_here(kernel)?, Out::new(hash.cast::<[u8; TAMIAS_HASH_BYTES]>(), "hash")?)
        };
        out.write(kernel.state_hash());
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

impl Kernel {
    /// The core's handle.
    ///
    /// # Safety
    /// As the conventions say.
    pub(crate) unsafe fn core<'a>(kernel: *const Self) -> Outcome<&'a tamias_core::Kernel> {
        // SAFETY: the conventions.
        unsafe { core(kernel) }
    }
}
