//! Messages between frameworks and executors.

use tamias::command::{SendFrameworkMessage, SendMessage, SessionKind};
use tamias::error::Code;
use tamias::event::Event;
use tamias::ids::SessionId;
use tamias::reply::Reply;

use super::facts::AgentStanding;
use super::{Model, Verdict, names};

impl Model {
    pub(super) fn send_message(
        &mut self,
        sender: Option<SessionId>,
        command: &SendMessage,
    ) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        let SendMessage { agent, executor, data } = command.clone();
        let known = self.agents.get(&agent).map(|agent| agent.standing);
        let session = match known {
            Some(AgentStanding::Connected(session)) => Some(session),
            None | Some(AgentStanding::Leaving) => {
                return Err(self.expect_agent(agent).unwrap_err());
            }
            Some(_) => None,
        };
        self.pass_on(session, Event::Message { agent, framework, executor, data })
    }

    pub(super) fn send_framework_message(
        &mut self,
        sender: Option<SessionId>,
        command: &SendFrameworkMessage,
    ) -> Verdict {
        let own = self.speaker_of(sender, SessionKind::Agent)?;
        let SendFrameworkMessage { agent, framework, executor, data } = command.clone();
        self.expect_own_agent(own, agent)?;
        if !self.is_wanted(framework) {
            return Err(vec![Code::UnknownFramework]);
        }
        let session = self.session_of_framework(framework);
        self.pass_on(session, Event::Message { agent, framework, executor, data })
    }

    /// What nobody hears is not kept.
    fn pass_on(&mut self, session: Option<SessionId>, message: Event) -> Verdict {
        if let Event::Message { executor, .. } = &message {
            if !names::is_legal(executor) {
                return Err(vec![Code::BadName]);
            }
        }
        if let Some(session) = session {
            self.tell(session, message);
        }
        Ok(Reply::Sent { delivered: session.is_some() })
    }
}
