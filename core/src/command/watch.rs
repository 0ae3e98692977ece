//! Watching what there is.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::change::Noun;

/// Has an operator's session told all there is, as [`Snapshot`](crate::event::Event::Snapshot)s,
/// and from then on each change, as [`Changed`](crate::event::Event::Changed). Sent again, it
/// begins anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Watch {
    /// Of what only; left out, of everything.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nouns: Option<Vec<Noun>>,
}

/// Ends that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Unwatch {}
