//! Thin safe wrappers over the system calls that the standard library has no words for.
//!
//! This folder is the only place of the crate with `unsafe`, apart from the child side of `fork`
//! (`supervisor/child.rs`) and `dladdr` (`client/locate.rs`). The crate uses `libc` and not a
//! safe wrapper crate: it needs `fork`, `wait4` with its usage record, pidfds, `close_range` and
//! socket options of recent kernels together, which no wrapper offers without `libc` beside it.

pub(crate) mod process;
pub(crate) mod shared;
pub(crate) mod socket;

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Turns the answer -1 into the error it stands for.
pub(crate) fn check(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// One entry of a poll set: wait until `fd` can be read.
pub(crate) fn readable(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// Waits until an entry is ready or the deadline is over; `None` waits without end. Gives the
/// number of ready entries; a signal counts as none ready.
pub(crate) fn poll(entries: &mut [libc::pollfd], deadline: Option<Instant>) -> io::Result<usize> {
    let timeout_ms = match deadline {
        None => -1,
        Some(at) => {
            let left = at.saturating_duration_since(Instant::now());
            // Rounded up: a wait that ends a fraction early would spin until the deadline.
            let left_ms = left.as_nanos().div_ceil(1_000_000);
            libc::c_int::try_from(left_ms).unwrap_or(libc::c_int::MAX)
        }
    };
    let count = libc::nfds_t::try_from(entries.len()).unwrap_or(libc::nfds_t::MAX);
    // SAFETY: the pointer and the count describe the slice, which lives across the call.
    let ready = unsafe { libc::poll(entries.as_mut_ptr(), count, timeout_ms) };
    match check(ready) {
        Ok(ready) => Ok(usize::try_from(ready).unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error),
    }
}

/// Takes the exclusive lock of an open file without waiting; `false`: another holds it.
pub(crate) fn try_lock(file: BorrowedFd<'_>) -> io::Result<bool> {
    use std::os::fd::AsRawFd;
    // SAFETY: `flock` on a valid descriptor touches no memory of this process.
    match check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EWOULDBLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The wall clock, nanoseconds since the Unix epoch.
pub(crate) fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
