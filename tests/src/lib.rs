//! What no single crate owns: a reference model of the kernel, and a world to drive both in.
//!
//! - [`model`]: a deliberately naive kernel to compare the real one with
//! - [`play`]: random plays of many careless sessions, with the model on the stage
//! - [`stage`]: the kernel that is sent what a play says; [`compare`] and [`check`] judge it
//! - [`sim`]: a kernel among those who use it, on a bad day; `tamias-sim` runs it
//! - [`small`]: everything that can happen to a very small kernel
//! - [`world`]: a kernel state with everything it was told and said, for scripted tests

pub mod check;
pub mod compare;
pub mod model;
pub mod play;
pub mod sim;
pub mod small;
pub mod stage;
pub mod world;
