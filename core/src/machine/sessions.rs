//! Opening and closing sessions, and what a disconnection means.

use super::{Machine, over_limit};
use crate::command::{OpenSession, SessionKind};
use crate::error::{Code, Rejection};
use crate::event::RescindReason;
use crate::ids::{AgentId, FrameworkId, SessionId};
use crate::limits::OBJECTS_MAX;
use crate::names::check_name;
use crate::reply::Reply;
use crate::state::{Agent, AgentsAwaited, Connection, Liveness, Session, Timer};
use crate::time::Nanos;

impl Machine<'_> {
    pub(super) fn open_session(
        &mut self,
        sender: Option<SessionId>,
        command: &OpenSession,
    ) -> Result<Reply, Rejection> {
        refuse_sender(sender)?;
        if let Some(principal) = &command.principal {
            check_name("principal", principal).map_err(|r| r.at("principal"))?;
        }
        if !self.state.sessions.has_room_for(1) {
            return Err(over_limit("sessions", OBJECTS_MAX + 1, OBJECTS_MAX));
        }
        let session = Session::new(command.kind, command.principal.clone());
        Ok(Reply::SessionOpened { session: self.state.sessions.insert(session) })
    }

    pub(super) fn close_session(&mut self, sender: Option<SessionId>) -> Result<Reply, Rejection> {
        let (id, _) = self.any_sender(sender)?;
        self.end_session(id);
        Ok(Reply::Done)
    }

    /// Nobody is connected to a kernel that was just opened from its journal.
    pub(super) fn restart(&mut self, sender: Option<SessionId>) -> Result<Reply, Rejection> {
        refuse_sender(sender)?;
        let sessions: Vec<_> = self.state.sessions.ids().collect();
        let before = self.effects.len();
        for session in sessions {
            self.end_session(session);
        }
        // They are addressed to sessions that no longer exist.
        self.effects.truncate(before);
        self.hold_allocation();
        Ok(Reply::Done)
    }

    /// Has allocation wait for most of the agents that are away, for the sake of guarantees.
    fn hold_allocation(&mut self) {
        let before = self.state.work.hold.take();
        self.state.timers.cancel(before.map(|hold| hold.timer));
        let Some(option) = self.state.options.recovery_hold else { return };
        if self.state.quotas.is_empty() {
            return;
        }
        let away = |agent: &Agent| matches!(agent.liveness, Liveness::Disconnected(_));
        let away = self.state.agents.iter().filter(|(_, agent)| away(agent)).count();
        // Agents are at most 2^24.
        let agents = u32::try_from(away * option.percent as usize / 100).unwrap_or(u32::MAX);
        if agents > 0 {
            let deadline = self.state.now.plus(option.seconds);
            let timer = self.state.timers.set(deadline, Timer::HoldEnds);
            self.state.work.hold = Some(AgentsAwaited { agents, timer });
        }
    }

    /// An agent is there that was not: any counts.
    pub(super) fn agent_came(&mut self) {
        let Some(hold) = &mut self.state.work.hold else { return };
        hold.agents -= 1;
        if hold.agents == 0 {
            let timer = hold.timer;
            self.state.work.hold = None;
            self.state.timers.cancel(Some(timer));
        }
    }

    fn end_session(&mut self, id: SessionId) {
        let Some(session) = self.state.sessions.remove(id) else { return };
        match session.kind {
            SessionKind::Operator => self.state.stop_watching(id),
            SessionKind::Framework => {
                if let Some(framework) = session.framework {
                    self.disconnect_framework(framework);
                }
            }
            SessionKind::Agent => {
                for agent in session.agents {
                    self.disconnect_agent(agent);
                }
            }
        }
    }

    /// Ends the offers and filters of a framework whose session ended, and starts its timer.
    fn disconnect_framework(&mut self, id: FrameworkId) {
        let Some(framework) = self.state.frameworks.get(id) else { return };
        let timeout = framework.failover_timeout;
        let roles: Vec<_> = framework.roles.keys().copied().collect();
        self.end_offers_of_framework(id, |_| true, None);
        self.leave_inquiries(id, false);
        for role in roles {
            self.state.drop_filters(id, role);
        }
        if timeout == Nanos::ZERO {
            self.remove_framework(id);
            return;
        }
        let deadline = self.state.now.plus(timeout);
        let timer = self.state.timers.set(deadline, Timer::FailoverEnds(id));
        if let Some(framework) = self.state.frameworks.get_mut(id) {
            framework.connection = Connection::Disconnected(timer);
        }
    }

    /// Rescinds the offers of an agent whose session ended, and starts its timer.
    fn disconnect_agent(&mut self, id: AgentId) {
        let timeout = self.state.options.agent_reregister_timeout_seconds;
        let deadline = self.state.now.plus(timeout);
        let timer = self.state.timers.set(deadline, Timer::ReregistrationEnds(id));
        if let Some(agent) = self.state.agents.get_mut(id) {
            agent.liveness = Liveness::Disconnected(timer);
        }
        // Only now, for nothing is to be offered again on an agent that is away.
        self.end_offers_of_agent(id, RescindReason::AgentInactive);
        self.rescind_inverse_offers_of_agent(id);
    }
}

fn refuse_sender(sender: Option<SessionId>) -> Result<(), Rejection> {
    match sender {
        None => Ok(()),
        Some(id) => {
            let text = "this command is sent without a session";
            Err(Rejection::new(Code::WrongSession, text).at("session").id(id.to_u64()))
        }
    }
}
