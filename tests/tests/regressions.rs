//! One test for each defect of the kernel that was found and mended: it fails without the mending.

use tamias::command::{
    Acknowledge, CloseSession, Command, DeactivateAgent, Decline, Envelope, RegisterAgent,
    RemoveAgent, ReportedTask, ReregisterAgent, Restart, SessionKind, Subscribe, TaskSpec,
    Teardown, Tick, Update, UpdateAgent,
};
use tamias::error::Code;
use tamias::event::{Effects, Event};
use tamias::machine::apply;
use tamias::reply::Reply;
use tamias::resources::Resources;
use tamias::status::TaskState;
use tamias::time::Nanos;
use tamias::value::Uuid;
use tamias::{Options, State};
use tamias_tests::world::{World, task};

fn reregister(agent: tamias::ids::AgentId, tasks: Vec<ReportedTask>) -> ReregisterAgent {
    ReregisterAgent { agent: Some(agent), tasks, ..ReregisterAgent::default() }
}

fn update_resources(agent: tamias::ids::AgentId, resources: &str) -> UpdateAgent {
    UpdateAgent { resources: Some(resources.parse().unwrap()), ..UpdateAgent::new(agent) }
}

/// One name has one kind of value among everything that an agent's offers and tasks hold: an
/// agent that turns a scalar into ranges under an offer has to wait until it is returned.
#[test]
fn a_resource_keeps_its_kind_while_it_is_held() {
    let mut world = World::new(Options::default());
    let (framework, _) = world.framework(&["*"]);
    let (driver, agent) = world.agent("cpus:2;things:5");
    world.settle();
    let offer = world.offers(framework)[0].offer;
    let change = update_resources(agent, "cpus:2;things:[1-3]");
    let error = world.try_send(Some(driver), change.clone()).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::FailedPrecondition, "resources"));
    world.send(framework, Decline { offers: vec![offer], refuse_seconds: None });
    world.send(driver, change.clone());
    world.settle();

    // The same for what is parked: it will be held again.
    let offer = world.offers(framework)[0].offer;
    let tasks = world.launch(framework, offer, vec![task("t", "cpus:2;things:[1-1]")]);
    world.send(driver, CloseSession {});
    world.advance(601);
    let driver = world.open(SessionKind::Agent);
    let reported = vec![ReportedTask { task: tasks[0], state: TaskState::Running }];
    let mut back = reregister(agent, reported);
    back.resources = Some("cpus:2;things:5".parse().unwrap());
    let error = world.try_send(Some(driver), back.clone()).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::FailedPrecondition, "resources"));
    back.resources = change.resources;
    world.send(driver, back);
    world.settle();
}

/// The limit of the cluster's total holds for agents that bring a new resource name, too.
#[test]
fn a_new_name_does_not_hide_a_total_that_is_too_large() {
    let mut world = World::new(Options::default());
    let driver = world.open(SessionKind::Agent);
    let register = |n: usize| RegisterAgent {
        resources: format!("mem:1000000000000;name{n}:1").parse().unwrap(),
        ..RegisterAgent::default()
    };
    for n in 0..9 {
        world.send(driver, register(n));
    }
    let error = world.try_send(Some(driver), register(9)).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::LimitReached, "resources"));
}

/// What is parked while its agent is away counts when the agent comes back: sums never exceed what
/// shares are computed with.
#[test]
fn a_return_keeps_sums_within_the_limit() {
    let mut world = World::new(Options::default());
    let (framework, _) = world.framework(&["*"]);
    let mut away = Vec::new();
    for n in 0..4 {
        let (driver, agent) = world.agent("mem:1000000000000");
        world.settle();
        let offer = world.offers(framework)[0].offer;
        let name = format!("t{n}");
        let tasks = world.launch(framework, offer, vec![task(&name, "mem:1000000000000")]);
        // It shrinks under its task, then it is lost.
        world.send(driver, update_resources(agent, "mem:1"));
        world.send(driver, CloseSession {});
        away.push((agent, tasks[0]));
    }
    world.advance(601);
    for _ in 0..9 {
        world.agent("mem:1000000000000");
    }
    world.settle();
    let driver = world.open(SessionKind::Agent);
    for (agent, task) in away {
        let reported = vec![ReportedTask { task, state: TaskState::Running }];
        let error = world.try_send(Some(driver), reregister(agent, reported)).unwrap_err();
        assert_eq!(error.code(), Code::LimitReached);
    }
}

/// Many tasks that ended and wait for their acknowledgement, on an agent that is removed in steps:
/// a snapshot between two steps goes on like the original.
#[test]
fn a_removal_goes_on_after_a_snapshot_in_its_middle() {
    let mut world = World::new(Options::default());
    let (framework, _) = world.framework(&["*"]);
    let (driver, agent) = world.agent("cpus:1");
    world.settle();
    let offer = world.offers(framework)[0].offer;
    let specs: Vec<_> = (0..200).map(|n| task(&format!("t{n}"), "cpus:0.001")).collect();
    for task in world.launch(framework, offer, specs) {
        world.send(driver, Update::new(task, TaskState::Finished));
    }
    let operator = world.open(SessionKind::Operator);
    world.send(operator, RemoveAgent { agent });
    let mut restored = State::from_snapshot(&world.state.to_snapshot()).unwrap();
    loop {
        let reply = world.try_send(None, Tick {}).unwrap();
        let tick = Envelope { now: world.now, session: None, command: Command::Tick(Tick {}) };
        assert_eq!(apply(&mut restored, &tick, &mut Effects::new()), Ok(reply.clone()));
        assert_eq!(restored.hash(), world.state.hash());
        restored = State::from_snapshot(&restored.to_snapshot()).unwrap();
        if matches!(reply, Reply::Ticked { more: false, .. }) {
            return;
        }
    }
}

/// An agent that cannot be reached has nothing of which anybody could hold a share; Mesos takes it
/// out of the allocator.
#[test]
fn shares_are_parts_of_what_can_be_reached() {
    let mut world = World::new(Options::default());
    let (driver, agent) = world.agent("cpus:90;mem:10");
    world.agent("cpus:10;mem:100");
    world.send(driver, CloseSession {});
    let total = |world: &World| world.state.names().named(world.state.total()).to_string();
    assert_eq!(total(&world), "cpus:100;mem:110");
    world.advance(601);
    assert_eq!(total(&world), "cpus:10;mem:100");
    let driver = world.open(SessionKind::Agent);
    world.send(driver, reregister(agent, Vec::new()));
    assert_eq!(total(&world), "cpus:100;mem:110");
}

/// A role that is not suppressed any more is revived, filters included.
#[test]
fn a_resubscription_that_ends_a_suppression_drops_filters() {
    let mut world = World::new(Options::default());
    let (session, framework) = world.framework(&["a"]);
    world.agent("cpus:1");
    world.settle();
    let offer = world.offers(session)[0].offer;
    world.send(
        session,
        Decline { offers: vec![offer], refuse_seconds: Some(Nanos::from_secs(500)) },
    );
    let mut again = Subscribe {
        framework: Some(framework),
        roles: vec!["a".into()],
        suppressed_roles: vec!["a".into()],
        ..Subscribe::default()
    };
    world.send(session, again.clone());
    world.settle();
    assert_eq!(world.offers(session), []);
    again.suppressed_roles.clear();
    world.send(session, again);
    world.settle();
    assert_eq!(world.offers(session).len(), 1);
}

/// A driver may have missed more than one acknowledgement: every repetition is recognised.
#[test]
fn an_update_is_not_delivered_again_after_later_ones() {
    let mut world = World::new(Options::default());
    let (framework, _) = world.framework(&["*"]);
    let (driver, _) = world.agent("cpus:1");
    world.settle();
    let offer = world.offers(framework)[0].offer;
    let task = world.launch(framework, offer, vec![task("t", "cpus:1")])[0];
    let update = |n: u8, state| Update { uuid: Some(Uuid([n; 16])), ..Update::new(task, state) };
    for (n, state) in [(1, TaskState::Starting), (2, TaskState::Running), (3, TaskState::Running)] {
        world.send(driver, update(n, state));
        world.send(framework, Acknowledge { task: task.into(), uuid: Uuid([n; 16]) });
    }
    let duplicate = Reply::Updated { duplicate: true, regression: false };
    assert_eq!(world.send(driver, update(1, TaskState::Starting)), duplicate);
    assert_eq!(world.told(framework), Vec::<&Event>::new());
    assert!(matches!(world.told(driver)[..], [Event::Acknowledged { .. }]));
    assert_eq!(world.state.tasks().get(task).unwrap().state, TaskState::Running);
}

/// Nobody acknowledges the updates of a framework that was torn down: its drivers are told that
/// they may drop them, and the kernel stops to repeat them.
#[test]
fn a_teardown_releases_drivers_from_unacknowledged_updates() {
    let mut world = World::new(Options::mesos());
    let (framework, id) = world.framework(&["*"]);
    let (driver, _) = world.agent("cpus:2;mem:64");
    world.settle();
    let offer = world.offers(framework)[0].offer;
    let specs = vec![task("live", "cpus:1"), task("ended", "cpus:1")];
    let tasks = world.launch(framework, offer, specs);
    world.send(driver, Update::new(tasks[0], TaskState::Running));
    world.send(driver, Update::new(tasks[1], TaskState::Finished));
    let operator = world.open(SessionKind::Operator);
    world.send(operator, Teardown { framework: Some(id) });
    world.settle();
    let told: Vec<_> = world.told(driver);
    let acknowledged = |wanted| {
        let is = |e: &&&Event| matches!(e, Event::Acknowledged { task, .. } if *task == wanted);
        told.iter().filter(is).count()
    };
    assert_eq!((acknowledged(tasks[0]), acknowledged(tasks[1])), (1, 1), "{told:?}");
    assert!(told.iter().any(|e| matches!(e, Event::Kill { task, .. } if *task == tasks[0])));
    assert_eq!(world.state.tasks().len(), 1);
    world.send(driver, Update::new(tasks[0], TaskState::Killing));
    world.send(driver, Update::new(tasks[0], TaskState::Killed));
    assert!(world.state.tasks().is_empty() && world.state.frameworks().is_empty());
    world.advance(5);
    assert!(world.state.timers().is_empty(), "something is still to be repeated");
}

/// Updates are repeated to somebody who listens, not to a framework that is disconnected.
#[test]
fn nothing_is_repeated_to_a_disconnected_framework() {
    let update_retry = Options::mesos().update_retry;
    let mut world = World::new(Options { update_retry, ..Options::default() });
    let (session, framework) = world.framework(&["*"]);
    let (driver, _) = world.agent("cpus:1");
    world.settle();
    let offer = world.offers(session)[0].offer;
    let task = world.launch(session, offer, vec![task("t", "cpus:1")])[0];
    world.send(driver, Update::new(task, TaskState::Running));
    world.send(session, CloseSession {});
    world.advance(11);
    assert_eq!(world.state.timers().len(), 1, "only the failover timer");
    let session = world.open(SessionKind::Framework);
    let again = Subscribe { framework: Some(framework), ..Subscribe::default() };
    world.send(session, again);
    assert!(matches!(world.told(session)[..], [Event::Update(_)]));
    world.advance(11);
    assert!(matches!(world.told(session)[..], [Event::Update(_)]));
}

/// The time that a task may run goes on while its agent is away.
#[test]
fn the_longest_time_to_run_counts_absence() {
    let mut world = World::new(Options::default());
    let (framework, _) = world.framework(&["*"]);
    let (driver, agent) = world.agent("cpus:1");
    world.settle();
    let offer = world.offers(framework)[0].offer;
    let spec =
        TaskSpec { max_completion_seconds: Some(Nanos::from_secs(700)), ..task("t", "cpus:1") };
    let task = world.launch(framework, offer, vec![spec])[0];
    world.send(driver, Update::new(task, TaskState::Running));
    world.send(driver, CloseSession {});
    world.advance(601);
    world.advance(100);
    let driver = world.open(SessionKind::Agent);
    let reported = vec![ReportedTask { task, state: TaskState::Running }];
    world.send(driver, reregister(agent, reported));
    assert!(matches!(world.told(driver)[..], [Event::Kill { .. }]), "{:?}", world.effects);
}

/// A restart silences its own events only, not those of commands before it in the same buffer.
#[test]
fn a_restart_keeps_the_effects_of_earlier_commands() {
    let mut world = World::new(Options::default());
    let (framework, _) = world.framework(&["*"]);
    world.agent("cpus:1");
    let mut effects = Effects::new();
    for command in [Command::Tick(Tick {}), Command::Restart(Restart {})] {
        let envelope = Envelope { now: world.now, session: None, command };
        apply(&mut world.state, &envelope, &mut effects).unwrap();
    }
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].session, framework);
    world.state.check_invariants().unwrap();
}

/// The names that a kernel has seen are part of its state: a restored one has room for as many
/// more as the original.
#[test]
fn a_restored_kernel_knows_the_names_of_former_resources() {
    let mut world = World::new(Options::default());
    let driver = world.open(SessionKind::Agent);
    let operator = world.open(SessionKind::Operator);
    let mut refused = None;
    for n in 0..100 {
        let resources = format!("name{n}:1").parse().unwrap();
        let register = RegisterAgent { resources, ..RegisterAgent::default() };
        match world.try_send(Some(driver), register.clone()) {
            Ok(Reply::Registered { agent }) => {
                world.send(operator, DeactivateAgent { agent });
                world.send(operator, RemoveAgent { agent });
                world.settle();
            }
            other => {
                refused = Some((register, other));
                break;
            }
        }
    }
    let (register, refusal) = refused.unwrap();
    let mut restored = State::from_snapshot(&world.state.to_snapshot()).unwrap();
    assert_eq!(restored.hash(), world.state.hash());
    let envelope = Envelope { now: world.now, session: Some(driver), command: register.into() };
    assert_eq!(apply(&mut restored, &envelope, &mut Effects::new()), refusal);
}

/// What is larger than can be written in JSON is refused from Rust callers, too: a journal that
/// is shown could not be read again.
#[test]
fn an_agent_has_no_more_than_can_be_written() {
    let mut world = World::new(Options::default());
    let driver = world.open(SessionKind::Agent);
    let mut resources: Resources = "mem:1000000000000".parse().unwrap();
    resources.add(&"mem:0.001".parse().unwrap()).unwrap();
    let register = RegisterAgent { resources, ..RegisterAgent::default() };
    let error = world.try_send(Some(driver), register).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::BadResources, "resources"));
}

/// A task of a removed framework that is reported to have ended is not taken for a stranger.
#[test]
fn an_ended_task_of_a_removed_framework_is_not_killed() {
    let mut world = World::new(Options::default());
    let (framework, id) = world.framework(&["*"]);
    let (driver, agent) = world.agent("cpus:1");
    world.settle();
    let offer = world.offers(framework)[0].offer;
    let task = world.launch(framework, offer, vec![task("t", "cpus:1")])[0];
    world.send(framework, Teardown { framework: Some(id) });
    world.settle();
    let reported = vec![ReportedTask { task, state: TaskState::Finished }];
    world.send(driver, reregister(agent, reported));
    assert!(matches!(world.told(driver)[..], [Event::Acknowledged { .. }]), "{:?}", world.effects);
    assert!(world.state.frameworks().is_empty());
}

/// What counts of an agent is its total or what is held of it: one that shrinks, or comes back
/// with what it had, is not refused because others use much.
#[test]
fn a_full_cluster_may_shrink_and_return() {
    let mut world = World::new(Options::default());
    let (framework, _) = world.framework(&["*"]);
    let mut agents = Vec::new();
    for n in 0..9 {
        let (driver, agent) = world.agent("mem:1000000000000");
        world.settle();
        let offer = world.offers(framework)[0].offer;
        let specs = vec![task(&format!("t{n}"), "mem:1000000000000")];
        let task = world.launch(framework, offer, specs)[0];
        agents.push((driver, agent, task));
    }
    world.send(agents[0].0, update_resources(agents[0].1, "mem:5"));
    world.send(agents[1].0, CloseSession {});
    world.advance(601);
    let driver = world.open(SessionKind::Agent);
    let reported = vec![ReportedTask { task: agents[1].2, state: TaskState::Running }];
    world.send(driver, reregister(agents[1].1, reported));
    let register = RegisterAgent {
        resources: "mem:1000000000000".parse().unwrap(),
        ..RegisterAgent::default()
    };
    let error = world.try_send(Some(driver), register).unwrap_err();
    assert_eq!(error.code(), Code::LimitReached);
}
