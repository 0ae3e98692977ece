//! Journals as files to look at: replay one, show it as JSON lines.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tamias::codec::jsonl::{event_line, record_line, trace_line};
use tamias::codec::replay::Step;
use tamias::codec::{Record, Replay};
use tamias::kernel::journal::{replay_path, replay_steps};
use tamias::{Code, Rejection};

use crate::classes::{classes, make};
use crate::errors::Result;
use crate::kernel::hex;

/// Replays the journal without locking or changing it.
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // what arguments from Python are
pub(crate) fn replay_journal(py: Python<'_>, path: PathBuf) -> Result<Bound<'_, PyAny>> {
    let replayed = py.detach(|| {
        let replayed = replay_path(&path, None)?;
        let hash = hex(&replayed.state.hash());
        Ok::<_, Rejection>((replayed, hash))
    });
    let (replayed, hash) = replayed?;
    let state = &replayed.state;
    let fields = (
        state.seq(),
        hash,
        replayed.epoch,
        replayed.records,
        replayed.hashes,
        state.agents().len(),
        state.frameworks().len(),
        state.tasks().len(),
        pyo3::types::PyTuple::new(py, &replayed.warnings)?,
    );
    Ok(make(py, &classes(py)?.replayed_journal, fields)?)
}

/// The records of a journal as JSON lines, one after the other.
#[pyclass(frozen, module = "tamias.journal", name = "JournalLines")]
pub(crate) struct PyJournalLines {
    path: PathBuf,
    with_events: bool,
    state: Mutex<Lines>,
}

struct Lines {
    replay: Replay<BufReader<File>>,
    ready: VecDeque<String>,
}

#[pymethods]
impl PyJournalLines {
    #[new]
    #[pyo3(signature = (path, *, events=false))]
    fn new(path: PathBuf, events: bool) -> Result<Self> {
        let replay = replay_steps(&path, None)?;
        let state = Mutex::new(Lines { replay, ready: VecDeque::new() });
        Ok(Self { path, with_events: events, state })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> Result<Option<String>> {
        py.detach(|| {
            let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let Lines { replay, ready } = &mut *guard;
            if ready.is_empty() {
                let step = replay.step().map_err(|error| self.damaged(&error))?;
                ready.extend(step.iter().flat_map(|step| self.lines(step)));
            }
            Ok(ready.pop_front())
        })
    }
}

impl PyJournalLines {
    fn lines(&self, step: &Step) -> Vec<String> {
        let mut lines = vec![record_line(&step.entry.record)];
        if let (true, Record::Command(command), Some(reply)) =
            (self.with_events, &step.entry.record, &step.reply)
        {
            lines.push(trace_line(command.seq, reply));
            let effects = step.effects.iter().enumerate();
            lines.extend(effects.map(|(place, effect)| event_line(command.seq, place, effect)));
        }
        lines
    }

    fn damaged(&self, error: &tamias::codec::JournalError) -> Rejection {
        Rejection::new(Code::Corrupt, format!("{}: {error}", self.path.display()))
    }
}
