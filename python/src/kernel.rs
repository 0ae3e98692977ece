//! The kernel's handle.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use tamias::codec::jsonl::trace_line;
use tamias::kernel::journal::{Durability, JournalOptions};
use tamias::{Clock, Code, Kernel, Rejection, Time};

use crate::agent_driver::PyAgentDriver;
use crate::classes::classes;
use crate::convert::{entries, maybe_text, nanos, parsed, text, wrong_type};
use crate::errors::{Result, reject};
use crate::framework::{PyFramework, subscription};
use crate::operator::PyOperator;
use crate::options::options;
use crate::query::{from_json, query};
use crate::session::{Handle, wait_any};

/// A scheduling kernel.
///
/// ``preset`` is ``"default"`` or ``"mesos"``, ``options`` what differs from it, ``clock`` a
/// ``ManualClock`` for tests and simulations. With ``journal`` every command is kept in that file,
/// and what it holds already is replayed; ``durability="sync"`` has each command on the disk
/// before its call returns. Thread-safe. Closing it closes all its handles.
#[pyclass(frozen, weakref, module = "tamias", name = "Kernel")]
pub(crate) struct PyKernel {
    kernel: Kernel,
}

#[pymethods]
impl PyKernel {
    #[new]
    #[pyo3(signature = (options=None, *, preset=None, clock=None, journal=None, durability=None))]
    fn new(
        py: Python<'_>,
        options: Option<&Bound<'_, PyAny>>,
        preset: Option<&Bound<'_, PyAny>>,
        clock: Option<&Bound<'_, PyAny>>,
        journal: Option<PathBuf>,
        durability: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self> {
        let default = pyo3::types::PyString::new(py, "default").into_any();
        let options = self::options(preset.unwrap_or(&default), options)?;
        let clock = clock.map_or_else(|| Ok(Clock::system()), decode_clock)?;
        let durability = durability.map(decode_durability).transpose()?;
        let kernel = match (journal, durability) {
            (None, None) => Kernel::open_with(options, clock)?,
            (None, Some(_)) => {
                let message = "durability is that of a journal: give journal=PATH as well";
                return Err(reject(Code::Malformed, "durability", message));
            }
            (Some(path), durability) => {
                let mut wanted = JournalOptions::new(options, clock.now());
                wanted.durability = durability.unwrap_or_default();
                py.detach(|| Kernel::open_journal(&path, &wanted, clock))?
            }
        };
        Ok(Self { kernel })
    }

    /// Opens a kernel as a JSON object says, such as the first line of a conformance script.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: &Bound<'_, PyAny>) -> Result<Self> {
        let text = self::text("text", text)?;
        Ok(Self { kernel: py.detach(|| Kernel::open_json(&text))? })
    }

    /// Opens an operator session, in the name of a principal if one is given.
    #[pyo3(signature = (*, principal=None))]
    fn operator(&self, py: Python<'_>, principal: Option<&Bound<'_, PyAny>>) -> Result<PyOperator> {
        let principal = maybe_text("principal", principal)?;
        let operator = py.detach(|| self.kernel.operator_as(principal))?;
        Ok(PyOperator { handle: Handle::new(operator) })
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
        PyFramework::subscribe(py, &self.kernel, command, maybe_text("principal", principal)?)
    }

    /// Opens an agent session, for a driver of one or many agents.
    #[pyo3(signature = (*, principal=None))]
    fn agent_driver(
        &self,
        py: Python<'_>,
        principal: Option<&Bound<'_, PyAny>>,
    ) -> Result<PyAgentDriver> {
        let principal = maybe_text("principal", principal)?;
        let driver = py.detach(|| self.kernel.agent_driver_as(principal))?;
        Ok(PyAgentDriver { handle: Handle::new(driver) })
    }

    /// The generic verb: one JSON line in, the reply and the events that it caused out, a line
    /// each. Without a session the line may also be one of a conformance script.
    #[pyo3(signature = (line, *, session=None))]
    fn command(
        &self,
        py: Python<'_>,
        line: &Bound<'_, PyAny>,
        session: Option<&Bound<'_, PyAny>>,
    ) -> Result<String> {
        let line = text("line", line)?;
        let session = session.map(|id| parsed("session", id)).transpose()?;
        Ok(py.detach(|| self.kernel.command(session, &line))?)
    }

    /// Asks what there is: ``query("get_tasks", role="batch")``. The names of queries are in
    /// docs/conformance.md; the answer has the names of their rows.
    #[pyo3(signature = (name, **fields))]
    fn query<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> Result<Bound<'py, PyAny>> {
        let query = query(name, fields)?;
        let kernel = self.alive()?;
        let answer = py.detach(|| {
            let state = kernel.branch();
            state.query(&query).map(|answer| trace_line(state.seq(), &answer))
        });
        from_json(py, &answer?)
    }

    /// Why a framework, role or agent (its id or name) gets no offers, or a pool is not offered.
    #[pyo3(signature = (*, framework=None, role=None, agent=None, pool=None))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        framework: Option<&Bound<'py, PyAny>>,
        role: Option<&Bound<'py, PyAny>>,
        agent: Option<&Bound<'py, PyAny>>,
        pool: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let fields = PyDict::new(py);
        let given = [("framework", framework), ("role", role), ("agent", agent), ("pool", pool)];
        for (key, value) in given {
            if let Some(value) = value {
                fields.set_item(key, value)?;
            }
        }
        self.query(py, &PyString::new(py, "explain"), Some(&fields))
    }

    /// Waits until one of several frameworks, agent drivers or operators has events; returns
    /// whether one has.
    #[pyo3(signature = (handles, timeout=None))]
    fn wait(
        &self,
        py: Python<'_>,
        handles: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> Result<bool> {
        const EXPECTED: &str = "a list of frameworks, agent drivers and operators";
        let given = entries("handles", EXPECTED, handles)?;
        let mut list = Vec::with_capacity(given.len());
        for (index, item) in given.iter().enumerate() {
            let (framework, driver) = (item.cast::<PyFramework>(), item.cast::<PyAgentDriver>());
            list.push(match (framework, driver, item.cast::<PyOperator>()) {
                (Ok(framework), ..) => &framework.get().handle,
                (_, Ok(driver), _) => &driver.get().handle,
                (.., Ok(operator)) => &operator.get().handle,
                _ => return Err(wrong_type(&format!("handles[{index}]"), EXPECTED, item)),
            });
        }
        wait_any(py, &self.kernel, &list, timeout)
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
        Ok(hex(&py.detach(|| kernel.state_hash())))
    }

    /// How much there is, who has it and what was done so far, all of one moment, by name and
    /// labels as in the text: ``metrics()['tamias_agents{state="active"}']``. Counters begin when
    /// the kernel is opened.
    fn metrics(&self, py: Python<'_>) -> Result<BTreeMap<String, f64>> {
        let kernel = self.alive()?;
        Ok(py.detach(|| kernel.metrics().samples().collect()))
    }

    /// The same as OpenMetrics text, for a scraper (media type ``application/openmetrics-text;
    /// version=1.0.0; charset=utf-8``).
    fn metrics_text(&self, py: Python<'_>) -> Result<String> {
        let kernel = self.alive()?;
        Ok(py.detach(|| kernel.metrics().to_openmetrics()))
    }

    /// Checks every invariant of the state; ``InternalError`` names the first that does not hold.
    fn check_invariants(&self, py: Python<'_>) -> Result<()> {
        let kernel = self.alive()?;
        let broken = py.detach(|| kernel.branch().check_invariants());
        broken.map_err(|text| Rejection::new(Code::Defect, text.to_string()).into())
    }

    /// What a person should know about the journal that was opened, one line each.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.kernel.warnings())
    }

    /// Has everything that was accepted so far on the disk; does nothing without a journal.
    fn flush(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.kernel.flush())?)
    }

    /// The last command that is on the disk; ``None`` without a journal.
    #[getter]
    fn durable_seq(&self, py: Python<'_>) -> Result<Option<u64>> {
        Ok(py.detach(|| self.kernel.durable_seq())?)
    }

    /// Replaces the journal by a snapshot and an empty journal that stands on it.
    fn compact(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.kernel.compact())?)
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.kernel.is_closed()
    }

    /// Closes the kernel for all its handles: waits end with ``ClosedError``, the journal is on
    /// the disk and free for the next owner. Again is no matter.
    fn close(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.kernel.close())?)
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> Result<()> {
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
    /// The kernel, unless it is closed or its parent's: not even looking is allowed then.
    pub(crate) fn alive(&self) -> Result<&Kernel> {
        self.kernel.check_alive()?;
        Ok(&self.kernel)
    }
}

/// A hash as it is printed everywhere.
pub(crate) fn hex(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
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

fn decode_durability(value: &Bound<'_, PyAny>) -> Result<Durability> {
    match text("durability", value)?.as_str() {
        "async" => Ok(Durability::Async),
        "sync" => Ok(Durability::Sync),
        other => {
            let shown = tamias::error::shorten(other);
            let message = format!("{shown:?} is neither \"async\" nor \"sync\"");
            Err(reject(Code::Malformed, "durability", message))
        }
    }
}
