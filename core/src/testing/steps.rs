//! Commands one by one, for tests that build a state by hand.

use crate::command::{Command, Envelope, OpenSession, SessionKind};
use crate::event::Effects;
use crate::ids::SessionId;
use crate::machine::apply;
use crate::reply::Reply;
use crate::state::State;

/// Sends a command that is accepted and leaves the state sound.
pub(crate) fn send(
    state: &mut State,
    session: Option<SessionId>,
    command: impl Into<Command>,
) -> (Reply, Effects) {
    let envelope = Envelope { now: state.now(), session, command: command.into() };
    let mut effects = Effects::new();
    let reply = apply(state, &envelope, &mut effects).unwrap();
    state.check_invariants().unwrap();
    (reply, effects)
}

/// Opens a session of nobody in particular.
pub(crate) fn open(state: &mut State, kind: SessionKind) -> SessionId {
    match send(state, None, OpenSession { kind, principal: None }).0 {
        Reply::SessionOpened { session } => session,
        other => panic!("{other:?}"),
    }
}
