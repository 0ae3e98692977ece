//! What the console prints.

use serde::Serialize;
use serde_json::Value;

use crate::codec::jsonl::{event_line, trace_line};
use crate::error::{Code, Rejection};
use crate::event::Effect;
use crate::kernel::Applied;
use crate::state::State;
use crate::time::Time;

pub(super) use crate::codec::jsonl::rejection_line;

/// The outcome of a command and its events.
pub(super) fn lines(applied: &Applied) -> Vec<String> {
    let mut lines = vec![trace_line(applied.seq, &applied.reply)];
    lines.extend(event_lines(&applied.effects));
    lines
}

/// Events with their places among those of one command.
pub(super) fn event_lines(effects: &[(u64, Effect)]) -> Vec<String> {
    let (mut last, mut next) = (None, 0);
    let place = |(seq, effect): &(u64, Effect)| {
        if last != Some(*seq) {
            (last, next) = (Some(*seq), 0);
        }
        next += 1;
        event_line(*seq, next - 1, effect)
    };
    effects.iter().map(place).collect()
}

pub(super) fn advance_line(seq: u64, now: Time) -> String {
    #[derive(Serialize)]
    struct Line {
        seq: u64,
        reply: &'static str,
        now: Time,
    }
    line(&Line { seq, reply: "advanced", now })
}

pub(super) fn hash_line(state: &State) -> String {
    #[derive(Serialize)]
    struct Line {
        seq: u64,
        reply: &'static str,
        hash: String,
    }
    let hash = blake3::Hash::from(state.hash()).to_string();
    line(&Line { seq: state.seq(), reply: "hash", hash })
}

pub(super) fn check_line(seq: u64) -> String {
    #[derive(Serialize)]
    struct Line {
        seq: u64,
        reply: &'static str,
    }
    line(&Line { seq, reply: "checked" })
}

fn line(value: &impl Serialize) -> String {
    // Maps with text keys and exact numbers: there is nothing that could fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// A printed line, to be compared.
pub(super) fn read(line: &str) -> Result<Value, Rejection> {
    serde_json::from_str(line)
        .map_err(|error| Rejection::new(Code::Defect, format!("a line was misprinted: {error}")))
}
