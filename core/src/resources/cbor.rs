//! Resources in CBOR, for the journal and snapshots.
//!
//! Form: an amount is an integer of thousandths; a collection is a map from name to
//! `[kind, value]` with kind 0 scalar, 1 ranges (a flat array of bounds), 2 set (an array of
//! texts), 3 pieces (a flat array of size and count), 4 devices (for each unit an array of number,
//! thousandths, model and group), 5 a request for devices (an array of thousandths, models and
//! whether one group). With metadata it is an array: that map, then
//! `[name, metadata, value]` for each item that has some. Encoding is canonical (names in their
//! order, shortest integers). Decoding checks everything anew: a record that was damaged is an
//! error, not a strange collection.

use std::fmt;
use std::sync::Arc;

use minicbor::data::Type;
use minicbor::decode::{Decode, Decoder, Error as DecodeError};
use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};

use super::amount::Amount;
use super::collection::{Resource, Resources};
use super::device_request::DeviceRequest;
use super::devices::{Description, Devices, Unit};
use super::key::ResourceKey;
use super::limits::ResourceLimits;
use super::metadata::Metadata;
use super::name::Name;
use super::pieces::Pieces;
use super::quantities::Quantities;
use super::ranges::Ranges;
use super::set::Set;
use super::value::{Kind, Value};

type Encoded<W> = Result<(), EncodeError<<W as Write>::Error>>;

/// A length that a record claims is trusted only this far when making room for it.
const RESERVE_MAX: u64 = 64;

fn bad(decoder: &Decoder<'_>, message: impl fmt::Display) -> DecodeError {
    DecodeError::message(message).at(decoder.position())
}

/// The definite length of an array or map.
fn length(decoder: &mut Decoder<'_>, what: Type) -> Result<u64, DecodeError> {
    let found = match what {
        Type::Map => decoder.map()?,
        _ => decoder.array()?,
    };
    found.ok_or_else(|| bad(decoder, "indefinite length; a definite one is expected"))
}

fn room(length: u64) -> usize {
    usize::try_from(length.min(RESERVE_MAX)).unwrap_or(0)
}

impl<C> Encode<C> for Amount {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Encoded<W> {
        e.i64(self.milli())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Amount {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let milli = d.i64()?;
        let amount = Self::from_milli(milli);
        if amount.milli() == milli {
            return Ok(amount);
        }
        let most = Self::TOTAL_MAX.milli();
        Err(bad(d, format_args!("{milli} thousandths; an amount is between 0 and {most}")))
    }
}

impl<C> Encode<C> for Name {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Encoded<W> {
        e.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Name {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let text = d.str()?;
        Self::new(text).map_err(|error| bad(d, error))
    }
}

impl<C> Encode<C> for Value {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Encoded<W> {
        e.array(2)?.u8(kind_number(self.kind()))?;
        match self {
            Self::Scalar(amount) => amount.encode(e, ctx),
            Self::Ranges(ranges) => {
                e.array(ranges.iter().len() as u64 * 2)?;
                for (begin, end) in ranges.iter() {
                    e.u64(begin)?.u64(end)?;
                }
                Ok(())
            }
            Self::Set(set) => {
                e.array(set.len() as u64)?;
                for item in set.iter() {
                    e.str(item)?;
                }
                Ok(())
            }
            Self::Pieces(pieces) => {
                e.array(pieces.iter().len() as u64 * 2)?;
                for (size, count) in pieces.iter() {
                    size.encode(e, ctx)?;
                    e.u32(count)?;
                }
                Ok(())
            }
            Self::Devices(devices) => {
                e.array(devices.len() as u64)?;
                for unit in devices {
                    e.array(4)?.u32(unit.id())?;
                    unit.amount().encode(e, ctx)?;
                    e.encode(unit.model())?.encode(unit.group())?;
                }
                Ok(())
            }
            Self::Request(request) => {
                e.array(3)?;
                request.quantity().encode(e, ctx)?;
                e.array(request.models().len() as u64)?;
                for model in request.models() {
                    e.str(model)?;
                }
                e.bool(request.is_one_group())?.ok()
            }
        }
    }
}

const fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Scalar => 0,
        Kind::Ranges => 1,
        Kind::Set => 2,
        Kind::Pieces => 3,
        Kind::Devices => 4,
        Kind::Request => 5,
    }
}

impl<'b, C> Decode<'b, C> for Value {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        if length(d, Type::Array)? != 2 {
            return Err(bad(d, "a resource value is [kind, value]"));
        }
        match d.u8()? {
            0 => Ok(Self::Scalar(Amount::decode(d, ctx)?)),
            1 => decode_ranges(d).map(Self::Ranges),
            2 => decode_set(d).map(Self::Set),
            // Whether they are copies of one thing is said by the key.
            3 => decode_pieces(d).map(Self::Pieces),
            4 => decode_devices(d).map(Self::Devices),
            5 => decode_request(d).map(Self::Request),
            kind => Err(bad(d, format_args!("resource kind {kind} is of a newer version"))),
        }
    }
}

fn decode_ranges(d: &mut Decoder<'_>) -> Result<Ranges, DecodeError> {
    let bounds = length(d, Type::Array)?;
    if bounds % 2 != 0 {
        return Err(bad(d, format_args!("{bounds} range bounds; they come in pairs")));
    }
    let mut intervals = Vec::with_capacity(room(bounds / 2));
    for _ in 0..bounds / 2 {
        intervals.push((d.u64()?, d.u64()?));
    }
    Ranges::new(intervals).map_err(|error| bad(d, error))
}

fn decode_set(d: &mut Decoder<'_>) -> Result<Set, DecodeError> {
    let count = length(d, Type::Array)?;
    let mut items = Vec::with_capacity(room(count));
    for _ in 0..count {
        items.push(d.str()?);
    }
    Set::new(items).map_err(|error| bad(d, error))
}

fn decode_pieces(d: &mut Decoder<'_>) -> Result<Pieces, DecodeError> {
    let parts = length(d, Type::Array)?;
    if parts % 2 != 0 {
        return Err(bad(d, format_args!("{parts} parts of pieces; they come in pairs")));
    }
    let mut pieces = Pieces::new(Amount::ZERO, 0, false);
    for _ in 0..parts / 2 {
        let (size, count) = (Amount::decode(d, &mut ())?, d.u32()?);
        if size.is_zero() || count == 0 {
            return Err(bad(d, "an empty piece; empty pieces are left out"));
        }
        pieces.add(&Pieces::new(size, count, false));
    }
    Ok(pieces)
}

fn decode_devices(d: &mut Decoder<'_>) -> Result<Devices, DecodeError> {
    let count = length(d, Type::Array)?;
    let mut units: Vec<Unit> = Vec::with_capacity(room(count));
    // Units in a row share what is said of them.
    let mut last = Arc::new(Description::default());
    for _ in 0..count {
        if length(d, Type::Array)? != 4 {
            return Err(bad(d, "a unit is [number, thousandths, model, group]"));
        }
        let (id, amount) = (d.u32()?, Amount::decode(d, &mut ())?);
        let (model, group) = (d.decode::<Option<&str>>()?, d.decode::<Option<&str>>()?);
        if (last.model.as_deref(), last.group.as_deref()) != (model, group) {
            last = Arc::new(Description::new(model, group).map_err(|error| bad(d, error))?);
        }
        units.push(Unit::new(id, amount, last.clone()).map_err(|error| bad(d, error))?);
    }
    Devices::new(units).map_err(|error| bad(d, error))
}

fn decode_request(d: &mut Decoder<'_>) -> Result<DeviceRequest, DecodeError> {
    if length(d, Type::Array)? != 3 {
        return Err(bad(d, "a request for devices is [thousandths, models, one group]"));
    }
    let amount = Amount::decode(d, &mut ())?;
    let count = length(d, Type::Array)?;
    let mut models = Vec::with_capacity(room(count));
    for _ in 0..count {
        models.push(d.str()?);
    }
    let one_group = d.bool()?;
    DeviceRequest::new(amount, &models, one_group).map_err(|error| bad(d, error))
}

impl<C> Encode<C> for Resources {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Encoded<W> {
        let plain = self.iter().filter(|item| item.key.meta.is_plain());
        let count = plain.clone().count();
        if count < self.len() {
            e.array((self.len() - count) as u64 + 1)?;
        }
        e.map(count as u64)?;
        for item in plain {
            item.key.name.encode(e, ctx)?;
            item.value.encode(e, ctx)?;
        }
        for item in self {
            let Some(metadata) = item.key.metadata() else { continue };
            e.array(3)?;
            item.key.name.encode(e, ctx)?;
            metadata.encode(e, ctx)?;
            item.value.encode(e, ctx)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Resources {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        if d.datatype()? != Type::Array {
            return decode_entries(d, |d| Value::decode(d, ctx));
        }
        let Some(count) = length(d, Type::Array)?.checked_sub(1) else {
            return Err(bad(d, "resources are a map, or an array that begins with it"));
        };
        let plain = decode_entries(d, |d| Value::decode(d, ctx))?;
        let expected = plain.len() as u64 + count;
        let mut items: Vec<_> = plain.into_iter().collect();
        for _ in 0..count {
            items.push(decode_item(d, ctx)?);
        }
        let collection = Self::from_items(items).map_err(|error| bad(d, error))?;
        if collection.len() as u64 == expected {
            Ok(collection)
        } else {
            Err(bad(d, "a resource stands twice; it is written once"))
        }
    }
}

/// Reads `[name, metadata, value]`.
fn decode_item<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Resource<ResourceKey>, DecodeError> {
    if length(d, Type::Array)? != 3 {
        return Err(bad(d, "a resource with metadata is [name, metadata, value]"));
    }
    let name = Name::decode(d, ctx)?;
    let metadata = Metadata::decode(d, ctx)?;
    let value = Value::decode(d, ctx)?;
    metadata.check(&name, &value).map_err(|error| bad(d, error))?;
    let key = ResourceKey::new(name, metadata);
    if key.meta.is_plain() || value.is_empty() {
        return Err(bad(d, format_args!("{key} is empty, or has no metadata after all")));
    }
    Ok(Resource { key, value })
}

/// Reads a map of names. Each name stands once and has something, in any order: a later version may
/// order names otherwise.
fn decode_entries<'b>(
    d: &mut Decoder<'b>,
    mut value: impl FnMut(&mut Decoder<'b>) -> Result<Value, DecodeError>,
) -> Result<Resources, DecodeError> {
    let count = length(d, Type::Map)?;
    let mut items = Vec::with_capacity(room(count));
    for _ in 0..count {
        let key = Name::decode(d, &mut ())?;
        let value = value(d)?;
        if value.is_empty() {
            return Err(bad(d, format_args!("{key} is empty; empty resources are left out")));
        }
        items.push(Resource { key: key.into(), value });
    }
    let collection = Resources::from_items(items).map_err(|error| bad(d, error))?;
    // Fewer keys than entries: some name stood twice and was added up.
    if collection.len() as u64 == count {
        Ok(collection)
    } else {
        Err(bad(d, "a resource name stands twice; it is written once"))
    }
}

impl<C> Encode<C> for Quantities {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Encoded<W> {
        e.map(self.len() as u64)?;
        for (name, amount) in self.iter() {
            name.encode(e, ctx)?;
            amount.encode(e, ctx)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Quantities {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        let scalars = decode_entries(d, |d| Amount::decode(d, ctx).map(Value::Scalar))?;
        Ok(Self::of(&scalars))
    }
}

impl<C> Encode<C> for ResourceLimits {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Encoded<W> {
        e.map(self.iter().len() as u64)?;
        for (name, amount) in self.iter() {
            name.encode(e, ctx)?;
            amount.encode(e, ctx)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for ResourceLimits {
    /// Unlike an amount, a limit of zero means something.
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        let count = length(d, Type::Map)?;
        let mut limits = Self::new();
        for _ in 0..count {
            let (name, most) = (Name::decode(d, ctx)?, Amount::decode(d, ctx)?);
            if limits.get(&name).is_some() {
                return Err(bad(d, "a limit stands twice; it is written once"));
            }
            limits.set(name, most);
        }
        Ok(limits)
    }
}
