//! The local agent: the agent driver that runs tasks as real processes on this machine.
//!
//! It joins a kernel and a [`Supervisor`]: launches and kills go one way, starts and ends the
//! other. It has no thread; whoever waits on the kernel serves it ([`Service`]).
//!
//! Each task is known to the supervisor under a key that holds the kernel's start time, so that a
//! work directory that is used again by another kernel cannot confuse their tasks. With
//! [`OnOwnerExit::Keep`] and a journal the next process reports the tasks that are still there,
//! and every end that the kernel has not heard of.

mod options;
mod report;

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tamias::command::{
    ExecutorLost, Operation, RegisterAgent, ReportedTask, ReregisterAgent, UpdateOperation,
};
use tamias::event::{ApplyOperation, Event, Launch};
use tamias::ids::{AgentId, TaskId};
use tamias::kernel::{EventRecord, Service};
use tamias::resources::{Amount, Name, Resource, Resources};
use tamias::status::{OperationState, Reason};
use tamias::{AgentDriver, Code, Kernel, Rejection};

pub use options::LocalAgentOptions;

use crate::task::{LaunchRequest, TaskLimits, TaskState};
use crate::{Limits, Supervisor, SupervisorEvent, TaskCommand, detect};

/// Events taken from the kernel at a time.
const BATCH: usize = 1024;

/// How often one call to serve looks for more: its caller has a timeout to keep.
const ROUNDS: usize = 16;

/// An agent that runs tasks on this machine. Dropping it is its owner's exit: its tasks are killed
/// or kept, as its options say. Thread-safe.
#[derive(Debug)]
pub struct LocalAgent {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    driver: AgentDriver,
    agent: AgentId,
    epoch: i64,
    options: LocalAgentOptions,
    work: Mutex<Option<Work>>,
}

/// What an agent has at its work.
#[derive(Debug)]
struct Work {
    supervisor: Supervisor,
    /// Taken from the kernel and not carried out yet.
    commands: VecDeque<EventRecord>,
    /// Taken from the supervisor and not told yet.
    events: VecDeque<SupervisorEvent>,
}

impl LocalAgent {
    /// Starts or attaches to the supervisor of the work directory and registers the agent, or
    /// brings it back if the kernel knows its name.
    ///
    /// Errors: [`Code::System`] with the supervisor's message; the kernel's rejections, among them
    /// [`Code::AgentConnected`] when another local agent of that name is at work.
    pub fn start(kernel: &Kernel, options: LocalAgentOptions) -> Result<Self, Rejection> {
        let supervisor = Supervisor::start(&options.supervisor).map_err(|e| system(&e))?;
        let resources = match &options.resources {
            Some(resources) => resources.clone(),
            None => machine_resources(supervisor.work_dir())?,
        };
        let state = kernel.branch();
        let epoch = state.started().0;
        let mut supervisor = supervisor;
        let is_known = state.agent_id(&options.name).is_some();
        // A kernel that does not know the agent (any more) does not want its tasks either.
        let tasks = known_tasks(&mut supervisor, is_known.then_some(epoch));
        let driver = kernel.agent_driver()?;
        let name = Some(options.name.as_str().into());
        let attributes = options.attributes.clone();
        let agent = if is_known {
            let (resources, attributes) = (Some(resources), Some(attributes));
            let command = ReregisterAgent {
                name,
                resources,
                attributes,
                tasks,
                ..ReregisterAgent::default()
            };
            driver.reregister(command)?
        } else {
            driver.register(RegisterAgent { name, resources, attributes, ..Default::default() })?
        };
        let (commands, events) = (VecDeque::new(), VecDeque::new());
        let work = Mutex::new(Some(Work { supervisor, commands, events }));
        let inner = Arc::new(Inner { driver, agent, epoch, options, work });
        let service: Arc<dyn Service> = inner.clone();
        kernel.add_service(&service);
        inner.serve(kernel)?;
        Ok(Self { inner })
    }

    /// Its id in the kernel.
    pub fn id(&self) -> AgentId {
        self.inner.agent
    }

    /// What holds tasks to their resources here; `None` after the end.
    pub fn limits(&self) -> Option<Limits> {
        self.look(|supervisor| supervisor.limits().clone())
    }

    /// The supervisor's process number; `None` after the end.
    pub fn supervisor_pid(&self) -> Option<crate::Pid> {
        self.look(Supervisor::pid)
    }

    /// The work directory; `None` after the end.
    pub fn work_dir(&self) -> Option<PathBuf> {
        self.look(|supervisor| supervisor.work_dir().to_owned())
    }

    fn look<T>(&self, look: impl FnOnce(&Supervisor) -> T) -> Option<T> {
        self.inner.work.lock().as_ref().map(|work| look(&work.supervisor))
    }

    /// Leaves in good order: waits for killed tasks to be dead, at most `timeout`. Returns whether
    /// that was long enough; they are killed all the same. Again is no matter.
    pub fn close(&self, timeout: Duration) -> Result<bool, Rejection> {
        if self.inner.driver.kernel().is_forked() {
            // The agent is the parent's, and its lock may be held by a thread that is not here.
            return Ok(true);
        }
        let work = self.inner.work.lock().take();
        let closed = match work {
            Some(work) => work.supervisor.close(timeout).map_err(|e| system(&e)),
            None => Ok(true),
        };
        self.inner.driver.close()?;
        closed
    }
}

impl Service for Inner {
    fn fds(&self, fds: &mut Vec<RawFd>) {
        if let Some(work) = &*self.work.lock() {
            fds.push(work.supervisor.raw_fd());
            fds.extend(self.driver.event_fd());
        }
    }

    fn writable_fds(&self, fds: &mut Vec<RawFd>) {
        if let Some(work) = self.work.lock().as_ref().filter(|w| w.supervisor.has_backlog()) {
            fds.push(work.supervisor.raw_fd());
        }
    }

    fn serve(&self, kernel: &Kernel) -> Result<(), Rejection> {
        let mut guard = self.work.lock();
        let watched = |work: &Option<Work>| {
            work.as_ref().map(|work| (work.supervisor.pid(), work.supervisor.has_backlog()))
        };
        let before = watched(&guard);
        let served = self.serve_rounds(&mut guard);
        if watched(&guard) != before {
            // The timekeeper may be another thread, asleep on what is not there any more.
            kernel.watch_again();
        }
        served
    }
}

impl Inner {
    /// Tells the kernel what has happened and does what it wants. What cannot be done now, for
    /// example because the journal's disk is full, is kept and done first the next time.
    fn serve_rounds(&self, guard: &mut Option<Work>) -> Result<(), Rejection> {
        for _ in 0..ROUNDS {
            let Some(work) = guard else { return Ok(()) };
            work.events.extend(work.supervisor.read_events().map_err(|e| system(&e))?);
            let is_idle = work.events.is_empty();
            self.tell_all(guard)?;
            let Some(work) = guard else { return Ok(()) };
            work.commands.extend(self.driver.poll(BATCH)?);
            if is_idle && work.commands.is_empty() {
                return Ok(());
            }
            while let Some(record) = work.commands.pop_front() {
                let done = self.carry_out(&mut work.supervisor, &record.event);
                if done.as_ref().is_err_and(may_pass) {
                    work.commands.push_front(record);
                }
                done?;
            }
        }
        Ok(())
    }

    fn tell_all(&self, guard: &mut Option<Work>) -> Result<(), Rejection> {
        while let Some(work) = guard {
            let Some(event) = work.events.pop_front() else { break };
            if matches!(event, SupervisorEvent::SupervisorLost { .. }) {
                self.replace_supervisor(guard)?;
                continue;
            }
            let told = self.report(&mut work.supervisor, &event);
            if told.as_ref().is_err_and(may_pass) {
                work.events.push_front(event);
            }
            told?;
        }
        Ok(())
    }

    /// Starts another supervisor. If that fails the agent is gone, and the kernel is told so by
    /// the end of its session.
    fn replace_supervisor(&self, guard: &mut Option<Work>) -> Result<(), Rejection> {
        let Some(Work { supervisor, commands, .. }) = guard.take() else { return Ok(()) };
        // Its place must be free.
        drop(supervisor);
        match Supervisor::start(&self.options.supervisor) {
            Ok(supervisor) => {
                *guard = Some(Work { supervisor, commands, events: VecDeque::new() });
                Ok(())
            }
            Err(error) => {
                // What is to be told is why.
                let _ = self.driver.close();
                Err(system(&error))
            }
        }
    }

    /// Does what the kernel wants.
    fn carry_out(&self, supervisor: &mut Supervisor, event: &Event) -> Result<(), Rejection> {
        match event {
            Event::Launch(launch) if launch.executor.is_some() => Ok(()),
            Event::Launch(launch) => self.launch(supervisor, launch),
            Event::LaunchGroup(group) if group.executor.is_some() => Ok(()),
            Event::LaunchGroup(group) => group.tasks.iter().try_for_each(|task| {
                let launch = Launch {
                    agent: group.agent,
                    task: task.task,
                    framework: group.framework,
                    role: group.role.clone(),
                    spec: task.spec.clone(),
                    executor: None,
                };
                self.launch(supervisor, &launch)
            }),
            Event::LaunchExecutor(launch) => {
                // Its tasks fail with it.
                let message = "the local agent runs commands of tasks, no executors";
                self.driver.executor_lost(ExecutorLost {
                    executor: launch.executor,
                    status: None,
                    reason: Some(Reason::ContainerLaunchFailed),
                    message: Some(message.into()),
                })
            }
            Event::ApplyOperation(operation) => {
                self.driver.update_operation(end_of_operation(operation))
            }
            Event::Kill { task, grace_seconds, .. } => {
                let grace = Duration::from_nanos(grace_seconds.0.max(0).unsigned_abs());
                match self.key_of(supervisor, *task) {
                    Some(key) => supervisor.kill(&key, grace).map_err(|e| system(&e)),
                    None => Ok(()),
                }
            }
            Event::AgentRemoved { .. } => {
                let keys: Vec<_> = supervisor.tasks().map(|task| task.task.clone()).collect();
                let grace = self.options.supervisor.kill_grace;
                keys.iter().try_for_each(|key| supervisor.kill(key, grace)).map_err(|e| system(&e))
            }
            _ => Ok(()),
        }
    }

    fn launch(&self, supervisor: &mut Supervisor, launch: &Launch) -> Result<(), Rejection> {
        if self.key_of(supervisor, launch.task).is_some() {
            // Repeated after a resync; it is on its way.
            return Ok(());
        }
        let asked = launch_request(launch, self.epoch)
            .and_then(|request| supervisor.launch(request).map_err(|error| error.to_string()));
        match asked {
            Ok(()) => self.tell(&report::starting(launch.task)),
            Err(message) => self.tell(&report::launch_failed(launch.task, &message)),
        }
    }

    /// Tells the kernel what happened to a task.
    fn report(
        &self,
        supervisor: &mut Supervisor,
        event: &SupervisorEvent,
    ) -> Result<(), Rejection> {
        let (key, update) = match event {
            SupervisorEvent::Started { task, pid } => {
                let sandbox = supervisor.task(task).and_then(|info| info.sandbox.clone());
                let id = self.task_of(task);
                (None, id.map(|id| report::running(id, *pid, sandbox.as_deref())))
            }
            SupervisorEvent::LaunchFailed { task, message }
            | SupervisorEvent::Rejected { task, message } => {
                let id = self.task_of(task);
                (Some(task), id.map(|id| report::launch_failed(id, message)))
            }
            SupervisorEvent::Exited { task, exit } => {
                let sandbox = supervisor.task(task).and_then(|info| info.sandbox.clone());
                let id = self.task_of(task);
                (Some(task), id.map(|id| report::ended(id, exit, sandbox.as_deref())))
            }
            // Not about a task; see `tell_all`.
            SupervisorEvent::SupervisorLost { .. } => (None, None),
        };
        if let Some(update) = update {
            self.tell(&update)?;
        }
        // The kernel has it: the supervisor may forget it. One that is lost cannot be told; the
        // next one repeats the end, and the kernel knows it by its uuid.
        match key.map(|key| supervisor.acknowledge_exit(key)) {
            None | Some(Ok(()) | Err(crate::Error::Lost { .. })) => Ok(()),
            Some(Err(error)) => Err(system(&error)),
        }
    }

    /// Sends an update. A task that the kernel does not know any more is nobody's concern.
    fn tell(&self, update: &tamias::command::Update) -> Result<(), Rejection> {
        match self.driver.update(update.clone()) {
            Err(rejection) if matches!(rejection.code(), Code::UnknownTask | Code::NotYours) => {
                Ok(())
            }
            other => other,
        }
    }

    fn task_of(&self, key: &str) -> Option<TaskId> {
        parse_key(key, self.epoch)
    }

    fn key_of(&self, supervisor: &Supervisor, task: TaskId) -> Option<String> {
        let found = supervisor.tasks().find(|info| self.task_of(&info.task) == Some(task))?;
        Some(found.task.clone())
    }
}

/// The tasks of this kernel that the supervisor has, as a returning agent reports them. All others
/// are ended. What has ended is reported as running here: its end follows with all
/// that is known of it.
fn known_tasks(supervisor: &mut Supervisor, epoch: Option<i64>) -> Vec<ReportedTask> {
    let mut reported = Vec::new();
    let mut strangers = Vec::new();
    for info in supervisor.tasks() {
        match epoch.and_then(|epoch| parse_key(&info.task, epoch)) {
            Some(task) => {
                let launching = info.state == TaskState::Launching;
                let state = if launching {
                    tamias::status::TaskState::Starting
                } else {
                    tamias::status::TaskState::Running
                };
                reported.push(ReportedTask { task, state });
            }
            None => strangers.push(info.task.clone()),
        }
    }
    for key in strangers {
        // Whatever goes wrong here is no concern of this kernel.
        let _ = supervisor.kill(&key, Duration::ZERO);
        let _ = supervisor.acknowledge_exit(&key);
    }
    reported
}

/// The key of a task: its name for people who look at the sandboxes, then handle and epoch.
fn make_key(name: &str, task: TaskId, epoch: i64) -> String {
    let mut end = name.len().min(150);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{task}~{epoch:x}", &name[..end])
}

fn parse_key(key: &str, epoch: i64) -> Option<TaskId> {
    let mut parts = key.rsplitn(3, '~');
    let same = parts.next()? == format!("{epoch:x}");
    let task = parts.next()?.parse().ok()?;
    same.then_some(task)
}

fn launch_request(launch: &Launch, epoch: i64) -> Result<LaunchRequest, String> {
    let spec = &launch.spec;
    let Some(command) = &spec.command else {
        return Err("the task has no command: the local agent runs `argv` or `shell`".to_owned());
    };
    let program = match &command.shell {
        Some(line) => TaskCommand::Shell(line.to_string()),
        None => TaskCommand::Argv(command.argv.iter().map(ToString::to_string).collect()),
    };
    let mut request = LaunchRequest::new(make_key(&spec.name, launch.task, epoch), program);
    request.env =
        command.env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    request.stdin = command.stdin.as_deref().map(PathBuf::from);
    request.working_directory = command.cwd.as_deref().map(PathBuf::from);
    let thousandths = |name: &Name| spec.resources.scalar(name).milli().unsigned_abs();
    let limit = |value: u64| (value > 0).then_some(value);
    request.limits = TaskLimits {
        cpus_milli: limit(thousandths(&Name::CPUS)),
        mem_mib: limit(thousandths(&Name::MEM).div_ceil(1000)),
    };
    Ok(request)
}

/// The cpus and the memory of this machine.
fn machine_resources(work_dir: &Path) -> Result<Resources, Rejection> {
    let machine = detect(work_dir).map_err(|e| system(&e))?;
    let milli = |value: u64| Amount::from_milli(i64::try_from(value).unwrap_or(i64::MAX));
    let items = [
        Resource::new(Name::CPUS, milli(machine.cpus_milli)),
        Resource::new(Name::MEM, milli(machine.mem_mib.saturating_mul(1000))),
    ];
    Resources::from_items(items).map_err(|conflict| system(&conflict))
}

/// Whether the same may succeed later.
fn may_pass(rejection: &Rejection) -> bool {
    matches!(rejection.code(), Code::System | Code::JournalFull | Code::JournalFailed)
}

fn system(error: &dyn std::fmt::Display) -> Rejection {
    Rejection::new(Code::System, error.to_string())
}

/// Reservations and volumes are in the ledger alone; disks would need a provider.
fn end_of_operation(operation: &ApplyOperation) -> UpdateOperation {
    match &*operation.spec {
        Operation::CreateDisk(_) | Operation::DestroyDisk(_) => UpdateOperation {
            message: Some("the local agent has no providers of disks".into()),
            ..UpdateOperation::new(operation.operation, OperationState::Failed)
        },
        _ => UpdateOperation::new(operation.operation, OperationState::Finished),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_by_the_same_kernel_only() {
        let task: TaskId = "t3.1".parse().unwrap();
        for name in ["build", "a~b", "é".repeat(200).as_str(), ""] {
            let key = make_key(name, task, 0x1234);
            assert_eq!(parse_key(&key, 0x1234), Some(task), "{key}");
            assert_eq!(parse_key(&key, 0x1235), None);
            assert!(key.len() <= crate::TASK_KEY_LEN_MAX);
        }
        assert_eq!(parse_key("t3.1", 0), None);
    }
}
