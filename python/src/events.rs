//! Events and outcomes as objects of `tamias.events` and `tamias.types`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use tamias::change::{Became, Key, Row};
use tamias::event::{EndReason, Event, InverseOffer, Launch, Offer, RescindReason, TaskStatus};
use tamias::kernel::EventRecord;
use tamias::reply::TaskOutcome;
use tamias::value::{Domain, Unavailability};
use tamias::{Code, Nanos, Rejection};

use crate::classes::{Classes, classes, make, text};
use crate::errors::Error;
use crate::query::from_json;
use crate::resources::PyResources;
use crate::tasks::spec_to_python;

/// A length of time as seconds; for people and timers, not for arithmetic.
#[allow(clippy::cast_precision_loss)] // nanoseconds that a double cannot hold are years away
pub(crate) fn seconds(span: Nanos) -> f64 {
    span.0 as f64 / 1e9
}

/// An event with its identity.
pub(crate) fn event<'py>(py: Python<'py>, record: &EventRecord) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes(py)?;
    let (class, fields) = parts(py, classes, &record.event)?;
    let identity = PyDict::new(py);
    identity.set_item(pyo3::intern!(py, "seq"), record.seq)?;
    identity.set_item(pyo3::intern!(py, "ordinal"), record.ordinal)?;
    class.bind(py).call(fields, Some(&identity))
}

fn parts<'py, 'c>(
    py: Python<'py>,
    classes: &'c Classes,
    event: &Event,
) -> PyResult<(&'c Py<PyAny>, Bound<'py, PyTuple>)> {
    let agent_id = |id| text(py, &classes.agent_id, id);
    let task_id = |id| text(py, &classes.task_id, id);
    Ok(match event {
        Event::Offer(offer) => {
            (&classes.offer_received, (offer_to_python(py, offer)?,).into_pyobject(py)?)
        }
        Event::Rescind { offer, reason } => {
            let offer = text(py, &classes.offer_id, offer)?;
            let reason = classes.rescind_reason.bind(py).call1((rescind_reason(*reason),))?;
            (&classes.offer_rescinded, (offer, reason).into_pyobject(py)?)
        }
        Event::Update(status) => {
            (&classes.task_updated, (status_to_python(py, status)?,).into_pyobject(py)?)
        }
        Event::AgentLost { agent } => (&classes.agent_lost, (agent_id(agent)?,).into_pyobject(py)?),
        Event::SubscriptionEnded { reason } => {
            let reason = classes.end_reason.bind(py).call1((end_reason(*reason),))?;
            (&classes.subscription_ended, (reason,).into_pyobject(py)?)
        }
        Event::Launch(launch) => (&classes.launch_task, launch_fields(py, classes, launch)?),
        Event::Kill { agent, task, grace_seconds } => {
            let fields = (agent_id(agent)?, task_id(task)?, seconds(*grace_seconds));
            (&classes.kill_task, fields.into_pyobject(py)?)
        }
        Event::Acknowledged { agent, task, uuid } => {
            let uuid = text(py, &classes.update_id, uuid)?;
            let fields = (agent_id(agent)?, task_id(task)?, uuid);
            (&classes.update_acknowledged, fields.into_pyobject(py)?)
        }
        Event::AgentRemoved { agent } => {
            (&classes.agent_removed, (agent_id(agent)?,).into_pyobject(py)?)
        }
        Event::Checkpoint { agent, resources } => {
            let fields = (agent_id(agent)?, PyResources(resources.clone()));
            (&classes.checkpoint, fields.into_pyobject(py)?)
        }
        Event::InverseOffer(offer) => {
            let offer = inverse_offer_to_python(py, offer)?;
            (&classes.inverse_offer_received, (offer,).into_pyobject(py)?)
        }
        Event::RescindInverseOffer { inverse_offer } => {
            let offer = text(py, &classes.inverse_offer_id, inverse_offer)?;
            (&classes.inverse_offer_rescinded, (offer,).into_pyobject(py)?)
        }
        Event::Resync => (&classes.resync, PyTuple::empty(py)),
        other => return of_executors(py, classes, other),
    })
}

/// Events of executors, groups and messages, and of those who watch.
fn of_executors<'py, 'c>(
    py: Python<'py>,
    classes: &'c Classes,
    event: &Event,
) -> PyResult<(&'c Py<PyAny>, Bound<'py, PyTuple>)> {
    let agent_id = |id| text(py, &classes.agent_id, id);
    let task_id = |id| text(py, &classes.task_id, id);
    Ok(match event {
        Event::Message { agent, framework, executor, data } => {
            let framework = text(py, &classes.framework_id, framework)?;
            let data = PyBytes::new(py, &data.0);
            let fields = (agent_id(agent)?, framework, &**executor, data);
            (&classes.message_received, fields.into_pyobject(py)?)
        }
        Event::LaunchExecutor(launch) => {
            let spec = serde_json::to_string(&*launch.spec).map_err(defect)?;
            let framework = text(py, &classes.framework_id, &launch.framework)?;
            let executor = launch.executor.to_string();
            let fields = (agent_id(&launch.agent)?, executor, framework, &*launch.role, spec);
            (&classes.launch_executor, fields.into_pyobject(py)?)
        }
        Event::LaunchGroup(group) => {
            let mut tasks = Vec::with_capacity(group.tasks.len());
            for task in &group.tasks {
                tasks.push((task_id(&task.task)?, spec_to_python(py, &task.spec)?));
            }
            let framework = text(py, &classes.framework_id, &group.framework)?;
            let executor = group.executor.map(|id| id.to_string());
            let tasks = PyTuple::new(py, tasks)?;
            let fields = (agent_id(&group.agent)?, framework, &*group.role, executor, tasks);
            (&classes.launch_group, fields.into_pyobject(py)?)
        }
        Event::ShutdownExecutor { agent, executor, grace_seconds } => {
            let fields = (agent_id(agent)?, executor.to_string(), seconds(*grace_seconds));
            (&classes.shutdown_executor, fields.into_pyobject(py)?)
        }
        Event::ExecutorLost { agent, executor, id, status, message } => {
            let (agent, id) = (agent_id(agent)?, id.to_string());
            let fields = (agent, &**executor, id, *status, message.as_deref());
            (&classes.executor_lost, fields.into_pyobject(py)?)
        }
        Event::Snapshot(snapshot) => {
            let mut rows = Vec::with_capacity(snapshot.rows.len());
            for entry in &snapshot.rows {
                let (noun, id) = key(py, &entry.key)?;
                rows.push(make(py, &classes.entry, (noun, id, row(py, &entry.row)?))?);
            }
            let fields = (snapshot.part, snapshot.more, PyTuple::new(py, rows)?);
            (&classes.snapshot, fields.into_pyobject(py)?)
        }
        Event::Changed(change) => {
            let became = match change.change {
                Became::Added => "added",
                Became::Updated => "updated",
                Became::Removed => "removed",
            };
            let became = classes.became.bind(py).call1((became,))?;
            let (noun, id) = key(py, &change.key)?;
            let row = change.row.as_deref().map(|shown| row(py, shown)).transpose()?;
            (&classes.changed, (became, noun, id, row).into_pyobject(py)?)
        }
        other => {
            let json = serde_json::to_string(other).map_err(|error| {
                Error::Rejected(Rejection::new(Code::Defect, error.to_string()))
            })?;
            (&classes.other_event, (other.kind(), json).into_pyobject(py)?)
        }
    })
}

/// Noun and id of an object that is watched.
fn key<'py>(py: Python<'py>, key: &Key) -> PyResult<(&'static str, Option<Bound<'py, PyAny>>)> {
    let classes = classes(py)?;
    let id = match key {
        Key::Agent(id) | Key::GoneAgent(id) => Some(text(py, &classes.agent_id, id)?),
        Key::Framework(id) => Some(text(py, &classes.framework_id, id)?),
        Key::Offer(id) => Some(text(py, &classes.offer_id, id)?),
        Key::Task(id) => Some(text(py, &classes.task_id, id)?),
        Key::Executor(id) => Some(id.to_string().into_pyobject(py)?.into_any()),
        Key::Role(name) => Some((&**name).into_pyobject(py)?.into_any()),
        Key::Operation(id) => Some(id.to_string().into_pyobject(py)?.into_any()),
        Key::Pool(name) => Some((&**name).into_pyobject(py)?.into_any()),
        Key::Machine(name) => Some((&**name).into_pyobject(py)?.into_any()),
        _ => None,
    };
    Ok((key.noun().name(), id))
}

/// A row as queries show it.
fn row<'py>(py: Python<'py>, row: &Row) -> PyResult<Bound<'py, PyAny>> {
    let json = serde_json::to_string(row).map_err(defect)?;
    Ok(from_json(py, &json)?)
}

fn defect(error: impl std::fmt::Display) -> Error {
    Error::Rejected(Rejection::new(Code::Defect, error.to_string()))
}

fn launch_fields<'py>(
    py: Python<'py>,
    classes: &Classes,
    launch: &Launch,
) -> PyResult<Bound<'py, PyTuple>> {
    let fields = (
        text(py, &classes.agent_id, &launch.agent)?,
        text(py, &classes.task_id, &launch.task)?,
        text(py, &classes.framework_id, &launch.framework)?,
        &*launch.role,
        spec_to_python(py, &launch.spec)?,
        launch.executor.map(|id| id.to_string()),
    );
    fields.into_pyobject(py)
}

fn offer_to_python<'py>(py: Python<'py>, offer: &Offer) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes(py)?;
    let fields = (
        text(py, &classes.offer_id, &offer.offer)?,
        text(py, &classes.agent_id, &offer.agent)?,
        offer.agent_name.as_deref(),
        &*offer.role,
        PyResources(offer.resources.clone()),
        PyTuple::new(py, offer.attributes.iter().collect::<Vec<_>>())?,
        offer.expires.map(|time| time.0),
        offer.hostname.as_deref(),
        offer.domain.as_deref().map(|domain| domain_to_python(py, domain)).transpose()?,
        offer.unavailability.map(|window| unavailability_to_python(py, window)).transpose()?,
    );
    make(py, &classes.offer, fields)
}

fn domain_to_python<'py>(py: Python<'py>, domain: &Domain) -> PyResult<Bound<'py, PyAny>> {
    make(py, &classes(py)?.domain, (&*domain.region, &*domain.zone))
}

fn unavailability_to_python(py: Python<'_>, window: Unavailability) -> PyResult<Bound<'_, PyAny>> {
    let fields = (window.start.0, window.duration_seconds.map(seconds));
    make(py, &classes(py)?.unavailability, fields)
}

fn inverse_offer_to_python<'py>(
    py: Python<'py>,
    offer: &InverseOffer,
) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes(py)?;
    let fields = (
        text(py, &classes.inverse_offer_id, &offer.inverse_offer)?,
        text(py, &classes.agent_id, &offer.agent)?,
        offer.agent_name.as_deref(),
        offer.hostname.as_deref(),
        unavailability_to_python(py, offer.unavailability)?,
        offer.expires.map(|time| time.0),
    );
    make(py, &classes.inverse_offer, fields)
}

fn status_to_python<'py>(py: Python<'py>, status: &TaskStatus) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes(py)?;
    let task = status.task.map(|id| text(py, &classes.task_id, &id)).transpose()?;
    let agent = status.agent.map(|id| text(py, &classes.agent_id, &id)).transpose()?;
    let uuid = status.uuid.map(|uuid| text(py, &classes.update_id, &uuid)).transpose()?;
    let fields = (
        (&*status.name).into_pyobject(py)?.into_any(),
        task.into_pyobject(py)?,
        classes.state(py, status.state).into_pyobject(py)?,
        classes.source(py, status.source).into_pyobject(py)?,
        classes.reason(py, status.reason).into_pyobject(py)?,
        status.message.as_deref().into_pyobject(py)?,
        agent.into_pyobject(py)?,
        uuid.into_pyobject(py)?,
        status.time.0.into_pyobject(py)?.into_any(),
        status.unreachable_time.map(|time| time.0).into_pyobject(py)?,
        status.healthy.into_pyobject(py)?,
        status.data.as_ref().map(|data| PyBytes::new(py, &data.0)).into_pyobject(py)?,
    );
    make(py, &classes.task_status, fields)
}

/// What became of one task of an accept.
pub(crate) fn outcome<'py>(py: Python<'py>, outcome: &TaskOutcome) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes(py)?;
    let fields = (
        &*outcome.name,
        outcome.task.map(|id| text(py, &classes.task_id, &id)).transpose()?,
        classes.state(py, outcome.state),
        classes.reason(py, outcome.reason),
        outcome.message.as_deref(),
    );
    make(py, &classes.task_outcome, fields)
}

const fn rescind_reason(reason: RescindReason) -> &'static str {
    match reason {
        RescindReason::Timeout => "timeout",
        RescindReason::AgentInactive => "agent_inactive",
        RescindReason::RoleRemoved => "role_removed",
        RescindReason::WeightsUpdated => "weights_updated",
        RescindReason::Unavailability => "unavailability",
        RescindReason::Operation => "operation",
        RescindReason::QuotaUpdated => "quota_updated",
        RescindReason::ResourcesChanged => "resources_changed",
        _ => "unknown",
    }
}

const fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::FailedOver => "failed_over",
        EndReason::TornDown => "torn_down",
        _ => "unknown",
    }
}
