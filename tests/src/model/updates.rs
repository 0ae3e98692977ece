//! The stream of status updates of each task and its acknowledgements.

use tamias::command::{Acknowledge, SessionKind, TaskRef, Update};
use tamias::error::Code;
use tamias::event::{Event, TaskStatus};
use tamias::ids::{FrameworkId, SessionId, TaskId};
use tamias::limits::UPDATES_PER_TASK_MAX;
use tamias::reply::Reply;
use tamias::status::{Reason, Source, TaskState};
use tamias::value::Uuid;

use super::facts::{AgentStanding, Report};
use super::{Model, Verdict};

impl Model {
    pub(super) fn update(&mut self, sender: Option<SessionId>, command: &Update) -> Verdict {
        let session = self.speaker_of(sender, SessionKind::Agent)?;
        let task = self.tasks.get(&command.task).ok_or(vec![Code::UnknownTask])?;
        let agent = self.agents.get(&task.agent);
        if agent.is_none_or(|agent| agent.standing != AgentStanding::Connected(session)) {
            return Err(vec![Code::NotYours]);
        }
        if matches!(command.state, TaskState::Staging | TaskState::Unreachable | TaskState::Unknown)
        {
            return Err(vec![Code::BadTaskState]);
        }
        let duplicate = Reply::Updated { duplicate: true, regression: false };
        if let Some(uuid) = command.uuid {
            if task.acknowledged.contains(&uuid) {
                let (agent, task) = (task.agent, command.task);
                self.tell_agent(agent, Event::Acknowledged { agent, task, uuid });
                return Ok(duplicate);
            }
            if task.stream.iter().any(|report| report.uuid == uuid) {
                return Ok(duplicate);
            }
        }
        if task.stream.len() >= UPDATES_PER_TASK_MAX {
            return Err(vec![Code::LimitReached]);
        }
        let regression = matches!(
            (task.state, command.state),
            (TaskState::Running, TaskState::Starting)
                | (TaskState::Killing, TaskState::Starting | TaskState::Running)
        );
        let source = command.source.unwrap_or(Source::Executor);
        self.take_report(command.task, command, source);
        Ok(Reply::Updated { duplicate: false, regression })
    }

    /// Takes a report: what has ended stays as it ended, all else takes the reported state; the
    /// report joins the stream.
    pub(super) fn take_report(&mut self, id: TaskId, report: &Update, source: Source) {
        let framework = self.tasks[&id].framework;
        let (mut state, mut reason) = (self.seen_by(framework, report.state), report.reason);
        let time = self.now;
        let task = self.tasks.get_mut(&id).expect("it is known");
        if task.overdue && state == TaskState::Killed {
            (state, reason) = (TaskState::Failed, Some(Reason::MaxCompletionTimeReached));
        }
        let agent = task.agent;
        if let Some((drained, why)) = self.report_of_drain(agent, framework, state) {
            (state, reason) = (drained, Some(why));
        }
        let task = self.tasks.get_mut(&id).expect("it is known");
        task.reports += 1;
        task.reported = true;
        // The handle of the task, then the number of the report.
        let number = u128::from(id.to_u64()) << 64 | u128::from(task.reports);
        task.stream.push_back(Report {
            uuid: report.uuid.unwrap_or(Uuid(number.to_be_bytes())),
            state,
            source,
            reason,
            message: report.message.clone(),
            data: report.data.clone(),
            healthy: report.healthy,
            check: report.check,
            time,
            given: report.uuid.is_some(),
        });
        let alone = task.stream.len() == 1;
        if !task.state.is_terminal() {
            self.enter(id, state);
        }
        if !self.is_wanted(framework) {
            self.acknowledge_all(id);
            if self.tasks[&id].state.is_terminal() {
                self.remove_task(id);
            }
        } else if alone {
            self.deliver(id);
        }
    }

    /// Puts a task that has not ended into a state.
    pub(super) fn enter(&mut self, id: TaskId, state: TaskState) {
        let task = self.tasks.get_mut(&id).expect("it is known");
        task.state = state;
        let (agent, longest) = (task.agent, task.max_completion);
        let starts = state == TaskState::Running && task.overdue_at.is_none() && !task.overdue;
        if let Some(longest) = longest.filter(|_| starts) {
            let alarm = self.alarm_in(longest);
            self.tasks.get_mut(&id).expect("it is known").overdue_at = Some(alarm);
        }
        if state.is_terminal() {
            let task = self.tasks.get_mut(&id).expect("it is known");
            (task.overdue_at, task.kill) = (None, None);
            if let Some(grant) = task.grant.take() {
                self.slots.grants.give_back(grant);
                self.look_again(agent);
            }
        }
    }

    /// Tells a connected framework the head of a stream, and again after a while.
    pub(super) fn deliver(&mut self, id: TaskId) {
        let framework = self.tasks[&id].framework;
        let connected = self.session_of_framework(framework).is_some();
        let task = self.tasks.get_mut(&id).expect("it is known");
        task.retry = None;
        let Some(head) = task.stream.front().filter(|_| connected) else { return };
        (task.told, task.told_health) = (Some(head.state), head.healthy);
        task.told_check = head.check;
        self.tell_head(id);
        if let Some(policy) = self.options.update_retry {
            let alarm = self.alarm_in(policy.min_seconds);
            self.tasks.get_mut(&id).expect("it is known").retry = Some((alarm, policy.min_seconds));
        }
    }

    /// The framework has not acknowledged the head of a stream in time.
    pub(super) fn tell_again(&mut self, id: TaskId) {
        let task = self.tasks.get_mut(&id).expect("it is known");
        let (_, interval) = task.retry.take().expect("it was set");
        if self.session_of_framework(self.tasks[&id].framework).is_none() {
            return;
        }
        self.tell_head(id);
        let policy = self.options.update_retry.expect("it is retried");
        let interval = interval.doubled().min(policy.max_seconds);
        let alarm = self.alarm_in(interval);
        self.tasks.get_mut(&id).expect("it is known").retry = Some((alarm, interval));
    }

    fn tell_head(&mut self, id: TaskId) {
        let task = &self.tasks[&id];
        let head = task.stream.front().expect("there is one");
        let status = TaskStatus {
            name: task.name.as_str().into(),
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
            executor: None,
            data: head.data.clone(),
        };
        self.tell_framework(task.framework, Event::Update(status));
    }

    pub(super) fn acknowledge(
        &mut self,
        sender: Option<SessionId>,
        command: &Acknowledge,
    ) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        let id = self.task_meant(framework, &command.task).ok_or(vec![Code::UnknownTask])?;
        let head = self.tasks[&id].stream.front().ok_or(vec![Code::NothingToAcknowledge])?;
        if head.uuid != command.uuid {
            return Err(vec![Code::WrongUuid]);
        }
        let ended = head.state.is_terminal();
        self.acknowledge_head(id);
        if ended {
            // What is still in the stream came after the end; nobody needs it.
            self.remove_task(id);
        } else {
            self.deliver(id);
        }
        Ok(Reply::Done)
    }

    fn acknowledge_head(&mut self, id: TaskId) {
        let task = self.tasks.get_mut(&id).expect("it is known");
        let head = task.stream.pop_front().expect("there is one");
        if head.given {
            task.acknowledged.insert(head.uuid);
        }
        let (agent, uuid) = (task.agent, head.uuid);
        self.tell_agent(agent, Event::Acknowledged { agent, task: id, uuid });
    }

    /// Nobody is there to acknowledge: the kernel does it.
    pub(super) fn acknowledge_all(&mut self, id: TaskId) {
        while !self.tasks[&id].stream.is_empty() {
            self.acknowledge_head(id);
        }
        self.tasks.get_mut(&id).expect("it is known").retry = None;
    }

    pub(super) fn remove_task(&mut self, id: TaskId) {
        let task = self.tasks.remove(&id).expect("it is known");
        self.slots.tasks.give_back(id);
        if let Some(grant) = task.grant {
            self.slots.grants.give_back(grant);
            self.look_again(task.agent);
        }
        self.forget_framework_if_done(task.framework);
        self.see_if_drained(task.agent);
    }

    /// The framework's task of that name or handle.
    pub(super) fn task_meant(&self, framework: FrameworkId, meant: &TaskRef) -> Option<TaskId> {
        let own = self.tasks.iter().filter(|(_, task)| task.framework == framework);
        let mut ids = own.filter(|(id, task)| match meant {
            TaskRef::Name(name) => task.name == **name,
            TaskRef::Handle(handle) => **id == handle.id,
        });
        ids.next().map(|(id, _)| *id)
    }

    /// What a framework sees of a state.
    pub(super) fn seen_by(&self, framework: FrameworkId, state: TaskState) -> TaskState {
        let aware = self.frameworks.get(&framework).is_some_and(|f| f.aware);
        let precise = matches!(
            state,
            TaskState::Dropped
                | TaskState::Unreachable
                | TaskState::Gone
                | TaskState::GoneByOperator
                | TaskState::Unknown
        );
        if precise && !aware { TaskState::Lost } else { state }
    }
}
