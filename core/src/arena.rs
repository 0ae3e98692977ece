//! Slots with generations, in chunks behind shared pointers.
//!
//! A branch of the state shares all chunks with its parent; the first write to a chunk copies that
//! chunk only. Freed slots are refilled last-in-first-out and the free list is part of the state,
//! so ids replay identically. A slot whose generation is spent is retired.

use std::marker::PhantomData;
use std::sync::Arc;

use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::ids::Id;
use crate::limits::OBJECTS_MAX;

/// Slots per chunk: a task row of about 200 B makes a chunk of 12 KiB, copied in about 1 us.
const CHUNK: usize = 64;

#[derive(Debug, Clone)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// A typed arena; see the module text.
#[derive(Debug, Clone)]
pub struct Arena<I, T> {
    chunks: Vec<Arc<Vec<Slot<T>>>>,
    slots: usize,
    live: usize,
    free: Vec<u32>,
    /// What was written since this was asked last, while somebody wants to know.
    noted: Option<Vec<I>>,
    id: PhantomData<fn() -> I>,
}

impl<I, T> Default for Arena<I, T> {
    fn default() -> Self {
        let (chunks, free) = (Vec::new(), Vec::new());
        Self { chunks, slots: 0, live: 0, free, noted: None, id: PhantomData }
    }
}

impl<I: Id, T: Clone> Arena<I, T> {
    /// How many objects live here.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether nothing lives here.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether `count` more objects fit ([`OBJECTS_MAX`]).
    pub fn has_room_for(&self, count: usize) -> bool {
        self.live + count <= OBJECTS_MAX && u32::try_from(self.slots + count).is_ok()
    }

    /// Whether counts and free list are what the slots say: an empty slot is free exactly once,
    /// unless its generation is spent.
    pub(crate) fn is_sound(&self) -> bool {
        let slots = || self.chunks.iter().flat_map(|chunk| chunk.iter());
        let mut free = self.free.clone();
        free.sort_unstable();
        let refillable = slots()
            .zip(0_u32..)
            .filter(|(slot, _)| slot.value.is_none() && slot.generation < u32::MAX);
        refillable.map(|(_, index)| index).eq(free)
            && slots().count() == self.slots
            && slots().filter(|slot| slot.value.is_some()).count() == self.live
    }

    /// The object, unless it is gone.
    pub fn get(&self, id: I) -> Option<&T> {
        let slot = self.slot(id.index())?;
        if slot.generation == id.generation() { slot.value.as_ref() } else { None }
    }

    /// The object for writing; copies its chunk if a branch or snapshot shares it.
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.get(id)?;
        self.note(id);
        self.slot_mut(id.index())?.value.as_mut()
    }

    /// Whether the object lives.
    pub fn contains(&self, id: I) -> bool {
        self.get(id).is_some()
    }

    /// The id that the next [`insert`](Self::insert) will give.
    pub fn next_id(&self) -> I {
        match self.free.last() {
            Some(&index) => I::from_parts(index, self.slot(index).map_or(1, |s| s.generation + 1)),
            None => I::from_parts(index_of(self.slots), 1),
        }
    }

    /// Adds an object. Callers have asked [`has_room_for`](Self::has_room_for) while validating.
    pub fn insert(&mut self, value: T) -> I {
        self.live += 1;
        let id = self.next_id();
        self.note(id);
        if self.free.pop().is_some() {
            if let Some(slot) = self.slot_mut(id.index()) {
                *slot = Slot { generation: id.generation(), value: Some(value) };
            }
        } else {
            self.push_slot(Slot { generation: 1, value: Some(value) });
        }
        id
    }

    /// Takes an object out; its slot is reused with the next generation, or retired when spent.
    pub fn remove(&mut self, id: I) -> Option<T> {
        self.get(id)?;
        self.note(id);
        let value = self.slot_mut(id.index())?.value.take();
        self.live -= 1;
        if id.generation() < u32::MAX {
            self.free.push(id.index());
        }
        value
    }

    /// All objects in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).enumerate().filter_map(|(index, slot)| {
            let id = I::from_parts(index_of(index), slot.generation);
            slot.value.as_ref().map(|value| (id, value))
        })
    }

    /// The ids of all objects in the order of their slots.
    pub fn ids(&self) -> impl Iterator<Item = I> + '_ {
        self.iter().map(|(id, _)| id)
    }

    /// The object with the next slot number after `index`, if any: for walks that are interrupted.
    pub fn next_from(&self, index: u32) -> Option<(I, &T)> {
        (index..index_of(self.slots)).find_map(|i| {
            let slot = self.slot(i)?;
            slot.value.as_ref().map(|value| (I::from_parts(i, slot.generation), value))
        })
    }

    /// Has what is written from now on noted, or not.
    pub(crate) fn note_writes(&mut self, on: bool) {
        self.noted = on.then(Vec::new);
    }

    /// The ids of objects that were added, borrowed for writing or removed since writes are noted
    /// or this was asked last, each once and in their order.
    pub(crate) fn take_noted(&mut self) -> Vec<I> {
        let mut noted = self.noted.as_mut().map(std::mem::take).unwrap_or_default();
        noted.sort_unstable();
        noted.dedup();
        noted
    }

    fn note(&mut self, id: I) {
        if let Some(noted) = &mut self.noted {
            if noted.last() != Some(&id) {
                noted.push(id);
            }
        }
    }

    /// Forgets which slots are free, to see that this is found.
    #[cfg(test)]
    pub(crate) fn forget_free(&mut self) {
        self.free.clear();
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        let index = index as usize;
        Arc::make_mut(self.chunks.get_mut(index / CHUNK)?).get_mut(index % CHUNK)
    }

    fn push_slot(&mut self, slot: Slot<T>) {
        if self.slots % CHUNK == 0 {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            Arc::make_mut(chunk).push(slot);
        }
        self.slots += 1;
    }
}

fn index_of(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

/// Encoded as `[free list, [generation, object or null]...]`.
impl<C, I: Id, T: Clone + Encode<C>> Encode<C> for Arena<I, T> {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?.encode(&self.free)?.array(self.slots as u64 * 2)?;
        for slot in self.chunks.iter().flat_map(|chunk| chunk.iter()) {
            e.u32(slot.generation)?.encode_with(&slot.value, ctx)?;
        }
        Ok(())
    }
}

impl<'b, C, I: Id, T: Clone + Decode<'b, C>> Decode<'b, C> for Arena<I, T> {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        let shape = |text| DecodeError::message(text).at(d.position());
        let (wrong_outer, wrong_inner) = (shape("arena: 2 parts"), shape("arena: pairs"));
        if d.array()? != Some(2) {
            return Err(wrong_outer);
        }
        let mut arena = Self { free: d.decode()?, ..Self::default() };
        let Some(items) = d.array()?.filter(|n| n % 2 == 0) else { return Err(wrong_inner) };
        for _ in 0..items / 2 {
            let slot = Slot { generation: d.u32()?, value: d.decode_with(ctx)? };
            arena.live += usize::from(slot.value.is_some());
            arena.push_slot(slot);
        }
        Ok(arena)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

    type Tasks = Arena<TaskId, u64>;

    #[test]
    fn a_freed_slot_comes_back_with_the_next_generation() {
        let mut arena = Tasks::default();
        let first = arena.insert(1);
        let second = arena.insert(2);
        assert_eq!(arena.remove(first), Some(1));
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.next_id(), TaskId::from_parts(0, 2));
        let third = arena.insert(3);
        assert_eq!((third.index(), third.generation()), (0, 2));
        assert_eq!(
            (arena.get(first), arena.get(second), arena.get(third)),
            (None, Some(&2), Some(&3))
        );
        assert_eq!(arena.iter().map(|(_, v)| *v).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn a_spent_generation_retires_its_slot() {
        let mut arena = Tasks::default();
        arena.push_slot(Slot { generation: u32::MAX - 1, value: None });
        arena.free.push(0);
        let last = arena.insert(7);
        assert_eq!(last.generation(), u32::MAX);
        arena.remove(last);
        assert_eq!(arena.insert(8).index(), 1);
    }

    #[test]
    fn a_branch_shares_chunks_until_written() {
        let mut arena = Tasks::default();
        let ids: Vec<_> = (0..200).map(|n| arena.insert(n)).collect();
        let mut branch = arena.clone();
        *branch.get_mut(ids[0]).unwrap() = 1000;
        assert_eq!((arena.get(ids[0]), branch.get(ids[0])), (Some(&0), Some(&1000)));
        let shared = arena.chunks.iter().zip(&branch.chunks).filter(|(a, b)| Arc::ptr_eq(a, b));
        assert_eq!(shared.count(), 3);
    }

    #[test]
    fn encoding_keeps_ids_and_free_list() {
        let mut arena = Tasks::default();
        let ids: Vec<_> = (0..70).map(|n| arena.insert(n)).collect();
        arena.remove(ids[3]);
        arena.remove(ids[69]);
        let bytes = minicbor::to_vec(&arena).unwrap();
        let mut back: Tasks = minicbor::decode(&bytes).unwrap();
        assert_eq!(back.len(), 68);
        assert_eq!(back.insert(9), arena.insert(9));
        assert_eq!(minicbor::to_vec(&back).unwrap(), minicbor::to_vec(&arena).unwrap());
    }
}
