//! Tests of the resource algebra. Those whose names begin with `rs` and a number follow cases that
//! Mesos tests too.

use super::*;

mod amounts;
mod arithmetic;
mod cbor_form;
mod conversions;
mod devices;
mod formats;
mod intervals;
mod json_forms;
mod names;
mod parsing;
mod quantity;
mod reservations;
mod volumes;

fn res(text: &str) -> Resources {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn ranges(text: &str) -> Ranges {
    match res(&format!("ports:{text}")).get(&Name::PORTS) {
        Some(Value::Ranges(ranges)) => ranges.clone(),
        None => Ranges::default(),
        Some(other) => panic!("{text} is {other:?}"),
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The message of the error that `text` must give.
fn refused(text: &str) -> String {
    let result = text.parse::<Resources>();
    result.map(|parsed| panic!("{text:?} was read as {parsed:?}")).unwrap_err().to_string()
}

fn refused_json(json: &str) -> String {
    let result = serde_json::from_str::<Resources>(json);
    result.map(|parsed| panic!("{json} was read as {parsed:?}")).unwrap_err().to_string()
}
