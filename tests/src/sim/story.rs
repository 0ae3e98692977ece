//! What was sent in a simulation: replayed, made shorter, and written as an engine script.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};
use tamias::Options;
use tamias::command::Envelope;
use tamias::ids::SessionId;
use tamias::time::Nanos;

use super::kernel::Kernel;

/// One line of a story.
#[derive(Debug, Clone)]
pub enum Line {
    /// A command, at the time that the clock shows, and the session that it opened.
    Command(Box<Envelope>, Option<SessionId>),
    /// Time goes on.
    Advance(Nanos),
}

/// Everything that was sent and accepted, in order.
#[derive(Debug, Clone)]
pub struct Story {
    /// The kernel's options.
    pub options: Options,
    /// The lines.
    pub lines: Vec<Line>,
}

impl Story {
    /// A story that begins.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, lines: Vec::new() }
    }

    /// Plays it again; whether the kernel breaks. Commands that are rejected now are passed over.
    #[must_use]
    pub fn breaks(&self) -> bool {
        self.replay(&mut Kernel::new(self.options.clone()))
    }

    fn replay(&self, kernel: &mut Kernel) -> bool {
        let played = catch_unwind(AssertUnwindSafe(|| {
            for line in &self.lines {
                match line {
                    Line::Advance(span) => kernel.advance(*span),
                    Line::Command(envelope, _) => {
                        let _ = kernel.send(envelope.session, envelope.command.clone());
                    }
                }
            }
        }));
        played.is_err()
    }

    /// A shorter story that still breaks the kernel: parts are left out as long as it does (delta
    /// debugging: Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*, 2002,
    /// complements only).
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        let mut part = self.lines.len().div_ceil(2);
        while part > 0 {
            let mut from = 0;
            let mut shorter = false;
            while from < self.lines.len() {
                let to = (from + part).min(self.lines.len());
                let mut without = self.clone();
                without.lines.drain(from..to);
                if without.breaks() {
                    self = without;
                    shorter = true;
                } else {
                    from = to;
                }
            }
            if !shorter {
                part /= 2;
            }
        }
        let joined = self.joined();
        if joined.breaks() { joined } else { self }
    }

    /// The same with one step of time in place of several in a row.
    fn joined(&self) -> Self {
        let mut lines: Vec<Line> = Vec::new();
        for line in &self.lines {
            match (lines.last_mut(), line) {
                (Some(Line::Advance(sum)), Line::Advance(span)) => sum.0 += span.0,
                _ => lines.push(line.clone()),
            }
        }
        Self { options: self.options.clone(), lines }
    }

    /// The story as an engine script (`docs/conformance.md`), without what is rejected.
    ///
    /// # Panics
    /// Never: commands and options are serialisable.
    #[must_use]
    pub fn to_script(&self, name: &str) -> String {
        let mut kernel = Kernel::new(self.options.clone());
        self.replay(&mut kernel);
        let options = serde_json::to_value(&self.options).expect("options in JSON");
        let start = crate::world::START.0 / 1_000_000_000;
        let header = json!({"script": name, "start": start, "options": options});
        let mut text = format!("{header}\n");
        for line in &kernel.story.lines {
            let value = match line {
                Line::Advance(span) => json!({"do": "advance", "seconds": span}),
                Line::Command(envelope, opened) => step(envelope, *opened),
            };
            let _ = writeln!(text, "{value}");
        }
        text
    }
}

/// A command as a step. Labels are the ids of sessions.
fn step(envelope: &Envelope, opened: Option<SessionId>) -> Value {
    let command = serde_json::to_value(&envelope.command).expect("a command in JSON");
    let Value::Object(mut fields) = command else { return command };
    let label = opened.or(envelope.session).map(|session| Value::String(session.to_string()));
    fields.extend(label.map(|label| ("as".to_owned(), label)));
    Value::Object(fields)
}
