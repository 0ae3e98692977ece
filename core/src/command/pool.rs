//! Commands of operators about pools: resources of the whole cluster that lie on no agent.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::resources::Resources;

/// Adds resources that are on no agent, such as floating licences. Their names are the pool's own:
/// neither an agent nor another pool may have resources of these names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct AddPool {
    /// Unique among pools.
    #[n(0)]
    pub name: Box<str>,
    /// What there is of it, at least something. It may be reserved statically (`licences(eng):2`)
    /// or revocable, but have nothing to do with disks.
    #[n(1)]
    pub resources: Resources,
}

/// Replaces what there is of a pool. It may be less than what is in use: then nothing is free until
/// enough of it was given back; offers that hold what there is no more are rescinded, tasks run on.
/// With no resources at all a pool is on its way out. Names are the pool's own until it is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UpdatePool {
    /// Which.
    #[n(0)]
    pub name: Box<str>,
    /// What there is of it from now on.
    #[n(1)]
    pub resources: Resources,
}

/// Removes a pool of which no task holds anything, also none that may come back with an agent that
/// cannot be reached. Offers with a part of it are rescinded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RemovePool {
    /// Which.
    #[n(0)]
    pub name: Box<str>,
}
