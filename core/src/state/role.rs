//! Roles: the buckets between which resources are shared by weight.

use std::collections::BTreeSet;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::ids::FrameworkId;
use crate::resources::{Amount, Bundle};

/// A role. It exists while it has a weight of its own or a framework.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub struct Role {
    /// Its name.
    #[n(0)]
    #[cbor(with = "crate::shared")]
    pub name: Arc<str>,
    /// Its weight.
    #[n(1)]
    pub weight: Amount,
    /// How many offers its frameworks were made since it exists: decides between equal shares.
    #[n(2)]
    pub charges: u64,
    /// Scalars offered and allocated to its frameworks. Derived from the grants.
    #[cbor(skip)]
    pub held: Bundle,
    /// Frameworks subscribed to it or still holding resources in it. Derived.
    #[cbor(skip)]
    pub frameworks: BTreeSet<FrameworkId>,
}

impl Role {
    /// The weight of roles for which none was set.
    pub const DEFAULT_WEIGHT: Amount = Amount::from_units(1);

    /// A role without weight of its own and without frameworks.
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            weight: Self::DEFAULT_WEIGHT,
            charges: 0,
            held: Bundle::new(),
            frameworks: BTreeSet::new(),
        }
    }
}
