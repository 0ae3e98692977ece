//! Plays reach what they are to test: every command is accepted and rejected, every event told,
//! every mistake made, every step between task states taken. Judged on the model, with fixed seeds.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use proptest_state_machine::ReferenceStateMachine;
use tamias::command::Command;
use tamias::event::Event;
use tamias::status::TaskState;
use tamias_tests::play::Play;
use tamias_tests::stage::{Defaults, Mesos, Mixed, Plays, Setting};

/// How often things happened.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    fn plays<S: Setting>(&mut self, plays: usize) {
        let mut runner = TestRunner::deterministic();
        for _ in 0..plays {
            let options = S::options().new_tree(&mut runner).expect("options").current();
            let mut play = Play::new(options);
            for _ in 0..65 {
                let scenes = Plays::<S>::transitions(&play);
                let scene = scenes.new_tree(&mut runner).expect("a scene").current();
                let before = play.model.tasks.clone();
                play.scene(&scene);
                self.lines(&play);
                for (id, task) in &play.model.tasks {
                    let from = before.get(id).map_or(TaskState::Staging, |task| task.state);
                    self.count(format!("step {from} {}", task.state));
                }
            }
        }
    }

    fn lines(&mut self, play: &Play) {
        for (envelope, outcome) in &play.lines {
            let name = envelope.command.name();
            match &outcome.verdict {
                Ok(_) => self.count(format!("accepted {name}")),
                Err(codes) => {
                    self.count(format!("rejected {name}"));
                    for code in codes {
                        self.count(format!("mistake {}", code.name()));
                    }
                }
            }
            for effect in &outcome.effects {
                self.count(format!("told {}", name_of(&effect.event)));
            }
        }
    }

    fn expect<'a>(&self, kind: &str, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let what = format!("{kind} {name}");
            assert!(self.0.contains_key(&what), "plays never reach `{what}`");
        }
    }
}

fn name_of(event: &Event) -> String {
    match event {
        Event::Offer(_) => "offer".into(),
        Event::Rescind { reason, .. } => format!("rescind {reason:?}"),
        Event::Update(status) if status.uuid.is_some() => format!("update {}", status.state),
        Event::Update(status) => format!("answer {}", status.state),
        Event::AgentLost { .. } => "agent lost".into(),
        Event::SubscriptionEnded { reason } => format!("ended {reason:?}"),
        Event::Launch(_) => "launch".into(),
        Event::Kill { .. } => "kill".into(),
        Event::Acknowledged { .. } => "acknowledged".into(),
        Event::AgentRemoved { .. } => "agent removed".into(),
        Event::InverseOffer(_) => "inverse offer".into(),
        Event::RescindInverseOffer { .. } => "rescind inverse offer".into(),
        other => format!("{other:?}"),
    }
}

/// Commands that the model does not know yet; scripts cover them.
const NOT_MODELLED: [&str; 18] = [
    "watch",
    "unwatch",
    "shutdown_executor",
    "register_executor",
    "executor_lost",
    "update_quota",
    "reserve_resources",
    "unreserve_resources",
    "create_volumes",
    "destroy_volumes",
    "grow_volume",
    "shrink_volume",
    "add_pool",
    "update_pool",
    "remove_pool",
    "update_operation",
    "acknowledge_operation",
    "reconcile_operations",
];

#[test]
fn plays_reach_everything() {
    let mut tally = Tally::default();
    tally.plays::<Defaults>(250);
    tally.plays::<Mesos>(250);
    tally.plays::<Mixed>(250);
    for (what, count) in &tally.0 {
        println!("{count:8} {what}");
    }
    let known = || Command::NAMES.iter().copied().filter(|name| !NOT_MODELLED.contains(name));
    tally.expect("accepted", known());
    // These are never wrong, and a step of time is none of theirs.
    let never = ["open_session", "advance_time", "close_session", "restart"];
    let wrong = known().filter(|name| !never.contains(name));
    tally.expect("rejected", wrong);
    let mistakes = "AgentConnected AgentGone AlreadySubscribed BadList BadName BadTaskState \
        BadTime BadWeight ExceedsOffer FailedPrecondition InvalidTask MachineDown Malformed \
        MixedOffers NameTaken NotSubscribed NotYours NothingToAcknowledge OfferGone Superseded \
        TaskExists TimeStep Unauthorized UnknownAgent UnknownFramework UnknownRole UnknownSession \
        UnknownTask WrongSession WrongUuid";
    tally.expect("mistake", mistakes.split_whitespace());
    let events = [
        "offer",
        "rescind Timeout",
        "rescind AgentInactive",
        "rescind RoleRemoved",
        "rescind WeightsUpdated",
        "rescind Unavailability",
        "inverse offer",
        "rescind inverse offer",
        "agent lost",
        "agent removed",
        "ended FailedOver",
        "ended TornDown",
        "launch",
        "kill",
        "acknowledged",
        "update TASK_STARTING",
        "update TASK_RUNNING",
        "update TASK_FINISHED",
        "update TASK_LOST",
        "update TASK_GONE",
        "update TASK_GONE_BY_OPERATOR",
        "answer TASK_GONE_BY_OPERATOR",
        "answer TASK_STAGING",
        "answer TASK_RUNNING",
        "answer TASK_DROPPED",
        "answer TASK_ERROR",
        "answer TASK_LOST",
        "answer TASK_GONE",
        "answer TASK_UNREACHABLE",
        "answer TASK_UNKNOWN",
    ];
    tally.expect("told", events);
    let steps = "STAGING>STARTING STAGING>RUNNING STAGING>KILLING STAGING>FINISHED \
        STAGING>UNREACHABLE STARTING>RUNNING STARTING>KILLING STARTING>UNREACHABLE \
        RUNNING>KILLING RUNNING>FINISHED RUNNING>FAILED RUNNING>UNREACHABLE RUNNING>STARTING \
        KILLING>RUNNING KILLING>KILLED KILLING>UNREACHABLE UNREACHABLE>RUNNING";
    let steps = steps.split_whitespace().filter_map(|step| step.split_once('>'));
    let steps: Vec<_> = steps.map(|(from, to)| format!("TASK_{from} TASK_{to}")).collect();
    tally.expect("step", steps.iter().map(String::as_str));
}
