//! The classes of `tamias.types` and `tamias.events`, looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use tamias::status::{Reason, Source, TaskState};

macro_rules! numbered {
    ($enumeration:ty) => {
        <$enumeration>::ALL.iter().map(|item| (item.number(), item.name())).collect()
    };
}

macro_rules! classes {
    ($($module:literal: $($field:ident = $name:literal),*;)*) => {
        /// One field per class.
        pub(crate) struct Classes {
            $($(pub(crate) $field: Py<PyAny>,)*)*
            states: Vec<Option<Py<PyAny>>>,
            sources: Vec<Option<Py<PyAny>>>,
            reasons: Vec<Option<Py<PyAny>>>,
        }

        impl Classes {
            fn load(py: Python<'_>) -> PyResult<Self> {
                $($(let $field = py.import($module)?.getattr($name)?.unbind();)*)*
                let types = py.import("tamias.types")?;
                let enumeration = |name, values| members(&types.getattr(name)?, values);
                let states = enumeration("TaskState", numbered!(TaskState))?;
                let sources = enumeration("Source", numbered!(Source))?;
                let reasons = enumeration("Reason", numbered!(Reason))?;
                Ok(Self { $($($field,)*)* states, sources, reasons })
            }
        }
    };
}

classes! {
    "tamias.types":
        agent_id = "AgentId", framework_id = "FrameworkId", offer_id = "OfferId",
        inverse_offer_id = "InverseOfferId", domain = "Domain",
        unavailability = "Unavailability",
        maintenance_window = "MaintenanceWindow", inverse_offer = "InverseOffer",
        task_id = "TaskId", session_id = "SessionId", update_id = "UpdateId",
        rescind_reason = "RescindReason", end_reason = "EndReason",
        manual_clock = "ManualClock", ext = "Ext", offer = "Offer",
        task_status = "TaskStatus", task_outcome = "TaskOutcome",
        task_command = "_task_command", task_spec = "_task_spec",
        task_spec_class = "TaskSpec";
    "tamias.events":
        offer_received = "OfferReceived", offer_rescinded = "OfferRescinded",
        inverse_offer_received = "InverseOfferReceived",
        inverse_offer_rescinded = "InverseOfferRescinded",
        task_updated = "TaskUpdated", agent_lost = "AgentLost",
        subscription_ended = "SubscriptionEnded", launch_task = "LaunchTask",
        kill_task = "KillTask", update_acknowledged = "UpdateAcknowledged",
        agent_removed = "AgentRemoved", resync = "Resync",
        message_received = "MessageReceived", other_event = "OtherEvent",
        launch_executor = "LaunchExecutor", launch_group = "LaunchGroup",
        shutdown_executor = "ShutdownExecutor", executor_lost = "ExecutorLost",
        checkpoint = "Checkpoint", snapshot = "Snapshot", entry = "Entry",
        changed = "Changed", became = "Became";
    "tamias.journal": replayed_journal = "ReplayedJournal";
    "decimal": decimal = "Decimal";
    "datetime": timedelta = "timedelta";
}

static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();

/// The members of an enumeration by their numbers.
fn members(
    class: &Bound<'_, PyAny>,
    values: Vec<(u8, &'static str)>,
) -> PyResult<Vec<Option<Py<PyAny>>>> {
    let mut members = Vec::new();
    for (number, name) in values {
        let place = usize::from(number);
        members.resize_with(members.len().max(place + 1), || None);
        members[place] = Some(class.call1((name,))?.unbind());
    }
    Ok(members)
}

/// The classes, imported at the first call.
pub(crate) fn classes(py: Python<'_>) -> PyResult<&'static Classes> {
    CLASSES.get_or_try_init(py, || Classes::load(py))
}

fn member<'py>(
    py: Python<'py>,
    members: &[Option<Py<PyAny>>],
    number: u8,
) -> Option<Bound<'py, PyAny>> {
    members.get(usize::from(number))?.as_ref().map(|member| member.bind(py).clone())
}

impl Classes {
    pub(crate) fn state<'py>(
        &self,
        py: Python<'py>,
        state: TaskState,
    ) -> Option<Bound<'py, PyAny>> {
        member(py, &self.states, state.number())
    }

    pub(crate) fn source<'py>(&self, py: Python<'py>, source: Source) -> Option<Bound<'py, PyAny>> {
        member(py, &self.sources, source.number())
    }

    pub(crate) fn reason<'py>(
        &self,
        py: Python<'py>,
        reason: Option<Reason>,
    ) -> Option<Bound<'py, PyAny>> {
        member(py, &self.reasons, reason?.number())
    }
}

/// Makes an object from its fields in order.
pub(crate) fn make<'py>(
    py: Python<'py>,
    class: &Py<PyAny>,
    fields: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
) -> PyResult<Bound<'py, PyAny>> {
    class.bind(py).call1(fields.into_pyobject(py)?)
}

/// Makes an id (or a text enumeration) from its text.
pub(crate) fn text<'py>(
    py: Python<'py>,
    class: &Py<PyAny>,
    value: &impl std::fmt::Display,
) -> PyResult<Bound<'py, PyAny>> {
    class.bind(py).call1((value.to_string(),))
}
