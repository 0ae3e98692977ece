//! What a line of a script says.

use serde_json::{Map, Value};

use super::bad_script;
use super::bindings::Paths;
use super::expect::{Never, Pattern, WantedRejection};
use crate::error::{Code, Rejection, shorten};
use crate::query::Query;
use crate::time::Time;

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verb {
    /// A command of the kernel.
    Command(String),
    /// A question to the kernel.
    Query(String),
    /// Moves the manual clock.
    Advance,
    /// Prints the state hash.
    Hash,
    /// Checks the invariants.
    Check,
    /// Sends a text as it stands, which need not be JSON.
    Raw,
}

impl Verb {
    pub fn opens_session(&self) -> bool {
        matches!(self, Self::Command(name) if name == "open_session")
    }

    fn takes_session(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Raw)
    }

    /// The fields of those verbs that are no commands.
    fn own_fields(&self) -> Option<&'static [&'static str]> {
        match self {
            Self::Command(_) | Self::Query(_) => None,
            Self::Advance => Some(&["seconds"]),
            Self::Raw => Some(&["line"]),
            Self::Hash | Self::Check => Some(&[]),
        }
    }
}

/// A line of a script.
#[derive(Debug)]
pub(super) struct Line {
    pub verb: Verb,
    /// The sender's label.
    pub label: Option<String>,
    /// The time at which it is sent, if not that of the clock.
    pub now: Option<Time>,
    /// The fields of the command.
    pub fields: Map<String, Value>,
    /// Names for parts of the reply.
    pub bind: Paths,
    /// What the reply must hold.
    pub reply: Option<Value>,
    /// Events that must come, in this order; empty for no events at all.
    pub expect: Option<Vec<Pattern>>,
    /// Events that must not come.
    pub never: Vec<Never>,
    /// The rejection that must come.
    pub error: Option<WantedRejection>,
}

impl Line {
    pub fn read(mut fields: Map<String, Value>) -> Result<Self, Rejection> {
        let verb = match take_name(&mut fields)?.as_str() {
            "advance" => Verb::Advance,
            "hash" => Verb::Hash,
            "check" => Verb::Check,
            "raw" => Verb::Raw,
            name if Query::NAMES.contains(&name) => Verb::Query(name.to_owned()),
            name => Verb::Command(name.to_owned()),
        };
        take_text(&mut fields, "note")?;
        take_text(&mut fields, "differs")?;
        let line = Self {
            label: take_text(&mut fields, "as")?,
            now: take_time(&mut fields)?,
            bind: take_paths(&mut fields)?,
            reply: fields.remove("reply"),
            expect: take_list(&mut fields, "expect", Pattern::read)?,
            never: take_list(&mut fields, "never", Never::read)?.unwrap_or_default(),
            error: fields.remove("error").map(WantedRejection::read).transpose()?,
            verb,
            fields,
        };
        line.check()?;
        Ok(line)
    }

    /// Whether the outcome or the events are to be looked at.
    pub fn looks_at_outcome(&self) -> bool {
        let wants = self.reply.is_some() || self.expect.is_some();
        wants || !self.bind.is_empty() || !self.never.is_empty()
    }

    fn check(&self) -> Result<(), Rejection> {
        if self.error.is_some() && self.looks_at_outcome() {
            let text = "a rejected line has no reply and no events: leave out bind, expect, \
                        never and reply";
            return Err(bad_script(text).at("error"));
        }
        if let Some(reply) = &self.reply {
            if !reply.is_object() && !reply.is_string() {
                let text = "expected an object with fields of the reply, or the kind of reply";
                return Err(bad_script(text).at("reply"));
            }
        }
        if self.label.is_some() && !self.verb.takes_session() {
            return Err(bad_script("this verb is nobody's: leave out `as`").at("as"));
        }
        if self.now.is_some() && !matches!(self.verb, Verb::Command(_)) {
            return Err(bad_script("only a command is sent at a time of its own").at("now"));
        }
        let Some(own) = self.verb.own_fields() else { return Ok(()) };
        if let Some(key) = self.fields.keys().find(|key| !own.contains(&key.as_str())) {
            return Err(bad_script("unknown key").at(shorten(key)));
        }
        if let Some(key) = own.iter().find(|key| !self.fields.contains_key(**key)) {
            return Err(bad_script(format!("the line needs {key:?}")).at(*key));
        }
        if self.verb == Verb::Raw && !self.fields.values().all(Value::is_string) {
            return Err(bad_script("expected a text to be sent as a line").at("line"));
        }
        Ok(())
    }
}

/// Takes the name of the command out of the fields.
pub(super) fn take_name(fields: &mut Map<String, Value>) -> Result<String, Rejection> {
    let malformed = |text: &str| Rejection::new(Code::Malformed, text).at("do");
    match fields.remove("do") {
        Some(Value::String(name)) => Ok(name),
        Some(_) => Err(malformed("expected the name of a command")),
        None => Err(malformed("the line names no command: add \"do\"")),
    }
}

fn take_text(fields: &mut Map<String, Value>, key: &str) -> Result<Option<String>, Rejection> {
    match fields.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(other) => {
            let other = shorten(&other.to_string());
            Err(bad_script(format!("expected a text, found {other}")).at(key))
        }
    }
}

fn take_time(fields: &mut Map<String, Value>) -> Result<Option<Time>, Rejection> {
    let time = fields.remove("now").map(serde_json::from_value).transpose();
    time.map_err(|error| bad_script(error.to_string()).at("now"))
}

fn take_list<T>(
    fields: &mut Map<String, Value>,
    key: &str,
    read: impl Fn(Value) -> Result<T, Rejection>,
) -> Result<Option<Vec<T>>, Rejection> {
    let items = match fields.remove(key) {
        None => return Ok(None),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(bad_script("expected a list").at(key)),
    };
    let items = items.into_iter().enumerate();
    let read = |(i, item)| read(item).map_err(|r| r.within(&format!("{key}[{i}]")));
    items.map(read).collect::<Result<_, _>>().map(Some)
}

/// Takes `"bind": {"name": "path"}` out of the fields.
pub(super) fn take_paths(fields: &mut Map<String, Value>) -> Result<Paths, Rejection> {
    let wrong = || bad_script("expected an object of names and paths: {\"o\": \"offer\"}");
    let paths = match fields.remove("bind") {
        None => return Ok(Paths::new()),
        Some(Value::Object(paths)) => paths,
        Some(_) => return Err(wrong().at("bind")),
    };
    let read = |(name, path): (String, Value)| match path {
        Value::String(path) if is_name(&name) => Ok((name, path)),
        _ => Err(wrong().at(format!("bind.{}", shorten(&name)))),
    };
    paths.into_iter().map(read).collect()
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(is_part)
}
