//! From a launch request to a running program, or to a precise account of what failed.

use std::ffi::{CString, OsStr};
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::child::{self, Failed, Program, REPORT_LEN, Step};
use super::daemon::Daemon;
use super::task::{Launching, Process, Task};
use crate::place::sandbox_name;
use crate::procfs::{self, SANDBOX_VARIABLE};
use crate::protocol::Reply;
use crate::record::{Launched, Record};
use crate::sys::{process, unix_ns};
use crate::task::{LaunchRequest, Outcome, TaskCommand};

/// Where programs are looked up when the owner gives no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Names that exist as sandboxes although their number is new: left from a lost record file.
const SANDBOX_ATTEMPTS_MAX: u32 = 1000;

impl Daemon {
    /// Runs a task. Whatever happens, its key is taken until the owner acknowledges the end.
    pub(super) fn launch(&mut self, request: &LaunchRequest) {
        let (launch, sandbox) = match self.make_sandbox(&request.task) {
            Ok(made) => made,
            Err(error) => {
                let what = self.place.sandboxes().display().to_string();
                let message = format!("cannot make a sandbox in {what}: {error}");
                return self.launch_failed(request, self.next_launch, None, message);
            }
        };
        let answer = self
            .prepare(request, launch, &sandbox)
            .and_then(|program| self.start_program(request, launch, &sandbox, program));
        match answer {
            Ok(task) => {
                self.keys.insert(task.key.clone(), launch);
                self.tasks.insert(launch, task);
            }
            Err(message) => {
                if let Some(cgroups) = &self.cgroups {
                    cgroups.remove(launch);
                }
                self.launch_failed(request, launch, Some(sandbox), message);
            }
        }
    }

    fn launch_failed(
        &mut self,
        request: &LaunchRequest,
        launch: u64,
        sandbox: Option<String>,
        message: String,
    ) {
        self.next_launch = self.next_launch.max(launch + 1);
        let task = Task::without_process(request.task.clone(), launch, sandbox);
        self.keys.insert(task.key.clone(), launch);
        self.tasks.insert(launch, task);
        self.end_task(launch, Outcome::LaunchFailed { message });
    }

    fn make_sandbox(&mut self, task: &str) -> io::Result<(u64, String)> {
        for _ in 0..SANDBOX_ATTEMPTS_MAX {
            let launch = self.next_launch;
            self.next_launch += 1;
            let name = sandbox_name(task, launch);
            match DirBuilder::new().mode(0o755).create(self.place.sandbox(&name)) {
                Ok(()) => return Ok((launch, name)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("a thousand names in a row exist already"))
    }

    /// Makes all that the child needs.
    fn prepare(
        &self,
        request: &LaunchRequest,
        launch: u64,
        sandbox: &str,
    ) -> Result<Program, String> {
        let sandbox = self.place.sandbox(sandbox);
        let mut env = request.env.clone();
        env.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
        env.insert("TAMIAS_TASK".into(), request.task.clone());
        let argv = match &request.command {
            TaskCommand::Argv(argv) => argv.clone(),
            TaskCommand::Shell(text) => vec!["/bin/sh".into(), "-c".into(), text.clone()],
        };
        let candidates = candidates(&argv[0], &env["PATH"]);
        let mut cgroup_procs = None;
        let mut data_bytes_max = None;
        if let Some(cgroups) = &self.cgroups {
            let procs = cgroups
                .add(launch, &request.limits)
                .map_err(|error| format!("cannot make a cgroup with the limits: {error}"))?;
            cgroup_procs = Some(c_path(&procs)?);
        } else {
            data_bytes_max = request.limits.mem_mib.map(|mib| mib.saturating_mul(1 << 20));
        }
        let directory = match &request.working_directory {
            // An absolute path replaces the sandbox.
            Some(path) => sandbox.join(path),
            None => sandbox.clone(),
        };
        let stdin = request.stdin.clone().unwrap_or_else(|| PathBuf::from("/dev/null"));
        let mut entries = Vec::with_capacity(env.len() + 1);
        for (name, value) in &env {
            if name != SANDBOX_VARIABLE {
                entries.push(c_text(format!("{name}={value}"))?);
            }
        }
        let mut mark = format!("{SANDBOX_VARIABLE}=").into_bytes();
        mark.extend_from_slice(sandbox.as_os_str().as_bytes());
        entries.push(c_text(mark)?);
        Ok(Program {
            argv: argv.into_iter().map(c_text).collect::<Result<_, _>>()?,
            env: entries,
            candidates: candidates.into_iter().map(c_text).collect::<Result<_, _>>()?,
            working_directory: c_path(&directory)?,
            stdin: c_path(&stdin)?,
            stdout: c_path(&sandbox.join("stdout"))?,
            stderr: c_path(&sandbox.join("stderr"))?,
            cgroup_procs,
            data_bytes_max,
            descriptor_limit: self.descriptor_limit,
            dies_with_supervisor: self.on_owner_exit == crate::OnOwnerExit::Kill,
        })
    }

    /// Forks the child, writes it down, and only then lets it run.
    fn start_program(
        &mut self,
        request: &LaunchRequest,
        launch: u64,
        sandbox: &str,
        program: Program,
    ) -> Result<Task, String> {
        let failed = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        let child = child::fork_to_gate(&program).map_err(failed("cannot fork"))?;
        // From here on an early return closes the gate, and the child exits and is reaped as if
        // it were an orphan.
        let pidfd = process::pidfd_open(child.pid).map_err(failed("cannot open a pidfd"))?;
        let stat = procfs::stat(child.pid)
            .ok_or_else(|| format!("cannot read /proc/{}/stat", child.pid))?;
        let started_ns = unix_ns();
        let launched = Launched {
            task: request.task.clone(),
            launch,
            sandbox: sandbox.to_owned(),
            pid: child.pid,
            start_ticks: stat.start_ticks,
            boot_id: self.boot_id.clone(),
            started_ns,
        };
        let record = Record::Launched(launched.clone());
        self.records.append(&record).map_err(failed("cannot write the record of the launch"))?;
        open_gate(child.gate).map_err(failed("cannot let the child go on"))?;
        let process = Process {
            pid: child.pid,
            start_ticks: stat.start_ticks,
            pidfd,
            is_child: true,
            started: Instant::now(),
            orphans: crate::Usage::default(),
            kill: None,
        };
        let launching =
            Launching { report: child.report, failed: None, program: Box::new(program) };
        let mut task = Task::from_record(&launched);
        task.process = Some(process);
        task.launching = Some(launching);
        Ok(task)
    }

    /// The report pipe of a launching task can be read: its program runs, or a step failed.
    pub(super) fn read_report(&mut self, launch: u64) {
        let Some(task) = self.tasks.get_mut(&launch) else { return };
        let Some(launching) = &mut task.launching else { return };
        if launching.failed.is_some() {
            return;
        }
        launching.failed = read_failed(&launching.report);
        if launching.failed.is_some() {
            // Nothing is told yet: the child exits now, and `reaper` tells of both at once.
            return;
        }
        task.launching = None;
        let reply = Reply::Started {
            task: task.key.clone(),
            pid: task.pid.unwrap_or(0),
            sandbox: task.sandbox.clone().unwrap_or_default(),
            started_ns: task.started_ns.unwrap_or(0),
        };
        self.tell(&reply);
    }
}

/// Reads the report: a failed step, or nothing because the pipe closed as the program started.
fn read_failed(report: &OwnedFd) -> Option<Failed> {
    let mut bytes = [0; REPORT_LEN];
    let mut report = File::from(report.try_clone().ok()?);
    report.read_exact(&mut bytes).ok()?;
    Failed::decode(bytes)
}

fn open_gate(gate: OwnedFd) -> io::Result<()> {
    File::from(gate).write_all(&[1])
}

/// Where a program is looked for: at its path, or in each directory of `PATH`.
fn candidates(program: &str, path: &str) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_owned()];
    }
    let dirs = path.split(':').filter(|dir| !dir.is_empty());
    dirs.map(|dir| format!("{dir}/{program}")).collect()
}

/// Says what a failed step was about, in terms of the request.
pub(super) fn explain(failed: Failed, program: &Program) -> String {
    let text = |text: &CString| text.to_string_lossy().into_owned();
    let error = io::Error::from_raw_os_error(failed.errno);
    match failed.step {
        Step::Session => format!("cannot start a session: {error}"),
        Step::Cgroup => format!("cannot enter the cgroup: {error}"),
        Step::Limit => format!("cannot set the resource limits: {error}"),
        Step::Stdin => format!("cannot open stdin {:?}: {error}", text(&program.stdin)),
        Step::Stdout => format!("cannot make {:?}: {error}", text(&program.stdout)),
        Step::Stderr => format!("cannot make {:?}: {error}", text(&program.stderr)),
        Step::WorkingDirectory => {
            let directory = text(&program.working_directory);
            format!("cannot change to the working directory {directory:?}: {error}")
        }
        Step::Exec => {
            let name = text(&program.argv[0]);
            format!("cannot execute {name:?}: {error}{}", exec_hint(failed.errno, program))
        }
    }
}

/// What the bare error of `exec` leaves open.
fn exec_hint(errno: i32, program: &Program) -> String {
    let name = program.argv[0].to_string_lossy();
    let directory = Path::new(OsStr::from_bytes(program.working_directory.as_bytes()));
    let is_file =
        |candidate: &&CString| directory.join(OsStr::from_bytes(candidate.as_bytes())).is_file();
    let existing = program.candidates.iter().find(is_file);
    match (errno, existing) {
        (libc::ENOENT, Some(file)) => {
            format!(" (the file {:?} exists; its interpreter does not)", file.to_string_lossy())
        }
        (libc::ENOENT, None) if !name.contains('/') => {
            let path = program.env.iter().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="));
            format!(" (looked in PATH={})", String::from_utf8_lossy(path.unwrap_or_default()))
        }
        (libc::EACCES, Some(file)) => {
            format!(" ({:?} is not executable for this user)", file.to_string_lossy())
        }
        (libc::ENOEXEC, _) => " (neither a binary of this machine nor a script with #!)".into(),
        _ => String::new(),
    }
}

fn c_path(path: &Path) -> Result<CString, String> {
    c_text(path.as_os_str().as_bytes())
}

fn c_text(text: impl Into<Vec<u8>>) -> Result<CString, String> {
    CString::new(text).map_err(|error| format!("a NUL byte in an argument or path: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_name_is_looked_up() {
        assert_eq!(candidates("./run", "/a:/b"), ["./run"]);
        assert_eq!(candidates("run", "/a::/b"), ["/a/run", "/b/run"]);
        assert!(candidates("run", "").is_empty());
    }
}
