//! What holds a task to its resources on this machine: probed, reported, never pretended. The
//! supervisor does the probing (`cgroup`), because it is the one that has to live with it.
//!
//! With a writable cgroup v2 subtree that has the `memory` and `cpu` controllers, each task gets
//! a cgroup of its own: memory and cpu of all its processes together are limited. Otherwise
//! `RLIMIT_DATA` bounds the private writable memory that each *single* process of a task may
//! map, and cpu is not limited. `RLIMIT_AS` is not used: it counts address space that a runtime
//! merely reserves, and the JVM and Go reserve gigabytes.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How limits are put into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// A cgroup v2 per task.
    CgroupV2,
    /// Resource limits of each process.
    Rlimits,
}

/// What a limit is enforced on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// The task as a whole.
    Task,
    /// Each process of the task by itself; their sum is not bounded.
    EachProcess,
    /// Nothing.
    Nothing,
}

/// The limits in force, with the reason for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How limits are put into force.
    pub mechanism: Mechanism,
    /// What the memory limit is enforced on.
    pub mem: Enforcement,
    /// What the cpu limit is enforced on.
    pub cpus: Enforcement,
    /// Why it is so, and what would give more.
    pub why: String,
}

impl Limits {
    /// The limits with the cgroups of this subtree, which was tried out.
    pub(crate) fn cgroups(tree: &Path) -> Self {
        Self {
            mechanism: Mechanism::CgroupV2,
            mem: Enforcement::Task,
            cpus: Enforcement::Task,
            why: format!("cgroup v2 subtree {} is writable", tree.display()),
        }
    }

    /// The limits without cgroups, and why there are none.
    pub(crate) fn rlimits(why: &str) -> Self {
        Self {
            mechanism: Mechanism::Rlimits,
            mem: Enforcement::EachProcess,
            cpus: Enforcement::Nothing,
            why: format!(
                "no cgroup v2 to use: {why}; set TAMIAS_CGROUP to an empty delegated cgroup v2 \
                 directory with the memory and cpu controllers to have limits per task"
            ),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mechanism = match self.mechanism {
            Mechanism::CgroupV2 => "cgroup v2",
            Mechanism::Rlimits => "rlimits",
        };
        write!(f, "{mechanism}: mem {}, cpus {} ({})", self.mem, self.cpus, self.why)
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task => "enforced per task",
            Self::EachProcess => "enforced for each process only",
            Self::Nothing => "not enforced",
        })
    }
}
