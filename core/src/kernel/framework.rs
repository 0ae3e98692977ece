//! The framework's handle.

use std::ops::Deref;

use super::session::Session;
use crate::command::{
    Accept, AcceptInverseOffers, Acknowledge, AcknowledgeOperation, Command, Decline,
    DeclineInverseOffers, Kill, Reconcile, ReconcileOperation, ReconcileOperations, ReconcileTask,
    Revive, SendMessage, ShutdownExecutor, Subscribe, Suppress, TaskRef, TaskSpec, Teardown,
    UpdateFramework,
};
use crate::error::{Code, Rejection};
use crate::ids::{AgentId, FrameworkId, InverseOfferId, OfferId};
use crate::reply::{OperationOutcome, Reply, TaskOutcome};
use crate::time::Nanos;
use crate::value::{Bytes, Uuid};

/// A subscribed framework. Dropping it disconnects it: it may come back within its failover
/// timeout, by name or id. Thread-safe.
#[derive(Debug)]
pub struct Framework {
    session: Session,
    id: FrameworkId,
    resubscribed: bool,
}

impl Framework {
    pub(super) fn subscribe(session: Session, command: Command) -> Result<Self, Rejection> {
        match session.call(command)? {
            Reply::Subscribed { framework, resubscribed } => {
                Ok(Self { session, id: framework, resubscribed })
            }
            _ => Err(Rejection::new(Code::Defect, "subscribe gave no framework")),
        }
    }

    /// Its id.
    pub fn id(&self) -> FrameworkId {
        self.id
    }

    /// Whether it was known before and taken over.
    pub fn is_resubscribed(&self) -> bool {
        self.resubscribed
    }

    /// Launches tasks on offers of one agent; the rest of the offers is free again.
    pub fn launch(
        &self,
        offers: &[OfferId],
        tasks: Vec<TaskSpec>,
    ) -> Result<Vec<TaskOutcome>, Rejection> {
        let operations = vec![tasks.into()];
        let command = Accept { offers: offers.to_vec(), operations, ..Accept::default() };
        self.accept(command).map(|(tasks, _)| tasks)
    }

    /// Uses offers; one outcome per task, and one per operation on resources.
    pub fn accept(
        &self,
        command: Accept,
    ) -> Result<(Vec<TaskOutcome>, Vec<OperationOutcome>), Rejection> {
        match self.call(command)? {
            Reply::Accepted { tasks, operations } => Ok((tasks, operations)),
            _ => Err(Rejection::new(Code::Defect, "accept gave no outcomes")),
        }
    }

    /// Gives offers back; the same or less is not offered again for `refuse`, or for the kernel's
    /// default. Returns those that were gone already.
    pub fn decline(
        &self,
        offers: &[OfferId],
        refuse: Option<Nanos>,
    ) -> Result<Vec<OfferId>, Rejection> {
        match self.call(Decline { offers: offers.to_vec(), refuse_seconds: refuse })? {
            Reply::Declined { gone } => Ok(gone),
            _ => Err(Rejection::new(Code::Defect, "decline gave no answer")),
        }
    }

    /// Says that the agents of inverse offers may go, and is not asked again for `refuse`. Returns
    /// those that had ended already.
    pub fn accept_inverse_offers(
        &self,
        inverse_offers: &[InverseOfferId],
        refuse: Option<Nanos>,
    ) -> Result<Vec<InverseOfferId>, Rejection> {
        let inverse_offers = inverse_offers.to_vec();
        self.answered(AcceptInverseOffers { inverse_offers, refuse_seconds: refuse }.into())
    }

    /// Says that they may not go; else as [`accept_inverse_offers`](Self::accept_inverse_offers).
    pub fn decline_inverse_offers(
        &self,
        inverse_offers: &[InverseOfferId],
        refuse: Option<Nanos>,
    ) -> Result<Vec<InverseOfferId>, Rejection> {
        let inverse_offers = inverse_offers.to_vec();
        self.answered(DeclineInverseOffers { inverse_offers, refuse_seconds: refuse }.into())
    }

    fn answered(&self, command: Command) -> Result<Vec<InverseOfferId>, Rejection> {
        match self.call(command)? {
            Reply::Answered { gone } => Ok(gone),
            _ => Err(Rejection::new(Code::Defect, "an answer to inverse offers gave no answer")),
        }
    }

    /// Drops the filters of these roles, or of all, and wants offers again.
    pub fn revive(&self, roles: &[&str]) -> Result<(), Rejection> {
        let roles = roles.iter().map(|role| (*role).into()).collect();
        self.call(Revive { roles }).map(|_| ())
    }

    /// Wants no offers in these roles, or in any, until it revives.
    pub fn suppress(&self, roles: &[&str]) -> Result<(), Rejection> {
        let roles = roles.iter().map(|role| (*role).into()).collect();
        self.call(Suppress { roles }).map(|_| ())
    }

    /// Has a task killed, with that grace or the task's own.
    pub fn kill(&self, task: impl Into<TaskRef>, grace: Option<Nanos>) -> Result<(), Rejection> {
        self.call(Kill { task: task.into(), kill_grace_seconds: grace }).map(|_| ())
    }

    /// Confirms a status update.
    pub fn acknowledge(&self, task: impl Into<TaskRef>, uuid: Uuid) -> Result<(), Rejection> {
        self.call(Acknowledge { task: task.into(), uuid }).map(|_| ())
    }

    /// Asks for the state of tasks; none means all.
    pub fn reconcile(&self, tasks: Vec<ReconcileTask>) -> Result<(), Rejection> {
        self.call(Reconcile { tasks }).map(|_| ())
    }

    /// Confirms that it is known how an operation ended; its id is free again.
    pub fn acknowledge_operation(&self, id: &str, uuid: Uuid) -> Result<(), Rejection> {
        self.call(AcknowledgeOperation { id: id.into(), uuid }).map(|_| ())
    }

    /// Asks for the state of operations; none means all.
    pub fn reconcile_operations(
        &self,
        operations: Vec<ReconcileOperation>,
    ) -> Result<(), Rejection> {
        self.call(ReconcileOperations { operations }).map(|_| ())
    }

    /// Says something to an executor of the framework, or to a task without one. Returns whether
    /// the driver of its agent was there to be told; it is not said again.
    pub fn send_message(
        &self,
        agent: AgentId,
        executor: &str,
        data: impl Into<Vec<u8>>,
    ) -> Result<bool, Rejection> {
        let data = Bytes(data.into());
        delivered(&self.call(SendMessage { agent, executor: executor.into(), data })?)
    }

    /// Has an executor of the framework ended; tasks that it still runs fail.
    pub fn shutdown_executor(&self, agent: AgentId, executor: &str) -> Result<(), Rejection> {
        self.call(ShutdownExecutor { agent, executor: executor.into() }).map(|_| ())
    }

    /// Replaces what the framework says about itself: roles, capabilities, timeout.
    pub fn update(&self, info: Subscribe) -> Result<(), Rejection> {
        self.call(UpdateFramework(info)).map(|_| ())
    }

    /// Removes the framework: its tasks are killed, its id never comes back.
    pub fn teardown(self) -> Result<(), Rejection> {
        self.call(Teardown::default()).map(|_| ())
    }
}

pub(super) fn delivered(reply: &Reply) -> Result<bool, Rejection> {
    match reply {
        Reply::Sent { delivered } => Ok(*delivered),
        _ => Err(Rejection::new(Code::Defect, "a message gave no answer")),
    }
}

impl Deref for Framework {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}
