//! The supervisor process: parent of the tasks, so that the host never is.
//!
//! ```text
//! owner (the host) --posix_spawn--> starter   forks and exits at once
//!                                   guard     waits; kills or keeps when the supervisor dies
//!                                   `- supervisor   this folder
//!                                      `- main process of each task, in its own session
//! ```
//!
//! Why three: the host must have nothing to reap later, so the starter exits (the host waits for
//! it by its number and does not mind if somebody else did). And whatever ends the supervisor,
//! even SIGKILL, must not leave a task's descendants behind: they become children of the guard,
//! which is the nearest subreaper above, and which then kills and reaps them all.
//!
//! The supervisor has one thread. A parent-death signal fires when the *thread* that forked
//! exits, and only a process with one thread may `fork` and run on.
//!
//! Read on: `start` (the processes above), `daemon` (the loop), `owner` (connections and
//! requests), `launch` and `child` (from a request to a running program), `reaper` (kills, ends,
//! orphans), `recover` (what an earlier supervisor left).

mod child;
mod daemon;
mod launch;
mod owner;
mod reaper;
mod recover;
mod start;
mod task;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::sys::unix_ns;

const USAGE: &str = "\
tamias-supervisor runs the tasks of one local agent of Tamias. It is started by the library and \
not by hand:

    tamias-supervisor --work-dir DIR [--cgroup DIR]   with a connected socket as standard input
    tamias-supervisor --version

  --work-dir DIR   directory of the sandboxes, the record of tasks, the socket and the log
  --cgroup DIR     an empty delegated cgroup v2 to put the tasks into";

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
enum Arguments {
    Run { work_dir: PathBuf, cgroup: Option<PathBuf> },
    Version,
    Help,
}

/// The whole program `tamias-supervisor`. Gives 2 for a wrong command line.
pub fn supervisor_main() -> ExitCode {
    match parse(std::env::args_os().skip(1)) {
        Ok(Arguments::Run { work_dir, cgroup }) => start::start(&work_dir, cgroup.as_deref()),
        Ok(Arguments::Version) => {
            let protocol = crate::protocol::PROTOCOL;
            println!("tamias-supervisor {} (protocol {protocol})", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(Arguments::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("tamias-supervisor: {message}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Writes a line to the log, which standard error leads to.
fn log(text: &str) {
    let seconds = unix_ns() / 1_000_000_000;
    let line = format!("{seconds} supervisor {}: {text}\n", std::process::id());
    // A full disk must not end the supervisor.
    let _ = io::stderr().write_all(line.as_bytes());
}

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Arguments, String> {
    let (mut work_dir, mut cgroup) = (None, None);
    while let Some(argument) = arguments.next() {
        let slot = match argument.to_str() {
            Some("--version") => return Ok(Arguments::Version),
            Some("--help" | "-h") => return Ok(Arguments::Help),
            Some("--work-dir") => &mut work_dir,
            Some("--cgroup") => &mut cgroup,
            _ => return Err(format!("unknown argument {}", argument.to_string_lossy())),
        };
        let missing = || format!("{} needs a value", argument.to_string_lossy());
        let value = arguments.next().ok_or_else(missing)?;
        *slot = Some(PathBuf::from(value));
    }
    let work_dir = work_dir.ok_or("--work-dir is missing")?;
    if !work_dir.is_absolute() {
        return Err(format!("--work-dir {} is not absolute", work_dir.display()));
    }
    Ok(Arguments::Run { work_dir, cgroup })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Arguments, String> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn a_wrong_command_line_is_named() {
        assert_eq!(parse_words(&[]), Err("--work-dir is missing".into()));
        assert_eq!(parse_words(&["--work-dir"]), Err("--work-dir needs a value".into()));
        assert_eq!(parse_words(&["--dir", "x"]), Err("unknown argument --dir".into()));
        let relative = parse_words(&["--work-dir", "x"]);
        assert_eq!(relative, Err("--work-dir x is not absolute".into()));
        let run = Arguments::Run { work_dir: "/x".into(), cgroup: Some("y".into()) };
        assert_eq!(parse_words(&["--work-dir", "/x", "--cgroup", "y"]), Ok(run));
    }
}
