//! Writes the journal that every later version has to replay: all commands, two openings.
//!
//! `cargo run -p tamias --example write_golden -- FOLDER` writes `journal-VERSION.tamias`, its
//! state hash (`.hash`), its JSON lines (`.jsonl`) and a snapshot of its last state (`.snapshot`).
//! Done once per release; what is committed for a released version is never written again.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use tamias::codec::{files, jsonl, snapshot_file};
use tamias::kernel::journal::{JournalFile, JournalOptions, OpenedJournal, replay_steps};
use tamias::{Envelope, Options, Time, machine};

const START: Time = Time(1_767_225_600_000_000_000);

/// The first owner: agents, frameworks, tasks.
const FIRST: &str = include_str!("first.jsonl");

/// The second owner: restart, agents and frameworks that return or do not.
const SECOND: &str = include_str!("second.jsonl");

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("give the folder to write to")?;
    let name = format!("journal-{}", env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap().0);
    let path = Path::new(&folder).join(name + ".tamias");
    if path.exists() {
        return Err(format!("{} is there already: remove it first", path.display()).into());
    }
    for script in [FIRST, SECOND] {
        let wanted = JournalOptions::new(Options::mesos(), START);
        let OpenedJournal { mut journal, mut state, .. } = JournalFile::open(&path, &wanted)?;
        for text in script.lines() {
            let line = jsonl::parse_command_line(text)?;
            let now = line.now.ok_or("each line says when")?;
            let envelope = Envelope { now, session: line.session, command: line.command };
            journal.prepare(line.principal.as_deref(), &envelope)?;
            let before = state.seq();
            machine::apply(&mut state, &envelope, &mut Vec::new())
                .map_err(|rejection| format!("{text}: {rejection}"))?;
            if state.seq() == before {
                return Err(format!("{text}: it changed nothing").into());
            }
            journal.commit(&state);
        }
        journal.close(&state)?;
    }
    describe(&path)
}

/// Writes what the journal is compared with.
fn describe(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut replay = replay_steps(path, None)?;
    let mut lines = String::new();
    while let Some(step) = replay.step()? {
        writeln!(lines, "{}", jsonl::record_line(&step.entry.record))?;
    }
    let state = replay.finish()?.state;
    let hash = state.hash().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    files::replace(&path.with_extension("jsonl"), lines.as_bytes())?;
    files::replace(&path.with_extension("hash"), format!("{hash}\n").as_bytes())?;
    snapshot_file::write(&path.with_extension("snapshot"), &state)?;
    println!("{hash}");
    Ok(())
}
