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
//! Beside its name and value a resource can have [`Metadata`]: a stack of reservations, a disk or
//! persistent volume, revocable, shared, provided by someone. Only resources with equal metadata
//! add up. What cannot be divided (a volume, a mounted disk) is counted in [`Pieces`].
//!
//! What is counted one by one and may be shared (a graphics processor) is given as [`Devices`]: so
//! much of each unit. A task asks for units by a [`DeviceRequest`].
//!
//! Refuses: floating point.
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
mod conversion;
mod device_json;
mod device_request;
mod device_text;
mod devices;
mod excerpt;
mod input;
mod json;
mod key;
mod limits;
mod meta_check;
mod meta_json;
mod meta_mesos;
mod meta_text;
mod metadata;
mod name;
mod pieces;
mod quantities;
mod ranges;
mod set;
mod text;
mod value;
mod views;

#[cfg(test)]
mod tests;

pub use amount::{Amount, AmountError};
pub use collection::{Bundle, Collection, CollectionKey, Conflict, Resource, Resources};
pub use conversion::{Conversion, ConversionError};
pub use device_request::{Ask, DeviceRequest, RequestError};
pub use devices::{Description, Devices, DevicesError, Unit, WORD_BYTES_MAX};
pub use excerpt::Excerpt;
pub use input::{ITEMS_MAX, InputError};
pub use key::{Meta, ResourceKey};
pub use limits::ResourceLimits;
pub use meta_check::{MetadataError, RESERVATIONS_MAX, UseError};
pub use meta_json::{DowngradeError, Format};
pub use metadata::{
    Disk, Label, Metadata, Persistence, Reservation, ReservationKind, Source, SourceKind, Volume,
    VolumeMode,
};
pub use name::{Key, MetaId, Name, NameError, NameId};
pub use pieces::Pieces;
pub use quantities::Quantities;
pub use ranges::{Ranges, RangesError};
pub use set::{Set, SetError};
pub use text::{ParseError, Reason, kind_of_text};
pub use value::{Grain, Kind, Value};
pub use views::{Without, reservation_ancestor};
