//! The messages between owner and supervisor, and their frames.
//!
//! A frame is its length (four bytes, little endian) and one JSON value. The first frame of
//! each side carries the protocol number; whoever sees another than its own says so and ends the
//! connection, so those two frames must stay readable for every later release.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::OnOwnerExit;
use crate::limits::Limits;
use crate::sys::socket;
use crate::task::{LaunchRequest, Outcome, Pid, TaskState};

/// Rises with every change that an older side would misunderstand.
pub(crate) const PROTOCOL: u32 = 1;

/// Largest frame, in bytes: the arguments and environment of one program are at most 2 MiB on
/// Linux by default, and JSON may double them.
pub(crate) const FRAME_LEN_MAX: usize = 4 << 20;

/// Bytes waiting to be sent beyond which the supervisor takes no further requests.
pub(crate) const BACKLOG_LEN_MAX: usize = 4 << 20;

/// What the owner sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// First and only once.
    Hello(Hello),
    /// Run a task.
    Launch(Box<LaunchRequest>),
    /// End a task: SIGTERM, and SIGKILL after the grace period.
    Kill { task: String, grace_ms: u64 },
    /// The end of this task is known to the owner.
    Acknowledge { task: String },
    /// The owner leaves in good order; what follows is what follows its exit.
    Close,
}

/// Who the owner is and what it wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) version: String,
    pub(crate) on_owner_exit: OnOwnerExit,
    pub(crate) kill_grace_ms: u64,
}

/// The part of a first request that every release can read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AnyHello {
    pub(crate) hello: AnyHelloBody,
}

/// See [`AnyHello`].
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AnyHelloBody {
    pub(crate) protocol: u32,
}

/// What the supervisor sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// To whoever started it, on the socket it was started with: it listens now.
    Ready,
    /// The answer to `Hello`.
    Welcome(Welcome),
    /// The other answer to `Hello`; the connection ends.
    Refused(Refused),
    /// The program of a task runs.
    Started { task: String, pid: Pid, sandbox: String, started_ns: i64 },
    /// A task came to its end.
    Ended { task: String, sandbox: Option<String>, outcome: Outcome },
    /// A request about this task was not carried out.
    Rejected { task: String, message: String },
}

/// The supervisor takes this owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) protocol: u32,
    pub(crate) version: String,
    pub(crate) pid: Pid,
    pub(crate) guard: Pid,
    pub(crate) limits: Limits,
    pub(crate) tasks: Vec<WireTask>,
}

/// A task in a `Welcome`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireTask {
    pub(crate) task: String,
    pub(crate) pid: Option<Pid>,
    pub(crate) sandbox: Option<String>,
    pub(crate) started_ns: Option<i64>,
    pub(crate) state: TaskState,
}

/// The supervisor does not take this owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) protocol: u32,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// Why an owner is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The protocol numbers differ.
    Protocol,
    /// This process owns it already.
    InUse { owner: Pid },
    /// Another supervisor lives for this work directory.
    Locked,
    /// It cannot serve at all.
    Failed,
}

/// What a look at the connection gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// All that is there for now.
    Some,
    /// The other side is gone; what it sent before is in the buffer.
    Closed,
}

/// One end of a connection, with what is half received and half sent. Never blocks.
#[derive(Debug)]
pub(crate) struct Channel {
    stream: UnixStream,
    input: Vec<u8>,
    /// How much of `input` is taken already: cutting off each frame would move all the rest.
    taken: usize,
    output: Vec<u8>,
}

impl Channel {
    /// Takes over a connected stream.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, input: Vec::new(), taken: 0, output: Vec::new() })
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Bytes that wait to be sent.
    pub(crate) fn backlog(&self) -> usize {
        self.output.len()
    }

    /// Queues a message. It is sent by `flush`.
    pub(crate) fn push<T: Serialize>(&mut self, message: &T) -> Result<(), usize> {
        let start = self.output.len();
        self.output.extend_from_slice(&[0; 4]);
        let written = serde_json::to_writer(&mut self.output, message);
        let len = self.output.len() - start - 4;
        let fits = u32::try_from(len).ok().filter(|_| written.is_ok() && len <= FRAME_LEN_MAX);
        let Some(prefix) = fits else {
            self.output.truncate(start);
            return Err(len);
        };
        self.output[start..start + 4].copy_from_slice(&prefix.to_le_bytes());
        Ok(())
    }

    /// Sends what the socket takes now.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        let answer = loop {
            if sent == self.output.len() {
                break Ok(());
            }
            match socket::send(self.stream.as_fd(), &self.output[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.output.drain(..sent);
        answer
    }

    /// Reads what is there now.
    pub(crate) fn receive(&mut self) -> io::Result<Received> {
        use std::io::Read;
        self.input.drain(..std::mem::take(&mut self.taken));
        let mut chunk = [0; 16 << 10];
        // One whole frame may wait in the buffer, not the whole of a flood.
        while self.input.len() <= FRAME_LEN_MAX + 4 {
            match (&self.stream).read(&mut chunk) {
                Ok(0) => return Ok(Received::Closed),
                Ok(count) => self.input.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The peer was killed with data of ours unread: gone, as at a plain end.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Ok(Received::Closed);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Received::Some)
    }

    /// Takes the bytes of the next whole frame out of the buffer.
    pub(crate) fn next_frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        let rest = &self.input[self.taken..];
        let Some(prefix) = rest.first_chunk::<4>() else { return Ok(None) };
        let len = usize::try_from(u32::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
        if len > FRAME_LEN_MAX {
            let text = format!("a frame of {len} bytes; the largest is {FRAME_LEN_MAX}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let Some(frame) = rest.get(4..4 + len) else { return Ok(None) };
        let frame = frame.to_vec();
        self.taken += 4 + len;
        Ok(Some(frame))
    }
}

/// Reads a frame as a message.
pub(crate) fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    serde_json::from_slice(frame)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{ExitStatus, TaskCommand};

    fn pair() -> (Channel, Channel) {
        let (a, b) = UnixStream::pair().expect("a pair of sockets");
        (Channel::new(a).expect("non-blocking"), Channel::new(b).expect("non-blocking"))
    }

    #[test]
    fn messages_cross_in_order_however_the_bytes_are_cut() {
        let (mut here, mut there) = pair();
        let launch = LaunchRequest::new("t", TaskCommand::Shell("exit 3".into()));
        here.push(&Request::Launch(Box::new(launch.clone()))).expect("fits");
        here.push(&Request::Kill { task: "t".into(), grace_ms: 18_446_744_073_709_551_615 })
            .expect("fits");
        let bytes = std::mem::take(&mut here.output);
        let mut seen = Vec::new();
        for byte in bytes {
            here.output.push(byte);
            here.flush().expect("sends");
            assert_eq!(there.receive().expect("receives"), Received::Some);
            while let Some(frame) = there.next_frame().expect("a good frame") {
                seen.push(decode::<Request>(&frame).expect("a request"));
            }
        }
        match &seen[..] {
            [Request::Launch(got), Request::Kill { grace_ms: u64::MAX, .. }] => {
                assert_eq!(**got, launch);
            }
            other => panic!("unexpected {other:?}"),
        }
        drop(here);
        assert_eq!(there.receive().expect("receives"), Received::Closed);
    }

    #[test]
    fn a_frame_that_claims_too_much_is_an_error_and_not_an_allocation() {
        let (mut here, mut there) = pair();
        here.output.extend_from_slice(&u32::MAX.to_le_bytes());
        here.flush().expect("sends");
        there.receive().expect("receives");
        assert!(there.next_frame().is_err());
    }

    #[test]
    fn a_message_that_is_too_large_is_not_queued() {
        let (mut here, _there) = pair();
        let text = "x".repeat(FRAME_LEN_MAX);
        let launch = LaunchRequest::new("t", TaskCommand::Shell(text));
        assert!(here.push(&Request::Launch(Box::new(launch))).is_err());
        assert_eq!(here.backlog(), 0);
    }

    #[test]
    fn the_hello_of_a_later_release_still_tells_its_protocol() {
        let later = br#"{"hello":{"protocol":7,"on_owner_exit":"ask","more":[1,2]},"x":1}"#;
        assert_eq!(decode::<AnyHello>(later).expect("readable").hello.protocol, 7);
    }

    #[test]
    fn what_was_refused_and_what_ended_survive_the_trip_as_json() {
        let exit = crate::Exit {
            status: ExitStatus::Signal(9),
            usage: Some(crate::Usage { wall_ns: u64::MAX, ..Default::default() }),
            is_kill_requested: true,
            is_kill_forced: false,
            is_over_memory: false,
            ended_ns: i64::MIN,
        };
        let reply = Reply::Ended {
            task: "t".into(),
            sandbox: Some("t-1".into()),
            outcome: Outcome::Exited(exit.clone()),
        };
        let text = serde_json::to_vec(&reply).expect("encodes");
        match decode::<Reply>(&text).expect("decodes") {
            Reply::Ended { outcome: Outcome::Exited(got), .. } => assert_eq!(got, exit),
            other => panic!("unexpected {other:?}"),
        }
    }
}
