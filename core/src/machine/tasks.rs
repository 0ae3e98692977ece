//! Kill and reconcile; what becomes of the tasks of agents that are lost or come back.

use super::{Machine, over_limit};
use crate::command::{Kill, Reconcile, ReconcileTask, TaskRef, Update};
use crate::error::{Code, Rejection};
use crate::event::{Event, TaskStatus};
use crate::ids::{AgentId, FrameworkId, SessionId, TaskId};
use crate::limits::{TASKS_PER_COMMAND_MAX, TIMEOUT_MAX};
use crate::reply::Reply;
use crate::state::{Framework, Liveness, Task};
use crate::status::{Reason, Source, TaskState};
use crate::time::{Nanos, Time};

impl Machine<'_> {
    pub(super) fn kill(
        &mut self,
        sender: Option<SessionId>,
        command: &Kill,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        let grace = command.kill_grace_seconds;
        if grace.is_some_and(|grace| grace < Nanos::ZERO || grace > TIMEOUT_MAX) {
            let text = "out of range: 0 seconds to 100 years";
            return Err(Rejection::new(Code::BadTime, text).at("kill_grace_seconds"));
        }
        let known = self.find_task(framework, &command.task);
        if let Some(id) = known {
            self.kill_task(id, grace);
        }
        let reachable = |id| {
            let task = self.state.tasks.get(id);
            task.is_some_and(|task| task.state != TaskState::Unreachable)
        };
        if !known.is_some_and(reachable) {
            let asked = ReconcileTask { task: command.task.clone(), agent: None };
            self.answer(framework, &asked);
        }
        Ok(Reply::Done)
    }

    /// Asks the agent to end a task and those launched with it, now or when it comes back.
    pub(super) fn kill_task(&mut self, id: TaskId, grace: Option<Nanos>) {
        for id in self.state.group_of(id) {
            self.kill_alone(id, grace);
        }
    }

    /// Asks the agent to end a task. A running grace is only shortened.
    pub(super) fn kill_alone(&mut self, id: TaskId, grace: Option<Nanos>) {
        let default = self.state.options.kill_grace_seconds;
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        if task.state.is_terminal() {
            return;
        }
        let wanted = grace.or(task.kill_grace).unwrap_or(default);
        let grace_seconds = task.kill.map_or(wanted, |running| running.min(wanted));
        task.kill = Some(grace_seconds);
        let agent = task.agent;
        self.tell_agent(agent, Event::Kill { agent, task: id, grace_seconds });
    }

    pub(super) fn reconcile(
        &mut self,
        sender: Option<SessionId>,
        command: &Reconcile,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        if command.tasks.len() > TASKS_PER_COMMAND_MAX {
            let count = command.tasks.len();
            return Err(over_limit("tasks", count, TASKS_PER_COMMAND_MAX).at("tasks"));
        }
        for asked in &command.tasks {
            self.answer(framework, asked);
        }
        if command.tasks.is_empty() {
            for id in self.tasks_of(framework) {
                let task = self.state.tasks.get(id);
                if task.is_some_and(|task| task.state != TaskState::Unreachable) {
                    let asked = ReconcileTask { task: TaskRef::from(id), agent: None };
                    self.answer(framework, &asked);
                }
            }
        }
        Ok(Reply::Done)
    }

    /// All tasks of a framework in the order of their handles.
    pub(super) fn tasks_of(&self, framework: FrameworkId) -> Vec<TaskId> {
        let tasks = self.state.frameworks.get(framework).map(|framework| &framework.tasks);
        let mut ids: Vec<_> = tasks.into_iter().flat_map(|tasks| tasks.values().copied()).collect();
        ids.sort_unstable();
        ids
    }

    /// Answers one question about a task as Mesos does. A kernel knows all its agents from its
    /// journal, so there are none that are not recovered yet.
    fn answer(&mut self, framework: FrameworkId, asked: &ReconcileTask) {
        let known = self.find_task(framework, &asked.task);
        let mut status = self.kernel_status(TaskState::Unknown, Reason::Reconciliation);
        status.agent = asked.agent;
        match &asked.task {
            TaskRef::Name(name) => status.name.clone_from(name),
            TaskRef::Handle(handle) => status.task = Some(handle.id),
        }
        if let Some((id, task)) = known.and_then(|id| Some((id, self.state.tasks.get(id)?))) {
            status.name = (*task.name).into();
            status.task = Some(id);
            status.agent = Some(task.agent);
            status.executor = task.executor.as_ref().map(|executor| (*executor.name).into());
            status.state = task.reconciled_state();
            (status.healthy, status.check) = (task.healthy, task.check);
            if task.state == TaskState::Unreachable {
                // What was told of it before says nothing about now.
                status.state = task.state;
                (status.healthy, status.check) = (None, None);
                status.unreachable_time = task.unreachable_since;
            }
        } else if asked.agent.is_some_and(|agent| self.state.registry.is_gone(agent)) {
            status.state = TaskState::GoneByOperator;
        } else if let Some(agent) = asked.agent.and_then(|agent| self.state.agents.get(agent)) {
            match agent.liveness {
                Liveness::Connected(_) | Liveness::Disconnected(_) | Liveness::Overdue(_) => {
                    status.state = TaskState::Gone;
                }
                Liveness::Unreachable(since) => {
                    status.state = TaskState::Unreachable;
                    status.unreachable_time = Some(since);
                }
                Liveness::Removing => {}
            }
        }
        self.tell_status(framework, status);
    }

    /// A status that the kernel itself makes: without uuid, not to be acknowledged.
    fn kernel_status(&self, state: TaskState, reason: Reason) -> TaskStatus {
        TaskStatus {
            name: Box::default(),
            task: None,
            state,
            source: Source::Master,
            reason: Some(reason),
            message: None,
            agent: None,
            uuid: None,
            time: self.state.now,
            unreachable_time: None,
            healthy: None,
            check: None,
            executor: None,
            data: None,
        }
    }

    fn tell_status(&mut self, framework: FrameworkId, mut status: TaskStatus) {
        let aware = self.state.frameworks.get(framework).is_some_and(|f| f.is_partition_aware());
        status.state = status.state.seen_by(aware);
        self.tell_framework(framework, Event::Update(status));
    }

    /// Tells a framework what the kernel concludes about one of its tasks.
    fn tell_conclusion(&mut self, id: TaskId, state: TaskState, reason: Reason) {
        let mut status = self.kernel_status(state, reason);
        let Some(task) = self.state.tasks.get(id) else { return };
        let framework = task.framework;
        status.name = (*task.name).into();
        status.task = Some(id);
        status.agent = Some(task.agent);
        status.executor = task.executor.as_ref().map(|executor| (*executor.name).into());
        status.unreachable_time = task.unreachable_since;
        let aware = self.state.frameworks.get(framework).is_some_and(|f| f.is_partition_aware());
        if let Some(task) = self.state.tasks.get_mut(id) {
            task.told = Some(state.seen_by(aware));
            (task.healthy, task.check) = (None, None);
        }
        self.tell_status(framework, status);
    }

    /// The agent of a task did not come back in time. Its resources are not charged any more:
    /// they can be offered to nobody while the agent is away.
    pub(super) fn task_unreachable(&mut self, id: TaskId, since: Time) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        if task.state.is_terminal() || task.state == TaskState::Unreachable {
            return;
        }
        task.state = TaskState::Unreachable;
        task.unreachable_since = Some(since);
        self.state.park(id);
        self.tell_conclusion(id, TaskState::Unreachable, Reason::AgentRemoved);
        self.end_if_unwanted(id);
    }

    /// The agent of a task was removed: the task is lost, or gone if the agent is. A terminal
    /// update that is not acknowledged yet stays to be delivered.
    pub(super) fn task_lost(&mut self, id: TaskId, gone: bool) {
        let Some(task) = self.state.tasks.get(id).filter(|task| !task.state.is_terminal()) else {
            return;
        };
        let framework = self.state.frameworks.get(task.framework);
        let aware = framework.is_some_and(Framework::is_partition_aware);
        let (state, reason) = if gone && aware {
            (TaskState::GoneByOperator, Reason::AgentRemovedByOperator)
        } else {
            (TaskState::Lost, Reason::AgentRemoved)
        };
        self.change_state(id, state);
        self.tell_conclusion(id, state, reason);
        self.remove_task(id);
    }

    /// A returning agent has the task, in that state.
    pub(super) fn task_returned(&mut self, id: TaskId, state: TaskState) {
        let Some(task) = self.state.tasks.get(id) else { return };
        let was_unreachable = task.state == TaskState::Unreachable;
        if was_unreachable {
            self.state.unpark(id);
            if let Some(task) = self.state.tasks.get_mut(id) {
                task.unreachable_since = None;
            }
        }
        let changed = self.state.tasks.get(id).is_some_and(|task| {
            let newest = task.pending.back().map_or(task.state, |update| update.state);
            !task.state.is_terminal() && newest != state
        });
        if was_unreachable && !state.is_terminal() {
            self.change_state(id, state);
            self.tell_conclusion(id, state, Reason::AgentReregistered);
        } else if changed && state != TaskState::Staging {
            let mut report = Update::new(id, state);
            report.reason = Some(Reason::AgentReregistered);
            self.store_update(id, &report, Source::Agent);
        }
        if let Some(grace) = self.state.tasks.get(id).and_then(|task| task.kill) {
            self.kill_alone(id, Some(grace));
        }
    }

    /// A returning agent does not have the task: it never started, or it is gone.
    pub(super) fn task_missing(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get(id) else { return };
        if task.state.is_terminal() {
            return;
        }
        let never_seen = task.told.is_none() && task.spec.is_some();
        let mut report =
            Update::new(id, if never_seen { TaskState::Dropped } else { TaskState::Gone });
        report.reason = Some(Reason::Reconciliation);
        self.store_update(id, &report, Source::Agent);
    }

    /// Ends a task of a framework that was removed, or has its agent end it.
    pub(super) fn end_task_of_removed(&mut self, id: TaskId) {
        self.release_driver(id);
        let Some(task) = self.state.tasks.get(id) else { return };
        if task.state.is_terminal() || task.state == TaskState::Unreachable {
            self.remove_task(id);
        } else {
            self.kill_alone(id, None);
        }
    }

    /// Nobody waits for an unreachable task of a framework that is being removed.
    fn end_if_unwanted(&mut self, id: TaskId) {
        let framework = self.state.tasks.get(id).map(|task| task.framework);
        let gone = framework
            .is_some_and(|id| self.state.frameworks.get(id).is_none_or(Framework::is_removing));
        if gone {
            self.remove_task(id);
        }
    }

    /// Tells every connected framework.
    pub(super) fn tell_all_frameworks(&mut self, event: &Event) {
        let connected: Vec<_> =
            self.state.frameworks.iter().filter_map(|(_, f)| f.session()).collect();
        for session in connected {
            self.tell(session, event.clone());
        }
    }

    /// The first tasks of an agent that still need to be ended or told of, for one counted step.
    pub(super) fn some_tasks_of_agent(
        &self,
        agent: AgentId,
        most: usize,
        wanted: impl Fn(&Task) -> bool,
    ) -> Vec<TaskId> {
        let tasks = self.state.agents.get(agent).map(|agent| &agent.tasks);
        let tasks = tasks.into_iter().flatten().copied();
        tasks.filter(|id| self.state.tasks.get(*id).is_some_and(&wanted)).take(most).collect()
    }
}
