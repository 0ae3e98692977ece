//! Sessions: who may send commands, in which capacity.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::change::Noun;
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
    /// Of an operator session: what it is told the changes of, if it watches.
    #[n(140)]
    pub watch: Option<Watching>,
}

/// What a session watches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Watching {
    /// These nouns; none for all, also those of later versions.
    #[n(0)]
    pub nouns: Option<Vec<Noun>>,
}

impl Watching {
    /// Whether that noun is watched.
    pub fn includes(&self, noun: Noun) -> bool {
        self.nouns.as_ref().is_none_or(|nouns| nouns.contains(&noun))
    }
}

impl Session {
    /// A session that has done nothing yet.
    pub fn new(kind: SessionKind, principal: Option<Box<str>>) -> Self {
        let agents = BTreeSet::new();
        Self { kind, principal, framework: None, superseded: false, agents, watch: None }
    }
}
