//! The two sides of `fork` for a task: what is prepared before, what the child does after.
//!
//! The child stops at a *gate* until the supervisor has written down its process number and start
//! time; if the supervisor dies first, the gate closes and the child exits. Then it takes on the
//! task's shape step by step and becomes the program. A step that fails is told through a second
//! pipe, which closes by itself when the program starts: so "cannot be started" and "exited with
//! code 127" are never mixed up.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::sys::process::{self, Fork, exit_now};
use crate::task::Pid;

/// All that the child needs, made before the fork: the child only makes system calls.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) argv: Vec<CString>,
    pub(super) env: Vec<CString>,
    /// Paths to try in turn.
    pub(super) candidates: Vec<CString>,
    pub(super) working_directory: CString,
    pub(super) stdin: CString,
    pub(super) stdout: CString,
    pub(super) stderr: CString,
    /// The file by which to enter the task's cgroup.
    pub(super) cgroup_procs: Option<CString>,
    /// Limit on private writable memory of each process, bytes.
    pub(super) data_bytes_max: Option<u64>,
    /// Limit on open descriptors that the supervisor was started with.
    pub(super) descriptor_limit: libc::rlimit,
    /// Whether the program is to be killed when the supervisor dies.
    pub(super) dies_with_supervisor: bool,
}

/// A child at the gate.
#[derive(Debug)]
pub(super) struct AtGate {
    pub(super) pid: Pid,
    /// One byte written here lets it go on; closing it makes it exit.
    pub(super) gate: OwnedFd,
    /// Tells of a failed step; ends when the program starts.
    pub(super) report: OwnedFd,
}

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Step {
    Session = 1,
    Cgroup,
    Limit,
    Stdin,
    Stdout,
    Stderr,
    WorkingDirectory,
    Exec,
}

/// A report of a failed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) step: Step,
    pub(super) errno: i32,
}

/// Size of a report: the step and the error number.
pub(super) const REPORT_LEN: usize = 5;

impl Failed {
    fn encode(self) -> [u8; REPORT_LEN] {
        let [a, b, c, d] = self.errno.to_ne_bytes();
        [self.step as u8, a, b, c, d]
    }

    pub(super) fn decode(bytes: [u8; REPORT_LEN]) -> Option<Self> {
        let [step, a, b, c, d] = bytes;
        let steps = [
            Step::Session,
            Step::Cgroup,
            Step::Limit,
            Step::Stdin,
            Step::Stdout,
            Step::Stderr,
            Step::WorkingDirectory,
            Step::Exec,
        ];
        let step = steps.into_iter().find(|&known| known as u8 == step)?;
        Some(Self { step, errno: i32::from_ne_bytes([a, b, c, d]) })
    }
}

/// Forks a child that waits at its gate.
pub(super) fn fork_to_gate(program: &Program) -> io::Result<AtGate> {
    let (gate_in, gate) = process::pipe()?;
    let (report, report_in) = process::pipe()?;
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(&program.argv), pointers(&program.env));
    let supervisor = Pid::try_from(std::process::id()).unwrap_or(0);
    // SAFETY: the supervisor has one thread.
    match unsafe { process::fork() }? {
        Fork::Parent(pid) => Ok(AtGate { pid, gate, report }),
        Fork::Child => {
            drop(gate);
            let child = Child { program, argv: &argv, env: &env, supervisor };
            let failed = child.become_program(gate_in.as_raw_fd());
            write_all(report_in.as_raw_fd(), &failed.encode());
            exit_now(127)
        }
    }
}

struct Child<'a> {
    program: &'a Program,
    argv: &'a [*const libc::c_char],
    env: &'a [*const libc::c_char],
    supervisor: Pid,
}

impl Child<'_> {
    /// Returns only when a step failed.
    fn become_program(&self, gate: RawFd) -> Failed {
        let failed = |step| Failed { step, errno: last_errno() };
        if process::start_session().is_err() {
            return failed(Step::Session);
        }
        if self.program.dies_with_supervisor {
            // SAFETY: these calls take integers only.
            let parent = unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
                libc::getppid()
            };
            // It may have died before the line above: then no signal comes any more.
            if parent != self.supervisor {
                exit_now(0);
            }
        }
        process::reset_signals();
        if !pass_gate(gate) {
            exit_now(0);
        }
        match self.take_shape() {
            Ok(()) => Failed { step: Step::Exec, errno: self.execute() },
            Err(step) => failed(step),
        }
    }

    fn take_shape(&self) -> Result<(), Step> {
        let program = self.program;
        if let Some(procs) = &program.cgroup_procs {
            // "0" means the writer itself.
            // SAFETY: the path is NUL-terminated.
            let fd = unsafe { libc::open(procs.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
            if fd < 0 || !write_all(fd, b"0") {
                return Err(Step::Cgroup);
            }
        }
        set_limit(libc::RLIMIT_NOFILE, program.descriptor_limit)?;
        if let Some(bytes) = program.data_bytes_max {
            set_limit(libc::RLIMIT_DATA, libc::rlimit { rlim_cur: bytes, rlim_max: bytes })?;
        }
        // SAFETY: the path is NUL-terminated.
        if unsafe { libc::chdir(program.working_directory.as_ptr()) } != 0 {
            return Err(Step::WorkingDirectory);
        }
        let output = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
        open_as(0, &program.stdin, libc::O_RDONLY).map_err(|()| Step::Stdin)?;
        open_as(1, &program.stdout, output).map_err(|()| Step::Stdout)?;
        open_as(2, &program.stderr, output).map_err(|()| Step::Stderr)
    }

    /// Tries the candidates as a shell would: goes on where nothing is found, remembers a
    /// refusal, stops at any other error. Gives the error number.
    fn execute(&self) -> i32 {
        let mut answer = libc::ENOENT;
        for candidate in &self.program.candidates {
            // SAFETY: the path is NUL-terminated; both lists end with a null pointer and their
            // texts live in `program`.
            unsafe { libc::execve(candidate.as_ptr(), self.argv.as_ptr(), self.env.as_ptr()) };
            match last_errno() {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => answer = libc::EACCES,
                other => return other,
            }
        }
        answer
    }
}

/// Waits for the byte; `false`: the supervisor is gone or has changed its mind.
fn pass_gate(gate: RawFd) -> bool {
    let mut byte = 0_u8;
    loop {
        // SAFETY: at most one byte is written, to a byte.
        match unsafe { libc::read(gate, (&raw mut byte).cast(), 1) } {
            1 => return true,
            -1 if last_errno() == libc::EINTR => {}
            _ => return false,
        }
    }
}

fn open_as(target: RawFd, path: &CString, flags: libc::c_int) -> Result<(), ()> {
    // SAFETY: the path is NUL-terminated. Descriptors 0 to 2 are open in the supervisor, so the
    // new one lies above and `dup2` clears its close-on-exec flag.
    let done = unsafe {
        let fd = libc::open(path.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NOCTTY, 0o644);
        fd >= 0 && libc::dup2(fd, target) >= 0
    };
    if done { Ok(()) } else { Err(()) }
}

/// The type that names a resource differs between C libraries.
#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

fn set_limit(resource: Resource, limit: libc::rlimit) -> Result<(), Step> {
    // SAFETY: the pointer leads to an initialised record.
    let answer = unsafe { libc::setrlimit(resource, &raw const limit) };
    if answer == 0 { Ok(()) } else { Err(Step::Limit) }
}

fn write_all(fd: RawFd, bytes: &[u8]) -> bool {
    // So few bytes go whole or not at all.
    // SAFETY: pointer and length describe the slice.
    let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(written) == Ok(bytes.len())
}

fn last_errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
