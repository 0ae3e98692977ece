//! Executors in an accept: what a task may say about the one that is to run it, and its start.

use std::sync::Arc;

use super::super::agents::check_ext;
use super::super::{Machine, over_limit};
use super::launch::check_command;
use super::{Offered, Plan};
use crate::command::{ExecutorKind, ExecutorSpec, TaskSpec};
use crate::error::{Code, Rejection, shorten};
use crate::event::Event;
use crate::ids::{AgentId, ExecutorId, FrameworkId};
use crate::limits::{STRINGS_PER_TASK_MAX, TIMEOUT_MAX};
use crate::names::check_name;
use crate::resources::{Bundle, Resources};
use crate::state::{Executor, ExecutorState, Grant, GrantKind, Hold, TaskExecutor};
use crate::time::Nanos;

/// A task and its executor: exactly one of them says what runs, and what is revocable for the one
/// is for the other.
pub(super) fn check_together(spec: &TaskSpec, executor: &ExecutorSpec) -> Result<(), Rejection> {
    if spec.command.is_some() {
        let text = "a task has either a command or an executor that runs it";
        return Err(Rejection::new(Code::InvalidTask, text).at("command"));
    }
    check_apart([&spec.resources, &executor.resources])
}

/// No resource may be revocable for one of several and regular for another.
pub(super) fn check_apart<'r>(
    all: impl IntoIterator<Item = &'r Resources>,
) -> Result<(), Rejection> {
    let mut seen: Vec<(&str, bool)> = Vec::new();
    for item in all.into_iter().flat_map(Resources::iter) {
        let revocable = item.key.metadata().is_some_and(|meta| meta.revocable);
        let name = item.key.as_str();
        if seen.contains(&(name, !revocable)) {
            let text = format!("{name} is revocable for one and regular for another of a kind");
            return Err(Rejection::new(Code::InvalidTask, text).at("resources"));
        }
        seen.push((name, revocable));
    }
    Ok(())
}

/// Checks what an executor says about itself.
pub(super) fn check_executor(spec: &ExecutorSpec, of_group: bool) -> Result<(), Rejection> {
    let invalid =
        |field: &str, text: String| Err(Rejection::new(Code::InvalidTask, text).at(field));
    check_name("executor", &spec.name).map_err(|fault| fault.at("name"))?;
    match (spec.kind, &spec.command) {
        (ExecutorKind::Default, _) if !of_group => {
            return invalid("kind", "the default executor runs groups only".into());
        }
        (ExecutorKind::Default, Some(_)) => {
            return invalid("command", "the default executor has no command".into());
        }
        (ExecutorKind::Custom, None) if spec.ext.is_none() => {
            return invalid("command", "what is it to run? give `command` or `ext`".into());
        }
        (_, Some(command)) => check_command(command)?,
        _ => {}
    }
    let grace = spec.shutdown_grace_seconds;
    if grace.is_some_and(|grace| grace < Nanos::ZERO || grace > TIMEOUT_MAX) {
        return invalid("shutdown_grace_seconds", "out of range: 0 to 100 years".into());
    }
    if spec.labels.len() > STRINGS_PER_TASK_MAX {
        return Err(over_limit("labels", spec.labels.len(), STRINGS_PER_TASK_MAX).at("labels"));
    }
    if spec.resources.iter().any(|item| item.key.metadata().is_some_and(|meta| meta.shared)) {
        return invalid("resources", "an executor cannot have shared volumes".into());
    }
    let resources = &spec.resources;
    resources
        .check_use()
        .and_then(|()| resources.check_revocable_apart())
        .or_else(|fault| invalid("resources", fault.to_string()))?;
    check_ext(spec.ext.as_ref())
}

impl Machine<'_> {
    /// Decides whether an executor is to be started; takes its resources then and returns them.
    pub(super) fn plan_executor<'c>(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        plan: &mut Plan<'c>,
        spec: &'c ExecutorSpec,
    ) -> Result<Option<Bundle>, Rejection> {
        let known = self.state.executor_id(framework, agent, &spec.name);
        let known = known.and_then(|id| Some((id, self.state.executors.get(id)?)));
        if let Some((id, row)) = known.filter(|(_, row)| row.is_terminating()) {
            let text = format!("executor {:?} ({id}) is being shut down", shorten(&row.name));
            return Err(Rejection::new(Code::ExecutorTerminating, text).id(id.to_u64()));
        }
        let same_as = known.map(|(_, row)| &*row.spec);
        if let Some(other) = same_as.or_else(|| plan.executors.get(&*spec.name).copied()) {
            if other != spec {
                let text = format!(
                    "executor {:?} is on the agent and described otherwise: say the same, or use \
                     another name",
                    shorten(&spec.name)
                );
                return Err(Rejection::new(Code::InvalidTask, text));
            }
            return Ok(None);
        }
        let resources = self.find(plan, &spec.resources)?;
        plan.remaining.subtract(&resources);
        plan.executors.insert(&spec.name, spec);
        Ok(Some(resources))
    }

    /// The executor of a task that is being launched, started if it takes something.
    pub(super) fn start(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        spec: &ExecutorSpec,
        resources: Option<Bundle>,
    ) -> TaskExecutor {
        let known = self.state.executor_id(framework, offered.agent, &spec.name);
        let id = known.unwrap_or_else(|| {
            self.insert_executor(framework, offered, spec, resources.unwrap_or_default())
        });
        TaskExecutor { id, name: (*spec.name).into() }
    }

    fn insert_executor(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        spec: &ExecutorSpec,
        resources: Bundle,
    ) -> ExecutorId {
        let id = self.state.executors.next_id();
        let (agent, role) = (offered.agent, offered.role);
        let hold = if resources.is_empty() {
            Hold::Released
        } else {
            let kind = GrantKind::Executor(id);
            let grant = Grant { agent, framework, role, resources, kind };
            Hold::Granted(self.state.open_grant(grant))
        };
        self.state.executors.insert(Executor {
            framework,
            agent,
            role,
            name: (*spec.name).into(),
            spec: Arc::new(spec.clone()),
            state: ExecutorState::Registering,
            hold,
            registration: None,
            cause: None,
        });
        self.state.list_executor(id, agent, framework);
        self.await_registration(id);
        if let Some(launch) = self.state.describe_executor(id) {
            self.tell_agent(agent, Event::LaunchExecutor(launch));
        }
        id
    }
}
