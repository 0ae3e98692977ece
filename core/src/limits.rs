//! Every limit of the kernel, each with its arithmetic. Exceeding one is a clear rejection.

use crate::time::Nanos;

/// Bytes in a name of a task, framework, role, agent, principal or resource (`NAME_MAX`).
pub const NAME_BYTES_MAX: usize = 255;

/// Distinct resource names in one kernel: one dense row of them is 64 x 8 B = 512 B, 8 cache lines.
pub const RESOURCE_NAMES_MAX: usize = 64;

/// Opaque bytes (`ext`, `data`) carried for a wire layer: 512 KiB, half a journal record.
pub const EXT_BYTES_MAX: usize = 512 * 1024;

/// One journal record, hence one command: 1 MiB.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Offers in one accept or decline. All are of one agent in an accept; a decline of a whole
/// 10,000-agent cluster takes a few calls of bounded length.
pub const OFFERS_PER_COMMAND_MAX: usize = 4096;

/// Tasks launched by one accept: 4,096 x about 200 B of specification stays under a record.
pub const TASKS_PER_ACCEPT_MAX: usize = 4096;

/// Operations of one accept: each works on the agent's total, of some 100 items at most, so 256 of
/// them take about a millisecond.
pub const OPERATIONS_PER_ACCEPT_MAX: usize = 256;

/// Resources of an agent that differ in name or metadata, beyond which operations make no more of
/// them: every allocation looks at all of them.
pub const RESOURCES_PER_AGENT_MAX: usize = 1024;

/// Tasks named in one reconcile, and tasks reported in one re-registration.
pub const TASKS_PER_COMMAND_MAX: usize = 65_536;

/// Roles of one framework.
pub const ROLES_PER_FRAMEWORK_MAX: usize = 1024;

/// Sets of quantities of which one must be in an offer, for one framework and role: each is looked
/// at for each offer.
pub const MINIMA_MAX: usize = 64;

/// Offer constraints of one framework in one role, over all groups: each is looked at once for each
/// agent that comes or changes.
pub const CONSTRAINTS_PER_ROLE_MAX: usize = 64;

/// Offer constraints of one framework over all its roles: with a pattern of 1 KiB to 100 KiB each
/// they take 512 KiB as a rule and 50 MiB at most.
pub const CONSTRAINTS_PER_FRAMEWORK_MAX: usize = 512;

/// Bytes of one pattern: as much as Mesos gives it in memory.
pub const PATTERN_BYTES_MAX: usize = 4096;

/// Steps of the program of one pattern (as in Mesos): a match looks at each for each character.
pub const PATTERN_STEPS_MAX: usize = 100;

/// Units of devices of one agent: more than any machine has of them, and 64 x 16 B are in each copy
/// of a list that is changed.
pub const DEVICES_PER_AGENT_MAX: usize = 64;

/// Attributes of one agent.
pub const ATTRIBUTES_PER_AGENT_MAX: usize = 256;

/// Labels of one task; its arguments and environment variables together.
pub const STRINGS_PER_TASK_MAX: usize = 4096;

/// Filters of one framework and role on one agent. A new one beyond that replaces the one that
/// expires first: a filter is an optimisation, so losing one costs an offer, not correctness.
pub const FILTERS_PER_AGENT_MAX: usize = 16;

/// Unacknowledged status updates of one task. An agent driver that sends more before the framework
/// acknowledges is told to wait. As many acknowledged ones are remembered, 16 B each, to know
/// repetitions.
pub const UPDATES_PER_TASK_MAX: usize = 256;

/// Objects of one kind (agents, roles, frameworks, grants, tasks, sessions): indexes are `u32`;
/// 16 M tasks of 256 B are 4 GiB, more than an embedded kernel should ever hold.
pub const OBJECTS_MAX: usize = 1 << 24;

/// A weight in thousandths: 0.001 to 1,000. What is held and the total are sums of at most 2^53
/// thousandths, so held x total x weight is below 2^(53+53+20) = 2^126 and fits `u128`.
pub const WEIGHT_MILLI_MAX: i64 = 1_000_000;

/// The sum of one scalar over all agents, in thousandths: every share stays an exact fraction.
pub const CLUSTER_TOTAL_MILLI_MAX: i64 = 1 << 53;

/// A longer step of `now` is taken for a wrong unit, unless it is sent as `advance_time`.
pub const TIME_STEP_MAX: Nanos = Nanos::from_secs(24 * 3600);

/// The longest refusal a filter may ask for; longer ones are shortened to it (as in Mesos).
pub const REFUSE_MAX: Nanos = Nanos::from_secs(365 * 24 * 3600);

/// What a negative refusal stands for (as in Mesos).
pub const REFUSE_DEFAULT: Nanos = Nanos::from_secs(5);

/// The longest timeout that may be configured: a century, so that no deadline overflows.
pub const TIMEOUT_MAX: Nanos = Nanos::from_secs(100 * 365 * 24 * 3600);

/// Agents looked at in one counted step of allocation: 32 agents x about 1 us keep the writer
/// busy for less than 50 us.
pub const AGENTS_PER_STEP: usize = 32;

/// Runs of allocation that were commanded and wait for ticks: with 10,000 agents of 8 B each
/// 64 runs are 5 MiB.
pub const ALLOCATION_RUNS_MAX: usize = 64;

/// Principals, actions and roles in all rules of a policy: 4,096 entries of up to 300 B are about
/// 1 MiB, and a decision looks at all of them at most once.
pub const POLICY_ENTRIES_MAX: usize = 4096;

/// Limits to the rate of commands: each command of a framework looks at all of them at most twice.
pub const RATE_LIMITS_MAX: usize = 256;

/// Timers fired, and objects worked off a bulk effect, in one counted step.
pub const EFFECTS_PER_STEP: usize = 128;

/// Machines in the maintenance schedule: 64 Ki names of about 50 B are 3 MiB, more than one command
/// holds; larger clusters go down in parts.
pub const MACHINES_MAX: usize = 65_536;
