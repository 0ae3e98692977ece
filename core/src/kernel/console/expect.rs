//! Compares what came with what a script wanted: by subset, so that a new field of an event breaks
//! no script.

use serde_json::{Map, Value};

use super::bad_script;
use super::bindings::{Bindings, Paths};
use super::line::{Line, take_paths};
use crate::error::{Code, Rejection, shorten};
use crate::event::Event;
use crate::resources::Resources;
use crate::time::Nanos;

/// Bytes of JSON shown in one message.
const SHOWN: usize = 240;

/// Events shown in one message.
const EVENTS_SHOWN: usize = 6;

/// An event that must come.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Fields that it must have; `null` for one that it must not have.
    fields: Map<String, Value>,
    /// The label of whom it is for.
    to: Option<String>,
    /// Names for its parts.
    bind: Paths,
}

/// An event that must not come.
#[derive(Debug)]
pub(super) struct Never {
    kind: String,
    to: Option<String>,
}

/// A rejection that must come.
#[derive(Debug)]
pub(super) struct WantedRejection {
    code: Option<String>,
    field: Option<String>,
    /// A part of the message.
    message: Option<String>,
}

impl Pattern {
    pub fn read(value: Value) -> Result<Self, Rejection> {
        let mut fields = match value {
            Value::Object(fields) => fields,
            Value::String(kind) => Map::from_iter([("event".to_owned(), Value::String(kind))]),
            _ => return Err(bad_script("expected the kind of an event, or an object")),
        };
        let (to, bind) = (take_label(&mut fields)?, take_paths(&mut fields)?);
        match fields.get("event") {
            Some(Value::String(kind)) => check_kind(kind)?,
            Some(_) => return Err(bad_script("expected the kind of an event").at("event")),
            None => {}
        }
        Ok(Self { fields, to, bind })
    }

    fn shown(&self) -> String {
        let mut shown = self.fields.clone();
        shown.extend(self.to.iter().map(|to| ("to".to_owned(), to.as_str().into())));
        clip(&Value::Object(shown).to_string())
    }
}

impl Never {
    pub fn read(value: Value) -> Result<Self, Rejection> {
        let expected = || bad_script("expected a kind, or {\"event\": KIND, \"to\": LABEL}");
        let mut fields = match value {
            Value::Object(fields) => fields,
            Value::String(kind) => Map::from_iter([("event".to_owned(), Value::String(kind))]),
            _ => return Err(expected()),
        };
        let to = take_label(&mut fields)?;
        match fields.remove("event") {
            Some(Value::String(kind)) if fields.is_empty() => {
                check_kind(&kind)?;
                Ok(Self { kind, to })
            }
            _ => Err(expected()),
        }
    }
}

fn take_label(fields: &mut Map<String, Value>) -> Result<Option<String>, Rejection> {
    match fields.remove("to") {
        None => Ok(None),
        Some(Value::String(label)) => Ok(Some(label)),
        Some(_) => Err(bad_script("expected the label of a session").at("to")),
    }
}

fn check_kind(kind: &str) -> Result<(), Rejection> {
    if Event::KINDS.contains(&kind) {
        return Ok(());
    }
    let (kind, known) = (shorten(kind), Event::KINDS.join(", "));
    Err(bad_script(format!("no event is of kind {kind:?}: kinds are {known}")).at("event"))
}

/// Checks the reply against what a line wants of it.
pub(super) fn check_reply(wanted: &Value, outcome: &Value) -> Result<(), Rejection> {
    let kind = |kind: &Value| Map::from_iter([("reply".to_owned(), kind.clone())]);
    let wanted = if wanted.is_string() { Value::Object(kind(wanted)) } else { wanted.clone() };
    if matches("", &wanted, Some(outcome)) {
        return Ok(());
    }
    let asked = |(key, _): &(&String, &Value)| *key == "reply" || wanted.get(key).is_some();
    let came = outcome.as_object().into_iter().flatten().filter(asked);
    let came: Map<_, _> = came.map(|(key, value)| (key.clone(), value.clone())).collect();
    let (wanted, came) = (clip(&wanted.to_string()), clip(&Value::Object(came).to_string()));
    Err(bad_script(format!("wanted {wanted}; came {came}")).at("reply"))
}

/// Checks the events of a line. Returns those that were expected, with their place in the line and
/// the names to be bound.
pub(super) fn check_events<'a>(
    line: &'a Line,
    events: &'a [Value],
    bindings: &Bindings,
) -> Result<Vec<(String, &'a Paths, &'a Value)>, Rejection> {
    for (index, never) in line.never.iter().enumerate() {
        let place = format!("never[{index}]");
        let to = resolve(bindings, never.to.as_ref()).map_err(|r| r.within(&place))?;
        let of_kind =
            |event: &&Value| event["event"] == never.kind.as_str() && is_to(event, to.as_ref());
        if let Some(event) = events.iter().find(of_kind) {
            let text = format!("came {}", shown(&Map::default(), event, bindings));
            return Err(bad_script(text).at(place));
        }
    }
    let Some(expect) = &line.expect else { return Ok(Vec::new()) };
    if expect.is_empty() && !events.is_empty() {
        let came = came(&Map::default(), events, bindings);
        return Err(bad_script(format!("wanted no events; came {came}")).at("expect"));
    }
    let mut rest = events;
    let mut matched = Vec::new();
    for (index, pattern) in expect.iter().enumerate() {
        let place = format!("expect[{index}]");
        let to = resolve(bindings, pattern.to.as_ref()).map_err(|r| r.within(&place))?;
        let wanted = Value::Object(pattern.fields.clone());
        let fits = |event: &Value| is_to(event, to.as_ref()) && matches("", &wanted, Some(event));
        let Some(found) = rest.iter().position(fits) else {
            let came = came(&pattern.fields, rest, bindings);
            let after = if rest.len() < events.len() { " after those matched before" } else { "" };
            let text = format!("wanted {}; came {came}{after}", pattern.shown());
            return Err(bad_script(text).at(place));
        };
        matched.push((place, &pattern.bind, &rest[found]));
        rest = &rest[found + 1..];
    }
    Ok(matched)
}

fn resolve(bindings: &Bindings, label: Option<&String>) -> Result<Option<String>, Rejection> {
    let session = label.map(|label| bindings.session(label)).transpose();
    session.map(|id| id.map(|id| id.to_string())).map_err(|r| r.at("to"))
}

fn is_to(event: &Value, session: Option<&String>) -> bool {
    session.is_none_or(|session| event["session"] == session.as_str())
}

fn came(wanted: &Map<String, Value>, events: &[Value], bindings: &Bindings) -> String {
    if events.is_empty() {
        return "no events".into();
    }
    let mut text: Vec<_> =
        events.iter().take(EVENTS_SHOWN).map(|event| shown(wanted, event, bindings)).collect();
    if events.len() > EVENTS_SHOWN {
        text.push(format!("and {} more", events.len() - EVENTS_SHOWN));
    }
    text.join(", ")
}

/// An event by its kind, its addressee, and those fields that were asked for.
fn shown(wanted: &Map<String, Value>, event: &Value, bindings: &Bindings) -> String {
    let asked = |(key, _): &(&String, &Value)| *key == "event" || wanted.contains_key(*key);
    let fields = event.as_object().into_iter().flatten().filter(asked);
    let mut shown: Map<_, _> = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
    let session = event["session"].as_str().unwrap_or_default();
    shown.insert("to".to_owned(), bindings.name_of(session).into());
    clip(&Value::Object(shown).to_string())
}

/// Whether a value is what was wanted: objects by subset, lists item by item, numbers and
/// resources by what they mean. `null` wants that there is nothing.
fn matches(key: &str, wanted: &Value, came: Option<&Value>) -> bool {
    let Some(came) = came else { return wanted.is_null() };
    if key == "resources" {
        return same_resources(wanted, came);
    }
    match (wanted, came) {
        (Value::Object(wanted), Value::Object(came)) => {
            wanted.iter().all(|(key, value)| matches(key, value, came.get(key)))
        }
        (Value::Array(wanted), Value::Array(came)) => {
            let mut pairs = wanted.iter().zip(came);
            wanted.len() == came.len() && pairs.all(|(w, c)| matches("", w, Some(c)))
        }
        (Value::Number(_), Value::Number(_)) => {
            let nanos = |value: &Value| serde_json::from_value::<Nanos>(value.clone()).ok();
            wanted == came || nanos(wanted).is_some_and(|wanted| Some(wanted) == nanos(came))
        }
        (wanted, came) => wanted == came,
    }
}

fn same_resources(wanted: &Value, came: &Value) -> bool {
    let read = |value: &Value| serde_json::from_value::<Resources>(value.clone()).ok();
    read(wanted).is_some_and(|wanted| Some(wanted) == read(came))
}

impl WantedRejection {
    pub fn read(value: Value) -> Result<Self, Rejection> {
        let mut fields = match value {
            Value::Object(fields) => fields,
            Value::String(code) => Map::from_iter([("code".to_owned(), Value::String(code))]),
            _ => return Err(bad_script("expected a code, or an object").at("error")),
        };
        let mut take = |key: &str| match fields.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(bad_script("expected a text").at(format!("error.{key}"))),
        };
        let wanted = Self { code: take("code")?, field: take("field")?, message: take("message")? };
        if let Some(key) = fields.keys().next() {
            let text = "unknown key: expected code, field or message";
            return Err(bad_script(text).at(format!("error.{}", shorten(key))));
        }
        let is_known = |code: &String| Code::ALL.iter().any(|known| known.name() == code);
        if let Some(code) = wanted.code.as_ref().filter(|code| !is_known(code)) {
            let text = format!("there is no code {:?}", shorten(code));
            return Err(bad_script(text).at("error.code"));
        }
        Ok(wanted)
    }

    /// Checks the rejection that came.
    pub fn check(&self, rejected: &Rejection) -> Result<(), Rejection> {
        let is_code = self.code.as_ref().is_none_or(|code| code == rejected.code().name());
        let is_field = self.field.as_ref().is_none_or(|field| field == rejected.field());
        let is_message =
            self.message.as_ref().is_none_or(|part| rejected.message().contains(part.as_str()));
        if is_code && is_field && is_message {
            return Ok(());
        }
        let text = format!("wanted {}; came {rejected:?}", self.shown());
        Err(bad_script(text).at("error"))
    }

    /// The line was accepted.
    pub fn missed(&self, outcome: &str) -> Rejection {
        let text = format!("wanted {}; the line was accepted: {}", self.shown(), clip(outcome));
        bad_script(text).at("error")
    }

    fn shown(&self) -> String {
        let parts = [("code", &self.code), ("field", &self.field), ("message", &self.message)];
        let given = parts.into_iter().filter_map(|(key, part)| Some((key, part.as_ref()?)));
        let given: Vec<_> = given.map(|(key, part)| format!("{key} {part:?}")).collect();
        if given.is_empty() { "a rejection".into() } else { given.join(", ") }
    }
}

/// Shortens JSON at its end, so that a message stays readable.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
