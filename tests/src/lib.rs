//! What no single crate owns: a reference model of the kernel, and a world to drive both in.
//!
//! - [`world`]: a kernel state with everything it was told and said, for scripted tests

pub mod world;
