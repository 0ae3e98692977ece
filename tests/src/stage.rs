//! The stage: a kernel that is sent what a [`Play`] says, and compared with it.
//!
//! After each command: reply and events are those of the model, the states are equal fact by fact,
//! a rejection changed no byte, invariants and conservation hold, tasks went where they may go.
//! At the end everything accepted is replayed from its encoded form and must give the same bytes,
//! events and hash; so must a copy that was restored from a snapshot in the middle.

use std::marker::PhantomData;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use tamias::command::{Command, Envelope};
use tamias::event::Effects;
use tamias::machine::apply;
use tamias::reply::Reply;
use tamias::{Options, State};

use crate::check::{Transitions, check, check_effects};
use crate::compare::{blurred, by_session, compare};
use crate::model::Outcome;
use crate::play::Play;
use crate::play::intent::{Aside, Scene, openings, scenes};
use crate::play::palette;
use crate::world::START;

/// With which options plays begin.
pub trait Setting: 'static {
    /// Draws them.
    fn options() -> BoxedStrategy<Options>;
}

/// [`Options::default`].
#[derive(Debug)]
pub struct Defaults;

/// [`Options::mesos`].
#[derive(Debug)]
pub struct Mesos;

/// Options that differ from both.
#[derive(Debug)]
pub struct Mixed;

impl Setting for Defaults {
    fn options() -> BoxedStrategy<Options> {
        Just(Options::default()).boxed()
    }
}

impl Setting for Mesos {
    fn options() -> BoxedStrategy<Options> {
        Just(Options::mesos()).boxed()
    }
}

impl Setting for Mixed {
    fn options() -> BoxedStrategy<Options> {
        palette::options().boxed()
    }
}

/// Plays as a reference state machine.
#[derive(Debug)]
pub struct Plays<S>(PhantomData<S>);

thread_local! {
    static OPENINGS: BoxedStrategy<Scene> = openings();
    static SCENES: BoxedStrategy<Scene> = scenes();
}

impl<S: Setting> ReferenceStateMachine for Plays<S> {
    type State = Play;
    type Transition = Scene;

    fn init_state() -> BoxedStrategy<Play> {
        S::options().prop_map(Play::new).boxed()
    }

    fn transitions(play: &Play) -> BoxedStrategy<Scene> {
        let (openings, scenes) = (OPENINGS.with(Clone::clone), SCENES.with(Clone::clone));
        if play.is_lonely() { prop_oneof![2 => openings, 1 => scenes].boxed() } else { scenes }
    }

    fn apply(mut play: Play, scene: &Scene) -> Play {
        play.scene(scene);
        play
    }
}

/// The kernel, and what is needed to judge it.
#[derive(Debug)]
pub struct Stage<S> {
    state: State,
    bytes: Vec<u8>,
    transitions: Transitions,
    options: Options,
    journal: Vec<Entry>,
    twin: Option<State>,
    setting: PhantomData<S>,
}

/// An accepted command and what it gave, as bytes.
#[derive(Debug)]
struct Entry {
    envelope: Vec<u8>,
    given: Vec<u8>,
}

impl<S: Setting> StateMachineTest for Stage<S> {
    type SystemUnderTest = Self;
    type Reference = Plays<S>;

    fn init_test(play: &Play) -> Self {
        let options = play.model.options.clone();
        let state = State::new(options.clone(), START);
        Self {
            bytes: state.to_snapshot(),
            state,
            transitions: Transitions::default(),
            options,
            journal: Vec::new(),
            twin: None,
            setting: PhantomData,
        }
    }

    fn apply(mut stage: Self, play: &Play, scene: Scene) -> Self {
        match scene.aside {
            Aside::None => {}
            Aside::Snapshot => {
                let restored = State::from_snapshot(&stage.bytes).expect("a sound snapshot");
                stage.twin = Some(restored);
            }
            Aside::Branch => stage.rehearse(play),
        }
        for (envelope, outcome) in &play.lines {
            stage.line(envelope, outcome);
        }
        compare(&stage.state, &play.model);
        if let Some(twin) = &stage.twin {
            assert_eq!(twin.hash(), stage.state.hash(), "the restored kernel went elsewhere");
        }
        stage
    }

    fn teardown(stage: Self, _: Play) {
        stage.replay();
    }
}

impl<S> Stage<S> {
    fn line(&mut self, envelope: &Envelope, outcome: &Outcome) {
        let before = self.state.branch();
        let mut effects = Effects::new();
        let result = apply(&mut self.state, envelope, &mut effects);
        let bytes = self.state.to_snapshot();
        match (&result, &outcome.verdict) {
            (Ok(reply), Ok(expected)) => assert_eq!(
                blurred(reply.clone()),
                *expected,
                "the kernel replied the left to {envelope:?}"
            ),
            (Err(rejection), Err(codes)) => assert!(
                codes.contains(&rejection.code()),
                "{envelope:?} was rejected with {rejection:?}, the model sees {codes:?}"
            ),
            _ => panic!("{envelope:?}: {result:?}, the model expects {:?}", outcome.verdict),
        }
        assert_eq!(
            by_session(&effects),
            by_session(&outcome.effects),
            "events after {envelope:?}: the kernel told the left, the model the right"
        );
        let nothing = matches!(result, Err(_) | Ok(Reply::Ticked { changed: false, .. }));
        if nothing {
            assert_eq!(bytes, self.bytes, "{envelope:?} changed something");
            assert_eq!(effects, [], "{envelope:?} told something");
        }
        check(&self.state);
        check_effects(&before, &self.state, &effects);
        self.transitions.check(&self.state);
        if let Some(twin) = &mut self.twin {
            let mut told = Effects::new();
            assert_eq!(apply(twin, envelope, &mut told), result, "the restored kernel differs");
            assert_eq!(told, effects, "the restored kernel tells something else");
        }
        if let (Ok(reply), false) = (result, nothing) {
            let envelope = minicbor::to_vec(envelope).expect("memory");
            self.journal.push(Entry { envelope, given: given(&reply, &effects) });
        }
        self.bytes = bytes;
    }

    /// A branch plays the scene; nothing of it is to be seen afterwards.
    fn rehearse(&self, play: &Play) {
        let mut branch = self.state.branch();
        for (envelope, outcome) in &play.lines {
            let result = apply(&mut branch, envelope, &mut Effects::new());
            assert_eq!(result.is_ok(), outcome.verdict.is_ok());
        }
        assert_eq!(self.state.to_snapshot(), self.bytes, "a branch changed its parent");
    }

    /// Everything accepted, read back from bytes, gives the same.
    fn replay(self) {
        let mut state = State::new(self.options, START);
        for entry in &self.journal {
            let envelope: Envelope = minicbor::decode(&entry.envelope).expect("what was written");
            json_keeps(&envelope.command);
            let mut effects = Effects::new();
            let reply = apply(&mut state, &envelope, &mut effects).expect("it was accepted before");
            assert_eq!(given(&reply, &effects), entry.given, "a replay gave something else");
        }
        assert_eq!(state.hash(), self.state.hash(), "a replay went elsewhere");
    }
}

/// Reply and events as bytes.
fn given(reply: &Reply, effects: &Effects) -> Vec<u8> {
    serde_json::to_vec(&(reply, effects)).expect("memory")
}

/// A command says the same in JSON.
fn json_keeps(command: &Command) {
    let json = command.to_json().expect("a command in JSON");
    let text = json.to_string();
    let read = serde_json::from_str(&text).expect("JSON");
    let back = Command::from_json(command.name(), read).expect("the same command");
    assert_eq!(back, *command, "{text}");
}
