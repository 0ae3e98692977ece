//! A simulated machine with its agent driver: knows what it runs, and what it has not got rid of.

use std::collections::BTreeMap;

use fastrand::Rng;
use tamias::command::{
    CloseSession, RegisterAgent, ReportedTask, ReregisterAgent, SessionKind, Update, UpdateAgent,
};
use tamias::error::Code;
use tamias::event::{Event, Launch};
use tamias::ids::{AgentId, SessionId, TaskId};
use tamias::reply::Reply;
use tamias::resources::Resources;
use tamias::status::TaskState;
use tamias::time::{Nanos, Time};
use tamias::value::Uuid;

use super::kernel::Kernel;

/// A task that really runs.
#[derive(Debug)]
struct Process {
    resources: Resources,
    state: TaskState,
    ends: Time,
    is_killed: bool,
}

/// A machine.
#[derive(Debug)]
pub struct Machine {
    name: String,
    resources: Resources,
    session: Option<SessionId>,
    agent: Option<AgentId>,
    processes: BTreeMap<TaskId, Process>,
    /// Updates that were not acknowledged, in order.
    outbox: Vec<(TaskId, TaskState, Uuid)>,
    serial: u128,
    /// While disconnected: when it comes back.
    away_until: Time,
    /// Whether it said that it has less than it has: then more may run than it says.
    has_shrunk: bool,
}

impl Machine {
    /// The n-th machine.
    #[must_use]
    pub fn new(number: usize, rng: &mut Rng) -> Self {
        let mut text = format!("cpus:{};mem:{};ports:[1-100]", rng.u32(1..9), rng.u32(64..4096));
        if rng.bool() {
            text += ";fpgas:<0-3=a100@x,4-5=a100@y,6=t4/0.7>";
        }
        Self {
            name: format!("m{number}"),
            resources: text.parse().expect("resources"),
            session: None,
            agent: None,
            processes: BTreeMap::new(),
            outbox: Vec::new(),
            serial: u128::try_from(number).unwrap_or(0) << 64,
            away_until: Time(0),
            has_shrunk: false,
        }
    }

    /// Reads some of what it was told, and does something.
    pub fn turn(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        if self.session.is_none() {
            self.end_processes(kernel.now, rng);
            if self.away_until <= kernel.now {
                self.connect(kernel);
            }
            return;
        }
        match rng.u32(0..300) {
            0 => self.leave(kernel, rng),
            1 => self.partition(kernel, rng),
            2 => self.crash(kernel, rng),
            3 => self.resize(kernel, rng),
            _ => {}
        }
        for _ in 0..rng.usize(0..6) {
            self.take_event(kernel, rng);
        }
        self.end_processes(kernel.now, rng);
        for _ in 0..rng.usize(0..4) {
            self.report(kernel, rng);
        }
    }

    /// Ends everything, says everything, reads everything.
    pub fn rest(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        if self.session.is_none() {
            self.connect(kernel);
        }
        while self.take_event(kernel, rng) {}
        for process in self.processes.values_mut() {
            process.ends = kernel.now;
        }
        self.end_processes(kernel.now, rng);
        for _ in 0..self.outbox.len() {
            self.report(kernel, rng);
        }
    }

    /// Whether nothing runs here.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.processes.is_empty()
    }

    /// Nothing runs here.
    ///
    /// # Panics
    /// If something does.
    pub fn assert_idle(&self) {
        assert!(self.is_idle(), "{} still runs {:?}", self.name, self.processes);
    }

    fn connect(&mut self, kernel: &mut Kernel) {
        let session = kernel.open(SessionKind::Agent);
        if let Some(agent) = self.agent {
            let tasks = self.processes.iter();
            let tasks = tasks.map(|(id, p)| ReportedTask { task: *id, state: p.state }).collect();
            let command =
                ReregisterAgent { agent: Some(agent), tasks, ..ReregisterAgent::default() };
            match kernel.send(Some(session), command) {
                Ok(_) => {
                    self.session = Some(session);
                    return;
                }
                Err(rejection)
                    if [Code::UnknownAgent, Code::AgentGone].contains(&rejection.code()) =>
                {
                    self.forget();
                }
                // Its former session has not been closed yet.
                Err(_) => {
                    let _ = kernel.send(Some(session), CloseSession {});
                    return;
                }
            }
        }
        let command = RegisterAgent {
            name: Some(self.name.as_str().into()),
            resources: self.resources.clone(),
            ..RegisterAgent::default()
        };
        match kernel.send(Some(session), command) {
            Ok(Reply::Registered { agent }) => {
                (self.session, self.agent) = (Some(session), Some(agent));
                self.has_shrunk = false;
            }
            // An agent of that name is being removed.
            _ => drop(kernel.send(Some(session), CloseSession {})),
        }
    }

    /// The agent was removed: whatever it runs is nobody's any more.
    fn forget(&mut self) {
        self.agent = None;
        self.processes.clear();
        self.outbox.clear();
    }

    /// Its connection breaks, for moments or for longer than the kernel waits.
    fn leave(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        let seconds = if rng.u32(0..3) == 0 { rng.i64(300..1500) } else { rng.i64(0..10) };
        self.away_until = kernel.now.plus(Nanos::from_secs(seconds));
        self.disconnect(kernel);
    }

    fn disconnect(&mut self, kernel: &mut Kernel) {
        if let Some(session) = self.session.take() {
            let _ = kernel.send(Some(session), CloseSession {});
            kernel.lose_events(session);
        }
    }

    /// What is on its way is lost; the driver notices, and will come back.
    fn partition(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        if let Some(session) = self.session {
            kernel.lose_events(session);
        }
        self.leave(kernel, rng);
    }

    /// The machine restarts; some of its processes, and what it had to say, are gone.
    fn crash(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        self.partition(kernel, rng);
        self.outbox.clear();
        self.processes.retain(|_, _| rng.u32(0..3) == 0);
    }

    fn resize(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        let (Some(session), Some(agent)) = (self.session, self.agent) else { return };
        let less: Resources = format!("cpus:{};mem:32", rng.u32(1..4)).parse().expect("resources");
        let resources = if rng.bool() { less } else { self.resources.clone() };
        let command = UpdateAgent { resources: Some(resources), ..UpdateAgent::new(agent) };
        self.has_shrunk |= kernel.send(Some(session), command).is_ok();
    }

    fn take_event(&mut self, kernel: &mut Kernel, rng: &mut Rng) -> bool {
        let Some(event) = self.session.and_then(|session| kernel.next_event(session)) else {
            return false;
        };
        match event {
            Event::Launch(launch) => self.start(&launch, kernel.now, rng),
            Event::Kill { task, .. } => {
                if let Some(process) = self.processes.get_mut(&task) {
                    (process.is_killed, process.ends) = (true, kernel.now);
                }
            }
            Event::Acknowledged { task, uuid, .. } => {
                self.outbox.retain(|(of, _, it)| (*of, *it) != (task, uuid));
            }
            Event::AgentRemoved { .. } => self.forget(),
            _ => {}
        }
        true
    }

    fn start(&mut self, launch: &Launch, now: Time, rng: &mut Rng) {
        if self.processes.contains_key(&launch.task) {
            return; // Told again after an overflow; it runs.
        }
        if rng.u32(0..30) == 0 {
            self.say(launch.task, TaskState::Dropped);
            return;
        }
        let resources = launch.spec.resources.clone();
        let ends = now.plus(Nanos::from_millis(rng.i64(0..30_000)));
        let process = Process { resources, state: TaskState::Running, ends, is_killed: false };
        self.processes.insert(launch.task, process);
        self.assert_room();
        self.say(launch.task, TaskState::Running);
    }

    /// Whatever the kernel believes: no more runs here than there is.
    fn assert_room(&self) {
        let mut used = Resources::default();
        for process in self.processes.values() {
            // Of no unit more than one, even if it said that it has less.
            let added = used.add(&process.resources);
            assert!(added.is_ok(), "{} runs too much: {added:?}: {:?}", self.name, self.processes);
        }
        let fits = self.resources.contains(&used) || self.has_shrunk;
        assert!(fits, "{} has {} and runs {used}: {:?}", self.name, self.resources, self.processes);
    }

    fn end_processes(&mut self, now: Time, rng: &mut Rng) {
        let over = self.processes.iter().filter(|(_, process)| process.ends <= now);
        for task in over.map(|(task, _)| *task).collect::<Vec<_>>() {
            let killed = self.processes.remove(&task).is_some_and(|process| process.is_killed);
            let state = match (killed, rng.u32(0..4)) {
                (true, _) => TaskState::Killed,
                (false, 0) => TaskState::Failed,
                (false, _) => TaskState::Finished,
            };
            self.say(task, state);
        }
    }

    fn say(&mut self, task: TaskId, state: TaskState) {
        self.serial += 1;
        self.outbox.push((task, state, Uuid(self.serial.to_be_bytes())));
    }

    /// Sends an update that was not acknowledged: mostly the oldest of its task, for the first
    /// time or again.
    fn report(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        let Some(session) = self.session else { return };
        let Some((task, ..)) = rng.choice(self.outbox.clone()) else { return };
        let mut of_task = self.outbox.iter().filter(|(of, ..)| *of == task);
        let Some(&(_, state, uuid)) = of_task.next() else { return };
        let command = Update { uuid: Some(uuid), ..Update::new(task, state) };
        match kernel.send(Some(session), command) {
            // Taken: what follows of the same task may be said. It is kept until acknowledged.
            Ok(_) => {
                let at = self.outbox.iter().position(|(_, _, it)| *it == uuid);
                let update = at.map(|at| self.outbox.remove(at));
                self.outbox.extend(update);
            }
            Err(rejection) => match rejection.code() {
                Code::UnknownSession => self.disconnect(kernel),
                // Nobody wants to know about it any more.
                _ => self.outbox.retain(|(_, _, it)| *it != uuid),
            },
        }
    }
}
