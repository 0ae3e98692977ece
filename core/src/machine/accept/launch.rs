//! Launching tasks: what a task may ask for, and what the agent is told.

use std::sync::Arc;

use super::super::agents::check_ext;
use super::super::{Machine, over_limit};
use super::executors::{check_executor, check_together};
use super::{Offered, Plan, Taken};
use crate::command::{TaskCommand, TaskLimit, TaskSpec};
use crate::error::{Code, Rejection, shorten};
use crate::event::{Event, GroupTask, Launch, LaunchGroup, TaskStatus};
use crate::ids::{AgentId, FrameworkId, TaskId};
use crate::intern::Names;
use crate::limits::{STRINGS_PER_TASK_MAX, TIMEOUT_MAX};
use crate::names::check_name;
use crate::reply::TaskOutcome;
use crate::resources::{Bundle, Key, Name, Resources};
use crate::state::{Agent, Grant, GrantKind, Task, TaskExecutor};
use crate::status::{Reason, Source, TaskState};
use crate::time::Nanos;
use crate::value::AgentCapability;

impl Machine<'_> {
    /// Checks one task and takes its resources, and those of its executor if that is to be
    /// started; returns them.
    pub(super) fn plan_task<'c>(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        plan: &mut Plan<'c>,
        spec: &'c TaskSpec,
    ) -> Result<Taken, Rejection> {
        check_name("task", &spec.name).map_err(|r| r.at("name"))?;
        let live = self.state.frameworks.get(framework).and_then(|f| f.tasks.get(&*spec.name));
        if let Some(task) = live {
            let text = format!(
                "task {:?} exists as {task}: a name is free again once its terminal update is \
                 acknowledged",
                shorten(&spec.name)
            );
            return Err(Rejection::new(Code::TaskExists, text).at("name").id(task.to_u64()));
        }
        if plan.task_names.contains(&*spec.name) {
            let text = format!("task {:?} is launched twice", shorten(&spec.name));
            return Err(Rejection::new(Code::TaskExists, text).at("name"));
        }
        check_spec(spec)?;
        self.check_limits(agent, spec)?;
        let resources = self.find(plan, &spec.resources)?;
        let mut taken = Taken { resources, executor: None };
        if let Some(executor) = &spec.executor {
            check_executor(executor, false).map_err(|fault| fault.within("executor"))?;
            check_together(spec, executor)?;
        }
        // One offered copy of a shared volume is enough for any number of tasks.
        let own = taken.resources.non_shared();
        plan.remaining.subtract(&own);
        if let Some(executor) = &spec.executor {
            let found = self.plan_executor(framework, agent, plan, executor);
            taken.executor = found.map_err(|fault| {
                plan.remaining.add_assign(&own);
                fault.within("executor")
            })?;
        }
        plan.task_names.insert(&spec.name);
        plan.used.add_assign(&taken.resources.shared());
        Ok(taken)
    }

    /// Checks what a task may use beyond what it takes.
    fn check_limits(&self, agent: AgentId, spec: &TaskSpec) -> Result<(), Rejection> {
        if spec.limits.is_empty() {
            return Ok(());
        }
        let invalid = |name: &str, text: String| {
            Err(Rejection::new(Code::InvalidTask, text).at(format!("limits.{name}")))
        };
        let knows = |agent: &Agent| agent.capabilities.has(AgentCapability::TaskResourceLimits);
        if !self.state.agents.get(agent).is_some_and(knows) {
            let text = "the agent has not the capability TASK_RESOURCE_LIMITS: leave them out";
            return Err(Rejection::new(Code::InvalidTask, text).at("limits"));
        }
        for (name, limit) in &spec.limits {
            if *name != Name::CPUS && *name != Name::MEM {
                return invalid(name.as_str(), "only cpus and mem can have limits".into());
            }
            let asked = spec.resources.quantity(name);
            if asked.is_zero() {
                return invalid(name.as_str(), format!("the task asks for no {name}"));
            }
            if let TaskLimit::Of(limit) = limit {
                if *limit < asked {
                    let text = format!("{limit} is less than the {asked} that the task asks for");
                    return invalid(name.as_str(), text);
                }
            }
        }
        Ok(())
    }

    /// What of the rest the resources are.
    pub(super) fn find(&self, plan: &Plan<'_>, wanted: &Resources) -> Result<Bundle, Rejection> {
        let names = plan.names.as_ref().unwrap_or(&self.state.names);
        let taken = match names.find_within(wanted, &plan.remaining) {
            Some(found) if asks_for_units(&plan.remaining, &found) => {
                let units = plan.remaining.resolve(&found);
                Some(units.map_err(|key| no_units(names, plan, wanted, key))?)
            }
            found => found,
        };
        taken.filter(|taken| plan.remaining.contains(taken)).ok_or_else(|| {
            let left = names.named(&plan.remaining);
            let text = format!("{wanted} is more than the offers have left: {left}");
            Rejection::new(Code::ExceedsOffer, text).at("resources")
        })
    }

    pub(super) fn launch(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        spec: &TaskSpec,
        taken: Taken,
    ) -> TaskOutcome {
        let executor = spec.executor.as_deref();
        let executor = executor.map(|spec| self.start(framework, offered, spec, taken.executor));
        let outcome = self.insert_task(framework, offered, spec, taken.resources, executor);
        let launch = outcome.task.and_then(|id| self.state.describe_launch(id));
        if let Some(launch) = launch {
            self.tell_agent(offered.agent, Event::Launch(launch));
        }
        outcome
    }

    /// Puts a task into the ledger; the agent is to be told yet.
    pub(super) fn insert_task(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        spec: &TaskSpec,
        resources: Bundle,
        executor: Option<TaskExecutor>,
    ) -> TaskOutcome {
        let id = self.state.tasks.next_id();
        let (agent, role) = (offered.agent, offered.role);
        let kind = GrantKind::Allocated(id);
        let grant = self.state.open_grant(Grant { agent, framework, role, resources, kind });
        let task = Task::new((framework, agent, role), (*spec.name).into(), grant);
        self.state.insert_task(Task {
            spec: Some(Arc::new(spec.clone())),
            kill_grace: spec.kill_grace_seconds,
            max_completion: spec.max_completion_seconds,
            executor,
            ..task
        });
        let state = TaskState::Staging;
        TaskOutcome { name: spec.name.clone(), task: Some(id), state, reason: None, message: None }
    }

    /// Reports a task that is not launched, by a status without uuid.
    pub(super) fn refuse_task(
        &mut self,
        framework: FrameworkId,
        name: &str,
        agent: Option<AgentId>,
        state: TaskState,
        reason: Reason,
        fault: &Rejection,
    ) -> TaskOutcome {
        let aware = self.state.frameworks.get(framework).is_some_and(|f| f.is_partition_aware());
        let (state, message) = (state.seen_by(aware), fault.to_string());
        let status = TaskStatus {
            name: name.into(),
            task: None,
            state,
            source: Source::Master,
            reason: Some(reason),
            message: Some(message.as_str().into()),
            agent,
            uuid: None,
            time: self.state.now,
            unreachable_time: None,
            healthy: None,
            check: None,
            executor: None,
            data: None,
        };
        self.tell_framework(framework, Event::Update(status));
        let (reason, message) = (Some(reason), Some(message.into()));
        TaskOutcome { name: name.into(), task: None, state, reason, message }
    }
}

impl crate::state::State {
    /// A task that no agent has reported on yet, as its agent is told to start it: with the units
    /// that it was given, if it asked for some.
    pub(crate) fn describe_launch(&self, id: TaskId) -> Option<Launch> {
        let task = self.tasks.get(id)?;
        let spec = task.spec.clone()?;
        let role = self.roles.get(task.role)?.name.clone();
        let spec = match self.with_units(&spec.resources, &task.hold) {
            Some(resources) => Arc::new(TaskSpec { resources, ..(*spec).clone() }),
            None => spec,
        };
        let executor = task.executor.as_ref().map(|executor| executor.id);
        Some(Launch {
            agent: task.agent,
            task: id,
            framework: task.framework,
            role,
            spec,
            executor,
        })
    }

    /// The same for a driver that may have missed it: the first of a group stands for the group.
    pub(crate) fn describe_start(&self, id: TaskId) -> Option<Event> {
        if self.tasks.get(id)?.group.is_none() {
            return self.describe_launch(id).map(Event::Launch);
        }
        let group = self.describe_group(id)?;
        (group.tasks.first()?.task == id).then_some(Event::LaunchGroup(group))
    }

    /// The tasks of a group that no agent has reported on yet.
    pub(crate) fn describe_group(&self, member: TaskId) -> Option<LaunchGroup> {
        let agent = self.tasks.get(member)?.agent;
        let launches = self.group_of(member).into_iter().filter_map(|id| self.describe_launch(id));
        let launches: Vec<_> = launches.collect();
        let Launch { framework, role, executor, .. } = launches.first()?.clone();
        let task = |launch: Launch| GroupTask { task: launch.task, spec: launch.spec };
        let tasks = launches.into_iter().map(task).collect();
        Some(LaunchGroup { agent, framework, role, executor, tasks })
    }

    /// The tasks launched together with one, itself included, in the order of their handles.
    pub(crate) fn group_of(&self, id: TaskId) -> Vec<TaskId> {
        let Some((task, group)) = self.tasks.get(id).and_then(|task| Some((task, task.group?)))
        else {
            return vec![id];
        };
        let on_agent = self.agents.get(task.agent).into_iter().flat_map(|agent| &agent.tasks);
        let of_group =
            |id: &TaskId| self.tasks.get(*id).is_some_and(|task| task.group == Some(group));
        on_agent.copied().filter(of_group).collect()
    }

    /// A task that is to end, as its agent is told.
    pub(crate) fn describe_kill(&self, id: TaskId) -> Option<Event> {
        let task = self.tasks.get(id)?;
        let grace_seconds = task.kill?;
        Some(Event::Kill { agent: task.agent, task: id, grace_seconds })
    }
}

/// Whether units of devices are there or asked for.
fn asks_for_units(remaining: &Bundle, found: &Bundle) -> bool {
    remaining.has_devices() || found.first_request().is_some()
}

/// The rejection of a request that nothing satisfies: what was asked for, and what there is.
fn no_units(names: &Names, plan: &Plan<'_>, wanted: &Resources, key: Key) -> Rejection {
    let named = names.named_key(key).map(|key| {
        let asked = wanted.filter(|own| *own == key);
        (asked, names.named(&plan.remaining).filter(|own| own.name == key.name))
    });
    let (asked, left) = named.unwrap_or_default();
    let text = if left.is_empty() {
        format!("no unit can satisfy {asked}: the offers have none left")
    } else if left.has_devices() {
        format!("no unit can satisfy {asked}: the offers have left {left}")
    } else {
        format!(
            "no unit can satisfy {asked}: the offers have left {left}, which have no numbers and \
             are used whole; register the agent with units, as <0-3=model>"
        )
    };
    Rejection::new(Code::ExceedsOffer, text).at("resources")
}

/// Checks what a task says about itself, whatever the offers hold.
fn check_spec(spec: &TaskSpec) -> Result<(), Rejection> {
    let invalid =
        |field: &str, text: String| Err(Rejection::new(Code::InvalidTask, text).at(field));
    if spec.resources.is_empty() {
        return invalid("resources", "a task needs some resources: for example cpus:0.1".into());
    }
    let resources = &spec.resources;
    resources
        .check_use()
        .and_then(|()| resources.check_revocable_apart())
        .or_else(|fault| invalid("resources", fault.to_string()))?;
    let durations = [
        ("kill_grace_seconds", spec.kill_grace_seconds),
        ("max_completion_seconds", spec.max_completion_seconds),
    ];
    for (field, span) in durations {
        if span.is_some_and(|span| span < Nanos::ZERO || span > TIMEOUT_MAX) {
            return invalid(field, "out of range: 0 seconds to 100 years".into());
        }
    }
    if spec.labels.len() > STRINGS_PER_TASK_MAX {
        return Err(over_limit("labels", spec.labels.len(), STRINGS_PER_TASK_MAX).at("labels"));
    }
    if let Some(command) = &spec.command {
        check_command(command)?;
    }
    check_ext(spec.ext.as_ref())
}

pub(super) fn check_command(command: &TaskCommand) -> Result<(), Rejection> {
    let invalid = |field: &str, text: &str| Err(Rejection::new(Code::InvalidTask, text).at(field));
    if command.argv.is_empty() == command.shell.is_none() {
        return invalid("command", "give either `argv` or `shell`");
    }
    if command.argv.first().is_some_and(|program| program.is_empty()) {
        return invalid("command.argv", "the program's name is empty");
    }
    let strings = command.argv.len() + command.env.len();
    if strings > STRINGS_PER_TASK_MAX {
        return Err(over_limit("strings", strings, STRINGS_PER_TASK_MAX).at("command"));
    }
    let bad_name = |name: &str| name.is_empty() || name.contains(['=', '\0']);
    if command.env.keys().any(|name| bad_name(name)) {
        return invalid("command.env", "a variable's name is empty or holds `=` or NUL");
    }
    let values = command.argv.iter().chain(command.env.values()).chain(&command.shell);
    if values.chain(&command.cwd).chain(&command.stdin).any(|value| value.contains('\0')) {
        return invalid("command", "an argument, variable or path holds a NUL byte");
    }
    Ok(())
}
