//! The shell: one writer behind a lock, event rings, waits that drive time, a journal.
//!
//! Everything that decides is in the pure layers; the shell adds what they may not have: a clock,
//! a lock, file descriptors, files. It makes these promises:
//!
//! - Nobody calls the embedder back under the lock: events are data, pulled by whoever wants them.
//! - There is no hidden thread. A wait sleeps until an event, its timeout or the next deadline,
//!   and lets time go on itself; [`Driver`] is a thread for those who want one.
//! - A defect (a panic while a command is applied) poisons the kernel and never the host.
//! - A forked child can do nothing with its parent's kernel ([`Code::Forked`]).
//!
//! | file | what |
//! |---|---|
//! | [`executor`] | the seam through which every command goes: call, try, post |
//! | [`ring`] | the events of one session |
//! | [`wait`] | sleeping, and who lets time go on meanwhile |
//! | [`session`], [`framework`], [`operator`], [`agent_driver`] | typed handles |
//! | [`console`] | the generic verb: JSON lines in and out |
//! | [`journal`] | the file that keeps every command |
//! | [`metrics`] | how much there is, and what was done so far |
//! | [`service`] | in-process agents that are served while somebody waits |
//!
//! [`Code::Forked`]: crate::error::Code::Forked

pub mod agent_driver;
pub mod clock;
mod console;
pub mod driver;
mod executor;
mod fork;
pub mod framework;
pub mod journal;
pub mod metrics;
pub mod operator;
pub mod ring;
pub mod service;
pub mod session;
mod signal;
mod wait;

use std::path::Path;
use std::sync::Arc;

use crate::command::{Command, Restart, SessionKind, Subscribe};
use crate::error::{Code, Rejection};
use crate::event::Effect;
use crate::ids::SessionId;
use crate::options::Options;
use crate::query::{Answer, Query};
use crate::reply::Reply;
use crate::state::State;
use crate::time::Time;

pub use agent_driver::AgentDriver;
pub use clock::Clock;
pub use driver::Driver;
pub use executor::Batch;
pub use framework::Framework;
pub use metrics::Metrics;
pub use operator::Operator;
pub use ring::EventRecord;
pub use service::Service;
pub use session::Session;

use executor::Shared;
use journal::{JournalFile, JournalOptions, OpenedJournal};

/// What one accepted command gave: its reply, and the events that it and the steps it made
/// necessary caused, with the sequence number of the command they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The sequence number of the command.
    pub seq: u64,
    /// The reply.
    pub reply: Reply,
    /// The events in order, each with its sequence number.
    pub effects: Vec<(u64, Effect)>,
}

/// A scheduling kernel. Cloning gives another handle to the same kernel.
///
/// Thread-safe. The kernel ends with its last handle; session handles count.
#[derive(Debug, Clone)]
pub struct Kernel {
    pub(crate) shared: Arc<Shared>,
}

impl Kernel {
    /// Opens a kernel in memory that follows the machine's clock.
    ///
    /// Errors: [`Code::BadOption`].
    ///
    /// ```
    /// use tamias::{Kernel, Options};
    /// let kernel = Kernel::open(Options::default())?;
    /// let operator = kernel.operator()?;
    /// operator.set_weight("batch", "2".parse().unwrap())?;
    /// # Ok::<(), tamias::Rejection>(())
    /// ```
    pub fn open(options: Options) -> Result<Self, Rejection> {
        Self::open_with(options, Clock::system())
    }

    /// Opens a kernel in memory with a clock of its own, for tests and simulations.
    ///
    /// Errors: [`Code::BadOption`].
    pub fn open_with(options: Options, clock: Clock) -> Result<Self, Rejection> {
        options.check()?;
        let state = State::new(options, clock.now());
        Ok(Self { shared: Arc::new(Shared::new(state, clock, None)) })
    }

    /// Opens a kernel whose commands are kept in the journal at `path`, which is made if it is not
    /// there. An existing journal is replayed first; then nobody is connected: frameworks and
    /// agents come back within their timeouts, by name or id. [`warnings`](Self::warnings) says
    /// what a person should know about the journal.
    ///
    /// Errors: [`Code::JournalLocked`] while another process has it open, [`Code::Corrupt`],
    /// [`Code::NewerVersion`], [`Code::System`], [`Code::BadOption`].
    pub fn open_journal(
        path: &Path,
        wanted: &JournalOptions,
        clock: Clock,
    ) -> Result<Self, Rejection> {
        let OpenedJournal { journal, state, created, warnings } = JournalFile::open(path, wanted)?;
        let clock = clock.not_before(state.now());
        let mut shared = Shared::new(state, clock, Some(journal));
        shared.warnings = warnings;
        let kernel = Self { shared: Arc::new(shared) };
        if !created {
            kernel.call(None, Restart {})?;
        }
        Ok(kernel)
    }

    /// What a person should know about the journal that was opened, one line each: a torn end was
    /// cut off, other options were asked for.
    pub fn warnings(&self) -> &[String] {
        &self.shared.warnings
    }

    /// Has everything that was accepted so far on the disk; without a journal it does nothing.
    ///
    /// Errors: [`Code::System`], [`Code::JournalFailed`].
    pub fn flush(&self) -> Result<(), Rejection> {
        self.shared.with_journal(|journal, _| journal.flush(true)).map(|_| ())
    }

    /// The last command that is on the disk; none without a journal.
    pub fn durable_seq(&self) -> Result<Option<u64>, Rejection> {
        self.shared.with_journal(|journal, _| Ok(journal.durable_seq()))
    }

    /// Replaces the journal by a snapshot and an empty journal that stands on it.
    ///
    /// Errors: [`Code::System`]; the old journal is then still in use. [`Code::JournalFailed`].
    pub fn compact(&self) -> Result<(), Rejection> {
        self.shared.with_journal(JournalFile::compact).map(|_| ())
    }

    /// Opens an operator session.
    pub fn operator(&self) -> Result<Operator, Rejection> {
        self.operator_as(None)
    }

    /// Opens an operator session that speaks for a principal.
    pub fn operator_as(&self, principal: Option<Box<str>>) -> Result<Operator, Rejection> {
        self.session(SessionKind::Operator, principal).map(Operator::new)
    }

    /// Opens a framework session and subscribes. A subscription that is rejected leaves no trace.
    pub fn subscribe(&self, command: Subscribe) -> Result<Framework, Rejection> {
        self.subscribe_as(command, None)
    }

    /// The same in a session that speaks for a principal.
    pub fn subscribe_as(
        &self,
        command: Subscribe,
        principal: Option<Box<str>>,
    ) -> Result<Framework, Rejection> {
        let command = Command::from(command);
        let kind = SessionKind::Framework;
        self.shared.try_in_new_session(kind, principal.clone(), &command)?;
        Framework::subscribe(self.session(kind, principal)?, command)
    }

    /// Opens an agent session, for a driver of one or many agents.
    pub fn agent_driver(&self) -> Result<AgentDriver, Rejection> {
        self.agent_driver_as(None)
    }

    /// The same for a session that speaks for a principal.
    pub fn agent_driver_as(&self, principal: Option<Box<str>>) -> Result<AgentDriver, Rejection> {
        self.session(SessionKind::Agent, principal).map(AgentDriver::new)
    }

    /// Opens a session of any kind, to send commands through it oneself.
    pub fn session(
        &self,
        kind: SessionKind,
        principal: Option<Box<str>>,
    ) -> Result<Session, Rejection> {
        Session::open(self, kind, principal)
    }

    /// Sends a command and waits for its reply. Work that became due is done before it returns.
    pub fn call(
        &self,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<Reply, Rejection> {
        self.shared.call(session, command.into()).map(|applied| applied.reply)
    }

    /// Like [`call`](Self::call), and returns the events as well.
    pub fn call_traced(
        &self,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<Applied, Rejection> {
        self.shared.call_traced(session, command.into())
    }

    /// Sends commands one after the other under one lock, nothing in between. The outer error
    /// means that nothing was done; under [`Batch::Atomic`] it names the command by
    /// [`list_index`](Rejection::list_index).
    ///
    /// ```
    /// # use tamias::{Code, Kernel, Options, command::{RegisterAgent, RemoveAgent}, ids::AgentId};
    /// use tamias::kernel::Batch;
    /// # let kernel = Kernel::open(Options::default())?;
    /// # let driver = kernel.agent_driver()?;
    /// let register = RegisterAgent { resources: "cpus:4".parse().unwrap(), ..Default::default() };
    /// let remove = RemoveAgent { agent: AgentId::from_u64(99) };
    /// let commands = vec![register.into(), remove.into()];
    /// let error = driver.call_batch(commands.clone(), Batch::Atomic).unwrap_err();
    /// assert_eq!((error.code(), error.list_index()), (Code::UnknownAgent, Some(1)));
    /// assert_eq!(kernel.branch().agents().len(), 0);
    /// let results = driver.call_batch(commands, Batch::BestEffort)?;
    /// assert!(results[0].is_ok() && results[1].is_err());
    /// # Ok::<(), tamias::Rejection>(())
    /// ```
    pub fn call_batch(
        &self,
        session: Option<SessionId>,
        commands: Vec<Command>,
        batch: Batch,
    ) -> Result<Vec<Result<Reply, Rejection>>, Rejection> {
        self.shared.call_batch(session, commands, batch)
    }

    /// Like [`call`](Self::call), but never waits for the lock.
    ///
    /// Errors: [`Code::WouldBlock`] if another thread is at work; nothing happened then.
    pub fn try_apply(
        &self,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<Reply, Rejection> {
        self.shared.try_apply(session, command.into())
    }

    /// Like [`call`](Self::call), for callers that must let go of something before they wait for
    /// the lock, such as an interpreter's own lock: if another thread is at work, the rest of the
    /// call is handed to `wait`, which has to run it once.
    ///
    /// Errors: as the command; [`Code::Defect`] if `wait` did not run what it was given.
    pub fn call_or_wait(
        &self,
        session: Option<SessionId>,
        command: impl Into<Command>,
        wait: impl FnOnce(&mut (dyn FnMut() + Send)),
    ) -> Result<Reply, Rejection> {
        self.shared.call_or_wait(session, command.into(), wait).map(|applied| applied.reply)
    }

    /// Sends a command without waiting for a reply, for threads that must not wait. It is applied
    /// before any later command of the same thread; a rejection is counted, not reported.
    ///
    /// Errors: [`Code::WouldBlock`] if too many commands are waiting.
    pub fn post(
        &self,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> Result<(), Rejection> {
        self.shared.post(session, command.into())
    }

    /// Lets time go on: fires due timers and does pending work. Returns when it should be called
    /// again, if no command or wait comes before. For embedders with an event loop of their own.
    pub fn tick(&self) -> Result<Option<Time>, Rejection> {
        self.shared.tick(None).map(|(next, _)| next)
    }

    /// Moves a manual clock forward and lets due timers fire one after the other.
    ///
    /// Errors: [`Code::NotSupported`] on a kernel that follows the machine's clock.
    pub fn advance(&self, to: Time) -> Result<Vec<(u64, Effect)>, Rejection> {
        self.shared.advance(to)
    }

    /// Serves in-process agents and lets time go on, without sleeping; see [`Service`].
    pub fn drive(&self) -> Result<Option<Time>, Rejection> {
        let served = self.serve();
        let next = self.tick()?;
        served.map(|()| next)
    }

    /// When the next timer is due; `now` if there is work already.
    pub fn next_deadline(&self) -> Option<Time> {
        self.shared.with_state(State::next_deadline)
    }

    /// The time of the kernel's clock.
    pub fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// A copy of the state: to look at, or to try commands on with
    /// [`apply`](crate::machine::apply). It shares memory with the kernel until either changes.
    pub fn branch(&self) -> State {
        self.shared.with_state(State::branch)
    }

    /// BLAKE3 of the canonical state: equal for all kernels that accepted the same commands.
    pub fn state_hash(&self) -> [u8; 32] {
        self.branch().hash()
    }

    /// Answers a query from the state as it is now; see [`Query`].
    ///
    /// Errors: those of [`State::query`].
    pub fn query(&self, query: &Query) -> Result<Answer, Rejection> {
        self.branch().query(query)
    }

    /// How much there is, who has it, and what was done so far: all of one moment.
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// How many posted commands were rejected.
    pub fn posts_rejected(&self) -> u64 {
        self.shared.posts_rejected()
    }

    /// Whether this process is a forked child of the one that opened the kernel. Nothing but
    /// dropping the handle is of use then; reading the state could wait for ever.
    pub fn is_forked(&self) -> bool {
        self.shared.is_forked()
    }

    /// Ends the kernel for all its handles, as the end of the process would: waits end, commands
    /// are refused with [`Code::HandleClosed`], the journal is on the disk and free for the next
    /// owner. Without it the same happens with the last handle. Again is no matter.
    ///
    /// Errors: [`Code::System`], [`Code::JournalFailed`] if the end of the journal could not be
    /// written; the kernel is closed all the same.
    pub fn close(&self) -> Result<(), Rejection> {
        self.shared.close()
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Whether commands can be sent at all.
    ///
    /// Errors: [`Code::Forked`] in a child of the process that opened the kernel, where nothing
    /// of it may be used; [`Code::KernelPoisoned`]; [`Code::HandleClosed`].
    pub fn check_alive(&self) -> Result<(), Rejection> {
        self.shared.check_alive()
    }
}

/// A rejection for a handle that is of no use any more.
pub(crate) fn closed(text: &str) -> Rejection {
    Rejection::new(Code::HandleClosed, text)
}
