//! What an operator who watches is told: all there is, then each change of it.
//!
//! Both come as rows, each under a noun and an id. Whoever keeps a table by these, puts in what
//! comes with a row and takes out what comes without one, has at any time what
//! [`get_state`](crate::query::Query::GetState) would answer.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::command::SetPolicy;
use crate::ids::{AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId};
use crate::row::{
    AgentRow, ExecutorRow, FrameworkRow, GoneRow, MachineStatus, OfferRow, OperationRow, PoolRow,
    RoleRow, TaskRow,
};

/// What can be watched.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Noun {
    /// Roles, with weight and quota.
    #[n(0)]
    Role,
    /// Agents.
    #[n(1)]
    Agent,
    /// Frameworks.
    #[n(2)]
    Framework,
    /// Offers that have not ended.
    #[n(3)]
    Offer,
    /// Live and unreachable tasks.
    #[n(4)]
    Task,
    /// Executors.
    #[n(5)]
    Executor,
    /// Machines in the maintenance schedule.
    #[n(6)]
    Machine,
    /// Agents that were marked gone.
    #[n(7)]
    GoneAgent,
    /// Who may do what.
    #[n(8)]
    Policy,
    /// Pools.
    #[n(9)]
    Pool,
    /// Operations whose outcome is reported and not acknowledged.
    #[n(10)]
    Operation,
}

impl Noun {
    /// All of this version.
    pub const ALL: &'static [Self] = &[
        Self::Role,
        Self::Agent,
        Self::Framework,
        Self::Offer,
        Self::Task,
        Self::Executor,
        Self::Machine,
        Self::GoneAgent,
        Self::Policy,
        Self::Pool,
        Self::Operation,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Agent => "agent",
            Self::Framework => "framework",
            Self::Offer => "offer",
            Self::Task => "task",
            Self::Executor => "executor",
            Self::Machine => "machine",
            Self::GoneAgent => "gone_agent",
            Self::Policy => "policy",
            Self::Pool => "pool",
            Self::Operation => "operation",
        }
    }
}

/// Which object a row is of. The order is that in which changes of one command are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "noun", content = "id", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Key {
    /// A role by its name.
    Role(Arc<str>),
    /// An agent.
    Agent(AgentId),
    /// A framework.
    Framework(FrameworkId),
    /// An offer.
    Offer(OfferId),
    /// A task.
    Task(TaskId),
    /// An executor.
    Executor(ExecutorId),
    /// A machine by its name.
    Machine(Box<str>),
    /// An agent that was marked gone.
    GoneAgent(AgentId),
    /// The policy; there is one.
    Policy,
    /// A pool by its name.
    Pool(Box<str>),
    /// An operation.
    Operation(OperationId),
}

impl Key {
    /// Of what kind the object is.
    #[must_use]
    pub const fn noun(&self) -> Noun {
        match self {
            Self::Role(_) => Noun::Role,
            Self::Agent(_) => Noun::Agent,
            Self::Framework(_) => Noun::Framework,
            Self::Offer(_) => Noun::Offer,
            Self::Task(_) => Noun::Task,
            Self::Executor(_) => Noun::Executor,
            Self::Machine(_) => Noun::Machine,
            Self::GoneAgent(_) => Noun::GoneAgent,
            Self::Policy => Noun::Policy,
            Self::Pool(_) => Noun::Pool,
            Self::Operation(_) => Noun::Operation,
        }
    }
}

/// What is shown of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Row {
    /// A role.
    Role(RoleRow),
    /// An agent. Boxed: it is half as large again as any other row.
    Agent(Box<AgentRow>),
    /// A framework.
    Framework(FrameworkRow),
    /// An offer.
    Offer(OfferRow),
    /// A task.
    Task(TaskRow),
    /// An executor.
    Executor(ExecutorRow),
    /// A machine of the maintenance schedule.
    Machine(MachineStatus),
    /// An agent that was marked gone.
    GoneAgent(GoneRow),
    /// Who may do what.
    Policy(SetPolicy),
    /// A pool.
    Pool(PoolRow),
    /// An operation.
    Operation(OperationRow),
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It is new.
    Added,
    /// Something of its row is different.
    Updated,
    /// It is there no more.
    Removed,
}

/// One object changed by one command, however often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How.
    pub change: Became,
    /// Which.
    #[serde(flatten)]
    pub key: Key,
    /// Its row from now on, unless it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Arc<Row>>,
}

/// A part of all there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Which part, from 0. With the first one everything that was known before is void.
    pub part: u32,
    /// Whether another part follows; nothing comes between.
    pub more: bool,
    /// The rows.
    pub rows: Vec<Entry>,
}

/// An object with its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Which.
    #[serde(flatten)]
    pub key: Key,
    /// Its row.
    pub row: Row,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    #[test]
    fn nouns_are_called_as_in_json() {
        let page = include_str!("../../docs/concepts.md");
        for noun in Noun::ALL {
            assert_eq!(serde_json::to_value(noun).unwrap(), noun.name());
            assert!(page.contains(&format!("`{}`", noun.name())), "{}", noun.name());
        }
    }

    #[test]
    fn a_change_says_of_what() {
        let agent = AgentId::from_parts(0, 1);
        let removed = Change { change: Became::Removed, key: Key::Agent(agent), row: None };
        let text = serde_json::to_string(&removed).unwrap();
        assert_eq!(text, r#"{"change":"removed","noun":"agent","id":"a0.1"}"#);
        let row = Row::Policy(SetPolicy::default());
        let policy = Entry { key: Key::Policy, row };
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(text, r#"{"noun":"policy","row":{"rules":[],"otherwise":true}}"#);
        let keys = [
            Key::Role("r".into()),
            Key::Agent(agent),
            Key::Framework(FrameworkId::from_parts(0, 1)),
            Key::Offer(OfferId::from_parts(0, 1)),
            Key::Task(TaskId::from_parts(0, 1)),
            Key::Executor(ExecutorId::from_parts(0, 1)),
            Key::Machine("m".into()),
            Key::GoneAgent(agent),
            Key::Policy,
            Key::Pool("p".into()),
            Key::Operation(OperationId::from_parts(0, 1)),
        ];
        assert!(keys.is_sorted());
        assert_eq!(keys.iter().map(Key::noun).collect::<Vec<_>>(), Noun::ALL);
        for key in &keys {
            assert_eq!(serde_json::to_value(key).unwrap()["noun"], key.noun().name());
        }
    }
}
