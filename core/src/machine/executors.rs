//! Executors: started with their first task, ended by their framework or by themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Machine;
use crate::command::{
    ExecutorLost, ExecutorSpec, RegisterExecutor, SessionKind, ShutdownExecutor, Update,
};
use crate::error::{Code, Rejection, shorten};
use crate::event::{Event, LaunchExecutor};
use crate::ids::{AgentId, ExecutorId, FrameworkId, SessionId};
use crate::names::check_name;
use crate::reply::Reply;
use crate::state::executor::transition;
use crate::state::transition::Transition;
use crate::state::{Bulk, Executor, ExecutorState, Hold, Liveness, State, Timer};
use crate::status::{Reason, Source, TaskState};

/// In what a task ends whose executor is lost for that reason.
const fn end_of_task(reason: Reason) -> TaskState {
    match reason {
        Reason::ContainerUpdateFailed
        | Reason::ExecutorReregistrationTimeout
        | Reason::ContainerPreempted => TaskState::Gone,
        Reason::AgentDraining | Reason::TaskKilledDuringLaunch => TaskState::Killed,
        _ => TaskState::Failed,
    }
}

impl Machine<'_> {
    pub(super) fn register_executor(
        &mut self,
        sender: Option<SessionId>,
        command: &RegisterExecutor,
    ) -> Result<Reply, Rejection> {
        let id = command.executor;
        self.own_executor(sender, id)?;
        if let Some(row) = self.state.executors.get_mut(id) {
            if transition(row.state, ExecutorState::Running) == Transition::Next {
                row.state = ExecutorState::Running;
            }
            self.state.timers.cancel(row.registration.take());
        }
        Ok(Reply::Done)
    }

    pub(super) fn executor_lost(
        &mut self,
        sender: Option<SessionId>,
        command: &ExecutorLost,
    ) -> Result<Reply, Rejection> {
        let id = command.executor;
        self.own_executor(sender, id)?;
        let cause = self.state.executors.get(id).and_then(|row| row.cause);
        let reason = command.reason.or(cause).unwrap_or(Reason::ExecutorTerminated);
        let tasks = self.state.tasks_of_executor(id);
        for task in &tasks {
            // They end together: there is nobody to be killed for the others.
            if let Some(task) = self.state.tasks.get_mut(*task) {
                task.group = None;
            }
        }
        for task in tasks {
            let mut report = Update::new(task, end_of_task(reason));
            report.reason = Some(reason);
            report.message.clone_from(&command.message);
            self.store_update(task, &report, Source::Agent);
        }
        self.end_executor(id, command.status, command.message.as_deref());
        Ok(Reply::Done)
    }

    /// An executor on one of the agents of the sender's session.
    fn own_executor(&self, sender: Option<SessionId>, id: ExecutorId) -> Result<(), Rejection> {
        let session = self.sender(sender, SessionKind::Agent)?;
        let at = |rejection: Rejection| rejection.at("executor").id(id.to_u64());
        let Some(row) = self.state.executors.get(id) else {
            let text = format!("no executor {id}: it has ended, or it was never started");
            return Err(at(Rejection::new(Code::UnknownExecutor, text)));
        };
        if self.own_agent(session, row.agent).is_err() {
            let text = format!("executor {id} is not on an agent of session {session}");
            return Err(at(Rejection::new(Code::NotYours, text)));
        }
        Ok(())
    }

    /// Forgets an executor whose tasks have ended, and tells its framework.
    pub(super) fn end_executor(
        &mut self,
        id: ExecutorId,
        status: Option<i32>,
        message: Option<&str>,
    ) {
        let Some(row) = self.state.remove_executor(id) else { return };
        let (agent, executor) = (row.agent, (*row.name).into());
        let message = message.map(Into::into);
        let event = Event::ExecutorLost { agent, executor, id, status, message };
        self.tell_framework(row.framework, event);
        let is_limited = self.state.options.max_executors_per_agent.is_some();
        if matches!(row.hold, Hold::Granted(_)) || is_limited {
            self.offer_again(agent);
        }
        self.finish_removing_framework(row.framework);
    }

    pub(super) fn shutdown_executor(
        &mut self,
        sender: Option<SessionId>,
        command: &ShutdownExecutor,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        self.known_agent(command.agent)?;
        check_name("executor", &command.executor).map_err(|r| r.at("executor"))?;
        let found = self.state.executor_id(framework, command.agent, &command.executor);
        let Some(id) = found else {
            let (name, agent) = (shorten(&command.executor), command.agent);
            let text = format!("the framework has no executor {name:?} on agent {agent}");
            return Err(Rejection::new(Code::UnknownExecutor, text).at("executor"));
        };
        self.shut_down(id);
        Ok(Reply::Done)
    }

    /// Has the agent end an executor, now or when it comes back.
    pub(super) fn shut_down(&mut self, id: ExecutorId) {
        let default = self.state.options.executor_shutdown_grace_seconds;
        let Some(row) = self.state.executors.get_mut(id) else { return };
        let grace_seconds = row.spec.shutdown_grace_seconds.unwrap_or(default);
        row.state = ExecutorState::Terminating(grace_seconds);
        let agent = row.agent;
        self.state.timers.cancel(row.registration.take());
        self.tell_agent(agent, Event::ShutdownExecutor { agent, executor: id, grace_seconds });
    }

    /// Gives an executor time to register.
    pub(super) fn await_registration(&mut self, id: ExecutorId) {
        let Some(timeout) = self.state.options.executor_registration_timeout_seconds else {
            return;
        };
        let Some(row) = self.state.executors.get_mut(id) else { return };
        self.state.timers.cancel(row.registration.take());
        if row.state == ExecutorState::Registering {
            let due = self.state.now.plus(timeout);
            let timer = self.state.timers.set(due, Timer::ExecutorUnheard(id));
            row.registration = Some(timer);
        }
    }

    /// An executor did not register in time. While its agent is away nobody can tell: it has its
    /// time once more when the agent is back.
    pub(super) fn executor_unheard(&mut self, id: ExecutorId) {
        let Some(row) = self.state.executors.get_mut(id) else { return };
        row.registration = None;
        let agent = self.state.agents.get(row.agent);
        if agent.is_some_and(|agent| agent.session().is_some()) {
            row.cause = Some(Reason::ExecutorRegistrationTimeout);
            self.shut_down(id);
        }
    }

    /// Ends an executor of a framework that was removed, or has its agent end it.
    pub(super) fn end_executor_of_removed(&mut self, id: ExecutorId) {
        let Some(agent) = self.state.executors.get(id).map(|row| row.agent) else { return };
        match self.state.agents.get(agent).map(|row| row.liveness) {
            Some(Liveness::Connected(_) | Liveness::Disconnected(_) | Liveness::Overdue(_)) => {
                self.shut_down(id);
            }
            Some(Liveness::Unreachable(since)) => {
                // Its tasks come first, if they are still to be told of.
                let told_of = Bulk::UnreachableTasks(agent, since);
                if !self.state.work.bulk.contains(&told_of) {
                    self.end_executor(id, None, None);
                }
            }
            // It goes with the agent.
            Some(Liveness::Removing) | None => {}
        }
    }

    /// The agent of an executor cannot be reached: it is not charged, and if nobody wants it any
    /// more it is forgotten.
    pub(super) fn executor_unreachable(&mut self, id: ExecutorId) {
        self.state.park_executor(id);
        let Some(row) = self.state.executors.get(id) else { return };
        if !self.state.is_wanted(row.framework) {
            self.end_executor(id, None, None);
        }
    }

    /// Brings the executors of a returning agent in line with those it has, before its tasks.
    /// Returns those that it lost: they end after their tasks.
    pub(super) fn return_executors(
        &mut self,
        agent: AgentId,
        reported: &BTreeSet<ExecutorId>,
    ) -> Vec<ExecutorId> {
        let strangers = reported.iter().filter(|id| !self.state.executors.contains(**id));
        let strangers: Vec<_> = strangers.copied().collect();
        let grace_seconds = self.state.options.executor_shutdown_grace_seconds;
        for executor in strangers {
            self.tell_agent(agent, Event::ShutdownExecutor { agent, executor, grace_seconds });
        }
        let known = self.state.agents.get(agent).map(|row| row.executors.clone());
        let mut lost = Vec::new();
        for id in known.unwrap_or_default() {
            if !reported.contains(&id) {
                lost.push(id);
                continue;
            }
            self.state.unpark_executor(id);
            self.await_registration(id);
            if self.state.executors.get(id).is_some_and(Executor::is_terminating) {
                self.shut_down(id);
            }
        }
        lost
    }
}

impl State {
    /// The executors of an agent that still need something done, for one counted step.
    pub(crate) fn some_executors_of_agent(
        &self,
        agent: AgentId,
        most: usize,
        wanted: impl Fn(&Executor) -> bool,
    ) -> Vec<ExecutorId> {
        let listed = self.agents.get(agent).into_iter().flat_map(|row| row.executors.iter());
        let listed = listed.copied();
        listed.filter(|id| self.executors.get(*id).is_some_and(&wanted)).take(most).collect()
    }

    /// Whether a framework is there to want its executors.
    pub(crate) fn is_wanted(&self, framework: FrameworkId) -> bool {
        self.frameworks.get(framework).is_some_and(|framework| !framework.is_removing())
    }

    /// The names of a framework's executors on an agent.
    pub(crate) fn executors_on(&self, framework: FrameworkId, agent: AgentId) -> Vec<Arc<str>> {
        let on_agent = self.agents.get(agent).into_iter().flat_map(|row| &row.executors);
        let rows = on_agent.filter_map(|id| self.executors.get(*id));
        rows.filter(|row| row.framework == framework).map(|row| row.name.clone()).collect()
    }

    /// An executor, as its agent is told to start it: with the units that it was given, if it asked
    /// for some.
    pub(crate) fn describe_executor(&self, id: ExecutorId) -> Option<LaunchExecutor> {
        let row = self.executors.get(id)?;
        let spec = match self.with_units(&row.spec.resources, &row.hold) {
            Some(resources) => Arc::new(ExecutorSpec { resources, ..(*row.spec).clone() }),
            None => row.spec.clone(),
        };
        Some(LaunchExecutor {
            agent: row.agent,
            executor: id,
            framework: row.framework,
            role: self.roles.get(row.role)?.name.clone(),
            spec,
        })
    }

    /// What the driver of an agent is told again of an executor that does not run yet, or is to
    /// end.
    pub(crate) fn describe_change_of_executor(&self, id: ExecutorId) -> Option<Event> {
        let row = self.executors.get(id)?;
        match row.state {
            ExecutorState::Registering => self.describe_executor(id).map(Event::LaunchExecutor),
            ExecutorState::Running => None,
            ExecutorState::Terminating(grace_seconds) => {
                Some(Event::ShutdownExecutor { agent: row.agent, executor: id, grace_seconds })
            }
        }
    }
}
