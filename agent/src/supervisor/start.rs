//! From the program that the owner spawned to guard and supervisor.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use super::daemon::Daemon;
use crate::OnOwnerExit;
use crate::place::Place;
use crate::procfs;
use crate::protocol::{Channel, PROTOCOL, Reason, Refused, Reply};
use crate::sweep;
use crate::sys::process::{self, Children, Fork};
use crate::sys::shared::SharedByte;
use crate::sys::socket;
use crate::task::{ExitStatus, Pid};

/// Values of the byte by which the supervisor tells the guard what to do when it is gone.
pub(super) const GUARD_KEEPS: u8 = 0;
pub(super) const GUARD_KILLS: u8 = 1;

/// Length of the log beyond which a new supervisor puts it aside, bytes.
const LOG_LEN_MAX: u64 = 1 << 20;

/// Why the supervisor cannot serve.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Failure {
    /// For `map_err`: names what was tried.
    pub(super) fn of(action: &str) -> impl FnOnce(io::Error) -> Self {
        let action = action.to_owned();
        move |error| Self { reason: Reason::Failed, message: format!("cannot {action}: {error}") }
    }
}

/// What the process that the owner spawned does.
pub(super) fn start(work_dir: &Path, cgroup: Option<&Path>) -> ExitCode {
    // Before all else: with SIGCHLD ignored, as a host may have left it, children vanish unseen.
    process::reset_signals();
    if !socket::is_socket(0) {
        eprintln!("tamias-supervisor: standard input is no socket; the library starts me");
        return ExitCode::from(2);
    }
    process::close_from(3);
    let Ok(stream) = process::duplicate_above_standard(0) else { return ExitCode::FAILURE };
    let stream = UnixStream::from(stream);
    let answer = detach_standard(Path::new("/dev/null"))
        .map_err(Failure::of("detach from the host"))
        .and_then(|()| split(&stream, work_dir, cgroup));
    match answer {
        Ok(code) => code,
        Err(failure) => {
            refuse(stream, failure);
            ExitCode::FAILURE
        }
    }
}

/// Makes guard and supervisor; returns in each of the three processes when its part is done.
fn split(stream: &UnixStream, work_dir: &Path, cgroup: Option<&Path>) -> Result<ExitCode, Failure> {
    // SAFETY: this program has started no thread.
    match unsafe { process::fork() }.map_err(Failure::of("fork the guard"))? {
        // The starter: gone at once, so that the host has waited for it in no time.
        Fork::Parent(_) => return Ok(ExitCode::SUCCESS),
        Fork::Child => {}
    }
    process::start_session().map_err(Failure::of("start a session"))?;
    process::become_subreaper().map_err(Failure::of("become a subreaper"))?;
    // The host's directory must not be kept busy; the path was made absolute by the owner.
    std::env::set_current_dir("/").map_err(Failure::of("change to /"))?;
    let guard_byte = SharedByte::new(GUARD_KEEPS).map_err(Failure::of("share memory"))?;
    // SAFETY: this program has started no thread.
    match unsafe { process::fork() }.map_err(Failure::of("fork the supervisor"))? {
        Fork::Parent(supervisor) => guard(supervisor, &guard_byte, work_dir),
        Fork::Child => {
            supervise(stream, work_dir, cgroup, guard_byte)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The guard: waits for the end of the supervisor, then cleans up after it.
fn guard(supervisor: Pid, byte: &SharedByte, work_dir: &Path) -> ! {
    process::set_name(c"tamias-guard");
    process::block_all_signals();
    // The socket above all: an owner must see the end of the supervisor, not of the guard.
    process::close_from(0);
    let me = Pid::try_from(std::process::id()).unwrap_or(0);
    // Only the supervisor is a child until it ends; then its children are.
    let end = process::reap(supervisor);
    let is_clean = matches!(end, Ok((ExitStatus::Code(0), _)));
    let mut is_swept = is_clean || byte.get() != GUARD_KILLS;
    loop {
        if byte.get() == GUARD_KILLS {
            for child in procfs::children(me) {
                // By the group too: what is in it dies in one go and cannot fork away.
                let _ = process::signal_group(child, libc::SIGKILL);
                let _ = process::signal_child(child, libc::SIGKILL);
            }
        }
        if !std::mem::replace(&mut is_swept, true) {
            // And those that the supervisor had taken over from an earlier one, which never were
            // its children. A work directory that is gone has nothing on record.
            let place = Place::open(work_dir).ok();
            let _ = place.and_then(|place| sweep::after_loss(&place, OnOwnerExit::Kill));
        }
        // Children that are kept are waited for as well: where the host is process 1 of a
        // container and reaps nobody, they would stay zombies for ever.
        match process::wait_any() {
            Ok(Children::Nobody) | Err(_) => std::process::exit(0),
            Ok(_) => {}
        }
    }
}

/// The supervisor, to its end.
fn supervise(
    stream: &UnixStream,
    work_dir: &Path,
    cgroup: Option<&Path>,
    guard_byte: SharedByte,
) -> Result<(), Failure> {
    process::start_session().map_err(Failure::of("start a session"))?;
    process::become_subreaper().map_err(Failure::of("become a subreaper"))?;
    let place = Place::open(work_dir)
        .map_err(Failure::of(&format!("open the work directory {}", work_dir.display())))?;
    let log = place.log();
    if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > LOG_LEN_MAX) {
        // Best effort: a log that cannot be moved only grows.
        let _ = fs::rename(&log, log.with_extension("log.old"));
    }
    detach_standard(&log).map_err(Failure::of("open supervisor.log"))?;
    let starter = stream.try_clone().map_err(Failure::of("copy the socket"))?;
    let daemon = Daemon::open(place, cgroup, guard_byte, starter)?;
    daemon.run().map_err(Failure::of("go on"))
}

/// Standard input and output become empty, standard error the file: nothing of the host's stays
/// open, or whoever waits for the end of its output would wait for the supervisor.
fn detach_standard(errors: &Path) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let errors = OpenOptions::new().append(true).create(true).mode(0o600).open(errors)?;
    let (null, errors): (OwnedFd, File) = (null.into(), errors);
    process::duplicate_onto(null.as_fd(), 0)?;
    process::duplicate_onto(null.as_fd(), 1)?;
    process::duplicate_onto(errors.as_fd(), 2)
}

/// Tells the owner why there is no service. Nothing more can be done if even that fails.
fn refuse(stream: UnixStream, failure: Failure) {
    let Ok(mut channel) = Channel::new(stream) else { return };
    let Failure { reason, message } = failure;
    let _ = channel.push(&Reply::Refused(Refused { protocol: PROTOCOL, reason, message }));
    let _ = channel.flush();
}
