//! The operator's handle.

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyMapping};
use tamias::Code;
use tamias::Time;
use tamias::command::{
    AddPool, Allocate, DeactivateAgent, DrainAgent, MaintenanceWindow, MarkAgentGone,
    ReactivateAgent, RemoveAgent, RemovePool, RoleWeight, StartMaintenance, StopMaintenance,
    Teardown, UpdateMaintenanceSchedule, UpdatePool, UpdateWeights,
};

use crate::classes::classes;
use crate::convert::{entries, maybe_nanos, number_text, parsed, text, texts, wrong_type};
use crate::errors::{Result, reject};
use crate::resources::decode;
use crate::session::{Handle, event_methods, session_methods};

/// An operator: weights, quota, reservations, agents in and out of service, teardown; once it
/// watches, it is told what changes. Made by ``Kernel.operator()``.
#[pyclass(frozen, weakref, module = "tamias", name = "Operator")]
pub(crate) struct PyOperator {
    pub(crate) handle: Handle,
}

#[pymethods]
impl PyOperator {
    /// Sets the weight of a role, 0.001 to 1000; 1 is the default.
    fn set_weight(
        &self,
        py: Python<'_>,
        role: &Bound<'_, PyAny>,
        weight: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let weights = vec![role_weight(0, role, weight)?];
        self.handle.enter(py, UpdateWeights { weights }).map(drop)
    }

    /// Sets the weights of several roles, all or none.
    fn set_weights(&self, py: Python<'_>, weights: &Bound<'_, PyAny>) -> Result<()> {
        let Ok(mapping) = weights.cast::<PyMapping>() else {
            return Err(wrong_type("weights", "a mapping of roles to weights", weights));
        };
        let mut weights = Vec::new();
        for (index, pair) in mapping.items()?.iter().enumerate() {
            let (role, weight) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            weights.push(role_weight(index, &role, &weight)?);
        }
        self.handle.enter(py, UpdateWeights { weights }).map(drop)
    }

    /// Takes an agent out of service; its tasks run on.
    fn deactivate_agent(&self, py: Python<'_>, agent: &Bound<'_, PyAny>) -> Result<()> {
        let agent = parsed("agent", agent)?;
        self.handle.enter(py, DeactivateAgent { agent }).map(drop)
    }

    /// Takes it into service again.
    fn reactivate_agent(&self, py: Python<'_>, agent: &Bound<'_, PyAny>) -> Result<()> {
        let agent = parsed("agent", agent)?;
        self.handle.enter(py, ReactivateAgent { agent }).map(drop)
    }

    /// Removes an agent for good; its tasks are lost.
    fn remove_agent(&self, py: Python<'_>, agent: &Bound<'_, PyAny>) -> Result<()> {
        let agent = parsed("agent", agent)?;
        self.handle.enter(py, RemoveAgent { agent }).map(drop)
    }

    /// Declares that an agent is gone and never comes back; its tasks are gone with it.
    fn mark_agent_gone(&self, py: Python<'_>, agent: &Bound<'_, PyAny>) -> Result<()> {
        let agent = parsed("agent", agent)?;
        self.handle.enter(py, MarkAgentGone { agent }).map(drop)
    }

    /// Takes an agent out of service and has its tasks killed, with at most that grace if one is
    /// given. Once nothing is left there it may be reactivated, or it is marked gone.
    #[pyo3(signature = (agent, *, max_grace_seconds=None, mark_gone=false))]
    fn drain_agent(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        max_grace_seconds: Option<&Bound<'_, PyAny>>,
        mark_gone: bool,
    ) -> Result<()> {
        let agent = parsed("agent", agent)?;
        let max_grace_seconds = maybe_nanos("max_grace_seconds", max_grace_seconds)?;
        self.handle.enter(py, DrainAgent { agent, max_grace_seconds, mark_gone }).map(drop)
    }

    /// Replaces the maintenance schedule; those who hold something on its machines are asked
    /// whether these may go.
    fn update_maintenance_schedule(
        &self,
        py: Python<'_>,
        windows: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let windows = entries("windows", "a list of MaintenanceWindow", windows)?;
        let windows = windows.iter().enumerate().map(|(index, item)| {
            window(&format!("windows[{index}]"), item).map_err(|error| error.entry(index))
        });
        let windows = windows.collect::<Result<_>>()?;
        self.handle.enter(py, UpdateMaintenanceSchedule { windows }).map(drop)
    }

    /// Takes scheduled machines down: their agents are removed.
    fn start_maintenance(&self, py: Python<'_>, machines: &Bound<'_, PyAny>) -> Result<()> {
        let machines = texts("machines", machines)?;
        self.handle.enter(py, StartMaintenance { machines }).map(drop)
    }

    /// Takes machines up again, and out of the schedule.
    fn stop_maintenance(&self, py: Python<'_>, machines: &Bound<'_, PyAny>) -> Result<()> {
        let machines = texts("machines", machines)?;
        self.handle.enter(py, StopMaintenance { machines }).map(drop)
    }

    /// Adds resources of the whole cluster that lie on no agent, such as floating licences.
    fn add_pool(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        resources: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let name = text("name", name)?.into();
        let resources = decode("resources", resources)?;
        self.handle.enter(py, AddPool { name, resources }).map(drop)
    }

    /// Replaces what there is of a pool, also with less than what is in use.
    fn update_pool(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        resources: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let name = text("name", name)?.into();
        let resources = decode("resources", resources)?;
        self.handle.enter(py, UpdatePool { name, resources }).map(drop)
    }

    /// Removes a pool of which nobody holds anything.
    fn remove_pool(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> Result<()> {
        let name = text("name", name)?.into();
        self.handle.enter(py, RemovePool { name }).map(drop)
    }

    /// Removes a framework and has its tasks killed.
    fn teardown(&self, py: Python<'_>, framework: &Bound<'_, PyAny>) -> Result<()> {
        let framework = Some(parsed("framework", framework)?);
        self.handle.enter(py, Teardown { framework }).map(drop)
    }

    /// Has agents offered, in this order; all if none is listed.
    #[pyo3(signature = (agents = None))]
    fn allocate(&self, py: Python<'_>, agents: Option<&Bound<'_, PyAny>>) -> Result<()> {
        let agents = agents.map(|agents| agents.try_iter()).transpose()?;
        let mut listed = Vec::new();
        for (index, agent) in agents.into_iter().flatten().enumerate() {
            let place = format!("agents[{index}]");
            listed.push(parsed(&place, &agent?).map_err(|error| error.entry(index))?);
        }
        self.handle.enter(py, Allocate { agents: listed }).map(drop)
    }

    fn __repr__(&self) -> String {
        self.handle.repr("Operator")
    }
}

session_methods!(PyOperator);
event_methods!(PyOperator);

fn window(field: &str, item: &Bound<'_, PyAny>) -> Result<MaintenanceWindow> {
    let class = classes(item.py())?.maintenance_window.bind(item.py());
    if !item.is_instance(class)? {
        return Err(wrong_type(field, "a MaintenanceWindow", item));
    }
    let machines = texts(&format!("{field}.machines"), &item.getattr("machines")?)?;
    let (start, place) = (item.getattr("start_ns")?, format!("{field}.start_ns"));
    if !start.is_instance_of::<PyInt>() {
        return Err(wrong_type(&place, "nanoseconds since the Unix epoch", &start));
    }
    let start = start.extract().map(Time).map_err(|_| {
        reject(Code::BadTime, &place, "is out of range: give nanoseconds of 64 bits")
    })?;
    let duration = item.getattr("duration_seconds")?;
    let duration = Some(&duration).filter(|duration| !duration.is_none());
    let duration_seconds = maybe_nanos(&format!("{field}.duration_seconds"), duration)?;
    Ok(MaintenanceWindow { machines, start, duration_seconds })
}

fn role_weight(
    index: usize,
    role: &Bound<'_, PyAny>,
    weight: &Bound<'_, PyAny>,
) -> Result<RoleWeight> {
    let place = |part: &str| format!("weights[{index}].{part}");
    let role = text(&place("role"), role).map_err(|error| error.entry(index))?.into();
    let Some(number) = number_text(weight)? else {
        return Err(wrong_type(&place("weight"), "a number", weight));
    };
    let weight = number.parse().map_err(|error: tamias::resources::AmountError| {
        reject(Code::BadWeight, &place("weight"), error.to_string()).entry(index)
    })?;
    Ok(RoleWeight { role, weight })
}
