//! The agent driver's handle: the seam between the kernel and what runs tasks.

use pyo3::prelude::*;
use tamias::command::{
    RegisterAgent, RemoveAgent, ReportedTask, ReregisterAgent, SendFrameworkMessage, Update,
    UpdateAgent,
};
use tamias::error::shorten;
use tamias::status::{Reason, Source, TaskState};
use tamias::{Code, Rejection, Reply};

use crate::classes::{classes, text as id_text};
use crate::convert::{attributes, bytes, entries, maybe_text, parsed, text, uuid, wrong_type};
use crate::errors::{Result, reject};
use crate::resources::decode;
use crate::session::{Handle, event_methods, session_methods};

/// A session for one or many agents: told to launch and kill tasks, reports what became of them.
/// Made by ``Kernel.agent_driver()``.
#[pyclass(frozen, weakref, module = "tamias", name = "AgentDriver")]
pub(crate) struct PyAgentDriver {
    pub(crate) handle: Handle,
}

#[pymethods]
impl PyAgentDriver {
    /// Registers a new agent.
    #[pyo3(signature = (resources, *, name=None, attributes=None, ext=None))]
    fn register<'py>(
        &self,
        py: Python<'py>,
        resources: &Bound<'py, PyAny>,
        name: Option<&Bound<'py, PyAny>>,
        attributes: Option<&Bound<'py, PyAny>>,
        ext: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let command = RegisterAgent {
            name: maybe_text("name", name)?,
            resources: decode("resources", resources)?,
            attributes: self::attributes(attributes)?.unwrap_or_default(),
            ext: ext.map(crate::tasks::ext).transpose()?,
            ..RegisterAgent::default()
        };
        registered(py, &self.handle.enter(py, command)?)
    }

    /// Brings a known agent back, named by its id or its name, with the tasks that it has; those
    /// that are not listed are gone.
    #[pyo3(signature = (agent=None, *, name=None, tasks=None, resources=None, attributes=None))]
    fn reregister<'py>(
        &self,
        py: Python<'py>,
        agent: Option<&Bound<'py, PyAny>>,
        name: Option<&Bound<'py, PyAny>>,
        tasks: Option<&Bound<'py, PyAny>>,
        resources: Option<&Bound<'py, PyAny>>,
        attributes: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let command = ReregisterAgent {
            agent: agent.map(|agent| parsed("agent", agent)).transpose()?,
            name: maybe_text("name", name)?,
            resources: resources.map(|given| decode("resources", given)).transpose()?,
            attributes: self::attributes(attributes)?,
            tasks: tasks.map(reported).transpose()?.unwrap_or_default(),
            ..ReregisterAgent::default()
        };
        registered(py, &self.handle.enter(py, command)?)
    }

    /// Changes resources or attributes of an agent.
    #[pyo3(signature = (agent, *, resources=None, attributes=None))]
    fn update_agent(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        resources: Option<&Bound<'_, PyAny>>,
        attributes: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let command = UpdateAgent {
            resources: resources.map(|given| decode("resources", given)).transpose()?,
            attributes: self::attributes(attributes)?,
            ..UpdateAgent::new(parsed("agent", agent)?)
        };
        self.handle.enter(py, command).map(drop)
    }

    /// Reports the state of a task.
    #[pyo3(signature = (
        task, state, *,
        reason=None, message=None, data=None, healthy=None, source=None, uuid=None
    ))]
    #[allow(clippy::too_many_arguments)] // keywords in Python
    fn update(
        &self,
        py: Python<'_>,
        task: &Bound<'_, PyAny>,
        state: &Bound<'_, PyAny>,
        reason: Option<&Bound<'_, PyAny>>,
        message: Option<&Bound<'_, PyAny>>,
        data: Option<&Bound<'_, PyAny>>,
        healthy: Option<bool>,
        source: Option<&Bound<'_, PyAny>>,
        uuid: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let source_named = |value| named("source", value, Source::from_name);
        let reason_named = |value| named("reason", value, Reason::from_name);
        let command = Update {
            task: parsed("task", task)?,
            state: named("state", state, TaskState::from_name)?,
            uuid: uuid.map(|value| self::uuid("uuid", value)).transpose()?,
            source: source.map(source_named).transpose()?,
            reason: reason.map(reason_named).transpose()?,
            message: maybe_text("message", message)?,
            data: data.map(|value| bytes("data", value)).transpose()?,
            healthy,
            check: None,
        };
        self.handle.enter(py, command).map(drop)
    }

    /// Says something to a framework on behalf of an executor, or of a task without one. Returns
    /// whether the framework was there to be told; it is not said again.
    fn send_message(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        framework: &Bound<'_, PyAny>,
        executor: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
    ) -> Result<bool> {
        let command = SendFrameworkMessage {
            agent: parsed("agent", agent)?,
            framework: parsed("framework", framework)?,
            executor: text("executor", executor)?.into(),
            data: bytes("data", data)?,
        };
        Ok(matches!(self.handle.enter(py, command)?, Reply::Sent { delivered: true }))
    }

    /// Removes an agent for good; its tasks are lost.
    fn remove(&self, py: Python<'_>, agent: &Bound<'_, PyAny>) -> Result<()> {
        let agent = parsed("agent", agent)?;
        self.handle.enter(py, RemoveAgent { agent }).map(drop)
    }

    fn __repr__(&self) -> String {
        self.handle.repr("AgentDriver")
    }
}

session_methods!(PyAgentDriver);
event_methods!(PyAgentDriver);

fn registered<'py>(py: Python<'py>, reply: &Reply) -> Result<Bound<'py, PyAny>> {
    match reply {
        Reply::Registered { agent } => Ok(id_text(py, &classes(py)?.agent_id, agent)?),
        _ => Err(Rejection::new(Code::Defect, "the registration gave no agent").into()),
    }
}

/// A member of an enumeration of texts.
fn named<T>(field: &str, value: &Bound<'_, PyAny>, find: impl Fn(&str) -> Option<T>) -> Result<T> {
    let name = text(field, value)?;
    find(&name).ok_or_else(|| {
        let class = match field {
            "state" => "TaskState",
            "source" => "Source",
            _ => "Reason",
        };
        let shown = shorten(&name);
        reject(Code::Malformed, field, format!("{shown:?} is no member of {class}"))
    })
}

fn reported(value: &Bound<'_, PyAny>) -> Result<Vec<ReportedTask>> {
    const EXPECTED: &str = "a mapping of task ids to states, or pairs of them";
    let items = match value.call_method0("items") {
        Ok(items) => items,
        Err(_) => value.clone(),
    };
    let mut list = Vec::new();
    for (index, item) in entries("tasks", EXPECTED, &items)?.iter().enumerate() {
        let Ok((task, state)) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() else {
            return Err(wrong_type(&format!("tasks[{index}]"), "a pair (task, state)", item));
        };
        let place = |part: &str| format!("tasks[{index}].{part}");
        let task = parsed(&place("task"), &task).map_err(|error| error.entry(index))?;
        let state = named("state", &state, TaskState::from_name)
            .map_err(|error| error.within(&format!("tasks[{index}]")).entry(index))?;
        list.push(ReportedTask { task, state });
    }
    Ok(list)
}
