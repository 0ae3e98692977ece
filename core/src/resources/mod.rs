//! The resource algebra: what an agent has, an offer holds and a task uses.
//!
//! Owns exact amounts ([`Amount`], thousandths in `i64`), inclusive intervals ([`Ranges`]), sets of
//! strings ([`Set`]), and collections of them ([`Collection`]) with the arithmetic of Apache
//! Mesos: addition merges, subtraction never goes below nothing, containment is by value.
//!
//! Promises: a collection is always normalised (sorted by key, one item per key, nothing empty), so
//! `==` is equality of meaning; arithmetic is exact and independent of order; no input makes this
//! module panic; every error names what was wrong, where, and what would be right.
//!
//! Refuses: floating point, and (in this version) reservations, disk sources, shared and revocable
//! resources: they are recognised on input and rejected, never dropped silently.
//!
//! A collection has two forms of one generic type: [`Resources`] with names as keys (interfaces,
//! commands, journal) and [`Bundle`] with interned keys (the ledger).
//!
//! ```
//! use tamias::resources::{Amount, Name, Resources};
//!
//! let mut total: Resources = "cpus:4;mem:8192;ports:[31000-32000]".parse()?;
//! let task: Resources = "cpus:0.5;ports:[31000-31000]".parse()?;
//! assert!(total.contains(&task));
//! total.subtract(&task);
//! assert_eq!(total.to_string(), "cpus:3.5;mem:8192;ports:[31001-32000]");
//! assert_eq!(total.scalar(&Name::CPUS), Amount::from_milli(3500));
//! # Ok::<(), tamias::resources::ParseError>(())
//! ```

mod amount;
mod cbor;
mod collection;
mod excerpt;
mod input;
mod json;
mod name;
mod quantities;
mod ranges;
mod set;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub use amount::{Amount, AmountError};
pub use collection::{Bundle, Collection, CollectionKey, Conflict, Resource, Resources};
pub use excerpt::Excerpt;
pub use input::{ITEMS_MAX, InputError};
pub use name::{Key, MetaId, Name, NameError, NameId};
pub use quantities::Quantities;
pub use ranges::{Ranges, RangesError};
pub use set::{Set, SetError};
pub use text::{ParseError, Reason};
pub use value::{Kind, Value};
