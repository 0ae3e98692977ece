//! The shell under many threads: whatever they do at once, it is as if they had done it one after
//! the other, in the order that the journal shows.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tamias::codec::Record;
use tamias::command::{
    Accept, Acknowledge, Command, Decline, Envelope, Kill, RegisterAgent, RoleWeight, Subscribe,
    TaskSpec, Update, UpdateWeights,
};
use tamias::event::{Effect, Event};
use tamias::ids::{OfferId, SessionId};
use tamias::kernel::journal::{JournalOptions, replay_steps};
use tamias::kernel::{Applied, Driver};
use tamias::status::TaskState;
use tamias::{AgentDriver, Clock, Code, Framework, Kernel, Nanos, Options, Reply, Session, Time};

/// Longer than anything takes, even on a machine under load.
const LONG: Duration = Duration::from_secs(60);

fn agent(resources: &str) -> RegisterAgent {
    RegisterAgent { resources: resources.parse().unwrap(), ..RegisterAgent::default() }
}

fn roles(role: &str) -> Subscribe {
    Subscribe { roles: vec![role.into()], ..Subscribe::default() }
}

fn weight(role: &str, weight: u32) -> UpdateWeights {
    let weight = weight.to_string().parse().unwrap();
    UpdateWeights { weights: vec![RoleWeight { role: role.into(), weight }] }
}

/// Commands with what they gave, as their senders saw it.
type Seen = Vec<(SessionId, Command, Applied)>;

/// A framework that keeps books of its offers by events alone.
struct Tenant {
    framework: Framework,
    offers: BTreeSet<OfferId>,
    launched: usize,
    seen: Seen,
}

impl Tenant {
    fn new(kernel: &Kernel, role: &str) -> Self {
        let framework = kernel.subscribe(roles(role)).unwrap();
        Self { framework, offers: BTreeSet::new(), launched: 0, seen: Seen::new() }
    }

    fn send(&mut self, command: impl Into<Command>) {
        let command = command.into();
        match self.framework.call_traced(command.clone()) {
            Ok(applied) => self.seen.push((Session::id(&self.framework), command, applied)),
            // The offer timed out, the task ended: the event is under way.
            Err(rejection) => assert!(
                matches!(
                    rejection.code(),
                    Code::OfferGone
                        | Code::UnknownTask
                        | Code::WrongUuid
                        | Code::NothingToAcknowledge
                ),
                "{rejection}"
            ),
        }
    }

    /// Takes what there is; launches on some offers, declines some, lets others time out.
    fn step(&mut self, may_launch: bool) -> usize {
        let records = self.framework.poll(64).unwrap();
        let count = records.len();
        for record in records {
            match record.event {
                Event::Offer(offer) => {
                    self.offers.insert(offer.offer);
                    match (may_launch, record.seq % 4) {
                        (true, 0 | 1) => self.launch(offer.offer),
                        (true, 2) => {
                            let refuse_seconds = Some(Nanos::from_millis(1));
                            let offers = vec![offer.offer];
                            self.send(Decline { offers, refuse_seconds });
                            self.offers.remove(&offer.offer);
                        }
                        _ => {}
                    }
                }
                Event::Rescind { offer, .. } => drop(self.offers.remove(&offer)),
                Event::Resync => self.offers.clear(),
                Event::Update(status) => {
                    let Some(task) = status.task else { continue };
                    if let Some(uuid) = status.uuid {
                        self.send(Acknowledge { task: task.into(), uuid });
                    }
                    if status.state == TaskState::Running && record.seq % 5 == 0 {
                        self.send(Kill { task: task.into(), kill_grace_seconds: None });
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        count
    }

    fn launch(&mut self, offer: OfferId) {
        self.launched += 1;
        let name = format!("t{}", self.launched).into();
        let resources = "cpus:0.5".parse().unwrap();
        let task = TaskSpec { name, resources, ..TaskSpec::default() };
        let operations = vec![vec![task].into()];
        self.send(Accept { offers: vec![offer], operations, ..Accept::default() });
        self.offers.remove(&offer);
    }
}

/// Runs nothing: reports a start at once by post, an end by call.
fn serve(kernel: &Kernel, driver: &AgentDriver, seen: &mut Seen) -> usize {
    let records = driver.poll(64).unwrap();
    let count = records.len();
    for record in records {
        let (task, end) = match record.event {
            Event::Launch(launch) => {
                let running: Command = Update::new(launch.task, TaskState::Running).into();
                while let Err(full) = kernel.post(Some(driver.id()), running.clone()) {
                    assert_eq!(full.code(), Code::WouldBlock);
                }
                if record.seq % 3 == 0 {
                    continue;
                }
                (launch.task, TaskState::Finished)
            }
            Event::Kill { task, .. } => (task, TaskState::Killed),
            _ => continue,
        };
        let command: Command = Update::new(task, end).into();
        match driver.call_traced(command.clone()) {
            Ok(applied) => seen.push((driver.id(), command, applied)),
            Err(rejection) => assert_eq!(rejection.code(), Code::UnknownTask, "{rejection}"),
        }
    }
    count
}

/// A kernel with a journal in which offers and filters are over soon.
fn open_hasty(path: &std::path::Path) -> Kernel {
    let options = Options {
        offer_timeout_seconds: Some(Nanos::from_millis(15)),
        allocation_interval_seconds: Nanos::from_millis(10),
        ..Options::default()
    };
    let clock = Clock::system();
    let wanted = JournalOptions::new(options, clock.now());
    Kernel::open_journal(path, &wanted, clock).unwrap()
}

#[test]
fn what_threads_do_at_once_has_an_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let kernel = open_hasty(&path);
    let time = Driver::start(&kernel).unwrap();
    let drivers: Vec<_> = (0..2).map(|_| kernel.agent_driver().unwrap()).collect();
    for driver in drivers.iter().cycle().take(6) {
        driver.register(agent("cpus:2")).unwrap();
    }
    let mut tenants: Vec<_> = (0..4).map(|i| Tenant::new(&kernel, ["a", "b"][i % 2])).collect();
    let operator = kernel.operator().unwrap();
    let over = AtomicBool::new(false);
    let pause = Some(Duration::from_millis(5));
    let mut seen = Seen::new();
    std::thread::scope(|scope| {
        let served = drivers.iter().map(|driver| {
            scope.spawn(|| {
                let mut seen = Seen::new();
                while !over.load(Ordering::Relaxed) {
                    driver.wait(pause).unwrap();
                    serve(&kernel, driver, &mut seen);
                }
                seen
            })
        });
        let served: Vec<_> = served.collect();
        for tenant in &mut tenants {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    tenant.framework.wait(pause).unwrap();
                    tenant.step(true);
                }
            });
        }
        // Sessions come and go, also while somebody waits on them.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                come_and_go(&kernel);
            }
        });
        scope.spawn(|| {
            for i in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                kernel.post(Some(operator.id()), weight("a", i % 3 + 1)).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        std::thread::sleep(Duration::from_millis(1200));
        over.store(true, Ordering::Relaxed);
        for thread in served {
            seen.extend(thread.join().unwrap());
        }
    });
    drop(time);
    assert_eq!(kernel.posts_rejected(), 0);
    assert!(tenants.iter().all(|tenant| tenant.launched > 0), "too little happened");

    wind_down(&kernel, &drivers, &mut tenants, &mut seen);
    seen.extend(tenants.iter_mut().flat_map(|tenant| std::mem::take(&mut tenant.seen)));
    kernel.branch().check_invariants().unwrap();
    let hash = kernel.state_hash();
    kernel.flush().unwrap();
    compare_with_replay(&path, seen, hash);
}

/// A session that is closed while somebody waits on it.
fn come_and_go(kernel: &Kernel) {
    let guest = kernel.subscribe(roles("a")).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            while guest.wait(Some(LONG)).is_ok() {
                guest.poll(9).unwrap();
            }
        });
        std::thread::sleep(Duration::from_millis(2));
        guest.close().unwrap();
        waiting.join().unwrap();
    });
}

/// Nothing new is launched; every launch was seen and every update arrives, or this never ends.
/// Then the books are those of the state.
fn wind_down(kernel: &Kernel, drivers: &[AgentDriver], tenants: &mut [Tenant], seen: &mut Seen) {
    let deadline = Instant::now() + LONG;
    loop {
        let mut count: usize = drivers.iter().map(|driver| serve(kernel, driver, seen)).sum();
        count += tenants.iter_mut().map(|tenant| tenant.step(false)).sum::<usize>();
        if count == 0 && kernel.branch().tasks().is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{:?}", kernel.branch().tasks().iter().next());
        // Those that were left to run.
        for (id, task) in kernel.branch().tasks().iter() {
            if task.state == TaskState::Running {
                let end = Update::new(id, TaskState::Finished);
                for driver in drivers {
                    let _ = driver.update(end.clone());
                }
            }
        }
    }
    let state = kernel.branch();
    for tenant in tenants {
        let id = tenant.framework.id();
        let own = state.grants().iter().filter(|(_, grant)| grant.framework == id);
        let live: BTreeSet<_> = own.map(|(id, _)| id).collect();
        assert_eq!(tenant.offers, live, "offers known by events, and those of the state");
    }
}

/// Each command stands in the journal under the number its sender was told, and gives the same
/// reply and events when all are applied one after the other.
fn compare_with_replay(path: &std::path::Path, seen: Seen, hash: [u8; 32]) {
    let mut replay = replay_steps(path, None).unwrap();
    let mut replies: BTreeMap<u64, (Envelope, Reply)> = BTreeMap::new();
    let mut effects: BTreeMap<u64, Vec<Effect>> = BTreeMap::new();
    while let Some(step) = replay.step().unwrap() {
        if let (Record::Command(command), Some(reply)) = (step.entry.record, step.reply) {
            replies.insert(command.seq, (command.envelope, reply));
            effects.insert(command.seq, step.effects);
        }
    }
    assert_eq!(replay.finish().unwrap().state.hash(), hash);
    assert!(seen.len() > 100, "only {} commands were compared", seen.len());
    let mut numbers = HashSet::new();
    for (session, command, applied) in seen {
        assert!(numbers.insert(applied.seq), "two commands with seq {}", applied.seq);
        let (envelope, reply) = &replies[&applied.seq];
        assert_eq!((envelope.session, &envelope.command), (Some(session), &command));
        assert_eq!(*reply, applied.reply);
        let mut told: BTreeMap<u64, Vec<Effect>> = BTreeMap::new();
        for (seq, effect) in applied.effects {
            told.entry(seq).or_default().push(effect);
        }
        for (seq, told) in told {
            assert_eq!(effects[&seq], told, "events of seq {seq}");
        }
    }
}

#[test]
fn a_reader_in_arrears_loses_no_offer() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let framework = kernel.subscribe(roles("a")).unwrap();
    let over = AtomicUsize::new(2);
    let (mut offers, mut known, mut resyncs) = (BTreeSet::new(), HashSet::new(), 0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let driver = kernel.agent_driver().unwrap();
                for i in 0..4_000 {
                    let id = driver.register(agent("cpus:1")).unwrap();
                    if i % 3 == 0 {
                        driver.remove(id).unwrap();
                    }
                }
                std::mem::forget(driver);
                over.fetch_sub(1, Ordering::Release);
            });
        }
        let mut keep_books = |most| {
            let records = framework.poll(most).unwrap();
            let count = records.len();
            for record in records {
                // An event that comes twice has the same identity, and no other event has it.
                if !known.insert((record.seq, record.ordinal)) {
                    continue;
                }
                match record.event {
                    Event::Offer(offer) => drop(offers.insert(offer.offer)),
                    Event::Rescind { offer, .. } => drop(offers.remove(&offer)),
                    Event::Resync => {
                        resyncs += 1;
                        offers.clear();
                    }
                    _ => {}
                }
            }
            count
        };
        while over.load(Ordering::Acquire) > 0 {
            keep_books(3);
            std::thread::sleep(Duration::from_millis(1));
        }
        while keep_books(1_000) > 0 {}
    });
    let live: BTreeSet<_> = kernel.branch().grants().iter().map(|(id, _)| id).collect();
    assert_eq!(offers, live);
    assert!(resyncs > 0, "the ring never overflowed");
}

#[test]
fn a_storm_of_posts_loses_none_and_starves_nobody() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let named = |thread: usize, i: usize| {
        let name = Some(format!("{thread}-{i}").into());
        RegisterAgent { name, ..agent("cpus:1") }
    };
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (kernel, driver, named) = (&kernel, &driver, &named);
            scope.spawn(move || {
                for i in 0..2_000 {
                    let command: Command = named(thread, i).into();
                    while kernel.post(Some(driver.id()), command.clone()).is_err() {
                        std::thread::yield_now();
                    }
                }
                // Its own posts come before its commands.
                let last = format!("{thread}-1999");
                assert!(kernel.branch().agent_id(&last).is_some());
            });
        }
        for i in 0..200 {
            driver.register(named(9, i)).unwrap();
        }
    });
    assert_eq!(kernel.posts_rejected(), 0);
    let state = kernel.branch();
    assert_eq!(state.agents().len(), 6_200);
    for thread in [0, 1, 2, 9] {
        let last = if thread == 9 { 200 } else { 2_000 };
        let ids: Vec<_> =
            (0..last).map(|i| state.agent_id(&format!("{thread}-{i}")).unwrap()).collect();
        assert!(ids.is_sorted(), "thread {thread} was overtaken");
    }
}

#[test]
fn the_office_of_timekeeper_is_never_vacant() {
    let offer_timeout_seconds = Some(Nanos::from_millis(10));
    let options = Options { offer_timeout_seconds, ..Options::default() };
    let kernel = Kernel::open(options).unwrap();
    let driver = kernel.agent_driver().unwrap();
    driver.register(agent("cpus:1")).unwrap();
    let framework = kernel.subscribe(roles("a")).unwrap();
    for round in 0..60 {
        let guests: Vec<_> = (0..3).map(|_| kernel.operator().unwrap()).collect();
        std::thread::scope(|scope| {
            for guest in &guests {
                // Two wait on each; nothing ever comes.
                for _ in 0..2 {
                    scope.spawn(|| {
                        assert_eq!(guest.wait(Some(LONG)).unwrap_err().code(), Code::HandleClosed);
                    });
                }
            }
            let waiting = scope.spawn(|| wait_for_time(&framework));
            // Whoever keeps time leaves: somebody must take over.
            for guest in guests.iter().cycle().skip(round % 3).take(3) {
                guest.close().unwrap();
            }
            waiting.join().unwrap();
        });
    }
}

/// Waits until an offer times out.
fn wait_for_time(session: &Session) {
    loop {
        assert!(session.wait(Some(LONG)).unwrap(), "time stands still");
        let records = session.poll(9).unwrap();
        if records.iter().any(|record| matches!(record.event, Event::Rescind { .. })) {
            return;
        }
    }
}

#[test]
fn waits_follow_a_clock_that_another_thread_moves() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    driver.register(agent("cpus:1")).unwrap();
    let framework = kernel.subscribe(roles("a")).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (0..20).for_each(|_| wait_for_time(&framework)));
        let mut now = Time(0);
        while !waiting.is_finished() {
            // Steps beyond 24 hours among them.
            now = now.plus(Nanos::from_secs(30_000));
            kernel.advance(now).unwrap();
            std::thread::yield_now();
        }
        waiting.join().unwrap();
    });
    kernel.branch().check_invariants().unwrap();
}
