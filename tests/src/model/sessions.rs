//! Opening and closing sessions; disconnection.

use tamias::command::{OpenSession, SessionKind};
use tamias::error::Code;
use tamias::event::RescindReason;
use tamias::ids::{AgentId, FrameworkId, Id, SessionId};
use tamias::reply::Reply;
use tamias::time::Nanos;

use super::facts::{AgentStanding, FrameworkStanding, Session};
use super::{Model, Verdict, names};

impl Model {
    pub(super) fn open_session(
        &mut self,
        sender: Option<SessionId>,
        command: &OpenSession,
    ) -> Verdict {
        if sender.is_some() {
            return Err(vec![Code::WrongSession]);
        }
        if command.principal.as_deref().is_some_and(|name| !names::is_legal(name)) {
            return Err(vec![Code::BadName]);
        }
        let session = self.slots.sessions.take();
        let kind = command.kind;
        let principal = command.principal.clone();
        let row = Session { kind, principal, framework: None, superseded: false };
        self.sessions.insert(session, row);
        Ok(Reply::SessionOpened { session })
    }

    pub(super) fn close_session(&mut self, sender: Option<SessionId>) -> Verdict {
        let (id, _) = self.speaker(sender)?;
        self.end_session(id);
        Ok(Reply::Done)
    }

    /// All sessions end; nobody is left to be told of it.
    pub(super) fn restart(&mut self, sender: Option<SessionId>) -> Verdict {
        if sender.is_some() {
            return Err(vec![Code::WrongSession]);
        }
        let mut sessions: Vec<_> = self.sessions.keys().copied().collect();
        sessions.sort_by_key(|session| session.index());
        for session in sessions {
            self.end_session(session);
        }
        self.effects.clear();
        Ok(Reply::Done)
    }

    fn end_session(&mut self, id: SessionId) {
        let session = self.sessions.remove(&id).expect("an open session");
        self.slots.sessions.give_back(id);
        match (session.kind, session.framework) {
            (SessionKind::Framework, Some(framework)) => self.disconnect_framework(framework),
            (SessionKind::Agent, _) => {
                let through = AgentStanding::Connected(id);
                let agents = self.agents.iter().filter(|(_, agent)| agent.standing == through);
                for agent in agents.map(|(id, _)| *id).collect::<Vec<_>>() {
                    self.disconnect_agent(agent);
                }
            }
            _ => {}
        }
    }

    /// Its offers end, its filters are dropped, its tasks run on; it has its timeout to come back.
    fn disconnect_framework(&mut self, id: FrameworkId) {
        self.discard_offers(id);
        self.filters.retain(|filter| filter.framework != id);
        self.framework_leaves_questions(id, false);
        let timeout = self.frameworks[&id].failover;
        if timeout == Nanos::ZERO {
            self.remove_framework(id);
            return;
        }
        let alarm = self.alarm_in(timeout);
        if let Some(framework) = self.frameworks.get_mut(&id) {
            framework.standing = FrameworkStanding::Away(alarm);
        }
    }

    /// Its offers are rescinded, its tasks are taken to run.
    fn disconnect_agent(&mut self, id: AgentId) {
        let alarm = self.alarm_in(self.options.agent_reregister_timeout_seconds);
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.standing = AgentStanding::Away(alarm);
        }
        self.rescind_offers_of_agent(id, RescindReason::AgentInactive);
        self.take_back_questions_about(id);
    }
}
