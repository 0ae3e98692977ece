//! The line that opens a kernel.

use serde_json::{Map, Value};

use crate::error::{Code, Rejection, shorten};
use crate::kernel::Clock;
use crate::kernel::journal::Durability;
use crate::options::Options;
use crate::time::Time;

/// What the line says.
pub(super) struct Header {
    pub options: Options,
    pub clock: Clock,
    pub script: Option<Box<str>>,
    pub journal: Option<Box<str>>,
    pub durability: Durability,
}

impl Header {
    pub fn read(mut fields: Map<String, Value>) -> Result<Self, Rejection> {
        let options = match fields.remove("options") {
            None => Options::default(),
            Some(value) => Options::from_json(value)?,
        };
        let script = take_text(&mut fields, "script")?;
        let clock = take_text(&mut fields, "clock")?;
        let journal = take_text(&mut fields, "journal")?;
        let durability = take_text(&mut fields, "durability")?;
        let durability = match (durability.as_deref(), &journal) {
            (Some("async" | "sync"), None) => {
                return Err(malformed("durability needs a journal").at("durability"));
            }
            (None | Some("async"), _) => Durability::Async,
            (Some("sync"), Some(_)) => Durability::Sync,
            (Some(other), _) => {
                let other = shorten(other);
                let text = format!("no durability {other:?}: use \"async\" or \"sync\"");
                return Err(malformed(text).at("durability"));
            }
        };
        let start = fields.remove("start");
        take_text(&mut fields, "note")?;
        if let Some(key) = fields.keys().next() {
            let text =
                "unknown key: expected options, clock, start, journal, durability, script or note";
            return Err(malformed(text).at(shorten(key)));
        }
        let clock = match (clock.as_deref(), &script) {
            (Some("manual"), _) | (None, Some(_)) => Clock::manual(read_start(start)?),
            (Some("system"), Some(_)) => {
                return Err(malformed("a script has a manual clock").at("clock"));
            }
            (Some("system") | None, None) if start.is_some() => {
                let text = "only a manual clock starts where it is told: add \"clock\":\"manual\"";
                return Err(malformed(text).at("start"));
            }
            (Some("system") | None, None) => Clock::system(),
            (Some(other), _) => {
                let other = shorten(other);
                let text = format!("no clock {other:?}: use \"system\" or \"manual\"");
                return Err(malformed(text).at("clock"));
            }
        };
        Ok(Self { options, clock, script, journal, durability })
    }
}

fn read_start(value: Option<Value>) -> Result<Time, Rejection> {
    let Some(value) = value else { return Ok(Time::default()) };
    let bad_time = |text: String| Rejection::new(Code::BadTime, text).at("start");
    let time: Time = serde_json::from_value(value).map_err(|error| bad_time(error.to_string()))?;
    if time < Time::default() {
        return Err(bad_time(format!("{time} is before 1970: give seconds since then")));
    }
    Ok(time)
}

fn take_text(fields: &mut Map<String, Value>, key: &str) -> Result<Option<Box<str>>, Rejection> {
    match fields.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.into())),
        Some(other) => {
            let other = shorten(&other.to_string());
            Err(malformed(format!("expected a text, found {other}")).at(key))
        }
    }
}

fn malformed(text: impl Into<String>) -> Rejection {
    Rejection::new(Code::Malformed, text)
}
