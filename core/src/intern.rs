//! The interner of resource names and metadata, and the way between the named and the interned
//! form.
//!
//! Ids are given in the order of first sight, so they are not part of the state hash and no
//! decision may depend on them beyond equality. Which names were seen is part of it: they count
//! towards [`RESOURCE_NAMES_MAX`]. Metadata is forgotten when nobody has it any more.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::{Code, Rejection};
use crate::limits::RESOURCE_NAMES_MAX;
use crate::resources::{
    Amount, Bundle, Collection, CollectionKey as _, Conflict, Key, Meta, MetaId, Metadata, Name,
    NameId, Resource, ResourceKey, Resources,
};

/// The resource names and metadata that one kernel has seen.
#[derive(Debug, Clone)]
pub struct Names {
    list: Vec<Name>,
    /// Shared with branches until one of them sees new metadata.
    metadata: Arc<Table>,
    /// While unused metadata is looked for: what was seen in use.
    used: Option<BTreeSet<MetaId>>,
}

/// Metadata by id and back.
#[derive(Debug, Clone, Default)]
struct Table {
    by_id: BTreeMap<u32, Arc<Metadata>>,
    ids: BTreeMap<Exactly, MetaId>,
    /// The last id given; ids start with 1.
    last: u32,
    /// How many there were when the unused ones were last dropped.
    kept: usize,
}

/// Metadata with the order over everything: two volumes that differ in their paths only are equal
/// elsewhere, but each agent's has its own path.
#[derive(Debug, Clone)]
struct Exactly(Arc<Metadata>);

impl PartialEq for Exactly {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exactly {}

impl PartialOrd for Exactly {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exactly {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_exactly(&other.0)
    }
}

/// Unused metadata is looked for when there is twice as much as at the last time, and this much.
const METADATA_SLACK: usize = 1024;

impl Default for Names {
    fn default() -> Self {
        let list = (0..).map_while(|id| NameId(id).well_known_name()).collect();
        Self { list, metadata: Arc::default(), used: None }
    }
}

impl Names {
    /// The id of a name that was seen before.
    pub fn lookup(&self, name: &Name) -> Option<NameId> {
        if let Some(id) = name.well_known_id() {
            return Some(id);
        }
        // At most 64 names: a scan of the short tail beats hashing.
        self.list
            .iter()
            .position(|known| known == name)
            .and_then(|i| u16::try_from(i).ok())
            .map(NameId)
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = NameId> + use<> {
        (0..self.list.len()).filter_map(|id| u16::try_from(id).ok()).map(NameId)
    }

    /// The name of an id.
    pub fn name(&self, id: NameId) -> Option<&Name> {
        self.list.get(usize::from(id.0))
    }

    /// The metadata of an id; none for plain resources.
    pub fn metadata(&self, id: MetaId) -> Option<&Arc<Metadata>> {
        if id == MetaId::PLAIN { None } else { self.metadata.by_id.get(&id.index()) }
    }

    /// The id of metadata that was seen before.
    fn lookup_metadata(&self, meta: &Meta) -> Option<MetaId> {
        match meta.shared() {
            None => Some(MetaId::PLAIN),
            Some(metadata) => self.metadata.ids.get(&Exactly(metadata.clone())).copied(),
        }
    }

    fn intern_metadata(&mut self, meta: &Meta) {
        let Some(metadata) = meta.shared().filter(|_| self.lookup_metadata(meta).is_none()) else {
            return;
        };
        let table = Arc::make_mut(&mut self.metadata);
        // Ids are used again only after 2^26 others; then the next free one.
        loop {
            table.last = (table.last % (MetaId::COUNT_MAX - 1)) + 1;
            if !table.by_id.contains_key(&table.last) {
                break;
            }
        }
        table.by_id.insert(table.last, metadata.clone());
        table.ids.insert(Exactly(metadata.clone()), MetaId::new(table.last, metadata));
    }

    /// Whether it is time to look for unused metadata.
    pub(crate) fn has_old_metadata(&self) -> bool {
        self.metadata.by_id.len() > 2 * self.metadata.kept + METADATA_SLACK
    }

    /// A copy that notes what is encoded with it; see [`drop_unused`](Self::drop_unused).
    pub(crate) fn observing(&self) -> Self {
        Self { used: Some(BTreeSet::new()), ..self.clone() }
    }

    /// Drops all metadata that the observer did not see.
    pub(crate) fn drop_unused(&mut self, observer: Self) {
        let used = observer.used.unwrap_or_default();
        let table = Arc::make_mut(&mut self.metadata);
        table.ids.retain(|_, id| used.contains(id));
        table.by_id = table.ids.iter().map(|(meta, id)| (id.index(), meta.0.clone())).collect();
        table.kept = table.by_id.len();
    }

    /// Checks that all names are known or fit below [`RESOURCE_NAMES_MAX`].
    pub fn check_room(&self, resources: &Resources) -> Result<(), Rejection> {
        let mut last = None;
        let mut new = 0;
        for item in resources {
            // The items of one name stand together.
            if last != Some(&item.key.name) && self.lookup(&item.key.name).is_none() {
                new += 1;
            }
            last = Some(&item.key.name);
        }
        self.check_count(new)
    }

    /// Adds a name; the caller has checked that there is room.
    pub(crate) fn intern_name(&mut self, name: &Name) {
        if self.lookup(name).is_none() {
            self.list.push(name.clone());
        }
    }

    /// Checks that so many names fit, those that are known left out.
    pub(crate) fn check_room_for_names<'n>(
        &self,
        names: impl Iterator<Item = &'n Name>,
    ) -> Result<(), Rejection> {
        let new: BTreeSet<&Name> = names.filter(|name| self.lookup(name).is_none()).collect();
        self.check_count(new.len())
    }

    fn check_count(&self, new: usize) -> Result<(), Rejection> {
        if self.list.len() + new > RESOURCE_NAMES_MAX {
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
            if self.lookup(&item.key.name).is_none() {
                self.list.push(item.key.name.clone());
            }
            self.intern_metadata(&item.key.meta);
        }
        self.find(resources).unwrap_or_default()
    }

    /// Interns if all names and metadata were seen before; otherwise no agent has such a resource.
    pub fn find(&self, resources: &Resources) -> Option<Bundle> {
        self.find_with(resources, |key| self.lookup_metadata(&key.meta))
    }

    /// The part of `within` that `resources` name, by what tells resources apart: a task may name
    /// a volume with another path than the agent.
    pub fn find_within(&self, resources: &Resources, within: &Bundle) -> Option<Bundle> {
        let same = |key: &ResourceKey| {
            let name = self.lookup(&key.name)?;
            let own = within.iter().filter(|item| item.key.name == name);
            let mut own = own.map(|item| item.key.meta);
            own.find(|id| self.metadata(*id).map(|meta| &**meta) == key.metadata())
        };
        self.find_with(
            resources,
            |key| {
                if key.meta.is_plain() { Some(MetaId::PLAIN) } else { same(key) }
            },
        )
    }

    fn find_with(
        &self,
        resources: &Resources,
        meta: impl Fn(&ResourceKey) -> Option<MetaId>,
    ) -> Option<Bundle> {
        struct Unseen;
        impl<K> From<Conflict<K>> for Unseen {
            fn from(_: Conflict<K>) -> Self {
                Self
            }
        }
        let map = |key: &ResourceKey| {
            let name = self.lookup(&key.name).ok_or(Unseen)?;
            Ok(Key { name, meta: meta(key).ok_or(Unseen)? })
        };
        resources.try_map_keys::<_, Unseen>(map).ok()
    }

    /// What of `bundle` may be offered in the role: unreserved, or reserved for it or a role above.
    pub fn allocatable_to<'b>(&self, bundle: &'b Bundle, role: &str) -> Cow<'b, Bundle> {
        let may = |key: &Key| {
            !key.is_reserved()
                || self.metadata(key.meta).is_some_and(|meta| meta.is_allocatable_to(role))
        };
        if bundle.iter().all(|item| may(&item.key)) {
            Cow::Borrowed(bundle)
        } else {
            Cow::Owned(bundle.filter(may))
        }
    }

    /// What of `bundle` is reserved for that role itself.
    #[must_use]
    pub fn reserved_to(&self, bundle: &Bundle, role: &str) -> Bundle {
        let own = |key: &Key| {
            self.metadata(key.meta).is_some_and(|meta| meta.reservation_role() == Some(role))
        };
        bundle.filter(own)
    }

    /// The role that a resource is reserved for.
    pub fn reservation_role(&self, key: Key) -> Option<&str> {
        self.metadata(key.meta)?.reservation_role()
    }

    /// The part of `bundle` within limits, as [`Collection::shrink`], but in the order of names
    /// and metadata: which piece is kept does not depend on the order of interning.
    #[must_use]
    pub fn shrink(
        &self,
        bundle: &Bundle,
        mut limit: impl FnMut(NameId) -> Option<Amount>,
    ) -> Bundle {
        let pairs = bundle.iter().zip(bundle.iter().skip(1));
        let several = pairs.into_iter().any(|(one, next)| one.key.name == next.key.name);
        if !several {
            return bundle.shrink(|name| limit(*name));
        }
        let shrunk = self.named(bundle).shrink(|name| self.lookup(name).and_then(&mut limit));
        self.find_within(&shrunk, bundle).unwrap_or_default()
    }

    /// All names but the well-known ones, in their order: for snapshots.
    pub(crate) fn sorted(&self) -> Vec<Name> {
        let own = self.list.iter().filter(|name| name.well_known_id().is_none());
        let mut sorted: Vec<_> = own.cloned().collect();
        sorted.sort_unstable();
        sorted
    }

    /// Adds the names of a snapshot, within the limit.
    pub(crate) fn restore(&mut self, seen: Vec<Name>) -> Result<(), Rejection> {
        for name in seen {
            if self.lookup(&name).is_none() {
                self.list.push(name);
            }
        }
        self.check_room(&Resources::new())
    }

    /// The named form of a key.
    pub fn named_key(&self, key: Key) -> Option<ResourceKey> {
        let meta = self.metadata(key.meta).cloned().map(Meta::from).unwrap_or_default();
        Some(ResourceKey { name: self.name(key.name)?.clone(), meta })
    }

    /// The named form.
    pub fn named(&self, bundle: &Bundle) -> Resources {
        let items = bundle.iter().filter_map(|item| {
            let name = self.name(item.key.name)?.clone();
            let meta = self.metadata(item.key.meta).cloned().map(Meta::from).unwrap_or_default();
            Some(Resource { key: ResourceKey { name, meta }, value: item.value.clone() })
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
        let names = ctx.names();
        if let Some(used) = &mut names.used {
            used.extend(self.iter().map(|item| item.key.meta));
        }
        names.named(self).encode(e, &mut ())
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
    fn metadata_comes_back_and_is_forgotten() {
        let mut names = Names::default();
        let resources: Resources = "cpus(+eng):2;cpus:1;disk(+eng)#v:10".parse().unwrap();
        assert_eq!(names.find(&resources), None);
        let bundle = names.intern(&resources);
        assert_eq!(names.named(&bundle), resources);
        assert_eq!(bundle.quantity(&NameId::CPUS), Amount::from_units(3));

        // Another agent's volume of that id has its own path; a task may name either with any.
        let elsewhere: Resources = "disk(+eng)#v<path=p>:10".parse().unwrap();
        let other = names.intern(&elsewhere);
        assert!(!bundle.contains(&other));
        assert_eq!(names.named(&other).to_string(), elsewhere.to_string());
        let found = names.find_within(&elsewhere, &bundle).unwrap();
        assert!(bundle.contains(&found));

        let mut observer = names.observing();
        minicbor::encode_with(&bundle, &mut Vec::new(), &mut observer).unwrap();
        names.drop_unused(observer);
        assert_eq!(names.find(&resources), Some(bundle));
        assert_eq!(names.find(&elsewhere), None);
    }

    #[test]
    fn roles_see_what_is_reserved_for_them_or_above() {
        let mut names = Names::default();
        let all = "cpus:1;cpus(eng):2;cpus(eng,+eng/web):4;cpus(ops):8;cpus~:16";
        let bundle = names.intern(&all.parse().unwrap());
        let sum = |role| names.allocatable_to(&bundle, role).quantity(&NameId::CPUS);
        for (role, units) in [("eng", 19), ("eng/web", 23), ("engine", 17), ("ops/x", 25)] {
            assert_eq!(sum(role), Amount::from_units(units), "{role}");
        }
        let own = names.reserved_to(&bundle, "eng/web");
        assert_eq!(names.named(&own).to_string(), "cpus(eng,+eng/web):4");
    }

    #[test]
    fn what_is_kept_does_not_depend_on_the_order_of_interning() {
        let disks: Resources =
            "disk<source=mount,root=/a>:10;disk<source=mount,root=/b>:10".parse().unwrap();
        let one: Resources = "disk<source=mount,root=/b>:1".parse().unwrap();
        let most = |_| Some(Amount::from_units(15));
        let mut names = Names::default();
        let first = names.intern(&disks);
        let mut others = Names::default();
        others.intern(&one);
        let second = others.intern(&disks);
        let kept = names.named(&names.shrink(&first, most));
        assert_eq!(kept.to_string(), "disk<source=mount,root=/a>:10");
        assert_eq!(others.named(&others.shrink(&second, most)), kept);
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
