//! A kernel and its local agent across a restart of their process: with `keep` and a journal, the
//! tasks run on and the next owner hears of every end.

use std::path::Path;
use std::time::{Duration, Instant};

use tamias::command::{Subscribe, TaskCommand, TaskSpec};
use tamias::event::{Event, TaskStatus};
use tamias::kernel::journal::JournalOptions;
use tamias::status::TaskState;
use tamias::{Clock, Framework, Kernel, Options};
use tamias_agent::{LocalAgent, LocalAgentOptions, OnOwnerExit};

fn open(dir: &Path) -> (Kernel, LocalAgent, Framework) {
    let clock = Clock::system();
    let wanted = JournalOptions::new(Options::default(), clock.now());
    let kernel = Kernel::open_journal(&dir.join("journal"), &wanted, clock).unwrap();
    let mut options = LocalAgentOptions::new(dir.join("work"));
    options.resources = Some("cpus:4".parse().unwrap());
    options.supervisor.executable = Some(env!("CARGO_BIN_EXE_tamias-supervisor").into());
    options.supervisor.on_owner_exit = OnOwnerExit::Keep;
    let agent = LocalAgent::start(&kernel, options).unwrap();
    let subscribe =
        Subscribe { name: Some("ci".into()), roles: vec!["dev".into()], ..Subscribe::default() };
    let framework = kernel.subscribe(subscribe).unwrap();
    (kernel, agent, framework)
}

fn shell(name: &str, line: String) -> TaskSpec {
    let command = TaskCommand { shell: Some(line.into()), ..TaskCommand::default() };
    TaskSpec {
        name: name.into(),
        resources: "cpus:1".parse().unwrap(),
        command: Some(command),
        ..TaskSpec::default()
    }
}

/// Takes events, acknowledging updates, until `enough` says so.
fn pump(
    framework: &Framework,
    mut tasks: Option<Vec<TaskSpec>>,
    mut enough: impl FnMut(&TaskStatus) -> bool,
) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline, "it did not come to that");
        framework.wait(Some(Duration::from_secs(10))).unwrap();
        for record in framework.poll(1).unwrap() {
            match record.event {
                Event::Offer(offer) => {
                    let tasks = tasks.take().unwrap_or_default();
                    framework.launch(&[offer.offer], tasks).unwrap();
                }
                Event::Update(status) => {
                    if let (Some(task), Some(uuid)) = (status.task, status.uuid) {
                        framework.acknowledge(task, uuid).unwrap();
                    }
                    if enough(&status) {
                        return;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn tasks_outlive_their_owner_and_their_ends_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go");
    let line =
        |code: u32| format!("while [ ! -e {} ]; do sleep 0.05; done; exit {code}", go.display());
    {
        let (_kernel, _agent, framework) = open(dir.path());
        let tasks = vec![shell("good", line(0)), shell("bad", line(5))];
        let mut running = 0;
        pump(&framework, Some(tasks), |status| {
            running += u32::from(status.state == TaskState::Running);
            running == 2
        });
    }
    // One ends while nobody owns it; the other is still running when the next owner comes.
    let (kernel, agent, framework) = open(dir.path());
    assert!(framework.is_resubscribed());
    assert_eq!(kernel.branch().tasks().len(), 2);
    std::fs::write(&go, "").unwrap();
    let mut ends = Vec::new();
    pump(&framework, None, |status| {
        if status.state.is_terminal() {
            ends.push((status.name.to_string(), status.state));
        }
        ends.len() == 2
    });
    ends.sort();
    let expected = [("bad", TaskState::Failed), ("good", TaskState::Finished)];
    assert_eq!(ends, expected.map(|(name, state)| (name.to_owned(), state)));
    kernel.branch().check_invariants().unwrap();
    assert!(agent.close(Duration::from_secs(30)).unwrap());
}

#[test]
fn an_end_without_an_owner_is_told_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go");
    let done = dir.path().join("done");
    let line = format!(
        "while [ ! -e {} ]; do sleep 0.05; done; touch {}; exit 7",
        go.display(),
        done.display()
    );
    {
        let (_kernel, _agent, framework) = open(dir.path());
        let tasks = vec![shell("t", line)];
        pump(&framework, Some(tasks), |status| status.state == TaskState::Running);
    }
    std::fs::write(&go, "").unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done.exists() {
        assert!(Instant::now() < deadline, "the task did not run on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let (_kernel, _agent, framework) = open(dir.path());
    pump(&framework, None, |status| {
        if status.state.is_terminal() {
            assert_eq!(status.state, TaskState::Failed);
            assert_eq!(status.message.as_deref(), Some("exit code 7"));
        }
        status.state.is_terminal()
    });
}
