//! What tests of this crate and of others generate commands with (feature `testing`).
//!
//! - [`envelope`]: any command with any fields, mostly nonsense to the state: for codecs and for
//!   rejections
//! - [`script`]: commands that suit the state they are sent to, for long lives of a kernel

pub mod allocator;
mod operation;
mod pool;
pub mod script;
#[cfg(test)]
pub(crate) mod steps;

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::attributes::Attributes;
use crate::change::Noun;
use crate::command::{
    Accept, AcceptInverseOffers, Acknowledge, Action, AdvanceTime, Allocate, CloseSession, Command,
    DeactivateAgent, Decline, DeclineInverseOffers, DrainAgent, Envelope, ExecutorKind,
    ExecutorLost, ExecutorSpec, Kill, LaunchGroup, MaintenanceWindow, MarkAgentGone, OpenSession,
    Operation, ReactivateAgent, Reconcile, ReconcileTask, RegisterAgent, RegisterExecutor,
    RemoveAgent, ReportedTask, ReregisterAgent, Restart, Revive, RoleQuota, RoleWeight, Rule,
    SendFrameworkMessage, SendMessage, SessionKind, SetPolicy, ShutdownExecutor, StartMaintenance,
    StopMaintenance, Subscribe, Suppress, TaskCommand, TaskLimit, TaskRef, TaskSpec, Teardown,
    Tick, Unwatch, Update, UpdateAgent, UpdateFramework, UpdateMaintenanceSchedule, UpdateQuota,
    UpdateWeights, Watch,
};
use crate::constraint::{Constraint, Predicate, Selector};
use crate::ids::{
    AgentId, ExecutorId, FrameworkId, Id, InverseOfferId, OfferId, SessionId, TaskId,
};
use crate::options::OnInvalid;
use crate::resources::{Amount, Name, Quantities, Resources};
use crate::status::{Reason, Source, TaskState};
use crate::time::{Nanos, Time};
use crate::value::{AgentCapability, Bytes, Capability, CheckStatus, Domain, Ext, Uuid};

pub use script::{Choice, choice};

/// Any envelope: every command, every field present or absent.
pub fn envelope() -> impl Strategy<Value = Envelope> {
    (any::<i64>(), option::of(id::<SessionId>()), command())
        .prop_map(|(now, session, command)| Envelope { now: Time(now), session, command })
}

/// Any command. The families are boxed: together they are too large for the stack of a test.
pub fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => Just(Tick {}.into()),
        1 => Just(AdvanceTime {}.into()),
        1 => Just(Restart {}.into()),
        1 => Just(CloseSession {}.into()),
        2 => (kind(), option::of(text())).prop_map(|(kind, principal)| {
            OpenSession { kind, principal }.into()
        }),
        4 => of_operator().boxed(),
        2 => operation::of_operator().boxed(),
        1 => pool::of_operator().boxed(),
        8 => of_agent().boxed(),
        12 => of_framework().boxed(),
        2 => operation::of_framework().boxed(),
    ]
}

fn of_operator() -> impl Strategy<Value = Command> {
    let weight = (text(), 1..1_000_000_i64)
        .prop_map(|(role, milli)| RoleWeight { role, weight: Amount::from_milli(milli) });
    let quota = (text(), quantities(), quantities()).prop_map(|(role, guarantees, most)| {
        let limits = most.iter().map(|(name, limit)| (name.clone(), limit)).collect();
        RoleQuota { role, guarantees, limits }
    });
    prop_oneof![
        (vec(quota, 0..3), any::<bool>())
            .prop_map(|(quotas, force)| UpdateQuota { quotas, force }.into()),
        vec(weight, 0..4).prop_map(|weights| UpdateWeights { weights }.into()),
        id::<AgentId>().prop_map(|agent| DeactivateAgent { agent }.into()),
        id::<AgentId>().prop_map(|agent| ReactivateAgent { agent }.into()),
        id::<AgentId>().prop_map(|agent| RemoveAgent { agent }.into()),
        option::of(id::<FrameworkId>()).prop_map(|framework| Teardown { framework }.into()),
        of_maintenance(),
        vec(id::<AgentId>(), 0..3).prop_map(|agents| Allocate { agents }.into()),
        (vec(rule(), 0..3), any::<bool>()).prop_map(|(rules, otherwise)| SetPolicy {
            rules,
            otherwise
        }
        .into()),
        option::of(vec(select(Noun::ALL), 0..4)).prop_map(|nouns| Watch { nouns }.into()),
        Just(Unwatch {}.into()),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let texts = || option::of(vec(text(), 0..3));
    let actions = option::of(vec(select(Action::ALL), 0..3));
    (texts(), actions, texts(), any::<bool>())
        .prop_map(|(principals, actions, roles, allow)| Rule { principals, actions, roles, allow })
}

fn of_agent() -> impl Strategy<Value = Command> {
    let register = (
        option::of(text()),
        resources(),
        attributes(),
        option::of(ext()),
        place(),
        option::of(text()),
        option::of(operation::any_resources().prop_map(Box::new)),
    );
    let task = (id::<TaskId>(), task_state());
    let reported = vec(task.prop_map(|(task, state)| ReportedTask { task, state }), 0..4);
    let reregister = (
        option::of(id::<AgentId>()),
        option::of(text()),
        option::of(resources()),
        option::of(attributes()),
        (reported, vec(id::<ExecutorId>(), 0..3), vec(operation::report().boxed(), 0..2)).boxed(),
        place(),
        option::of(operation::any_resources().prop_map(Box::new)),
    );
    let update = (
        id::<AgentId>(),
        option::of(resources()),
        option::of(attributes()),
        place(),
        option::of(operation::any_resources().prop_map(Box::new)),
    );
    prop_oneof![
        register.prop_map(|(name, resources, attributes, ext, place, hostname, checkpointed)| {
            let (domain, capabilities) = place;
            let new = RegisterAgent {
                name,
                resources,
                attributes,
                ext,
                domain,
                capabilities,
                hostname,
                checkpointed,
            };
            new.into()
        }),
        reregister.prop_map(|(agent, name, resources, attributes, tasks, place, checkpointed)| {
            let (domain, capabilities) = place;
            let (tasks, executors, operations) = tasks;
            let returns = ReregisterAgent {
                agent,
                name,
                resources,
                attributes,
                tasks,
                executors,
                operations,
                domain,
                capabilities,
                checkpointed,
            };
            returns.into()
        }),
        update.prop_map(|(agent, resources, attributes, place, checkpointed)| {
            let (domain, capabilities) = place;
            let change =
                UpdateAgent { agent, resources, attributes, domain, capabilities, checkpointed };
            change.into()
        }),
        status().prop_map(Command::from),
        of_executor(),
    ]
}

fn of_maintenance() -> impl Strategy<Value = Command> {
    let machines = || vec(text(), 0..3);
    let window = (machines(), any::<i64>(), option::of(span())).prop_map(
        |(machines, start, duration_seconds)| MaintenanceWindow {
            machines,
            start: Time(start),
            duration_seconds,
        },
    );
    let drain = (id::<AgentId>(), option::of(span()), any::<bool>());
    let answer = || (vec(id::<InverseOfferId>(), 0..3), option::of(span()));
    prop_oneof![
        id::<AgentId>().prop_map(|agent| MarkAgentGone { agent }.into()),
        drain.prop_map(|(agent, max_grace_seconds, mark_gone)| {
            DrainAgent { agent, max_grace_seconds, mark_gone }.into()
        }),
        vec(window, 0..3).prop_map(|windows| UpdateMaintenanceSchedule { windows }.into()),
        machines().prop_map(|machines| StartMaintenance { machines }.into()),
        machines().prop_map(|machines| StopMaintenance { machines }.into()),
        answer().prop_map(|(inverse_offers, refuse_seconds)| {
            AcceptInverseOffers { inverse_offers, refuse_seconds }.into()
        }),
        answer().prop_map(|(inverse_offers, refuse_seconds)| {
            DeclineInverseOffers { inverse_offers, refuse_seconds }.into()
        }),
    ]
}

fn of_executor() -> impl Strategy<Value = Command> {
    let why = (option::of(any::<i32>()), option::of(select(Reason::ALL)), option::of(text()));
    prop_oneof![
        operation::report().prop_map(Command::from),
        id().prop_map(|executor| RegisterExecutor { executor }.into()),
        (id(), why).prop_map(|(executor, (status, reason, message))| {
            ExecutorLost { executor, status, reason, message }.into()
        }),
        (id(), id(), text(), bytes()).prop_map(|(agent, framework, executor, data)| {
            SendFrameworkMessage { agent, framework, executor, data }.into()
        }),
    ]
}

/// Where an agent is and what it can deal with.
fn place() -> impl Strategy<Value = (Option<Domain>, Option<Vec<AgentCapability>>)> {
    let domain = (text(), text()).prop_map(|(region, zone)| Domain { region, zone });
    (option::of(domain), option::of(vec(select(AgentCapability::ALL), 0..3)))
}

fn of_framework() -> impl Strategy<Value = Command> {
    let span = || option::of(span());
    let offers = || vec(id::<OfferId>(), 0..4);
    let roles = || vec(text(), 0..3);
    let group = (option::of(executor_spec()), vec(task_spec(), 0..3))
        .prop_map(|(spec, tasks)| LaunchGroup { executor: spec.map(Box::new), tasks }.into());
    let launch = prop_oneof![vec(task_spec(), 0..3).prop_map(Operation::from), group];
    let operation = prop_oneof![launch, operation::operation().boxed()];
    let on_invalid = option::of(select(&[OnInvalid::Reject, OnInvalid::Report][..]));
    let accept = (offers(), vec(operation, 0..3), span(), on_invalid);
    let asked = (task_ref(), option::of(id::<AgentId>()))
        .prop_map(|(task, agent)| ReconcileTask { task, agent });
    prop_oneof![
        subscribe().prop_map(Command::from),
        subscribe().prop_map(|info| UpdateFramework(info).into()),
        (id(), text(), bytes()).prop_map(|(agent, executor, data)| SendMessage {
            agent,
            executor,
            data
        }
        .into()),
        accept.prop_map(|(offers, operations, refuse_seconds, on_invalid)| {
            Accept { offers, operations, refuse_seconds, on_invalid }.into()
        }),
        (offers(), span())
            .prop_map(|(offers, refuse_seconds)| Decline { offers, refuse_seconds }.into()),
        roles().prop_map(|roles| Revive { roles }.into()),
        roles().prop_map(|roles| Suppress { roles }.into()),
        (task_ref(), span()).prop_map(|(task, kill_grace_seconds)| Kill {
            task,
            kill_grace_seconds
        }
        .into()),
        (id(), text()).prop_map(|(agent, executor)| ShutdownExecutor { agent, executor }.into()),
        (task_ref(), uuid()).prop_map(|(task, uuid)| Acknowledge { task, uuid }.into()),
        vec(asked, 0..4).prop_map(|tasks| Reconcile { tasks }.into()),
    ]
}

/// Boxed: unoptimised, a strategy of all commands is large for a test's stack.
fn constraint() -> BoxedStrategy<Constraint> {
    let selector = prop_oneof![
        text().prop_map(Selector::Attribute),
        Just(Selector::Hostname),
        Just(Selector::Region),
        Just(Selector::Zone),
    ];
    let predicate = prop_oneof![
        Just(Predicate::Exists),
        Just(Predicate::NotExists),
        text().prop_map(Predicate::TextEquals),
        text().prop_map(Predicate::TextNotEquals),
        text().prop_map(Predicate::TextMatches),
        text().prop_map(Predicate::TextNotMatches),
    ];
    let constraint = |(selector, predicate)| Constraint { selector, predicate };
    (selector, predicate).prop_map(constraint).boxed()
}

fn subscribe() -> impl Strategy<Value = Subscribe> {
    let capabilities = option::of(vec(select(Capability::ALL), 0..2));
    (
        option::of(id::<FrameworkId>()),
        option::of(text()),
        vec(text(), 0..3),
        vec(text(), 0..2),
        option::of(span()),
        capabilities,
        option::of(ext()),
        btree_map(text(), vec(quantities(), 0..3), 0..2),
        btree_map(text(), vec(vec(constraint(), 0..3), 0..3), 0..2),
    )
        .prop_map(
            |(framework, name, roles, suppressed_roles, timeout, capabilities, ext, own, only)| {
                Subscribe {
                    framework,
                    name,
                    roles,
                    suppressed_roles,
                    failover_timeout_seconds: timeout,
                    capabilities,
                    ext,
                    min_allocatable: own,
                    offer_constraints: only,
                }
            },
        )
}

fn status() -> impl Strategy<Value = Update> {
    (
        id::<TaskId>(),
        task_state(),
        option::of(uuid()),
        option::of(select(Source::ALL)),
        option::of(select(Reason::ALL)),
        option::of(text()),
        option::of(bytes()),
        (option::of(any::<bool>()), option::of(check())),
    )
        .prop_map(|(task, state, uuid, source, reason, message, data, (healthy, check))| {
            Update { task, state, uuid, source, reason, message, data, healthy, check }
        })
}

fn check() -> impl Strategy<Value = CheckStatus> {
    prop_oneof![
        option::of(any::<i32>()).prop_map(CheckStatus::Command),
        option::of(any::<u32>()).prop_map(CheckStatus::Http),
        option::of(any::<bool>()).prop_map(CheckStatus::Tcp),
    ]
}

fn task_command() -> impl Strategy<Value = TaskCommand> {
    (
        vec(text(), 0..3),
        option::of(text()),
        btree_map(text(), text(), 0..3),
        option::of(text()),
        option::of(text()),
    )
        .prop_map(|(argv, shell, env, cwd, stdin)| TaskCommand {
            argv,
            shell,
            env,
            cwd,
            stdin,
        })
}

/// Any description of an executor.
pub fn executor_spec() -> impl Strategy<Value = ExecutorSpec> {
    (
        text(),
        resources(),
        select(&[ExecutorKind::Custom, ExecutorKind::Default][..]),
        option::of(task_command()),
        option::of(span()),
        btree_map(text(), text(), 0..3),
        option::of(ext()),
    )
        .prop_map(|(name, resources, kind, command, grace, labels, ext)| ExecutorSpec {
            name,
            resources,
            kind,
            command,
            shutdown_grace_seconds: grace,
            labels,
            ext,
        })
}

/// Any task description.
pub fn task_spec() -> impl Strategy<Value = TaskSpec> {
    (
        text(),
        resources(),
        option::of(task_command()),
        option::of(span()),
        option::of(span()),
        btree_map(text(), text(), 0..3),
        option::of(ext()),
        option::of(executor_spec()),
        task_limits(),
    )
        .prop_map(|(name, resources, command, grace, longest, labels, ext, executor, limits)| {
            TaskSpec {
                name,
                resources,
                command,
                kill_grace_seconds: grace,
                max_completion_seconds: longest,
                labels,
                ext,
                executor: executor.map(Box::new),
                limits,
            }
        })
        // Not on the stack, where those of all commands are at once.
        .boxed()
}

fn task_limits() -> impl Strategy<Value = BTreeMap<Name, TaskLimit>> {
    let amount = (0..64_000_i64).prop_map(|milli| TaskLimit::Of(Amount::from_milli(milli)));
    let limit = prop_oneof![Just(TaskLimit::Unlimited), amount];
    btree_map(select(vec![Name::CPUS, Name::MEM, Name::DISK]), limit, 0..2)
}

/// Any resources, also none.
pub fn resources() -> impl Strategy<Value = Resources> {
    let cpus = (0..64_000_i64).prop_map(|milli| format!("cpus:{}", Amount::from_milli(milli)));
    let mem = (0..1_000_000_i64).prop_map(|mib| format!("mem:{mib}"));
    let ports = (0..65_000_u64, 0..500_u64)
        .prop_map(|(from, more)| format!("ports:[{from}-{}]", from + more));
    let disks = vec("[a-z]{1,4}", 1..4).prop_map(|items| format!("disks:{{{}}}", items.join(",")));
    let items = vec(prop_oneof![cpus, mem, ports, disks], 0..4);
    items.prop_map(|items| items.join(";").parse().unwrap_or_default())
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let item =
        ("[a-z]{1,6}", "[a-z0-9:.]{1,6}").prop_map(|(name, value)| format!("{name}:{value}"));
    vec(item, 0..4).prop_map(|items| items.join(";").parse().unwrap_or_default())
}

fn id<I: Id + 'static>() -> impl Strategy<Value = I> {
    (any::<u32>(), 1..=u32::MAX).prop_map(|(index, generation)| I::from_parts(index, generation))
}

fn quantities() -> impl Strategy<Value = Quantities> {
    resources().prop_map(|resources| Quantities::of(&resources))
}

fn text() -> impl Strategy<Value = Box<str>> {
    // Everyday names, and anything.
    prop_oneof![3 => "[a-z][a-z0-9-]{0,11}", 1 => any::<String>()].prop_map(String::into_boxed_str)
}

fn span() -> impl Strategy<Value = Nanos> {
    any::<i64>().prop_map(Nanos)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid)
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes)
}

fn ext() -> impl Strategy<Value = Ext> {
    (text(), bytes()).prop_map(|(media_type, bytes)| Ext { media_type, bytes })
}

fn kind() -> impl Strategy<Value = SessionKind> {
    select(&[SessionKind::Operator, SessionKind::Framework, SessionKind::Agent][..])
}

fn task_state() -> impl Strategy<Value = TaskState> {
    select(TaskState::ALL)
}

fn task_ref() -> impl Strategy<Value = TaskRef> {
    prop_oneof![
        text().prop_map(|name| TaskRef::from(&*name)),
        id::<TaskId>().prop_map(TaskRef::from),
    ]
}
