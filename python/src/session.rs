//! What the handles of sessions share: events, waits, closing.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::PyList;
use tamias::event::Event;
use tamias::kernel::EventRecord;
use tamias::{Code, Command, Kernel, Rejection, Reply, Session};

use crate::classes::{classes, text};
use crate::convert::timeout as decode_timeout;
use crate::enter::{EnterKernel, wait};
use crate::errors::{Error, Result, reject};
use crate::events::event;

/// An open session of any kind.
#[derive(Debug)]
pub(crate) struct Handle {
    session: Box<dyn IsSession>,
    closed: AtomicBool,
    /// The subscription has ended and the reader knows: nothing follows.
    ended: AtomicBool,
}

/// The kernel's own handles, each of which is a session.
pub(crate) trait IsSession: Deref<Target = Session> + Send + Sync + std::fmt::Debug {}

impl<T: Deref<Target = Session> + Send + Sync + std::fmt::Debug> IsSession for T {}

impl Handle {
    pub(crate) fn new(session: impl IsSession + 'static) -> Self {
        let (closed, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { session: Box::new(session), closed, ended }
    }

    /// Sends a command.
    pub(crate) fn enter(&self, py: Python<'_>, command: impl Into<Command>) -> Result<Reply> {
        if self.is_closed() {
            return Err(self.closed_error());
        }
        self.session.kernel().enter(py, Some(self.session.id()), command)
    }

    /// Takes events without waiting. A closed session gives what is left, then the error.
    fn take(&self, most: usize) -> Result<Vec<EventRecord>> {
        let records = self.session.poll(most)?;
        if records.is_empty() && most > 0 && self.is_closed() {
            return Err(self.closed_error());
        }
        if records.iter().any(|record| matches!(record.event, Event::SubscriptionEnded { .. })) {
            self.ended.store(true, Ordering::Release);
        }
        Ok(records)
    }

    pub(crate) fn poll<'py>(&self, py: Python<'py>, most: i64) -> Result<Bound<'py, PyList>> {
        let Ok(most) = usize::try_from(most) else {
            return Err(reject(Code::BadOption, "max", format!("{most} events: give 0 or more")));
        };
        let list = PyList::empty(py);
        for record in self.take(most)? {
            list.append(event(py, &record)?)?;
        }
        Ok(list)
    }

    pub(crate) fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> Result<bool> {
        self.sleep(py, decode_timeout(timeout)?)
    }

    fn sleep(&self, py: Python<'_>, timeout: Option<Duration>) -> Result<bool> {
        // Another thread may be the one that was told of the end.
        let session = &self.session;
        wait(py, session.kernel(), &[session], timeout, || self.check_goes_on())
    }

    /// Refuses to wait for a subscription that has ended.
    fn check_goes_on(&self) -> Result<()> {
        if self.ended.load(Ordering::Acquire) {
            let text = "the subscription has ended: nothing follows";
            return Err(Rejection::new(Code::HandleClosed, text).into());
        }
        Ok(())
    }

    /// The next event, or nothing at the timeout. Several threads may wait: an event goes to one.
    fn next<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<Duration>,
    ) -> Result<Option<Bound<'py, PyAny>>> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(record) = self.take(1)?.first() {
                return Ok(Some(event(py, record)?));
            }
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            if !self.sleep(py, rest)? {
                return Ok(None);
            }
        }
    }

    pub(crate) fn next_event<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let next = self.next(py, decode_timeout(timeout)?)?;
        let silence = || Rejection::new(Code::WaitTimeout, "no event came in time");
        Ok(next.ok_or_else(silence)?)
    }

    /// The next event of a `for` loop, which ends with the session or the subscription.
    pub(crate) fn iterate<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let stop = || Error::Python(PyStopIteration::new_err(()));
        match self.next(py, None) {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(stop()),
            Err(Error::Rejected(rejection)) if rejection.code() == Code::HandleClosed => {
                Err(stop())
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn fileno(&self) -> Result<i32> {
        self.session.kernel().check_alive()?;
        if self.is_closed() {
            return Err(self.closed_error());
        }
        Ok(self.session.event_fd()?)
    }

    /// Closes the session, once.
    pub(crate) fn close(&self, py: Python<'_>) -> Result<()> {
        let was_closed = self.is_closed();
        self.closed.store(true, Ordering::Release);
        if was_closed {
            return Ok(());
        }
        Ok(py.detach(|| self.session.close())?)
    }

    /// Whether this handle or the whole kernel was closed.
    pub(crate) fn is_closed(&self) -> bool {
        let kernel = self.session.kernel();
        self.closed.load(Ordering::Acquire) || (!kernel.is_forked() && kernel.is_closed())
    }

    pub(crate) fn id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        text(py, &classes(py)?.session_id, &self.session.id())
    }

    pub(crate) fn repr(&self, what: &str) -> String {
        let state = if self.is_closed() { "closed" } else { "open" };
        format!("<{what} {state}>")
    }

    fn closed_error(&self) -> Error {
        let kind = self.session.kind().name();
        let rejection = Rejection::new(Code::HandleClosed, format!("the {kind} handle is closed"));
        rejection.id(self.session.id().to_u64()).into()
    }
}

/// Waits for any of several sessions of one kernel.
pub(crate) fn wait_any(
    py: Python<'_>,
    kernel: &Kernel,
    handles: &[&Handle],
    timeout: Option<&Bound<'_, PyAny>>,
) -> Result<bool> {
    let sessions: Vec<&Session> = handles.iter().map(|handle| &**handle.session).collect();
    wait(py, kernel, &sessions, decode_timeout(timeout)?, || {
        handles.iter().try_for_each(|handle| handle.check_goes_on())
    })
}

/// The methods that every session handle has, written once.
macro_rules! session_methods {
    ($class:ty) => {
        #[pymethods]
        impl $class {
            /// The id of its session, for the generic verb.
            #[getter]
            fn session<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                self.handle.id(py)
            }

            /// Whether it was closed.
            #[getter]
            fn closed(&self) -> bool {
                self.handle.is_closed()
            }

            /// Closes the session: its framework or agents are disconnected, waits on it end with
            /// ``ClosedError``. Again is no matter.
            fn close(&self, py: Python<'_>) -> Result<()> {
                self.handle.close(py)
            }

            fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
                this
            }

            #[pyo3(signature = (*_exception))]
            fn __exit__(
                &self,
                py: Python<'_>,
                _exception: &Bound<'_, pyo3::types::PyTuple>,
            ) -> Result<()> {
                self.handle.close(py)
            }
        }
    };
}

/// The methods of handles that are told something.
macro_rules! event_methods {
    ($class:ty) => {
        #[pymethods]
        impl $class {
            /// Takes up to ``max`` events without waiting.
            #[pyo3(signature = (max=1024))]
            fn poll<'py>(
                &self,
                py: Python<'py>,
                max: i64,
            ) -> Result<Bound<'py, pyo3::types::PyList>> {
                self.handle.poll(py, max)
            }

            /// Waits for events, lets time go on meanwhile; returns whether there are any.
            #[pyo3(signature = (timeout=None))]
            fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> Result<bool> {
                self.handle.wait(py, timeout)
            }

            /// Waits for the next event; ``WaitTimeout`` if none comes in time.
            #[pyo3(signature = (timeout=None))]
            fn next_event<'py>(
                &self,
                py: Python<'py>,
                timeout: Option<&Bound<'py, PyAny>>,
            ) -> Result<Bound<'py, PyAny>> {
                self.handle.next_event(py, timeout)
            }

            /// A file descriptor that is readable while there are events. It belongs to the
            /// handle: do not close it.
            fn fileno(&self) -> Result<i32> {
                self.handle.fileno()
            }

            fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
                this
            }

            fn __next__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
                self.handle.iterate(py)
            }
        }
    };
}

pub(crate) use {event_methods, session_methods};
