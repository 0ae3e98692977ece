//! A kernel with a journal: what survives its process.

use std::path::Path;

use tamias::codec::Replayed;
use tamias::command::{RegisterAgent, ReregisterAgent, Subscribe, TaskSpec, Update};
use tamias::event::Event;
use tamias::kernel::journal::{Durability, JournalOptions, replay_path};
use tamias::status::TaskState;
use tamias::{Clock, Code, Kernel, Options, Session, Time};

fn open(path: &Path, now: i64) -> Kernel {
    let options = JournalOptions::new(Options::default(), Time(now));
    Kernel::open_journal(path, &options, Clock::manual(Time(now))).unwrap()
}

fn named_agent() -> RegisterAgent {
    RegisterAgent {
        name: Some("m1".into()),
        resources: "cpus:4;mem:1024".parse().unwrap(),
        ..RegisterAgent::default()
    }
}

fn named_framework() -> Subscribe {
    Subscribe { name: Some("ci".into()), roles: vec!["dev".into()], ..Subscribe::default() }
}

fn events(session: &Session) -> Vec<Event> {
    session.poll(usize::MAX).unwrap().into_iter().map(|record| record.event).collect()
}

#[test]
fn frameworks_agents_and_updates_survive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let task = {
        let kernel = open(&path, 1_000);
        let driver = kernel.agent_driver().unwrap();
        driver.register(named_agent()).unwrap();
        let framework = kernel.subscribe(named_framework()).unwrap();
        let [Event::Offer(offer)] = &events(&framework)[..] else { panic!() };
        let spec = TaskSpec {
            name: "t".into(),
            resources: "cpus:1".parse().unwrap(),
            ..TaskSpec::default()
        };
        let task = framework.launch(&[offer.offer], vec![spec]).unwrap()[0].task.unwrap();
        driver.update(Update::new(task, TaskState::Running)).unwrap();
        task
    };
    let kernel = open(&path, 2_000);
    assert_eq!(kernel.warnings(), [] as [String; 0]);
    let driver = kernel.agent_driver().unwrap();
    let reported = tamias::command::ReportedTask { task, state: TaskState::Running };
    let command = ReregisterAgent {
        name: Some("m1".into()),
        tasks: vec![reported],
        ..ReregisterAgent::default()
    };
    driver.reregister(command).unwrap();
    let framework = kernel.subscribe(named_framework()).unwrap();
    assert!(framework.is_resubscribed());
    let seen = events(&framework);
    let update = seen.iter().find_map(|event| match event {
        Event::Update(status) => Some(status.clone()),
        _ => None,
    });
    let update = update.expect("the update that was not acknowledged is delivered again");
    assert_eq!((update.task, update.state), (Some(task), TaskState::Running));
    framework.acknowledge(task, update.uuid.unwrap()).unwrap();
    kernel.branch().check_invariants().unwrap();
}

#[test]
fn a_replay_gives_the_same_hash() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = open(&path, 0);
    let driver = kernel.agent_driver().unwrap();
    driver.register(named_agent()).unwrap();
    let framework = kernel.subscribe(named_framework()).unwrap();
    kernel.advance(Time(200_000_000_000)).unwrap();
    kernel.compact().unwrap();
    framework.revive(&[]).unwrap();
    kernel.flush().unwrap();
    assert_eq!(kernel.durable_seq().unwrap(), Some(kernel.branch().seq()));
    let Replayed { state, .. } = replay_path(&path, None).unwrap();
    assert_eq!(state.hash(), kernel.state_hash());
}

#[test]
fn one_owner_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = open(&path, 0);
    let wanted = JournalOptions::new(Options::default(), Time(0));
    let error = Kernel::open_journal(&path, &wanted, Clock::manual(Time(0))).unwrap_err();
    assert_eq!(error.code(), Code::JournalLocked);
    drop(kernel);
    open(&path, 0);
}

#[test]
fn a_synced_journal_is_on_the_disk_with_the_reply() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut wanted = JournalOptions::new(Options::default(), Time(0));
    wanted.durability = Durability::Sync;
    let kernel = Kernel::open_journal(&path, &wanted, Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    driver.register(named_agent()).unwrap();
    assert_eq!(kernel.durable_seq().unwrap(), Some(kernel.branch().seq()));
    assert_eq!(replay_path(&path, None).unwrap().state.hash(), kernel.state_hash());
}

#[test]
fn a_kernel_from_json_keeps_its_journal_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let header = serde_json::json!({"clock": "manual", "journal": path, "durability": "sync"});
    let kernel = Kernel::open_json(&header.to_string()).unwrap();
    kernel.command(None, r#"{"do":"open_session","kind":"operator","as":"op"}"#).unwrap();
    let hash = kernel.state_hash();
    drop(kernel);
    assert_eq!(replay_path(&path, None).unwrap().state.hash(), hash);
}
