//! The record file: what a supervisor must not forget when it dies.
//!
//! Append-only lines of JSON: each launch with process number and start time, each end, each
//! acknowledgement. A supervisor writes a launch *before* the program starts, so no program can
//! run that the file does not know. It is rewritten without what is acknowledged (a new file,
//! then renamed) when a supervisor opens it and when it has grown large. A last
//! line without its newline was cut by a crash and does not count.
//! No fsync: the file need only outlive processes; tasks do not outlive the machine.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::OnOwnerExit;
use crate::place::Place;
use crate::task::{Outcome, Pid};

/// Number of this format; a file with another is refused.
const FORMAT: u32 = 1;

/// Length beyond which the file is rewritten, bytes: some 10,000 tasks, read in 0.1 s.
const LEN_MAX: u64 = 8 << 20;

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// The first line. `next_launch`: number that the next launch gets.
    Format { version: u32, next_launch: u64 },
    /// What is to happen when the owner goes away; the last such line is in force.
    Mode { on_owner_exit: OnOwnerExit },
    /// A process was made for a task.
    Launched(Launched),
    /// A task came to its end.
    Ended { task: String, outcome: Outcome },
    /// The owner knows of the end; the task can be forgotten.
    Acknowledged { task: String },
}

/// A process made for a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Launched {
    pub(crate) task: String,
    pub(crate) launch: u64,
    /// Name of the sandbox.
    pub(crate) sandbox: String,
    pub(crate) pid: Pid,
    pub(crate) start_ticks: u64,
    pub(crate) boot_id: String,
    pub(crate) started_ns: i64,
}

/// What the file says about one task that is not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// `None`: it ended before a process was made.
    pub(crate) launched: Option<Launched>,
    /// `None`: no end is on record.
    pub(crate) outcome: Option<Outcome>,
}

/// All that the file says.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    pub(crate) next_launch: u64,
    pub(crate) on_owner_exit: OnOwnerExit,
    pub(crate) tasks: BTreeMap<String, Known>,
}

impl Contents {
    fn empty() -> Self {
        Self { next_launch: 1, on_owner_exit: OnOwnerExit::Kill, tasks: BTreeMap::new() }
    }

    /// Processes without an end on record, which may be alive.
    pub(crate) fn unended(&self) -> impl Iterator<Item = &Launched> {
        self.tasks
            .values()
            .filter(|known| known.outcome.is_none())
            .filter_map(|known| known.launched.as_ref())
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Format { next_launch, .. } => self.next_launch = next_launch,
            Record::Mode { on_owner_exit } => self.on_owner_exit = on_owner_exit,
            Record::Launched(launched) => {
                self.next_launch = self.next_launch.max(launched.launch + 1);
                let task = launched.task.clone();
                self.tasks.insert(task, Known { launched: Some(launched), outcome: None });
            }
            Record::Ended { task, outcome } => {
                let known =
                    self.tasks.entry(task).or_insert(Known { launched: None, outcome: None });
                known.outcome = Some(outcome);
            }
            Record::Acknowledged { task } => {
                self.tasks.remove(&task);
            }
        }
    }
}

/// Reads the file; a missing one is an empty one.
pub(crate) fn read(path: &Path) -> io::Result<Contents> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::empty()),
        Err(error) => return Err(error),
    };
    let mut contents = Contents::empty();
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    for (index, line) in text[..whole].split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let invalid = |why: String| {
            let place = format!("{} line {}: {why}", path.display(), index + 1);
            io::Error::new(io::ErrorKind::InvalidData, place)
        };
        let record: Record =
            serde_json::from_slice(line).map_err(|error| invalid(error.to_string()))?;
        if let Record::Format { version, .. } = record {
            if version != FORMAT {
                return Err(invalid(format!("format {version}; this release reads {FORMAT}")));
            }
        } else if index == 0 {
            return Err(invalid("does not begin with its format".to_owned()));
        }
        contents.apply(record);
    }
    Ok(contents)
}

/// The file open for appending. Only the holder of the work directory's lock has one.
#[derive(Debug)]
pub(crate) struct RecordFile {
    path: PathBuf,
    file: File,
    len: u64,
    /// Length at which it is rewritten next.
    len_max: u64,
}

impl RecordFile {
    /// Opens the file: reads it and rewrites it without what is acknowledged.
    pub(crate) fn open(place: &Place) -> io::Result<(Self, Contents)> {
        let path = place.records();
        let contents = read(&path)?;
        let (file, len) = rewrite(&path, &contents)?;
        Ok((Self { path, file, len, len_max: LEN_MAX.max(2 * len) }, contents))
    }

    /// Appends one line.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = Vec::new();
        put(&mut line, record)?;
        // One write per line: a crash can cut the last line but not mix two.
        self.file.write_all(&line)?;
        self.len += line.len() as u64;
        if self.len > self.len_max {
            let (file, len) = rewrite(&self.path, &read(&self.path)?)?;
            (self.file, self.len) = (file, len);
            // Twice what is needed: so the work stays in proportion to what is appended.
            self.len_max = LEN_MAX.max(2 * len);
        }
        Ok(())
    }
}

/// Writes the contents to a new file in the place of the old one, and gives it with its length.
fn rewrite(path: &Path, contents: &Contents) -> io::Result<(File, u64)> {
    let mut lines = Vec::new();
    put(&mut lines, &Record::Format { version: FORMAT, next_launch: contents.next_launch })?;
    put(&mut lines, &Record::Mode { on_owner_exit: contents.on_owner_exit })?;
    for (task, known) in &contents.tasks {
        if let Some(launched) = &known.launched {
            put(&mut lines, &Record::Launched(launched.clone()))?;
        }
        if let Some(outcome) = &known.outcome {
            put(&mut lines, &Record::Ended { task: task.clone(), outcome: outcome.clone() })?;
        }
    }
    let fresh = path.with_extension("jsonl.new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    options.open(&fresh)?.write_all(&lines)?;
    fs::rename(&fresh, path)?;
    Ok((OpenOptions::new().append(true).open(path)?, lines.len() as u64))
}

fn put(lines: &mut Vec<u8>, record: &Record) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, record).map_err(io::Error::other)?;
    lines.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Exit, ExitStatus};

    fn launched(task: &str, launch: u64) -> Record {
        Record::Launched(Launched {
            task: task.into(),
            launch,
            sandbox: format!("{task}-{launch}"),
            pid: 100,
            start_ticks: 5,
            boot_id: "boot".into(),
            started_ns: 1,
        })
    }

    fn ended(task: &str) -> Record {
        let exit = Exit {
            status: ExitStatus::Code(0),
            usage: None,
            is_kill_requested: false,
            is_kill_forced: false,
            is_over_memory: false,
            ended_ns: 2,
        };
        Record::Ended { task: task.into(), outcome: Outcome::Exited(exit) }
    }

    #[test]
    fn a_reopened_file_knows_what_is_not_acknowledged_and_goes_on_counting() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let place = Place::open(dir.path()).expect("opens");
        let (mut file, contents) = RecordFile::open(&place).expect("a fresh file");
        assert!(contents.tasks.is_empty());
        file.append(&Record::Mode { on_owner_exit: OnOwnerExit::Keep }).expect("appends");
        for (task, launch) in [("running", 1), ("ended", 2), ("forgotten", 3)] {
            file.append(&launched(task, launch)).expect("appends");
        }
        file.append(&ended("ended")).expect("appends");
        file.append(&ended("forgotten")).expect("appends");
        file.append(&Record::Acknowledged { task: "forgotten".into() }).expect("appends");
        for _ in 0..2 {
            let (_, contents) = RecordFile::open(&place).expect("reopens");
            assert_eq!(contents.next_launch, 4);
            assert_eq!(contents.on_owner_exit, OnOwnerExit::Keep);
            assert_eq!(contents.tasks.keys().collect::<Vec<_>>(), ["ended", "running"]);
            let unended: Vec<_> = contents.unended().map(|found| found.task.as_str()).collect();
            assert_eq!(unended, ["running"]);
        }
    }

    #[test]
    fn a_file_that_has_grown_is_rewritten_and_loses_nothing() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let place = Place::open(dir.path()).expect("opens");
        let (mut file, _) = RecordFile::open(&place).expect("a fresh file");
        file.append(&launched("stays", 1)).expect("appends");
        file.len_max = 10_000;
        for launch in 2..1000 {
            file.append(&launched("passes", launch)).expect("appends");
            file.append(&ended("passes")).expect("appends");
            file.append(&Record::Acknowledged { task: "passes".into() }).expect("appends");
            // As if the constant were small.
            file.len_max = file.len_max.min(10_000);
            let len = fs::metadata(place.records()).expect("is there").len();
            assert_eq!(len, file.len);
            assert!(len <= 10_000, "{len}");
        }
        let contents = read(&place.records()).expect("reads");
        assert_eq!(contents.tasks.keys().collect::<Vec<_>>(), ["stays"]);
        assert_eq!(contents.next_launch, 1000);
    }

    #[test]
    fn a_cut_last_line_does_not_count_and_a_broken_one_before_it_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let place = Place::open(dir.path()).expect("opens");
        let (mut file, _) = RecordFile::open(&place).expect("a fresh file");
        file.append(&launched("a", 1)).expect("appends");
        file.file.write_all(b"{\"acknowledged\":{\"task\":\"a\"}}").expect("a cut line");
        assert_eq!(read(&place.records()).expect("reads").tasks.len(), 1);
        file.file.write_all(b" rubbish\n").expect("now it is whole and broken");
        let error = read(&place.records()).expect_err("a broken line");
        assert!(error.to_string().contains("tasks.jsonl line 4"), "{error}");
    }

    #[test]
    fn a_file_of_another_format_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("tasks.jsonl");
        fs::write(&path, "{\"format\":{\"version\":9,\"next_launch\":1}}\n").expect("writes");
        let error = read(&path).expect_err("another format");
        assert!(error.to_string().contains("format 9"), "{error}");
    }
}
