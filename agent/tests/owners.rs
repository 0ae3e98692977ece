//! Owners that come and go, and what is left when owner, supervisor or guard are killed.
//!
//! An owner that is to be killed is this test program again, in the part `an_owner` below.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::{
    FAMILY, FAMILY_COUNT, FAMILY_MARKED, Host, LONG_GRACE, Process, all_gone, end_unmarked,
    eventually, options, parent_of, pids_in,
};
use tamias_agent::{
    Error, ExitStatus, LaunchRequest, OnOwnerExit, Pid, Supervisor, SupervisorEvent,
    SupervisorOptions, TaskCommand, TaskState,
};

const DIR: &str = "TAMIAS_TEST_DIR";
const MODE: &str = "TAMIAS_TEST_MODE";
const F: &str = "family";
const HOST: &str = "TAMIAS_TEST_HOST";

/// Not a test: an owner in a process of its own, which other tests start with a folder and kill.
/// It runs the family in one task, prints the number of its supervisor, and stays until it is
/// killed or its input ends. Without a folder there is nothing to own.
#[test]
fn an_owner() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    let mode = match std::env::var(MODE).as_deref() {
        Ok("keep") => OnOwnerExit::Keep,
        _ => OnOwnerExit::Kill,
    };
    let mut supervisor = Supervisor::start(&options(&dir, mode)).expect("a supervisor");
    let heir = (std::env::var(HOST).as_deref() == Ok("forks")).then(fork_heir);
    let is_first = supervisor.task("family").is_none();
    if is_first {
        let family = LaunchRequest::new(F, TaskCommand::Shell(FAMILY.into()));
        supervisor.launch(family).expect("sent");
        let brief = LaunchRequest::new("brief", TaskCommand::Shell("exit 9".into()));
        supervisor.launch(brief).expect("sent");
    }
    let mut seen = Vec::new();
    eventually("both have happened", || {
        seen.extend(supervisor.read_events().expect("reads"));
        let brief_ended = |e: &SupervisorEvent| {
            matches!(e, SupervisorEvent::Exited { task, exit } if task == "brief"
                && exit.status == ExitStatus::Code(9))
        };
        let family_runs =
            |e: &SupervisorEvent| matches!(e, SupervisorEvent::Started { task, .. } if task == F);
        seen.iter().any(brief_ended) && (!is_first || seen.iter().any(family_runs))
    });
    println!("ready {} {}", supervisor.pid(), heir.unwrap_or(0));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("waits for the end");
    assert!(supervisor.close(common::DEADLINE).expect("closes"));
    println!("closed");
}

/// Forks a child that holds every descriptor of this process open and does nothing else.
fn fork_heir() -> Pid {
    // SAFETY: the child only makes system calls.
    match unsafe { libc::fork() } {
        0 => loop {
            // SAFETY: `pause` takes nothing.
            unsafe { libc::pause() };
        },
        pid => pid,
    }
}

/// An owner process and what belongs to it.
struct Owner {
    child: Child,
    process: Process,
    supervisor: Process,
    guard: Process,
    heir: Option<Process>,
    family: Vec<Process>,
    dir: tempfile::TempDir,
    /// Held open, or what it prints at its end would fail.
    _output: BufReader<ChildStdout>,
}

impl Owner {
    fn start(mode: &str) -> Self {
        Self::start_as(mode, "plain", |_| {})
    }

    fn start_as(mode: &str, host: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().to_owned();
        Self { dir, ..Self::spawn(mode, host, &path, prepare) }
    }

    /// One that takes over what is in the directory of another.
    fn start_in(mode: &str, host: &str, dir: &Path) -> Self {
        Self::spawn(mode, host, dir, |_| {})
    }

    fn spawn(mode: &str, host: &str, path: &Path, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["an_owner", "--exact", "--nocapture"])
            .env(DIR, path)
            .env(MODE, mode)
            .env(HOST, host)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().expect("the owner starts");
        let mut output = BufReader::new(child.stdout.take().expect("is piped"));
        let ready = (&mut output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("ready ")?.1.to_owned()))
            .expect("the owner gets ready");
        let mut pids = ready.split(' ').map(|word| word.parse::<Pid>().expect("a number"));
        let pid = pids.next().expect("the supervisor");
        let supervisor = Process::of(pid).expect("the supervisor runs");
        let guard = parent_of(pid).and_then(Process::of).expect("the guard runs");
        let heir = pids.next().filter(|&pid| pid != 0).and_then(Process::of);
        let family = pids_in(&path.join("sandboxes/family-1/pids"), FAMILY_COUNT);
        let dir = tempfile::tempdir().expect("a temporary directory");
        let process = Process::of(Pid::try_from(child.id()).expect("fits")).expect("it runs");
        Self { child, process, supervisor, guard, heir, family, dir, _output: output }
    }

    fn kill(&mut self) {
        self.process.kill();
        self.child.wait().expect("is waited for");
    }

    /// Waits until nothing at all is left of it.
    fn assert_nothing_left(&self) {
        all_gone(&self.family);
        all_gone(&[self.supervisor, self.guard]);
        eventually("nothing is marked", || marked_with(self.dir.path()).is_empty());
    }
}

/// Every process whose environment names the directory, whatever became of it since.
fn marked_with(dir: &Path) -> Vec<Pid> {
    let mark = format!("TAMIAS_SANDBOX={}", dir.display()).into_bytes();
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<Pid>().ok())
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|window| window == mark)
        })
        .collect()
}

fn attach(dir: &Path, mode: OnOwnerExit) -> Supervisor {
    Supervisor::start(&options(dir, mode)).expect("attaches or starts")
}

/// The ends that a handle reports, until that of `task` is among them.
fn exit_of(supervisor: &mut Supervisor, task: &str) -> tamias_agent::Exit {
    let mut found = None;
    eventually("its end is told", || {
        for event in supervisor.read_events().expect("reads") {
            if let SupervisorEvent::Exited { task: t, exit } = event {
                if t == task {
                    found = Some(exit);
                }
            }
        }
        found.is_some()
    });
    found.expect("was found")
}

#[test]
fn a_killed_owner_leaves_nothing() {
    let mut owner = Owner::start("kill");
    owner.kill();
    owner.assert_nothing_left();
}

#[test]
fn a_killed_supervisor_leaves_nothing_but_its_owner() {
    let mut owner = Owner::start("kill");
    owner.supervisor.kill();
    owner.assert_nothing_left();
    assert!(owner.process.exists());
    owner.kill();
}

#[test]
fn owner_and_supervisor_killed_together_leave_nothing() {
    for _ in 0..5 {
        let mut owner = Owner::start("kill");
        owner.supervisor.kill();
        owner.process.kill();
        owner.child.wait().expect("is waited for");
        owner.assert_nothing_left();
    }
}

#[test]
fn owner_killed_before_its_supervisor_leaves_nothing() {
    for _ in 0..5 {
        let mut owner = Owner::start("kill");
        owner.process.kill();
        // It may have ended by itself in the meantime: both are meant.
        if owner.supervisor.exists() {
            // SAFETY: `kill` takes two integers.
            unsafe { libc::kill(owner.supervisor.pid, libc::SIGKILL) };
        }
        owner.child.wait().expect("is waited for");
        owner.assert_nothing_left();
    }
}

#[test]
fn a_killed_guard_disturbs_nobody() {
    let mut owner = Owner::start("kill");
    owner.guard.kill();
    eventually("the guard is gone", || !owner.guard.exists());
    assert!(owner.supervisor.exists());
    assert!(owner.family.iter().all(|process| process.exists()));
    owner.kill();
    owner.assert_nothing_left();
}

#[test]
fn with_guard_and_supervisor_killed_the_owner_itself_cleans_up() {
    let mut host = Host::new();
    host.shell("t", FAMILY);
    host.started("t");
    let family = pids_in(&host.sandbox("t").join("pids"), FAMILY_COUNT);
    let supervisor = Process::of(host.supervisor.pid()).expect("runs");
    let guard = parent_of(supervisor.pid).and_then(Process::of).expect("runs");
    guard.kill();
    eventually("the guard is gone", || !guard.exists());
    supervisor.kill();
    let exit = host.exited("t");
    assert_eq!((exit.status, exit.usage), (ExitStatus::Lost, None));
    host.wait_for("loss", |event| match event {
        SupervisorEvent::SupervisorLost { message } => Some(message.clone()),
        _ => None,
    });
    // All but those that nothing marks: only the guard could have known them.
    all_gone(&family[..FAMILY_MARKED]);
    end_unmarked(&family);
    let error = host
        .supervisor
        .launch(LaunchRequest::new("u", TaskCommand::Shell("true".into())))
        .expect_err("the supervisor is gone");
    assert!(matches!(error, Error::Lost { .. }), "{error:?}");
    // A new one on the same directory knows of the end, and serves.
    drop(host.supervisor);
    let mut again = attach(host.dir.path(), OnOwnerExit::Kill);
    assert_eq!(exit_of(&mut again, "t").status, ExitStatus::Lost);
    again.acknowledge_exit("t").expect("sent");
    again.launch(LaunchRequest::new("t", TaskCommand::Shell("exit 2".into()))).expect("sent");
    assert_eq!(exit_of(&mut again, "t").status, ExitStatus::Code(2));
}

#[test]
fn an_owner_that_closes_waits_until_nothing_is_left() {
    let mut owner = Owner::start("kill");
    owner.child.stdin.take().expect("is piped").write_all(b"\n").expect("tells it to close");
    assert!(owner.child.wait().expect("is waited for").success());
    owner.assert_nothing_left();
}

#[test]
fn kept_tasks_survive_their_owner_and_come_to_the_next() {
    let mut owner = Owner::start("keep");
    owner.kill();
    let dir = owner.dir.path();
    let mut next = attach(dir, OnOwnerExit::Keep);
    assert_eq!(next.pid(), owner.supervisor.pid, "the same supervisor");
    assert!(owner.family.iter().all(|process| process.exists()));
    let states: Vec<_> =
        next.tasks().map(|info| (info.task.as_str(), info.state == TaskState::Running)).collect();
    assert_eq!(states, [("brief", false), ("family", true)]);
    let exit = exit_of(&mut next, "brief");
    assert_eq!(exit.status, ExitStatus::Code(9));
    // Told, but not acknowledged: told again to the next. Acknowledged: not told again.
    drop(next);
    let mut third = attach(dir, OnOwnerExit::Keep);
    assert_eq!(exit_of(&mut third, "brief"), exit);
    third.acknowledge_exit("brief").expect("sent");
    assert!(third.close(Duration::from_secs(30)).expect("closes"));
    let mut fourth = attach(dir, OnOwnerExit::Kill);
    assert_eq!(fourth.tasks().map(|info| &info.task).collect::<Vec<_>>(), ["family"]);
    fourth.kill("family", LONG_GRACE).expect("sent");
    let exit = exit_of(&mut fourth, "family");
    assert_eq!(exit.status, ExitStatus::Signal(libc::SIGTERM));
    assert!(exit.usage.is_some(), "it was this supervisor's child all the time");
    drop(fourth);
    owner.assert_nothing_left();
}

#[test]
fn kept_tasks_survive_even_their_supervisor_and_then_their_status_is_lost() {
    let mut owner = Owner::start("keep");
    owner.supervisor.kill();
    owner.kill();
    let mut next = attach(owner.dir.path(), OnOwnerExit::Keep);
    assert_ne!(next.pid(), owner.supervisor.pid);
    assert!(owner.family.iter().all(|process| process.exists()));
    let info = next.task("family").expect("is known");
    assert_eq!((info.pid, &info.state), (Some(owner.family[0].pid), &TaskState::Running));
    assert_eq!(exit_of(&mut next, "brief").status, ExitStatus::Code(9), "this one was recorded");
    next.kill("family", LONG_GRACE).expect("sent");
    let exit = exit_of(&mut next, "family");
    assert_eq!((exit.status, exit.usage), (ExitStatus::Lost, None));
    assert!(exit.is_kill_requested);
    // The guard of the dead supervisor still waits for what it adopted.
    all_gone(&owner.family[..FAMILY_MARKED]);
    end_unmarked(&owner.family);
    drop(next);
    owner.assert_nothing_left();
}

#[test]
fn tasks_that_were_taken_over_do_not_outlive_an_owner_that_wants_them_killed() {
    let mut first = Owner::start("keep");
    first.supervisor.kill();
    first.kill();
    // An owner of the other mode takes over, and is killed with its supervisor.
    let mut second = Owner::start_in("kill", "adopts", first.dir.path());
    second.supervisor.kill();
    second.kill();
    all_gone(&first.family[..FAMILY_MARKED]);
    end_unmarked(&first.family);
    first.assert_nothing_left();
    all_gone(&[second.supervisor, second.guard]);
}

#[test]
fn a_kept_task_that_ends_without_supervisor_is_reported_as_lost() {
    let mut owner = Owner::start("keep");
    owner.supervisor.kill();
    owner.kill();
    for process in &owner.family {
        // Those that were in one group with it may be gone already.
        // SAFETY: `kill` takes two integers.
        unsafe { libc::kill(process.pid, libc::SIGKILL) };
    }
    all_gone(&owner.family);
    let mut next = attach(owner.dir.path(), OnOwnerExit::Keep);
    assert_eq!(exit_of(&mut next, "family").status, ExitStatus::Lost);
    drop(next);
    eventually("nothing is left", || marked_with(owner.dir.path()).is_empty());
}

#[test]
fn a_second_owner_is_refused_while_the_first_lives() {
    let mut owner = Owner::start("kill");
    let error = Supervisor::start(&options(owner.dir.path(), OnOwnerExit::Kill))
        .expect_err("it has an owner");
    match &error {
        Error::InUse { owner: pid, .. } => assert_eq!(*pid, owner.process.pid),
        other => panic!("unexpected {other:?}"),
    }
    assert!(error.to_string().contains("one owner at a time"), "{error}");
    owner.kill();
    // The supervisor may be about to end, or have ended: a new owner is served all the same.
    let mut next = attach(owner.dir.path(), OnOwnerExit::Kill);
    assert_eq!(exit_of(&mut next, "family").status, ExitStatus::Signal(libc::SIGTERM));
    drop(next);
    owner.assert_nothing_left();
}

#[test]
fn a_forked_child_neither_keeps_the_connection_alive_nor_ends_it() {
    let mut owner = Owner::start_as("kill", "forks", |_| {});
    let heir = owner.heir.expect("it forked");
    owner.kill();
    owner.assert_nothing_left();
    assert!(heir.exists(), "it still holds the socket of the dead owner");
    heir.kill();
}

#[test]
fn a_handle_in_a_forked_child_is_dead_and_harmless() {
    let mut host = Host::new();
    host.shell("t", "sleep 1000");
    host.started("t");
    // SAFETY: the child calls nothing that could wait for a lock of another thread: its calls
    // end at the check of the process, and it leaves without running anything else.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = matches!(host.supervisor.read_events(), Err(Error::Forked { .. }))
            && host.supervisor.kill("t", Duration::ZERO).is_err()
            && host.supervisor.acknowledge_exit("t").is_err();
        // SAFETY: the handle is not used any more in this process.
        unsafe { std::ptr::drop_in_place(&raw mut host.supervisor) };
        // SAFETY: leaves at once.
        unsafe { libc::_exit(i32::from(!refused)) };
    }
    let mut status = 0;
    // SAFETY: the pointer leads to the integer that `waitpid` writes.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child was refused everything");
    host.shell("u", "exit 6");
    assert_eq!(host.exited("u").status, ExitStatus::Code(6));
    host.supervisor.kill("t", LONG_GRACE).expect("sent");
    assert_eq!(host.exited("t").status, ExitStatus::Signal(libc::SIGTERM));
}

#[test]
fn a_host_that_ignores_or_blocks_signals_is_served_as_any_other() {
    let mut owner = Owner::start_as("kill", "plain", |command| {
        // SAFETY: the code between fork and exec only makes system calls.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                libc::signal(libc::SIGTERM, libc::SIG_IGN);
                let mut all = std::mem::zeroed();
                libc::sigfillset(&raw mut all);
                libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
                Ok(())
            });
        }
    });
    owner.kill();
    owner.assert_nothing_left();
}

#[test]
fn the_host_is_left_with_no_child() {
    let mut owner = Owner::start("kill");
    let children = format!("/proc/{0}/task/{0}/children", owner.process.pid);
    assert_eq!(fs::read_to_string(children).expect("can be read").trim(), "");
    owner.kill();
    owner.assert_nothing_left();
}

#[test]
fn a_supervisor_told_to_end_ends_its_tasks_first() {
    let mut owner = Owner::start("keep");
    owner.supervisor.signal(libc::SIGTERM);
    owner.assert_nothing_left();
    owner.kill();
}

#[test]
fn an_end_is_recorded_when_the_owner_is_gone_and_told_to_the_next() {
    let host = {
        let mut host = Host::new();
        host.shell("t", "trap 'exit 8' TERM; touch ready; while true; do sleep 0.05; done");
        host.started("t");
        let ready = host.sandbox("t").join("ready");
        eventually("the trap is set", || ready.exists());
        host
    };
    let supervisor = Process::of(host.supervisor.pid()).expect("runs");
    assert!(host.supervisor.close(common::DEADLINE).expect("closes"));
    all_gone(&[supervisor]);
    let mut next = attach(host.dir.path(), OnOwnerExit::Kill);
    let exit = exit_of(&mut next, "t");
    assert_eq!(exit.status, ExitStatus::Code(8));
    assert!(exit.is_kill_requested && !exit.is_kill_forced);
}

#[test]
fn a_work_directory_with_a_very_long_path_works() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let deep = root.path().join("d".repeat(200)).join("e".repeat(200));
    let first = attach(&deep, OnOwnerExit::Keep);
    let pid = first.pid();
    let error = Supervisor::start(&options(&deep, OnOwnerExit::Keep)).expect_err("is in use");
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    drop(first);
    eventually("it ends, for it has no task to keep", || Process::of(pid).is_none());
}

#[test]
fn what_cannot_be_started_says_why() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let with = |executable: &str| SupervisorOptions {
        executable: Some(executable.into()),
        ..SupervisorOptions::new(dir.path())
    };
    let error = Supervisor::start(&with("/bin/true")).expect_err("says nothing");
    assert!(error.to_string().contains("ended (exit status: 0) without a word"), "{error}");
    let error = Supervisor::start(&with("/no/such/file")).expect_err("is not there");
    assert!(error.to_string().contains("/no/such/file (by the option"), "{error}");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("writes");
    let error = Supervisor::start(&options(&file, OnOwnerExit::Kill)).expect_err("no directory");
    assert!(error.to_string().contains("cannot make"), "{error}");
    fs::write(dir.path().join("tasks.jsonl"), "rubbish\n").expect("writes");
    let error = Supervisor::start(&options(dir.path(), OnOwnerExit::Kill)).expect_err("rubbish");
    assert!(error.to_string().contains("tasks.jsonl line 1"), "{error}");
}

#[test]
fn the_executable_explains_itself_to_whoever_starts_it_by_hand() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_tamias-supervisor"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("runs")
    };
    let wrong = run(&[]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--work-dir is missing"));
    let by_hand = run(&["--work-dir", "/tmp"]);
    assert_eq!(by_hand.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&by_hand.stderr).contains("standard input is no socket"));
    let version = String::from_utf8(run(&["--version"]).stdout).expect("UTF-8");
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}

#[test]
fn a_supervisor_refuses_what_it_does_not_understand_and_goes_on() {
    let mut host = Host::new();
    let socket = host.supervisor.work_dir().join("supervisor.sock");
    let talk = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&socket).expect("connects");
        stream.write_all(bytes).expect("writes");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let framed = |text: &str| {
        let len = u32::try_from(text.len()).expect("fits");
        [&len.to_le_bytes(), text.as_bytes()].concat()
    };
    let answer = talk(&framed(r#"{"hello":{"protocol":99,"on_owner_exit":"?","more":1}}"#));
    assert!(answer.contains("protocol 99 was spoken; this is protocol 1"), "{answer}");
    let answer = talk(&framed(r#"{"kill":{"task":"t","grace_ms":0}}"#));
    assert!(answer.contains("the first message is no hello"), "{answer}");
    assert!(talk(&framed("rubbish")).contains("no hello"));
    assert_eq!(talk(&u32::MAX.to_le_bytes()), "");
    drop(UnixStream::connect(&socket).expect("connects and says nothing"));
    host.shell("t", "exit 3");
    assert_eq!(host.exited("t").status, ExitStatus::Code(3));
}

#[test]
fn a_supervisor_of_another_protocol_is_named_as_such() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let listener = UnixListener::bind(dir.path().join("supervisor.sock")).expect("binds");
    let refusal = r#"{"refused":{"protocol":7,"reason":"protocol","message":"other"}}"#;
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("accepts");
            let len = u32::try_from(refusal.len()).expect("fits");
            stream.write_all(&len.to_le_bytes()).expect("writes");
            stream.write_all(refusal.as_bytes()).expect("writes");
        });
        Supervisor::start(&options(dir.path(), OnOwnerExit::Kill)).expect_err("is refused")
    });
    assert!(matches!(error, Error::Protocol { theirs: 7, ours: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("speaks protocol 7, this library 1"), "{error}");
}

#[test]
fn what_ended_untold_is_told_from_the_record_when_the_supervisor_is_lost() {
    let mut host = Host::with(OnOwnerExit::Keep);
    host.shell("ended", "exit 3");
    host.shell("runs", "echo $$ > pids; exec sleep 1000");
    // Neither read nor acknowledged: only the record knows.
    let records = host.dir.path().join("tasks.jsonl");
    let is_recorded = || fs::read_to_string(&records).expect("reads").contains("\"ended\":{");
    eventually("the end is recorded", is_recorded);
    let running = pids_in(&host.dir.path().join("sandboxes/runs-2/pids"), 1);
    let supervisor = Process::of(host.supervisor.pid()).expect("runs");
    // Unread bytes of a dead peer may or may not arrive; both must lead to the same.
    supervisor.kill();
    all_gone(&[supervisor]);
    let message = host.wait_for("loss", |event| match event {
        SupervisorEvent::SupervisorLost { message } => Some(message.clone()),
        _ => None,
    });
    assert!(message.contains("has ended"), "{message}");
    assert_eq!(host.exited("ended").status, ExitStatus::Code(3));
    assert!(running[0].exists(), "it is kept");
    assert!(!matches!(host.supervisor.task("runs").expect("known").state, TaskState::Ended(_)));
    running[0].kill();
}

#[test]
fn many_owners_that_start_at_once_end_up_with_one_supervisor() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let start = || Supervisor::start(&options(dir.path(), OnOwnerExit::Kill));
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(served, 1, "{answers:?}");
    for answer in &answers {
        if let Err(error) = answer {
            assert!(matches!(error, Error::InUse { .. }), "{error:?}");
        }
    }
}
