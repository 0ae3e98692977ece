//! The local agent's handle: real processes on this machine.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tamias::resources::{Name, ResourceKey, Resources};
use tamias::{Code, Kernel, Rejection};
use tamias_agent::{LocalAgent, LocalAgentOptions, OnOwnerExit, detect};

use crate::classes::{classes, text as id_text};
use crate::convert::{attributes, nanos, text, timeout as decode_timeout};
use crate::errors::{Error, Result, reject};
use crate::kernel::PyKernel;
use crate::resources::{PyResources, decode};

/// An agent that runs tasks as real processes on this machine, under one small supervisor.
///
/// It offers the machine's cpus and memory; ``resources`` replaces what it names of them. Tasks
/// run in sandboxes below ``work_dir``, with ``stdout`` and ``stderr`` there. It is served while
/// somebody waits on the kernel. When its owner goes away, tasks are killed, or kept with
/// ``on_owner_exit="keep"`` for the next owner of the work directory.
#[pyclass(frozen, weakref, module = "tamias", name = "LocalAgent")]
pub(crate) struct PyLocalAgent {
    kernel: Kernel,
    agent: LocalAgent,
    work_dir: PathBuf,
}

#[pymethods]
impl PyLocalAgent {
    #[new]
    #[pyo3(signature = (
        kernel, work_dir, *, name=None, resources=None, attributes=None,
        on_owner_exit=None, kill_grace_seconds=None, supervisor=None, cgroup=None
    ))]
    #[allow(clippy::too_many_arguments)] // keywords in Python
    fn new(
        py: Python<'_>,
        kernel: &PyKernel,
        work_dir: PathBuf,
        name: Option<&Bound<'_, PyAny>>,
        resources: Option<&Bound<'_, PyAny>>,
        attributes: Option<&Bound<'_, PyAny>>,
        on_owner_exit: Option<&Bound<'_, PyAny>>,
        kill_grace_seconds: Option<&Bound<'_, PyAny>>,
        supervisor: Option<PathBuf>,
        cgroup: Option<PathBuf>,
    ) -> Result<Self> {
        let kernel = kernel.alive()?.clone();
        let mut options = LocalAgentOptions::new(&work_dir);
        if let Some(name) = name {
            options.name = text("name", name)?;
        }
        options.attributes = self::attributes(attributes)?.unwrap_or_default();
        options.supervisor.executable = supervisor;
        options.supervisor.cgroup = cgroup;
        if let Some(choice) = on_owner_exit {
            options.supervisor.on_owner_exit = decode_on_owner_exit(choice)?;
        }
        if let Some(grace) = kill_grace_seconds {
            let grace = nanos("kill_grace_seconds", grace)?.0.max(0).unsigned_abs();
            options.supervisor.kill_grace = std::time::Duration::from_nanos(grace);
        }
        if let Some(given) = resources {
            options.resources = Some(replace(&machine()?, &decode("resources", given)?)?);
        }
        let agent = py.detach(|| LocalAgent::start(&kernel, options))?;
        Ok(Self { kernel, agent, work_dir })
    }

    /// Its id in the kernel.
    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        id_text(py, &classes(py)?.agent_id, &self.agent.id())
    }

    /// The directory of its sandboxes.
    #[getter]
    fn work_dir(&self) -> &std::path::Path {
        &self.work_dir
    }

    /// What holds tasks to their resources here, and why; ``None`` after the end.
    #[getter]
    fn limits(&self, py: Python<'_>) -> Result<Option<String>> {
        self.kernel.check_alive()?;
        let limits = py.detach(|| self.agent.limits());
        Ok(limits.map(|limits| limits.to_string()))
    }

    /// The supervisor's process number; ``None`` after the end.
    #[getter]
    fn supervisor_pid(&self, py: Python<'_>) -> Result<Option<i32>> {
        if self.kernel.is_forked() {
            self.kernel.check_alive()?;
        }
        Ok(py.detach(|| self.agent.supervisor_pid()))
    }

    /// Leaves in good order: waits for killed tasks to be dead, at most ``timeout``. Returns
    /// whether that was long enough; they are killed all the same. Again is no matter.
    #[pyo3(signature = (timeout=None))]
    fn close(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> Result<bool> {
        if self.kernel.is_forked() {
            // The parent's agent is not the child's to close.
            return Ok(true);
        }
        let timeout = decode_timeout(timeout)?.unwrap_or(std::time::Duration::from_secs(30));
        match py.detach(|| self.agent.close(timeout)) {
            // The kernel was closed first; the tasks are dead all the same.
            Err(rejection) if rejection.code() == Code::HandleClosed => Ok(true),
            other => Ok(other?),
        }
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> Result<()> {
        self.close(py, None).map(drop)
    }

    fn __repr__(&self) -> String {
        format!("<LocalAgent {} work_dir='{}'>", self.agent.id(), self.work_dir.display())
    }
}

/// The cpus and memory that this process may use: what a ``LocalAgent`` offers.
#[pyfunction]
pub(crate) fn machine_resources() -> Result<PyResources> {
    Ok(PyResources(machine()?))
}

fn machine() -> Result<Resources> {
    let system = |text: String| Error::from(Rejection::new(Code::System, text));
    let machine = detect(&std::env::temp_dir()).map_err(|error| system(error.to_string()))?;
    let (cpus, mem) = (machine.cpus_milli, machine.mem_mib);
    let text = format!("cpus:{}.{:03};mem:{mem}", cpus / 1000, cpus % 1000);
    text.parse().map_err(|error: tamias::resources::ParseError| system(error.to_string()))
}

/// What was detected, with what was given in its place.
fn replace(detected: &Resources, given: &Resources) -> Result<Resources> {
    let mut sum = detected.filter(|key: &ResourceKey| given.over_all(&key.name).is_none());
    // A zero is dropped on reading, and an agent without cpus is never meant.
    if sum.quantity(&Name::CPUS).is_zero() && given.quantity(&Name::CPUS).is_zero() {
        return Err(reject(Code::BadResources, "resources", "there are no cpus: give some"));
    }
    sum.add(given).map_err(|e| reject(Code::BadResources, "resources", e.to_string()))?;
    Ok(sum)
}

fn decode_on_owner_exit(value: &Bound<'_, PyAny>) -> Result<OnOwnerExit> {
    match text("on_owner_exit", value)?.as_str() {
        "kill" => Ok(OnOwnerExit::Kill),
        "keep" => Ok(OnOwnerExit::Keep),
        other => {
            let shown = tamias::error::shorten(other);
            let message = format!("{shown:?} is neither \"kill\" nor \"keep\"");
            Err(reject(Code::Malformed, "on_owner_exit", message))
        }
    }
}
