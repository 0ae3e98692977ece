//! What the model knows: plain facts, no sums and no indexes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tamias::attributes::Attributes;
use tamias::command::SessionKind;
use tamias::ids::{AgentId, FrameworkId, GrantId, SessionId, TaskId};
use tamias::resources::Amount;
use tamias::status::{Reason, Source, TaskState};
use tamias::time::{Nanos, Time};
use tamias::value::{Bytes, CheckStatus, Unavailability, Uuid};

use super::pile::Pile;

/// Something that is due at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// When.
    pub at: Time,
    /// In which order it was set among all alarms.
    pub set: u64,
}

/// An open session.
#[derive(Debug, Clone)]
pub struct Session {
    /// In which capacity it speaks.
    pub kind: SessionKind,
    /// Whom it speaks for.
    pub principal: Option<Box<str>>,
    /// For which framework.
    pub framework: Option<FrameworkId>,
    /// Whether another session took its framework over.
    pub superseded: bool,
}

/// How an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentStanding {
    /// Connected through that session.
    Connected(SessionId),
    /// Disconnected; lost when the alarm rings.
    Away(Alarm),
    /// It stayed away; since then it waits for its turn to be lost.
    Overdue(Time),
    /// Lost at that time; it may still come back.
    Unreachable(Time),
    /// Removed; its tasks are being ended.
    Leaving,
}

/// An agent.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Its name.
    pub name: Option<String>,
    /// What it has.
    pub total: Pile,
    /// What may be looked at.
    pub attributes: Attributes,
    /// How it stands.
    pub standing: AgentStanding,
    /// Whether an operator took it out of service.
    pub deactivated: bool,
    /// The machine that it is on, if that is not called like it.
    pub hostname: Option<String>,
    /// Whether it can be drained.
    pub can_drain: bool,
    /// How it is drained.
    pub drain: Option<Drain>,
}

/// How an agent is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// The longest grace.
    pub max_grace: Option<Nanos>,
    /// Whether it is gone afterwards.
    pub mark_gone: bool,
    /// Whether it is over.
    pub drained: bool,
}

/// When a machine is not to be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// When.
    pub unavailability: Unavailability,
    /// Whether it is down.
    pub down: bool,
}

/// A question whether an agent may go.
#[derive(Debug, Clone)]
pub struct Question {
    /// Which agent.
    pub agent: AgentId,
    /// Who is asked.
    pub framework: FrameworkId,
    /// When it is taken back.
    pub expires: Option<Alarm>,
}

/// That somebody was asked about an agent.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// When that may be done again, if not now.
    pub again: Option<Alarm>,
    /// What was said last, and when.
    pub answer: Option<(bool, Time)>,
}

impl Agent {
    /// Whether what it has is part of the whole.
    pub fn counts(&self) -> bool {
        let lost = matches!(self.standing, AgentStanding::Unreachable(_) | AgentStanding::Leaving);
        !lost
    }

    /// Whether somebody speaks for it.
    pub fn is_connected(&self) -> bool {
        matches!(self.standing, AgentStanding::Connected(_))
    }

    /// The name of its machine.
    pub fn machine(&self) -> Option<&str> {
        self.hostname.as_deref().or(self.name.as_deref())
    }
}

/// How a framework stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameworkStanding {
    /// Connected through that session.
    Connected(SessionId),
    /// Disconnected; removed when the alarm rings.
    Away(Alarm),
    /// Removed; its tasks are being ended.
    Leaving,
}

/// A framework.
#[derive(Debug, Clone)]
pub struct Framework {
    /// Its name.
    pub name: Option<String>,
    /// How it stands.
    pub standing: FrameworkStanding,
    /// Whether it tells unreachable tasks from lost ones.
    pub aware: bool,
    /// Whether it knows that agents with GPUs are scarce.
    pub gpus: bool,
    /// How long it may be away.
    pub failover: Nanos,
    /// Whom its first session spoke for.
    pub principal: Option<Box<str>>,
    /// Its part in each role.
    pub parts: BTreeMap<String, Part>,
}

/// A framework's part in a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// Whether it is subscribed; if not, it only still holds something.
    pub subscribed: bool,
    /// Whether it wants no offers for now.
    pub suppressed: bool,
    /// How many offers it was made.
    pub offers_made: u64,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its weight.
    pub weight: Amount,
    /// How many offers were made in it and below.
    pub offers_made: u64,
    /// How many of them count for its own frameworks.
    pub own_offers_made: u64,
}

impl Default for Role {
    fn default() -> Self {
        Self { weight: Amount::from_units(1), offers_made: 0, own_offers_made: 0 }
    }
}

impl Role {
    /// Whether it has no weight of its own.
    pub fn is_default(&self) -> bool {
        self.weight == Amount::from_units(1)
    }
}

/// An outstanding offer.
#[derive(Debug, Clone)]
pub struct Offer {
    /// To whom.
    pub framework: FrameworkId,
    /// In which role.
    pub role: String,
    /// Of which agent.
    pub agent: AgentId,
    /// What.
    pub resources: Pile,
    /// When it is rescinded.
    pub expires: Option<Alarm>,
}

/// Refused resources.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Who refused.
    pub framework: FrameworkId,
    /// In which role.
    pub role: String,
    /// On which agent.
    pub agent: AgentId,
    /// What.
    pub resources: Pile,
    /// Until when.
    pub ends: Alarm,
}

/// A launched task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Whose.
    pub framework: FrameworkId,
    /// Where.
    pub agent: AgentId,
    /// In which role.
    pub role: String,
    /// Its name.
    pub name: String,
    /// What it holds while its state is one that holds resources.
    pub resources: Pile,
    /// The id of what it holds.
    pub grant: Option<GrantId>,
    /// The newest state.
    pub state: TaskState,
    /// The state told last.
    pub told: Option<TaskState>,
    /// The health told with it.
    pub told_health: Option<bool>,
    /// The result of its check told with it.
    pub told_check: Option<CheckStatus>,
    /// Whether its agent reported anything yet.
    pub reported: bool,
    /// Its own grace.
    pub kill_grace: Option<Nanos>,
    /// How long it may run.
    pub max_completion: Option<Nanos>,
    /// When it has run too long.
    pub overdue_at: Option<Alarm>,
    /// Whether it has.
    pub overdue: bool,
    /// The grace of the kill asked for.
    pub kill: Option<Nanos>,
    /// Updates not acknowledged, oldest first.
    pub stream: VecDeque<Report>,
    /// Uuids that the driver gave and that are acknowledged.
    pub acknowledged: BTreeSet<Uuid>,
    /// How many reports there were.
    pub reports: u32,
    /// Since when its agent cannot be reached.
    pub unreachable_since: Option<Time>,
    /// When the head of the stream is told again, and after which interval.
    pub retry: Option<(Alarm, Nanos)>,
}

/// An update in a stream.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its identity.
    pub uuid: Uuid,
    /// The state.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why.
    pub reason: Option<Reason>,
    /// For people.
    pub message: Option<Box<str>>,
    /// For the framework.
    pub data: Option<Bytes>,
    /// Whether it is healthy.
    pub healthy: Option<bool>,
    /// The result of its check.
    pub check: Option<CheckStatus>,
    /// When it was said.
    pub time: Time,
    /// Whether the driver gave the uuid.
    pub given: bool,
}

/// A bulk effect that is worked off in counted steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chore {
    /// Rescind all offers from that slot on.
    RescindAll(u32),
    /// End the tasks of a removed framework from that slot on.
    EndFramework(FrameworkId, u32),
    /// Tell of the tasks of an agent that was lost then.
    LoseTasks(AgentId, Time),
    /// End the tasks of a removed agent, then forget it.
    RemoveAgent(AgentId),
    /// Kill the tasks of an agent that is drained, those after one.
    Drain(AgentId, Option<TaskId>),
    /// Do to the agents of machines what the schedule says, from that slot on.
    Machines(BTreeSet<String>, u32),
    /// Forget agents that were lost or gone too long ago, or are too many.
    Collect,
}
