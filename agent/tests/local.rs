//! The local agent end to end: a framework launches through the kernel, processes run.

use std::time::{Duration, Instant};

use tamias::command::{Subscribe, TaskCommand, TaskSpec};
use tamias::event::{Event, TaskStatus};
use tamias::status::{Reason, TaskState};
use tamias::{Framework, Kernel, Nanos, Options};
use tamias_agent::{LocalAgent, LocalAgentOptions};

struct Bench {
    _dir: tempfile::TempDir,
    kernel: Kernel,
    agent: LocalAgent,
    framework: Framework,
}

fn start(resources: &str) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let kernel = Kernel::open(Options::default()).unwrap();
    let mut options = LocalAgentOptions::new(dir.path());
    options.resources = Some(resources.parse().unwrap());
    options.supervisor.executable = Some(env!("CARGO_BIN_EXE_tamias-supervisor").into());
    let agent = LocalAgent::start(&kernel, options).unwrap();
    let roles = vec!["dev".into()];
    let framework = kernel.subscribe(Subscribe { roles, ..Subscribe::default() }).unwrap();
    Bench { _dir: dir, kernel, agent, framework }
}

fn shell(name: &str, line: &str) -> TaskSpec {
    let command = TaskCommand { shell: Some(line.into()), ..TaskCommand::default() };
    TaskSpec {
        name: name.into(),
        resources: "cpus:0.5".parse().unwrap(),
        command: Some(command),
        ..TaskSpec::default()
    }
}

/// Launches on whatever is offered, acknowledges everything, until all tasks have ended.
fn run(bench: &Bench, mut waiting: Vec<TaskSpec>) -> Vec<TaskStatus> {
    let mut left = waiting.len();
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(120);
    while left > 0 {
        assert!(Instant::now() < deadline, "{left} tasks never ended: {seen:?}");
        bench.framework.wait(Some(Duration::from_secs(10))).unwrap();
        for record in bench.framework.poll(100).unwrap() {
            match record.event {
                Event::Offer(offer) => {
                    let fits = usize::try_from(
                        offer.resources.scalar(&tamias::resources::Name::CPUS).milli() / 500,
                    );
                    let some = waiting.split_off(waiting.len().saturating_sub(fits.unwrap()));
                    bench.framework.launch(&[offer.offer], some).unwrap();
                }
                Event::Update(status) => {
                    if let (Some(task), Some(uuid)) = (status.task, status.uuid) {
                        bench.framework.acknowledge(task, uuid).unwrap();
                    }
                    left -= usize::from(status.state.is_terminal());
                    seen.push(status);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    seen
}

fn states(seen: &[TaskStatus], name: &str) -> Vec<TaskState> {
    seen.iter().filter(|status| &*status.name == name).map(|status| status.state).collect()
}

#[test]
fn many_tasks_share_two_cpus_and_all_finish() {
    let bench = start("cpus:2");
    let tasks = (0..30).map(|i| shell(&format!("t{i}"), "echo hello; echo oops >&2")).collect();
    let seen = run(&bench, tasks);
    for i in 0..30 {
        let expected = [TaskState::Starting, TaskState::Running, TaskState::Finished];
        assert_eq!(states(&seen, &format!("t{i}")), expected);
    }
    let end = seen.iter().rfind(|status| &*status.name == "t0").unwrap();
    let data: serde_json::Value = serde_json::from_slice(&end.data.as_ref().unwrap().0).unwrap();
    let sandbox = std::path::Path::new(data["sandbox"].as_str().unwrap());
    assert_eq!(std::fs::read_to_string(sandbox.join("stdout")).unwrap(), "hello\n");
    assert_eq!(std::fs::read_to_string(sandbox.join("stderr")).unwrap(), "oops\n");
    bench.kernel.branch().check_invariants().unwrap();
    assert!(bench.agent.close(Duration::from_secs(30)).unwrap());
}

#[test]
fn ends_are_told_truthfully() {
    let bench = start("cpus:4");
    let mut missing = shell("missing", "");
    missing.command =
        Some(TaskCommand { argv: vec!["/no/such/program".into()], ..TaskCommand::default() });
    let mut endless = shell("endless", "sleep 600");
    endless.max_completion_seconds = Some(Nanos::from_millis(200));
    let mut nothing = shell("nothing", "");
    nothing.command = None;
    let tasks =
        vec![shell("code", "exit 3"), shell("signal", "kill -9 $$"), missing, endless, nothing];
    let seen = run(&bench, tasks);
    let end = |name: &str| seen.iter().rfind(|status| &*status.name == name).unwrap();
    let message = |name: &str| end(name).message.clone().unwrap_or_default();
    for name in ["code", "signal", "missing", "endless", "nothing"] {
        assert_eq!(end(name).state, TaskState::Failed, "{name}");
    }
    assert_eq!(&*message("code"), "exit code 3");
    assert_eq!(&*message("signal"), "signal 9 (SIGKILL)");
    assert!(message("missing").contains("/no/such/program"), "{}", message("missing"));
    assert_eq!(end("missing").reason, Some(Reason::ContainerLaunchFailed));
    assert_eq!(end("endless").reason, Some(Reason::MaxCompletionTimeReached));
    assert!(message("nothing").contains("no command"), "{}", message("nothing"));
}

#[test]
fn a_killed_task_is_killed() {
    let bench = start("cpus:1");
    let framework = &bench.framework;
    let mut tasks = Some(vec![shell("t", "trap '' TERM; echo up; while :; do sleep 0.1; done")]);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline);
        framework.wait(Some(Duration::from_secs(10))).unwrap();
        for record in framework.poll(100).unwrap() {
            match record.event {
                Event::Offer(offer) => {
                    let tasks = tasks.take().unwrap_or_default();
                    framework.launch(&[offer.offer], tasks).unwrap();
                }
                Event::Update(status) => {
                    framework.acknowledge(status.task.unwrap(), status.uuid.unwrap()).unwrap();
                    if status.state == TaskState::Running {
                        framework.kill("t", Some(Nanos::from_millis(100))).unwrap();
                    }
                    if status.state.is_terminal() {
                        assert_eq!(status.state, TaskState::Killed);
                        assert!(status.message.unwrap().starts_with("signal"));
                        return;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
