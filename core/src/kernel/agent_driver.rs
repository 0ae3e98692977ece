//! The agent driver's handle: the seam between the kernel and what runs tasks.

use std::ops::Deref;

use super::session::Session;
use crate::command::{
    ExecutorLost, RegisterAgent, RegisterExecutor, RemoveAgent, ReregisterAgent,
    SendFrameworkMessage, Update, UpdateAgent, UpdateOperation,
};
use crate::error::{Code, Rejection};
use crate::ids::{AgentId, ExecutorId};
use crate::reply::Reply;

/// A session for one or many agents. It is told [`Launch`](crate::event::Event::Launch) and
/// [`Kill`](crate::event::Event::Kill), and reports with [`update`](Self::update). Dropping it
/// disconnects its agents. Thread-safe.
#[derive(Debug)]
pub struct AgentDriver(Session);

impl AgentDriver {
    pub(super) fn new(session: Session) -> Self {
        Self(session)
    }

    /// Registers a new agent.
    pub fn register(&self, command: RegisterAgent) -> Result<AgentId, Rejection> {
        registered(&self.call(command)?)
    }

    /// Brings a known agent back, with the tasks that it has.
    pub fn reregister(&self, command: ReregisterAgent) -> Result<AgentId, Rejection> {
        registered(&self.call(command)?)
    }

    /// Changes resources or attributes of an agent.
    pub fn update_agent(&self, command: UpdateAgent) -> Result<(), Rejection> {
        self.call(command).map(|_| ())
    }

    /// Reports the state of a task.
    pub fn update(&self, command: Update) -> Result<(), Rejection> {
        self.call(command).map(|_| ())
    }

    /// Reports what became of an operation.
    pub fn update_operation(&self, command: UpdateOperation) -> Result<(), Rejection> {
        self.call(command).map(|_| ())
    }

    /// Reports that an executor runs.
    pub fn register_executor(&self, executor: ExecutorId) -> Result<(), Rejection> {
        self.call(RegisterExecutor { executor }).map(|_| ())
    }

    /// Reports that an executor is gone; its tasks end with it.
    pub fn executor_lost(&self, command: ExecutorLost) -> Result<(), Rejection> {
        self.call(command).map(|_| ())
    }

    /// Says something to a framework on behalf of an executor, or of a task without one. Returns
    /// whether the framework was there to be told; it is not said again.
    pub fn send_message(&self, message: SendFrameworkMessage) -> Result<bool, Rejection> {
        super::framework::delivered(&self.call(message)?)
    }

    /// Removes an agent for good; its tasks are lost.
    pub fn remove(&self, agent: AgentId) -> Result<(), Rejection> {
        self.call(RemoveAgent { agent }).map(|_| ())
    }
}

fn registered(reply: &Reply) -> Result<AgentId, Rejection> {
    match reply {
        Reply::Registered { agent } => Ok(*agent),
        _ => Err(Rejection::new(Code::Defect, "the registration gave no agent")),
    }
}

impl Deref for AgentDriver {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}
