//! Groups of tasks: launched all or none.

use super::super::Machine;
use super::executors::{check_apart, check_executor};
use super::{Offered, Plan, end_of_invalid};
use crate::command::{ExecutorSpec, LaunchGroup, TaskSpec};
use crate::error::{Code, Rejection};
use crate::event::Event;
use crate::ids::{AgentId, FrameworkId};
use crate::reply::TaskOutcome;
use crate::resources::{Amount, Bundle, Quantities};
use crate::status::Reason;

/// What a group takes: for its executor, if that is to be started, and for each of its tasks.
type TakenByGroup = (Option<Bundle>, Vec<Bundle>);

impl Machine<'_> {
    /// Checks a group and takes its resources; takes nothing if anything is wrong.
    pub(super) fn plan_group<'c>(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        plan: &mut Plan<'c>,
        group: &'c LaunchGroup,
    ) -> Result<TakenByGroup, Rejection> {
        let before = (
            plan.remaining.clone(),
            plan.used.clone(),
            plan.task_names.clone(),
            plan.executors.clone(),
        );
        let result = self.take_for_group(framework, agent, plan, group);
        if result.is_err() {
            (plan.remaining, plan.used, plan.task_names, plan.executors) = before;
        }
        result
    }

    fn take_for_group<'c>(
        &self,
        framework: FrameworkId,
        agent: AgentId,
        plan: &mut Plan<'c>,
        group: &'c LaunchGroup,
    ) -> Result<TakenByGroup, Rejection> {
        if group.tasks.is_empty() {
            let text = "a group has at least one task";
            return Err(Rejection::new(Code::BadList, text).at("tasks"));
        }
        let mut taken = Vec::with_capacity(group.tasks.len());
        for (index, spec) in group.tasks.iter().enumerate() {
            let place = |fault: Rejection| fault.within(&format!("tasks[{index}]")).index(index);
            check_member(spec, group.executor.as_deref()).map_err(place)?;
            taken.push(self.plan_task(framework, agent, plan, spec).map_err(place)?.resources);
        }
        let mut of_executor = None;
        if let Some(executor) = &group.executor {
            let place = |fault: Rejection| fault.within("executor");
            check_executor(executor, true).and_then(|()| is_enough(executor)).map_err(place)?;
            of_executor = self.plan_executor(framework, agent, plan, executor).map_err(place)?;
        }
        let resources = group.tasks.iter().map(|spec| &spec.resources);
        check_apart(resources.chain(group.executor.iter().map(|spec| &spec.resources)))?;
        Ok((of_executor, taken))
    }

    /// Launches a group, or reports all its tasks as invalid.
    pub(super) fn finish_group(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        group: &LaunchGroup,
        result: Result<TakenByGroup, Rejection>,
        outcomes: &mut Vec<TaskOutcome>,
    ) {
        let (of_executor, taken) = match result {
            Ok(taken) => taken,
            Err(fault) => {
                let (state, mut reason) = end_of_invalid(&fault);
                if reason == Reason::TaskInvalid {
                    reason = Reason::TaskGroupInvalid;
                }
                let agent = Some(offered.agent);
                outcomes.extend(group.tasks.iter().map(|spec| {
                    self.refuse_task(framework, &spec.name, agent, state, reason, &fault)
                }));
                return;
            }
        };
        let executor = group.executor.as_deref();
        let executor = executor.map(|spec| self.start(framework, offered, spec, of_executor));
        let mut first = None;
        for (spec, resources) in group.tasks.iter().zip(taken) {
            let outcome = self.insert_task(framework, offered, spec, resources, executor.clone());
            first = first.or(outcome.task);
            if let Some(task) = outcome.task.and_then(|id| self.state.tasks.get_mut(id)) {
                task.group = first;
            }
            outcomes.push(outcome);
        }
        if let Some(launch) = first.and_then(|id| self.state.describe_group(id)) {
            self.tell_agent(offered.agent, Event::LaunchGroup(launch));
        }
    }
}

/// A task of a group is run by the group's executor, or says what it runs itself.
fn check_member(spec: &TaskSpec, executor: Option<&ExecutorSpec>) -> Result<(), Rejection> {
    if spec.executor.is_some() {
        let text = "the tasks of a group are run by the executor of the group";
        return Err(Rejection::new(Code::InvalidTask, text).at("executor"));
    }
    let of_group = executor.is_some_and(|e| e.kind == crate::command::ExecutorKind::Custom);
    if of_group && spec.command.is_some() {
        let text = "a task has either a command or an executor of the framework that runs it";
        return Err(Rejection::new(Code::InvalidTask, text).at("command"));
    }
    Ok(())
}

/// The executor of a group needs something to run with.
fn is_enough(spec: &ExecutorSpec) -> Result<(), Rejection> {
    let quantities = Quantities::of(&spec.resources);
    let has = |wanted: &str, least: Amount| {
        quantities.iter().any(|(name, amount)| name.as_str() == wanted && amount >= least)
    };
    if has("cpus", Amount::from_milli(10))
        && has("mem", Amount::from_units(32))
        && has("disk", Amount::from_milli(1))
    {
        return Ok(());
    }
    let text = "the executor of a group has at least cpus:0.01, mem:32 and some disk";
    Err(Rejection::new(Code::InvalidTask, text).at("resources"))
}
