//! Sessions: who may send commands, in which capacity.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::command::SessionKind;
use crate::ids::{AgentId, FrameworkId};

/// An open session.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Session {
    /// In which capacity it speaks.
    #[n(0)]
    pub kind: SessionKind,
    /// Whom it speaks for.
    #[n(1)]
    pub principal: Option<Box<str>>,
    /// Of a framework session: its framework, once subscribed.
    #[n(2)]
    pub framework: Option<FrameworkId>,
    /// Whether another session took its framework over.
    #[n(3)]
    pub superseded: bool,
    /// Of an agent session: its connected agents.
    #[n(4)]
    pub agents: BTreeSet<AgentId>,
}

impl Session {
    /// A session that has done nothing yet.
    pub fn new(kind: SessionKind, principal: Option<Box<str>>) -> Self {
        Self { kind, principal, framework: None, superseded: false, agents: BTreeSet::new() }
    }
}
