//! Breaks a state by hand in every way that the checks are there for, and sees it reported.

use crate::command::{
    Accept, CloseSession, Command, Decline, Envelope, RegisterAgent, RemoveAgent, RoleWeight,
    SessionKind, Subscribe, TaskSpec, Teardown, Tick, Update, UpdateWeights,
};
use crate::event::{Effects, Event};
use crate::ids::{AgentId, FrameworkId, GrantId, Id, OfferId, RoleId, SessionId, TaskId};
use crate::machine::apply;
use crate::options::Options;
use crate::reply::Reply;
use crate::resources::{Amount, Bundle};
use crate::state::{
    Bulk, Connection, Filter, GrantKind, Hold, Liveness, Quota, State, Subscription, Timer,
};
use crate::status::TaskState;
use crate::testing::steps;
use crate::time::{Nanos, Time};

mod constrained;
mod departures;
mod devices;
mod executors;
mod operations;
mod pools;

/// A state with something of everything, and who is who in it.
#[derive(Clone)]
struct Stage {
    state: State,
    /// Connected, with an offer, an allocation and a filter on it.
    agent: AgentId,
    /// Unreachable, with a parked task.
    lost: AgentId,
    framework: FrameworkId,
    /// Disconnected.
    away: FrameworkId,
    role: RoleId,
    offer: OfferId,
    running: TaskId,
    ended: TaskId,
    parked: TaskId,
    scheduler: SessionId,
}

impl Stage {
    fn send(
        &mut self,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> (Reply, Effects) {
        steps::send(&mut self.state, session, command)
    }

    fn open(&mut self, kind: SessionKind) -> SessionId {
        steps::open(&mut self.state, kind)
    }

    fn register(&mut self, name: &str, resources: &str) -> (SessionId, AgentId) {
        let session = self.open(SessionKind::Agent);
        let resources = resources.parse().unwrap();
        let name = Some(name.into());
        let register = RegisterAgent { name, resources, ..RegisterAgent::default() };
        match self.send(Some(session), register).0 {
            Reply::Registered { agent } => (session, agent),
            other => panic!("{other:?}"),
        }
    }

    fn subscribe(&mut self, name: &str, role: &str) -> (SessionId, FrameworkId) {
        let session = self.open(SessionKind::Framework);
        let (name, roles) = (Some(name.into()), vec![role.into()]);
        let subscribe = Subscribe { name, roles, ..Subscribe::default() };
        match self.send(Some(session), subscribe).0 {
            Reply::Subscribed { framework, .. } => (session, framework),
            other => panic!("{other:?}"),
        }
    }

    fn offer(&mut self) -> OfferId {
        let effects = self.send(None, Tick {}).1;
        let offers = effects.iter().filter_map(|effect| match &effect.event {
            Event::Offer(offer) => Some(offer.offer),
            _ => None,
        });
        offers.collect::<Vec<_>>()[0]
    }

    fn launch(&mut self, offer: OfferId, tasks: &[(&str, &str)]) -> Vec<TaskId> {
        let spec = |(name, resources): &(&str, &str)| TaskSpec {
            name: (*name).into(),
            resources: resources.parse().unwrap(),
            ..TaskSpec::default()
        };
        let operations = vec![tasks.iter().map(spec).collect::<Vec<_>>().into()];
        let accept = Accept { offers: vec![offer], operations, ..Accept::default() };
        match self.send(Some(self.scheduler), accept).0 {
            Reply::Accepted { tasks, .. } => {
                tasks.iter().filter_map(|outcome| outcome.task).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn at(&mut self, seconds: i64) {
        let now = Time(seconds * 1_000_000_000);
        let tick = Envelope { now, session: None, command: Tick {}.into() };
        while let Ok(Reply::Ticked { more: true, .. }) =
            apply(&mut self.state, &tick, &mut Effects::new())
        {}
        self.state.check_invariants().unwrap();
    }

    fn new() -> Self {
        let offer_timeout_seconds = Some(Nanos::from_secs(5000));
        let state = State::new(Options { offer_timeout_seconds, ..Options::default() }, Time(0));
        let (none, task) = (GrantId::from_u64(0), TaskId::from_u64(0));
        let (agent, session) = (AgentId::from_u64(0), SessionId::from_u64(0));
        let (framework, role) = (FrameworkId::from_u64(0), RoleId::from_u64(0));
        let mut stage = Self {
            state,
            agent,
            lost: agent,
            framework,
            away: framework,
            role,
            offer: none,
            running: task,
            ended: task,
            parked: task,
            scheduler: session,
        };
        (stage.scheduler, stage.framework) = stage.subscribe("scheduler", "a");
        stage.role = stage.state.role_id("a").unwrap();
        let operator = stage.open(SessionKind::Operator);
        let weights = vec![RoleWeight { role: "a".into(), weight: Amount::from_units(2) }];
        stage.send(Some(operator), UpdateWeights { weights });
        let lost = stage.register("lost", "cpus:1");
        let offer = stage.offer();
        stage.parked = stage.launch(offer, &[("parked", "cpus:1")])[0];
        stage.send(Some(lost.0), CloseSession {});
        stage.lost = lost.1;
        stage.at(601);
        let (driver, agent) = stage.register("agent", "cpus:4;ports:[1-4]");
        stage.agent = agent;
        let offer = stage.offer();
        let tasks = stage.launch(offer, &[("running", "cpus:1;ports:[1-2]"), ("ended", "cpus:1")]);
        (stage.running, stage.ended) = (tasks[0], tasks[1]);
        stage.send(Some(driver), Update::new(tasks[1], TaskState::Finished));
        stage.at(603);
        let offers = stage.state.grants.iter().filter(|(_, grant)| grant.is_offer());
        let offers: Vec<_> = offers.map(|(id, _)| id).collect();
        let refuse_seconds = Some(Nanos::from_secs(1));
        stage.send(Some(stage.scheduler), Decline { offers, refuse_seconds });
        stage.at(605);
        let mut offers = stage.state.grants.iter().filter(|(_, grant)| grant.is_offer());
        stage.offer = offers.next().unwrap().0;
        drop(offers);
        // Another one refuses something, and a last one leaves.
        stage.send(
            Some(driver),
            crate::command::UpdateAgent {
                resources: Some("cpus:5;ports:[1-4]".parse().unwrap()),
                ..crate::command::UpdateAgent::new(agent)
            },
        );
        let offer = stage.offer();
        let refuse_seconds = Some(Nanos::from_secs(900));
        let offers = vec![offer];
        stage.send(Some(stage.scheduler), Decline { offers, refuse_seconds });
        let (session, away) = stage.subscribe("away", "b");
        stage.send(Some(session), CloseSession {});
        stage.away = away;
        stage
    }

    fn grant(&mut self, id: GrantId) -> &mut crate::state::Grant {
        self.state.grants.get_mut(id).unwrap()
    }

    fn task(&mut self, id: TaskId) -> &mut crate::state::Task {
        self.state.tasks.get_mut(id).unwrap()
    }

    fn agent(&mut self, id: AgentId) -> &mut crate::state::Agent {
        self.state.agents.get_mut(id).unwrap()
    }

    fn framework(&mut self) -> &mut crate::state::Framework {
        self.state.frameworks.get_mut(self.framework).unwrap()
    }

    fn part(&mut self) -> &mut Subscription {
        let role = self.role;
        self.framework().roles.get_mut(&role).unwrap()
    }

    fn filter(&mut self) -> &mut Filter {
        self.part().filters.values_mut().flatten().next().unwrap()
    }

    fn allocation(&self) -> GrantId {
        match self.state.tasks.get(self.running).unwrap().hold {
            Hold::Granted(grant) => grant,
            _ => panic!("a running task holds something"),
        }
    }
}

fn cpus(text: &str) -> Bundle {
    crate::intern::Names::default().find(&text.parse().unwrap()).unwrap()
}

/// Breaks a state in some way.
type Break = fn(&mut Stage);

/// Every break must be reported with that number and these words.
fn reported(breaks: &[(&str, &str, Break)]) {
    let sound = Stage::new();
    for (invariant, words, breaks) in breaks {
        let mut broken = sound.clone();
        breaks(&mut broken);
        let violation = broken.state.check_invariants().expect_err(words);
        let text = violation.to_string();
        assert!(violation.invariant == *invariant && text.contains(words), "{words}: {text}");
    }
}

#[test]
fn ids() {
    reported(&[
        ("I38", "tasks", |s| {
            // As if a freed slot was forgotten.
            s.state.tasks.remove(s.ended);
            s.state.tasks.forget_free();
        }),
        ("I38", "grants", |s| s.state.grants.forget_free()),
    ]);
}

#[test]
fn agents() {
    reported(&[
        ("I13", "does not list its grant", |s| {
            let offer = s.offer;
            s.agent(s.agent).grants.remove(&offer);
        }),
        ("I13", "does not list its grant", |s| s.grant(s.offer).agent = AgentId::from_u64(99)),
        ("I13", "lists a grant that is gone", |s| {
            s.agent(s.agent).grants.insert(GrantId::from_u64(99));
        }),
        ("I13", "sums of grants are off", |s| s.agent(s.agent).offered = cpus("cpus:9")),
        ("I13", "sums of grants are off", |s| s.agent(s.agent).allocated.clear()),
        ("I14", "offers what is allocated", |s| {
            let allocation = s.allocation();
            let resources = s.grant(allocation).resources.clone();
            s.grant(s.offer).resources = resources;
        }),
        ("I14", "on both sides", |s| {
            let allocation = s.allocation();
            let again = s.grant(allocation).clone();
            let id = s.state.grants.insert(again);
            s.agent(s.agent).grants.insert(id);
        }),
        ("I19", "is not active and has offers", |s| s.agent(s.agent).deactivated = true),
        ("I32", "has a total", |s| s.agent(s.lost).liveness = Liveness::Removing),
        ("names", "agent", |s| s.state.agent_ids.clear()),
        ("names", "left over", |s| s.agent(s.lost).name = None),
        ("totals", "the cluster's total is off", |s| s.state.total.clear()),
        ("totals", "the cluster's total is off", |s| s.agent(s.agent).total = cpus("cpus:3")),
    ]);
}

#[test]
fn metadata() {
    fn total(s: &mut Stage, text: &str) {
        let total = s.state.names.intern(&text.parse().unwrap());
        s.agent(s.agent).total = total;
    }
    reported(&[
        ("I16", "holds what is reserved for Some(\"ops\")", |s| {
            let foreign = s.state.names.intern(&"cpus(ops):1".parse().unwrap());
            s.agent(s.agent).offered = foreign.clone();
            s.grant(s.offer).resources = foreign;
        }),
        ("I35", "several copies", |s| total(s, "disk(r)#v&:5*2")),
        ("I54", "two volumes \"v\" of one role", |s| total(s, "disk(r)#v:5*2")),
        ("I54", "two volumes \"v\" of one role", |s| {
            total(s, "disk(r)#v:5;disk(r)#v<source=mount>:5");
        }),
    ]);
}

#[test]
fn grants() {
    reported(&[
        ("I17", "is empty", |s| {
            let nothing =
                crate::state::Grant { resources: Bundle::new(), ..s.grant(s.offer).clone() };
            let id = s.state.grants.insert(nothing);
            s.agent(s.agent).grants.insert(id);
        }),
        ("I15", "takes part in its role", |s| s.grant(s.offer).role = RoleId::from_u64(99)),
        ("I15", "takes part in its role", |s| {
            s.grant(s.offer).framework = FrameworkId::from_u64(99);
        }),
        ("I15", "unsubscribed", |s| s.part().subscribed = false),
        ("I20", "is not connected", |s| {
            let timer = s.state.timers.set(Time(0), Timer::FailoverEnds(s.framework));
            s.framework().connection = Connection::Disconnected(timer);
        }),
        ("timers", "has a timer that is not set", |s| {
            let GrantKind::Offered(timer) = s.grant(s.offer).kind else { panic!("an offer") };
            s.state.timers.cancel(timer);
        }),
        ("I41", "is not held by its task", |s| s.task(s.running).hold = Hold::Released),
        ("I41", "is not held by its task", |s| {
            let allocation = s.allocation();
            s.grant(allocation).kind = GrantKind::Allocated(s.ended);
        }),
    ]);
}

#[test]
fn quota() {
    fn quota(guarantees: &str, limits: &str) -> Box<Quota> {
        let (guarantees, limits) = (guarantees.parse().unwrap(), limits.parse().unwrap());
        Box::new(Quota { guarantees, limits, principal: None })
    }
    fn role(s: &mut Stage) -> &mut crate::state::Role {
        s.state.roles.get_mut(s.role).unwrap()
    }
    reported(&[
        ("I34", "the sum of its reservations", |s| role(s).reserved = cpus("cpus:1")),
        ("I34", "the sum of its reservations", |s| role(s).reservations = 1),
        ("I28", "the sum of what it holds", |s| role(s).exempt = cpus("cpus:1")),
        ("I33", "which is no role", |s| {
            let total = s.state.names.intern(&"cpus(nobody):5;ports:[1-4]".parse().unwrap());
            s.state.total = cpus("cpus:5");
            s.agent(s.agent).total = total;
        }),
        ("quota", "is not listed as one", |s| role(s).quota = Some(quota("", "cpus:0"))),
        ("quota", "is not listed as one", |s| {
            s.state.quotas.insert(s.role);
        }),
        ("quota", "has an empty quota", |s| {
            role(s).quota = Some(quota("", ""));
            s.state.quotas.insert(s.role);
        }),
        ("quota", "more than its limit", |s| {
            role(s).quota = Some(quota("cpus:2", "cpus:1"));
            s.state.quotas.insert(s.role);
        }),
        ("work", "still to be looked at", |s| s.state.quota_moved = true),
        ("quota", "is not at the top", |s| {
            s.state.options.quota_binds = crate::options::QuotaBinds::TopLevel;
            let below = s.state.role_or_new("a/b");
            s.state.roles.get_mut(below).unwrap().quota = Some(quota("cpus:1", ""));
            s.state.quotas.insert(below);
        }),
        ("quota", "left over", |s| {
            s.state.quotas.insert(RoleId::from_u64(99));
        }),
        ("I24", "free for anybody", |s| {
            s.state.spare();
            let offer = s.offer;
            s.state.close_grant(offer);
            s.state.spare = s.state.spare.forgetful();
        }),
        ("minima", "own minima", |s| s.part().min_allocatable = Some(Vec::new())),
    ]);
}

#[test]
fn roles_and_frameworks() {
    reported(&[
        ("I28", "what it holds", |s| s.part().held = cpus("cpus:9")),
        ("I28", "what it holds", |s| s.part().parked = 0),
        ("I28", "what it holds", |s| {
            s.part().grants.insert(GrantId::from_u64(99));
        }),
        ("I28", "does not list its grant", |s| {
            let offer = s.offer;
            s.part().grants.remove(&offer);
        }),
        ("I33", "without subscription or holding", |s| {
            let role = s.role;
            let b = s.state.role_id("b").unwrap();
            s.framework().roles.insert(b, Subscription::default());
            s.state.roles.get_mut(role).unwrap().frameworks.insert(s.framework);
        }),
        ("I28", "its frameworks are off", |s| {
            s.state.roles.get_mut(s.role).unwrap().frameworks.clear();
        }),
        ("I28", "the sum of what it holds is off", |s| {
            s.state.roles.get_mut(s.role).unwrap().held.clear();
        }),
        ("I33", "has no weight, quota, reservation, framework", |s| {
            s.state.role_or_new("unused");
        }),
        ("I33", "takes part in no role", |s| {
            let part = Subscription { subscribed: true, ..Subscription::default() };
            s.framework().roles.insert(RoleId::from_parts(77, 1), part);
        }),
        ("I32", "held by nobody", |s| {
            s.task(s.parked).role = RoleId::from_u64(99);
            s.part().parked = 0;
        }),
        ("I32", "runs nothing, and is still there", |s| {
            let session = s.open(SessionKind::Operator);
            let teardown = Teardown { framework: Some(s.framework) };
            s.send(Some(session), teardown);
            s.framework().tasks.clear();
        }),
        ("names", "framework", |s| s.state.framework_ids.clear()),
        ("names", "a framework's name is left over", |s| s.framework().name = None),
        ("names", "role", |s| s.state.role_ids.clear()),
        ("names", "a role's name is left over", |s| {
            s.state.role_ids.insert("nobody's".into(), s.role);
        }),
    ]);
}

#[test]
fn tree_of_roles() {
    reported(&[
        ("I28", "the number of roles with frameworks", |s| {
            s.state.roles.get_mut(s.role).unwrap().clients = 7;
        }),
        ("I29", "its count of offers is off", |s| {
            s.state.roles.get_mut(s.role).unwrap().own_charges += 1;
        }),
        ("I33", "is not below the role above it", |s| {
            s.state.roles.get_mut(s.role).unwrap().parent = Some(s.role);
        }),
        ("I33", "is not listed by the role above it", |s| {
            let below = s.state.role_or_new("a/b");
            s.state.roles.get_mut(below).unwrap().weight = Amount::from_units(2);
            s.state.roles.get_mut(s.role).unwrap().children.clear();
        }),
        ("I33", "lists a role below that is gone", |s| {
            let gone = RoleId::from_parts(99, 1);
            s.state.roles.get_mut(s.role).unwrap().children.insert(gone);
        }),
        ("I29", "what roles weigh in a draw is off", |s| {
            let order = s.state.take_order();
            s.state.put_order(order);
            s.state.options.role_sorter = crate::options::Sorter::Random;
        }),
        ("I29", "the order of roles is off", |s| {
            s.subscribe("third", "c");
            let order = s.state.take_order();
            let first = order.roles().next().unwrap();
            s.state.put_order(order);
            let role = s.state.roles.get_mut(first).unwrap();
            (role.charges, role.own_charges) = (100, 100);
        }),
    ]);
}

#[test]
fn filters() {
    reported(&[
        ("filters", "is not connected and has filters", |s| {
            let filter = s.filter().clone();
            let b = s.state.role_id("b").unwrap();
            let part = s.state.part_mut(s.away, b).unwrap();
            part.filters.insert(s.agent, vec![filter]);
        }),
        ("I32", "which is gone", |s| {
            let filter = s.filter().clone();
            s.part().filters.insert(AgentId::from_u64(99), vec![filter]);
        }),
        ("I32", "which is gone", |s| s.part().filters.values_mut().for_each(Vec::clear)),
        ("I22", "never ends", |s| {
            let timer = s.filter().timer;
            s.state.timers.cancel(Some(timer));
        }),
        ("I22", "ends at another time", |s| s.filter().expires = Time(1)),
    ]);
}

#[test]
fn tasks() {
    reported(&[
        ("I41", "holds", |s| s.task(s.running).state = TaskState::Finished),
        ("I41", "holds", |s| s.task(s.ended).state = TaskState::Running),
        ("I41", "holds", |s| s.task(s.parked).state = TaskState::Running),
        ("I43", "is not found by its name", |s| s.framework().tasks.clear()),
        ("I43", "a framework lists a task that is gone", |s| {
            let task = s.running;
            s.framework().tasks.insert("nobody".into(), task);
        }),
        ("I44", "does not list its task", |s| s.agent(s.agent).tasks.clear()),
        ("I44", "an agent lists a task that is gone", |s| {
            s.agent(s.lost).tasks.insert(TaskId::from_u64(99));
        }),
        ("I44", "has no agent", |s| {
            let lost = s.lost;
            s.state.agent_ids.remove("lost");
            s.state.agents.remove(lost);
        }),
        ("I44", "on agent", |s| {
            s.state.total.add(&cpus("cpus:1")).unwrap();
            s.agent(s.lost).liveness = Liveness::Connected(s.scheduler);
        }),
        ("I44", "on agent", |s| {
            let (grant, agent) = (s.allocation(), s.agent);
            s.state.close_grant(s.offer);
            let total = s.agent(agent).total.clone();
            s.state.total.subtract(&total);
            s.agent(agent).liveness = Liveness::Unreachable(Time(0));
            assert!(s.state.grants.contains(grant));
        }),
        ("I47", "nothing of it is to be acknowledged", |s| s.task(s.ended).pending.clear()),
        ("I45", "repeats an update that it does not have", |s| {
            let timer = s.state.timers.set(Time(0), Timer::UpdateRetry(s.running));
            let interval = Nanos::ZERO;
            s.task(s.running).retry = Some(crate::state::task::Retry { timer, interval });
        }),
        ("I42", "is still to be killed", |s| s.task(s.ended).kill = Some(Nanos::ZERO)),
    ]);
}

#[test]
fn sessions_timers_and_work() {
    reported(&[
        ("sessions", "has a framework that is not its own", |s| {
            s.state.sessions.get_mut(s.scheduler).unwrap().framework = Some(s.away);
        }),
        ("sessions", "through a session that is not its own", |s| {
            s.state.sessions.get_mut(s.scheduler).unwrap().framework = None;
        }),
        ("sessions", "has an agent that is not its own", |s| {
            s.state.sessions.get_mut(s.scheduler).unwrap().agents.insert(s.agent);
        }),
        ("sessions", "agent", |s| {
            let driver = s.agent(s.agent).session().unwrap();
            s.state.sessions.get_mut(driver).unwrap().agents.clear();
        }),
        ("timers", "are wanted", |s| {
            s.state.timers.set(Time(0), Timer::TaskOverdue(s.running));
        }),
        ("timers", "is not set", |s| {
            let away = s.state.frameworks.get(s.away).unwrap().connection;
            let Connection::Disconnected(timer) = away else { panic!("it is away") };
            s.state.timers.cancel(Some(timer));
        }),
        ("work", "without an interval", |s| {
            s.state.work.waiting.insert(s.agent);
        }),
        ("work", "is to be offered", |s| {
            s.state.work.candidates.insert(AgentId::from_u64(99));
        }),
        ("work", "is to be offered", |s| {
            s.state.work.runs.push_back([AgentId::from_u64(99)].into());
        }),
        ("work", "has no agents", |s| s.state.work.runs.push_back([].into())),
        ("work", "without a command", |s| {
            s.state.options.allocate_only_on_command = true;
            s.state.work.candidates.insert(s.agent);
        }),
        ("work", "without work", |s| {
            let session = s.open(SessionKind::Operator);
            s.send(Some(session), RemoveAgent { agent: s.lost });
            s.state.work.bulk.clear();
        }),
        ("work", "without removal", |s| s.state.work.bulk.push_back(Bulk::RemoveAgent(s.agent))),
    ]);
}
