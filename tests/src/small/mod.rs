//! Exhaustive small worlds: everything that can happen to a very small kernel, a few steps deep.
//!
//! Random plays find what is likely; this finds what is short. Two agents, two frameworks in two
//! roles, one with quota, and a list of concrete [`moves`]; from each state every move is made,
//! after each move all work is done, and every state is checked. A state that was reached before,
//! whatever the way, is not explored again.

pub mod moves;

use std::collections::BTreeMap;
use std::fmt::Write;

use minicbor::data::Type;
use tamias::command::{Command, Envelope, Tick};
use tamias::event::Effects;
use tamias::ids::SessionId;
use tamias::machine::apply;
use tamias::reply::Reply;
use tamias::time::Time;
use tamias::{Options, State};

use crate::check::{check, check_effects};
use crate::world::{START, World};
use moves::{MOVES, Move};

/// Where the number of accepted commands stands in a snapshot.
const SEQ_KEY: u8 = 4;

/// A kernel at one point of the exploration.
#[derive(Debug, Clone)]
pub struct Small {
    /// Its state.
    pub state: State,
    /// The time of the next command.
    pub now: Time,
    /// The session that was opened last.
    pub opened: Option<SessionId>,
}

/// What an exploration came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Different states, the first included.
    pub states: usize,
    /// Moves made from them.
    pub steps: usize,
    /// Commands that were rejected on the way, and changed nothing.
    pub rejected: usize,
}

/// Explores everything up to that many moves from the beginning.
///
/// # Panics
/// With the moves that lead there, if a state is not as it must be.
#[must_use]
pub fn explore(options: Options, depth: usize) -> Tally {
    let mut explorer = Explorer { seen: BTreeMap::new(), tally: Tally::default(), path: vec![] };
    explorer.visit(&begin(options), depth);
    explorer.tally.states = explorer.seen.len();
    explorer.tally
}

/// Two agents, two frameworks, the role of one of them with quota, and an operator.
fn begin(options: Options) -> Small {
    let mut world = World::new(options);
    for name in [moves::AGENT_1, moves::AGENT_2] {
        let session = world.open(tamias::command::SessionKind::Agent);
        world.send(session, moves::register(name));
    }
    let operator = world.open(tamias::command::SessionKind::Operator);
    world.send(operator, moves::quota("cpus:1", "cpus:3"));
    for (name, role) in [(moves::FRAMEWORK_1, "r1"), (moves::FRAMEWORK_2, "r2")] {
        let session = world.open(tamias::command::SessionKind::Framework);
        world.send(session, moves::subscribe(name, role));
    }
    world.settle();
    Small { state: world.state, now: START, opened: None }
}

struct Explorer {
    /// Moves that were left when a state was explored, by what it looked like.
    seen: BTreeMap<[u8; 32], usize>,
    tally: Tally,
    path: Vec<&'static str>,
}

impl Explorer {
    fn visit(&mut self, world: &Small, left: usize) {
        let look = fingerprint(&world.state);
        match self.seen.get_mut(&look) {
            Some(before) if *before >= left => return,
            Some(before) => *before = left,
            None => drop(self.seen.insert(look, left)),
        }
        if left == 0 {
            return;
        }
        for &Move(name, commands) in MOVES {
            self.path.push(name);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut next = world.clone();
                let rejected = next.play(commands);
                (next, rejected)
            }));
            let (next, rejected) = result.unwrap_or_else(|_| panic!("{}", self.story()));
            self.tally.steps += 1;
            self.tally.rejected += rejected;
            self.visit(&next, left - 1);
            self.path.pop();
        }
    }

    fn story(&self) -> String {
        let mut text = String::from("the state after these moves is not as it must be:\n");
        for name in &self.path {
            let _ = writeln!(text, "  {name}");
        }
        text
    }
}

impl Small {
    /// Makes a move and lets all work be done; says how many commands were rejected.
    fn play(&mut self, commands: moves::Commands) -> usize {
        let mut rejected = 0;
        let mut number = 0;
        // A later command of the move may need what an earlier one made.
        while let Some((session, command)) = commands(self, number) {
            rejected += usize::from(self.send(session, command).is_none());
            number += 1;
        }
        for _ in 0..1000 {
            match self.send(None, Tick {}.into()) {
                Some(Reply::Ticked { more: true, .. }) => {}
                _ => return rejected,
            }
        }
        panic!("the work never ends");
    }

    fn send(&mut self, session: Option<SessionId>, command: Command) -> Option<Reply> {
        let before = self.state.branch();
        let mut effects = Effects::new();
        let envelope = Envelope { now: self.now, session, command };
        let result = apply(&mut self.state, &envelope, &mut effects);
        if result.is_err() {
            assert_eq!(self.state.hash(), before.hash(), "a rejection changed the state");
            assert_eq!(effects, [], "a rejection told something");
        }
        if let Ok(Reply::SessionOpened { session }) = result {
            self.opened = Some(session);
        }
        check(&self.state);
        check_effects(&before, &self.state, &effects);
        result.ok()
    }
}

/// What a state looks like, whatever number of commands led to it: the hash of its snapshot without
/// that number.
fn fingerprint(state: &State) -> [u8; 32] {
    let bytes = state.to_snapshot();
    let mut decoder = minicbor::Decoder::new(&bytes);
    assert_eq!(decoder.datatype().unwrap(), Type::Map, "a snapshot is a map");
    let mut hasher = blake3::Hasher::new();
    for _ in 0..decoder.map().unwrap().expect("a definite map") {
        let key = decoder.u8().unwrap();
        let from = decoder.position();
        decoder.skip().unwrap();
        if key == SEQ_KEY {
            let number = minicbor::decode::<u64>(&bytes[from..]).unwrap();
            assert_eq!(number, state.seq(), "the number of commands has another key now");
        } else {
            hasher.update(&[key]).update(&bytes[from..decoder.position()]);
        }
    }
    *hasher.finalize().as_bytes()
}
