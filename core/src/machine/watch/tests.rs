//! Who watches can work out the state from what is told.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::change::Became;
use crate::command::{
    Command, Envelope, OpenSession, RegisterAgent, RoleWeight, SessionKind, Unwatch, UpdateWeights,
    Watch,
};
use crate::error::Code;
use crate::event::{Effects, Event};
use crate::ids::SessionId;
use crate::machine::apply;
use crate::options::Options;
use crate::query::{Pick, Query};
use crate::reply::Reply;
use crate::resources::Amount;
use crate::state::State;
use crate::testing::steps;
use crate::testing::{choice, script};
use crate::time::Time;

/// What one who watches knows: noun and id to row.
#[derive(Debug, Default, PartialEq)]
struct Table(BTreeMap<(String, String), Value>);

impl Table {
    fn hear(&mut self, event: &Event) {
        let json = serde_json::to_value(event).unwrap();
        let key = |entry: &Value| {
            let text = |field| entry[field].as_str().unwrap_or_default().to_owned();
            (text("noun"), text("id"))
        };
        match event {
            Event::Snapshot(snapshot) => {
                if snapshot.part == 0 {
                    self.0.clear();
                }
                for entry in json["rows"].as_array().unwrap() {
                    assert!(self.0.insert(key(entry), entry["row"].clone()).is_none());
                }
            }
            Event::Changed(change) => {
                let (key, row) = (key(&json), json.get("row").cloned());
                let before = match row {
                    Some(row) => {
                        assert_ne!(self.0.get(&key), Some(&row), "nothing is different");
                        self.0.insert(key, row)
                    }
                    None => self.0.remove(&key),
                };
                assert_eq!(before.is_none(), change.change == Became::Added);
            }
            _ => {}
        }
    }

    /// Where two differ.
    fn other_than(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let both = keys.into_iter().map(|key| (key, self.0.get(key), other.0.get(key)));
        let differ = both.filter(|(_, one, other)| one != other);
        differ.map(|(key, one, other)| format!("{key:?}: {one:?} for {other:?}")).collect()
    }

    /// What the queries answer.
    fn of(state: &State) -> Self {
        let mut table = BTreeMap::new();
        let mut put = |noun: &str, field: &str, rows: &Value| {
            for row in rows.as_array().unwrap() {
                let id = row[field].as_str().unwrap().to_owned();
                table.insert((noun.to_owned(), id), row.clone());
            }
        };
        let ask = |query: Query| serde_json::to_value(state.query(&query).unwrap()).unwrap();
        let all = ask(Query::GetState);
        for noun in ["role", "agent", "framework", "offer", "task", "executor"] {
            put(noun, noun, &all[format!("{noun}s")]);
        }
        put("pool", "pool", &ask(Query::GetPools)["pools"]);
        let operations = ask(Query::GetOperations(Pick::default()));
        put("operation", "operation", &operations["operations"]);
        let departures = ask(Query::GetMaintenance);
        put("machine", "machine", &departures["machines"]);
        put("gone_agent", "agent", &departures["gone"]);
        let mut policy = ask(Query::GetPolicy);
        policy.as_object_mut().unwrap().remove("reply");
        table.insert(("policy".to_owned(), String::new()), policy);
        Self(table)
    }
}

fn send(state: &mut State, session: Option<SessionId>, command: impl Into<Command>) -> Effects {
    steps::send(state, session, command).1
}

fn operator(state: &mut State) -> SessionId {
    steps::open(state, SessionKind::Operator)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// After every command, also for one who lost events and was told all again; and one who does
    /// not watch changes nothing.
    #[test]
    fn what_is_told_adds_up_to_the_state(
        choices in vec(choice(), 1..250),
        begins in 0..20_usize,
        loses in 0..250_usize,
    ) {
        let mut state = State::new(Options::default(), Time(0));
        let mut session = operator(&mut state);
        let (mut table, mut watched) = (Table::default(), false);
        for (index, choice) in choices.iter().enumerate() {
            if state.sessions().get(session).is_none() {
                (session, watched) = (operator(&mut state), false);
            }
            if !watched && index >= begins {
                for effect in send(&mut state, Some(session), Watch::default()) {
                    table.hear(&effect.event);
                }
                watched = true;
            }
            let mut effects = Effects::new();
            let envelope = script::plausible(&state, *choice);
            let _ = apply(&mut state, &envelope, &mut effects);
            if index == loses {
                for event in state.events_to_repeat(session) {
                    table.hear(&event);
                }
            } else {
                for effect in effects.iter().filter(|effect| effect.session == session) {
                    table.hear(&effect.event);
                }
            }
            watched &= state.sessions().get(session).is_some_and(|s| s.watch.is_some());
            if watched {
                let wrong = table.other_than(&Table::of(&state));
                prop_assert!(wrong.is_empty(), "after {:?}: {:#?}", envelope, wrong);
            }
        }
        // What was restored goes on in the same way.
        let mut restored = State::from_snapshot(&state.to_snapshot()).unwrap();
        for choice in &choices {
            let envelope = script::plausible(&state, *choice);
            let (mut one, mut other) = (Effects::new(), Effects::new());
            let _ = apply(&mut state, &envelope, &mut one);
            let _ = apply(&mut restored, &envelope, &mut other);
            prop_assert_eq!(one, other, "after {:?}", envelope);
        }
    }
}

#[test]
fn each_is_told_what_it_watches() {
    let state = &mut State::new(Options::default(), Time(0));
    let (one, other) = (operator(state), operator(state));
    let nouns = vec![crate::change::Noun::Role, crate::change::Noun::Role];
    let told = send(state, Some(one), Watch { nouns: Some(nouns) });
    assert_eq!(told.len(), 1);
    assert!(matches!(&told[0].event, Event::Snapshot(s) if s.rows.is_empty() && !s.more));
    let told = send(state, Some(other), Watch::default());
    assert!(matches!(&told[0].event, Event::Snapshot(s) if s.rows.len() == 1), "the policy");
    let weight = |milli| {
        let weight = RoleWeight { role: "r".into(), weight: Amount::from_milli(milli) };
        UpdateWeights { weights: vec![weight] }
    };
    let told = send(state, Some(one), weight(2000));
    let told: Vec<_> = told.iter().map(|effect| (effect.session, &effect.event)).collect();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].0, told[1].0), (one, other));
    assert_eq!(told[0].1, told[1].1);
    send(state, Some(one), Unwatch {});
    assert_eq!(send(state, Some(one), weight(3000)).len(), 1);
    // The same again is no change.
    assert!(send(state, Some(one), weight(3000)).is_empty());
    send(state, Some(other), crate::command::CloseSession {});
    assert!(!state.is_watched());
}

#[test]
fn many_rows_come_in_parts() {
    let state = &mut State::new(Options::default(), Time(0));
    let kind = SessionKind::Agent;
    let envelope = Envelope {
        now: Time(0),
        session: None,
        command: OpenSession { kind, principal: None }.into(),
    };
    let Reply::SessionOpened { session: driver } =
        apply(state, &envelope, &mut Effects::new()).unwrap()
    else {
        panic!()
    };
    for _ in 0..300 {
        let resources = "cpus:1".parse().unwrap();
        send(state, Some(driver), RegisterAgent { resources, ..RegisterAgent::default() });
    }
    let session = operator(state);
    let mut table = Table::default();
    let told = send(state, Some(session), Watch::default());
    let parts: Vec<_> = told
        .iter()
        .map(|effect| match &effect.event {
            Event::Snapshot(part) => (part.part, part.more, part.rows.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parts, [(0, true, 128), (1, true, 128), (2, false, 45)]);
    for effect in &told {
        table.hear(&effect.event);
    }
    assert_eq!(table, Table::of(state));
}

#[test]
fn who_may_not_watch_is_told_so() {
    let state = &mut State::new(Options::default(), Time(0));
    let session = operator(state);
    let before = state.hash();
    let mut refuse = |session, command: Command| {
        let envelope = Envelope { now: Time(0), session, command };
        let rejection = apply(state, &envelope, &mut Effects::new()).unwrap_err();
        assert_eq!(state.hash(), before);
        rejection
    };
    let none = Watch { nouns: Some(Vec::new()) };
    let rejection = refuse(Some(session), none.into());
    assert_eq!((rejection.code(), rejection.field()), (Code::BadList, "nouns"));
    assert_eq!(refuse(None, Unwatch {}.into()).code(), Code::WrongSession);
    let rejection =
        Command::from_json("watch", serde_json::json!({"nouns": ["agent", "node"]})).unwrap_err();
    assert_eq!(rejection.field(), "nouns[1]");
}
