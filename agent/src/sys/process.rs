//! Processes: pidfds, waiting, signals, and the settings of the calling process.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;
use crate::task::{ExitStatus, Pid, Usage};

/// A descriptor that names this very process, whatever becomes of its number.
pub(crate) fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers and makes a descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = check(libc::c_int::try_from(fd).unwrap_or(-1))?;
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal to the process that a pidfd names; a process that is gone is no error.
pub(crate) fn pidfd_signal(pidfd: BorrowedFd<'_>, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: a null siginfo is allowed and means "as kill would fill it".
    let answer = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    ignore_gone(check(libc::c_int::try_from(answer).unwrap_or(-1)))
}

/// Sends a signal to one process; a process that is gone is no error. Only for children that
/// the caller has not reaped: their numbers cannot belong to anyone else.
pub(crate) fn signal_child(pid: Pid, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: `kill` takes two integers.
    ignore_gone(check(unsafe { libc::kill(pid, signal) }))
}

/// Sends a signal to a process group; `false`: there is no such group.
pub(crate) fn signal_group(group: Pid, signal: libc::c_int) -> io::Result<bool> {
    // A group of 0 or 1 would reach the caller's own group or every process there is.
    if group <= 1 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: `kill` takes two integers.
    match check(unsafe { libc::kill(-group, signal) }) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        Err(error) => Err(error),
    }
}

fn ignore_gone(answer: io::Result<libc::c_int>) -> io::Result<()> {
    match answer {
        Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(error),
        _ => Ok(()),
    }
}

/// What a look at one's children shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Children {
    /// This one has ended and waits to be reaped.
    Ended(Pid),
    /// There are some, all alive.
    Alive,
    /// There are none.
    Nobody,
}

/// Looks for an ended child without reaping it: as long as it is a zombie its number, and the
/// number of its process group, cannot be given to anyone else.
pub(crate) fn look_at_children() -> io::Result<Children> {
    // SAFETY: `siginfo_t` is plain data for which all-zero is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `waitid` writes one `siginfo_t`, which is what the pointer leads to.
    match check(unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) }) {
        Ok(_) => {
            // SAFETY: after a successful `waitid` the child fields of the union are in force;
            // they are 0 when no child has ended.
            let pid = unsafe { info.si_pid() };
            Ok(if pid == 0 { Children::Alive } else { Children::Ended(pid) })
        }
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(Children::Nobody),
        Err(error) => Err(error),
    }
}

/// Reaps an ended child: how it ended and what it used (without wall time).
pub(crate) fn reap(pid: Pid) -> io::Result<(ExitStatus, Usage)> {
    let mut status = 0;
    // SAFETY: `rusage` is plain data for which all-zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers lead to values of the types that `wait4` writes.
        match check(unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) }) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let exit = if libc::WIFSIGNALED(status) {
        ExitStatus::Signal(libc::WTERMSIG(status))
    } else {
        ExitStatus::Code(libc::WEXITSTATUS(status))
    };
    let usage = Usage {
        cpu_user_ns: timeval_ns(usage.ru_utime),
        cpu_system_ns: timeval_ns(usage.ru_stime),
        rss_kib_max: u64::try_from(usage.ru_maxrss).unwrap_or(0),
        wall_ns: 0,
    };
    Ok((exit, usage))
}

/// Waits until any child ends, and reaps it; `Nobody`: there is none to wait for.
pub(crate) fn wait_any() -> io::Result<Children> {
    loop {
        let mut status = 0;
        // SAFETY: the pointer leads to the integer that `waitpid` writes.
        match check(unsafe { libc::waitpid(-1, &raw mut status, 0) }) {
            Ok(pid) => return Ok(Children::Ended(pid)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                return Ok(Children::Nobody);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Reaps the process that a pidfd names, if it is an ended child of the caller. For hosts that
/// adopt orphans (process 1 of a container): there the guard has become the host's child. By
/// pidfd, because by number another child of the host could be meant.
pub(crate) fn reap_if_child(pidfd: BorrowedFd<'_>) {
    let Ok(id) = libc::id_t::try_from(pidfd.as_raw_fd()) else { return };
    // SAFETY: `siginfo_t` is plain data for which all-zero is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `waitid` writes one `siginfo_t`, which is what the pointer leads to.
    unsafe { libc::waitid(libc::P_PIDFD, id, &raw mut info, libc::WEXITED | libc::WNOHANG) };
}

/// The parent of the calling process.
pub(crate) fn parent() -> Pid {
    // SAFETY: `getppid` takes nothing and always succeeds.
    unsafe { libc::getppid() }
}

fn timeval_ns(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(micros * 1_000)
}

/// The side of a `fork` that the caller is on.
#[derive(Debug)]
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old one, with the number of the new one.
    Parent(Pid),
}

/// Splits the process in two.
///
/// # Safety
/// The process must have only this thread: in the child, locks that other threads held would
/// stay locked for ever.
pub(crate) unsafe fn fork() -> io::Result<Fork> {
    // SAFETY: the caller promises that there is one thread.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Leaves without running anything that the process has set up for its end.
pub(crate) fn exit_now(code: libc::c_int) -> ! {
    // SAFETY: `_exit` runs no handlers and does not return.
    unsafe { libc::_exit(code) }
}

/// Gives every signal its default action and unblocks all: hosts leave SIGCHLD or SIGPIPE
/// ignored, and ignored signals stay ignored in a program that they start.
pub(crate) fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the default action runs no code of ours. SIGKILL, SIGSTOP and the two that the
        // C library keeps answer EINVAL, which changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    set_signal_mask(&empty_signals());
}

/// Blocks every signal that can be blocked.
pub(crate) fn block_all_signals() {
    let mut all = empty_signals();
    // SAFETY: the pointer leads to a set that `empty_signals` has initialised.
    unsafe { libc::sigfillset(&raw mut all) };
    set_signal_mask(&all);
}

/// Blocks the signals and gives a descriptor that reads them instead.
pub(crate) fn signal_descriptor(signals: &[libc::c_int]) -> io::Result<OwnedFd> {
    let mut set = empty_signals();
    for &signal in signals {
        // SAFETY: the pointer leads to a set that `empty_signals` has initialised.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set_signal_mask(&set);
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the pointer leads to an initialised set.
    let fd = check(unsafe { libc::signalfd(-1, &raw const set, flags) })?;
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Reads the next signal from such a descriptor.
pub(crate) fn next_signal(fd: BorrowedFd<'_>) -> Option<libc::c_int> {
    // SAFETY: `signalfd_siginfo` is plain data for which all-zero is a value.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: at most `size` bytes are written, and the record is that large.
    let got = unsafe { libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size) };
    if usize::try_from(got) == Ok(size) { i32::try_from(info.ssi_signo).ok() } else { None }
}

fn empty_signals() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the whole set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn set_signal_mask(set: &libc::sigset_t) {
    // SAFETY: the set is initialised; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, set, std::ptr::null_mut()) };
}

/// Makes orphans among the caller's descendants become its children.
pub(crate) fn become_subreaper() -> io::Result<()> {
    // SAFETY: this option of `prctl` takes integers only.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Starts a session of its own: no terminal, no Ctrl-C of the host's.
pub(crate) fn start_session() -> io::Result<Pid> {
    // SAFETY: `setsid` takes nothing.
    check(unsafe { libc::setsid() })
}

/// Names the calling process in process lists.
pub(crate) fn set_name(name: &std::ffi::CStr) {
    // SAFETY: the name is NUL-terminated; the kernel copies at most 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: RawFd) {
    let from = libc::c_uint::try_from(first).unwrap_or(0);
    // SAFETY: the caller has given up these descriptors; none is owned by a live value.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, from, libc::c_uint::MAX, 0) };
    if answer == 0 {
        return;
    }
    // Kernels before 5.9: close one by one what the process has open.
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|&fd| fd >= first) {
        // SAFETY: as above. The descriptor of the listing itself is closed already: EBADF.
        unsafe { libc::close(fd) };
    }
}

/// The limit on open descriptors, raised as far as allowed: a task needs one for its pidfd.
/// Gives the limit that was in force, which tasks get back.
pub(crate) fn raise_descriptor_limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer leads to the record that the call writes.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: the pointer leads to an initialised record.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) })?;
    Ok(limit)
}

/// A pipe: the end to read from and the end to write to; both are closed in started programs.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [RawFd; 2] = [-1; 2];
    // SAFETY: the pointer leads to two integers, which is what `pipe2` writes.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the kernel has just made these descriptors for us and nobody else knows them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// A copy of a descriptor above the standard three, closed in started programs.
pub(crate) fn duplicate_above_standard(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: `fcntl` with this command takes an integer and makes a descriptor.
    let copy = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Makes `target` another name of `source`, open in started programs too.
pub(crate) fn duplicate_onto(source: BorrowedFd<'_>, target: RawFd) -> io::Result<()> {
    // SAFETY: `dup2` takes two integers; the caller gives up what `target` was.
    check(unsafe { libc::dup2(source.as_raw_fd(), target) }).map(drop)
}
