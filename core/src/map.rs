//! The one hash map of the crate: looked up, never iterated on a decision path.
//!
//! hashbrown's default hasher is seeded at random for each process, so that iteration order would
//! differ between a run and its replay. The map here has a fixed seed.

/// A hash map with a fixed seed.
pub type Map<K, V> = hashbrown::HashMap<K, V, foldhash::quality::FixedState>;
