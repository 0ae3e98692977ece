//! One task after the other on a cluster that is full of others.

use std::collections::VecDeque;

use tamias::command::{Accept, Acknowledge, TaskSpec, Update};
use tamias::ids::{OfferId, SessionId, TaskId};
use tamias::status::TaskState;
use tamias::{Nanos, Reply};

use crate::world::World;

/// A world whose agents each run some tasks and have the rest offered.
pub struct Life {
    world: World,
    offers: VecDeque<(SessionId, OfferId)>,
    serial: u32,
    dress: fn(TaskSpec) -> TaskSpec,
}

impl Life {
    /// Starts `each` small tasks on each agent. `dress` adds to every task what is measured.
    pub fn new(mut world: World, each: u32, dress: fn(TaskSpec) -> TaskSpec) -> Self {
        let first = world.tick();
        let agents = first.len();
        let mut life = Self { world, offers: VecDeque::new(), serial: 0, dress };
        for (session, offer) in first {
            let tasks: Vec<_> = (0..each).map(|_| life.task("cpus:0.1;mem:1")).collect();
            life.accept(session, offer, tasks);
        }
        life.tick(Nanos::from_secs(2));
        assert_eq!(life.offers.len(), agents);
        life
    }

    /// Launched in an accept, starting, running, finished, three acknowledgements, and the tick
    /// that offers its resources again.
    pub fn one(&mut self) {
        let (session, offer) = self.offers.pop_front().unwrap();
        let task = self.task("cpus:1;mem:64");
        let task = match self.accept(session, offer, vec![task]) {
            Reply::Accepted { tasks, .. } => tasks[0].task.unwrap(),
            other => panic!("{other:?}"),
        };
        self.live_and_end(session, task);
        self.tick(Nanos::from_millis(1));
    }

    fn task(&mut self, resources: &str) -> TaskSpec {
        self.serial += 1;
        let name = format!("t{}", self.serial).into();
        let resources = resources.parse().unwrap();
        (self.dress)(TaskSpec { name, resources, ..Default::default() })
    }

    fn accept(&mut self, session: SessionId, offer: OfferId, tasks: Vec<TaskSpec>) -> Reply {
        let operations = vec![tasks.into()];
        let command = Accept { offers: vec![offer], operations, ..Default::default() };
        self.world.send(Some(session), command)
    }

    fn live_and_end(&mut self, session: SessionId, task: TaskId) {
        for state in [TaskState::Starting, TaskState::Running, TaskState::Finished] {
            self.world.send(Some(self.world.driver), Update::new(task, state));
            let uuid = self.world.uuid();
            self.world.send(Some(session), Acknowledge { task: task.into(), uuid });
        }
    }

    fn tick(&mut self, later: Nanos) {
        self.world.now = self.world.now.plus(later);
        self.offers.extend(self.world.tick());
    }
}
