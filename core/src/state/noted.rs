//! A value that remembers whether it was written: what objects in an [arena](crate::arena) are
//! told apart by, for the parts of the ledger that are in none.

use std::ops::{Deref, DerefMut};

use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

/// See the module text.
#[derive(Debug, Clone, Default)]
pub struct Noted<T> {
    value: T,
    written: bool,
}

impl<T> Noted<T> {
    /// Whether it was written since this was asked last.
    pub(super) fn take_written(&mut self) -> bool {
        std::mem::take(&mut self.written)
    }
}

impl<T> Deref for Noted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Noted<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.written = true;
        &mut self.value
    }
}

impl<C, T: Encode<C>> Encode<C> for Noted<T> {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        self.value.encode(e, ctx)
    }
}

impl<'b, C, T: Decode<'b, C>> Decode<'b, C> for Noted<T> {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self { value: T::decode(d, ctx)?, written: false })
    }
}
