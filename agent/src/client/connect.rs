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

/// Pause before another attempt: the first, and the longest. It doubles from one to the other.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(2);
const RETRY_PAUSE_MAX: Duration = Duration::from_millis(250);

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
    let mut pause = RETRY_PAUSE_MIN;
    loop {
        let attempt = match attach(place, options, deadline)? {
            Some(attempt) => attempt,
            None => start(place, options, deadline)?,
        };
        if let Attempt::Done(channel, welcome) = attempt {
            return Ok((channel, welcome));
        }
        if Instant::now() >= deadline {
            return Err(timeout(place));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(RETRY_PAUSE_MAX);
    }
}

/// Whether nobody listens: no socket file, or one that a dead supervisor left.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Connects to the supervisor that lives; `None`: there is none.
fn attach(
    place: &Place,
    options: &SupervisorOptions,
    deadline: Instant,
) -> Result<Option<Attempt>, Error> {
    let stream = match UnixStream::connect(place.socket()) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(source) => {
            let path = place.path().join("supervisor.sock");
            return Err(Error::WorkDir { path, action: "connect to", source });
        }
    };
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
    match first_reply(&mut channel, place, deadline)? {
        // It ended between our connecting and its accepting.
        None => Ok(Some(Attempt::Again)),
        Some(Reply::Welcome(welcome)) => Ok(Some(Attempt::Done(channel, welcome))),
        Some(Reply::Refused(refused)) => Err(refusal(place, refused)),
        Some(_) => Err(bad_answer(place, "neither a welcome nor a refusal")),
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
    // `command` holds the other end of the socket, which must close when the program ends.
    drop(command);
    // The program forks and exits at once. Where the host ignores SIGCHLD, or waits for every
    // child, somebody else has collected it: that is an error here and no harm.
    let status = child.wait();
    let mut starter = Channel::new(ours).map_err(Error::system("prepare the socket"))?;
    match first_reply(&mut starter, place, deadline)? {
        None => {
            let status = status.map_or(String::new(), |status| format!(" ({status})"));
            let log = place.log();
            Err(failed(format!(
                "it ended{status} without a word; is it the `tamias-supervisor` of this \
                 release? Its log is {}",
                log.display()
            )))
        }
        // It waits for us as long as `starter` is open.
        Some(Reply::Ready) => Ok(attach(place, options, deadline)?.unwrap_or(Attempt::Again)),
        Some(Reply::Refused(refused)) => match refused.reason {
            // Another one is a little ahead of ours, or the last one is not quite gone.
            Reason::Locked => Ok(Attempt::Again),
            Reason::Failed => Err(failed(refused.message)),
            _ => Err(refusal(place, refused)),
        },
        Some(_) => Err(bad_answer(place, "neither ready nor a refusal")),
    }
}

/// Waits for the first answer; `None`: the connection closed without one.
fn first_reply(
    channel: &mut Channel,
    place: &Place,
    deadline: Instant,
) -> Result<Option<Reply>, Error> {
    loop {
        let received = channel.receive().unwrap_or(Received::Closed);
        let bad = |error: io::Error| bad_answer(place, &error.to_string());
        if let Some(frame) = channel.next_frame().map_err(bad)? {
            return decode::<Reply>(&frame).map(Some).map_err(bad);
        }
        if received == Received::Closed {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Err(timeout(place));
        }
        let mut entries = [sys::readable(channel.raw_fd())];
        sys::poll(&mut entries, Some(deadline)).map_err(Error::system("poll the socket"))?;
    }
}

fn bad_answer(place: &Place, why: &str) -> Error {
    let message = format!("its answer cannot be read: {why}");
    Error::Refused { work_dir: place.path().to_owned(), message }
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
