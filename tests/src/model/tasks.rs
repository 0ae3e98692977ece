//! Kill, reconcile, tasks of agents that are lost or removed.

use tamias::command::{Kill, Reconcile, ReconcileTask, TaskRef};
use tamias::error::Code;
use tamias::event::{Event, TaskStatus};
use tamias::ids::{FrameworkId, SessionId, TaskId};
use tamias::limits::TIMEOUT_MAX;
use tamias::reply::Reply;
use tamias::status::{Reason, Source, TaskState};
use tamias::time::{Nanos, Time};

use super::facts::AgentStanding;
use super::{Model, Verdict};

impl Model {
    pub(super) fn kill(&mut self, sender: Option<SessionId>, command: &Kill) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        let grace = command.kill_grace_seconds;
        if grace.is_some_and(|grace| grace < Nanos::ZERO || grace > TIMEOUT_MAX) {
            return Err(vec![Code::BadTime]);
        }
        let known = self.task_meant(framework, &command.task);
        if let Some(id) = known {
            self.kill_with(id, grace);
        }
        // A task that cannot be reached is killed when it is back, and asked after now.
        let reachable = |id: TaskId| self.tasks[&id].state != TaskState::Unreachable;
        if !known.is_some_and(reachable) {
            self.answer(framework, &ReconcileTask { task: command.task.clone(), agent: None });
        }
        Ok(Reply::Done)
    }

    /// Asks for the end of a task. A running grace is only ever shortened.
    pub(super) fn kill_with(&mut self, id: TaskId, grace: Option<Nanos>) {
        let default = self.options.kill_grace_seconds;
        let task = self.tasks.get_mut(&id).expect("it is known");
        if task.state.is_terminal() {
            return;
        }
        let asked = grace.or(task.kill_grace).unwrap_or(default);
        let grace_seconds = match task.kill {
            Some(running) if running < asked => running,
            _ => asked,
        };
        task.kill = Some(grace_seconds);
        let agent = task.agent;
        self.tell_agent(agent, Event::Kill { agent, task: id, grace_seconds });
    }

    pub(super) fn reconcile(&mut self, sender: Option<SessionId>, command: &Reconcile) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        for asked in &command.tasks {
            self.answer(framework, asked);
        }
        if command.tasks.is_empty() {
            let reachable = self.tasks_where(|task| {
                task.framework == framework && task.state != TaskState::Unreachable
            });
            for id in reachable {
                self.answer(framework, &ReconcileTask { task: TaskRef::from(id), agent: None });
            }
        }
        Ok(Reply::Done)
    }

    fn answer(&mut self, framework: FrameworkId, asked: &ReconcileTask) {
        let mut status = self.conclusion(TaskState::Unknown, Reason::Reconciliation);
        if let Some(id) = self.task_meant(framework, &asked.task) {
            let task = &self.tasks[&id];
            status.name = task.name.as_str().into();
            status.task = Some(id);
            status.agent = Some(task.agent);
            (status.state, status.healthy, status.check) = match (task.state, task.told) {
                (TaskState::Unreachable, _) | (_, None) => (task.state, None, None),
                (_, Some(told)) => (told, task.told_health, task.told_check),
            };
            // Since when it cannot be reached is of interest only while it cannot.
            if task.state == TaskState::Unreachable {
                status.unreachable_time = task.unreachable_since;
            }
        } else {
            match &asked.task {
                TaskRef::Name(name) => status.name.clone_from(name),
                TaskRef::Handle(handle) => status.task = Some(handle.id),
            }
            status.agent = asked.agent;
            if asked.agent.is_some_and(|agent| self.gone.contains_key(&agent)) {
                status.state = TaskState::GoneByOperator;
            }
            let agent = asked.agent.and_then(|agent| self.agents.get(&agent));
            match agent.map(|agent| agent.standing) {
                Some(
                    AgentStanding::Connected(_)
                    | AgentStanding::Away(_)
                    | AgentStanding::Overdue(_),
                ) => {
                    status.state = TaskState::Gone;
                }
                Some(AgentStanding::Unreachable(since)) => {
                    status.state = TaskState::Unreachable;
                    status.unreachable_time = Some(since);
                }
                Some(AgentStanding::Leaving) | None => {}
            }
        }
        status.state = self.seen_by(framework, status.state);
        self.tell_framework(framework, Event::Update(status));
    }

    /// A status of the kernel's own: nothing to acknowledge.
    fn conclusion(&self, state: TaskState, reason: Reason) -> TaskStatus {
        TaskStatus {
            name: "".into(),
            task: None,
            state,
            source: Source::Master,
            reason: Some(reason),
            message: None,
            agent: None,
            uuid: None,
            time: self.now,
            unreachable_time: None,
            healthy: None,
            check: None,
            executor: None,
            data: None,
        }
    }

    /// Tells what the kernel concludes of a task.
    pub(super) fn conclude(&mut self, id: TaskId, state: TaskState, reason: Reason) {
        let framework = self.tasks[&id].framework;
        let state = self.seen_by(framework, state);
        let mut status = self.conclusion(state, reason);
        let task = self.tasks.get_mut(&id).expect("it is known");
        (task.told, task.told_health, task.told_check) = (Some(state), None, None);
        status.name = task.name.as_str().into();
        status.task = Some(id);
        status.agent = Some(task.agent);
        status.unreachable_time = task.unreachable_since;
        self.tell_framework(framework, Event::Update(status));
    }

    /// The agent of a task that has not ended was lost then. The task holds nothing while it is.
    pub(super) fn lose_task(&mut self, id: TaskId, since: Time) {
        let task = self.tasks.get_mut(&id).expect("it is known");
        task.state = TaskState::Unreachable;
        task.unreachable_since = Some(since);
        let framework = task.framework;
        if let Some(grant) = task.grant.take() {
            self.slots.grants.give_back(grant);
        }
        self.conclude(id, TaskState::Unreachable, Reason::AgentRemoved);
        if !self.is_wanted(framework) {
            self.remove_task(id);
        }
    }

    /// The agent of a task that has not ended was removed, or is gone for good.
    pub(super) fn end_lost_task(&mut self, id: TaskId, gone: bool) {
        let aware = self.frameworks[&self.tasks[&id].framework].aware;
        let (state, reason) = if gone && aware {
            (TaskState::GoneByOperator, Reason::AgentRemovedByOperator)
        } else {
            (TaskState::Lost, Reason::AgentRemoved)
        };
        self.enter(id, state);
        self.conclude(id, state, reason);
        self.remove_task(id);
    }

    /// The framework of a task was removed: nobody hears of it any more.
    pub(super) fn end_unwanted_task(&mut self, id: TaskId) {
        self.acknowledge_all(id);
        let state = self.tasks[&id].state;
        if state.is_terminal() || state == TaskState::Unreachable {
            self.remove_task(id);
        } else {
            self.kill_with(id, None);
        }
    }
}
