//! The loop: wait for a socket, a process or a deadline; serve it; until nobody needs us.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::log;
use super::owner::{Candidate, Owner};
use super::recover::check_pidfd;
use super::start::Failure;
use super::task::{Process, Task};
use crate::OnOwnerExit;
use crate::cgroup;
use crate::limits::Limits;
use crate::place::Place;
use crate::procfs;
use crate::protocol::{BACKLOG_LEN_MAX, Reason};
use crate::record::{Record, RecordFile};
use crate::sys;
use crate::sys::process::{self, Children};
use crate::sys::shared::SharedByte;
use crate::task::Pid;

/// The whole state of the supervisor.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) place: Place,
    /// Held locked to the end.
    _lock: File,
    pub(super) listener: UnixListener,
    signals: OwnedFd,
    pub(super) records: RecordFile,
    pub(super) boot_id: String,
    pub(super) guard: Pid,
    pub(super) guard_byte: SharedByte,
    pub(super) limits: Limits,
    pub(super) cgroups: Option<cgroup::Tree>,
    pub(super) descriptor_limit: libc::rlimit,

    pub(super) owner: Option<Owner>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) on_owner_exit: OnOwnerExit,
    pub(super) kill_grace: Duration,
    /// A signal told us to end: tasks are killed and nobody is served any more.
    pub(super) is_terminating: bool,

    /// Tasks by the number of their launch.
    pub(super) tasks: BTreeMap<u64, Task>,
    /// The owner's keys of those tasks.
    pub(super) keys: HashMap<String, u64>,
    pub(super) next_launch: u64,
    /// Sessions of ended tasks that may still have members, and when those tasks ended.
    pub(super) ended_sessions: Vec<(Pid, Instant)>,
    /// Launches whose cgroups are still to be removed.
    pub(super) leaving_cgroups: Vec<u64>,
}

/// What an entry of the poll set stands for.
#[derive(Clone, Copy, Debug)]
enum Source {
    Signals,
    Listener,
    Candidate(RawFd),
    OwnerSocket,
    OwnerProcess,
    /// The main process of a launch has ended.
    Main(u64),
    /// A launching child has something to report.
    Report(u64),
}

impl Daemon {
    /// Takes possession of the work directory, and brings back what is on record there.
    pub(super) fn open(
        place: Place,
        cgroup: Option<&Path>,
        guard_byte: SharedByte,
        starter: UnixStream,
    ) -> Result<Self, Failure> {
        let lock = place.open_lock().map_err(Failure::of("open supervisor.lock"))?;
        if !sys::try_lock(lock.as_fd()).map_err(Failure::of("lock supervisor.lock"))? {
            let message = "another supervisor lives for this work directory".to_owned();
            return Err(Failure { reason: Reason::Locked, message });
        }
        check_pidfd().map_err(Failure::of("use pidfds (Linux 5.3 or newer is needed)"))?;
        let signals = [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP];
        let signals = process::signal_descriptor(&signals).map_err(Failure::of("read signals"))?;
        let descriptor_limit =
            process::raise_descriptor_limit().map_err(Failure::of("raise RLIMIT_NOFILE"))?;
        let (records, contents) =
            RecordFile::open(&place).map_err(Failure::of("open the record file"))?;
        fs::create_dir_all(place.sandboxes()).map_err(Failure::of("make sandboxes/"))?;
        let _ = fs::remove_file(place.socket());
        let listener =
            UnixListener::bind(place.socket()).map_err(Failure::of("listen on its socket"))?;
        listener.set_nonblocking(true).map_err(Failure::of("listen on its socket"))?;
        let (limits, cgroups) = choose_limits(cgroup, place.path());
        let mut daemon = Self {
            place,
            _lock: lock,
            listener,
            signals,
            records,
            boot_id: procfs::boot_id(),
            guard: process::parent(),
            guard_byte,
            limits,
            cgroups,
            descriptor_limit,
            owner: None,
            candidates: Vec::new(),
            on_owner_exit: contents.on_owner_exit,
            kill_grace: Duration::ZERO,
            is_terminating: false,
            tasks: BTreeMap::new(),
            keys: HashMap::new(),
            next_launch: contents.next_launch,
            ended_sessions: Vec::new(),
            leaving_cgroups: Vec::new(),
        };
        daemon.recover(&contents);
        // Not before: a supervisor that fails early must not cost the tasks of another.
        daemon.set_mode(contents.on_owner_exit);
        daemon.add_starter(starter);
        Ok(daemon)
    }

    /// Serves until there is no owner, no task, and no process left.
    pub(super) fn run(mut self) -> io::Result<()> {
        log("serves");
        while !self.is_done() {
            let (mut entries, sources) = self.poll_set();
            sys::poll(&mut entries, self.next_deadline())?;
            for (entry, source) in entries.iter().zip(sources) {
                if entry.revents != 0 {
                    self.serve(source);
                }
            }
            self.reap_children();
            self.force_overdue();
            self.remove_cgroups();
            self.drop_silent_candidates();
            self.flush_owner();
        }
        log("ends");
        // Before the lock goes: the next supervisor's socket must not be the one removed.
        fs::remove_file(self.place.socket())
    }

    fn is_done(&self) -> bool {
        let is_needed = match &self.owner {
            Some(owner) if owner.is_leaving() => owner.channel().backlog() > 0,
            Some(_) => !self.is_terminating,
            None => false,
        };
        !is_needed
            && (self.candidates.is_empty() || self.is_terminating)
            && self.alive().next().is_none()
            && matches!(process::look_at_children(), Ok(Children::Nobody))
    }

    fn poll_set(&self) -> (Vec<libc::pollfd>, Vec<Source>) {
        let mut entries = Vec::with_capacity(self.tasks.len() + 8);
        let mut sources = Vec::with_capacity(self.tasks.len() + 8);
        let mut add = |fd: RawFd, source: Source| {
            entries.push(sys::readable(fd));
            sources.push(source);
        };
        add(self.signals.as_raw_fd(), Source::Signals);
        add(self.listener.as_raw_fd(), Source::Listener);
        for candidate in &self.candidates {
            add(candidate.raw_fd(), Source::Candidate(candidate.raw_fd()));
        }
        for (launch, process) in self.alive() {
            add(process.pidfd.as_raw_fd(), Source::Main(launch));
            let launching = self.tasks[&launch].launching.as_ref();
            if let Some(launching) = launching.filter(|launching| launching.failed.is_none()) {
                add(launching.report.as_raw_fd(), Source::Report(launch));
            }
        }
        if let Some(owner) = &self.owner {
            if let Some(fd) = owner.process_fd() {
                add(fd, Source::OwnerProcess);
            }
            let mut entry = sys::readable(owner.channel().raw_fd());
            let backlog = owner.channel().backlog();
            if backlog > 0 {
                entry.events |= libc::POLLOUT;
            }
            if backlog > BACKLOG_LEN_MAX {
                // It does not read what it asked for: no further requests until it does.
                entry.events &= !libc::POLLIN;
            }
            entries.push(entry);
            sources.push(Source::OwnerSocket);
        }
        (entries, sources)
    }

    fn serve(&mut self, source: Source) {
        match source {
            Source::Signals => self.serve_signals(),
            Source::Listener => self.accept(),
            Source::Candidate(fd) => self.serve_candidate(fd),
            Source::OwnerSocket => {
                self.flush_owner();
                self.serve_owner();
            }
            Source::OwnerProcess => self.check_owner_alive(),
            // Those that are children are reaped all together after this round.
            Source::Main(launch) => self.finish_adopted(launch),
            Source::Report(launch) => self.read_report(launch),
        }
    }

    fn serve_signals(&mut self) {
        while let Some(signal) = process::next_signal(self.signals.as_fd()) {
            if signal != libc::SIGCHLD && !self.is_terminating {
                log(&format!("ends because of signal {signal}"));
                self.is_terminating = true;
                self.kill_all(self.kill_grace);
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let candidates = self.candidates.iter().map(|candidate| candidate.deadline);
        candidates.chain(self.next_kill()).min()
    }

    /// The living main processes by launch.
    pub(super) fn alive(&self) -> impl Iterator<Item = (u64, &Process)> {
        self.tasks.iter().filter_map(|(&launch, task)| Some((launch, task.process.as_ref()?)))
    }

    /// The living main process of a launch.
    pub(super) fn process_mut(&mut self, launch: u64) -> Option<&mut Process> {
        self.tasks.get_mut(&launch)?.process.as_mut()
    }

    /// Appends to the record file. A failure is logged: the loop goes on from memory.
    pub(super) fn write_record(&mut self, record: &Record) {
        if let Err(error) = self.records.append(record) {
            log(&format!("cannot write the record file: {error}"));
        }
    }
}

fn choose_limits(cgroup: Option<&Path>, work_dir: &Path) -> (Limits, Option<cgroup::Tree>) {
    // SAFETY: the supervisor has one thread.
    let tree = unsafe { cgroup::probe(cgroup) }
        .and_then(|root| cgroup::Tree::open(&root, work_dir).map_err(|error| error.to_string()));
    match tree {
        Ok(tree) => (Limits::cgroups(tree.path()), Some(tree)),
        Err(why) => (Limits::rlimits(&why), None),
    }
}
