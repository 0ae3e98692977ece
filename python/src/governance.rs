//! What operators decide beside agents: quota, policy, reservations and volumes; and watching.

use pyo3::prelude::*;
use pyo3::types::{PyMapping, PyString};
use serde_json::{Map, Value as Json, json};
use tamias::Command;
use tamias::command::{
    CreateVolumes, DestroyVolumes, GrowVolume, ReserveResources, ShrinkVolume, UnreserveResources,
    Unwatch,
};

use crate::convert::{number_text, parsed, text, texts, wrong_type};
use crate::errors::Result;
use crate::operator::PyOperator;
use crate::resources::decode;

#[pymethods]
impl PyOperator {
    /// Has this session told all there is, as ``Snapshot`` events, and from then on each change, as
    /// ``Changed``: of these nouns, or of everything. Again, it begins anew.
    #[pyo3(signature = (nouns=None))]
    fn watch(&self, py: Python<'_>, nouns: Option<&Bound<'_, PyAny>>) -> Result<()> {
        let mut fields = Map::new();
        if let Some(nouns) = nouns {
            fields.insert("nouns".to_owned(), json!(texts("nouns", nouns)?));
        }
        self.send(py, "watch", fields)
    }

    /// Tells this session nothing more of that.
    fn unwatch(&self, py: Python<'_>) -> Result<()> {
        self.handle.enter(py, Unwatch {}).map(drop)
    }

    /// Replaces what a role is guaranteed and limited to, such as ``{"cpus": 8}``; without both its
    /// quota is gone. With ``force`` the checks against what there is are left out.
    #[pyo3(signature = (role, *, guarantees=None, limits=None, force=false))]
    fn update_quota(
        &self,
        py: Python<'_>,
        role: &Bound<'_, PyAny>,
        guarantees: Option<&Bound<'_, PyAny>>,
        limits: Option<&Bound<'_, PyAny>>,
        force: bool,
    ) -> Result<()> {
        let mut quota = Map::new();
        quota.insert("role".to_owned(), text("role", role)?.into());
        for (field, given) in [("guarantees", guarantees), ("limits", limits)] {
            if let Some(given) = given {
                quota.insert(field.to_owned(), amounts(field, given)?.into());
            }
        }
        let mut fields = Map::new();
        fields.insert("quotas".to_owned(), json!([quota]));
        fields.insert("force".to_owned(), force.into());
        self.send(py, "update_quota", fields)
    }

    /// Replaces the policy. The first rule that is about an action decides, else ``otherwise``.
    #[pyo3(signature = (rules, *, otherwise=true))]
    fn set_policy(&self, py: Python<'_>, rules: &Bound<'_, PyAny>, otherwise: bool) -> Result<()> {
        if rules.is_instance_of::<PyString>() || rules.cast::<PyMapping>().is_ok() {
            return Err(wrong_type("rules", "a list of rules, each a mapping", rules));
        }
        let list = crate::convert::entries("rules", "a list of rules", rules)?;
        let dumped = py.import("json")?.call_method1("dumps", (list,))?;
        let rules: Json = serde_json::from_str(&text("rules", &dumped)?).map_err(|error| {
            crate::errors::reject(tamias::Code::Malformed, "rules", error.to_string())
        })?;
        let mut fields = Map::new();
        fields.insert("rules".to_owned(), rules);
        fields.insert("otherwise".to_owned(), otherwise.into());
        self.send(py, "set_policy", fields)
    }

    /// Reserves resources of an agent: ``"cpus(+dev):2"``. What is there now is plain, unless
    /// ``source`` says how it is reserved.
    #[pyo3(signature = (agent, resources, *, source=None))]
    fn reserve_resources(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        resources: &Bound<'_, PyAny>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let source = source.map(|source| decode("source", source).map(Box::new)).transpose()?;
        let (agent, resources) = (parsed("agent", agent)?, decode("resources", resources)?);
        self.handle.enter(py, ReserveResources { agent, resources, source }).map(drop)
    }

    /// Takes a reservation off resources of an agent, which are given with it.
    fn unreserve_resources(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        resources: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let (agent, resources) = (parsed("agent", agent)?, decode("resources", resources)?);
        self.handle.enter(py, UnreserveResources { agent, resources }).map(drop)
    }

    /// Makes volumes on an agent: ``"disk(+dev)#data<path=data>:64"``.
    fn create_volumes(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        volumes: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let (agent, volumes) = (parsed("agent", agent)?, decode("volumes", volumes)?);
        self.handle.enter(py, CreateVolumes { agent, volumes }).map(drop)
    }

    /// Makes volumes plain disk again; what is on them is lost.
    fn destroy_volumes(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        volumes: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let (agent, volumes) = (parsed("agent", agent)?, decode("volumes", volumes)?);
        self.handle.enter(py, DestroyVolumes { agent, volumes }).map(drop)
    }

    /// Adds disk, reserved like the volume, to a volume.
    fn grow_volume(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        volume: &Bound<'_, PyAny>,
        addition: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let agent = parsed("agent", agent)?;
        let (volume, addition) = (decode("volume", volume)?, decode("addition", addition)?);
        self.handle.enter(py, GrowVolume { agent, volume, addition }).map(drop)
    }

    /// Takes that many MiB off a volume.
    fn shrink_volume(
        &self,
        py: Python<'_>,
        agent: &Bound<'_, PyAny>,
        volume: &Bound<'_, PyAny>,
        subtract: &Bound<'_, PyAny>,
    ) -> Result<()> {
        let (agent, volume) = (parsed("agent", agent)?, decode("volume", volume)?);
        let Some(number) = number_text(subtract)? else {
            return Err(wrong_type("subtract", "a number of MiB", subtract));
        };
        let subtract = number.parse().map_err(|error: tamias::resources::AmountError| {
            crate::errors::reject(tamias::Code::BadResources, "subtract", error.to_string())
        })?;
        self.handle.enter(py, ShrinkVolume { agent, volume, subtract }).map(drop)
    }
}

impl PyOperator {
    /// Sends a command that is read as a line of JSON would be, with the same errors.
    fn send(&self, py: Python<'_>, name: &str, fields: Map<String, Json>) -> Result<()> {
        let command = Command::from_json(name, fields.into())?;
        self.handle.enter(py, command).map(drop)
    }
}

/// Amounts by name as their text form: zero is an amount here, as a limit.
fn amounts(field: &str, value: &Bound<'_, PyAny>) -> Result<String> {
    if value.is_instance_of::<PyString>() {
        return text(field, value);
    }
    let Ok(mapping) = value.cast::<PyMapping>() else {
        return Err(wrong_type(field, "a mapping of names to amounts, or a text", value));
    };
    let mut joined = Vec::new();
    for pair in mapping.items()?.iter() {
        let (name, amount) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let name = text(field, &name)?;
        let Some(number) = number_text(&amount)? else {
            return Err(wrong_type(&format!("{field}.{name}"), "a number", &amount));
        };
        joined.push(format!("{name}:{number}"));
    }
    Ok(joined.join(";"))
}
