//! The interner of resource names, and the way between the named and the interned form.
//!
//! Ids are given in the order of first sight, so they are not part of the state hash and no
//! decision may depend on them beyond equality. Which names were seen is part of it: they count
//! towards [`RESOURCE_NAMES_MAX`].

use crate::error::{Code, Rejection};
use crate::limits::RESOURCE_NAMES_MAX;
use crate::resources::{Bundle, Collection, Conflict, Key, Name, NameId, Resources};

/// The resource names that one kernel has seen.
#[derive(Debug, Clone)]
pub struct Names {
    names: Vec<Name>,
}

impl Default for Names {
    fn default() -> Self {
        Self { names: (0..).map_while(|id| NameId(id).well_known_name()).collect() }
    }
}

impl Names {
    /// The id of a name that was seen before.
    pub fn lookup(&self, name: &Name) -> Option<NameId> {
        if let Some(id) = name.well_known_id() {
            return Some(id);
        }
        // At most 64 names: a scan of the short tail beats hashing.
        self.names
            .iter()
            .position(|known| known == name)
            .and_then(|i| u16::try_from(i).ok())
            .map(NameId)
    }

    /// The name of an id.
    pub fn name(&self, id: NameId) -> Option<&Name> {
        self.names.get(usize::from(id.0))
    }

    /// Checks that all names are known or fit below [`RESOURCE_NAMES_MAX`].
    pub fn check_room(&self, resources: &Resources) -> Result<(), Rejection> {
        let new = resources.iter().filter(|item| self.lookup(&item.key).is_none()).count();
        if self.names.len() + new > RESOURCE_NAMES_MAX {
            return Err(Rejection::new(
                Code::LimitReached,
                format!("more than {RESOURCE_NAMES_MAX} resource names in one kernel"),
            ));
        }
        Ok(())
    }

    /// Interns, adding names as needed; the caller has asked [`check_room`](Self::check_room).
    pub fn intern(&mut self, resources: &Resources) -> Bundle {
        for item in resources {
            if self.lookup(&item.key).is_none() {
                self.names.push(item.key.clone());
            }
        }
        self.find(resources).unwrap_or_default()
    }

    /// Interns if all names were seen before; otherwise no agent has such a resource.
    pub fn find(&self, resources: &Resources) -> Option<Bundle> {
        struct Unseen;
        impl<K> From<Conflict<K>> for Unseen {
            fn from(_: Conflict<K>) -> Self {
                Self
            }
        }
        let map = |name: &Name| self.lookup(name).map(Key::plain).ok_or(Unseen);
        resources.try_map_keys(map).ok()
    }

    /// All names but the well-known ones, in their order: for snapshots.
    pub(crate) fn sorted(&self) -> Vec<Name> {
        let own = self.names.iter().filter(|name| name.well_known_id().is_none());
        let mut sorted: Vec<_> = own.cloned().collect();
        sorted.sort_unstable();
        sorted
    }

    /// Adds the names of a snapshot, within the limit.
    pub(crate) fn restore(&mut self, seen: Vec<Name>) -> Result<(), Rejection> {
        for name in seen {
            if self.lookup(&name).is_none() {
                self.names.push(name);
            }
        }
        self.check_room(&Resources::new())
    }

    /// The named form.
    pub fn named(&self, bundle: &Bundle) -> Resources {
        let items = bundle.iter().filter_map(|item| {
            let name = self.name(item.key.name)?.clone();
            Some(crate::resources::Resource { key: name, value: item.value.clone() })
        });
        // Names are unique per id, so nothing can conflict.
        Collection::from_items(items).unwrap_or_default()
    }
}

/// What gives access to the interner while a snapshot is written or read.
pub trait HasNames {
    /// The interner.
    fn names(&mut self) -> &mut Names;
}

impl HasNames for Names {
    fn names(&mut self) -> &mut Names {
        self
    }
}

/// A bundle is written by names, so that the order of interning leaves no trace in snapshots.
impl<C: HasNames> minicbor::Encode<C> for Bundle {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        ctx.names().named(self).encode(e, &mut ())
    }
}

impl<'b, C: HasNames> minicbor::Decode<'b, C> for Bundle {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let named = Resources::decode(d, &mut ())?;
        let names = ctx.names();
        names.check_room(&named).map_err(|e| minicbor::decode::Error::message(e).at(at))?;
        Ok(names.intern(&named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let mut names = Names::default();
        let resources: Resources = "cpus:2;licences:3;ports:[1-2]".parse().unwrap();
        assert_eq!(names.find(&resources), None);
        let bundle = names.intern(&resources);
        assert_eq!(names.named(&bundle), resources);
        assert_eq!(names.find(&resources), Some(bundle));
    }

    #[test]
    fn the_number_of_names_is_limited() {
        let mut names = Names::default();
        let many = |n: usize| (0..n).map(|i| format!("r{i}:1")).collect::<Vec<_>>().join(";");
        let fits: Resources = many(RESOURCE_NAMES_MAX - 5).parse().unwrap();
        assert_eq!(names.check_room(&fits), Ok(()));
        names.intern(&fits);
        let error = names.check_room(&"one_more:1".parse().unwrap()).unwrap_err();
        assert_eq!(error.code(), Code::LimitReached);
    }
}
