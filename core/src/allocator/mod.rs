//! Who is offered an agent's free resources: guarantees first, then weighted dominant resource
//! fairness over roles and over the frameworks of a role, within limits.
//!
//! The allocator reads the state and returns placements; the [`machine`](crate::machine) commits
//! them. The algorithm is that of Ghodsi et al., *Dominant Resource Fairness: Fair Allocation of
//! Multiple Resource Types* (NSDI 2011), in the coarse form of Mesos: the first framework in order
//! that may have the resources gets everything that is free on the agent and that quota allows.
//!
//! - [`Turn`]: one agent's turn in a run: who is offered what of it
//! - [`Books`]: what quota leaves during a run
//! - [`Draw`]: who is next, where that is left to chance
//! - [`Share`], [`Order`]: who is next, kept by the state
//! - [`gate`]: what of it may it have, and if nothing, why not
//! - `suits`: the part of that which depends on capabilities and regions

mod books;
mod draw;
pub mod gate;
mod suits;
mod turn;

pub use crate::state::{Order, Share, Walk};
pub use books::Books;
pub use draw::Draw;
pub use gate::{Gated, Refusal, gate};
pub use turn::{Placement, Stage, Turn};
