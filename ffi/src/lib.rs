//! The C interface of Tamias: `libtamias.so`, `libtamias.a`, `include/tamias.h`.
//!
//! A skin without policy: each function checks its pointers, turns C values into a command, sends
//! it through a handle of the core, and turns the answer back. `docs/c-api.md` has the conventions,
//! the call flows and a table of who owns what for how long.
//!
//! | file | what |
//! |---|---|
//! | [`version`] | versions of library and ABI |
//! | [`error`] | statuses, the error record, names of codes |
//! | [`vocabulary`] | numbers and names of task states, reasons, sources |
//! | [`strings`] | texts in, buffers out |
//! | [`kernel`] | open, the generic verb, time, state hash |
//! | [`session`] | operator, framework and agent sessions; waiting |
//! | [`events`] | the 128-byte event records and polling |
//! | [`batch`] | flags and results of batches |
//! | [`offers`] | hot verbs of a framework: accept, decline, revive, suppress |
//! | [`tasks`] | hot verbs about tasks: acknowledge, kill, update; registering an agent |
//! | [`local_agent`] | the agent that runs tasks as processes of this machine |
//! | [`boundary`] | the funnel of every call: no panic leaves, every pointer is checked |
//! | [`values`] | values of C as values of the core |
//!
//! `cargo xtask header` writes the header from these files; the order of modules and functions here
//! is the order in which it is read.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
// What pointers must be is said at the top of the header, once for all functions.
#![allow(clippy::missing_safety_doc)]
// The texts are read in the header, where names need no backticks.
#![allow(clippy::doc_markdown)]

pub mod version;

pub mod error;
pub mod vocabulary;

pub mod strings;

pub mod kernel;
pub mod session;

pub mod events;

pub mod batch;
pub mod offers;
pub mod tasks;

pub mod local_agent;

mod boundary;
#[cfg(test)]
mod tests;
mod values;
