//! The operator's handle: weights, agents in and out of service, teardown.

use std::ops::Deref;

use super::session::Session;
use crate::command::{
    Allocate, DeactivateAgent, ReactivateAgent, RemoveAgent, RoleWeight, Teardown, UpdateWeights,
};
use crate::error::Rejection;
use crate::ids::{AgentId, FrameworkId};
use crate::resources::Amount;

/// An operator session. Thread-safe.
#[derive(Debug)]
pub struct Operator(Session);

impl Operator {
    pub(super) fn new(session: Session) -> Self {
        Self(session)
    }

    /// Sets the weight of a role, 0.001 to 1000.
    pub fn set_weight(&self, role: &str, weight: Amount) -> Result<(), Rejection> {
        let weights = vec![RoleWeight { role: role.into(), weight }];
        self.call(UpdateWeights { weights }).map(|_| ())
    }

    /// Takes an agent out of service; its tasks run on.
    pub fn deactivate_agent(&self, agent: AgentId) -> Result<(), Rejection> {
        self.call(DeactivateAgent { agent }).map(|_| ())
    }

    /// Takes it into service again.
    pub fn reactivate_agent(&self, agent: AgentId) -> Result<(), Rejection> {
        self.call(ReactivateAgent { agent }).map(|_| ())
    }

    /// Removes an agent for good.
    pub fn remove_agent(&self, agent: AgentId) -> Result<(), Rejection> {
        self.call(RemoveAgent { agent }).map(|_| ())
    }

    /// Removes a framework and has its tasks killed.
    pub fn teardown(&self, framework: FrameworkId) -> Result<(), Rejection> {
        self.call(Teardown { framework: Some(framework) }).map(|_| ())
    }

    /// Runs an allocation over these agents in this order, over all if none is listed.
    pub fn allocate(&self, agents: Vec<AgentId>) -> Result<(), Rejection> {
        self.call(Allocate { agents }).map(|_| ())
    }
}

impl Deref for Operator {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}
