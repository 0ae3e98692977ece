//! Draining: an agent's tasks are killed, and when all of that is over it is drained, or gone.

use std::ops::Bound;

use super::Machine;
use crate::command::{DrainAgent, SessionKind};
use crate::error::{Code, Rejection};
use crate::event::RescindReason;
use crate::ids::{AgentId, SessionId, TaskId};
use crate::limits::TIMEOUT_MAX;
use crate::reply::Reply;
use crate::state::drain::Drain;
use crate::state::{Agent, Bulk};
use crate::status::{Reason, TaskState};
use crate::time::Nanos;
use crate::value::AgentCapability;

impl Machine<'_> {
    pub(super) fn drain_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &DrainAgent,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        let id = command.agent;
        let max_grace = command.max_grace_seconds;
        if max_grace.is_some_and(|grace| grace < Nanos::ZERO || grace > TIMEOUT_MAX) {
            let text = "out of range: 0 seconds to 100 years";
            return Err(Rejection::new(Code::BadTime, text).at("max_grace_seconds"));
        }
        let reject = |text: String| {
            let rejection = Rejection::new(Code::FailedPrecondition, text);
            Err(rejection.at("agent").id(id.to_u64()))
        };
        if !self.known_agent(id)?.capabilities.has(AgentCapability::AgentDraining) {
            return reject(format!("agent {id} has not the capability AGENT_DRAINING"));
        }
        if self.state.planned(id).is_some() {
            return reject(format!(
                "the machine of agent {id} is in the maintenance schedule: take it out first"
            ));
        }
        if let Some(agent) = self.state.agents.get_mut(id) {
            agent.deactivated = true;
            agent.drain = Some(Drain { max_grace, mark_gone: command.mark_gone, drained: false });
            let kills = Bulk::Drain(id, None);
            if !agent.tasks.is_empty() && !self.state.work.bulk.contains(&kills) {
                self.state.work.bulk.push_back(kills);
            }
        }
        self.end_offers_of_agent(id, RescindReason::AgentInactive);
        self.check_drained(id);
        Ok(Reply::Done)
    }

    /// Kills some of the tasks of a draining agent, those after `last`. Says which was the last, if
    /// there may be more. A kill of what cannot be reached is sent when it can.
    pub(super) fn drain_some(
        &mut self,
        id: AgentId,
        last: Option<TaskId>,
        budget: &mut usize,
    ) -> Option<TaskId> {
        let agent = self.state.agents.get(id).filter(|agent| agent.is_draining())?;
        let drain = agent.drain?;
        let after = (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let some: Vec<_> = agent.tasks.range(after).copied().take(*budget).collect();
        *budget -= some.len();
        for task in &some {
            let own = self.state.tasks.get(*task).and_then(|task| task.kill_grace);
            self.kill_alone(*task, drain.grace_instead_of(own));
        }
        some.last().copied().filter(|_| *budget == 0)
    }

    /// Completes the drain of an agent that is there and on which nothing is left.
    pub(super) fn check_drained(&mut self, id: AgentId) {
        let over = |agent: &&mut Agent| {
            agent.is_draining() && agent.session().is_some() && agent.is_idle()
        };
        let Some(agent) = self.state.agents.get_mut(id).filter(over) else { return };
        let Some(drain) = &mut agent.drain else { return };
        if drain.mark_gone {
            self.agent_is_gone(id);
        } else {
            drain.drained = true;
        }
    }

    /// What becomes of a report from a draining agent: a task that is killed there, is so because
    /// of the drain; and where the agent is to be gone, so is the task, once it has ended.
    pub(super) fn drained_report(
        &self,
        agent: AgentId,
        aware: bool,
        state: TaskState,
        reason: Option<Reason>,
    ) -> (TaskState, Option<Reason>) {
        let agent = self.state.agents.get(agent).filter(|agent| agent.is_draining());
        let Some(drain) = agent.and_then(|agent| agent.drain) else { return (state, reason) };
        match state {
            TaskState::Killed if drain.mark_gone && aware => {
                (TaskState::GoneByOperator, Some(Reason::AgentDraining))
            }
            TaskState::Killed | TaskState::Killing => (state, Some(Reason::AgentDraining)),
            _ => (state, reason),
        }
    }
}
