//! The kernel's handle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pyo3::prelude::*;
use tamias::command::{OpenSession, SessionKind, Subscribe};
use tamias::machine::apply;
use tamias::{Clock, Code, Effects, Envelope, Kernel, Rejection, Reply, Time};

use crate::agent_driver::PyAgentDriver;
use crate::classes::classes;
use crate::convert::{maybe_text, nanos, wrong_type};
use crate::errors::{Error, Result, reject};
use crate::framework::{PyFramework, subscription};
use crate::operator::PyOperator;
use crate::options::options;
use crate::session::Handle;

/// A scheduling kernel.
///
/// ``preset`` is ``"default"`` or ``"mesos"``, ``options`` what differs from it, ``clock`` a
/// ``ManualClock`` for tests and simulations. Thread-safe. Closing it closes all its sessions.
#[pyclass(frozen, weakref, module = "tamias", name = "Kernel")]
pub(crate) struct PyKernel {
    kernel: Kernel,
    closed: AtomicBool,
    sessions: Mutex<Vec<Weak<Handle>>>,
}

#[pymethods]
impl PyKernel {
    #[new]
    #[pyo3(signature = (options=None, *, preset=None, clock=None))]
    fn new(
        py: Python<'_>,
        options: Option<&Bound<'_, PyAny>>,
        preset: Option<&Bound<'_, PyAny>>,
        clock: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self> {
        let default = pyo3::types::PyString::new(py, "default").into_any();
        let options = self::options(preset.unwrap_or(&default), options)?;
        let clock = clock.map_or_else(|| Ok(Clock::system()), decode_clock)?;
        Ok(Self::of(Kernel::open_with(options, clock)?))
    }

    /// Opens an operator session.
    #[pyo3(signature = (*, principal=None))]
    fn operator(&self, py: Python<'_>, principal: Option<&Bound<'_, PyAny>>) -> Result<PyOperator> {
        Ok(PyOperator {
            handle: self.open(py, SessionKind::Operator, maybe_text("principal", principal)?)?,
        })
    }

    /// Opens a framework session and subscribes. With ``framework``, or with the ``name`` of a
    /// disconnected one, that framework is taken over.
    #[pyo3(signature = (
        *, roles, name=None, framework=None, suppressed_roles=None,
        failover_timeout_seconds=None, capabilities=None, principal=None
    ))]
    #[allow(clippy::too_many_arguments)] // keywords in Python
    fn subscribe(
        &self,
        py: Python<'_>,
        roles: &Bound<'_, PyAny>,
        name: Option<&Bound<'_, PyAny>>,
        framework: Option<&Bound<'_, PyAny>>,
        suppressed_roles: Option<&Bound<'_, PyAny>>,
        failover_timeout_seconds: Option<&Bound<'_, PyAny>>,
        capabilities: Option<&Bound<'_, PyAny>>,
        principal: Option<&Bound<'_, PyAny>>,
    ) -> Result<PyFramework> {
        let command = subscription(
            roles,
            name,
            framework,
            suppressed_roles,
            failover_timeout_seconds,
            capabilities,
        )?;
        let principal = maybe_text("principal", principal)?;
        rehearse(py, self.alive()?, principal.clone(), command.clone())?;
        let handle = self.open(py, SessionKind::Framework, principal)?;
        PyFramework::subscribe(py, handle, command)
    }

    /// Opens an agent session, for a driver of one or many agents.
    #[pyo3(signature = (*, principal=None))]
    fn agent_driver(
        &self,
        py: Python<'_>,
        principal: Option<&Bound<'_, PyAny>>,
    ) -> Result<PyAgentDriver> {
        Ok(PyAgentDriver {
            handle: self.open(py, SessionKind::Agent, maybe_text("principal", principal)?)?,
        })
    }

    /// Moves a manual clock forward; timers that are due on the way fire one after the other.
    fn advance(&self, py: Python<'_>, by: &Bound<'_, PyAny>) -> Result<()> {
        let kernel = self.alive()?;
        let by = nanos("by", by)?;
        if by.0 < 0 {
            let message = format!("{by} seconds: time runs forward only, give 0 or more");
            return Err(reject(Code::BadTime, "by", message));
        }
        py.detach(|| kernel.advance(kernel.now().plus(by)))?;
        Ok(())
    }

    /// Serves in-process agents and lets time go on, without sleeping: for programs with an event
    /// loop. Returns in how many seconds it should be called again, or ``None`` if nothing is due.
    fn drive(&self, py: Python<'_>) -> Result<Option<f64>> {
        let kernel = self.alive()?;
        let deadline = py.detach(|| kernel.drive())?;
        let rest = deadline.map(|deadline| deadline.since(kernel.now()));
        Ok(rest.map(|rest| crate::events::seconds(rest).max(0.0)))
    }

    /// The time of the kernel's clock: nanoseconds since the Unix epoch.
    #[getter]
    fn now_ns(&self) -> Result<i64> {
        Ok(self.alive()?.now().0)
    }

    /// When the next timer is due, in nanoseconds since the Unix epoch; ``None`` for never.
    #[getter]
    fn next_deadline_ns(&self, py: Python<'_>) -> Result<Option<i64>> {
        let kernel = self.alive()?;
        Ok(py.detach(|| kernel.next_deadline()).map(|time| time.0))
    }

    /// How many commands were accepted so far.
    #[getter]
    fn seq(&self, py: Python<'_>) -> Result<u64> {
        let kernel = self.alive()?;
        Ok(py.detach(|| kernel.branch().seq()))
    }

    /// BLAKE3 of the canonical state, in hexadecimal: equal for all kernels that accepted the same
    /// commands, in every language.
    fn state_hash(&self, py: Python<'_>) -> Result<String> {
        let kernel = self.alive()?;
        let hash = py.detach(|| kernel.state_hash());
        Ok(hash.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
    }

    /// Checks every invariant of the state; ``InternalError`` names the first that does not hold.
    fn check_invariants(&self, py: Python<'_>) -> Result<()> {
        let kernel = self.alive()?;
        let broken = py.detach(|| kernel.branch().check_invariants());
        broken.map_err(|text| Rejection::new(Code::Defect, text.to_string()).into())
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes all sessions of the kernel and the kernel. Again is no matter.
    fn close(&self, py: Python<'_>) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let sessions = std::mem::take(&mut *self.list());
        for session in sessions.iter().filter_map(Weak::upgrade) {
            session.close(py)?;
        }
        Ok(())
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) -> Result<()> {
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let Ok(kernel) = self.alive() else { return "<Kernel closed>".to_owned() };
        let state = py.detach(|| kernel.branch());
        let (agents, frameworks) = (state.agents().len(), state.frameworks().len());
        let (tasks, seq) = (state.tasks().len(), state.seq());
        format!("<Kernel seq={seq} agents={agents} frameworks={frameworks} tasks={tasks}>")
    }
}

impl PyKernel {
    fn of(kernel: Kernel) -> Self {
        Self { kernel, closed: AtomicBool::new(false), sessions: Mutex::default() }
    }

    /// The kernel, unless it is closed or its parent's: not even looking is allowed then.
    fn alive(&self) -> Result<&Kernel> {
        self.kernel.check_alive()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        Ok(&self.kernel)
    }

    fn open(
        &self,
        py: Python<'_>,
        kind: SessionKind,
        principal: Option<Box<str>>,
    ) -> Result<Arc<Handle>> {
        let handle = Arc::new(Handle::open(py, self.alive()?, kind, principal)?);
        let mut list = self.list();
        list.retain(|session| session.strong_count() > 0);
        list.push(Arc::downgrade(&handle));
        drop(list);
        // Another thread may have closed the kernel meanwhile, and not seen this session.
        if self.closed.load(Ordering::Acquire) {
            handle.close(py)?;
            return Err(closed());
        }
        Ok(handle)
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Handle>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tries a subscription on a copy of the state: a rejected one must not leave even the trace of a
/// session that was opened for it and closed again.
fn rehearse(
    py: Python<'_>,
    kernel: &Kernel,
    principal: Option<Box<str>>,
    subscribe: Subscribe,
) -> Result<()> {
    py.detach(|| {
        let mut state = kernel.branch();
        let now = state.now();
        let mut send = |session, command| {
            apply(&mut state, &Envelope { now, session, command }, &mut Effects::new())
        };
        let open = OpenSession { kind: SessionKind::Framework, principal };
        if let Reply::SessionOpened { session } = send(None, open.into())? {
            send(Some(session), subscribe.into())?;
        }
        Ok(())
    })
}

fn closed() -> Error {
    Rejection::new(Code::HandleClosed, "the kernel is closed").into()
}

fn decode_clock(value: &Bound<'_, PyAny>) -> Result<Clock> {
    if !value.is_instance(classes(value.py())?.manual_clock.bind(value.py()))? {
        return Err(wrong_type("clock", "a ManualClock, or None for the machine's", value));
    }
    let start: i64 = value.getattr("start_ns")?.extract().map_err(|_| {
        let message = "start_ns is no number of nanoseconds since 1970 that fits 64 bits";
        reject(Code::BadTime, "clock.start_ns", message)
    })?;
    Ok(Clock::manual(Time(start)))
}
