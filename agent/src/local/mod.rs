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

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tamias::command::{RegisterAgent, ReportedTask, ReregisterAgent};
use tamias::event::{Event, Launch};
use tamias::ids::{AgentId, TaskId};
use tamias::kernel::Service;
use tamias::resources::{Amount, Name, Resource, Resources};
use tamias::{AgentDriver, Code, Kernel, Rejection};

pub use options::LocalAgentOptions;

use crate::task::{LaunchRequest, TaskLimits, TaskState};
use crate::{Limits, Supervisor, SupervisorEvent, TaskCommand, detect};

/// Events taken from the kernel at a time.
const BATCH: usize = 1024;

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
    supervisor: Mutex<Option<Supervisor>>,
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
        let tasks = known_tasks(&mut supervisor, epoch);
        let driver = kernel.agent_driver()?;
        let name = Some(options.name.as_str().into());
        let attributes = options.attributes.clone();
        let agent = if state.agent_id(&options.name).is_some() {
            let (resources, attributes) = (Some(resources), Some(attributes));
            let command = ReregisterAgent { agent: None, name, resources, attributes, tasks };
            driver.reregister(command)?
        } else {
            driver.register(RegisterAgent { name, resources, attributes, ext: None })?
        };
        let supervisor = Mutex::new(Some(supervisor));
        let inner = Arc::new(Inner { driver, agent, epoch, options, supervisor });
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
        self.inner.supervisor.lock().as_ref().map(|supervisor| supervisor.limits().clone())
    }

    /// The supervisor's process number; `None` after the end.
    pub fn supervisor_pid(&self) -> Option<crate::Pid> {
        self.inner.supervisor.lock().as_ref().map(Supervisor::pid)
    }

    /// The work directory; `None` after the end.
    pub fn work_dir(&self) -> Option<PathBuf> {
        self.inner.supervisor.lock().as_ref().map(|supervisor| supervisor.work_dir().to_owned())
    }

    /// Leaves in good order: waits for killed tasks to be dead, at most `timeout`. Returns whether
    /// that was long enough; they are killed all the same. Again is no matter.
    pub fn close(&self, timeout: Duration) -> Result<bool, Rejection> {
        let supervisor = self.inner.supervisor.lock().take();
        let closed = match supervisor {
            Some(supervisor) => supervisor.close(timeout).map_err(|e| system(&e)),
            None => Ok(true),
        };
        self.inner.driver.close()?;
        closed
    }
}

impl Service for Inner {
    fn fds(&self, fds: &mut Vec<RawFd>) {
        if let Some(supervisor) = &*self.supervisor.lock() {
            fds.push(supervisor.raw_fd());
            fds.extend(self.driver.event_fd());
        }
    }

    fn serve(&self, _: &Kernel) -> Result<(), Rejection> {
        let mut guard = self.supervisor.lock();
        if guard.is_none() {
            return Ok(());
        }
        loop {
            let commands = self.driver.poll(BATCH)?;
            let Some(supervisor) = guard.as_mut() else { return Ok(()) };
            for record in &commands {
                self.carry_out(supervisor, &record.event)?;
            }
            let events = supervisor.read_events().map_err(|e| system(&e))?;
            for event in &events {
                self.report(&mut guard, event)?;
            }
            if commands.is_empty() && events.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Inner {
    /// Does what the kernel wants.
    fn carry_out(&self, supervisor: &mut Supervisor, event: &Event) -> Result<(), Rejection> {
        match event {
            Event::Launch(launch) => self.launch(supervisor, launch),
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
        guard: &mut Option<Supervisor>,
        event: &SupervisorEvent,
    ) -> Result<(), Rejection> {
        let Some(supervisor) = guard.as_mut() else { return Ok(()) };
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
            SupervisorEvent::SupervisorLost { .. } => {
                *guard = None;
                let fresh = Supervisor::start(&self.options.supervisor).map_err(|e| system(&e))?;
                *guard = Some(fresh);
                return Ok(());
            }
        };
        if let Some(update) = update {
            self.tell(&update)?;
        }
        // The kernel has it: the supervisor may forget it.
        key.map_or(Ok(()), |key| supervisor.acknowledge_exit(key).map_err(|e| system(&e)))
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

/// The tasks of this kernel that the supervisor has, as a returning agent reports them. Those of
/// other kernels are ended. What has ended is reported as running here: its end follows with all
/// that is known of it.
fn known_tasks(supervisor: &mut Supervisor, epoch: i64) -> Vec<ReportedTask> {
    let mut reported = Vec::new();
    let mut strangers = Vec::new();
    for info in supervisor.tasks() {
        match parse_key(&info.task, epoch) {
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

fn system(error: &dyn std::fmt::Display) -> Rejection {
    Rejection::new(Code::System, error.to_string())
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
