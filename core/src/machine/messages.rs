//! What frameworks and executors say to each other: told once or not at all, never kept.

use super::{Machine, over_limit};
use crate::command::{SendFrameworkMessage, SendMessage, SessionKind};
use crate::error::Rejection;
use crate::event::Event;
use crate::ids::SessionId;
use crate::limits::EXT_BYTES_MAX;
use crate::names::check_name;
use crate::reply::Reply;
use crate::state::{Agent, Framework};
use crate::value::Bytes;

impl Machine<'_> {
    pub(super) fn send_message(
        &mut self,
        sender: Option<SessionId>,
        command: &SendMessage,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        let SendMessage { agent, executor, data } = command.clone();
        let session = self.known_agent(agent).map(Agent::session)?;
        check_message(&executor, &data)?;
        Ok(self.pass_on(session, Event::Message { agent, framework, executor, data }))
    }

    pub(super) fn send_framework_message(
        &mut self,
        sender: Option<SessionId>,
        command: &SendFrameworkMessage,
    ) -> Result<Reply, Rejection> {
        let own = self.sender(sender, SessionKind::Agent)?;
        let SendFrameworkMessage { agent, framework, executor, data } = command.clone();
        self.own_agent(own, agent)?;
        let session = self.known_framework(framework).map(Framework::session)?;
        check_message(&executor, &data)?;
        Ok(self.pass_on(session, Event::Message { agent, framework, executor, data }))
    }

    fn pass_on(&mut self, session: Option<SessionId>, message: Event) -> Reply {
        if let Some(session) = session {
            self.tell(session, message);
        }
        Reply::Sent { delivered: session.is_some() }
    }
}

fn check_message(executor: &str, data: &Bytes) -> Result<(), Rejection> {
    check_name("executor", executor).map_err(|fault| fault.at("executor"))?;
    if data.0.len() > EXT_BYTES_MAX {
        return Err(over_limit("bytes", data.0.len(), EXT_BYTES_MAX).at("data"));
    }
    Ok(())
}
