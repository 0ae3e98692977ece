//! The operator's handle: weights, quota, agents in and out of service, maintenance, teardown.

use std::ops::Deref;

use super::session::Session;
use crate::change::Noun;
use crate::command::{
    AddPool, Allocate, DeactivateAgent, DrainAgent, MaintenanceWindow, MarkAgentGone,
    ReactivateAgent, RemoveAgent, RemovePool, RoleQuota, RoleWeight, SetPolicy, StartMaintenance,
    StopMaintenance, Teardown, Unwatch, UpdateMaintenanceSchedule, UpdatePool, UpdateQuota,
    UpdateWeights, Watch,
};
use crate::error::Rejection;
use crate::ids::{AgentId, FrameworkId};
use crate::resources::{Amount, Quantities, ResourceLimits, Resources};
use crate::time::Nanos;

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

    /// Replaces what a role is guaranteed and limited to; empty ones take its quota away.
    pub fn set_quota(
        &self,
        role: &str,
        guarantees: Quantities,
        limits: ResourceLimits,
    ) -> Result<(), Rejection> {
        let quotas = vec![RoleQuota { role: role.into(), guarantees, limits }];
        self.call(UpdateQuota { quotas, force: false }).map(|_| ())
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

    /// Declares that an agent is gone and never comes back; its tasks are gone with it.
    pub fn mark_agent_gone(&self, agent: AgentId) -> Result<(), Rejection> {
        self.call(MarkAgentGone { agent }).map(|_| ())
    }

    /// Takes an agent out of service and has its tasks killed, with at most that grace if one is
    /// given. Once nothing is left there it may be reactivated, or it is marked gone.
    pub fn drain_agent(
        &self,
        agent: AgentId,
        max_grace: Option<Nanos>,
        mark_gone: bool,
    ) -> Result<(), Rejection> {
        self.call(DrainAgent { agent, max_grace_seconds: max_grace, mark_gone }).map(|_| ())
    }

    /// Replaces the maintenance schedule; those who hold something on its machines are asked
    /// whether these may go.
    pub fn update_maintenance_schedule(
        &self,
        windows: Vec<MaintenanceWindow>,
    ) -> Result<(), Rejection> {
        self.call(UpdateMaintenanceSchedule { windows }).map(|_| ())
    }

    /// Takes scheduled machines down: their agents are removed.
    pub fn start_maintenance(&self, machines: &[&str]) -> Result<(), Rejection> {
        let machines = machines.iter().map(|name| (*name).into()).collect();
        self.call(StartMaintenance { machines }).map(|_| ())
    }

    /// Takes machines up again, and out of the schedule.
    pub fn stop_maintenance(&self, machines: &[&str]) -> Result<(), Rejection> {
        let machines = machines.iter().map(|name| (*name).into()).collect();
        self.call(StopMaintenance { machines }).map(|_| ())
    }

    /// Removes a framework and has its tasks killed.
    pub fn teardown(&self, framework: FrameworkId) -> Result<(), Rejection> {
        self.call(Teardown { framework: Some(framework) }).map(|_| ())
    }

    /// Replaces the policy: who may do what for which roles.
    pub fn set_policy(&self, policy: SetPolicy) -> Result<(), Rejection> {
        self.call(policy).map(|_| ())
    }

    /// Adds resources of the whole cluster that lie on no agent, such as floating licences.
    pub fn add_pool(&self, name: &str, resources: Resources) -> Result<(), Rejection> {
        self.call(AddPool { name: name.into(), resources }).map(|_| ())
    }

    /// Replaces what there is of a pool, also with less than what is in use.
    pub fn update_pool(&self, name: &str, resources: Resources) -> Result<(), Rejection> {
        self.call(UpdatePool { name: name.into(), resources }).map(|_| ())
    }

    /// Removes a pool of which nobody holds anything.
    pub fn remove_pool(&self, name: &str) -> Result<(), Rejection> {
        self.call(RemovePool { name: name.into() }).map(|_| ())
    }

    /// Has this session told all there is, as snapshots, and from then on each change: of these
    /// nouns, or of everything if none is listed. [`poll`](Session::poll) gives them. Again, it
    /// begins anew.
    pub fn watch(&self, nouns: &[Noun]) -> Result<(), Rejection> {
        let nouns = (!nouns.is_empty()).then(|| nouns.to_vec());
        self.call(Watch { nouns }).map(|_| ())
    }

    /// Tells this session nothing more of that.
    pub fn unwatch(&self) -> Result<(), Rejection> {
        self.call(Unwatch {}).map(|_| ())
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
