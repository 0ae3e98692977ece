//! Which id comes next: a freed slot is filled again, last in first out, with the next generation.

use tamias::ids::Id;

/// The slots of one kind of object.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    generations: Vec<u32>,
    free: Vec<u32>,
}

impl Slots {
    /// Fills a slot; gives the id.
    pub fn take<I: Id>(&mut self) -> I {
        let index = self.free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            u32::try_from(self.generations.len() - 1).expect("few objects")
        });
        let generation = &mut self.generations[index as usize];
        *generation += 1;
        I::from_parts(index, *generation)
    }

    /// Frees the slot of an object that is gone.
    pub fn give_back<I: Id>(&mut self, id: I) {
        self.free.push(id.index());
    }
}
