//! CBOR of values behind shared pointers, for `#[cbor(with = "crate::shared")]`.

use std::sync::Arc;

use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

/// A shared value that is written as the value itself.
pub trait Shared<C>: Sized {
    /// Writes the value.
    fn write<W: Write>(&self, e: &mut Encoder<W>, c: &mut C) -> Result<(), EncodeError<W::Error>>;
    /// Reads the value.
    fn read(d: &mut Decoder<'_>, c: &mut C) -> Result<Self, DecodeError>;
}

impl<C> Shared<C> for Arc<str> {
    fn write<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(self)?.ok()
    }

    fn read(d: &mut Decoder<'_>, _: &mut C) -> Result<Self, DecodeError> {
        d.str().map(Into::into)
    }
}

impl<C, T: Encode<C> + for<'b> Decode<'b, C>> Shared<C> for Arc<T> {
    fn write<W: Write>(&self, e: &mut Encoder<W>, c: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.encode_with(&**self, c)?.ok()
    }

    fn read(d: &mut Decoder<'_>, c: &mut C) -> Result<Self, DecodeError> {
        d.decode_with(c).map(Self::new)
    }
}

impl<C, S: Shared<C>> Shared<C> for Option<S> {
    fn write<W: Write>(&self, e: &mut Encoder<W>, c: &mut C) -> Result<(), EncodeError<W::Error>> {
        match self {
            Some(value) => value.write(e, c),
            None => e.null()?.ok(),
        }
    }

    fn read(d: &mut Decoder<'_>, c: &mut C) -> Result<Self, DecodeError> {
        if d.datatype()? == Type::Null {
            return d.null().map(|()| None);
        }
        S::read(d, c).map(Some)
    }
}

/// Writes a shared value; the name is what the derive looks for.
pub fn encode<C, S: Shared<C>, W: Write>(
    value: &S,
    e: &mut Encoder<W>,
    c: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    value.write(e, c)
}

/// Reads a shared value; the name is what the derive looks for.
pub fn decode<C, S: Shared<C>>(d: &mut Decoder<'_>, c: &mut C) -> Result<S, DecodeError> {
    S::read(d, c)
}
