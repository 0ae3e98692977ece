//! Task states, reasons and sources: the names and numbers of the Mesos v1 API.
//!
//! What may follow what stands in `state/task.rs`.

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, {
        $($(#[$vdoc:meta])* $variant:ident = $number:literal, $text:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant = $number,)*
        }

        impl $name {
            /// All of them, for tables in other languages and for tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the Mesos v1 API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($prefix, $text),)*
                }
            }

            /// The number in the Mesos v1 API.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The one with that number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The one with that name in the Mesos v1 API.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.name() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::from_name(&name).ok_or_else(|| {
                    serde::de::Error::custom(format_args!(
                        "{:?} is not one of the names {}...",
                        crate::error::shorten(&name),
                        Self::ALL[0].name(),
                    ))
                })
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.u8(self.number())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                let number = d.u8()?;
                Self::from_number(number).ok_or_else(|| {
                    minicbor::decode::Error::unknown_variant(i64::from(number)).at(at)
                })
            }
        }
    };
}

vocabulary!(
    /// Where a task stands.
    TaskState, "TASK_", {
    /// An agent has the task but it does not run yet; optional.
    Starting = 0, "STARTING";
    /// It runs.
    Running = 1, "RUNNING";
    /// It ended well.
    Finished = 2, "FINISHED";
    /// It ended badly.
    Failed = 3, "FAILED";
    /// It ended because it was to.
    Killed = 4, "KILLED";
    /// It is lost; what a framework without `PARTITION_AWARE` sees instead of several states.
    Lost = 5, "LOST";
    /// Launched, not yet seen by an agent.
    Staging = 6, "STAGING";
    /// Its description was invalid.
    Error = 7, "ERROR";
    /// It is being killed.
    Killing = 8, "KILLING";
    /// It was never launched.
    Dropped = 9, "DROPPED";
    /// Its agent cannot be reached; it may come back as anything.
    Unreachable = 10, "UNREACHABLE";
    /// It was running and is certainly gone.
    Gone = 11, "GONE";
    /// An operator declared its agent gone.
    GoneByOperator = 12, "GONE_BY_OPERATOR";
    /// The kernel has no information; only ever an answer, never stored.
    Unknown = 13, "UNKNOWN";
});

vocabulary!(
    /// Where an operation on resources stands.
    OperationState, "OPERATION_", {
    /// The agent does not know such an operation.
    Unsupported = 0, "UNSUPPORTED";
    /// It is not done yet.
    Pending = 1, "PENDING";
    /// It is done.
    Finished = 2, "FINISHED";
    /// It was tried and failed.
    Failed = 3, "FAILED";
    /// It breaks a rule, or what it needs is not there.
    Error = 4, "ERROR";
    /// It was never tried.
    Dropped = 5, "DROPPED";
    /// Its agent cannot be reached.
    Unreachable = 6, "UNREACHABLE";
    /// An operator declared its agent gone.
    GoneByOperator = 7, "GONE_BY_OPERATOR";
    /// Its agent is yet to come back after a restart.
    Recovering = 8, "RECOVERING";
    /// The kernel has no information; only ever an answer, never stored.
    Unknown = 9, "UNKNOWN";
});

vocabulary!(
    /// Who says so.
    Source, "SOURCE_", {
    /// The kernel (the Mesos master).
    Master = 0, "MASTER";
    /// The agent driver.
    Agent = 1, "AGENT";
    /// What runs the task.
    Executor = 2, "EXECUTOR";
});

vocabulary!(
    /// Why.
    Reason, "REASON_", {
    /// The command could not be run or ended abnormally.
    CommandExecutorFailed = 0, "COMMAND_EXECUTOR_FAILED";
    /// What ran the task ended.
    ExecutorTerminated = 1, "EXECUTOR_TERMINATED";
    /// What ran the task went away by itself; no longer used by Mesos.
    ExecutorUnregistered = 2, "EXECUTOR_UNREGISTERED";
    /// Its framework was removed.
    FrameworkRemoved = 3, "FRAMEWORK_REMOVED";
    /// Its directory could not be kept from garbage collection.
    GcError = 4, "GC_ERROR";
    /// It named a framework that is not its own.
    InvalidFrameworkId = 5, "INVALID_FRAMEWORKID";
    /// An offer was gone, foreign, or did not fit the others.
    InvalidOffers = 6, "INVALID_OFFERS";
    /// The kernel could not be reached; only ever said by a driver.
    MasterDisconnected = 7, "MASTER_DISCONNECTED";
    /// It used more memory than it may.
    ContainerLimitationMemory = 8, "CONTAINER_LIMITATION_MEMORY";
    /// The answer to a reconciliation.
    Reconciliation = 9, "RECONCILIATION";
    /// Its agent disconnected.
    AgentDisconnected = 10, "AGENT_DISCONNECTED";
    /// Its agent was removed or became unreachable.
    AgentRemoved = 11, "AGENT_REMOVED";
    /// Its agent restarted and does not have it any more.
    AgentRestarted = 12, "AGENT_RESTARTED";
    /// Its agent is not known.
    AgentUnknown = 13, "AGENT_UNKNOWN";
    /// The description was invalid.
    TaskInvalid = 14, "TASK_INVALID";
    /// The framework may not launch it.
    TaskUnauthorized = 15, "TASK_UNAUTHORIZED";
    /// The task is not known.
    TaskUnknown = 16, "TASK_UNKNOWN";
    /// Its resources were needed by others: the agent took revocable ones back.
    ContainerPreempted = 17, "CONTAINER_PREEMPTED";
    /// It needs a reservation or a volume that the agent does not have.
    ResourcesUnknown = 18, "RESOURCES_UNKNOWN";
    /// It was over a limit.
    ContainerLimitation = 19, "CONTAINER_LIMITATION";
    /// It used more disk than it may.
    ContainerLimitationDisk = 20, "CONTAINER_LIMITATION_DISK";
    /// It could not be started.
    ContainerLaunchFailed = 21, "CONTAINER_LAUNCH_FAILED";
    /// The resources of what runs it could not be changed.
    ContainerUpdateFailed = 22, "CONTAINER_UPDATE_FAILED";
    /// What was to run it did not register in time.
    ExecutorRegistrationTimeout = 23, "EXECUTOR_REGISTRATION_TIMEOUT";
    /// What ran it did not come back in time after a restart of the agent.
    ExecutorReregistrationTimeout = 24, "EXECUTOR_REREGISTRATION_TIMEOUT";
    /// Its group, or one of the group, was invalid.
    TaskGroupInvalid = 25, "TASK_GROUP_INVALID";
    /// The framework may not launch its group.
    TaskGroupUnauthorized = 26, "TASK_GROUP_UNAUTHORIZED";
    /// What carried its input and output ended.
    IoSwitchboardExited = 27, "IO_SWITCHBOARD_EXITED";
    /// The result of its check changed.
    TaskCheckStatusUpdated = 28, "TASK_CHECK_STATUS_UPDATED";
    /// Its health changed.
    TaskHealthCheckStatusUpdated = 29, "TASK_HEALTH_CHECK_STATUS_UPDATED";
    /// It was killed before it started.
    TaskKilledDuringLaunch = 30, "TASK_KILLED_DURING_LAUNCH";
    /// An operator declared its agent gone.
    AgentRemovedByOperator = 31, "AGENT_REMOVED_BY_OPERATOR";
    /// Its agent came back and has it.
    AgentReregistered = 32, "AGENT_REREGISTERED";
    /// It ran longer than its `max_completion_seconds`.
    MaxCompletionTimeReached = 33, "MAX_COMPLETION_TIME_REACHED";
    /// Its agent is being drained.
    AgentDraining = 34, "AGENT_DRAINING";
});

impl OperationState {
    /// Whether the operation has ended: such a state never changes.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Finished | Self::Failed | Self::Error | Self::Dropped | Self::GoneByOperator
        )
    }
}

impl TaskState {
    /// Whether the task has ended: such a state never changes and holds no resources.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Finished
            | Self::Failed
            | Self::Killed
            | Self::Lost
            | Self::Error
            | Self::Dropped
            | Self::Gone
            | Self::GoneByOperator => true,
            Self::Staging
            | Self::Starting
            | Self::Running
            | Self::Killing
            | Self::Unreachable
            | Self::Unknown => false,
        }
    }

    /// Whether a task in this state holds resources of its agent.
    #[must_use]
    pub const fn holds_resources(self) -> bool {
        matches!(self, Self::Staging | Self::Starting | Self::Running | Self::Killing)
    }

    /// What a framework sees: without `PARTITION_AWARE` the precise states are `TASK_LOST`.
    #[must_use]
    pub const fn seen_by(self, partition_aware: bool) -> Self {
        match self {
            Self::Dropped
            | Self::Unreachable
            | Self::Gone
            | Self::GoneByOperator
            | Self::Unknown
                if !partition_aware =>
            {
                Self::Lost
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_read_back() {
        for &state in TaskState::ALL {
            assert_eq!(TaskState::from_number(state.number()), Some(state));
            assert_eq!(TaskState::from_name(state.name()), Some(state));
        }
        assert_eq!((TaskState::Staging.name(), TaskState::Staging.number()), ("TASK_STAGING", 6));
        assert_eq!(Reason::AgentRemoved.name(), "REASON_AGENT_REMOVED");
        assert_eq!(Source::from_number(9), None);
    }
}
