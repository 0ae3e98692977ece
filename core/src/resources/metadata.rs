//! What is known of a resource beside its name and value: for whom it is reserved, which disk it
//! is, whether it is revocable or shared, who provides it.
//!
//! Promises: equal by meaning. What says how a resource is used (the paths of a volume, who made
//! it) is carried, but two resources that differ only in it are the same thing, as in Mesos.
//! [`Metadata::is_exactly`] compares everything.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use minicbor::{Decode, Encode};

use crate::names::is_strict_subrole;

/// How a reservation came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ReservationKind {
    /// The agent was started with it; only the agent can change it.
    #[default]
    #[n(0)]
    Static,
    /// It was made by an operation, and can be undone by one.
    #[n(1)]
    Dynamic,
}

/// One label of a reservation: a key, and a value if it has one.
pub type Label = (Box<str>, Option<Box<str>>);

/// One level of a reservation stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Reservation {
    /// Static or dynamic.
    #[n(0)]
    pub kind: ReservationKind,
    /// For whom; never `*`.
    #[n(1)]
    pub role: Box<str>,
    /// Who made it.
    #[n(2)]
    pub principal: Option<Box<str>>,
    /// Labels in their order; an empty list is not the same as none.
    #[n(3)]
    pub labels: Option<Vec<Label>>,
}

impl Reservation {
    /// A static reservation without principal and labels.
    #[must_use]
    pub fn fixed(role: &str) -> Self {
        Self { kind: ReservationKind::Static, role: role.into(), ..Self::default() }
    }

    /// A dynamic reservation without principal and labels.
    #[must_use]
    pub fn dynamic(role: &str) -> Self {
        Self { kind: ReservationKind::Dynamic, role: role.into(), ..Self::default() }
    }

    /// Sorts the labels: their order has no meaning.
    #[must_use]
    pub fn normal(mut self) -> Self {
        if let Some(labels) = &mut self.labels {
            labels.sort_unstable();
        }
        self
    }
}

/// How a volume may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum VolumeMode {
    /// Read and written.
    #[default]
    #[n(0)]
    ReadWrite,
    /// Read only.
    #[n(1)]
    ReadOnly,
}

/// Where a task sees a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Volume {
    /// The path within the task's sandbox or container.
    #[n(0)]
    pub container_path: Box<str>,
    /// The path on the agent.
    #[n(1)]
    pub host_path: Option<Box<str>>,
    /// Read only, or not.
    #[n(2)]
    pub mode: VolumeMode,
}

/// What makes a volume outlive its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Persistence {
    /// Unique per agent and reservation role.
    #[n(0)]
    pub id: Box<str>,
    /// Who made it.
    #[n(1)]
    pub principal: Option<Box<str>>,
}

/// The kind of a disk that is not the agent's root disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SourceKind {
    /// A directory; divisible.
    #[n(0)]
    Path,
    /// A mounted file system; used as a whole.
    #[n(1)]
    Mount,
    /// A block device; used as a whole.
    #[n(2)]
    Block,
    /// Space that is yet to become a disk; used as a whole once it has an id.
    #[n(3)]
    Raw,
}

/// Which disk it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Source {
    /// What kind of disk.
    #[n(0)]
    pub kind: SourceKind,
    /// The directory of a path or mount disk.
    #[n(1)]
    pub root: Option<Box<str>>,
    /// Who made the storage.
    #[n(2)]
    pub vendor: Option<Box<str>>,
    /// The id that the storage gave it.
    #[n(3)]
    pub id: Option<Box<str>>,
    /// What the storage says of it.
    #[n(4)]
    pub metadata: Option<Vec<Label>>,
    /// The profile of the storage.
    #[n(5)]
    pub profile: Option<Box<str>>,
}

impl Source {
    /// A source of that kind with nothing else.
    #[must_use]
    pub const fn of(kind: SourceKind) -> Self {
        Self { kind, root: None, vendor: None, id: None, metadata: None, profile: None }
    }

    /// Whether it is used as a whole or not at all.
    #[must_use]
    pub fn is_indivisible(&self) -> bool {
        match self.kind {
            SourceKind::Path => false,
            SourceKind::Mount | SourceKind::Block => true,
            SourceKind::Raw => self.id.is_some(),
        }
    }
}

/// What is known of disk space.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Disk {
    /// Which disk; none is the agent's root disk.
    #[n(0)]
    pub source: Option<Source>,
    /// A persistent volume.
    #[n(1)]
    pub persistence: Option<Persistence>,
    /// Where a task sees it.
    #[n(2)]
    pub volume: Option<Volume>,
}

impl Disk {
    /// A persistent volume on the root disk, seen by tasks under its own id.
    #[must_use]
    pub fn volume(id: &str) -> Self {
        let persistence = Some(Persistence { id: id.into(), principal: None });
        let volume = Some(Volume { container_path: id.into(), ..Volume::default() });
        Self { source: None, persistence, volume }
    }

    /// The disk without volume and persistence, as it was before the volume was made of it.
    #[must_use]
    pub fn stripped(&self) -> Option<Self> {
        let source = Some(self.source.clone()?);
        Some(Self { source, persistence: None, volume: None })
    }

    fn identity(&self) -> (Option<&Source>, Option<&str>) {
        (self.source.as_ref(), self.persistence.as_ref().map(|persistence| &*persistence.id))
    }
}

/// Everything known of a resource beside its name and value.
#[derive(Clone, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Metadata {
    /// The reservation stack, the oldest first; empty means unreserved.
    #[n(0)]
    pub reservations: Vec<Reservation>,
    /// Which disk, for disk space.
    #[n(1)]
    pub disk: Option<Disk>,
    /// Whether it can be taken back at any time.
    #[n(2)]
    pub revocable: bool,
    /// Whether many tasks may use it at the same time.
    #[n(3)]
    pub shared: bool,
    /// The resource provider; none is the agent itself.
    #[n(4)]
    pub provider: Option<Box<str>>,
}

impl Metadata {
    /// Reserved, by one level.
    #[must_use]
    pub fn reserved(reservation: Reservation) -> Self {
        Self { reservations: vec![reservation], ..Self::default() }
    }

    /// True when there is nothing to know.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The top of the reservation stack.
    #[must_use]
    pub fn reservation(&self) -> Option<&Reservation> {
        self.reservations.last()
    }

    /// The role that it is reserved for.
    #[must_use]
    pub fn reservation_role(&self) -> Option<&str> {
        self.reservation().map(|reservation| &*reservation.role)
    }

    /// Whether the top reservation was made by an operation.
    #[must_use]
    pub fn is_dynamically_reserved(&self) -> bool {
        self.reservation().is_some_and(|top| top.kind == ReservationKind::Dynamic)
    }

    /// Whether a reservation was refined for a role below.
    #[must_use]
    pub fn is_refined(&self) -> bool {
        self.reservations.len() > 1
    }

    /// Whether it may be offered in `role`: unreserved, or reserved for that role or one above it.
    #[must_use]
    pub fn is_allocatable_to(&self, role: &str) -> bool {
        self.reservation_role().is_none_or(|own| own == role || is_strict_subrole(role, own))
    }

    /// The id, if it is a persistent volume.
    #[must_use]
    pub fn persistence_id(&self) -> Option<&str> {
        let persistence = self.disk.as_ref()?.persistence.as_ref()?;
        Some(&persistence.id)
    }

    /// Whether it is used as a whole or not at all.
    #[must_use]
    pub fn is_indivisible(&self) -> bool {
        let disk = self.disk.as_ref();
        self.shared
            || disk.is_some_and(|disk| {
                disk.persistence.is_some()
                    || disk.source.as_ref().is_some_and(Source::is_indivisible)
            })
    }

    /// True when everything is equal, also what does not tell resources apart.
    #[must_use]
    pub fn is_exactly(&self, other: &Self) -> bool {
        self.cmp_exactly(other) == Ordering::Equal
    }

    /// A total order over everything, also what does not tell resources apart.
    #[must_use]
    pub fn cmp_exactly(&self, other: &Self) -> Ordering {
        self.cmp(other).then_with(|| self.disk.cmp(&other.disk))
    }

    /// What tells resources apart.
    #[allow(clippy::type_complexity)] // Read in the two lines below only.
    fn identity(
        &self,
    ) -> (&[Reservation], Option<(Option<&Source>, Option<&str>)>, bool, bool, Option<&str>) {
        let disk = self.disk.as_ref().map(Disk::identity);
        (&self.reservations, disk, self.revocable, self.shared, self.provider.as_deref())
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Metadata {}

impl PartialOrd for Metadata {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Metadata {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Metadata {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}
