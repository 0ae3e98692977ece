//! The framework's handle.

use std::str::FromStr;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use tamias::command::{
    Accept, AcceptInverseOffers, Acknowledge, Command, Decline, DeclineInverseOffers, Kill,
    Reconcile, ReconcileTask, Revive, SendMessage, Subscribe, Suppress, TaskSpec, Teardown,
    UpdateFramework,
};
use tamias::ids::{FrameworkId, InverseOfferId, OfferId};
use tamias::options::OnInvalid;
use tamias::value::Capability;
use tamias::{Code, Kernel, Nanos, Rejection, Reply};

use crate::classes::{classes, text as id_text};
use crate::convert::{
    bytes, entries, maybe_nanos, maybe_text, parsed, text, texts, uuid, wrong_type,
};
use crate::errors::{Result, reject};
use crate::events::outcome;
use crate::session::{Handle, event_methods, session_methods};
use crate::tasks::{reference, specs};

/// A subscribed framework. Closing it disconnects it: it may come back within its failover
/// timeout, by name or id. Made by ``Kernel.subscribe()``.
#[pyclass(frozen, weakref, module = "tamias", name = "Framework")]
pub(crate) struct PyFramework {
    pub(crate) handle: Handle,
    id: FrameworkId,
    name: Option<Box<str>>,
    roles: Vec<Box<str>>,
    resubscribed: bool,
}

impl PyFramework {
    pub(crate) fn subscribe(
        py: Python<'_>,
        kernel: &Kernel,
        command: Subscribe,
        principal: Option<Box<str>>,
    ) -> Result<Self> {
        let (name, roles) = (command.name.clone(), command.roles.clone());
        let framework = py.detach(|| kernel.subscribe_as(command, principal))?;
        let (id, resubscribed) = (framework.id(), framework.is_resubscribed());
        Ok(Self { handle: Handle::new(framework), id, name, roles, resubscribed })
    }

    fn answer<'py>(&self, py: Python<'py>, command: Command) -> Result<Bound<'py, PyList>> {
        let Reply::Answered { gone } = self.handle.enter(py, command)? else {
            return Err(defect("an answer to inverse offers gave no answer").into());
        };
        let class = &classes(py)?.inverse_offer_id;
        let list = PyList::empty(py);
        for offer in &gone {
            list.append(id_text(py, class, offer)?)?;
        }
        Ok(list)
    }

    fn use_offers<'py>(
        &self,
        py: Python<'py>,
        offers: &Bound<'py, PyAny>,
        tasks: Vec<TaskSpec>,
        refuse_seconds: Option<Nanos>,
        on_invalid: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>> {
        let operations = if tasks.is_empty() { vec![] } else { vec![tasks.into()] };
        let command = Accept {
            offers: offer_ids(offers)?,
            operations,
            refuse_seconds,
            on_invalid: on_invalid.map(decode_on_invalid).transpose()?,
        };
        let Reply::Accepted { tasks, .. } = self.handle.enter(py, command)? else {
            return Err(defect("accept gave no outcomes").into());
        };
        let list = PyList::empty(py);
        for task in &tasks {
            list.append(outcome(py, task)?)?;
        }
        Ok(list)
    }
}

#[pymethods]
impl PyFramework {
    /// Its id.
    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        id_text(py, &classes(py)?.framework_id, &self.id)
    }

    /// Its name, if it has one.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The roles it subscribed with.
    #[getter]
    fn roles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.roles.iter().map(|role| &**role))
    }

    /// Whether it was known before and taken over.
    #[getter]
    fn is_resubscribed(&self) -> bool {
        self.resubscribed
    }

    /// Launches tasks on offers of one agent and role; the rest of the offers is free again. One
    /// outcome per task.
    #[pyo3(signature = (offers, tasks, *, refuse_seconds=None, on_invalid=None))]
    fn launch<'py>(
        &self,
        py: Python<'py>,
        offers: &Bound<'py, PyAny>,
        tasks: &Bound<'py, PyAny>,
        refuse_seconds: Option<&Bound<'py, PyAny>>,
        on_invalid: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>> {
        let refuse = maybe_nanos("refuse_seconds", refuse_seconds)?;
        self.use_offers(py, offers, specs(tasks)?, refuse, on_invalid)
    }

    /// Uses offers of one agent and role; without anything to launch it is a decline that must
    /// succeed.
    #[pyo3(signature = (offers, *, launch=None, refuse_seconds=None, on_invalid=None))]
    fn accept<'py>(
        &self,
        py: Python<'py>,
        offers: &Bound<'py, PyAny>,
        launch: Option<&Bound<'py, PyAny>>,
        refuse_seconds: Option<&Bound<'py, PyAny>>,
        on_invalid: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>> {
        let tasks = launch.map(specs).transpose()?.unwrap_or_default();
        let refuse = maybe_nanos("refuse_seconds", refuse_seconds)?;
        self.use_offers(py, offers, tasks, refuse, on_invalid)
    }

    /// Gives offers back; the same or less is not offered again for a while. Returns those that
    /// were gone already.
    #[pyo3(signature = (offers, *, refuse_seconds=None))]
    fn decline<'py>(
        &self,
        py: Python<'py>,
        offers: &Bound<'py, PyAny>,
        refuse_seconds: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>> {
        let refuse_seconds = maybe_nanos("refuse_seconds", refuse_seconds)?;
        let command = Decline { offers: offer_ids(offers)?, refuse_seconds };
        let Reply::Declined { gone } = self.handle.enter(py, command)? else {
            return Err(defect("decline gave no answer").into());
        };
        let class = &classes(py)?.offer_id;
        let list = PyList::empty(py);
        for offer in &gone {
            list.append(id_text(py, class, offer)?)?;
        }
        Ok(list)
    }

    /// Says that the agents of inverse offers may go; not asked again for a while. Returns those
    /// that had ended already.
    #[pyo3(signature = (inverse_offers, *, refuse_seconds=None))]
    fn accept_inverse_offers<'py>(
        &self,
        py: Python<'py>,
        inverse_offers: &Bound<'py, PyAny>,
        refuse_seconds: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>> {
        let refuse_seconds = maybe_nanos("refuse_seconds", refuse_seconds)?;
        let inverse_offers = inverse_offer_ids(inverse_offers)?;
        self.answer(py, AcceptInverseOffers { inverse_offers, refuse_seconds }.into())
    }

    /// Says that they may not go; not asked again for a while. Returns those that had ended
    /// already.
    #[pyo3(signature = (inverse_offers, *, refuse_seconds=None))]
    fn decline_inverse_offers<'py>(
        &self,
        py: Python<'py>,
        inverse_offers: &Bound<'py, PyAny>,
        refuse_seconds: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>> {
        let refuse_seconds = maybe_nanos("refuse_seconds", refuse_seconds)?;
        let inverse_offers = inverse_offer_ids(inverse_offers)?;
        self.answer(py, DeclineInverseOffers { inverse_offers, refuse_seconds }.into())
    }

    /// Drops the filters of these roles, or of all, and wants offers again.
    #[pyo3(signature = (roles=None))]
    fn revive(&self, py: Python<'_>, roles: Option<&Bound<'_, PyAny>>) -> Result<()> {
        self.handle.enter(py, Revive { roles: some_roles(roles)? }).map(drop)
    }

    /// Wants no offers in these roles, or in any, until it revives.
    #[pyo3(signature = (roles=None))]
    fn suppress(&self, py: Python<'_>, roles: Option<&Bound<'_, PyAny>>) -> Result<()> {
        self.handle.enter(py, Suppress { roles: some_roles(roles)? }).map(drop)
    }

    /// Has a task killed, with that grace or the task's own.
    #[pyo3(signature = (task, *, kill_grace_seconds=None))]
    fn kill(
        &self,
        py: Python<'_>,
        task: &Bound<'_, PyAny>,
        kill_grace_seconds: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let kill_grace_seconds = maybe_nanos("kill_grace_seconds", kill_grace_seconds)?;
        let task = reference("task", task)?;
        self.handle.enter(py, Kill { task, kill_grace_seconds }).map(drop)
    }

    /// Confirms a status update: ``acknowledge(status)``, or ``acknowledge(task, uuid)``. A status
    /// without a uuid needs none, and nothing is done.
    #[pyo3(signature = (task, uuid=None))]
    fn acknowledge(
        &self,
        py: Python<'_>,
        task: &Bound<'_, PyAny>,
        uuid: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let status = task.is_instance(classes(py)?.task_status.bind(py))?;
        let command = match (status, uuid) {
            (true, None) => {
                let uuid = task.getattr("uuid")?;
                if uuid.is_none() {
                    return Ok(());
                }
                let id = task.getattr("task")?;
                let task = if id.is_none() { task.getattr("name")? } else { id };
                Acknowledge { task: reference("task", &task)?, uuid: self::uuid("uuid", &uuid)? }
            }
            (false, Some(uuid)) => {
                Acknowledge { task: reference("task", task)?, uuid: self::uuid("uuid", uuid)? }
            }
            (true, Some(_)) => {
                return Err(wrong_type("task", "a task's id or name beside a uuid", task));
            }
            (false, None) => {
                return Err(wrong_type("task", "a TaskStatus, or a task and a uuid", task));
            }
        };
        self.handle.enter(py, command).map(drop)
    }

    /// Asks for the state of tasks, each a task or a pair of task and agent; none means all.
    #[pyo3(signature = (tasks=None))]
    fn reconcile(&self, py: Python<'_>, tasks: Option<&Bound<'_, PyAny>>) -> Result<()> {
        let mut list = Vec::new();
        if let Some(tasks) = tasks {
            for (index, item) in entries("tasks", "a list of tasks", tasks)?.iter().enumerate() {
                list.push(to_reconcile(index, item).map_err(|error| error.entry(index))?);
            }
            if list.is_empty() {
                // Nothing asked is nothing answered; to the kernel an empty list means all.
                return Ok(());
            }
        }
        self.handle.enter(py, Reconcile { tasks: list }).map(drop)
    }

    /// Says something to an executor of the framework, or to a task without one. Returns whether
    /// the driver of its agent was there to be told; it is not said again.
    fn send_message(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        executor: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
    ) -> Result<bool> {
        let (agent, executor) = (parsed("agent", agent)?, text("executor", executor)?.into());
        let command = SendMessage { agent, executor, data: bytes("data", data)? };
        Ok(matches!(self.handle.enter(py, command)?, Reply::Sent { delivered: true }))
    }

    /// Replaces what the framework says about itself.
    #[pyo3(signature = (
        *, roles, name=None, suppressed_roles=None, failover_timeout_seconds=None,
        capabilities=None
    ))]
    fn update(
        &self,
        py: Python<'_>,
        roles: &Bound<'_, PyAny>,
        name: Option<&Bound<'_, PyAny>>,
        suppressed_roles: Option<&Bound<'_, PyAny>>,
        failover_timeout_seconds: Option<&Bound<'_, PyAny>>,
        capabilities: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let timeout = failover_timeout_seconds;
        let info = subscription(roles, name, None, suppressed_roles, timeout, capabilities)?;
        self.handle.enter(py, UpdateFramework(info)).map(drop)
    }

    /// Removes the framework: its tasks are killed, its id never comes back. Closes the handle.
    fn teardown(&self, py: Python<'_>) -> Result<()> {
        self.handle.enter(py, Teardown::default())?;
        self.handle.close(py)
    }

    fn __repr__(&self) -> String {
        let name = self.name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
        self.handle.repr(&format!("Framework {}{name} roles={:?}", self.id, self.roles))
    }
}

session_methods!(PyFramework);
event_methods!(PyFramework);

fn defect(text: &str) -> Rejection {
    Rejection::new(Code::Defect, text)
}

/// A subscription from the arguments of `Kernel.subscribe`.
pub(crate) fn subscription(
    roles: &Bound<'_, PyAny>,
    name: Option<&Bound<'_, PyAny>>,
    framework: Option<&Bound<'_, PyAny>>,
    suppressed_roles: Option<&Bound<'_, PyAny>>,
    failover_timeout_seconds: Option<&Bound<'_, PyAny>>,
    capabilities: Option<&Bound<'_, PyAny>>,
) -> Result<Subscribe> {
    let suppressed = suppressed_roles.map(|roles| texts("suppressed_roles", roles));
    Ok(Subscribe {
        framework: framework.map(|id| parsed("framework", id)).transpose()?,
        name: maybe_text("name", name)?,
        roles: texts("roles", roles)?,
        suppressed_roles: suppressed.transpose()?.unwrap_or_default(),
        failover_timeout_seconds: maybe_nanos(
            "failover_timeout_seconds",
            failover_timeout_seconds,
        )?,
        capabilities: capabilities.map(decode_capabilities).transpose()?,
        ..Subscribe::default()
    })
}

fn decode_capabilities(value: &Bound<'_, PyAny>) -> Result<Vec<Capability>> {
    let mut list = Vec::new();
    for (index, name) in texts("capabilities", value)?.into_iter().enumerate() {
        let known = serde_json::from_value(serde_json::Value::String(name.into()));
        list.push(known.map_err(|error: serde_json::Error| {
            let field = format!("capabilities[{index}]");
            reject(Code::Malformed, &field, error.to_string()).entry(index)
        })?);
    }
    Ok(list)
}

fn some_roles(roles: Option<&Bound<'_, PyAny>>) -> Result<Vec<Box<str>>> {
    roles.map(|roles| texts("roles", roles)).transpose().map(Option::unwrap_or_default)
}

/// Offers or their ids, one alone or a list.
fn offer_ids(value: &Bound<'_, PyAny>) -> Result<Vec<OfferId>> {
    ids("offers", "Offer", classes(value.py())?.offer.bind(value.py()), value)
}

fn inverse_offer_ids(value: &Bound<'_, PyAny>) -> Result<Vec<InverseOfferId>> {
    let class = classes(value.py())?.inverse_offer.bind(value.py());
    ids("inverse_offers", "InverseOffer", class, value)
}

/// Objects of a class or their ids: one alone, or a list.
fn ids<I: FromStr<Err: std::fmt::Display>>(
    field: &str,
    name: &str,
    class: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> Result<Vec<I>> {
    let expected = format!("an {name}, an {name}Id, or a list of them");
    let one = |index: usize, item: &Bound<'_, PyAny>| -> Result<I> {
        let field = format!("{field}[{index}]");
        let id = if item.is_instance(class)? { &item.getattr("id")? } else { item };
        if !id.is_instance_of::<PyString>() {
            return Err(wrong_type(&field, &format!("an {name} or an {name}Id"), id));
        }
        parsed(&field, id).map_err(|error| error.entry(index))
    };
    if value.is_instance_of::<PyString>() || value.is_instance(class)? {
        return Ok(vec![one(0, value)?]);
    }
    let items = entries(field, &expected, value)?;
    items.iter().enumerate().map(|(index, item)| one(index, item)).collect()
}

fn decode_on_invalid(value: &Bound<'_, PyAny>) -> Result<OnInvalid> {
    match text("on_invalid", value)?.as_str() {
        "reject" => Ok(OnInvalid::Reject),
        "report" => Ok(OnInvalid::Report),
        other => {
            let shown = tamias::error::shorten(other);
            let message = format!("{shown:?} is neither \"reject\" nor \"report\"");
            Err(reject(Code::Malformed, "on_invalid", message))
        }
    }
}

fn to_reconcile(index: usize, item: &Bound<'_, PyAny>) -> Result<ReconcileTask> {
    let place = |part: &str| format!("tasks[{index}].{part}");
    if let Ok(pair) = item.cast::<PyTuple>() {
        let Ok((task, agent)) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() else {
            return Err(wrong_type(&format!("tasks[{index}]"), "a pair (task, agent)", item));
        };
        let agent = Some(parsed(&place("agent"), &agent)?);
        return Ok(ReconcileTask { task: reference(&place("task"), &task)?, agent });
    }
    Ok(ReconcileTask { task: reference(&place("task"), item)?, agent: None })
}
