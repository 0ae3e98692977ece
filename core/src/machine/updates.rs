//! The stream of status updates of each task: stored, delivered one at a time, acknowledged.

use super::{Machine, over_limit};
use crate::command::{Acknowledge, SessionKind, TaskRef, Update};
use crate::error::{Code, Rejection, shorten};
use crate::event::{Event, TaskStatus};
use crate::ids::{FrameworkId, SessionId, TaskId};
use crate::limits::{EXT_BYTES_MAX, UPDATES_PER_TASK_MAX};
use crate::reply::Reply;
use crate::state::task::{Retry, StoredUpdate, transition};
use crate::state::transition::Transition;
use crate::state::{Hold, Timer};
use crate::status::{Reason, Source, TaskState};
use crate::time::Nanos;
use crate::value::Uuid;

/// Whether an agent driver may report that state: staging is where the kernel puts a task itself,
/// unreachable and unknown are only the kernel's to say.
pub(super) const fn may_be_reported(state: TaskState) -> bool {
    !matches!(state, TaskState::Staging | TaskState::Unreachable | TaskState::Unknown)
}

impl Machine<'_> {
    pub(super) fn update(
        &mut self,
        sender: Option<SessionId>,
        command: &Update,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Agent)?;
        let id = command.task;
        let Some(task) = self.state.tasks.get(id) else {
            let text = format!("no task {id}: it has ended, or it was never launched");
            return Err(Rejection::new(Code::UnknownTask, text).at("task").id(id.to_u64()));
        };
        if self.own_agent(session, task.agent).is_err() {
            let text = format!("task {id} is not on an agent of session {session}");
            return Err(Rejection::new(Code::NotYours, text).at("task").id(id.to_u64()));
        }
        if !may_be_reported(command.state) {
            let text = format!("{} cannot be reported by an agent", command.state);
            return Err(Rejection::new(Code::BadTaskState, text).at("state"));
        }
        if let Some(data) = command.data.as_ref().filter(|data| data.0.len() > EXT_BYTES_MAX) {
            return Err(over_limit("bytes", data.0.len(), EXT_BYTES_MAX).at("data"));
        }
        if let Some(uuid) = command.uuid {
            if task.acknowledged.contains(&uuid) {
                // The driver missed the acknowledgement.
                let agent = task.agent;
                self.tell_agent(agent, Event::Acknowledged { agent, task: id, uuid });
                return Ok(Reply::Updated { duplicate: true, regression: false });
            }
            if task.pending.iter().any(|update| update.uuid == uuid) {
                return Ok(Reply::Updated { duplicate: true, regression: false });
            }
        }
        if task.pending.len() >= UPDATES_PER_TASK_MAX {
            let text = format!(
                "task {id} has {UPDATES_PER_TASK_MAX} updates that are not acknowledged: wait for \
                 the framework"
            );
            return Err(Rejection::new(Code::LimitReached, text).at("task").id(id.to_u64()));
        }
        let regression = transition(task.state, command.state) == Transition::Regression;
        let source = command.source.unwrap_or(Source::Executor);
        self.store_update(id, command, source);
        Ok(Reply::Updated { duplicate: false, regression })
    }

    /// Takes a report into the task: state, resources, and the stream to its framework.
    pub(super) fn store_update(&mut self, id: TaskId, report: &Update, source: Source) {
        let now = self.state.now;
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let framework = task.framework;
        let aware = self.state.frameworks.get(framework).is_some_and(|f| f.is_partition_aware());
        let (mut state, mut reason) = (report.state.seen_by(aware), report.reason);
        if task.overdue && state == TaskState::Killed {
            (state, reason) = (TaskState::Failed, Some(Reason::MaxCompletionTimeReached));
        }
        let agent = task.agent;
        (state, reason) = self.drained_report(agent, aware, state, reason);
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        task.updates += 1;
        let assigned = u128::from(id.to_u64()) << 64 | u128::from(task.updates);
        let uuid = report.uuid.unwrap_or(Uuid(assigned.to_be_bytes()));
        task.spec = None;
        let ends_badly = state.is_terminal() && state != TaskState::Finished;
        if transition(task.state, state) != Transition::Kept {
            self.change_state(id, state);
            if ends_badly && self.state.tasks.get(id).is_some_and(|task| task.group.is_some()) {
                self.kill_task(id, None);
            }
        }
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        task.pending.push_back(StoredUpdate {
            uuid,
            given: report.uuid.is_some(),
            state,
            source,
            reason,
            message: report.message.clone(),
            data: report.data.clone(),
            healthy: report.healthy,
            check: report.check,
            time: now,
        });
        let is_head = task.pending.len() == 1;
        if self.state.frameworks.get(framework).is_none_or(|f| f.is_removing()) {
            let ended = task.state.is_terminal();
            self.release_driver(id);
            if ended {
                self.remove_task(id);
            }
        } else if is_head {
            self.deliver(id);
        }
    }

    /// Puts a task into a state and does what follows for resources and timers.
    pub(super) fn change_state(&mut self, id: TaskId, state: TaskState) {
        let now = self.state.now;
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        task.state = state;
        if state == TaskState::Running && task.overdue_timer.is_none() && !task.overdue {
            if let Some(longest) = task.max_completion {
                let due = now.plus(longest);
                task.overdue_timer = Some(self.state.timers.set(due, Timer::TaskOverdue(id)));
            }
        }
        if state.is_terminal() {
            self.state.timers.cancel(task.overdue_timer.take());
            task.kill = None;
            self.release(id);
        }
    }

    /// Gives a task's resources back for good.
    fn release(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let (framework, role, agent) = (task.framework, task.role, task.agent);
        match std::mem::replace(&mut task.hold, Hold::Released) {
            Hold::Granted(grant) => {
                self.state.close_grant(grant);
                self.offer_again(agent);
            }
            Hold::Parked(_) => self.state.forget_parked(framework, role),
            Hold::Released => {}
        }
    }

    /// Tells a connected framework the oldest update that it has not acknowledged.
    pub(super) fn deliver(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        self.state.timers.cancel(task.retry.take().map(|retry| retry.timer));
        let framework = task.framework;
        let connected = self.state.frameworks.get(framework).is_some_and(|f| f.session().is_some());
        let Some(head) = task.pending.front().filter(|_| connected) else { return };
        task.told = Some(head.state);
        (task.healthy, task.check) = (head.healthy, head.check);
        if let Some(status) = self.state.describe_update(id) {
            self.tell_framework(framework, Event::Update(status));
        }
        if let Some(retry) = self.state.options.update_retry {
            self.retry_after(id, retry.min_seconds);
        }
    }

    fn retry_after(&mut self, id: TaskId, interval: Nanos) {
        let deadline = self.state.now.plus(interval);
        let timer = self.state.timers.set(deadline, Timer::UpdateRetry(id));
        if let Some(task) = self.state.tasks.get_mut(id) {
            task.retry = Some(Retry { timer, interval });
        }
    }

    /// The framework has not acknowledged in time: tell it again, and wait twice as long.
    pub(super) fn retry_update(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let (framework, last) = (task.framework, task.retry.take());
        let (Some(last), Some(policy)) = (last, self.state.options.update_retry) else { return };
        // A disconnected framework is told when it is back.
        if self.state.frameworks.get(framework).is_none_or(|f| f.session().is_none()) {
            return;
        }
        let Some(status) = self.state.describe_update(id) else { return };
        self.tell_framework(framework, Event::Update(status));
        self.retry_after(id, last.interval.doubled().min(policy.max_seconds));
    }

    pub(super) fn acknowledge(
        &mut self,
        sender: Option<SessionId>,
        command: &Acknowledge,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        let id = self.own_task(framework, &command.task)?;
        let task = self.state.tasks.get(id);
        let Some(head) = task.and_then(|task| task.pending.front()) else {
            let text = format!("task {id} has no update to be acknowledged");
            let rejection = Rejection::new(Code::NothingToAcknowledge, text);
            return Err(rejection.at("task").id(id.to_u64()));
        };
        if head.uuid != command.uuid {
            let text = format!("the update in flight for task {id} has uuid {}", head.uuid);
            return Err(Rejection::new(Code::WrongUuid, text).at("uuid").id(id.to_u64()));
        }
        let ended = head.state.is_terminal();

        let Some(task) = self.state.tasks.get_mut(id) else { return Ok(Reply::Done) };
        task.acknowledge_head();
        let agent = task.agent;
        self.tell_agent(agent, Event::Acknowledged { agent, task: id, uuid: command.uuid });
        if ended {
            self.remove_task(id);
        } else {
            self.deliver(id);
        }
        Ok(Reply::Done)
    }

    /// A task of the framework, by name or handle.
    pub(super) fn own_task(
        &self,
        framework: FrameworkId,
        reference: &TaskRef,
    ) -> Result<TaskId, Rejection> {
        self.find_task(framework, reference).ok_or_else(|| match reference {
            TaskRef::Name(name) => {
                let text = format!("the framework has no task {:?}", shorten(name));
                Rejection::new(Code::UnknownTask, text).at("task")
            }
            TaskRef::Handle(handle) => {
                let id = handle.id;
                let text = format!("the framework has no task {id}");
                Rejection::new(Code::UnknownTask, text).at("task").id(id.to_u64())
            }
        })
    }

    pub(super) fn find_task(&self, framework: FrameworkId, reference: &TaskRef) -> Option<TaskId> {
        match reference {
            TaskRef::Name(name) => {
                self.state.frameworks.get(framework)?.tasks.get(&**name).copied()
            }
            TaskRef::Handle(handle) => {
                let task = self.state.tasks.get(handle.id)?;
                (task.framework == framework).then_some(handle.id)
            }
        }
    }

    /// Takes a task out of the ledger; its resources were given back before.
    pub(super) fn remove_task(&mut self, id: TaskId) {
        self.release(id);
        let Some(task) = self.state.tasks.remove(id) else { return };
        self.state.timers.cancel(task.overdue_timer);
        self.state.timers.cancel(task.retry.map(|retry| retry.timer));
        if let Some(agent) = self.state.agents.get_mut(task.agent) {
            agent.tasks.remove(&id);
        }
        if let Some(framework) = self.state.frameworks.get_mut(task.framework) {
            framework.tasks.remove(&task.name);
        }
        self.finish_removing_framework(task.framework);
        self.check_drained(task.agent);
    }

    /// Takes the updates of a task of a removed framework for acknowledged: nobody else will.
    pub(super) fn release_driver(&mut self, id: TaskId) {
        let Some(task) = self.state.tasks.get_mut(id) else { return };
        let agent = task.agent;
        self.state.timers.cancel(task.retry.take().map(|retry| retry.timer));
        let seen: Vec<_> = std::iter::from_fn(|| task.acknowledge_head()).collect();
        for uuid in seen {
            self.tell_agent(agent, Event::Acknowledged { agent, task: id, uuid });
        }
    }
}

impl crate::state::State {
    /// The update of a task that is in flight, as its framework is told it.
    pub(crate) fn describe_update(&self, id: TaskId) -> Option<TaskStatus> {
        let task = self.tasks.get(id)?;
        let head = task.pending.front()?;
        Some(TaskStatus {
            name: (*task.name).into(),
            task: Some(id),
            state: head.state,
            source: head.source,
            reason: head.reason,
            message: head.message.clone(),
            agent: Some(task.agent),
            uuid: Some(head.uuid),
            time: head.time,
            unreachable_time: None,
            healthy: head.healthy,
            check: head.check,
            executor: task.executor.as_ref().map(|executor| (*executor.name).into()),
            data: head.data.clone(),
        })
    }
}
