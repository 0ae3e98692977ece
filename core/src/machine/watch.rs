//! Telling operators who watch.

use super::Machine;
use crate::change::Noun;
use crate::command::{SessionKind, Watch};
use crate::error::{Code, Rejection};
use crate::event::Event;
use crate::ids::SessionId;
use crate::reply::Reply;
use crate::state::Watching;

impl Machine<'_> {
    pub(super) fn watch(
        &mut self,
        sender: Option<SessionId>,
        command: &Watch,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Operator)?;
        let nouns = command.nouns.as_deref().map(check_nouns).transpose()?;
        self.state.watch_for(session, Watching { nouns });
        for event in self.state.snapshot_of(session) {
            self.tell(session, event);
        }
        Ok(Reply::Done)
    }

    pub(super) fn unwatch(&mut self, sender: Option<SessionId>) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Operator)?;
        self.state.stop_watching(session);
        Ok(Reply::Done)
    }

    /// Tells those who watch what the command that ends has changed.
    pub(super) fn tell_changes(&mut self) {
        let changes = self.state.take_changes();
        for (session, watching) in self.state.watchers() {
            let wanted = changes.iter().filter(|change| watching.includes(change.key.noun()));
            for change in wanted {
                self.tell(session, Event::Changed(change.clone()));
            }
        }
    }
}

fn check_nouns(nouns: &[Noun]) -> Result<Vec<Noun>, Rejection> {
    if nouns.is_empty() {
        let text = "the list is empty: leave `nouns` out to watch everything, or send unwatch";
        return Err(Rejection::new(Code::BadList, text).at("nouns"));
    }
    let mut nouns = nouns.to_vec();
    nouns.sort_unstable();
    nouns.dedup();
    Ok(nouns)
}

impl crate::state::State {
    /// What a session that watches is told first, and again after it lost events.
    pub(super) fn snapshot_of(&self, session: SessionId) -> Vec<Event> {
        let watching = self.sessions.get(session).and_then(|row| row.watch.as_ref());
        let parts = watching.map(|watching| self.snapshot_for(watching)).unwrap_or_default();
        parts.into_iter().map(Event::Snapshot).collect()
    }
}

#[cfg(test)]
mod tests;
