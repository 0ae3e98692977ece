//! The generic verb: one JSON line in, the reply and the events it caused out, as JSON lines.
//!
//! Every binding has it, so that a command without a typed function in some language is still
//! within reach, and so that one script gives the same bytes in every language. A line sent with a
//! session is a plain command, `{"do":"revive","roles":["batch"]}`. A line sent without one may
//! also carry the keys of scripts (`as`, `bind`, `expect`...; `docs/conformance.md` has them all);
//! what they name is remembered per kernel.
//!
//! The console decides nothing about scheduling and keeps nothing that belongs to the state.
//!
//! - [`header`]: the line that opens a kernel
//! - [`line`]: what a line says
//! - [`bindings`]: labels of sessions, `$names` for values
//! - [`expect`]: comparing what came with what was wanted
//! - [`strict`]: JSON without duplicate keys

mod bindings;
mod expect;
mod header;
mod line;
mod output;
mod strict;

use serde_json::{Map, Value};

use super::Kernel;
use super::journal::JournalOptions;
use std::path::Path;

use crate::codec::jsonl::trace_line;
use crate::command::Command;
use crate::error::{Code, Rejection};
use crate::ids::SessionId;
use crate::limits::TIMEOUT_MAX;
use crate::query::Query;
use crate::time::Nanos;

use bindings::Bindings;
use header::Header;
use line::{Line, Verb};

/// What the console of one kernel remembers between lines.
#[derive(Debug, Default)]
pub(crate) struct Console {
    /// The name of the script, if the kernel was opened for one: then invariants are checked after
    /// every line.
    script: Option<Box<str>>,
    bindings: Bindings,
}

impl Kernel {
    /// Opens a kernel in memory as a JSON object says: `{}`, or
    /// `{"options":{"preset":"mesos","offer_timeout_seconds":30},"clock":"manual","start":0}`.
    ///
    /// `options` is read by [`Options::from_json`](crate::Options::from_json); `clock` is
    /// `"system"` (default) or `"manual"`; `start` is where a manual clock stands, in seconds
    /// since 1970 (default 0). `"script":"name"` opens a kernel for a script: its clock is manual
    /// and its invariants are checked after every line. `note` is ignored.
    ///
    /// Errors: [`Code::Malformed`] with the key, [`Code::BadOption`].
    pub fn open_json(text: &str) -> Result<Self, Rejection> {
        let Header { options, clock, script, journal, durability } =
            Header::read(strict::parse_object(text.trim())?)?;
        let kernel = match journal {
            None => Self::open_with(options, clock)?,
            Some(path) => {
                let mut wanted = JournalOptions::new(options, clock.now());
                wanted.durability = durability;
                Self::open_journal(Path::new(&*path), &wanted, clock)?
            }
        };
        kernel.shared.console.lock().script = script;
        Ok(kernel)
    }

    /// Sends one JSON line. Returns the outcome, `{"seq":7,"reply":"done"}`, and one line for each
    /// event that it caused, `{"seq":7,"ordinal":0,"session":"s0.1","event":"offer",...}`, without
    /// a newline at the end. A blank line and one that begins with `#` give an empty text.
    ///
    /// With a session the line is a plain command. Without one it may also be a line of a script.
    ///
    /// Errors: those of the command; [`Code::Malformed`] for what is not JSON;
    /// [`Code::BadScript`] for a script key that means nothing and for an expectation that was not
    /// met (the command was applied then).
    ///
    /// ```
    /// let kernel = tamias::Kernel::open_json(r#"{"script":"an example"}"#)?;
    /// let out = kernel.command(None, r#"{"do":"open_session","kind":"operator","as":"op"}"#)?;
    /// assert_eq!(out, r#"{"seq":1,"reply":"session_opened","session":"s0.1"}"#);
    /// # Ok::<(), tamias::Rejection>(())
    /// ```
    pub fn command(&self, session: Option<SessionId>, line: &str) -> Result<String, Rejection> {
        self.check_alive()?;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(String::new());
        }
        let lines = match session {
            Some(_) => self.plain_line(session, text)?,
            None => self.shared.console.lock().run(self, strict::parse_object(text)?)?,
        };
        Ok(lines.join("\n"))
    }

    /// Sends a line that is nothing but a command.
    fn plain_line(&self, session: Option<SessionId>, text: &str) -> Result<Vec<String>, Rejection> {
        let mut fields = strict::parse_object(text)?;
        let name = line::take_name(&mut fields)?;
        if Query::NAMES.contains(&name.as_str()) {
            return self.query_line(&name, fields);
        }
        let command = Command::from_json(&name, Value::Object(fields))?;
        self.call_traced(session, command).map(|applied| output::lines(&applied))
    }

    fn query_line(&self, name: &str, fields: Map<String, Value>) -> Result<Vec<String>, Rejection> {
        let query = Query::from_json(name, Value::Object(fields))?;
        let state = self.branch();
        Ok(vec![trace_line(state.seq(), &state.query(&query)?)])
    }
}

impl Console {
    /// Runs one line of a script; returns what it prints.
    fn run(
        &mut self,
        kernel: &Kernel,
        fields: Map<String, Value>,
    ) -> Result<Vec<String>, Rejection> {
        let line = Line::read(self.bindings.fill_in(fields)?)?;
        let session = self.sender(kernel, &line)?;
        let before = line.error.as_ref().map(|_| kernel.state_hash());
        let lines = match (perform(kernel, session, &line), &line.error) {
            (Ok(lines), None) => lines,
            (Err(rejected), None) => return Err(rejected),
            (Ok(lines), Some(wanted)) => return Err(wanted.missed(&lines[0])),
            (Err(rejected), Some(wanted)) => {
                wanted.check(&rejected)?;
                if before != Some(kernel.state_hash()) {
                    let text = format!("the rejected line changed the state: {rejected}");
                    return Err(Rejection::new(Code::Defect, text));
                }
                return Ok(vec![output::rejection_line(&rejected)]);
            }
        };
        self.remember_session(&line, &lines[0])?;
        self.compare(&line, &lines)?;
        if self.script.is_some() {
            self.check_invariants(kernel)?;
        }
        Ok(lines)
    }

    /// The session that sends the line, if it says which.
    fn sender(&self, kernel: &Kernel, line: &Line) -> Result<Option<SessionId>, Rejection> {
        let Some(label) = &line.label else { return Ok(None) };
        if !line.verb.opens_session() {
            return self.bindings.session(label).map_err(|r| r.at("as")).map(Some);
        }
        let open = self.bindings.find_session(label).filter(|session| {
            kernel.shared.with_state(|state| state.sessions().contains(*session))
        });
        match open {
            None => Ok(None),
            Some(session) => {
                let text = format!("the label {label:?} is that of session {session}: close it");
                Err(bad_script(text).at("as"))
            }
        }
    }

    fn remember_session(&mut self, line: &Line, outcome: &str) -> Result<(), Rejection> {
        match &line.label {
            Some(label) if line.verb.opens_session() => {
                let outcome = output::read(outcome)?;
                let session = outcome.get("session").and_then(Value::as_str).map(str::parse);
                if let Some(Ok(session)) = session {
                    self.bindings.label(label, session);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Compares what came with what the line expects, and binds what it names.
    fn compare(&mut self, line: &Line, lines: &[String]) -> Result<(), Rejection> {
        if !line.looks_at_outcome() {
            return Ok(());
        }
        let outcome = output::read(&lines[0])?;
        if let Some(wanted) = &line.reply {
            expect::check_reply(wanted, &outcome)?;
        }
        let events = lines[1..].iter().map(|text| output::read(text));
        let events = events.collect::<Result<Vec<_>, _>>()?;
        let matched = expect::check_events(line, &events, &self.bindings)?;
        for (place, paths, event) in matched {
            self.bindings.bind(paths, event).map_err(|r| r.within(&place))?;
        }
        self.bindings.bind(&line.bind, &outcome)
    }

    fn check_invariants(&self, kernel: &Kernel) -> Result<(), Rejection> {
        kernel.shared.with_state(|state| state.check_invariants()).map_err(|violation| {
            let script = self.script.as_deref().unwrap_or_default();
            let text = format!("script {script:?}: the state contradicts itself: {violation}");
            Rejection::new(Code::Defect, text)
        })
    }
}

/// Does what a line asks for; returns the outcome and the events.
fn perform(
    kernel: &Kernel,
    session: Option<SessionId>,
    line: &Line,
) -> Result<Vec<String>, Rejection> {
    match &line.verb {
        Verb::Command(name) => {
            let command = Command::from_json(name, Value::Object(line.fields.clone()))?;
            let applied = match line.now {
                Some(now) => kernel.shared.call_at(now, session, command)?,
                None => kernel.call_traced(session, command)?,
            };
            Ok(output::lines(&applied))
        }
        Verb::Query(name) => kernel.query_line(name, line.fields.clone()),
        Verb::Raw => {
            let text = line.fields.get("line").and_then(Value::as_str).unwrap_or_default();
            kernel.plain_line(session, text)
        }
        Verb::Advance => advance(kernel, line),
        Verb::Hash => Ok(vec![kernel.shared.with_state(output::hash_line)]),
        Verb::Check => {
            let (seq, result) =
                kernel.shared.with_state(|state| (state.seq(), state.check_invariants()));
            let violation = |v| Rejection::new(Code::Defect, format!("{v}"));
            result.map_err(violation)?;
            Ok(vec![output::check_line(seq)])
        }
    }
}

/// Moves a manual clock.
fn advance(kernel: &Kernel, line: &Line) -> Result<Vec<String>, Rejection> {
    let seconds = line.fields.get("seconds").cloned().unwrap_or_default();
    let span: Nanos = serde_json::from_value(seconds)
        .map_err(|error| Rejection::new(Code::BadTime, error.to_string()).at("seconds"))?;
    if span < Nanos::ZERO || span > TIMEOUT_MAX {
        let text = format!("{span} is out of range: 0 seconds to 100 years");
        return Err(Rejection::new(Code::BadTime, text).at("seconds"));
    }
    let effects = kernel.advance(kernel.now().plus(span))?;
    let (seq, now) = kernel.shared.with_state(|state| (state.seq(), state.now()));
    let mut lines = vec![output::advance_line(seq, now)];
    lines.extend(output::event_lines(&effects));
    Ok(lines)
}

fn bad_script(text: impl Into<String>) -> Rejection {
    Rejection::new(Code::BadScript, text)
}

#[cfg(test)]
mod tests;
