//! Unix sockets: who is at the other end, and transfers that raise no SIGPIPE.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use super::check;
use crate::task::Pid;

/// `SO_PEERPIDFD` of asm-generic/socket.h, Linux 6.5; `libc` does not have it for every target.
const SO_PEERPIDFD: libc::c_int = 77;

/// The process at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) pid: Pid,
    pub(crate) uid: u32,
}

/// Who connected, as the kernel noted it.
pub(crate) fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let mut cred = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = socklen(size_of::<libc::ucred>());
    // SAFETY: the option writes at most `len` bytes into `cred`, which is that large.
    check(unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut cred).cast(),
            &raw mut len,
        )
    })?;
    Ok(Peer { pid: cred.pid, uid: cred.uid })
}

/// A pidfd of the process that connected. It names that process even when its number has been
/// given to another since, where the kernel has the option; older kernels go by the number.
pub(crate) fn peer_pidfd(stream: &UnixStream) -> io::Result<OwnedFd> {
    let mut fd: RawFd = -1;
    let mut len = socklen(size_of::<RawFd>());
    // SAFETY: the option writes at most `len` bytes into `fd`, which is that large.
    let answer = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_PEERPIDFD,
            (&raw mut fd).cast(),
            &raw mut len,
        )
    };
    if answer == 0 && fd >= 0 {
        // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
        return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    super::process::pidfd_open(peer(stream)?.pid)
}

/// Writes what fits. A closed peer is the error EPIPE, never the signal: the owner's process
/// belongs to its host, which may have left SIGPIPE deadly.
pub(crate) fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe the slice, which lives across the call.
    let sent = unsafe {
        libc::send(
            fd.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Whether a descriptor is a socket.
pub(crate) fn is_socket(fd: RawFd) -> bool {
    // SAFETY: `stat` is plain data for which all-zero is a value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `fstat` writes one `stat`, which is what the pointer leads to.
    let answer = unsafe { libc::fstat(fd, &raw mut stat) };
    answer == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFSOCK
}

/// The user that this process acts as.
pub(crate) fn effective_uid() -> u32 {
    // SAFETY: `geteuid` always succeeds and touches no memory.
    unsafe { libc::geteuid() }
}

fn socklen(size: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(size).unwrap_or(0)
}
