//! When the interpreter's lock is released: the only place that decides it.
//!
//! - A command first tries the kernel's lock without releasing the interpreter's: the kernel never
//!   calls Python, so it cannot need it. Only when another thread is at work is the interpreter
//!   released for the wait. So an uncontended call pays nothing for threads.
//! - A wait sleeps released, in slices of at most 50 ms, and answers signals in between.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use tamias::ids::SessionId;
use tamias::{Command, Kernel, Reply, Session};

use crate::errors::Result;

/// The longest sleep without a look at signals: Ctrl-C is to be answered within 100 ms.
const SLICE: Duration = Duration::from_millis(50);

/// Ways into the kernel from Python.
pub(crate) trait EnterKernel {
    /// Sends a command.
    fn enter(
        &self,
        py: Python<'_>,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<Reply>;
}

impl EnterKernel for Kernel {
    fn enter(
        &self,
        py: Python<'_>,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<Reply> {
        let released = |rest: &mut (dyn FnMut() + Send)| py.detach(rest);
        Ok(self.call_or_wait(session, command, released)?)
    }
}

/// Sleeps until a session has events or the timeout is over; returns whether one has. `check` is
/// asked before each slice whether there is anything left to wait for.
pub(crate) fn wait(
    py: Python<'_>,
    kernel: &Kernel,
    sessions: &[&Session],
    timeout: Option<Duration>,
    check: impl Fn() -> Result<()>,
) -> Result<bool> {
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        check()?;
        let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
        let slice = rest.map_or(SLICE, |rest| rest.min(SLICE));
        if py.detach(|| kernel.wait_any(sessions, Some(slice)))? {
            return Ok(true);
        }
        py.check_signals()?;
        if rest.is_some_and(|rest| rest <= slice) {
            return Ok(false);
        }
    }
}
