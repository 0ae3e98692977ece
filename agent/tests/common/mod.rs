//! What the tests of the agent share: a supervisor in a directory of its own, waiting with a
//! deadline for what must happen, and looking at real processes.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tamias_agent::{
    Exit, LaunchRequest, OnOwnerExit, Pid, Supervisor, SupervisorEvent, SupervisorOptions,
    TaskCommand,
};

/// Far longer than anything takes, even on a machine under load; only a failure waits for it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A grace that no test waits for.
pub const LONG_GRACE: Duration = Duration::from_secs(3600);

pub fn options(dir: &Path, on_owner_exit: OnOwnerExit) -> SupervisorOptions {
    SupervisorOptions {
        executable: Some(PathBuf::from(env!("CARGO_BIN_EXE_tamias-supervisor"))),
        on_owner_exit,
        kill_grace: Duration::from_millis(200),
        ..SupervisorOptions::new(dir)
    }
}

/// A supervisor in a new directory. The handle goes first when both are dropped.
pub struct Host {
    pub supervisor: Supervisor,
    pub events: Vec<SupervisorEvent>,
    pub dir: tempfile::TempDir,
}

impl Host {
    pub fn new() -> Self {
        Self::with(OnOwnerExit::Kill)
    }

    pub fn with(on_owner_exit: OnOwnerExit) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let supervisor =
            Supervisor::start(&options(dir.path(), on_owner_exit)).expect("a supervisor");
        Self { supervisor, events: Vec::new(), dir }
    }

    pub fn launch(&mut self, task: &str, command: TaskCommand) {
        self.supervisor.launch(LaunchRequest::new(task, command)).expect("the launch is sent");
    }

    pub fn shell(&mut self, task: &str, text: &str) {
        self.launch(task, TaskCommand::Shell(text.into()));
    }

    /// Waits until an event so far or to come satisfies the predicate.
    pub fn wait_for<T>(&mut self, what: &str, is_it: impl Fn(&SupervisorEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = self.events.iter().find_map(&is_it) {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what} within the deadline: {:?}", self.events);
            self.supervisor.wait(Duration::from_secs(1)).expect("waits");
            self.events.extend(self.supervisor.read_events().expect("reads"));
        }
    }

    pub fn started(&mut self, task: &str) -> Pid {
        self.wait_for(&format!("start of {task}"), |event| match event {
            SupervisorEvent::Started { task: t, pid } if t == task => Some(*pid),
            _ => None,
        })
    }

    pub fn exited(&mut self, task: &str) -> Exit {
        self.wait_for(&format!("end of {task}"), |event| match event {
            SupervisorEvent::Exited { task: t, exit } if t == task => Some(exit.clone()),
            _ => None,
        })
    }

    pub fn failed(&mut self, task: &str) -> String {
        self.wait_for(&format!("failed launch of {task}"), |event| match event {
            SupervisorEvent::LaunchFailed { task: t, message } if t == task => {
                Some(message.clone())
            }
            _ => None,
        })
    }

    pub fn run(&mut self, task: &str, text: &str) -> Exit {
        self.shell(task, text);
        self.exited(task)
    }

    pub fn sandbox(&self, task: &str) -> PathBuf {
        let info = self.supervisor.task(task).expect("the task is known");
        info.sandbox.clone().expect("it has a sandbox")
    }

    pub fn output(&self, task: &str) -> String {
        fs::read_to_string(self.sandbox(task).join("stdout")).expect("stdout can be read")
    }
}

/// Waits until the condition holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within the deadline: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One certain process: its number and its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: Pid,
    pub start_ticks: u64,
}

impl Process {
    pub fn of(pid: Pid) -> Option<Self> {
        Some(Self { pid, start_ticks: field_after_name(pid, 19)?.parse().ok()? })
    }

    /// Whether there is anything of it, be it a zombie. A zombie of process 1 does not count:
    /// it is ours no more, and process 1 may take its time.
    pub fn exists(self) -> bool {
        Self::of(self.pid) == Some(self) && !(is_zombie(self.pid) && parent_of(self.pid) == Some(1))
    }

    /// Sends a signal; the process must be there.
    pub fn signal(self, signal: i32) {
        assert!(self.exists(), "{self:?} is there to be signalled");
        // SAFETY: `kill` takes two integers; the process is one that the test made.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
    }

    pub fn kill(self) {
        self.signal(libc::SIGKILL);
    }
}

/// The parent of a process.
pub fn parent_of(pid: Pid) -> Option<Pid> {
    field_after_name(pid, 1)?.parse().ok()
}

fn is_zombie(pid: Pid) -> bool {
    field_after_name(pid, 0).as_deref() == Some("Z")
}

fn field_after_name(pid: Pid, index: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = &stat[stat.rfind(')')? + 2..];
    fields.split_ascii_whitespace().nth(index).map(str::to_owned)
}

/// Waits until a file holds that many lines, each the number of a process.
pub fn pids_in(file: &Path, count: usize) -> Vec<Process> {
    let read = || fs::read_to_string(file).unwrap_or_default();
    eventually("pids written", || read().lines().count() == count);
    read()
        .lines()
        .map(|line| Process::of(line.trim().parse().expect("a number")).expect("it runs"))
        .collect()
}

/// Waits until nothing of these processes is left, not even a zombie (see `Process::exists`).
pub fn all_gone(processes: &[Process]) {
    for &process in processes {
        eventually(&format!("{process:?} is gone"), || !process.exists());
    }
}

/// A shell text that leaves descendants of every kind and writes all their numbers to `pids` in
/// the sandbox: itself, a child, one in a session of its own, a daemon whose parent has exited,
/// one without the environment that marks it, and one that has covered every trace.
pub const FAMILY: &str = "\
echo $$ >> pids
sleep 1000 & echo $! >> pids
setsid sh -c 'sleep 1000; true' & echo $! >> pids
(setsid sh -c 'sleep 1000; true' & echo $! >> pids)
env -i setsid sleep 1000 & echo $! >> pids
(cd / && exec env -i setsid sleep 1000 </dev/null >/dev/null 2>&1) & echo $! >> pids
wait";

/// How many numbers `FAMILY` writes.
pub const FAMILY_COUNT: usize = 6;

/// The first so many still bear the mark of their sandbox.
pub const FAMILY_MARKED: usize = 4;

/// The last one can be known as nobody's.
pub const FAMILY_TRACEABLE: usize = 5;

/// Ends the members that only their guard or supervisor could have known.
pub fn end_unmarked(family: &[Process]) {
    for process in &family[FAMILY_MARKED..] {
        // One that had not cleaned its environment yet has been found by its mark.
        if process.exists() {
            // SAFETY: `kill` takes two integers; the process is one that the test made.
            unsafe { libc::kill(process.pid, libc::SIGKILL) };
        }
    }
}
