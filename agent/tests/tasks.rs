//! Tasks as real processes: how they end, what they see, what is left of them.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use common::{
    FAMILY, FAMILY_COUNT, FAMILY_TRACEABLE, Host, LONG_GRACE, Process, all_gone, eventually,
    pids_in,
};
use tamias_agent::{
    Enforcement, Error, ExitStatus, LaunchRequest, SupervisorEvent, TaskCommand, TaskLimits,
    TaskState,
};

fn argv(words: &[&str]) -> TaskCommand {
    TaskCommand::Argv(words.iter().map(|&word| word.into()).collect())
}

#[test]
fn exit_codes_and_signals_are_told_apart() {
    let mut host = Host::new();
    for (task, text, status) in [
        ("zero", "exit 0", ExitStatus::Code(0)),
        ("three", "exit 3", ExitStatus::Code(3)),
        ("127", "exit 127", ExitStatus::Code(127)),
        ("255", "exit 255", ExitStatus::Code(255)),
        ("term", "kill -TERM $$", ExitStatus::Signal(libc::SIGTERM)),
        ("segv", "kill -SEGV $$", ExitStatus::Signal(libc::SIGSEGV)),
        ("kill", "kill -KILL $$", ExitStatus::Signal(libc::SIGKILL)),
    ] {
        let exit = host.run(task, text);
        assert_eq!(exit.status, status, "{task}");
        assert!(!exit.is_kill_requested && !exit.is_kill_forced, "{task}");
        assert!(host.started(task) > 1, "{task} was told to have started");
    }
    assert_eq!(ExitStatus::Signal(libc::SIGSEGV).to_string(), "signal 11 (SIGSEGV)");
}

#[test]
fn a_program_that_cannot_be_started_is_a_failed_launch_and_no_exit() {
    let mut host = Host::new();
    let dir = host.dir.path().to_owned();
    let plain = dir.join("plain");
    fs::write(&plain, "no program").expect("writes");
    let script = dir.join("script");
    fs::write(&script, "#!/no/such/interpreter\n").expect("writes");
    let unmarked = dir.join("unmarked");
    fs::write(&unmarked, "echo hello\n").expect("writes");
    for path in [&script, &unmarked] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("made executable");
    }
    for (task, program, expected) in [
        ("bare", "no-such-program", "No such file or directory (os error 2) (looked in PATH=/"),
        ("path", "/no/such/program", "cannot execute \"/no/such/program\": No such file"),
        ("plain", plain.to_str().expect("UTF-8"), "is not executable for this user"),
        ("script", script.to_str().expect("UTF-8"), "exists; its interpreter does not"),
        ("unmarked", unmarked.to_str().expect("UTF-8"), "nor a script with #!"),
        ("dir", "/tmp", "Permission denied"),
    ] {
        host.launch(task, argv(&[program]));
        let message = host.failed(task);
        assert!(message.contains(expected), "{task}: {message}");
        let has_other = host.events.iter().any(|event| match event {
            SupervisorEvent::Started { task: t, .. } | SupervisorEvent::Exited { task: t, .. } => {
                t == task
            }
            _ => false,
        });
        assert!(!has_other, "{task}: {:?}", host.events);
    }
    assert!(host.sandbox("bare").is_dir(), "the sandbox stays for whoever looks for the cause");
}

#[test]
fn what_stands_around_a_program_fails_the_launch_by_name() {
    let mut host = Host::new();
    let mut request = LaunchRequest::new("input", argv(&["true"]));
    request.stdin = Some("/no/such/input".into());
    host.supervisor.launch(request).expect("sent");
    let message = host.failed("input");
    assert!(message.contains("cannot open stdin \"/no/such/input\": No such file"), "{message}");
    let mut request = LaunchRequest::new("cwd", argv(&["true"]));
    request.working_directory = Some("not/there".into());
    host.supervisor.launch(request).expect("sent");
    let message = host.failed("cwd");
    let directory = host.sandbox("cwd").join("not/there");
    let expected = format!("cannot change to the working directory {directory:?}: No such file");
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn a_task_sees_its_environment_sandbox_input_and_nothing_of_the_host() {
    let mut host = Host::new();
    let input = host.dir.path().join("input");
    fs::write(&input, "from a file\n").expect("writes");
    let text = "env | sort > env; pwd; cat; ls /proc/self/fd | wc -l > fds; \
                grep -E 'Sig(Blk|Ign)' /proc/self/status > signals; echo wrong >&2; umask";
    let mut request = LaunchRequest::new("look around/1", TaskCommand::Shell(text.into()));
    request.stdin = Some(input);
    request.env = BTreeMap::from([
        ("GREETING".into(), "hello wörld".into()),
        ("HOME".into(), "/elsewhere".into()),
        ("TAMIAS_TASK".into(), "forged".into()),
        ("TAMIAS_SANDBOX".into(), "forged".into()),
    ]);
    host.supervisor.launch(request).expect("sent");
    let task = "look around/1";
    assert_eq!(host.exited(task).status, ExitStatus::Code(0));
    let sandbox = host.sandbox(task);
    assert_eq!(sandbox.file_name().expect("a name"), "look_around_1-1");
    let read = |name: &str| fs::read_to_string(sandbox.join(name)).expect("can be read");
    assert!(host.output(task).starts_with(&format!("{}\nfrom a file\n", sandbox.display())));
    assert_eq!(read("stderr"), "wrong\n");
    let names: Vec<String> = read("env")
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
        .filter(|name| !matches!(name.as_str(), "PWD" | "OLDPWD" | "SHLVL" | "_"))
        .collect();
    assert_eq!(names, ["GREETING", "HOME", "PATH", "TAMIAS_SANDBOX", "TAMIAS_TASK"]);
    let env = read("env");
    for line in [
        "GREETING=hello wörld",
        "HOME=/elsewhere",
        "TAMIAS_TASK=look around/1",
        &format!("TAMIAS_SANDBOX={}", sandbox.display()),
    ] {
        assert!(env.lines().any(|found| found == line), "{line} in {env}");
    }
    // 0, 1, 2 and the listing's own.
    assert_eq!(read("fds").trim(), "4");
    for line in read("signals").lines() {
        let mask = line.split_ascii_whitespace().nth(1).expect("a mask");
        let mask = u64::from_str_radix(mask, 16).expect("a mask");
        // Signals 32 and 33 are the C library's own; nobody else can change them.
        assert_eq!(mask & !0x1_8000_0000, 0, "{line}");
    }
}

#[test]
fn the_working_directory_can_be_another_and_outputs_stay_in_the_sandbox() {
    let mut host = Host::new();
    let mut request = LaunchRequest::new("t", argv(&["pwd"]));
    request.working_directory = Some("/usr".into());
    host.supervisor.launch(request).expect("sent");
    assert_eq!(host.exited("t").status, ExitStatus::Code(0));
    assert_eq!(host.output("t"), "/usr\n");
}

#[test]
fn a_task_reads_empty_input_where_none_is_given() {
    let mut host = Host::new();
    assert_eq!(host.run("t", "cat; echo $?").status, ExitStatus::Code(0));
    assert_eq!(host.output("t"), "0\n");
}

#[test]
fn usage_counts_cpu_memory_and_time_of_the_whole_task() {
    let mut host = Host::new();
    // The work is done by a grandchild that nobody in the task waits for.
    let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done > done";
    let text = format!("(sh -c '{work}' &); while [ ! -s done ]; do sleep 0.01; done; sleep 0.2");
    let usage = host.run("t", &text).usage.expect("is known");
    assert!(usage.cpu_ns() > 20_000_000, "{usage:?}");
    assert!(usage.wall_ns >= 200_000_000, "{usage:?}");
    assert!(usage.rss_kib_max > 100, "{usage:?}");
    let idle = host.run("idle", "sleep 0.3").usage.expect("is known");
    assert!(idle.cpu_ns() < usage.cpu_ns(), "{idle:?} against {usage:?}");
    assert!(idle.wall_ns >= 300_000_000, "{idle:?}");
}

#[test]
fn a_kill_is_sigterm_to_the_whole_group_first() {
    let mut host = Host::new();
    host.shell("t", "trap 'echo got it; exit 7' TERM; sleep 1000 & echo $! > pids; wait");
    host.started("t");
    let children = pids_in(&host.sandbox("t").join("pids"), 1);
    host.supervisor.kill("t", LONG_GRACE).expect("sent");
    let exit = host.exited("t");
    assert_eq!(exit.status, ExitStatus::Code(7));
    assert!(exit.is_kill_requested && !exit.is_kill_forced);
    assert_eq!(host.output("t"), "got it\n");
    all_gone(&children);
}

#[test]
fn a_task_that_ignores_sigterm_is_killed_after_the_grace_and_not_before() {
    let mut host = Host::new();
    host.shell("t", "trap '' TERM; touch ready; while true; do sleep 1000; done");
    host.started("t");
    let ready = host.sandbox("t").join("ready");
    eventually("the trap is set", || ready.exists());
    let asked = Instant::now();
    host.supervisor.kill("t", Duration::from_millis(300)).expect("sent");
    let exit = host.exited("t");
    assert!(asked.elapsed() >= Duration::from_millis(300));
    assert_eq!(exit.status, ExitStatus::Signal(libc::SIGKILL));
    assert!(exit.is_kill_requested && exit.is_kill_forced);
}

#[test]
fn a_later_kill_shortens_the_grace_and_never_extends_it() {
    let mut host = Host::new();
    let text = "trap '' TERM; touch ready; while true; do sleep 1000; done";
    for task in ["shortened", "extended"] {
        host.shell(task, text);
        host.started(task);
        let ready = host.sandbox(task).join("ready");
        eventually("the trap is set", || ready.exists());
    }
    host.supervisor.kill("shortened", LONG_GRACE).expect("sent");
    host.supervisor.kill("shortened", Duration::ZERO).expect("sent");
    host.supervisor.kill("extended", Duration::from_millis(100)).expect("sent");
    host.supervisor.kill("extended", LONG_GRACE).expect("sent");
    for task in ["shortened", "extended"] {
        let exit = host.exited(task);
        assert_eq!(exit.status, ExitStatus::Signal(libc::SIGKILL), "{task}");
        assert!(exit.is_kill_forced, "{task}");
    }
}

#[test]
fn a_stopped_task_can_be_ended_gently() {
    let mut host = Host::new();
    host.shell("t", "trap 'exit 5' TERM; echo $$ > pids; kill -STOP $$; sleep 1000");
    host.started("t");
    let main = pids_in(&host.sandbox("t").join("pids"), 1)[0];
    let state = || fs::read_to_string(format!("/proc/{}/stat", main.pid)).unwrap_or_default();
    eventually("it stops", || state().contains(") T "));
    host.supervisor.kill("t", LONG_GRACE).expect("sent");
    assert_eq!(host.exited("t").status, ExitStatus::Code(5));
}

#[test]
fn a_kill_right_after_the_launch_is_not_lost() {
    let mut host = Host::new();
    for index in 0..20 {
        let task = format!("t{index}");
        host.launch(&task, argv(&["sleep", "1000"]));
        host.supervisor.kill(&task, LONG_GRACE).expect("sent");
        let exit = host.exited(&task);
        assert_eq!(exit.status, ExitStatus::Signal(libc::SIGTERM));
        assert!(exit.is_kill_requested);
    }
}

#[test]
fn no_descendant_outlives_its_task() {
    let mut host = Host::new();
    // Ends by itself while its descendants run; another task runs on meanwhile.
    host.shell("bystander", FAMILY);
    host.started("bystander");
    let others = pids_in(&host.sandbox("bystander").join("pids"), FAMILY_COUNT);
    host.shell("t", &FAMILY.replace("wait", "sleep 0.1; exit 4"));
    host.started("t");
    let all = pids_in(&host.sandbox("t").join("pids"), FAMILY_COUNT);
    assert_eq!(host.exited("t").status, ExitStatus::Code(4));
    // The last has nothing to be known by: it may live as long as another task does.
    all_gone(&all[..FAMILY_TRACEABLE]);
    assert!(others.iter().all(|process| process.exists()), "{others:?}");
    host.supervisor.kill("bystander", Duration::ZERO).expect("sent");
    host.exited("bystander");
    all_gone(&others);
    all_gone(&all);
}

#[test]
fn keys_are_unique_until_the_end_is_acknowledged() {
    let mut host = Host::new();
    assert_eq!(host.run("t", "exit 1").status, ExitStatus::Code(1));
    let again = LaunchRequest::new("t", argv(&["true"]));
    let error = host.supervisor.launch(again.clone()).expect_err("the key is taken");
    assert!(error.to_string().contains("is there already"), "{error}");
    assert_eq!(host.supervisor.tasks().count(), 1);
    host.supervisor.acknowledge_exit("t").expect("sent");
    assert_eq!(host.supervisor.tasks().count(), 0);
    host.events.clear();
    host.supervisor.launch(again).expect("sent");
    assert_eq!(host.exited("t").status, ExitStatus::Code(0));
    assert_eq!(host.sandbox("t").file_name().expect("a name"), "t-2");
    host.supervisor.acknowledge_exit("unknown").expect("does nothing");
    host.supervisor.kill("unknown", LONG_GRACE).expect("sent");
    let message = host.wait_for("rejection", |event| match event {
        SupervisorEvent::Rejected { task, message } if task == "unknown" => Some(message.clone()),
        _ => None,
    });
    assert_eq!(message, "task \"unknown\" is not known here");
}

#[test]
fn a_request_that_no_process_can_be_made_from_is_refused_at_the_call() {
    let mut host = Host::new();
    let base = || LaunchRequest::new("t", argv(&["true"]));
    let mut nul = base();
    nul.env.insert("A".into(), "b\0c".into());
    let mut name = base();
    name.env.insert("A=B".into(), "c".into());
    let mut limit = base();
    limit.limits.mem_mib = Some(0);
    for (request, expected) in [
        (LaunchRequest::new("", argv(&["true"])), "task is empty"),
        (LaunchRequest::new("x".repeat(256), argv(&["true"])), "longer than 255 bytes"),
        (LaunchRequest::new("t", argv(&[])), "command.argv[0] is empty"),
        (LaunchRequest::new("t", argv(&["a", "b\0"])), "command.argv[1] holds a NUL"),
        (LaunchRequest::new("t", TaskCommand::Shell("\0".into())), "command.shell holds a NUL"),
        (nul, "env[\"A\"] has a NUL"),
        (name, "env[\"A=B\"] is no name"),
        (limit, "limits.mem_mib is 0"),
    ] {
        let error = host.supervisor.launch(request).expect_err(expected);
        assert!(matches!(error, Error::InvalidLaunch { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let huge = LaunchRequest::new("t", TaskCommand::Shell("x".repeat(5 << 20)));
    let error = host.supervisor.launch(huge).expect_err("too large");
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    assert_eq!(host.supervisor.tasks().count(), 0);
    // And the connection is as good as before.
    assert_eq!(host.run("t", "exit 0").status, ExitStatus::Code(0));
}

#[test]
fn arguments_larger_than_the_system_takes_are_a_failed_launch() {
    let mut host = Host::new();
    host.launch("t", argv(&["true", &"x".repeat(1 << 20)]));
    let message = host.failed("t");
    assert!(message.contains("Argument list too long"), "{message}");
}

#[test]
fn the_limits_in_force_are_reported_and_do_what_they_say() {
    let mut host = Host::new();
    let limits = host.supervisor.limits().clone();
    assert!(!limits.why.is_empty());
    let mut request = LaunchRequest::new(
        "hungry",
        // One buffer of 512 MiB.
        argv(&["dd", "if=/dev/zero", "of=/dev/null", "bs=512M", "count=1"]),
    );
    request.limits = TaskLimits { cpus_milli: Some(1000), mem_mib: Some(64) };
    host.supervisor.launch(request.clone()).expect("sent");
    let limited = host.exited("hungry");
    assert_ne!(limits.mem, Enforcement::Nothing);
    assert!(!limited.status.is_success(), "{limited:?} under {limits}");
    assert_eq!(limited.is_over_memory, limits.mem == Enforcement::Task);
    request.task = "free".into();
    request.limits = TaskLimits::default();
    host.supervisor.launch(request).expect("sent");
    assert!(host.exited("free").status.is_success());
}

#[test]
fn a_hundred_tasks_at_once() {
    let mut host = Host::new();
    let go = host.dir.path().join("go");
    let wait = format!("while [ ! -e {} ]; do sleep 0.05; done", go.display());
    let name = |index: i32| format!("t{index}");
    for index in 0..100 {
        host.shell(&name(index), &format!("{wait}; echo {index}; exit {}", index % 7));
    }
    let pids: Vec<Process> =
        (0..100).map(|index| Process::of(host.started(&name(index))).expect("it runs")).collect();
    fs::write(go, "").expect("writes");
    for index in 0..100 {
        assert_eq!(host.exited(&name(index)).status, ExitStatus::Code(index % 7));
        assert_eq!(host.output(&name(index)), format!("{index}\n"));
        host.supervisor.acknowledge_exit(&name(index)).expect("sent");
    }
    all_gone(&pids);
    assert_eq!(host.supervisor.tasks().count(), 0);
    assert!(host.supervisor.close(Duration::from_secs(30)).expect("closes"));
}

#[test]
fn the_mirror_follows_a_task_through_its_states() {
    let mut host = Host::new();
    host.shell("t", "sleep 1000");
    let state = |host: &Host| host.supervisor.task("t").expect("is known").state.clone();
    assert_eq!(state(&host), TaskState::Launching);
    let pid = host.started("t");
    assert_eq!(state(&host), TaskState::Running);
    let info = host.supervisor.task("t").expect("is known");
    assert_eq!(info.pid, Some(pid));
    assert!(info.started_ns.expect("is known") > 1_600_000_000_000_000_000);
    host.supervisor.kill("t", LONG_GRACE).expect("sent");
    host.exited("t");
    assert!(matches!(state(&host), TaskState::Ended(_)));
}
