//! The local agent end to end: a framework launches through the kernel, processes run.

use std::time::{Duration, Instant};

use tamias::command::{Accept, Operation, ResourcesOf, Subscribe, TaskCommand, TaskSpec};
use tamias::event::{Event, TaskStatus};
use tamias::status::{OperationState, Reason, TaskState};
use tamias::{Framework, Kernel, Nanos, Options};
use tamias_agent::{LocalAgent, LocalAgentOptions};

struct Bench {
    _dir: tempfile::TempDir,
    kernel: Kernel,
    agent: LocalAgent,
    framework: Framework,
}

fn start(resources: &str) -> Bench {
    start_with(resources, env!("CARGO_BIN_EXE_tamias-supervisor").as_ref())
}

fn start_with(resources: &str, supervisor: &std::path::Path) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let kernel = Kernel::open(Options::default()).unwrap();
    let mut options = LocalAgentOptions::new(dir.path());
    options.resources = Some(resources.parse().unwrap());
    options.supervisor.executable = Some(supervisor.into());
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

fn run(bench: &Bench, waiting: Vec<TaskSpec>) -> Vec<TaskStatus> {
    run_and_look(bench, waiting, |_| ())
}

/// Launches on whatever is offered, acknowledges everything, until all tasks have ended.
fn run_and_look(
    bench: &Bench,
    mut waiting: Vec<TaskSpec>,
    mut look: impl FnMut(&[TaskStatus]),
) -> Vec<TaskStatus> {
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
                    look(&seen);
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

/// The local agent has nothing to do for a reservation, and says so to who asked.
#[test]
fn an_operation_with_an_id_is_answered() {
    let bench = start("cpus:1");
    let framework = &bench.framework;
    let resources = "cpus(+dev):0.5".parse().unwrap();
    let reserve = ResourcesOf { resources, id: Some("r1".into()) };
    let mut operation = Some(Operation::Reserve(reserve));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline);
        framework.wait(Some(Duration::from_secs(10))).unwrap();
        for record in framework.poll(100).unwrap() {
            match record.event {
                Event::Offer(offer) => {
                    let operations = operation.take().into_iter().collect();
                    let offers = vec![offer.offer];
                    framework.accept(Accept { offers, operations, ..Accept::default() }).unwrap();
                }
                Event::OperationUpdate(status) => {
                    assert_eq!(status.state, OperationState::Finished);
                    framework.acknowledge_operation("r1", status.uuid.unwrap()).unwrap();
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn kill_supervisor(bench: &Bench) {
    let pid = bench.agent.supervisor_pid().unwrap();
    // SAFETY: the supervisor of this test, which is not reaped before its agent has seen its end.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
}

#[test]
fn a_killed_supervisor_is_replaced_and_its_tasks_are_told() {
    let bench = start("cpus:1");
    let first = bench.agent.supervisor_pid();
    let mut is_killed = false;
    let tasks = vec![shell("t0", "sleep 600"), shell("t1", "sleep 600")];
    let seen = run_and_look(&bench, tasks, |seen| {
        let running = seen.iter().filter(|status| status.state == TaskState::Running).count();
        if running == 2 && !is_killed {
            kill_supervisor(&bench);
            is_killed = true;
        }
    });
    let lost = [TaskState::Starting, TaskState::Running, TaskState::Gone];
    assert_eq!([states(&seen, "t0"), states(&seen, "t1")], [lost, lost]);
    let seen = run(&bench, vec![shell("t2", "true")]);
    assert_eq!(states(&seen, "t2").last(), Some(&TaskState::Finished));
    assert_ne!(bench.agent.supervisor_pid(), first);
}

#[test]
fn an_agent_without_a_supervisor_leaves_the_kernel() {
    let programs = tempfile::tempdir().unwrap();
    let copy = programs.path().join("supervisor");
    std::fs::copy(env!("CARGO_BIN_EXE_tamias-supervisor"), &copy).unwrap();
    let bench = start_with("cpus:1", &copy);
    assert!(bench.framework.wait(Some(Duration::from_secs(60))).unwrap());
    bench.framework.poll(9).unwrap();
    std::fs::remove_file(&copy).unwrap();
    kill_supervisor(&bench);
    let error = bench.framework.wait(Some(Duration::from_secs(60))).unwrap_err();
    assert_eq!(error.code(), tamias::Code::System, "{error}");
    assert_eq!(bench.agent.supervisor_pid(), None);
    let state = bench.kernel.branch();
    assert_eq!(state.agents().get(bench.agent.id()).unwrap().session(), None);
    let told = bench.framework.poll(9).unwrap();
    assert!(matches!(told[..], [ref record] if matches!(record.event, Event::Rescind { .. })));
}

#[test]
fn a_launch_larger_than_a_socket_takes_arrives() {
    let bench = start("cpus:1");
    let mut large = shell("large", "test ${#V9} -eq 100000");
    let value = "x".repeat(100_000).into_boxed_str();
    let env = (0..10).map(|i| (format!("V{i}").into(), value.clone()));
    large.command.as_mut().unwrap().env = env.collect();
    let seen = run(&bench, vec![large]);
    assert_eq!(states(&seen, "large").last(), Some(&TaskState::Finished), "{seen:?}");
}

#[test]
fn an_agent_is_served_by_those_who_always_find_events() {
    let bench = start("cpus:1");
    let roles = vec!["other".into()];
    let launch = |record: tamias::kernel::EventRecord| match record.event {
        Event::Offer(offer) => bench.framework.launch(&[offer.offer], vec![shell("t", "true")]),
        other => panic!("{other:?}"),
    };
    let offer = bench.framework.poll(1).unwrap().remove(0);
    let task = launch(offer).unwrap()[0].task.unwrap();
    // It never takes its offer, so it never sleeps.
    let busy = bench.kernel.subscribe(Subscribe { roles, ..Subscribe::default() }).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !bench.kernel.branch().tasks().get(task).unwrap().state.is_terminal() {
        assert!(busy.wait(Some(Duration::from_secs(60))).unwrap());
        assert!(Instant::now() < deadline, "the task was never served");
    }
}
