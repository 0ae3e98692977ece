//! A session handle: the right to send commands in one capacity, and the events that come back.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use super::ring::{EventRecord, Ring};
use super::{Applied, Batch, Kernel};
use crate::command::{CloseSession, Command, OpenSession, SessionKind};
use crate::error::{Code, Rejection};
use crate::ids::SessionId;
use crate::reply::Reply;

/// An open session. Dropping it closes it: its framework or agents are disconnected.
///
/// Thread-safe; several threads may take events, each event goes to one of them.
#[derive(Debug)]
pub struct Session {
    kernel: Kernel,
    id: SessionId,
    kind: SessionKind,
    ring: Arc<Ring>,
}

impl Session {
    pub(super) fn open(
        kernel: &Kernel,
        kind: SessionKind,
        principal: Option<Box<str>>,
    ) -> Result<Self, Rejection> {
        match kernel.call(None, OpenSession { kind, principal })? {
            Reply::SessionOpened { session } => {
                let ring = kernel.shared.open_ring(session);
                Ok(Self { kernel: kernel.clone(), id: session, kind, ring })
            }
            _ => Err(Rejection::new(Code::Defect, "open_session gave no session")),
        }
    }

    /// Its id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// In which capacity it speaks.
    pub fn kind(&self) -> SessionKind {
        self.kind
    }

    /// The kernel.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Sends a command.
    pub fn call(&self, command: impl Into<Command>) -> Result<Reply, Rejection> {
        self.kernel.call(Some(self.id), command)
    }

    /// Sends a command and returns the events as well.
    pub fn call_traced(&self, command: impl Into<Command>) -> Result<Applied, Rejection> {
        self.kernel.call_traced(Some(self.id), command)
    }

    /// Sends several commands under one lock; see [`Kernel::call_batch`].
    pub fn call_batch(
        &self,
        commands: Vec<Command>,
        batch: Batch,
    ) -> Result<Vec<Result<Reply, Rejection>>, Rejection> {
        self.kernel.call_batch(Some(self.id), commands, batch)
    }

    /// Takes up to `most` events, without waiting.
    pub fn poll(&self, most: usize) -> Result<Vec<EventRecord>, Rejection> {
        self.kernel.check_alive()?;
        let (mut events, resync) = self.ring.take(most);
        if resync {
            self.kernel.shared.resync(self.id, &self.ring);
            if events.is_empty() {
                events = self.ring.take(most).0;
            }
        }
        Ok(events)
    }

    /// Waits for events, lets time go on meanwhile; returns whether there are any.
    ///
    /// Errors: [`Code::HandleClosed`] if the session is closed by another thread.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Rejection> {
        self.kernel.wait_for(&self.ring, timeout)
    }

    /// A file descriptor that is readable while there are events, for event loops. It belongs to
    /// the session: do not close it. With an event loop, call [`Kernel::drive`] at the deadlines
    /// that it returns.
    pub fn event_fd(&self) -> Result<RawFd, Rejection> {
        self.kernel.check_alive()?;
        let fd = self.ring.fd();
        fd.map_err(|error| Rejection::new(Code::System, format!("no descriptor: {error}")))
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Closes the session; waits on it end with [`Code::HandleClosed`]. Again is no matter.
    ///
    /// Errors: [`Code::JournalFull`], [`Code::System`]: the session is still open then.
    pub fn close(&self) -> Result<(), Rejection> {
        // In a forked child not even the ring may be touched: its lock may be held for ever.
        if self.kernel.shared.is_forked() || self.ring.is_closed() {
            return Ok(());
        }
        let closed = match self.call(CloseSession {}) {
            // Another thread was faster, or the command was applied although an error came back.
            Err(rejection) if rejection.code() == Code::UnknownSession => Ok(()),
            closed => closed.map(|_| ()),
        };
        let stays = |code| matches!(code, Code::JournalFull | Code::System);
        if !closed.as_ref().is_err_and(|rejection| stays(rejection.code())) {
            self.kernel.shared.close_ring(self.id);
        }
        closed
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A poisoned kernel refuses; there is nobody to tell.
        if self.close().is_err() {
            self.kernel.shared.close_ring(self.id);
        }
    }
}
