//! Commands, replies and events as JSON lines, for people, scripts and bug reports.
//!
//! `{"seq":7,"now":1767225600,"session":"s0.1","do":"kill","task":"t1"}`. Keys stand in the order
//! in which they are declared, so equal things give equal bytes. Lines have no newline at the end.

use serde::Serialize;
use serde_json::{Map, Value};

use super::record::{AcceptedCommand, Base, Record};
use super::replay::hex;
use crate::command::{Command, Envelope};
use crate::error::{Code, Rejection};
use crate::event::Effect;
use crate::ids::SessionId;
use crate::time::Time;

/// A command read from a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// Its number, if the line has one.
    pub seq: Option<u64>,
    /// When, if the line says so.
    pub now: Option<Time>,
    /// Who, if the line says so.
    pub session: Option<SessionId>,
    /// On whose behalf, if the line says so.
    pub principal: Option<Box<str>>,
    /// What.
    pub command: Command,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    now: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(flatten)]
    command: &'a Command,
}

/// A command as a line; `seq` and `principal` (as `by`) are left out if there is none.
#[must_use]
pub fn command_line(seq: Option<u64>, principal: Option<&str>, envelope: &Envelope) -> String {
    let Envelope { now, session, command } = envelope;
    line(&Line { seq, now: *now, session: *session, by: principal, command })
}

/// Reads a command from a line.
///
/// Errors: [`Code::Malformed`] and [`Code::UnknownCommand`] with the field.
pub fn parse_command_line(text: &str) -> Result<CommandLine, Rejection> {
    let malformed = |message: String| Rejection::new(Code::Malformed, message);
    let value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let Value::Object(mut fields) = value else {
        return Err(malformed("a line is an object such as {\"do\":\"tick\"}".into()));
    };
    let (seq, now) = (take(&mut fields, "seq")?, take(&mut fields, "now")?);
    let (session, principal) = (take(&mut fields, "session")?, take(&mut fields, "by")?);
    let Some(name) = take::<String>(&mut fields, "do")? else {
        return Err(malformed("the line names no command: add \"do\"".into()).at("do"));
    };
    let command = Command::from_json(&name, Value::Object(fields))?;
    Ok(CommandLine { seq, now, session, principal, command })
}

fn take<T: serde::de::DeserializeOwned>(
    fields: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<T>, Rejection> {
    let value = fields.remove(key).map(serde_json::from_value).transpose();
    value.map_err(|error| Rejection::new(Code::Malformed, error.to_string()).at(key))
}

/// The reply to a command as a line: `{"seq":7,"reply":"done"}`.
#[must_use]
pub fn trace_line(seq: u64, reply: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Line<'a, R> {
        seq: u64,
        #[serde(flatten)]
        reply: &'a R,
    }
    line(&Line { seq, reply })
}

/// A rejection as a line: `{"rejected":{"code":"OfferGone",...}}`. It has no number: nothing
/// happened.
#[must_use]
pub fn rejection_line(rejected: &Rejection) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        rejected: &'a Rejection,
    }
    line(&Line { rejected })
}

/// An event as a line: `{"seq":7,"ordinal":0,"session":"s0.1","event":"kill",...}`.
#[must_use]
pub fn event_line(seq: u64, ordinal: usize, effect: &Effect) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        seq: u64,
        ordinal: usize,
        #[serde(flatten)]
        effect: &'a Effect,
    }
    line(&Line { seq, ordinal, effect })
}

/// A journal record as a line. Commands are as [`command_line`] has them and read back; the others
/// are `{"journal":"opened",...}` and `{"journal":"hash",...}`.
#[must_use]
pub fn record_line(record: &Record) -> String {
    #[derive(Serialize)]
    #[serde(tag = "journal", rename_all = "snake_case")]
    enum Line<'a> {
        Opened {
            epoch: u64,
            format: u32,
            library: &'a str,
            started: Time,
            #[serde(skip_serializing_if = "Option::is_none")]
            base: Option<BaseLine>,
            options: &'a crate::options::Options,
        },
        Hash {
            seq: u64,
            hash: String,
        },
    }
    #[derive(Serialize)]
    struct BaseLine {
        seq: u64,
        hash: String,
    }
    let base_line = |base: Base| BaseLine { seq: base.seq, hash: hex(base.hash) };
    match record {
        Record::Command(AcceptedCommand { seq, principal, envelope, .. }) => {
            command_line(Some(*seq), principal.as_deref(), envelope)
        }
        Record::Open(open) => line(&Line::Opened {
            epoch: open.epoch,
            format: open.format,
            library: &open.library,
            started: open.started,
            base: open.base.map(base_line),
            options: &open.options,
        }),
        Record::Hash(hash) => line(&Line::Hash { seq: hash.seq, hash: hex(hash.hash) }),
    }
}

fn line(value: &impl Serialize) -> String {
    // Maps with text keys and exact numbers: there is nothing that could fail.
    serde_json::to_string(value).unwrap_or_default()
}
