//! A file descriptor that is readable while it is raised: an eventfd, or a pipe elsewhere.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Level-triggered wakeup that any event loop can watch.
#[derive(Debug)]
pub(crate) struct Signal {
    reader: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    writer: OwnedFd,
}

impl Signal {
    #[cfg(target_os = "linux")]
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd has no memory arguments; the result is checked and owned by nobody else.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Self { reader: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> io::Result<Self> {
        let mut fds = [0; 2];
        // SAFETY: the array has room for the two descriptors that pipe writes.
        if unsafe { libc::pipe(fds.as_mut_ptr()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        for fd in fds {
            // SAFETY: fcntl on descriptors that were just opened.
            unsafe {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
                libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK);
            }
        }
        // SAFETY: fresh descriptors that nobody else owns.
        unsafe {
            Ok(Self { reader: OwnedFd::from_raw_fd(fds[0]), writer: OwnedFd::from_raw_fd(fds[1]) })
        }
    }

    #[cfg(target_os = "linux")]
    fn writer(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    #[cfg(not(target_os = "linux"))]
    fn writer(&self) -> RawFd {
        self.writer.as_raw_fd()
    }

    /// Makes it readable. Raising it twice is the same as once.
    pub(crate) fn raise(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: writes 8 bytes from an array of 8 to an own descriptor. It cannot block; a full
        // counter or pipe means that it is readable already.
        unsafe { libc::write(self.writer(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable.
    pub(crate) fn clear(&self) {
        let mut buffer = [0_u8; 64];
        // SAFETY: reads at most 64 bytes into an array of 64; it cannot block. One read empties an
        // eventfd; a pipe is emptied over several waits at worst.
        unsafe { libc::read(self.reader.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    }
}

impl AsRawFd for Signal {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}
