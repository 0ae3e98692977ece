//! Starting a supervisor, or attaching to the one that lives.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::SupervisorOptions;
use super::locate::locate;
use crate::error::Error;
use crate::place::Place;
use crate::protocol::{
    Channel, Hello, PROTOCOL, Reason, Received, Refused, Reply, Request, Welcome, decode,
};
use crate::sys;

/// How long a start may take altogether. A supervisor answers within milliseconds; the rest is
/// for a machine under load and for the one before it, which may be about to end.
const START_WAIT: Duration = Duration::from_secs(30);

/// Pause before another attempt.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// What an attempt came to.
enum Attempt {
    Done(Channel, Welcome),
    /// A supervisor is just beginning or just ending: try again.
    Again,
}

/// Gives a connection on which the supervisor has said welcome.
pub(super) fn connect(
    place: &Place,
    options: &SupervisorOptions,
) -> Result<(Channel, Welcome), Error> {
    let deadline = Instant::now() + START_WAIT;
    loop {
        let attempt = match UnixStream::connect(place.socket()) {
            Ok(stream) => attach(stream, place, options, deadline)?,
            Err(error) if is_nobody(&error) => start(place, options, deadline)?,
            Err(source) => {
                let path = place.path().join("supervisor.sock");
                return Err(Error::WorkDir { path, action: "connect to", source });
            }
        };
        if let Attempt::Done(channel, welcome) = attempt {
            return Ok((channel, welcome));
        }
        if Instant::now() >= deadline {
            return Err(timeout(place));
        }
        thread::sleep(RETRY_PAUSE);
    }
}

/// Whether nobody listens: no socket file, or one that a dead supervisor left.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn attach(
    stream: UnixStream,
    place: &Place,
    options: &SupervisorOptions,
    deadline: Instant,
) -> Result<Attempt, Error> {
    match greet(stream, place, options, deadline)? {
        // It ended between our connecting and its accepting.
        Answer::Nothing => Ok(Attempt::Again),
        Answer::Welcome(channel, welcome) => Ok(Attempt::Done(channel, welcome)),
        Answer::Refused(refused) => Err(refusal(place, refused)),
    }
}

fn start(place: &Place, options: &SupervisorOptions, deadline: Instant) -> Result<Attempt, Error> {
    let executable = locate(options.executable.as_deref())?;
    let failed = |message: String| Error::Start { executable: executable.clone(), message };
    let (ours, theirs) =
        UnixStream::pair().map_err(|error| failed(format!("cannot make sockets: {error}")))?;
    let mut command = Command::new(&executable);
    command.arg("--work-dir").arg(place.path());
    let cgroup = options.cgroup.clone().or_else(|| {
        std::env::var_os("TAMIAS_CGROUP").filter(|value| !value.is_empty()).map(Into::into)
    });
    if let Some(cgroup) = cgroup {
        command.arg("--cgroup").arg(cgroup);
    }
    // Nothing here asks for code between fork and exec: so the standard library takes
    // `posix_spawn`, which is safe in a process with threads.
    command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    // `command` holds the other end of the socket: its end must be seen when the program ends.
    drop(command);
    // The program forks and exits at once. Where the host ignores SIGCHLD, or waits for every
    // child, somebody else has collected it: that is an error here and no harm.
    let status = child.wait();
    match greet(ours, place, options, deadline)? {
        Answer::Nothing => {
            let status = status.map_or(String::new(), |status| format!(" ({status})"));
            let log = place.log();
            Err(failed(format!(
                "it ended{status} without a word; is it the `tamias-supervisor` of this \
                 release? Its log is {}",
                log.display()
            )))
        }
        Answer::Welcome(channel, welcome) => Ok(Attempt::Done(channel, welcome)),
        Answer::Refused(refused) => match refused.reason {
            // Another one is a little ahead of ours, or the last one is not quite gone.
            Reason::Locked => Ok(Attempt::Again),
            Reason::Failed => Err(failed(refused.message)),
            _ => Err(refusal(place, refused)),
        },
    }
}

/// The first answer of a supervisor.
enum Answer {
    Welcome(Channel, Welcome),
    Refused(Refused),
    /// The connection closed without one.
    Nothing,
}

fn greet(
    stream: UnixStream,
    place: &Place,
    options: &SupervisorOptions,
    deadline: Instant,
) -> Result<Answer, Error> {
    let mut channel = Channel::new(stream).map_err(Error::system("prepare the socket"))?;
    let hello = Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        on_owner_exit: options.on_owner_exit,
        kill_grace_ms: millis(options.kill_grace),
    };
    // So short a message always fits, and a supervisor that ended before reading it may still
    // have said why: the answer is read in either case.
    let _ = channel.push(&Request::Hello(hello));
    let _ = channel.flush();
    loop {
        let received = channel.receive().unwrap_or(Received::Closed);
        let bad = |error: io::Error| Error::Refused {
            work_dir: place.path().to_owned(),
            message: format!("its answer cannot be read: {error}"),
        };
        if let Some(frame) = channel.next_frame().map_err(bad)? {
            return match decode::<Reply>(&frame).map_err(bad)? {
                Reply::Welcome(welcome) => Ok(Answer::Welcome(channel, welcome)),
                Reply::Refused(refused) => Ok(Answer::Refused(refused)),
                _ => Err(bad(io::Error::other("neither a welcome nor a refusal"))),
            };
        }
        if received == Received::Closed {
            return Ok(Answer::Nothing);
        }
        if Instant::now() >= deadline {
            return Err(timeout(place));
        }
        let mut entries = [sys::readable(channel.raw_fd())];
        sys::poll(&mut entries, Some(deadline)).map_err(Error::system("poll the socket"))?;
    }
}

fn refusal(place: &Place, refused: Refused) -> Error {
    let work_dir = place.path().to_owned();
    match refused.reason {
        Reason::Protocol if refused.protocol != PROTOCOL => {
            Error::Protocol { work_dir, theirs: refused.protocol, ours: PROTOCOL }
        }
        Reason::InUse { owner } => Error::InUse { work_dir, owner },
        _ => Error::Refused { work_dir, message: refused.message },
    }
}

fn timeout(place: &Place) -> Error {
    Error::Timeout { work_dir: place.path().to_owned(), seconds: START_WAIT.as_secs() }
}

/// A duration for a message: rounded up, so that a short grace is not none.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Makes the work directory.
pub(super) fn make_place(work_dir: &Path) -> Result<Place, Error> {
    let failed = |source| Error::WorkDir { path: work_dir.to_owned(), action: "make", source };
    Place::create(work_dir).map_err(failed)
}
