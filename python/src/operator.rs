//! The operator's handle.

use pyo3::prelude::*;
use pyo3::types::PyMapping;
use tamias::Code;
use tamias::command::{
    Allocate, DeactivateAgent, ReactivateAgent, RemoveAgent, RoleWeight, Teardown, UpdateWeights,
};

use crate::convert::{number_text, parsed, text, wrong_type};
use crate::errors::{Result, reject};
use crate::session::{Handle, session_methods};

/// An operator: weights, agents in and out of service, teardown. Made by ``Kernel.operator()``.
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
