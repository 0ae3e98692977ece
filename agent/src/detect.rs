//! What this machine has for tasks: cpus, memory, disk.
//!
//! It counts what *this process* may use: the cpus of its affinity mask, less where a cgroup
//! (v1 or v2, its own or one above) sets a quota; the memory of the machine, less where a cgroup
//! sets a limit; the free space of a directory's file system. It keeps nothing back for the
//! system: that is for whoever registers the agent.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::cgroup::{mount_of, unified_mount, unified_path};
use crate::error::Error;

/// What a machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Thousandths of a cpu.
    pub cpus_milli: u64,
    /// Memory in MiB, rounded down.
    pub mem_mib: u64,
    /// Free disk space in MiB, rounded down.
    pub disk_mib: u64,
}

/// Looks at the machine. `disk_at`: an existing path on the file system whose space counts.
pub fn detect(disk_at: &Path) -> Result<Machine, Error> {
    let groups = Groups::read();
    let cpus = affinity_cpus().map_err(Error::system("read the cpu affinity"))? * 1000;
    let cpus_milli = groups.cpu_quota_milli().map_or(cpus, |quota| quota.min(cpus)).max(1);
    let meminfo = fs::read_to_string("/proc/meminfo").map_err(Error::system("read meminfo"))?;
    let total = mem_total(&meminfo)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no MemTotal"))
        .map_err(Error::system("find the memory in /proc/meminfo"))?;
    let mem = groups.mem_limit().map_or(total, |limit| limit.min(total));
    let disk = disk_free(disk_at).map_err(|source| Error::WorkDir {
        path: disk_at.to_owned(),
        action: "read the free space of",
        source,
    })?;
    Ok(Machine { cpus_milli, mem_mib: mem >> 20, disk_mib: disk >> 20 })
}

/// How many cpus the affinity mask of this process allows.
fn affinity_cpus() -> io::Result<u64> {
    // SAFETY: `cpu_set_t` is plain data for which all-zero is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the size given is that of the set the pointer leads to.
    let answer = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    if answer == 0 {
        // SAFETY: the set was filled by the call.
        let count = unsafe { libc::CPU_COUNT(&set) };
        return Ok(u64::try_from(count).unwrap_or(1));
    }
    // More than 1024 cpus do not fit into the fixed set: count what is online.
    std::thread::available_parallelism().map(|count| count.get() as u64)
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

fn disk_free(at: &Path) -> io::Result<u64> {
    let path = std::ffi::CString::new(at.as_os_str().as_bytes())?;
    // SAFETY: `statvfs` is plain data for which all-zero is a value.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is NUL-terminated and the pointer leads to the record that is written.
    crate::sys::check(unsafe { libc::statvfs(path.as_ptr(), &raw mut stat) })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The directories of the cgroups that this process is in, own one first, then each one above.
struct Groups {
    unified: Vec<PathBuf>,
    cpu_v1: Vec<PathBuf>,
    mem_v1: Vec<PathBuf>,
}

impl Groups {
    fn read() -> Self {
        let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self::parse(&memberships, &mounts)
    }

    fn parse(memberships: &str, mounts: &str) -> Self {
        let v1 = |controller: &str| {
            let path = memberships.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                controllers.split(',').any(|name| name == controller).then_some(path)
            });
            let mount = mount_of(mounts, |kind, options| {
                kind == "cgroup" && options.split(',').any(|name| name == controller)
            });
            chain(path, mount)
        };
        Self {
            unified: chain(unified_path(memberships), unified_mount(mounts)),
            cpu_v1: v1("cpu"),
            mem_v1: v1("memory"),
        }
    }

    /// The tightest cpu quota, thousandths.
    fn cpu_quota_milli(&self) -> Option<u64> {
        let v2 = self.unified.iter().filter_map(|dir| {
            let text = fs::read_to_string(dir.join("cpu.max")).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            share_milli(quota, period)
        });
        let v1 = self.cpu_v1.iter().filter_map(|dir| {
            let quota = fs::read_to_string(dir.join("cpu.cfs_quota_us")).ok()?;
            let period = fs::read_to_string(dir.join("cpu.cfs_period_us")).ok()?;
            share_milli(quota.trim(), period.trim())
        });
        v2.chain(v1).min()
    }

    /// The tightest memory limit, bytes.
    fn mem_limit(&self) -> Option<u64> {
        let number = |dir: &PathBuf, file: &str| {
            fs::read_to_string(dir.join(file)).ok()?.trim().parse::<u64>().ok()
        };
        let v2 = self.unified.iter().filter_map(|dir| number(dir, "memory.max"));
        let v1 = self.mem_v1.iter().filter_map(|dir| number(dir, "memory.limit_in_bytes"));
        v2.chain(v1).min()
    }
}

/// `quota` of `period` in thousandths; `None` for "max" (v2) and -1 (v1), which mean no quota.
fn share_milli(quota: &str, period: &str) -> Option<u64> {
    let quota: u64 = quota.parse().ok()?;
    let period: u64 = period.parse().ok().filter(|&period| period > 0)?;
    Some(quota.saturating_mul(1000) / period)
}

/// The directory of a cgroup and those above it, down from its mount.
fn chain(path: Option<&str>, mount: Option<(PathBuf, String)>) -> Vec<PathBuf> {
    let (Some(path), Some((mount, inside))) = (path, mount) else { return Vec::new() };
    let below = path.strip_prefix(inside.as_str()).unwrap_or(path).trim_start_matches('/');
    let own = mount.join(below);
    own.ancestors().take_while(|dir| dir.starts_with(&mount)).map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_something_of_each() {
        let machine = detect(Path::new("/")).expect("a machine");
        assert!(machine.cpus_milli >= 1, "{machine:?}");
        assert!(machine.mem_mib >= 16, "{machine:?}");
        let error = detect(Path::new("/no/such/place")).expect_err("a missing path");
        assert!(error.to_string().contains("/no/such/place"), "{error}");
    }

    #[test]
    fn a_quota_is_a_share_in_thousandths() {
        assert_eq!(share_milli("150000", "100000"), Some(1500));
        assert_eq!(share_milli("max", "100000"), None);
        assert_eq!(share_milli("-1", "100000"), None);
        assert_eq!(share_milli("1", "0"), None);
    }

    #[test]
    fn the_tightest_limit_of_all_cgroups_above_counts() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let (v2, v1) = (root.path().join("v2"), root.path().join("v1"));
        let (inner, old) = (v2.join("a/b"), v1.join("box"));
        fs::create_dir_all(&inner).expect("makes");
        fs::create_dir_all(&old).expect("makes");
        fs::write(inner.join("cpu.max"), "max 100000\n").expect("writes");
        fs::write(v2.join("a/cpu.max"), "250000 100000\n").expect("writes");
        fs::write(inner.join("memory.max"), "3145728\n").expect("writes");
        fs::write(v2.join("a/memory.max"), "max\n").expect("writes");
        fs::write(old.join("memory.limit_in_bytes"), "2097152\n").expect("writes");
        let mounts = format!(
            "1 0 0:1 / {} rw - cgroup2 cgroup2 rw\n2 0 0:2 / {} rw - cgroup cgroup rw,memory\n",
            v2.display(),
            v1.display()
        );
        let groups = Groups::parse("4:memory:/box\n0::/a/b\n", &mounts);
        assert_eq!(groups.cpu_quota_milli(), Some(2500));
        assert_eq!(groups.mem_limit(), Some(2 << 20));
    }
}
