//! Tests of what only Rust can see.
