//! Commands: everything that can be asked of the kernel, in one language.
//!
//! A [`Command`] is at once the Rust API, the journal record, the input of property tests and
//! fuzzers, the line of a conformance script and the bug report. Each has an explicit number (the
//! journal) and a name (JSON, the `do` of a line); numbers are never reused. Who sends it and when
//! is not part of it, but of the [`Envelope`].
//!
//! - [`session`]: opening and closing sessions, time
//! - [`operator`]: weights, quota, agents out of service, teardown
//! - [`operator`]: weights, agents out of service, teardown
//! - [`policy`]: who may do what
//! - [`pool`]: resources that lie on no agent
//! - [`watch`]: what operators are told
//! - [`agent`]: registration, updates
//! - [`framework`]: subscription, offers, tasks
//! - [`maintenance`]: agents that are to go
//! - [`operation`]: operations on resources

pub mod agent;
pub mod framework;
pub mod maintenance;
pub mod operation;
pub mod operator;
pub mod policy;
pub mod pool;
pub mod session;
pub mod watch;

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Encode};

use crate::error::{Code, Rejection, shorten};
use crate::ids::SessionId;
use crate::time::Time;

pub use agent::{
    ExecutorLost, RegisterAgent, RegisterExecutor, ReportedTask, ReregisterAgent,
    SendFrameworkMessage, Update, UpdateAgent,
};
pub use framework::{
    Accept, Acknowledge, Decline, ExecutorKind, ExecutorSpec, Kill, LaunchGroup, LaunchTasks,
    Operation, Reconcile, ReconcileTask, Revive, SendMessage, ShutdownExecutor, Subscribe,
    Suppress, TaskCommand, TaskHandle, TaskLimit, TaskRef, TaskSpec, UpdateFramework,
};
pub use maintenance::{
    AcceptInverseOffers, DeclineInverseOffers, DrainAgent, MaintenanceWindow, MarkAgentGone,
    StartMaintenance, StopMaintenance, UpdateMaintenanceSchedule,
};
pub use operation::{
    AcknowledgeOperation, CreateDisk, CreateVolumes, DestroyDisk, DestroyVolumes, DiskTarget, Grow,
    GrowVolume, ReconcileOperation, ReconcileOperations, ReserveResources, ResourcesOf, Shrink,
    ShrinkVolume, UnreserveResources, UpdateOperation,
};
pub use operator::{
    Allocate, DeactivateAgent, ReactivateAgent, RemoveAgent, RoleQuota, RoleWeight, Teardown,
    UpdateQuota, UpdateWeights,
};
pub use policy::{Action, Rule, SetPolicy};
pub use pool::{AddPool, RemovePool, UpdatePool};
pub use session::{AdvanceTime, CloseSession, OpenSession, Restart, SessionKind, Tick};
pub use watch::{Unwatch, Watch};

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// One command; see the module text.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Command {
            $($(#[$doc])* $name($name),)*
        }

        impl Command {
            /// The names of all commands as they stand in JSON.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The name in JSON.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $text,)*
                }
            }

            /// Reads a command from its name and the object with its fields.
            ///
            /// Errors: [`Code::UnknownCommand`]; [`Code::Malformed`] with the path of the field.
            pub fn from_json(name: &str, fields: serde_json::Value) -> Result<Self, Rejection> {
                match name {
                    $($text => read_fields(fields).map(Self::$name),)*
                    _ => Err(unknown_name("command", name, Self::NAMES)),
                }
            }

            /// The object with the fields of the command, without its name.
            ///
            /// # Errors
            /// None for commands that were decoded; serialisation of maps and numbers cannot fail.
            pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
                match self {
                    $(Self::$name(command) => serde_json::to_value(command),)*
                }
            }
        }

        /// As an object that starts with its name: `{"do": "kill", "task": "t1"}`.
        impl serde::Serialize for Command {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(fields) => Named { name: $text, fields }.serialize(serializer),)*
                }
            }
        }

        $(impl From<$name> for Command {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        })*

        /// Encoded as `[number, fields]`.
        impl<C> Encode<C> for Command {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                ctx: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                match self {
                    $(Self::$name(command) => {
                        e.array(2)?.u16($number)?.encode_with(command, ctx)?.ok()
                    })*
                }
            }
        }

        impl<'b, C> Decode<'b, C> for Command {
            fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
                let at = d.position();
                if d.array()? != Some(2) {
                    return Err(DecodeError::message("a command has 2 parts").at(at));
                }
                match d.u16()? {
                    $($number => d.decode_with(ctx).map(Self::$name),)*
                    number => Err(DecodeError::unknown_variant(i64::from(number)).at(at)),
                }
            }
        }
    };
}

commands! {
    /// Opens a session.
    OpenSession = 1, "open_session";
    /// Closes the sender's session.
    CloseSession = 2, "close_session";
    /// Lets time and pending work go on by one counted step.
    Tick = 3, "tick";
    /// Allows a step of time beyond 24 hours.
    AdvanceTime = 4, "advance_time";
    /// The kernel was opened from a journal: nobody is connected any more.
    Restart = 5, "restart";

    /// Sets weights of roles.
    UpdateWeights = 10, "update_weights";
    /// Takes an agent out of service; its tasks run on.
    DeactivateAgent = 11, "deactivate_agent";
    /// Takes it into service again.
    ReactivateAgent = 12, "reactivate_agent";
    /// Removes an agent for good.
    RemoveAgent = 13, "remove_agent";
    /// Removes a framework and kills its tasks.
    Teardown = 14, "teardown";
    /// Sets quota of roles.
    UpdateQuota = 15, "update_quota";
    /// Replaces the policy: who may do what for which roles.
    SetPolicy = 110, "set_policy";
    /// Has the sender told all there is, and from then on what changes.
    Watch = 112, "watch";
    /// Tells the sender nothing more of that.
    Unwatch = 113, "unwatch";
    /// Has agents offered, in a given order.
    Allocate = 16, "allocate";

    /// Registers a new agent.
    RegisterAgent = 20, "register_agent";
    /// Brings a known agent back, with the tasks it has.
    ReregisterAgent = 21, "reregister_agent";
    /// Changes resources or attributes of an agent.
    UpdateAgent = 22, "update_agent";
    /// Reports the state of a task.
    Update = 23, "update";

    /// Subscribes a framework, or takes over a known one.
    Subscribe = 30, "subscribe";
    /// Uses offers of one agent.
    Accept = 31, "accept";
    /// Gives offers back.
    Decline = 32, "decline";
    /// Drops filters and wants offers again.
    Revive = 33, "revive";
    /// Wants no offers for now.
    Suppress = 34, "suppress";
    /// Has a task killed.
    Kill = 35, "kill";
    /// Confirms a status update.
    Acknowledge = 36, "acknowledge";
    /// Asks for the state of tasks.
    Reconcile = 37, "reconcile";

    /// Says something to what runs tasks of the framework.
    SendMessage = 90, "send_message";
    /// Says something to a framework on behalf of what runs its tasks.
    SendFrameworkMessage = 91, "send_framework_message";
    /// Replaces what a subscribed framework says about itself.
    UpdateFramework = 92, "update_framework";
    /// Declares that an agent is gone for good.
    MarkAgentGone = 50, "mark_agent_gone";
    /// Takes an agent out of service and ends its tasks.
    DrainAgent = 51, "drain_agent";
    /// Replaces the maintenance schedule.
    UpdateMaintenanceSchedule = 52, "update_maintenance_schedule";
    /// Takes scheduled machines down.
    StartMaintenance = 53, "start_maintenance";
    /// Takes machines up again.
    StopMaintenance = 54, "stop_maintenance";
    /// Says that agents can go.
    AcceptInverseOffers = 55, "accept_inverse_offers";
    /// Says that agents cannot go.
    DeclineInverseOffers = 56, "decline_inverse_offers";
    /// Reserves resources of an agent.
    ReserveResources = 70, "reserve_resources";
    /// Takes a reservation off them.
    UnreserveResources = 71, "unreserve_resources";
    /// Makes volumes on an agent.
    CreateVolumes = 72, "create_volumes";
    /// Makes them plain disk again.
    DestroyVolumes = 73, "destroy_volumes";
    /// Adds disk to a volume.
    GrowVolume = 74, "grow_volume";
    /// Takes disk off a volume.
    ShrinkVolume = 75, "shrink_volume";
    /// Reports what became of an operation.
    UpdateOperation = 76, "update_operation";
    /// Confirms that the framework knows how an operation ended.
    AcknowledgeOperation = 77, "acknowledge_operation";
    /// Asks for the state of operations.
    ReconcileOperations = 78, "reconcile_operations";

    /// Has an executor ended.
    ShutdownExecutor = 93, "shutdown_executor";
    /// Reports that an executor runs.
    RegisterExecutor = 94, "register_executor";
    /// Reports that an executor is gone.
    ExecutorLost = 95, "executor_lost";

    /// Adds resources that lie on no agent.
    AddPool = 125, "add_pool";
    /// Changes how much there is of them.
    UpdatePool = 126, "update_pool";
    /// Removes them.
    RemovePool = 127, "remove_pool";
}

/// A command with who sent it and when: what is applied, journaled and replayed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Envelope {
    /// When: nanoseconds since the Unix epoch.
    #[n(0)]
    pub now: Time,
    /// The sender's session; none for opening sessions, for time, and for `restart`.
    #[n(1)]
    pub session: Option<SessionId>,
    /// What.
    #[n(2)]
    pub command: Command,
}

/// A command's name before its fields, in the order in which they are declared.
#[derive(serde::Serialize)]
struct Named<'a, T> {
    #[serde(rename = "do")]
    name: &'static str,
    #[serde(flatten)]
    fields: &'a T,
}

/// Reads fields; a rejection has the path to the one that is wrong.
pub(crate) fn read_fields<T: serde::de::DeserializeOwned>(
    fields: serde_json::Value,
) -> Result<T, Rejection> {
    serde_path_to_error::deserialize(fields).map_err(|error| {
        let path = error.path().to_string();
        let rejection = Rejection::new(Code::Malformed, error.into_inner().to_string());
        if path == "." { rejection } else { rejection.at(path) }
    })
}

/// The rejection of a name that none of `known` is.
pub(crate) fn unknown_name(kind: &str, name: &str, known: &[&str]) -> Rejection {
    let near = known.iter().find(|known| {
        let stem = |s: &str| s.replace(['_', '-'], "").to_lowercase();
        stem(known) == stem(name) || (name.len() > 3 && known.starts_with(name))
    });
    let hint = match near {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("expected one of {}", known.join(", ")),
    };
    let message = format!("there is no {kind} {:?}: {hint}", shorten(name));
    Rejection::new(Code::UnknownCommand, message).at("do")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_errors_name_the_field() {
        let fields = serde_json::json!({"name": "m1", "resources": "cpus:x"});
        let error = Command::from_json("register_agent", fields).unwrap_err();
        assert_eq!((error.code(), error.field()), (Code::Malformed, "resources"));
        let launch = serde_json::json!({"launch": {"tasks": [{"nam": "t"}]}});
        let fields = serde_json::json!({"offers": ["o0.1"], "operations": [launch]});
        let error = Command::from_json("accept", fields).unwrap_err();
        assert_eq!(error.field(), "operations[0].launch.tasks[0].nam");
        let error = Command::from_json("register-agent", serde_json::json!({})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "do: there is no command \"register-agent\": did you mean `register_agent`?"
        );
    }

    #[test]
    fn every_command_is_documented() {
        let page = include_str!("../../docs/conformance.md");
        let missing = |name: &&&str| !page.contains(&format!("`{name}`"));
        let missing: Vec<_> = Command::NAMES.iter().filter(missing).collect();
        assert!(missing.is_empty(), "docs/conformance.md has no line for {missing:?}");
    }

    #[test]
    fn an_unknown_number_is_an_error() {
        let bytes = minicbor::to_vec((9999_u16, ())).unwrap();
        assert!(minicbor::decode::<Command>(&bytes).is_err());
    }
}
