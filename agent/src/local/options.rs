//! How to start a local agent, in Rust and as the JSON object that other languages send.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tamias::attributes::Attributes;
use tamias::resources::Resources;
use tamias::{Code, Nanos, Rejection};

use crate::{OnOwnerExit, SupervisorOptions};

/// How to start a local agent.
#[derive(Clone, Debug)]
pub struct LocalAgentOptions {
    /// The supervisor's options; the work directory names the agent on this machine.
    pub supervisor: SupervisorOptions,
    /// The agent's name in the kernel, by which it is found again after a restart.
    pub name: String,
    /// What it offers; `None`: the cpus and memory of this machine.
    pub resources: Option<Resources>,
    /// What frameworks may look at.
    pub attributes: Attributes,
}

/// The same as JSON. The names are those of the Rust fields, durations are seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    work_dir: PathBuf,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    resources: Option<Resources>,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    on_owner_exit: OnOwnerExit,
    #[serde(default)]
    kill_grace_seconds: Option<Nanos>,
    #[serde(default)]
    cgroup: Option<PathBuf>,
}

impl LocalAgentOptions {
    /// The whole machine, under the name `local`.
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        Self {
            supervisor: SupervisorOptions::new(work_dir),
            name: "local".to_owned(),
            resources: None,
            attributes: Attributes::default(),
        }
    }

    /// Reads `{"work_dir": "/var/lib/ci", "name": "m1", "resources": "cpus:4;mem:8192",
    /// "attributes": "rack:r1", "on_owner_exit": "kill" | "keep", "kill_grace_seconds": 3,
    /// "executable": "...", "cgroup": "..."}`; only the work directory is needed.
    ///
    /// Errors: [`Code::Malformed`] with the path of the field; [`Code::BadTime`].
    pub fn from_json(text: &str) -> Result<Self, Rejection> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let fields: Fields =
            serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
                let path = error.path().to_string();
                let text = format!("local agent: {}", error.into_inner());
                let rejection = Rejection::new(Code::Malformed, text);
                if path == "." { rejection } else { rejection.at(path) }
            })?;
        if let Err(error) = deserializer.end() {
            return Err(Rejection::new(Code::Malformed, format!("local agent: {error}")));
        }
        let mut options = Self::new(fields.work_dir);
        if let Some(name) = fields.name {
            options.name = name;
        }
        options.resources = fields.resources;
        options.attributes = fields.attributes;
        options.supervisor.executable = fields.executable;
        options.supervisor.on_owner_exit = fields.on_owner_exit;
        options.supervisor.cgroup = fields.cgroup;
        if let Some(grace) = fields.kill_grace_seconds {
            let Ok(nanos) = u64::try_from(grace.0) else {
                let text = "must not be negative: give seconds, 0 or more";
                return Err(Rejection::new(Code::BadTime, text).at("kill_grace_seconds"));
            };
            options.supervisor.kill_grace = Duration::from_nanos(nanos);
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_every_option_and_errors_name_the_field() {
        let text = r#"{"work_dir":"/w","name":"m1","resources":"cpus:1.5","attributes":"a:b",
            "on_owner_exit":"keep","kill_grace_seconds":0.5,"executable":"/x","cgroup":"/g"}"#;
        let options = LocalAgentOptions::from_json(text).unwrap();
        assert_eq!(options.supervisor.work_dir, PathBuf::from("/w"));
        assert_eq!(
            (options.name.as_str(), options.supervisor.on_owner_exit),
            ("m1", OnOwnerExit::Keep)
        );
        assert_eq!(options.supervisor.kill_grace, Duration::from_millis(500));
        assert_eq!(options.resources.unwrap().to_string(), "cpus:1.5");
        let field = |text: &str| LocalAgentOptions::from_json(text).unwrap_err().field().to_owned();
        assert_eq!(field(r#"{"work_dir":"/w","resources":"cpus"}"#), "resources");
        assert_eq!(field(r#"{"work_dir":"/w","kill_grace_seconds":-1}"#), "kill_grace_seconds");
        let error = LocalAgentOptions::from_json("{}").unwrap_err();
        assert!(error.to_string().contains("missing field `work_dir`"), "{error}");
    }
}
