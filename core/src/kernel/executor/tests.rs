//! What the shell owes to those who share a kernel: nothing posted lies about, nothing applied is
//! denied, nobody sleeps through the end.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::command::{RegisterAgent, Subscribe};
use crate::kernel::journal::{JournalOptions, replay_path};
use crate::kernel::{AgentDriver, Driver, Kernel};
use crate::options::Options;
use crate::value::{Bytes, Ext};

fn in_memory() -> Kernel {
    Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap()
}

fn on_journal(path: &Path, durability: Durability) -> Kernel {
    let mut wanted = JournalOptions::new(Options::default(), Time(0));
    wanted.durability = durability;
    Kernel::open_journal(path, &wanted, Clock::manual(Time(0))).unwrap()
}

fn agent() -> RegisterAgent {
    RegisterAgent { resources: "cpus:1".parse().unwrap(), ..RegisterAgent::default() }
}

/// An agent whose registration takes more than that many bytes in the journal.
fn large_agent(bytes: usize) -> RegisterAgent {
    let ext = Ext { media_type: "text/plain".into(), bytes: Bytes(vec![b'x'; bytes]) };
    RegisterAgent { ext: Some(ext), ..agent() }
}

/// Has the journal write to a file that takes nothing; returns the true one.
fn break_journal(kernel: &Kernel, path: &Path) -> File {
    let read_only = File::open(path).unwrap();
    put_file(kernel, read_only)
}

fn put_file(kernel: &Kernel, file: File) -> File {
    let mut writer = kernel.shared.writer.lock();
    writer.journal.as_mut().unwrap().exchange_file(file)
}

fn hash_on_disk(path: &Path) -> [u8; 32] {
    replay_path(path, None).unwrap().state.hash()
}

#[test]
fn a_post_during_a_read_is_applied_after_it() {
    let kernel = in_memory();
    let driver = kernel.agent_driver().unwrap();
    kernel.shared.with_state(|_| kernel.post(Some(driver.id()), agent()).unwrap());
    assert!(kernel.shared.posts.is_empty(), "nobody else comes along to apply it");
    assert_eq!(kernel.branch().agents().len(), 1);
}

#[test]
fn who_waits_for_the_lock_while_a_defect_is_found_is_refused() {
    let kernel = in_memory();
    let driver = kernel.agent_driver().unwrap();
    std::thread::scope(|scope| {
        let late = kernel.shared.with_state(|_| {
            let late = scope.spawn(|| driver.register(agent()));
            // Time for it to get to the lock; should it be slower, the test is only weaker.
            std::thread::sleep(Duration::from_millis(50));
            kernel.shared.poison();
            late
        });
        assert_eq!(late.join().unwrap().unwrap_err().code(), Code::KernelPoisoned);
    });
}

#[test]
fn nobody_sleeps_through_a_defect() {
    let kernel = in_memory();
    let sessions = [kernel.agent_driver().unwrap(), kernel.agent_driver().unwrap()];
    std::thread::scope(|scope| {
        let wait = |driver: &AgentDriver| driver.wait(None);
        let waits = sessions.each_ref().map(|driver| scope.spawn(move || wait(driver)));
        std::thread::sleep(Duration::from_millis(50));
        kernel.shared.poison();
        for wait in waits {
            assert_eq!(wait.join().unwrap().unwrap_err().code(), Code::KernelPoisoned);
        }
    });
}

#[test]
fn what_was_accepted_before_a_defect_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = on_journal(&path, Durability::Async);
    let driver = kernel.agent_driver().unwrap();
    driver.register(agent()).unwrap();
    let hash = kernel.state_hash();
    kernel.shared.poison();
    drop((driver, kernel));
    assert_eq!(hash_on_disk(&path), hash);
}

#[test]
fn events_wait_until_their_command_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = on_journal(&path, Durability::Sync);
    let roles = vec!["dev".into()];
    let framework = kernel.subscribe(Subscribe { roles, ..Subscribe::default() }).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let fd = framework.event_fd().unwrap();

    let file = break_journal(&kernel, &path);
    let error = driver.register(agent()).unwrap_err();
    assert_eq!(error.code(), Code::System);
    assert!(error.message().ends_with("applied all the same"), "{error}");
    assert_eq!(framework.poll(9).unwrap(), [], "the offer is not on the disk");
    let before = kernel.state_hash();
    assert_eq!(driver.register(agent()).unwrap_err().code(), Code::System);
    assert_eq!(kernel.state_hash(), before, "nothing more is taken meanwhile");

    put_file(&kernel, file);
    driver.register(agent()).unwrap();
    assert!(is_readable(fd));
    assert_eq!(framework.poll(9).unwrap().len(), 2);
    assert_eq!(hash_on_disk(&path), kernel.state_hash());
}

#[test]
fn a_full_disk_denies_nothing_that_was_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = on_journal(&path, Durability::Async);
    let driver = kernel.agent_driver().unwrap();
    let file = break_journal(&kernel, &path);
    let mut registered = 0;
    let (refused, before) = loop {
        let before = kernel.state_hash();
        match driver.register(large_agent(400_000)) {
            Ok(_) => registered += 1,
            Err(refused) => break (refused, before),
        }
    };
    assert_eq!(refused.code(), Code::JournalFull);
    assert_eq!(kernel.state_hash(), before);
    assert_eq!(kernel.branch().agents().len(), registered);
    assert!(registered > 1, "a buffer of 8 MiB takes more");
    assert_eq!(kernel.flush().unwrap_err().code(), Code::System, "a flush says why");

    put_file(&kernel, file);
    driver.register(large_agent(400_000)).unwrap();
    kernel.flush().unwrap();
    assert_eq!(hash_on_disk(&path), kernel.state_hash());
}

#[test]
fn an_atomic_batch_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = on_journal(&path, Durability::Async);
    let driver = kernel.agent_driver().unwrap();
    let some = |count| vec![Command::from(large_agent(400_000)); count];
    for round in 1..=3 {
        driver.call_batch(some(15), Batch::Atomic).unwrap();
        assert_eq!(kernel.branch().agents().len(), 15 * round);
    }
    let before = kernel.state_hash();
    let refused = driver.call_batch(some(30), Batch::Atomic).unwrap_err();
    assert_eq!(refused.code(), Code::LimitReached, "{refused}");
    assert_eq!(kernel.state_hash(), before);
    kernel.flush().unwrap();
    assert_eq!(hash_on_disk(&path), before);
}

#[test]
fn a_wakeup_that_came_late_keeps_nobody_busy() {
    let kernel = in_memory();
    let driver = kernel.agent_driver().unwrap();
    let fd = driver.event_fd().unwrap();
    let one = 1_u64.to_ne_bytes();
    // SAFETY: writes 8 bytes from an array of 8 to an open eventfd.
    unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
    let before = cpu_time();
    assert!(!driver.wait(Some(Duration::from_millis(500))).unwrap());
    let spent = cpu_time().checked_sub(before).unwrap();
    assert!(spent < Duration::from_millis(250), "{spent:?} of cpu for a sleep of half a second");
}

#[test]
fn several_may_close_a_session_at_once() {
    let kernel = in_memory();
    for _ in 0..100 {
        let driver = kernel.agent_driver().unwrap();
        std::thread::scope(|scope| {
            let threads = [(); 3].map(|()| scope.spawn(|| driver.close()));
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
    }
    assert_eq!(kernel.branch().sessions().len(), 0);
}

#[test]
fn a_forked_child_lets_go_of_everything_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = on_journal(&path, Durability::Async);
    let driver = kernel.agent_driver().unwrap();
    driver.register(agent()).unwrap();
    // On a kernel of its own: one that keeps time would write the journal out.
    let timed = in_memory();
    let thread = Driver::start(&timed).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    // The lock is taken in the child, by a thread that it does not have.
    let child = kernel.shared.with_state(|_| {
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    // SAFETY: the child only drops what it was given and leaves by _exit.
                    let child = unsafe { libc::fork() };
                    if child == 0 {
                        // SAFETY: each handle is read once, and nobody drops it again: the child
                        // ends here.
                        unsafe {
                            drop(std::ptr::read(&raw const thread));
                            drop(std::ptr::read(&raw const driver));
                            drop(std::ptr::read(&raw const kernel));
                            drop(std::ptr::read(&raw const timed));
                            libc::_exit(0);
                        }
                    }
                    child
                })
                .join()
                .unwrap()
        })
    });
    assert_eq!(exit_status(child), Some(0));
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the child wrote nothing");
    driver.register(agent()).unwrap();
    kernel.flush().unwrap();
    assert_eq!(hash_on_disk(&path), kernel.state_hash());
}

fn is_readable(fd: std::os::fd::RawFd) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

/// What this thread has used.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// How the child ended; one that hangs is killed.
fn exit_status(child: libc::pid_t) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut status = 0;
    // SAFETY: a child of ours, and a valid place for its status.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if Instant::now() > deadline {
            // SAFETY: as above; it is not reaped yet, so the number is still its own.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}
