//! Tamias: an embedded scheduling kernel.
//!
//! A kernel turns a stream of [`Command`]s into resource offers, placements and task state changes:
//! deterministic to the byte, without a daemon or a hidden thread. This is the map of the crate,
//! from the inside out; each layer may use itself and those before it, and the first two may use
//! each other.
//!
//! | layer | modules | what it is |
//! |---|---|---|
//! | building blocks | [`arena`], [`intern`], [`map`], [`names`], `shared` | what the ledger is made of |
//! | vocabulary | [`ids`], [`time`], [`resources`], [`attributes`], [`constraint`], [`status`], [`value`], [`error`], [`limits`], [`options`] | values, and how they are read and printed |
//! | language | [`command`], [`reply`], [`event`], [`change`], [`row`] | what goes in and comes out |
//! | ledger | [`state`] | everything a kernel knows; pure |
//! | decisions | [`allocator`] | who is offered what; pure, reads the ledger |
//! | transition | [`machine`] | applies one command; pure, writes the ledger |
//! | questions | [`query`] | what there is, and why somebody gets no offers; pure, reads both |
//! | records | [`codec`] | commands and states as bytes and lines: journal, replay, snapshot, JSON |
//! | shell | [`kernel`] | clock, lock, events, waits, the journal's file: what the pure layers may not have |
//!
//! Start reading at [`command`], then [`machine`], then [`state::task`].

pub mod allocator;
pub mod arena;
pub mod attributes;
pub mod change;
pub mod codec;
pub mod command;
pub mod constraint;
pub mod error;
pub mod event;
pub mod ids;
pub mod intern;
pub mod kernel;
pub mod limits;
pub mod machine;
pub mod map;
pub mod names;
pub mod options;
pub mod query;
pub mod reply;
pub mod resources;
pub mod row;
mod shared;
pub mod state;
pub mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod value;

pub use command::{Command, Envelope};
pub use error::{Code, Rejection};
pub use event::{Effect, Effects, Event};
pub use kernel::{AgentDriver, Clock, Framework, Kernel, Operator, Session};
pub use options::Options;
pub use reply::Reply;
pub use state::State;
pub use time::{Nanos, Time};

/// The README's program is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
