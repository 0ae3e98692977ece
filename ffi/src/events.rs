//! Events: fixed records of 128 bytes, pulled in batches.

use std::sync::Arc;

use tamias_core::event::{EndReason, Launch, Offer, RescindReason, TaskStatus};
use tamias_core::kernel::EventRecord;
use tamias_core::resources::Resources;
use tamias_core::{Event as CoreEvent, Time};

use crate::boundary::{Out, OutItems, Plain, bad_struct, guard};
use crate::error::Error;
use crate::session::Session;
use crate::strings::{Bytes, Str};
use crate::values::UNSET;
use crate::vocabulary::TAMIAS_NONE;

/// An event that this header has no record for; see `body.other`.
pub const TAMIAS_EVENT_OTHER: u32 = 0;
/// To a framework: resources of one agent, held for it until it answers; see `body.offer`.
pub const TAMIAS_EVENT_OFFER: u32 = 1;
/// To a framework: an offer ended without its doing; see `body.rescind`.
pub const TAMIAS_EVENT_RESCIND: u32 = 2;
/// To a framework: the state of a task; see `body.update`.
pub const TAMIAS_EVENT_UPDATE: u32 = 3;
/// To a framework: an agent is removed or unreachable; see `body.agent`. Its tasks get updates of
/// their own.
pub const TAMIAS_EVENT_AGENT_LOST: u32 = 4;
/// To a framework: its subscription has ended; see `body.end`.
pub const TAMIAS_EVENT_SUBSCRIPTION_ENDED: u32 = 5;
/// To an agent driver: start a task; see `body.launch`.
pub const TAMIAS_EVENT_LAUNCH: u32 = 6;
/// To an agent driver: end a task; see `body.kill`.
pub const TAMIAS_EVENT_KILL: u32 = 7;
/// To an agent driver: the framework has seen an update; see `body.acknowledged`.
pub const TAMIAS_EVENT_ACKNOWLEDGED: u32 = 8;
/// To an agent driver: end the agent's tasks and forget it; see `body.agent`.
pub const TAMIAS_EVENT_AGENT_REMOVED: u32 = 9;
/// The session fell behind; what follows was read from the state again. Offers and updates that
/// were seen before are repeated.
pub const TAMIAS_EVENT_RESYNC: u32 = 10;

/// The offer was not answered in time.
pub const TAMIAS_RESCIND_TIMEOUT: u32 = 1;
/// The agent is disconnected, deactivated, unreachable or removed.
pub const TAMIAS_RESCIND_AGENT_INACTIVE: u32 = 2;
/// The framework is no longer subscribed to the role.
pub const TAMIAS_RESCIND_ROLE_REMOVED: u32 = 3;
/// Weights changed.
pub const TAMIAS_RESCIND_WEIGHTS_UPDATED: u32 = 4;
/// When the agent's machine is not to be relied on changed.
pub const TAMIAS_RESCIND_UNAVAILABILITY: u32 = 60;
/// An operator's operation needed the resources, or a volume in it was destroyed.
pub const TAMIAS_RESCIND_OPERATION: u32 = 80;
/// The quota of a role changed.
pub const TAMIAS_RESCIND_QUOTA_UPDATED: u32 = 5;
/// What the agent has changed: something in it that is revocable, reserved, or of a provider.
pub const TAMIAS_RESCIND_RESOURCES_CHANGED: u32 = 200;

/// Another session took the framework over.
pub const TAMIAS_END_FAILED_OVER: u32 = 1;
/// The framework was torn down.
pub const TAMIAS_END_TORN_DOWN: u32 = 2;

/// The task's health is not checked.
pub const TAMIAS_HEALTH_NONE: u32 = 0;
/// The task is healthy.
pub const TAMIAS_HEALTH_GOOD: u32 = 1;
/// The task is not healthy.
pub const TAMIAS_HEALTH_BAD: u32 = 2;

/// Resources of one agent, held for the framework in one role.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct OfferEvent {
    /// Its id, for accept and decline.
    pub offer: u64,
    /// Whose resources.
    pub agent: u64,
    /// When it is rescinded if it is not answered; TAMIAS_NEVER.
    pub expires_ns: i64,
    /// In which of its roles the framework is offered them.
    pub role: Str,
    /// What is offered, such as `cpus:4;mem:1024`.
    pub resources: Str,
    /// The agent's name; may be no text.
    pub agent_name: Str,
    /// The agent's attributes, such as `rack:r1;os:linux`; may be no text.
    pub attributes: Str,
}

/// An offer that ended.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RescindEvent {
    /// Which.
    pub offer: u64,
    /// One of TAMIAS_RESCIND_..., 0 for another reason.
    pub reason: u32,
    /// Zero.
    pub reserved: u32,
}

/// The state of a task.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct UpdateEvent {
    /// The task's handle; 0 if the kernel does not know it.
    pub task: u64,
    /// Where it is or was; 0 if that is not known.
    pub agent: u64,
    /// To be acknowledged with this, if `must_acknowledge`.
    pub uuid: [u8; 16],
    /// When it was said.
    pub time_ns: i64,
    /// Since when the agent cannot be reached; TAMIAS_UNSET.
    pub unreachable_since_ns: i64,
    /// One of TAMIAS_TASK_...
    pub state: u16,
    /// One of TAMIAS_REASON_..., TAMIAS_NONE.
    pub reason: u16,
    /// One of TAMIAS_SOURCE_...
    pub source: u8,
    /// One of TAMIAS_HEALTH_...
    pub health: u8,
    /// 1 if the update must be acknowledged, so that the next one of the task is delivered.
    pub must_acknowledge: u8,
    /// Zero.
    pub reserved: u8,
    /// The framework's name for the task.
    pub name: Str,
    /// For people; may be no text.
    pub message: Str,
    /// The driver's data; may be none.
    pub data: Bytes,
}

/// An agent.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AgentEvent {
    /// Which.
    pub agent: u64,
}

/// The end of a subscription.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct EndEvent {
    /// One of TAMIAS_END_..., 0 for another reason.
    pub reason: u32,
    /// Zero.
    pub reserved: u32,
}

/// A task to be started.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct LaunchEvent {
    /// On which agent.
    pub agent: u64,
    /// Its handle, for updates.
    pub task: u64,
    /// Whose it is.
    pub framework: u64,
    /// In which role.
    pub role: Str,
    /// The framework's name for it.
    pub name: Str,
    /// What it may use, such as `cpus:1;mem:64`.
    pub resources: Str,
    /// The whole task as JSON: command, labels, ext...
    pub json: Str,
}

/// A task to be ended.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct KillEvent {
    /// On which agent.
    pub agent: u64,
    /// Which task.
    pub task: u64,
    /// Time between asking and ending it.
    pub grace_ns: i64,
}

/// An update that the framework has acknowledged: a driver that keeps updates may drop it.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AcknowledgedEvent {
    /// On which agent.
    pub agent: u64,
    /// Of which task.
    pub task: u64,
    /// Which update.
    pub uuid: [u8; 16],
}

/// An event of a newer library.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct OtherEvent {
    /// The event as JSON.
    pub json: Str,
}

/// What happened; `kind` of the event says which member it is.
///
/// Immutable.
#[repr(C)]
#[derive(Clone, Copy)]
pub union EventBody {
    /// TAMIAS_EVENT_OFFER.
    pub offer: OfferEvent,
    /// TAMIAS_EVENT_RESCIND.
    pub rescind: RescindEvent,
    /// TAMIAS_EVENT_UPDATE.
    pub update: UpdateEvent,
    /// TAMIAS_EVENT_AGENT_LOST, TAMIAS_EVENT_AGENT_REMOVED.
    pub agent: AgentEvent,
    /// TAMIAS_EVENT_SUBSCRIPTION_ENDED.
    pub end: EndEvent,
    /// TAMIAS_EVENT_LAUNCH.
    pub launch: LaunchEvent,
    /// TAMIAS_EVENT_KILL.
    pub kill: KillEvent,
    /// TAMIAS_EVENT_ACKNOWLEDGED.
    pub acknowledged: AcknowledgedEvent,
    /// TAMIAS_EVENT_OTHER.
    pub other: OtherEvent,
    /// Room for what later versions add.
    pub bytes: [u8; 112],
}

impl std::fmt::Debug for EventBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventBody")
    }
}

/// What a session is told. 128 bytes in every version.
///
/// Texts and bytes in it are valid until the next tamias_session_poll() on the session, or until it
/// is freed. An event is identified by (`seq`, `ordinal`).
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// The sequence number of the command that caused it.
    pub seq: u64,
    /// The place among the events of that command, over all sessions.
    pub ordinal: u32,
    /// One of TAMIAS_EVENT_...
    pub kind: u32,
    /// What happened.
    pub body: EventBody,
}

const _: () = assert!(size_of::<Event>() == 128 && align_of::<Event>() == 8);

// SAFETY: integers and pointers; in the union too.
unsafe impl Plain for Event {
    const NAME: &'static str = "tamias_event";
}

/// Takes up to `capacity` events without waiting; each goes to one caller only. `stride` is
/// sizeof(tamias_event). `count` is given how many there were, 0 if none.
///
/// What the poll before gave out is freed: copy what you need longer.
///
/// Externally synchronised. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_session_poll(
    session: *mut Session,
    events: *mut Event,
    capacity: usize,
    stride: usize,
    count: *mut usize,
    err: *mut Error,
) -> i32 {
    let body = || {
        // SAFETY: the conventions.
        let (session, places, count) = unsafe {
            (
                Session::at(session.cast_const(), "session")?,
                OutItems::new(events, capacity, stride, "events")?,
                Out::new(count, "count")?,
            )
        };
        let Some(places) = places else {
            return Err(bad_struct("events", "is NULL, or there is room for none"));
        };
        let mut delivered = session.delivered();
        delivered.refill(session.core().poll(capacity)?);
        places.write(delivered.events.iter().copied());
        count.write(delivered.events.len());
        Ok(())
    };
    // SAFETY: the conventions.
    unsafe { guard(err, body) }
}

/// What one poll gave out: the records, and everything that their pointers point to.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    events: Vec<Event>,
    /// Owners of texts that are lent as they are.
    records: Vec<EventRecord>,
    /// Texts made for the records. Boxed, so that they stay where they are.
    texts: Vec<Box<str>>,
}

// SAFETY: the pointers in `events` point to what `records` and `texts` own; all of it moves between
// threads together, and nothing is written through them.
unsafe impl Send for Delivered {}

impl Delivered {
    fn refill(&mut self, records: Vec<EventRecord>) {
        self.events.clear();
        self.texts.clear();
        self.records = records;
        let records = std::mem::take(&mut self.records);
        for record in &records {
            // Boxes, Arcs and Vecs in the record stay where they are when the list moves.
            let (kind, body) = self.body(&record.event);
            self.events.push(Event { seq: record.seq, ordinal: record.ordinal, kind, body });
        }
        self.records = records;
    }

    /// Keeps a text and lends it.
    fn keep(&mut self, text: String) -> Str {
        let text = text.into_boxed_str();
        let lent = Str::lend(&text);
        self.texts.push(text);
        lent
    }

    fn resources(&mut self, resources: &Resources) -> Str {
        self.keep(resources.to_string())
    }

    fn json(&mut self, value: &impl serde::Serialize) -> Str {
        // Events and tasks serialise: their keys are texts.
        self.keep(serde_json::to_string(value).unwrap_or_default())
    }

    fn body(&mut self, event: &CoreEvent) -> (u32, EventBody) {
        // What a member does not cover is zero.
        let mut body = EventBody { bytes: [0; 112] };
        let kind = match event {
            CoreEvent::Offer(offer) => {
                body.offer = self.offer(offer);
                TAMIAS_EVENT_OFFER
            }
            CoreEvent::Rescind { offer, reason } => {
                let (offer, reason) = (offer.to_u64(), rescind_reason(*reason));
                body.rescind = RescindEvent { offer, reason, reserved: 0 };
                TAMIAS_EVENT_RESCIND
            }
            CoreEvent::Update(status) => {
                body.update = update(status);
                TAMIAS_EVENT_UPDATE
            }
            CoreEvent::AgentLost { agent } => {
                body.agent = AgentEvent { agent: agent.to_u64() };
                TAMIAS_EVENT_AGENT_LOST
            }
            CoreEvent::SubscriptionEnded { reason } => {
                body.end = EndEvent { reason: end_reason(*reason), reserved: 0 };
                TAMIAS_EVENT_SUBSCRIPTION_ENDED
            }
            CoreEvent::Launch(launch) => {
                body.launch = self.launch(launch);
                TAMIAS_EVENT_LAUNCH
            }
            CoreEvent::Kill { agent, task, grace_seconds } => {
                let (agent, task) = (agent.to_u64(), task.to_u64());
                body.kill = KillEvent { agent, task, grace_ns: grace_seconds.0 };
                TAMIAS_EVENT_KILL
            }
            CoreEvent::Acknowledged { agent, task, uuid } => {
                let (agent, task) = (agent.to_u64(), task.to_u64());
                body.acknowledged = AcknowledgedEvent { agent, task, uuid: uuid.0 };
                TAMIAS_EVENT_ACKNOWLEDGED
            }
            CoreEvent::AgentRemoved { agent } => {
                body.agent = AgentEvent { agent: agent.to_u64() };
                TAMIAS_EVENT_AGENT_REMOVED
            }
            CoreEvent::Resync => TAMIAS_EVENT_RESYNC,
            other => {
                body.other = OtherEvent { json: self.json(other) };
                TAMIAS_EVENT_OTHER
            }
        };
        (kind, body)
    }

    fn offer(&mut self, offer: &Offer) -> OfferEvent {
        OfferEvent {
            offer: offer.offer.to_u64(),
            agent: offer.agent.to_u64(),
            expires_ns: offer.expires.unwrap_or(Time::NEVER).0,
            role: Str::lend(&offer.role),
            resources: self.resources(&offer.resources),
            agent_name: offer.agent_name.as_deref().map_or(Str::NONE, Str::lend),
            attributes: self.keep(offer.attributes.to_string()),
        }
    }

    fn launch(&mut self, launch: &Launch) -> LaunchEvent {
        LaunchEvent {
            agent: launch.agent.to_u64(),
            task: launch.task.to_u64(),
            framework: launch.framework.to_u64(),
            role: Str::lend(&launch.role),
            name: Str::lend(&launch.spec.name),
            resources: self.resources(&launch.spec.resources),
            json: self.json(Arc::as_ref(&launch.spec)),
        }
    }
}

fn update(status: &TaskStatus) -> UpdateEvent {
    // TAMIAS_NONE fits 16 bits; the numbers of the Mesos v1 API fit 8.
    let none = u16::try_from(TAMIAS_NONE).unwrap_or(u16::MAX);
    let health = match status.healthy {
        None => TAMIAS_HEALTH_NONE,
        Some(true) => TAMIAS_HEALTH_GOOD,
        Some(false) => TAMIAS_HEALTH_BAD,
    };
    UpdateEvent {
        task: status.task.map_or(0, |task| task.to_u64()),
        agent: status.agent.map_or(0, |agent| agent.to_u64()),
        uuid: status.uuid.map_or([0; 16], |uuid| uuid.0),
        time_ns: status.time.0,
        unreachable_since_ns: status.unreachable_time.map_or(UNSET, |time| time.0),
        state: u16::from(status.state.number()),
        reason: status.reason.map_or(none, |reason| u16::from(reason.number())),
        source: status.source.number(),
        health: u8::try_from(health).unwrap_or_default(),
        must_acknowledge: u8::from(status.uuid.is_some()),
        reserved: 0,
        name: Str::lend(&status.name),
        message: status.message.as_deref().map_or(Str::NONE, Str::lend),
        data: status.data.as_ref().map_or(Bytes::NONE, |data| Bytes::lend(&data.0)),
    }
}

fn rescind_reason(reason: RescindReason) -> u32 {
    match reason {
        RescindReason::Timeout => TAMIAS_RESCIND_TIMEOUT,
        RescindReason::AgentInactive => TAMIAS_RESCIND_AGENT_INACTIVE,
        RescindReason::RoleRemoved => TAMIAS_RESCIND_ROLE_REMOVED,
        RescindReason::WeightsUpdated => TAMIAS_RESCIND_WEIGHTS_UPDATED,
        RescindReason::Unavailability => TAMIAS_RESCIND_UNAVAILABILITY,
        RescindReason::Operation => TAMIAS_RESCIND_OPERATION,
        RescindReason::QuotaUpdated => TAMIAS_RESCIND_QUOTA_UPDATED,
        RescindReason::ResourcesChanged => TAMIAS_RESCIND_RESOURCES_CHANGED,
        _ => 0,
    }
}

fn end_reason(reason: EndReason) -> u32 {
    match reason {
        EndReason::FailedOver => TAMIAS_END_FAILED_OVER,
        EndReason::TornDown => TAMIAS_END_TORN_DOWN,
        _ => 0,
    }
}
