//! Which metadata is legal: in itself and for such a resource (when it is read), and for a use
//! (when a task or an operation names it).
//!
//! The order of the checks is that of Mesos, so that the first fault reported is the same.

use super::collection::Resources;
use super::excerpt::Excerpt;
use super::metadata::{Disk, Metadata, Reservation, ReservationKind, Source, SourceKind};
use super::name::Name;
use super::value::{Kind, Value};
use crate::names::{check_name, check_role_name, is_strict_subrole};

/// The most reservations in one stack: deeper than any role is.
pub const RESERVATIONS_MAX: usize = 64;

/// Why metadata is not legal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Disk metadata on something else.
    #[error("only the resource disk can be a volume or have a source, not {name}")]
    NotADisk {
        /// The resource.
        name: Name,
    },
    /// Disk metadata on what is no amount.
    #[error("disk is given as {kind}: a volume or a disk with a source is an amount")]
    NotAnAmount {
        /// The kind.
        kind: Kind,
    },
    /// A source that has no directory was given one.
    #[error("a {kind} disk has no root directory: leave it out, or use path or mount")]
    RootOfDevice {
        /// `block` or `raw`.
        kind: &'static str,
    },
    /// The role of a reservation is not legal.
    #[error("the reservation's {message}")]
    Role {
        /// What is wrong with it.
        message: Box<str>,
    },
    /// A reservation for everybody.
    #[error("a resource cannot be reserved for *: leave the reservation out")]
    ReservedForAll,
    /// A static reservation on top of another one.
    #[error("reservation {index} is static: only the first may be, refine with dynamic ones")]
    StaticRefinement {
        /// Its place in the stack, from 0.
        index: usize,
    },
    /// A reservation that does not refine the one below.
    #[error("reservation {index} is for {role}, which is no role below {below}")]
    NotARefinement {
        /// Its place in the stack, from 0.
        index: usize,
        /// Its role.
        role: Excerpt,
        /// The role of the one below.
        below: Excerpt,
    },
    /// Too many levels.
    #[error("{count} reservations in one stack; at most {RESERVATIONS_MAX}")]
    TooDeep {
        /// How many.
        count: usize,
    },
    /// Shared, but not a persistent volume.
    #[error("only a persistent volume can be shared: give it an id, such as disk(+role)#id&:64")]
    SharedWithoutVolume,
    /// A text of the metadata is too long or holds a control character.
    #[error("the {what} {text} has a control character or more than 4096 bytes")]
    BadText {
        /// What it is.
        what: &'static str,
        /// The text.
        text: Excerpt,
    },
}

/// Why legal resources cannot be used by a task or an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UseError {
    /// A part of a graphics processor.
    #[error(
        "gpus:{amount} is not a whole number; ask for whole gpus, or for a part of one by \
         gpus:<0.5 of any>"
    )]
    PartOfGpu {
        /// How many.
        amount: super::Amount,
    },
    /// A revocable volume.
    #[error("a persistent volume cannot be revocable; leave the ~ out")]
    RevocableVolume,
    /// An unreserved volume.
    #[error("persistent volume {id} is not reserved; reserve the disk for a role first")]
    UnreservedVolume {
        /// Its id.
        id: Excerpt,
    },
    /// A volume without a place.
    #[error("persistent volume {id} has no container path; say where a task sees it")]
    VolumeWithoutPath {
        /// Its id.
        id: Excerpt,
    },
    /// A volume with a path on the agent.
    #[error("persistent volume {id} has a host path; the agent chooses where it lies")]
    VolumeWithHostPath {
        /// Its id.
        id: Excerpt,
    },
    /// An id that could not be a directory.
    #[error("{message}")]
    VolumeId {
        /// What is wrong with it.
        message: Box<str>,
    },
    /// A volume without persistence.
    #[error("a volume that is not persistent is not supported; give it an id")]
    VolumeWithoutPersistence,
    /// Disk metadata that says nothing.
    #[error("disk metadata has neither a source nor a volume; leave it out")]
    EmptyDisk,
    /// Dynamically reserved and revocable.
    #[error("{name} is revocable, so it cannot be reserved by an operation")]
    RevocableReservation {
        /// The resource.
        name: Name,
    },
    /// One volume twice.
    #[error("persistent volume {id} is given twice; each id stands once per role")]
    DuplicateVolume {
        /// Its id.
        id: Excerpt,
    },
    /// Revocable and regular amounts of one name.
    #[error("{name} is given both as revocable and as regular; use one of them")]
    MixedRevocable {
        /// The resource.
        name: Name,
    },
    /// Not for the configuration of an agent.
    #[error("{name} is {what}; an agent's configuration cannot give that")]
    NotDeclarable {
        /// The resource.
        name: Name,
        /// What it is.
        what: &'static str,
    },
}

/// The longest path, id, principal or label.
const TEXT_BYTES_MAX: usize = 4096;

fn check_text(what: &'static str, text: Option<&str>) -> Result<(), MetadataError> {
    match text {
        Some(text) if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) => {
            Err(MetadataError::BadText { what, text: Excerpt::new(text) })
        }
        _ => Ok(()),
    }
}

impl Metadata {
    /// Checks it for a resource of that name and value: rules 7 to 10 of the Mesos order, after
    /// those on name and value.
    pub fn check(&self, name: &Name, value: &Value) -> Result<(), MetadataError> {
        if let Some(disk) = &self.disk {
            if *name != Name::DISK {
                return Err(MetadataError::NotADisk { name: name.clone() });
            }
            if !matches!(value.kind(), Kind::Scalar | Kind::Pieces) {
                return Err(MetadataError::NotAnAmount { kind: value.kind() });
            }
            disk.check()?;
        }
        self.check_reservations()?;
        if self.shared && self.persistence_id().is_none() {
            return Err(MetadataError::SharedWithoutVolume);
        }
        check_text("provider", self.provider.as_deref())
    }

    fn check_reservations(&self) -> Result<(), MetadataError> {
        if self.reservations.len() > RESERVATIONS_MAX {
            return Err(MetadataError::TooDeep { count: self.reservations.len() });
        }
        self.reservations.iter().try_for_each(Reservation::check)?;
        let pairs = self.reservations.iter().zip(self.reservations.iter().skip(1));
        for (index, (below, refined)) in (1..).zip(pairs) {
            if refined.kind == ReservationKind::Static {
                return Err(MetadataError::StaticRefinement { index });
            }
            if !is_strict_subrole(&refined.role, &below.role) {
                return Err(MetadataError::NotARefinement {
                    index,
                    role: Excerpt::new(&refined.role),
                    below: Excerpt::new(&below.role),
                });
            }
        }
        Ok(())
    }
}

impl Reservation {
    fn check(&self) -> Result<(), MetadataError> {
        if &*self.role == "*" {
            return Err(MetadataError::ReservedForAll);
        }
        check_role_name(&self.role)
            .map_err(|fault| MetadataError::Role { message: fault.message().into() })?;
        check_text("principal", self.principal.as_deref())?;
        for (key, value) in self.labels.iter().flatten() {
            check_text("label", Some(key))?;
            check_text("label", value.as_deref())?;
        }
        Ok(())
    }
}

impl Disk {
    fn check(&self) -> Result<(), MetadataError> {
        if let Some(source) = &self.source {
            source.check()?;
        }
        let persistence = self.persistence.as_ref();
        check_text("volume id", persistence.map(|p| &*p.id))?;
        check_text("principal", persistence.and_then(|p| p.principal.as_deref()))?;
        let volume = self.volume.as_ref();
        check_text("container path", volume.map(|volume| &*volume.container_path))?;
        check_text("host path", volume.and_then(|volume| volume.host_path.as_deref()))
    }
}

impl Source {
    fn check(&self) -> Result<(), MetadataError> {
        let kind = match self.kind {
            SourceKind::Path | SourceKind::Mount => None,
            SourceKind::Block => Some("block"),
            SourceKind::Raw => Some("raw"),
        };
        if let Some(kind) = kind.filter(|_| self.root.is_some()) {
            return Err(MetadataError::RootOfDevice { kind });
        }
        let texts = [
            ("root", &self.root),
            ("vendor", &self.vendor),
            ("source id", &self.id),
            ("profile", &self.profile),
        ];
        texts.iter().try_for_each(|(what, text)| check_text(what, text.as_deref()))?;
        for (key, value) in self.metadata.iter().flatten() {
            check_text("label", Some(key))?;
            check_text("label", value.as_deref())?;
        }
        Ok(())
    }
}

impl Resources {
    /// Checks what a task, an executor or an operation names, beyond what reading checked, as Mesos
    /// does: also that gpus are whole.
    pub fn check_use(&self) -> Result<(), UseError> {
        let gpus = self.iter().filter(|item| item.key.name == Name::GPUS);
        for item in gpus {
            // What is said of units says which of them is shared.
            let Value::Scalar(amount) = item.value else { continue };
            if amount.milli() % super::Amount::MILLI_PER_UNIT != 0 {
                return Err(UseError::PartOfGpu { amount });
            }
        }
        self.check_metadata_use()
    }

    /// The part of [`Resources::check_use`] that is about metadata.
    pub fn check_metadata_use(&self) -> Result<(), UseError> {
        for item in self {
            if let Some(metadata) = item.key.metadata() {
                metadata.check_use(&item.key.name)?;
            }
        }
        self.check_volumes()
    }

    /// Checks that no volume stands twice: each id once per role.
    pub fn check_volumes(&self) -> Result<(), UseError> {
        let mut seen: Vec<(&str, Option<&str>)> = Vec::new();
        for item in self {
            let Some(metadata) = item.key.metadata() else { continue };
            let Some(id) = metadata.persistence_id() else { continue };
            let key = (id, metadata.reservation_role());
            let sizes = match &item.value {
                Value::Pieces(pieces) if pieces.is_shared() => pieces.iter().len(),
                Value::Pieces(pieces) => pieces.count() as usize,
                _ => 1,
            };
            if sizes > 1 || seen.contains(&key) {
                return Err(UseError::DuplicateVolume { id: Excerpt::new(id) });
            }
            seen.push(key);
        }
        Ok(())
    }

    /// Checks that no name is given both as revocable and as regular, as one task must not have
    /// them (with its executor).
    pub fn check_revocable_apart(&self) -> Result<(), UseError> {
        let is_revocable = |meta: Option<&Metadata>| meta.is_some_and(|meta| meta.revocable);
        let pairs = self.iter().zip(self.iter().skip(1));
        for (one, next) in pairs {
            // Sorted by name, so that the items of one name stand together.
            if one.key.name == next.key.name
                && is_revocable(one.key.metadata()) != is_revocable(next.key.metadata())
            {
                return Err(UseError::MixedRevocable { name: one.key.name.clone() });
            }
        }
        Ok(())
    }

    /// Checks what an agent's configuration gives: no volumes, nothing revocable, and nothing
    /// reserved by an operation, for these come about while the agent runs.
    pub fn check_declared(&self) -> Result<(), UseError> {
        for item in self {
            let Some(metadata) = item.key.metadata() else { continue };
            let dynamic = |entry: &Reservation| entry.kind == ReservationKind::Dynamic;
            let what = if metadata.persistence_id().is_some() {
                "a persistent volume"
            } else if metadata.revocable {
                "revocable"
            } else if metadata.reservations.iter().any(dynamic) {
                "dynamically reserved"
            } else {
                continue;
            };
            return Err(UseError::NotDeclarable { name: item.key.name.clone(), what });
        }
        Ok(())
    }
}

impl Metadata {
    fn check_use(&self, name: &Name) -> Result<(), UseError> {
        if let Some(disk) = &self.disk {
            self.check_disk_use(disk)?;
        }
        if self.revocable && self.is_dynamically_reserved() {
            return Err(UseError::RevocableReservation { name: name.clone() });
        }
        Ok(())
    }

    fn check_disk_use(&self, disk: &Disk) -> Result<(), UseError> {
        let Some(persistence) = &disk.persistence else {
            return match (&disk.volume, &disk.source) {
                (Some(_), _) => Err(UseError::VolumeWithoutPersistence),
                (None, None) => Err(UseError::EmptyDisk),
                (None, Some(_)) => Ok(()),
            };
        };
        let id = || Excerpt::new(&persistence.id);
        if self.revocable {
            return Err(UseError::RevocableVolume);
        }
        if self.reservations.is_empty() {
            return Err(UseError::UnreservedVolume { id: id() });
        }
        let Some(volume) = &disk.volume else {
            return Err(UseError::VolumeWithoutPath { id: id() });
        };
        if volume.host_path.is_some() {
            return Err(UseError::VolumeWithHostPath { id: id() });
        }
        check_name("volume", &persistence.id)
            .map_err(|fault| UseError::VolumeId { message: fault.message().into() })
    }
}
