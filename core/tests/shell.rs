//! The shell end to end, with a clock of its own and with the machine's.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tamias::change::{Key, Noun};
use tamias::command::{RegisterAgent, Subscribe, TaskSpec, Update};
use tamias::event::{Event, Offer, RescindReason, TaskStatus};
use tamias::kernel::journal::{JournalOptions, replay_path};
use tamias::status::TaskState;
use tamias::{Clock, Code, Kernel, Nanos, Options, Session, Time};

fn agent(resources: &str) -> RegisterAgent {
    RegisterAgent { resources: resources.parse().unwrap(), ..RegisterAgent::default() }
}

fn roles(roles: &[&str]) -> Subscribe {
    Subscribe { roles: roles.iter().map(|r| (*r).into()).collect(), ..Subscribe::default() }
}

fn task(name: &str, resources: &str) -> TaskSpec {
    TaskSpec { name: name.into(), resources: resources.parse().unwrap(), ..TaskSpec::default() }
}

fn events(session: &Session) -> Vec<Event> {
    session.poll(usize::MAX).unwrap().into_iter().map(|record| record.event).collect()
}

fn only_offer(session: &Session) -> Offer {
    match events(session).as_slice() {
        [Event::Offer(offer)] => Offer::clone(offer),
        other => panic!("expected one offer: {other:?}"),
    }
}

fn only_update(session: &Session) -> TaskStatus {
    match events(session).as_slice() {
        [Event::Update(status)] => status.clone(),
        other => panic!("expected one update: {other:?}"),
    }
}

#[test]
fn one_task_from_offer_to_acknowledgement() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let machine = driver.register(agent("cpus:4;mem:1024;ports:[1-9]")).unwrap();
    let framework = kernel.subscribe(roles(&["dev"])).unwrap();
    let offer = only_offer(&framework);
    assert_eq!((offer.agent, &*offer.role), (machine, "dev"));
    assert_eq!(offer.resources.to_string(), "cpus:4;mem:1024;ports:[1-9]");

    let outcome =
        framework.launch(&[offer.offer], vec![task("t", "cpus:1;ports:[3-4]")]).unwrap().remove(0);
    let id = outcome.task.unwrap();
    assert!(matches!(&events(&driver)[..], [Event::Launch(launch)] if launch.task == id));
    assert_eq!(events(&framework), [], "the rest is filtered for an interval");

    driver.update(Update::new(id, TaskState::Running)).unwrap();
    driver.update(Update::new(id, TaskState::Finished)).unwrap();
    let running = events(&framework);
    let [Event::Update(running), Event::Offer(_)] = &running[..] else { panic!("{running:?}") };
    assert_eq!(running.state, TaskState::Running);
    let wrong = framework.acknowledge("t", tamias::value::Uuid([9; 16])).unwrap_err();
    assert_eq!(wrong.code(), Code::WrongUuid);
    framework.acknowledge("t", running.uuid.unwrap()).unwrap();
    let finished = only_update(&framework);
    assert_eq!(finished.state, TaskState::Finished);
    framework.acknowledge(id, finished.uuid.unwrap()).unwrap();
    assert_eq!(kernel.branch().tasks().len(), 0);
    kernel.branch().check_invariants().unwrap();
}

#[test]
fn an_advance_stops_at_each_deadline() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    driver.register(agent("cpus:4")).unwrap();
    let framework = kernel.subscribe(roles(&["dev"])).unwrap();
    let first = only_offer(&framework);
    kernel.advance(Time(0).plus(Nanos::from_secs(150))).unwrap();
    let seen = events(&framework);
    let rescinds = seen
        .iter()
        .filter(|event| matches!(event, Event::Rescind { reason: RescindReason::Timeout, .. }));
    assert_eq!((rescinds.count(), seen.len()), (2, 4), "at 60 s and at 120 s: {seen:?}");
    assert_eq!(framework.launch(&[first.offer], vec![]).unwrap_err().code(), Code::OfferGone);
    assert_eq!(kernel.now(), Time(150_000_000_000));
}

#[test]
fn a_wait_ends_with_an_event_a_timeout_or_a_close() {
    let kernel = Kernel::open(Options::default()).unwrap();
    let framework = kernel.subscribe(roles(&["dev"])).unwrap();
    let start = Instant::now();
    assert!(!framework.wait(Some(Duration::from_millis(50))).unwrap());
    assert!(start.elapsed() >= Duration::from_millis(50));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| framework.wait(Some(Duration::from_secs(60))));
        let driver = kernel.agent_driver().unwrap();
        driver.register(agent("cpus:4")).unwrap();
        assert!(waiting.join().unwrap().unwrap());
        let waiting = scope.spawn(|| {
            events(&framework);
            framework.wait(Some(Duration::from_secs(60)))
        });
        framework.close().unwrap();
        // Either the close came first, or the disconnection's silence lasted until it did.
        assert_eq!(waiting.join().unwrap().unwrap_err().code(), Code::HandleClosed);
    });
}

#[test]
fn a_wait_lets_time_go_on() {
    let options =
        Options { offer_timeout_seconds: Some(Nanos::from_millis(30)), ..Options::default() };
    let kernel = Kernel::open(options).unwrap();
    let driver = kernel.agent_driver().unwrap();
    driver.register(agent("cpus:4")).unwrap();
    let framework = kernel.subscribe(roles(&["dev"])).unwrap();
    only_offer(&framework);
    assert!(framework.wait(Some(Duration::from_secs(60))).unwrap());
    assert!(matches!(events(&framework)[..], [Event::Rescind { .. }, Event::Offer(_)]));
}

#[test]
fn a_reader_that_falls_behind_is_brought_up_to_date() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let framework = kernel.subscribe(roles(&["dev"])).unwrap();
    for _ in 0..5_000 {
        driver.register(agent("cpus:1")).unwrap();
    }
    let mut offers = BTreeSet::new();
    let mut resyncs = 0;
    loop {
        let batch = framework.poll(1_000).unwrap();
        if batch.is_empty() {
            break;
        }
        for record in batch {
            match record.event {
                Event::Offer(offer) => drop(offers.insert(offer.offer)),
                Event::Resync => resyncs += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((offers.len(), resyncs), (5_000, 1));
}

#[test]
fn who_watches_and_falls_behind_starts_anew() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let operator = kernel.operator().unwrap();
    operator.watch(&[Noun::Agent, Noun::Task]).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let mut known = BTreeSet::new();
    let mut heard = Vec::new();
    let mut hear = |most: usize| {
        for record in operator.poll(most).unwrap() {
            match record.event {
                Event::Snapshot(snapshot) => {
                    heard.push(format!("part {} of {}", snapshot.part, snapshot.rows.len()));
                    if snapshot.part == 0 {
                        known.clear();
                    }
                    known.extend(snapshot.rows.into_iter().map(|entry| entry.key));
                }
                Event::Changed(change) => {
                    if change.row.is_some() {
                        known.insert(change.key);
                    } else {
                        known.remove(&change.key);
                    }
                }
                Event::Resync => heard.push("resync".to_owned()),
                other => panic!("{other:?}"),
            }
        }
        known.len()
    };
    let first = driver.register(agent("cpus:1")).unwrap();
    assert_eq!(hear(9), 1);
    for _ in 0..200 {
        driver.register(agent("cpus:1")).unwrap();
    }
    for _ in 0..2_500 {
        operator.deactivate_agent(first).unwrap();
        operator.reactivate_agent(first).unwrap();
    }
    operator.remove_agent(first).unwrap();
    assert_eq!(hear(10_000), 201, "what still fitted");
    driver.register(agent("cpus:1")).unwrap();
    assert_eq!(hear(10_000), 201);
    assert_eq!(hear(10_000), 201);
    assert_eq!(heard, ["part 0 of 0", "resync", "part 0 of 128", "part 1 of 72"]);
    let rows: BTreeSet<_> = kernel.branch().agents().ids().map(Key::Agent).collect();
    assert_eq!(known, rows);
}

#[test]
fn posts_keep_the_order_of_their_thread() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let session = Some(driver.id());
    for _ in 0..100 {
        kernel.post(session, agent("cpus:1")).unwrap();
    }
    kernel.post(None, agent("cpus:1")).unwrap();
    assert_eq!(kernel.branch().agents().len(), 100);
    assert_eq!(kernel.posts_rejected(), 1);
}

#[test]
fn a_driver_thread_keeps_time() {
    let options =
        Options { offer_timeout_seconds: Some(Nanos::from_millis(20)), ..Options::default() };
    let kernel = Kernel::open(options).unwrap();
    let thread = tamias::kernel::Driver::start(&kernel).unwrap();
    let driver = kernel.agent_driver().unwrap();
    driver.register(agent("cpus:4")).unwrap();
    let framework = kernel.subscribe(roles(&["dev"])).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut seen = 0;
    while seen < 5 {
        assert!(Instant::now() < deadline, "the driver does not keep time");
        seen += events(&framework).len();
        std::thread::yield_now();
    }
    drop(thread);
}

#[test]
fn contended_calls_all_arrive() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let driver = kernel.agent_driver().unwrap();
                for _ in 0..200 {
                    driver.register(agent("cpus:1")).unwrap();
                }
                std::mem::forget(driver);
            });
        }
    });
    let state = kernel.branch();
    assert_eq!((state.agents().len(), state.seq()), (800, 4 + 2 * 800), "one tick each");
    state.check_invariants().unwrap();
}

#[test]
fn a_rejected_subscription_leaves_no_trace() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let before = kernel.state_hash();
    assert_eq!(kernel.subscribe(roles(&["a//b"])).unwrap_err().code(), Code::BadName);
    assert_eq!(kernel.state_hash(), before);
    kernel.subscribe(roles(&["a"])).unwrap();
    assert_ne!(kernel.state_hash(), before);
}

#[test]
fn an_atomic_batch_is_applied_whole_or_not_at_all() {
    use tamias::kernel::Batch;
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let before = kernel.state_hash();
    let twice = RegisterAgent { name: Some("m".into()), ..agent("cpus:1") };
    let commands = vec![twice.clone().into(), twice.into()];
    let error = driver.call_batch(commands.clone(), Batch::Atomic).unwrap_err();
    assert_eq!((error.code(), error.list_index()), (Code::NameTaken, Some(1)));
    assert_eq!(kernel.state_hash(), before);
    let results = driver.call_batch(commands[..1].to_vec(), Batch::Atomic).unwrap();
    assert!(results[0].is_ok());
    let results = driver.call_batch(commands, Batch::BestEffort).unwrap();
    assert!(results.iter().all(Result::is_err));
    assert_eq!(kernel.branch().agents().len(), 1);
}

#[test]
fn a_close_ends_waits_and_frees_the_journal() {
    let path = std::env::temp_dir().join(format!("tamias-close-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let wanted = JournalOptions::new(Options::default(), Time(0));
    let open = || Kernel::open_journal(&path, &wanted, Clock::system());
    let kernel = open().unwrap();
    let framework = kernel.subscribe(roles(&["dev"])).unwrap();
    assert_eq!(open().unwrap_err().code(), Code::JournalLocked);
    let (seq, hash) = (kernel.branch().seq(), kernel.state_hash());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| framework.wait(Some(Duration::from_secs(60))));
        kernel.close().unwrap();
        kernel.close().unwrap();
        assert_eq!(waiting.join().unwrap().unwrap_err().code(), Code::HandleClosed);
    });
    assert_eq!(framework.revive(&[]).unwrap_err().code(), Code::HandleClosed);
    assert_eq!(kernel.tick().unwrap_err().code(), Code::HandleClosed);
    let replayed = replay_path(&path, None).unwrap();
    assert_eq!((replayed.state.seq(), replayed.state.hash()), (seq, hash));
    // The handles are still there, the lock is not.
    open().unwrap().close().unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn one_thread_waits_for_several_sessions() {
    let kernel = Kernel::open(Options::default()).unwrap();
    let frameworks = [kernel.subscribe(roles(&["a"])), kernel.subscribe(roles(&["b"]))];
    let [first, second] = frameworks.map(Result::unwrap);
    let both: [&Session; 2] = [&first, &second];
    assert!(!kernel.wait_any(&both, Some(Duration::from_millis(20))).unwrap());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| kernel.wait_any(&both, Some(Duration::from_secs(60))));
        let driver = kernel.agent_driver().unwrap();
        driver.register(agent("cpus:4")).unwrap();
        assert!(waiting.join().unwrap().unwrap());
    });
    assert_eq!(events(&first).len() + events(&second).len(), 2, "an offer and its rescind");
    let other = Kernel::open(Options::default()).unwrap();
    let error = other.wait_any(&both, None).unwrap_err();
    assert_eq!((error.code(), error.list_index()), (Code::UnknownSession, Some(0)));
}
