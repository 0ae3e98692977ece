//! Cgroup v2: probing for a subtree to use, and one cgroup per task in it.
//!
//! The subtree is `ROOT/tamias-HASH`, HASH of the work directory; a task's cgroup is `task-N`
//! below it. ROOT must be empty of processes (a rule of cgroup v2: a cgroup with controllers for
//! its children holds no process itself) or the true root. This module never moves a process that
//! it did not make.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::process::{self, Fork};
use crate::task::{ExitStatus, TaskLimits};

/// The controllers without which a cgroup would limit nothing.
const CONTROLLERS: [&str; 2] = ["memory", "cpu"];

/// Length of the period over which the cpu share is measured, microseconds: the kernel's default.
const PERIOD_US: u64 = 100_000;

/// Smallest quota that the kernel takes for a period, microseconds.
const QUOTA_US_MIN: u64 = 1_000;

/// Finds the subtree and tries it out, with a process that really enters. The error says what
/// stood in the way.
///
/// # Safety
/// As for [`process::fork`]: the caller's process must have one thread.
pub(crate) unsafe fn probe(root: Option<&Path>) -> Result<PathBuf, String> {
    let root = match root {
        Some(root) => root.to_owned(),
        None => own_cgroup()?,
    };
    // SAFETY: the caller promises that there is one thread.
    unsafe { probe_at(&root) }?;
    Ok(root)
}

/// Makes and removes a child with working controllers.
///
/// # Safety
/// See [`probe`].
unsafe fn probe_at(root: &Path) -> Result<(), String> {
    let offered = read(&root.join("cgroup.controllers"))
        .map_err(|error| format!("{} is no cgroup v2: {error}", root.display()))?;
    for controller in CONTROLLERS {
        if !offered.split_ascii_whitespace().any(|name| name == controller) {
            let offered = if offered.trim().is_empty() { "none" } else { offered.trim() };
            return Err(format!(
                "{} has no {controller} controller (it has: {offered})",
                root.display()
            ));
        }
    }
    let tree = root.join(format!("tamias-probe-{}", std::process::id()));
    let answer = enable_and_try(root, &tree).and_then(|leaf| {
        // SAFETY: the caller promises that there is one thread.
        unsafe { enter_and_exit(&leaf) }
    });
    // Children first; either may not exist.
    let _ = fs::remove_dir(tree.join("task"));
    let _ = fs::remove_dir(&tree);
    answer
}

fn enable_and_try(root: &Path, tree: &Path) -> Result<PathBuf, String> {
    let step = |what: &str, path: &Path| {
        let what = what.to_owned();
        let path = path.display().to_string();
        move |error: io::Error| format!("cannot {what} {path}: {error}")
    };
    enable(root).map_err(step("enable controllers in", root))?;
    fs::create_dir(tree).map_err(step("make", tree))?;
    enable(tree).map_err(step("enable controllers in", tree))?;
    let leaf = tree.join("task");
    fs::create_dir(&leaf).map_err(step("make", &leaf))?;
    let limits = TaskLimits { cpus_milli: Some(1000), mem_mib: Some(64) };
    write_limits(&leaf, &limits).map_err(step("write limits in", &leaf))?;
    Ok(leaf)
}

/// Forks a process that enters the cgroup and exits. Writing the limits proves nothing about
/// this: to move a process one must be allowed to write in the cgroup above both places.
///
/// # Safety
/// See [`probe`].
unsafe fn enter_and_exit(leaf: &Path) -> Result<(), String> {
    let procs = leaf.join("cgroup.procs");
    let failed = |error: io::Error| format!("cannot enter {}: {error}", leaf.display());
    // SAFETY: the caller promises that there is one thread.
    match unsafe { process::fork() }.map_err(failed)? {
        Fork::Child => {
            let errno = fs::write(&procs, "0").err().and_then(|error| error.raw_os_error());
            process::exit_now(errno.unwrap_or(0))
        }
        Fork::Parent(pid) => match process::reap(pid).map_err(failed)? {
            (ExitStatus::Code(0), _) => Ok(()),
            (ExitStatus::Code(errno), _) => Err(failed(io::Error::from_raw_os_error(errno))),
            (other, _) => Err(format!("trying to enter {} ended with {other}", leaf.display())),
        },
    }
}

/// Gives the children of a cgroup the controllers.
fn enable(cgroup: &Path) -> io::Result<()> {
    let mut words = String::new();
    for controller in CONTROLLERS {
        let _ = write!(words, "+{controller} ");
    }
    fs::write(cgroup.join("cgroup.subtree_control"), words.trim_end())
}

fn write_limits(leaf: &Path, limits: &TaskLimits) -> io::Result<()> {
    if let Some(mem_mib) = limits.mem_mib {
        let bytes = mem_mib.saturating_mul(1 << 20);
        fs::write(leaf.join("memory.max"), bytes.to_string())?;
        // One process of a task out of memory means the task is: no half-dead tasks. Older
        // kernels (before 4.19) do not have the file and kill one process.
        let _ = fs::write(leaf.join("memory.oom.group"), "1");
    }
    if let Some(cpus_milli) = limits.cpus_milli {
        fs::write(leaf.join("cpu.max"), cpu_max(cpus_milli))?;
    }
    Ok(())
}

fn cpu_max(cpus_milli: u64) -> String {
    let quota = cpus_milli.saturating_mul(PERIOD_US / 1000).max(QUOTA_US_MIN);
    format!("{quota} {PERIOD_US}")
}

/// The directory of the cgroup v2 that this process is in.
fn own_cgroup() -> Result<PathBuf, String> {
    let memberships = read(Path::new("/proc/self/cgroup")).map_err(|error| error.to_string())?;
    let mounts = read(Path::new("/proc/self/mountinfo")).map_err(|error| error.to_string())?;
    let path = unified_path(&memberships).ok_or("this process is in no cgroup v2")?;
    let (mount, inside) = unified_mount(&mounts).ok_or("no cgroup v2 file system is mounted")?;
    let below = path.strip_prefix(inside.as_str()).unwrap_or(path).trim_start_matches('/');
    Ok(mount.join(below))
}

/// The path of the v2 hierarchy in `/proc/PID/cgroup`.
pub(crate) fn unified_path(memberships: &str) -> Option<&str> {
    memberships.lines().find_map(|line| line.strip_prefix("0::"))
}

/// Where the v2 hierarchy is mounted, and which part of it.
pub(crate) fn unified_mount(mountinfo: &str) -> Option<(PathBuf, String)> {
    mount_of(mountinfo, |kind, _| kind == "cgroup2")
}

/// The mount that a predicate on its type and super options takes, with its root.
pub(crate) fn mount_of(
    mountinfo: &str,
    is_wanted: impl Fn(&str, &str) -> bool,
) -> Option<(PathBuf, String)> {
    mountinfo.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        let kind = after.next()?;
        let options = after.nth(1).unwrap_or("");
        if !is_wanted(kind, options) {
            return None;
        }
        let mut before = before.split(' ').skip(3);
        let inside = before.next()?;
        let mount = before.next()?;
        Some((PathBuf::from(mount), inside.to_owned()))
    })
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// The cgroups of the tasks of one work directory.
#[derive(Debug)]
pub(crate) struct Tree {
    path: PathBuf,
}

impl Tree {
    /// Makes the subtree, or takes over the one that an earlier supervisor of the same work
    /// directory made.
    pub(crate) fn open(root: &Path, work_dir: &Path) -> io::Result<Self> {
        let path = root.join(format!("tamias-{:016x}", hash(work_dir)));
        enable(root)?;
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        enable(&path)?;
        Ok(Self { path })
    }

    /// The subtree.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the cgroup of a task and gives the file by which a process enters it.
    pub(crate) fn add(&self, launch: u64, limits: &TaskLimits) -> io::Result<PathBuf> {
        let leaf = self.leaf(launch);
        fs::create_dir(&leaf)?;
        if let Err(error) = write_limits(&leaf, limits) {
            let _ = fs::remove_dir(&leaf);
            return Err(error);
        }
        Ok(leaf.join("cgroup.procs"))
    }

    /// Kills every process in the cgroup of a task.
    pub(crate) fn kill(&self, launch: u64) {
        // Missing before Linux 5.14; then the group and the orphans are killed as without cgroups.
        let _ = fs::write(self.leaf(launch).join("cgroup.kill"), "1");
    }

    /// Whether the kernel killed a process of the task for want of memory.
    pub(crate) fn is_over_memory(&self, launch: u64) -> bool {
        let events = read(&self.leaf(launch).join("memory.events")).unwrap_or_default();
        oom_kills(&events) > 0
    }

    /// Removes the cgroup of a task; `false`: there are still processes in it.
    pub(crate) fn remove(&self, launch: u64) -> bool {
        match fs::remove_dir(self.leaf(launch)) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    fn leaf(&self, launch: u64) -> PathBuf {
        self.path.join(format!("task-{launch}"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Fails while tasks are kept running in it; their supervisor finds it again by its name.
        let _ = fs::remove_dir(&self.path);
    }
}

fn oom_kills(events: &str) -> u64 {
    let count = |line: &str| line.strip_prefix("oom_kill ")?.trim().parse().ok();
    events.lines().find_map(count).unwrap_or(0)
}

/// FNV-1a: the same name for the same directory in every release.
fn hash(path: &Path) -> u64 {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
24 18 0:20 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
33 24 0:30 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
41 24 0:26 /box /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw
";

    #[test]
    fn the_unified_hierarchy_is_found_among_others() {
        let memberships = "5:memory:/a\n0::/box/inner\n";
        assert_eq!(unified_path(memberships), Some("/box/inner"));
        let (mount, inside) = unified_mount(MOUNTS).expect("there is one");
        assert_eq!(mount, Path::new("/sys/fs/cgroup/unified"));
        assert_eq!(inside, "/box");
    }

    #[test]
    fn a_directory_that_is_no_cgroup_is_refused_with_its_name() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // SAFETY: it fails before it would fork.
        let why = unsafe { probe(Some(dir.path())) }.expect_err("an ordinary directory");
        assert!(why.contains(&dir.path().display().to_string()), "{why}");
        assert!(why.contains("no cgroup v2"), "{why}");
        fs::write(dir.path().join("cgroup.controllers"), "cpu io\n").expect("writes");
        // SAFETY: as above.
        let why = unsafe { probe(Some(dir.path())) }.expect_err("no memory controller");
        assert!(why.contains("no memory controller (it has: cpu io)"), "{why}");
    }

    #[test]
    fn the_limits_are_written_in_the_units_of_the_kernel() {
        assert_eq!(cpu_max(1500), "150000 100000");
        assert_eq!(cpu_max(1), "1000 100000");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let tree = Tree::open(dir.path(), Path::new("/some/where")).expect("a tree of plain files");
        let limits = TaskLimits { cpus_milli: Some(250), mem_mib: Some(3) };
        let entry = tree.add(7, &limits).expect("a cgroup");
        let leaf = entry.parent().expect("lies in the cgroup");
        assert_eq!(read(&leaf.join("memory.max")).expect("written"), "3145728");
        assert_eq!(read(&leaf.join("cpu.max")).expect("written"), "25000 100000");
        assert!(!tree.is_over_memory(7));
        fs::write(leaf.join("memory.events"), "low 0\noom 1\noom_kill 1\n").expect("writes");
        assert!(tree.is_over_memory(7));
    }
}
