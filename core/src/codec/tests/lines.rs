//! JSON lines.

use super::*;
use crate::codec::jsonl::{
    command_line, event_line, parse_command_line, record_line, rejection_line, trace_line,
};
use crate::command::Kill;
use crate::error::{Code, Rejection};
use crate::event::{Effect, Event};
use crate::ids::{AgentId, TaskId};
use crate::reply::Reply;
use crate::time::Nanos;

#[test]
fn a_command_line_has_its_keys_in_order() {
    let session = Some(SessionId::from_parts(0, 1));
    let kill = Kill { task: "t1".into(), kill_grace_seconds: Some(Nanos::from_millis(1500)) };
    let envelope = Envelope { now: START, session, command: kill.into() };
    let line = command_line(Some(7), Some("alice"), &envelope);
    assert_eq!(
        line,
        concat!(
            r#"{"seq":7,"now":1767225600,"session":"s0.1","by":"alice","#,
            r#""do":"kill","task":"t1","kill_grace_seconds":1.5}"#
        )
    );
    let back = parse_command_line(&line).unwrap();
    assert_eq!((back.seq, back.now, back.session), (Some(7), Some(START), session));
    assert_eq!((back.principal.as_deref(), back.command), (Some("alice"), envelope.command));
    let tick = Envelope { now: Time(1), session: None, command: Tick {}.into() };
    assert_eq!(command_line(None, None, &tick), r#"{"now":0.000000001,"do":"tick"}"#);
}

#[test]
fn what_is_wrong_with_a_line_is_said() {
    let error = |text: &str| {
        let error = parse_command_line(text).unwrap_err();
        (error.code(), error.field().to_owned())
    };
    assert_eq!(error("{"), (Code::Malformed, String::new()));
    assert_eq!(error("[]"), (Code::Malformed, String::new()));
    assert_eq!(error("{}"), (Code::Malformed, "do".into()));
    assert_eq!(error(r#"{"do":"tock"}"#), (Code::UnknownCommand, "do".into()));
    assert_eq!(error(r#"{"do":"tick","now":"x"}"#), (Code::Malformed, "now".into()));
    assert_eq!(error(r#"{"do":"tick","session":"a0.1"}"#), (Code::Malformed, "session".into()));
    assert_eq!(error(r#"{"do":"tick","seq":-1}"#), (Code::Malformed, "seq".into()));
    assert_eq!(error(r#"{"do":"tick","more":1}"#), (Code::Malformed, "more".into()));
}

#[test]
fn replies_rejections_and_events() {
    assert_eq!(trace_line(3, &Reply::Done), r#"{"seq":3,"reply":"done"}"#);
    let ticked = Reply::Ticked { changed: true, more: false, next_deadline: Some(START) };
    assert_eq!(
        trace_line(4, &ticked),
        r#"{"seq":4,"reply":"ticked","changed":true,"more":false,"next_deadline":1767225600}"#
    );
    let rejected = Rejection::new(Code::OfferGone, "it is gone").at("offers[1]").index(1);
    assert_eq!(
        rejection_line(&rejected),
        r#"{"rejected":{"code":"OfferGone","field":"offers[1]","index":1,"message":"it is gone"}}"#
    );
    let kill = Event::Kill {
        agent: AgentId::from_parts(0, 1),
        task: TaskId::from_parts(2, 1),
        grace_seconds: Nanos::from_secs(3),
    };
    let effect = Effect { session: SessionId::from_parts(1, 1), event: kill };
    assert_eq!(
        event_line(7, 0, &effect),
        concat!(
            r#"{"seq":7,"ordinal":0,"session":"s1.1","event":"kill","#,
            r#""agent":"a0.1","task":"t2.1","grace_seconds":3}"#
        )
    );
}

#[test]
fn records_that_are_no_commands() {
    let line = record_line(&Record::Open(open_record(2)));
    let start =
        r#"{"journal":"opened","epoch":2,"format":1,"library":"0.1.0","started":1767225600,"#;
    assert!(line.starts_with(start), "{line}");
    assert!(line.contains(r#""options":{"min_allocatable":[],"#), "{line}");
    let hash = record_line(&Record::Hash(StateHash { seq: 5, hash: [0xab; 32] }));
    assert_eq!(hash, format!(r#"{{"journal":"hash","seq":5,"hash":"{}"}}"#, "ab".repeat(32)));
}
