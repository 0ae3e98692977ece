//! The few names, resources and times that plays are made of: few, so that they meet.

use proptest::prelude::*;
use proptest::sample::select;
use tamias::options::{OnInvalid, RateLimit, UpdateRetry};
use tamias::status::TaskState;
use tamias::time::Nanos;
use tamias::{Options, resources::Quantities};

/// Roles; the last two cannot be subscribed to.
pub const ROLES: [&str; 7] = ["a", "b", "a/b", "*", "a/b/c", "a/c", "bad role"];

/// Names of agents and frameworks; the last is not legal.
pub const NAMES: [&str; 5] = ["n0", "n1", "n2", "n3", "n/4"];

/// What agents have.
pub const AGENTS: [&str; 20] = [
    "cpus:4;mem:1024",
    "cpus:2;mem:512;ports:[31000-31009]",
    "cpus:8;mem:4096;disks:{a,b,c}",
    "cpus:1;mem:2048",
    "cpus:3;mem:100;gpus:1",
    "cpus:4;mem:512",
    "cpus:4;mem:2048;ports:[31000-31002]",
    "cpus:2;mem:8192",
    "cpus:6;mem:3000",
    "cpus:5;mem:640;disks:{a}",
    "cpus:10;mem:1000",
    "cpus:7;mem:7000;gpus:2",
    "cpus:0.5;mem:32",
    "licences:3",
    "cpus:0.001",
    "cpus:1;things:5",
    "cpus:1;things:[1-4]",
    "cpus:16;mem:1000000000000",
    "cpus:0.01;mem:31.999;ports:[7-7,9-9]",
    "",
];

/// What may be looked at on agents.
pub const ATTRIBUTES: [&str; 4] = ["", "rack:r1", "rack:r2;os:linux", "os:linux;rack:r2;os:linux"];

/// Names of tasks that are used more than once; the last three are not legal.
pub const TASKS: [&str; 7] = ["t0", "t1", "t2", "t3", "t/4", "", "."];

/// Time that goes by between two scenes: it may stand still, or seem to run backwards.
pub fn pauses() -> impl Strategy<Value = Nanos> {
    let short = select(vec![0, 0, 0, 1, 400, 1000, 1000, 1500, 2000, 5000, -3000]);
    let long = select(vec![11_000, 11_000, 30_000, 61_000, 601_000, 79_000_000]);
    prop_oneof![12 => short, 1 => long].prop_map(Nanos::from_millis)
}

/// Names of agents and frameworks.
pub fn names() -> impl Strategy<Value = u8> {
    prop_oneof![25 => 0..4_u8, 1 => Just(4)]
}

/// Seconds to refuse, to fail over, to kill: legal and not.
pub fn seconds() -> impl Strategy<Value = Option<i64>> {
    let some = prop_oneof![
        20 => select(vec![0, 0, 1, 2, 5, 30, 700]),
        1 => select(vec![40_000_000, -1]),
    ];
    prop_oneof![2 => Just(None), 3 => some.prop_map(Some)]
}

/// States that are reported; the last three may not be.
pub fn states() -> impl Strategy<Value = TaskState> {
    prop_oneof![
        2 => Just(TaskState::Starting),
        8 => Just(TaskState::Running),
        2 => Just(TaskState::Killing),
        6 => Just(TaskState::Finished),
        2 => Just(TaskState::Failed),
        3 => Just(TaskState::Killed),
        2 => select(vec![
            TaskState::Lost,
            TaskState::Error,
            TaskState::Dropped,
            TaskState::Gone,
            TaskState::GoneByOperator,
        ]),
        1 => select(vec![TaskState::Staging, TaskState::Unreachable, TaskState::Unknown]),
    ]
}

/// Options that differ from both sets.
pub fn options() -> impl Strategy<Value = Options> {
    let seconds = |choices: &[i64]| {
        let choices: Vec<_> = choices.iter().map(|s| Nanos::from_secs(*s)).collect();
        select(choices)
    };
    let least = |texts: &[&str]| -> Vec<Quantities> {
        texts.iter().map(|text| text.parse().expect("quantities")).collect()
    };
    let retry = |min, max| {
        let (min_seconds, max_seconds) = (Nanos::from_secs(min), Nanos::from_secs(max));
        Some(UpdateRetry { min_seconds, max_seconds })
    };
    let min_allocatable = select(vec![
        least(&[]),
        least(&["cpus:0.01", "mem:32"]),
        least(&["cpus:1;mem:512", "ports:3"]),
        least(&["licences:1"]),
    ]);
    let interval = select(vec![300, 1000, 7000]).prop_map(Nanos::from_millis);
    let timeouts = (
        seconds(&[0, 5, 600]),
        prop_oneof![Just(None), seconds(&[1, 60]).prop_map(Some)],
        seconds(&[0, 3, 600]),
        seconds(&[0, 3]),
    );
    let rest = (
        min_allocatable,
        select(vec![None, retry(1, 4), retry(10, 600)]),
        interval,
        seconds(&[0, 5]),
        seconds(&[0, 5]),
        any::<(bool, bool, bool)>(),
        proptest::bool::weighted(0.1),
        select(vec![None, Some(RateLimit { count: 2, seconds: Nanos::from_secs(10) })]),
    );
    (timeouts, rest).prop_map(|((failover, offer, reregister, kill), rest)| {
        let (min_allocatable, update_retry, interval, accept, decline, flags, only, limit) = rest;
        Options {
            min_allocatable,
            failover_timeout_seconds: failover,
            offer_timeout_seconds: offer,
            update_retry,
            allocation_interval_seconds: interval,
            allocate_on_recovery: flags.0,
            accept_refuse_seconds: accept,
            decline_refuse_seconds: decline,
            on_invalid: if flags.1 { OnInvalid::Report } else { OnInvalid::Reject },
            all_capabilities: flags.2,
            agent_reregister_timeout_seconds: reregister,
            kill_grace_seconds: kill,
            allocate_only_on_command: only,
            fairness_exclude: if flags.2 { vec![] } else { vec![tamias::resources::Name::MEM] },
            rescind_on_update: !flags.1 || flags.2,
            agent_removal_rate_limit: limit,
            // Few and short, so that plays get there.
            max_agent_count: 2,
            max_agent_age_seconds: Nanos::from_secs(3600),
            ..Options::default()
        }
    })
}
