//! Launching tasks: what a task may ask for, and what the agent is told.

use std::sync::Arc;

use super::super::agents::check_ext;
use super::super::{Machine, over_limit};
use super::{Offered, Plan};
use crate::command::{TaskCommand, TaskSpec};
use crate::error::{Code, Rejection, shorten};
use crate::event::{Event, Launch, TaskStatus};
use crate::ids::{AgentId, FrameworkId, TaskId};
use crate::limits::{STRINGS_PER_TASK_MAX, TIMEOUT_MAX};
use crate::names::check_name;
use crate::reply::TaskOutcome;
use crate::resources::Bundle;
use crate::state::{Grant, GrantKind, Hold, Task};
use crate::status::{Reason, Source, TaskState};
use crate::time::Nanos;

impl Machine<'_> {
    /// Checks one task and takes its resources; returns them.
    pub(super) fn plan_task<'c>(
        &self,
        framework: FrameworkId,
        plan: &mut Plan<'c>,
        spec: &'c TaskSpec,
    ) -> Result<Bundle, Rejection> {
        check_name("task", &spec.name).map_err(|r| r.at("name"))?;
        let framework = self.state.frameworks.get(framework);
        let live = framework.and_then(|f| f.tasks.get(&*spec.name));
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
        let names = plan.names.as_ref().unwrap_or(&self.state.names);
        let taken = names.find_within(&spec.resources, &plan.remaining);
        let Some(taken) = taken.filter(|taken| plan.remaining.contains(taken)) else {
            let left = names.named(&plan.remaining);
            let text = format!("{} is more than the offers have left: {left}", spec.resources);
            return Err(Rejection::new(Code::ExceedsOffer, text).at("resources"));
        };
        plan.task_names.insert(&spec.name);
        // One offered copy of a shared volume is enough for any number of tasks.
        plan.remaining.subtract(&taken.non_shared());
        plan.used.add_assign(&taken.shared());
        Ok(taken)
    }

    pub(super) fn launch(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        spec: &TaskSpec,
        resources: Bundle,
    ) -> TaskOutcome {
        let id = self.state.tasks.next_id();
        let (agent, role) = (offered.agent, offered.role);
        let kind = GrantKind::Allocated(id);
        let grant = self.state.open_grant(Grant { agent, framework, role, resources, kind });
        let spec = Arc::new(spec.clone());
        let name: Arc<str> = (*spec.name).into();
        self.insert_task(
            id,
            Task {
                framework,
                agent,
                role,
                name,
                state: TaskState::Staging,
                told: None,
                hold: Hold::Granted(grant),
                spec: Some(spec.clone()),
                kill_grace: spec.kill_grace_seconds,
                max_completion: spec.max_completion_seconds,
                overdue_timer: None,
                kill: None,
                overdue: false,
                pending: Default::default(),
                acknowledged: Default::default(),
                updates: 0,
                unreachable_since: None,
                retry: None,
                healthy: None,
                check: None,
            },
        );
        if let Some(launch) = self.state.describe_launch(id) {
            self.tell_agent(agent, Event::Launch(launch));
        }
        let state = TaskState::Staging;
        TaskOutcome { name: spec.name.clone(), task: Some(id), state, reason: None, message: None }
    }

    fn insert_task(&mut self, id: TaskId, task: Task) {
        if let Some(agent) = self.state.agents.get_mut(task.agent) {
            agent.tasks.insert(id);
        }
        if let Some(framework) = self.state.frameworks.get_mut(task.framework) {
            framework.tasks.insert(task.name.clone(), id);
        }
        self.state.tasks.insert(task);
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
            data: None,
        };
        self.tell_framework(framework, Event::Update(status));
        let (reason, message) = (Some(reason), Some(message.into()));
        TaskOutcome { name: name.into(), task: None, state, reason, message }
    }
}

impl crate::state::State {
    /// A task that no agent has reported on yet, as its agent is told to start it.
    pub(crate) fn describe_launch(&self, id: TaskId) -> Option<Launch> {
        let task = self.tasks.get(id)?;
        let spec = task.spec.clone()?;
        let role = self.roles.get(task.role)?.name.clone();
        Some(Launch { agent: task.agent, task: id, framework: task.framework, role, spec })
    }

    /// A task that is to end, as its agent is told.
    pub(crate) fn describe_kill(&self, id: TaskId) -> Option<Event> {
        let task = self.tasks.get(id)?;
        let grace_seconds = task.kill?;
        Some(Event::Kill { agent: task.agent, task: id, grace_seconds })
    }
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

fn check_command(command: &TaskCommand) -> Result<(), Rejection> {
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
