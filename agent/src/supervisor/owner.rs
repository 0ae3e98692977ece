//! Connections: who may be the owner, what it asks for, and what follows when it goes away.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::log;
use super::start::{GUARD_KEEPS, GUARD_KILLS};
use crate::OnOwnerExit;
use crate::protocol::{
    AnyHello, Channel, Hello, PROTOCOL, Reason, Received, Refused, Reply, Request, Welcome, decode,
};
use crate::record::Record;
use crate::sys::{process, socket};
use crate::task::{Pid, shortened};

/// How long a connection may take to say who it is.
const HELLO_WAIT: Duration = Duration::from_secs(10);

/// Connections that have not said yet who they are; more are turned away.
const CANDIDATES_MAX: usize = 16;

/// A connection that has not said yet who it is.
#[derive(Debug)]
pub(super) struct Candidate {
    channel: Channel,
    pid: Pid,
    /// Tells of the end of the process even while a forked child of it holds the connection open.
    pidfd: Option<OwnedFd>,
    pub(super) deadline: Instant,
}

impl Candidate {
    pub(super) fn raw_fd(&self) -> RawFd {
        self.channel.raw_fd()
    }
}

/// The one owner.
#[derive(Debug)]
pub(super) struct Owner {
    channel: Channel,
    pid: Pid,
    pidfd: Option<OwnedFd>,
    /// It said that it leaves; it only waits for the end of its tasks.
    is_leaving: bool,
}

impl Owner {
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) fn process_fd(&self) -> Option<RawFd> {
        self.pidfd.as_ref().map(AsRawFd::as_raw_fd)
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving
    }
}

impl Daemon {
    /// Takes every connection that waits.
    pub(super) fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.add_candidate(stream),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Tells whoever started this process that it listens. The owner then connects like any
    /// other: a socket made by this process can have no copy in a forked child of the host, which
    /// would hide the end of this process from it. Until then this connection counts as a
    /// candidate that says nothing, so that nobody finds an ended supervisor.
    pub(super) fn add_starter(&mut self, stream: UnixStream) {
        self.add_candidate(stream);
        if let Some(starter) = self.candidates.last_mut() {
            let _ = starter.channel.push(&Reply::Ready);
            let _ = starter.channel.flush();
        }
    }

    /// Looks at who connects.
    fn add_candidate(&mut self, stream: UnixStream) {
        let Ok(peer) = socket::peer(&stream) else { return };
        let me = socket::effective_uid();
        if peer.uid != me || self.candidates.len() >= CANDIDATES_MAX {
            log(&format!("turned away process {} of user {}", peer.pid, peer.uid));
            return;
        }
        let pidfd = socket::peer_pidfd(&stream).ok();
        let Ok(channel) = Channel::new(stream) else { return };
        let deadline = Instant::now() + HELLO_WAIT;
        self.candidates.push(Candidate { channel, pid: peer.pid, pidfd, deadline });
    }

    /// A candidate has sent something, or is gone.
    pub(super) fn serve_candidate(&mut self, fd: RawFd) {
        let Some(index) = self.candidates.iter().position(|c| c.raw_fd() == fd) else { return };
        let channel = &mut self.candidates[index].channel;
        let received = channel.receive();
        match channel.next_frame() {
            Ok(Some(frame)) => {
                let candidate = self.candidates.swap_remove(index);
                self.greet(candidate, &frame);
            }
            Ok(None) if matches!(received, Ok(Received::Some)) => {}
            _ => {
                self.candidates.swap_remove(index);
            }
        }
    }

    /// Ends connections that do not say who they are.
    pub(super) fn drop_silent_candidates(&mut self) {
        let now = Instant::now();
        self.candidates.retain(|candidate| candidate.deadline > now);
    }

    fn greet(&mut self, candidate: Candidate, frame: &[u8]) {
        let mut channel = candidate.channel;
        let (reason, message) = match self.check_hello(frame) {
            Ok(hello) => {
                self.welcome(channel, candidate.pid, candidate.pidfd, &hello);
                return;
            }
            Err(refusal) => refusal,
        };
        log(&format!("refused process {}: {message}", candidate.pid));
        let _ = channel.push(&Reply::Refused(Refused { protocol: PROTOCOL, reason, message }));
        let _ = channel.flush();
    }

    fn check_hello(&mut self, frame: &[u8]) -> Result<Hello, (Reason, String)> {
        let unreadable = |error: io::Error| {
            (Reason::Protocol, format!("the first message is no hello: {error}"))
        };
        let theirs = decode::<AnyHello>(frame).map_err(unreadable)?.hello.protocol;
        if theirs != PROTOCOL {
            let message = format!("protocol {theirs} was spoken; this is protocol {PROTOCOL}");
            return Err((Reason::Protocol, message));
        }
        if self.is_terminating {
            return Err((Reason::Failed, "it was told to end by a signal".to_owned()));
        }
        // An owner that is gone, but whose end is not noticed yet, must not shut out the next.
        self.check_owner_alive();
        if let Some(owner) = &self.owner {
            let message = format!("process {} owns it", owner.pid);
            return Err((Reason::InUse { owner: owner.pid }, message));
        }
        match decode::<Request>(frame).map_err(unreadable)? {
            Request::Hello(hello) => Ok(hello),
            _ => Err((Reason::Protocol, "the first message is no hello".to_owned())),
        }
    }

    fn welcome(&mut self, channel: Channel, pid: Pid, pidfd: Option<OwnedFd>, hello: &Hello) {
        log(&format!("process {pid} (release {}) is the owner", hello.version));
        self.kill_grace = Duration::from_millis(hello.kill_grace_ms);
        self.set_mode(hello.on_owner_exit);
        self.write_record(&Record::Mode { on_owner_exit: hello.on_owner_exit });
        self.owner = Some(Owner { channel, pid, pidfd, is_leaving: false });
        let tasks = self.tasks.values().map(super::task::Task::to_wire).collect();
        self.tell(&Reply::Welcome(Welcome {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: Pid::try_from(std::process::id()).unwrap_or(0),
            // Another parent means that the guard is gone.
            guard: if process::parent() == self.guard { self.guard } else { 0 },
            limits: self.limits.clone(),
            tasks,
        }));
    }

    /// What is to happen when the owner goes away; the guard goes by it too.
    pub(super) fn set_mode(&mut self, mode: OnOwnerExit) {
        self.on_owner_exit = mode;
        self.guard_byte.set(match mode {
            OnOwnerExit::Kill => GUARD_KILLS,
            OnOwnerExit::Keep => GUARD_KEEPS,
        });
    }

    /// The owner has sent something, or is gone.
    pub(super) fn serve_owner(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        let received = owner.channel.receive();
        loop {
            let Some(owner) = &mut self.owner else { return };
            match owner.channel.next_frame() {
                Ok(Some(frame)) => match decode::<Request>(&frame) {
                    Ok(request) => self.carry_out(request),
                    Err(error) => return self.owner_gone(&format!("bad message: {error}")),
                },
                Ok(None) => break,
                Err(error) => return self.owner_gone(&format!("bad frame: {error}")),
            }
        }
        match received {
            Ok(Received::Some) => {}
            Ok(Received::Closed) => self.owner_gone("its connection is closed"),
            Err(error) => self.owner_gone(&format!("its connection broke: {error}")),
        }
    }

    fn carry_out(&mut self, request: Request) {
        match request {
            Request::Launch(launch) => {
                let task = shortened(&launch.task);
                if let Err(error) = launch.validate() {
                    self.reject(launch.task, error.to_string());
                } else if self.keys.contains_key(&launch.task) {
                    let text = format!("task {task:?} is there already; acknowledge its end first");
                    self.reject(launch.task, text);
                } else {
                    self.launch(&launch);
                }
            }
            Request::Kill { task, grace_ms } => match self.keys.get(&task) {
                Some(&launch) => self.kill(launch, Duration::from_millis(grace_ms)),
                None => self.reject_unknown(task),
            },
            Request::Acknowledge { task } => self.acknowledge(task),
            Request::Close => {
                log("the owner leaves");
                if let Some(owner) = &mut self.owner {
                    owner.is_leaving = true;
                }
                self.follow_exit();
            }
            Request::Hello(_) => self.owner_gone("it said hello twice"),
        }
    }

    fn acknowledge(&mut self, task: String) {
        let Some(&launch) = self.keys.get(&task) else { return self.reject_unknown(task) };
        if self.tasks.get(&launch).is_some_and(|known| known.outcome.is_none()) {
            let text = format!("task {:?} has not ended", shortened(&task));
            return self.reject(task, text);
        }
        self.keys.remove(&task);
        self.tasks.remove(&launch);
        self.write_record(&Record::Acknowledged { task });
    }

    fn reject_unknown(&mut self, task: String) {
        let text = format!("task {:?} is not known here", shortened(&task));
        self.reject(task, text);
    }

    fn reject(&mut self, task: String, message: String) {
        self.tell(&Reply::Rejected { task, message });
    }

    /// Queues a message for the owner, if there is one.
    pub(super) fn tell(&mut self, reply: &Reply) {
        let Some(owner) = &mut self.owner else { return };
        if let Err(size) = owner.channel.push(reply) {
            log(&format!("a reply of {size} bytes is too large and was left out"));
        }
    }

    /// Sends what waits for the owner.
    pub(super) fn flush_owner(&mut self) {
        let Some(owner) = &mut self.owner else { return };
        if let Err(error) = owner.channel.flush() {
            // What it sent before its end still counts: it may have acknowledged.
            if error.raw_os_error() != Some(libc::EPIPE) {
                self.owner_gone(&format!("its connection broke: {error}"));
            }
        }
    }

    /// Notices that the process of the owner has ended, whoever still holds its connection.
    pub(super) fn check_owner_alive(&mut self) {
        let Some(fd) = self.owner.as_ref().and_then(Owner::process_fd) else { return };
        let mut entries = [crate::sys::readable(fd)];
        if matches!(crate::sys::poll(&mut entries, Some(Instant::now())), Ok(1)) {
            self.owner_gone("its process has ended");
        }
    }

    fn owner_gone(&mut self, why: &str) {
        let Some(owner) = self.owner.take() else { return };
        log(&format!("the owner, process {}, is gone: {why}", owner.pid));
        self.follow_exit();
    }

    fn follow_exit(&mut self) {
        if self.on_owner_exit == OnOwnerExit::Kill {
            self.kill_all(self.kill_grace);
        }
    }
}
