//! Intents and paces, and how they are drawn.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tamias::command::SetPolicy;
use tamias::status::TaskState;
use tamias::time::Nanos;

use super::departures::{Departure, departures};
use super::palette::{names, pauses, seconds, states};
use super::policy::policies;

/// A number that picks one of those who are there.
pub type Pick = u16;

/// Where a pick looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Among those who are there.
    Live,
    /// Among those who are gone.
    Former,
    /// Nowhere: an id that was made up.
    Nobody,
}

/// Who is meant.
#[derive(Debug, Clone, Copy)]
pub struct Whom {
    /// Where to look.
    pub aim: Aim,
    /// Which one.
    pub pick: Pick,
}

/// What somebody wants.
#[derive(Debug, Clone)]
pub enum Intent {
    /// Another session sends what somebody wants.
    Disguised(Box<Intent>, Whom),
    /// A session ends.
    CloseSession(Pick),
    /// The kernel is opened from its journal.
    Restart,
    /// Time leaps.
    Jump {
        /// How far.
        hours: u16,
        /// Whether that is announced.
        announced: bool,
    },
    /// An operator says who may do what.
    Policy(SetPolicy),
    /// Of agents and operators.
    Agent(AgentIntent),
    /// Of frameworks.
    Framework(FrameworkIntent),
    /// Of tasks.
    Task(TaskIntent),
    /// Of agents that are to go.
    Departure(Departure),
}

/// What agents, and operators of them, want.
#[derive(Debug, Clone)]
pub enum AgentIntent {
    /// A new agent registers.
    Join {
        /// In a session with other agents.
        shared: Option<Pick>,
        /// Its name.
        name: Option<u8>,
        /// What it has.
        resources: u8,
        /// What may be looked at.
        attributes: u8,
        /// Its machine.
        hostname: Option<u8>,
        /// Whether it can be drained.
        can_drain: bool,
    },
    /// An agent changes.
    Change {
        /// Which.
        agent: Whom,
        /// What it has now.
        resources: Option<u8>,
        /// What may be looked at now.
        attributes: Option<u8>,
    },
    /// An agent comes back.
    Return(Comeback),
    /// An operator takes it out of service.
    Deactivate(Whom),
    /// An operator takes it into service again.
    Reactivate(Whom),
    /// It is removed.
    Remove {
        /// Which.
        agent: Whom,
        /// By its own session.
        by_itself: bool,
    },
    /// An operator sets weights.
    Weights(Vec<(u8, i64)>),
    /// An operator has some agents offered, or all.
    Allocate(Vec<Whom>),
}

/// How an agent comes back.
#[derive(Debug, Clone)]
pub struct Comeback {
    /// Which, most likely one that is away.
    pub agent: Whom,
    /// Through a session that is open, perhaps its own.
    pub session: Option<Pick>,
    /// Named by its name, or by both, or not at all.
    pub naming: u8,
    /// What it has now.
    pub resources: Option<u8>,
    /// Of each task: told as it is, left out, or told in that state.
    pub tasks: Vec<Told>,
    /// Tasks that it does not have.
    pub strangers: Vec<Whom>,
}

/// What a returning agent says of a task.
#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// What the kernel knows.
    AsKnown,
    /// Nothing.
    Missing,
    /// Another state.
    As(TaskState),
}

/// What a framework says about itself.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: Option<u8>,
    /// Its roles.
    pub roles: Vec<u8>,
    /// Which of them are suppressed: one bit each.
    pub suppressed: u8,
    /// How long it may be away.
    pub failover: Option<i64>,
    /// Whether it is partition-aware, if it says so.
    pub aware: Option<bool>,
}

/// What frameworks, and operators of them, want.
#[derive(Debug, Clone)]
pub enum FrameworkIntent {
    /// It says something to what runs its tasks on an agent, or is told something by it.
    Say {
        /// Which.
        framework: Whom,
        /// On which agent.
        agent: Whom,
        /// Whether the agent's driver speaks.
        back: bool,
        /// To or of whom.
        executor: u8,
    },
    /// A new framework subscribes.
    Join {
        /// In a session that is open, perhaps another framework's.
        session: Option<Pick>,
        /// What it says.
        profile: Profile,
    },
    /// A known framework subscribes again.
    Again {
        /// It stays in its session and only says something else of itself.
        update: bool,
        /// Which.
        framework: Whom,
        /// In its own session, in another open one, or in a new one.
        session: SessionChoice,
        /// Whether it gives its id.
        by_id: bool,
        /// Whether it gives its present name instead of that of the profile.
        by_name: bool,
        /// What it says.
        profile: Profile,
    },
    /// A framework accepts some of its offers.
    Accept {
        /// Which.
        framework: Pick,
        /// Which offers.
        offers: Offers,
        /// What it launches.
        tasks: Vec<TaskPlan>,
        /// How long it refuses the rest.
        refuse: Option<i64>,
        /// What is to become of mistakes.
        report: Option<bool>,
    },
    /// A framework launches very many small tasks.
    LaunchMany {
        /// Which.
        framework: Pick,
        /// Which offer.
        offer: Pick,
        /// How many.
        count: u16,
    },
    /// A framework declines some of its offers.
    Decline {
        /// Which.
        framework: Pick,
        /// Which offers.
        offers: Offers,
        /// How long it refuses them.
        refuse: Option<i64>,
    },
    /// A framework wants offers in these roles, or in all.
    Revive(Pick, Vec<u8>),
    /// A framework wants no offers in these roles, or in all.
    Suppress(Pick, Vec<u8>),
    /// A framework is torn down.
    Teardown {
        /// Which.
        framework: Whom,
        /// By an operator.
        by_operator: bool,
        /// Without saying which.
        unnamed: bool,
    },
}

/// In which session a framework subscribes again.
#[derive(Debug, Clone, Copy)]
pub enum SessionChoice {
    /// Its own, if it is connected.
    Own,
    /// One that is open.
    Open(Pick),
    /// A new one.
    New,
}

/// Offers in an accept or decline.
#[derive(Debug, Clone)]
pub struct Offers {
    /// The first.
    pub first: Pick,
    /// How many more of the same agent and role at most.
    pub more: u8,
    /// A mistake.
    pub spoil: Option<Spoil>,
}

/// A mistake in a list of offers.
#[derive(Debug, Clone, Copy)]
pub enum Spoil {
    /// One that is gone, or never was.
    Stale(Whom),
    /// Another framework's.
    Foreign(Pick),
    /// One twice.
    Twice,
    /// Another of its own.
    Another(Pick),
    /// None at all.
    Empty,
}

/// A task to launch.
#[derive(Debug, Clone, Copy)]
pub struct TaskPlan {
    /// A name that is used more than once.
    pub name: Option<u8>,
    /// What it takes.
    pub portion: Portion,
    /// How long it may run.
    pub longest: Option<i64>,
    /// Its own grace.
    pub grace: Option<i64>,
    /// Whether its command makes sense.
    pub command: Option<bool>,
}

/// What a task takes of what is left of the offers.
#[derive(Debug, Clone, Copy)]
pub enum Portion {
    /// All.
    All,
    /// Half of each scalar, rounded down.
    Half,
    /// A thousandth of a cpu.
    Crumb,
    /// One point or item of each range and set.
    Single,
    /// More than there is.
    TooMuch,
    /// Something that nobody has.
    Unknown,
    /// Nothing.
    Nothing,
}

/// What becomes of tasks.
#[derive(Debug, Clone)]
pub enum TaskIntent {
    /// A driver reports a state.
    Report {
        /// Of which task.
        task: Whom,
        /// Which.
        state: TaskState,
        /// The identity of the update.
        uuid: UuidChoice,
        /// What else is in it: bits.
        extras: u8,
    },
    /// A driver reports one state of all its tasks.
    ReportAll(Pick, TaskState),
    /// A framework acknowledges.
    Acknowledge {
        /// Which task.
        task: Whom,
        /// Whether the uuid is the right one.
        right: bool,
        /// Whether it names the task.
        by_name: bool,
    },
    /// A framework acknowledges all that is in flight.
    AcknowledgeAll(Pick),
    /// A framework has a task killed.
    Kill {
        /// Which.
        task: Whom,
        /// Whether it names it.
        by_name: bool,
        /// With which grace.
        grace: Option<i64>,
        /// Whether another framework tries.
        foreign: bool,
    },
    /// A framework asks after tasks, perhaps with the agent on which it believes them.
    Reconcile(Pick, Vec<(Whom, bool, Option<Whom>)>),
}

/// The identity of an update.
#[derive(Debug, Clone, Copy)]
pub enum UuidChoice {
    /// Left to the kernel.
    None,
    /// A new one.
    Fresh,
    /// One that is in the stream.
    Pending(Pick),
    /// One that is acknowledged.
    Acknowledged(Pick),
}

/// How time goes on after an intent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// It does not: the next intent meets what is left to do.
    Leave,
    /// One tick after a pause.
    Step {
        /// How long.
        after: Nanos,
    },
    /// Ticks after a pause until there is nothing more to do.
    Settle {
        /// How long.
        after: Nanos,
    },
    /// The same at the next deadline, or a nanosecond around it.
    ToDeadline {
        /// Nanoseconds later.
        late: i8,
    },
}

/// An intent, what follows it, and what is tried out on the side.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What somebody wants.
    pub intent: Intent,
    /// How time goes on.
    pub pace: Pace,
    /// What is tried out with the kernel's state.
    pub aside: Aside,
}

/// What is tried out with the kernel's state before a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// Nothing.
    None,
    /// A snapshot is restored; from then on it plays along.
    Snapshot,
    /// A branch plays the scene first; the state is as before.
    Branch,
}

/// Draws a scene of a beginning: somebody joins.
pub fn openings() -> BoxedStrategy<Scene> {
    let agent = join_agent().prop_map(Intent::Agent);
    let framework = join_framework().prop_map(Intent::Framework);
    (prop_oneof![agent, framework], paces())
        .prop_map(|(intent, pace)| Scene { intent, pace, aside: Aside::None })
        .boxed()
}

/// Draws a scene.
pub fn scenes() -> BoxedStrategy<Scene> {
    let aside = prop_oneof![
        30 => Just(Aside::None),
        1 => Just(Aside::Snapshot),
        2 => Just(Aside::Branch),
    ];
    (intents(), paces(), aside)
        .prop_map(|(intent, pace, aside)| Scene { intent, pace, aside })
        .boxed()
}

fn paces() -> impl Strategy<Value = Pace> {
    prop_oneof![
        8 => Just(Pace::Leave),
        4 => pauses().prop_map(|after| Pace::Step { after }),
        12 => pauses().prop_map(|after| Pace::Settle { after }),
        1 => (-1..=1_i8).prop_map(|late| Pace::ToDeadline { late }),
    ]
}

fn intents() -> impl Strategy<Value = Intent> {
    let plain = prop_oneof![
        6 => agent_intents().prop_map(Intent::Agent),
        14 => framework_intents().prop_map(Intent::Framework),
        20 => task_intents().prop_map(Intent::Task),
        2 => departures().prop_map(Intent::Departure),
    ]
    .boxed();
    let disguised = (plain.clone(), whom()).prop_map(|(i, w)| Intent::Disguised(Box::new(i), w));
    prop_oneof![
        150 => plain,
        6 => disguised,
        4 => any::<Pick>().prop_map(Intent::CloseSession),
        3 => policies().prop_map(Intent::Policy),
        2 => prop_oneof![
            1 => Just(Intent::Restart),
            4 => (1..60_u16, any::<bool>())
                .prop_map(|(hours, announced)| Intent::Jump { hours, announced }),
        ],
    ]
}

/// Draws somebody.
pub fn whom() -> impl Strategy<Value = Whom> {
    let aim = prop_oneof![
        20 => Just(Aim::Live),
        2 => Just(Aim::Former),
        1 => Just(Aim::Nobody),
    ];
    (aim, any::<Pick>()).prop_map(|(aim, pick)| Whom { aim, pick })
}

fn join_agent() -> impl Strategy<Value = AgentIntent> {
    let place = (option::weighted(0.3, names()), prop::bool::weighted(0.9));
    (option::of(any::<Pick>()), option::of(names()), any::<u8>(), any::<u8>(), place).prop_map(
        |(shared, name, resources, attributes, (hostname, can_drain))| AgentIntent::Join {
            shared,
            name,
            resources,
            attributes,
            hostname,
            can_drain,
        },
    )
}

fn agent_intents() -> impl Strategy<Value = AgentIntent> {
    let change = (whom(), option::of(any::<u8>()), option::of(any::<u8>())).prop_map(
        |(agent, resources, attributes)| AgentIntent::Change { agent, resources, attributes },
    );
    let told = prop_oneof![
        5 => Just(Told::AsKnown),
        2 => Just(Told::Missing),
        2 => states().prop_map(Told::As),
    ];
    let comeback = (
        whom(),
        option::of(any::<Pick>()),
        0..8_u8,
        option::weighted(0.3, any::<u8>()),
        vec(told, 0..4),
        vec(whom(), 0..2),
    )
        .prop_map(|(agent, session, naming, resources, tasks, strangers)| {
            let back = Comeback { agent, session, naming, resources, tasks, strangers };
            AgentIntent::Return(back)
        });
    let remove = (whom(), any::<bool>())
        .prop_map(|(agent, by_itself)| AgentIntent::Remove { agent, by_itself });
    let milli = prop_oneof![
        4 => Just(1000_i64),
        4 => Just(2000),
        2 => Just(3),
        1 => Just(1_000_000),
        1 => Just(0),
    ];
    prop_oneof![
        6 => join_agent(),
        4 => change,
        8 => comeback,
        2 => whom().prop_map(AgentIntent::Deactivate),
        3 => whom().prop_map(AgentIntent::Reactivate),
        1 => remove,
        3 => vec((any::<u8>(), milli), 0..3).prop_map(AgentIntent::Weights),
        3 => vec(whom(), 0..4).prop_map(AgentIntent::Allocate),
    ]
}

fn profiles() -> impl Strategy<Value = Profile> {
    let role = prop_oneof![60 => 0..6_u8, 1 => 6..7_u8];
    (
        option::of(names()),
        vec(role, 1..4),
        prop_oneof![3 => Just(0_u8), 1 => any::<u8>()],
        seconds(),
        option::of(any::<bool>()),
    )
        .prop_map(|(name, roles, suppressed, failover, aware)| Profile {
            name,
            roles,
            suppressed,
            failover,
            aware,
        })
}

fn join_framework() -> impl Strategy<Value = FrameworkIntent> {
    (option::weighted(0.2, any::<Pick>()), profiles())
        .prop_map(|(session, profile)| FrameworkIntent::Join { session, profile })
}

fn framework_intents() -> impl Strategy<Value = FrameworkIntent> {
    let session = prop_oneof![
        Just(SessionChoice::Own),
        any::<Pick>().prop_map(SessionChoice::Open),
        Just(SessionChoice::New),
    ];
    let update = prop::bool::weighted(0.3);
    let again = (whom(), session, any::<bool>(), any::<bool>(), profiles(), update).prop_map(
        |(framework, session, by_id, by_name, profile, update)| FrameworkIntent::Again {
            update,
            framework,
            session,
            by_id,
            by_name,
            profile,
        },
    );
    let accept =
        (
            any::<Pick>(),
            offers(),
            vec(task_plans(), 0..4),
            seconds(),
            option::weighted(0.3, any::<bool>()),
        )
            .prop_map(|(framework, offers, tasks, refuse, report)| {
                FrameworkIntent::Accept { framework, offers, tasks, refuse, report }
            });
    let many = (any::<Pick>(), any::<Pick>(), 60..200_u16).prop_map(|(framework, offer, count)| {
        FrameworkIntent::LaunchMany { framework, offer, count }
    });
    let decline = (any::<Pick>(), offers(), seconds()).prop_map(|(framework, offers, refuse)| {
        FrameworkIntent::Decline { framework, offers, refuse }
    });
    let roles = || vec(0..5_u8, 0..3);
    let teardown = (whom(), any::<bool>(), prop::bool::weighted(0.1)).prop_map(
        |(framework, by_operator, unnamed)| FrameworkIntent::Teardown {
            framework,
            by_operator,
            unnamed,
        },
    );
    let say = (whom(), whom(), any::<bool>(), any::<u8>()).prop_map(
        |(framework, agent, back, executor)| FrameworkIntent::Say {
            framework,
            agent,
            back,
            executor,
        },
    );
    prop_oneof![
        6 => join_framework(),
        9 => again,
        4 => say,
        80 => accept,
        1 => many,
        20 => decline,
        10 => (any::<Pick>(), roles()).prop_map(|(f, roles)| FrameworkIntent::Revive(f, roles)),
        4 => (any::<Pick>(), roles()).prop_map(|(f, roles)| FrameworkIntent::Suppress(f, roles)),
        2 => teardown,
    ]
}

fn offers() -> impl Strategy<Value = Offers> {
    let spoil = prop_oneof![
        whom().prop_map(|whom| Spoil::Stale(Whom {
            aim: if whom.aim == Aim::Live { Aim::Former } else { whom.aim },
            ..whom
        })),
        any::<Pick>().prop_map(Spoil::Foreign),
        Just(Spoil::Twice),
        any::<Pick>().prop_map(Spoil::Another),
        Just(Spoil::Empty),
    ];
    (any::<Pick>(), 0..3_u8, option::weighted(0.12, spoil))
        .prop_map(|(first, more, spoil)| Offers { first, more, spoil })
}

fn task_plans() -> impl Strategy<Value = TaskPlan> {
    let portion = prop_oneof![
        6 => Just(Portion::All),
        8 => Just(Portion::Half),
        6 => Just(Portion::Crumb),
        3 => Just(Portion::Single),
        1 => Just(Portion::TooMuch),
        1 => Just(Portion::Unknown),
        1 => Just(Portion::Nothing),
    ];
    let name = option::weighted(0.4, prop_oneof![8 => 0..4_u8, 1 => 4..7_u8]);
    let rarely = || option::weighted(0.2, prop_oneof![9 => 0..20_i64, 1 => Just(-1)]);
    let command = option::weighted(0.1, any::<bool>());
    (name, portion, rarely(), rarely(), command).prop_map(
        |(name, portion, longest, grace, command)| TaskPlan {
            name,
            portion,
            longest,
            grace,
            command,
        },
    )
}

fn task_intents() -> impl Strategy<Value = TaskIntent> {
    let uuid = prop_oneof![
        6 => Just(UuidChoice::None),
        5 => Just(UuidChoice::Fresh),
        1 => any::<Pick>().prop_map(UuidChoice::Pending),
        1 => any::<Pick>().prop_map(UuidChoice::Acknowledged),
    ];
    let report = (whom(), states(), uuid, any::<u8>())
        .prop_map(|(task, state, uuid, extras)| TaskIntent::Report { task, state, uuid, extras });
    let acknowledge = (whom(), prop::bool::weighted(0.9), any::<bool>())
        .prop_map(|(task, right, by_name)| TaskIntent::Acknowledge { task, right, by_name });
    let kill = (whom(), any::<bool>(), seconds(), prop::bool::weighted(0.1)).prop_map(
        |(task, by_name, grace, foreign)| TaskIntent::Kill { task, by_name, grace, foreign },
    );
    let asked = (whom(), any::<bool>(), option::of(whom()));
    prop_oneof![
        16 => report,
        2 => (any::<Pick>(), states()).prop_map(|(a, state)| TaskIntent::ReportAll(a, state)),
        12 => acknowledge,
        2 => any::<Pick>().prop_map(TaskIntent::AcknowledgeAll),
        5 => kill,
        3 => (any::<Pick>(), vec(asked, 0..4))
            .prop_map(|(framework, asked)| TaskIntent::Reconcile(framework, asked)),
    ]
}
