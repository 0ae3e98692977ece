//! What `/proc` tells about processes: parent, group, session, start time, sandbox.
//!
//! A process is named by its number *and* its start time: numbers are used again.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::task::Pid;

/// The environment variable that marks every process of a task with its sandbox.
pub(crate) const SANDBOX_VARIABLE: &str = "TAMIAS_SANDBOX";

/// The fields of `/proc/PID/stat` that are needed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: Pid,
    /// One letter; `Z` and `X` are dead.
    pub(crate) state: u8,
    pub(crate) parent: Pid,
    pub(crate) session: Pid,
    /// Field 22: start time in clock ticks since the machine started.
    pub(crate) start_ticks: u64,
}

impl Stat {
    /// Whether it has ended, reaped or not.
    pub(crate) const fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Reads the facts of one process; `None`: there is no such process.
pub(crate) fn stat(pid: Pid) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &[u8]) -> Option<Stat> {
    let text = String::from_utf8_lossy(text);
    let pid = text.split(' ').next()?.parse().ok()?;
    // The name stands in brackets and may hold blanks and brackets itself: count from its end.
    let rest = &text[text.rfind(')')? + 2..];
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let _group = fields.next()?;
    let session = fields.next()?.parse().ok()?;
    // `state` was field 3 and `session` field 6; field 22 is 15 further on.
    let start_ticks = fields.nth(15)?.parse().ok()?;
    Some(Stat { pid, state, parent, session, start_ticks })
}

/// Whether the process of this number and start time is alive (a zombie is not).
pub(crate) fn is_alive(pid: Pid, start_ticks: u64) -> bool {
    stat(pid).is_some_and(|found| found.start_ticks == start_ticks && !found.is_dead())
}

/// All processes that can be seen.
pub(crate) fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .collect()
}

/// The children of a single-threaded process.
pub(crate) fn children(pid: Pid) -> Vec<Pid> {
    match fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) {
        Ok(text) => text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect(),
        // Kernels without CONFIG_PROC_CHILDREN: look at everybody's parent.
        Err(_) if stat(pid).is_some() => {
            all().into_iter().filter(|found| found.parent == pid).map(|found| found.pid).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// The sandbox that a process was given in its environment, if it still shows one.
pub(crate) fn sandbox_of(pid: Pid) -> Option<PathBuf> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|&byte| byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(SANDBOX_VARIABLE.as_bytes())?.strip_prefix(b"=")?;
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(value)))
    })
}

/// Paths by which a process holds on to places: its working directory and its standard files.
/// For a process that cleaned its environment they still tell where it came from.
pub(crate) fn places_of(pid: Pid) -> Vec<PathBuf> {
    ["cwd", "fd/0", "fd/1", "fd/2"]
        .iter()
        .filter_map(|link| fs::read_link(format!("/proc/{pid}/{link}")).ok())
        .collect()
}

/// What tells this start of the machine from any other: process numbers and start times mean
/// nothing across one.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let line = b"42 (a) b) c) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 11 12\n";
        let expected = Stat { pid: 42, state: b'S', parent: 7, session: 41, start_ticks: 9876 };
        assert_eq!(parse_stat(line), Some(expected));
    }

    #[test]
    fn a_cut_line_is_no_process() {
        assert_eq!(parse_stat(b"42 (a) S 7 42 41 0 -1"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn this_process_is_alive_and_a_wrong_start_time_is_another_process() {
        let me = Pid::try_from(std::process::id()).expect("a process number fits");
        let found = stat(me).expect("this process exists");
        assert_eq!(found.pid, me);
        assert!(is_alive(me, found.start_ticks));
        assert!(!is_alive(me, found.start_ticks + 1));
    }
}
