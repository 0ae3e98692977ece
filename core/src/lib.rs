//! Tamias: an embedded scheduling kernel.

pub mod resources;
