//! What becomes of tasks, as commands.

use tamias::command::{Acknowledge, Kill, Reconcile, ReconcileTask, SessionKind, TaskRef, Update};
use tamias::ids::TaskId;
use tamias::status::{Reason, TaskState};
use tamias::time::Nanos;
use tamias::value::{Bytes, CheckStatus, Uuid};

use super::intent::{Aim, TaskIntent, UuidChoice, Whom};
use super::{Play, choose};
use crate::model::facts::Task;

impl Play {
    pub(super) fn task_intent(&mut self, intent: &TaskIntent) {
        match intent {
            TaskIntent::Report { task, state, uuid, extras } => {
                let Some(task) = self.task_to_report(*task, *state) else { return };
                self.report(task, *state, *uuid, *extras);
            }
            TaskIntent::ReportAll(agent, state) => {
                let agents: Vec<_> = self.model.agents.keys().copied().collect();
                let Some(agent) = choose(&agents, *agent) else { return };
                let tasks = self.model.tasks.iter().filter(|(_, task)| task.agent == agent);
                let live = tasks.filter(|(_, task)| !task.state.is_terminal());
                for task in live.map(|(id, _)| *id).collect::<Vec<_>>() {
                    self.report(task, *state, UuidChoice::None, 0);
                }
            }
            TaskIntent::Acknowledge { task, right, by_name } => {
                let Some(id) = self.task_where(*task, |task| !task.stream.is_empty()) else {
                    return;
                };
                self.acknowledge_one(id, *right, *by_name);
            }
            TaskIntent::AcknowledgeAll(framework) => {
                let Some((framework, _)) = self.speaking(*framework, false) else { return };
                let tasks = self.model.tasks.iter();
                let own = tasks.filter(|(_, task)| task.framework == framework);
                let pending = own.filter(|(_, task)| !task.stream.is_empty());
                for task in pending.map(|(id, _)| *id).collect::<Vec<_>>() {
                    self.acknowledge_one(task, true, false);
                }
            }
            TaskIntent::Kill { task, by_name, grace, foreign } => {
                let Some(id) = self.task_where(*task, |task| !task.state.is_terminal()) else {
                    return;
                };
                let task = self.reference(id, *by_name);
                let own = self.framework_session_of(id).filter(|_| !*foreign);
                let session = own.unwrap_or_else(|| self.some_session(SessionKind::Framework, 1));
                let kill_grace_seconds = grace.map(Nanos::from_secs);
                self.send(session, Kill { task, kill_grace_seconds });
            }
            TaskIntent::Reconcile(framework, asked) => {
                let Some((_, session)) = self.speaking(*framework, false) else { return };
                let mut tasks = Vec::new();
                for (task, by_name, agent) in asked {
                    let Some(id) = self.any_task(*task) else { continue };
                    let task = self.reference(id, *by_name);
                    let agent = agent.and_then(|agent| self.any_agent(agent));
                    tasks.push(ReconcileTask { task, agent });
                }
                self.send(session, Reconcile { tasks });
            }
        }
    }

    /// A task that passes, if one of those who are there is meant.
    fn task_where(&self, whom: Whom, wanted: impl Fn(&Task) -> bool) -> Option<TaskId> {
        let passing = self.model.tasks.iter().filter(|(_, task)| wanted(task));
        let passing: Vec<_> = passing.map(|(id, _)| *id).collect();
        let passing = choose(&passing, whom.pick).filter(|_| whom.aim == Aim::Live);
        passing.or_else(|| self.any_task(whom))
    }

    /// A task that has not ended, and of which that state is news: most drivers make sense.
    fn task_to_report(&self, whom: Whom, state: TaskState) -> Option<TaskId> {
        let senseless = whom.pick % 8 == 0;
        self.task_where(whom, |task| {
            let connected = self.driver_of(task.agent).is_some();
            let news = !task.state.is_terminal() && task.state != state;
            senseless || connected && news
        })
    }

    fn report(&mut self, id: TaskId, state: TaskState, uuid: UuidChoice, extras: u8) {
        let known = self.model.tasks.get(&id);
        let uuid = match (uuid, known) {
            (UuidChoice::Fresh, _) => {
                let number = u128::from(self.fresh()) << 96 | u128::from(u64::MAX);
                Some(Uuid(number.to_be_bytes()))
            }
            (UuidChoice::Pending(pick), Some(task)) => {
                let pending: Vec<_> = task.stream.iter().map(|report| report.uuid).collect();
                choose(&pending, pick)
            }
            (UuidChoice::Acknowledged(pick), Some(task)) => {
                let seen: Vec<_> = task.acknowledged.iter().copied().collect();
                choose(&seen, pick)
            }
            _ => None,
        };
        let driver = self.model.tasks.get(&id).and_then(|task| self.driver_of(task.agent));
        let driver = driver.filter(|_| extras != 7);
        let session = driver.unwrap_or_else(|| self.some_session(SessionKind::Agent, 1));
        let bit = |n: u8| extras >> n & 1 == 1;
        let update = Update {
            uuid,
            reason: bit(6).then_some(Reason::ContainerLimitation),
            message: bit(5).then(|| "said the driver".into()),
            data: bit(4).then(|| Bytes(vec![extras])),
            healthy: bit(3).then_some(bit(7)),
            check: bit(2).then_some(CheckStatus::Http(bit(1).then_some(200))),
            ..Update::new(id, state)
        };
        self.send(session, update);
    }

    fn acknowledge_one(&mut self, id: TaskId, right: bool, by_name: bool) {
        let head = self.model.tasks.get(&id).and_then(|task| task.stream.front());
        let uuid = head.map(|head| head.uuid).filter(|_| right).unwrap_or(Uuid([7; 16]));
        let session = self.framework_session_of(id);
        let session = session.unwrap_or_else(|| self.some_session(SessionKind::Framework, 1));
        let task = self.reference(id, by_name);
        self.send(session, Acknowledge { task, uuid });
    }

    fn framework_session_of(&self, id: TaskId) -> Option<tamias::ids::SessionId> {
        self.session_of(self.model.tasks.get(&id)?.framework)
    }

    fn reference(&self, id: TaskId, by_name: bool) -> TaskRef {
        match self.model.tasks.get(&id).filter(|_| by_name) {
            Some(task) => TaskRef::Name(task.name.as_str().into()),
            None => TaskRef::from(id),
        }
    }
}
