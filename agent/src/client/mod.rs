//! The owner's handle on its supervisor.
//!
//! It holds a connection and a mirror of the tasks. Nothing blocks except `start` and `close`;
//! there is no thread: call [`Supervisor::read_events`] when the descriptor can be read, or from
//! time to time. Externally synchronised: one thread at a time, any thread.
//!
//! A forked child of the owner inherits the descriptor. Every call there is
//! [`Error::Forked`], and dropping the handle there changes nothing for the owner.

mod connect;
mod locate;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::OnOwnerExit;
use crate::error::Error;
use crate::limits::Limits;
use crate::place::Place;
use crate::protocol::{
    Channel, FRAME_LEN_MAX, Received, Reply, Request, Welcome, WireTask, decode,
};
use crate::record::{Contents, Known};
use crate::sweep;
use crate::sys;
use crate::task::{Exit, ExitStatus, LaunchRequest, Outcome, Pid, TaskInfo, TaskState, shortened};

use connect::millis;

/// Grace period between SIGTERM and SIGKILL where none is given: that of Mesos.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// How long the supervisor is given to be gone after it closed its connection. It takes
/// microseconds; only one that closed for another reason is waited for so long.
const DEATH_WAIT: Duration = Duration::from_secs(1);

/// How to start or attach.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// Directory of sandboxes, record file, socket and log; made where it is missing. It names
    /// the agent: one supervisor and one owner per directory.
    pub work_dir: PathBuf,
    /// The executable `tamias-supervisor`. `None`: the environment variable
    /// `TAMIAS_SUPERVISOR`, or beside the running program, or beside the library.
    pub executable: Option<PathBuf>,
    /// What happens to the tasks when this process goes away.
    pub on_owner_exit: OnOwnerExit,
    /// Grace period when the owner goes away, rounded up to milliseconds.
    pub kill_grace: Duration,
    /// An empty delegated cgroup v2 for the tasks. `None`: the environment variable
    /// `TAMIAS_CGROUP`, or the cgroup of the supervisor if it can be used.
    pub cgroup: Option<PathBuf>,
}

impl SupervisorOptions {
    /// The defaults: tasks are killed with the owner, after 3 seconds of grace.
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        Self {
            work_dir: work_dir.into(),
            executable: None,
            on_owner_exit: OnOwnerExit::Kill,
            kill_grace: KILL_GRACE,
            cgroup: None,
        }
    }
}

/// Something that happened to a task, or to the supervisor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SupervisorEvent {
    /// The program of a task runs.
    Started {
        /// The task.
        task: String,
        /// Its main process.
        pid: Pid,
    },
    /// The program of a task could not be started. Acknowledge it.
    LaunchFailed {
        /// The task.
        task: String,
        /// Which step failed, on what, and why.
        message: String,
    },
    /// A task that ran has ended. Acknowledge it.
    Exited {
        /// The task.
        task: String,
        /// How, and what it used.
        exit: Exit,
    },
    /// A request about this task was not carried out. A rejected launch is forgotten; otherwise
    /// the task is as it was.
    Rejected {
        /// The task.
        task: String,
        /// Why.
        message: String,
    },
    /// The supervisor is gone, and this handle with it. With [`OnOwnerExit::Kill`] the tasks
    /// are dead and their `Exited` events came before this one; with `Keep` they run on. Start
    /// again on the same work directory.
    SupervisorLost {
        /// What was seen.
        message: String,
    },
}

/// The owner's handle. Dropping it is the owner's exit.
#[derive(Debug)]
pub struct Supervisor {
    channel: Channel,
    place: Place,
    on_owner_exit: OnOwnerExit,
    pid: Pid,
    /// The supervisor's pidfd.
    process: Option<OwnedFd>,
    /// The guard's pidfd; `None`: it was gone already when we attached.
    guard: Option<OwnedFd>,
    owner: u32,
    limits: Limits,
    /// What every task gets in its environment unless its request says otherwise.
    base_env: BTreeMap<String, String>,
    tasks: BTreeMap<String, TaskInfo>,
    events: VecDeque<SupervisorEvent>,
    /// Set when the connection is gone: why.
    lost: Option<String>,
}

impl Supervisor {
    /// Attaches to the supervisor that lives for the work directory, or starts one. Blocks until
    /// it answers: milliseconds, at most 30 seconds.
    ///
    /// Tasks that it knows already are in [`Self::tasks`]; the ends among them that were not
    /// acknowledged are the first events.
    pub fn start(options: &SupervisorOptions) -> Result<Self, Error> {
        let place = connect::make_place(&options.work_dir)?;
        let (channel, welcome) = connect::connect(&place, options)?;
        let Welcome { pid, guard, limits, tasks, .. } = welcome;
        // Process 1 would be nobody's guard: the real one is gone.
        let guard = if guard > 1 { sys::process::pidfd_open(guard).ok() } else { None };
        let base_env = ["PATH", "HOME"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
            .collect();
        let mut supervisor = Self {
            channel,
            place,
            on_owner_exit: options.on_owner_exit,
            pid,
            process: sys::process::pidfd_open(pid).ok(),
            guard,
            owner: std::process::id(),
            limits,
            base_env,
            tasks: BTreeMap::new(),
            events: VecDeque::new(),
            lost: None,
        };
        for task in tasks {
            supervisor.adopt(task);
        }
        Ok(supervisor)
    }

    fn adopt(&mut self, task: WireTask) {
        if let TaskState::Ended(outcome) = &task.state {
            self.events.push_back(end_event(task.task.clone(), outcome.clone()));
        }
        let sandbox = task.sandbox.map(|name| self.place.sandbox(&name));
        let WireTask { task, pid, started_ns, state, .. } = task;
        self.tasks.insert(task.clone(), TaskInfo { task, pid, sandbox, started_ns, state });
    }

    /// Process number of the supervisor.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The work directory, absolute and without links.
    pub fn work_dir(&self) -> &Path {
        self.place.path()
    }

    /// What holds tasks to their resources here.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Every task from its launch until its end is acknowledged, by key, as of the last
    /// [`Self::read_events`].
    pub fn tasks(&self) -> impl Iterator<Item = &TaskInfo> {
        self.tasks.values()
    }

    /// One task.
    pub fn task(&self, task: &str) -> Option<&TaskInfo> {
        self.tasks.get(task)
    }

    /// Asks for a task to be run. An error means that nothing was asked; whatever goes wrong
    /// later is a [`SupervisorEvent::LaunchFailed`] or [`SupervisorEvent::Rejected`].
    pub fn launch(&mut self, mut request: LaunchRequest) -> Result<(), Error> {
        self.check_usable()?;
        request.validate()?;
        let invalid = |why: &str| Error::InvalidLaunch {
            task: shortened(&request.task),
            field: "task".to_owned(),
            why: why.to_owned(),
        };
        if self.tasks.contains_key(&request.task) {
            return Err(invalid("is there already; acknowledge the end of that one first"));
        }
        for (name, value) in &self.base_env {
            request.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let task = request.task.clone();
        self.send(&task, &Request::Launch(Box::new(request)))?;
        let state = TaskState::Launching;
        let info =
            TaskInfo { task: task.clone(), pid: None, sandbox: None, started_ns: None, state };
        self.tasks.insert(task, info);
        Ok(())
    }

    /// Asks for a task to be ended: SIGTERM to its group, SIGKILL after `grace` (at once when it
    /// is zero). A second call can shorten the grace that runs, never extend it. For a task that
    /// has ended it does nothing.
    pub fn kill(&mut self, task: &str, grace: Duration) -> Result<(), Error> {
        self.check_usable()?;
        self.send(task, &Request::Kill { task: task.to_owned(), grace_ms: millis(grace) })
    }

    /// Lets the supervisor forget an ended task; its key may be used again. For a task that is
    /// not known, or has not ended as far as events were read, it does nothing.
    pub fn acknowledge_exit(&mut self, task: &str) -> Result<(), Error> {
        self.check_usable()?;
        let info = self.tasks.get(task);
        if !info.is_some_and(|info| matches!(info.state, TaskState::Ended(_))) {
            return Ok(());
        }
        self.send(task, &Request::Acknowledge { task: task.to_owned() })?;
        self.tasks.remove(task);
        Ok(())
    }

    /// Takes what has happened since the last call. It does not wait for anything; only when the
    /// supervisor is lost it sees to what is left, which takes milliseconds.
    pub fn read_events(&mut self) -> Result<Vec<SupervisorEvent>, Error> {
        self.check_process()?;
        if self.lost.is_some() {
            self.reap_guard();
        } else {
            // An error here means a closed peer, which reading will tell better.
            let _ = self.channel.flush();
            if let Err(message) = self.receive() {
                self.lose(message);
            }
        }
        Ok(self.events.drain(..).collect())
    }

    /// Waits until there is something to read, or until the time is over: whether there is.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, Error> {
        self.check_process()?;
        if !self.events.is_empty() || self.lost.is_some() {
            return Ok(!self.events.is_empty());
        }
        let mut entry = sys::readable(self.raw_fd());
        if self.channel.backlog() > 0 {
            entry.events |= libc::POLLOUT;
        }
        let deadline = Instant::now().checked_add(timeout);
        let ready = sys::poll(&mut [entry], deadline).map_err(Error::system("poll"))?;
        Ok(ready > 0)
    }

    /// Whether requests wait until the descriptor can be written; [`Self::read_events`] sends them.
    pub fn has_backlog(&self) -> bool {
        self.channel.backlog() > 0
    }

    /// The descriptor to poll for reading. It stays the same as long as the handle lives.
    pub fn raw_fd(&self) -> RawFd {
        self.channel.raw_fd()
    }

    /// Leaves in good order. With [`OnOwnerExit::Kill`] it waits until every task is dead and the
    /// supervisor has ended, at most `timeout`: `false` when that was not long enough (they
    /// are killed all the same). With `Keep` it returns at once. Events that were not read stay
    /// unacknowledged and come to the next owner.
    pub fn close(mut self, timeout: Duration) -> Result<bool, Error> {
        self.check_process()?;
        if self.lost.is_some() {
            return Ok(true);
        }
        let deadline = Instant::now().checked_add(timeout);
        // Too short to be refused; a closed peer shows when reading.
        let _ = self.channel.push(&Request::Close);
        loop {
            let flushed = self.channel.flush();
            let is_sent = self.channel.backlog() == 0;
            if self.on_owner_exit == OnOwnerExit::Keep && (is_sent || flushed.is_err()) {
                return Ok(true);
            }
            match self.channel.receive() {
                Ok(Received::Some) => {}
                Ok(Received::Closed) | Err(_) => break,
            }
            while let Ok(Some(_)) = self.channel.next_frame() {}
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return Ok(false);
            }
            let mut entry = sys::readable(self.raw_fd());
            if !is_sent {
                entry.events |= libc::POLLOUT;
            }
            sys::poll(&mut [entry], deadline).map_err(Error::system("poll"))?;
        }
        self.wait_for_guard(deadline)
    }

    /// The guard ends last.
    fn wait_for_guard(&self, deadline: Option<Instant>) -> Result<bool, Error> {
        let Some(guard) = &self.guard else { return Ok(true) };
        loop {
            let mut entries = [sys::readable(guard.as_raw_fd())];
            if sys::poll(&mut entries, deadline).map_err(Error::system("poll"))? > 0 {
                self.reap_guard();
                return Ok(true);
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return Ok(false);
            }
        }
    }

    fn send(&mut self, task: &str, request: &Request) -> Result<(), Error> {
        self.channel.push(request).map_err(|size| Error::TooLarge {
            task: shortened(task),
            size,
            max: FRAME_LEN_MAX,
        })?;
        match self.channel.flush() {
            // The end of the connection is told in order, by `read_events`.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::System { action: "send to the supervisor", source: error })
            }
            _ => Ok(()),
        }
    }

    fn check_process(&self) -> Result<(), Error> {
        let here = std::process::id();
        if here == self.owner { Ok(()) } else { Err(Error::Forked { owner: self.owner, here }) }
    }

    fn check_usable(&self) -> Result<(), Error> {
        self.check_process()?;
        match &self.lost {
            Some(message) => Err(Error::Lost { message: message.clone() }),
            None => Ok(()),
        }
    }

    fn receive(&mut self) -> Result<(), String> {
        let received = self.channel.receive().map_err(|error| error.to_string())?;
        let unreadable = |error: io::Error| format!("it sent what cannot be read: {error}");
        while let Some(frame) = self.channel.next_frame().map_err(unreadable)? {
            let reply = decode::<Reply>(&frame).map_err(unreadable)?;
            self.take(reply)?;
        }
        match received {
            Received::Some => Ok(()),
            Received::Closed => Err(format!("process {} has ended", self.pid)),
        }
    }

    fn take(&mut self, reply: Reply) -> Result<(), String> {
        match reply {
            Reply::Started { task, pid, sandbox, started_ns } => {
                if let Some(info) = self.tasks.get_mut(&task) {
                    info.pid = Some(pid);
                    info.sandbox = Some(self.place.sandbox(&sandbox));
                    info.started_ns = Some(started_ns);
                    info.state = TaskState::Running;
                }
                self.events.push_back(SupervisorEvent::Started { task, pid });
            }
            Reply::Ended { task, sandbox, outcome } => {
                if let Some(info) = self.tasks.get_mut(&task) {
                    info.sandbox = sandbox.map(|name| self.place.sandbox(&name));
                    info.state = TaskState::Ended(outcome.clone());
                }
                self.events.push_back(end_event(task, outcome));
            }
            Reply::Rejected { task, message } => {
                // A task that was never taken on would else stay "launching" for ever.
                let never = |info: &TaskInfo| info.state == TaskState::Launching;
                if self.tasks.get(&task).is_some_and(never) {
                    self.tasks.remove(&task);
                }
                self.events.push_back(SupervisorEvent::Rejected { task, message });
            }
            Reply::Refused(refused) => return Err(refused.message),
            Reply::Welcome(_) | Reply::Ready => return Err("it said welcome twice".to_owned()),
        }
        Ok(())
    }

    /// The connection is gone: tells the end of every task that has come to one.
    fn lose(&mut self, message: String) {
        if let Some(process) = &self.process {
            // A dying process closes its connection a little before it lets go of its lock.
            let deadline = Instant::now().checked_add(DEATH_WAIT);
            let _ = sys::poll(&mut [sys::readable(process.as_raw_fd())], deadline);
        }
        // The guard kills what is left behind too; this is for the case that it was killed.
        let contents = sweep::after_loss(&self.place, self.on_owner_exit);
        let unended: Vec<String> = self
            .tasks
            .values()
            .filter(|info| !matches!(info.state, TaskState::Ended(_)))
            .map(|info| info.task.clone())
            .collect();
        for task in unended {
            let Some(outcome) = self.outcome_after_loss(&task, contents.as_ref()) else {
                continue;
            };
            if let Some(info) = self.tasks.get_mut(&task) {
                info.state = TaskState::Ended(outcome.clone());
            }
            self.events.push_back(end_event(task, outcome));
        }
        self.events.push_back(SupervisorEvent::SupervisorLost { message: message.clone() });
        self.lost = Some(message);
    }

    /// What became of a task whose end was not told; `None`: it runs on.
    fn outcome_after_loss(&self, task: &str, contents: Option<&Contents>) -> Option<Outcome> {
        match contents.map(|contents| contents.tasks.get(task)) {
            // It is on record how it ended, there only was no time to tell.
            Some(Some(Known { outcome: Some(outcome), .. })) => return Some(outcome.clone()),
            Some(None) => {
                let message = "the supervisor was gone before it took the task on".to_owned();
                return Some(Outcome::LaunchFailed { message });
            }
            _ => {}
        }
        (self.on_owner_exit == OnOwnerExit::Kill).then(|| {
            Outcome::Exited(Exit {
                status: ExitStatus::Lost,
                usage: None,
                is_kill_requested: true,
                is_kill_forced: true,
                is_over_memory: false,
                ended_ns: sys::unix_ns(),
            })
        })
    }

    /// Reaps the guard if this host has become its parent.
    fn reap_guard(&self) {
        if let Some(guard) = &self.guard {
            sys::process::reap_if_child(guard.as_fd());
        }
    }
}

impl AsFd for Supervisor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.stream().as_fd()
    }
}

impl AsRawFd for Supervisor {
    fn as_raw_fd(&self) -> RawFd {
        self.raw_fd()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // A forked child that holds a copy must not keep the connection open past this point;
        // in the child itself the connection is the owner's, and is left alone.
        if self.owner == std::process::id() {
            let _ = self.channel.flush();
            let _ = self.channel.stream().shutdown(Shutdown::Both);
            self.reap_guard();
        }
    }
}

fn end_event(task: String, outcome: Outcome) -> SupervisorEvent {
    match outcome {
        Outcome::Exited(exit) => SupervisorEvent::Exited { task, exit },
        Outcome::LaunchFailed { message } => SupervisorEvent::LaunchFailed { task, message },
    }
}
