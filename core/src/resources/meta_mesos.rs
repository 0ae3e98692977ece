//! Metadata as Mesos prints it, for people who compare with its logs.

use std::fmt::{self, Write as _};

use super::metadata::{Disk, Metadata, Reservation, ReservationKind, Source, VolumeMode};

/// Writes the decorations in the order of Mesos: reservations, disk, `{REV}`, `<SHARED>`.
pub(super) fn write(f: &mut fmt::Formatter<'_>, metadata: &Metadata) -> fmt::Result {
    if !metadata.reservations.is_empty() {
        f.write_str("(reservations: [")?;
        for (i, entry) in metadata.reservations.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            write_reservation(f, entry)?;
        }
        f.write_str("])")?;
    }
    if let Some(disk) = &metadata.disk {
        f.write_char('[')?;
        write_disk(f, disk)?;
        f.write_char(']')?;
    }
    if metadata.revocable {
        f.write_str("{REV}")?;
    }
    if metadata.shared {
        f.write_str("<SHARED>")?;
    }
    Ok(())
}

fn write_reservation(f: &mut fmt::Formatter<'_>, entry: &Reservation) -> fmt::Result {
    write!(f, "({},{}", entry.kind.mesos_name(), entry.role)?;
    if let Some(principal) = &entry.principal {
        write!(f, ",{principal}")?;
    }
    if let Some(labels) = &entry.labels {
        f.write_str(",{")?;
        for (i, (key, value)) in labels.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            f.write_str(key)?;
            if let Some(value) = value {
                write!(f, ": {value}")?;
            }
        }
        f.write_char('}')?;
    }
    f.write_char(')')
}

impl ReservationKind {
    /// The name as Mesos writes it.
    #[must_use]
    pub const fn mesos_name(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Dynamic => "DYNAMIC",
        }
    }
}

fn write_disk(f: &mut fmt::Formatter<'_>, disk: &Disk) -> fmt::Result {
    if let Some(source) = &disk.source {
        write_source(f, source)?;
        if disk.persistence.is_some() || disk.volume.is_some() {
            f.write_char(',')?;
        }
    }
    if let Some(persistence) = &disk.persistence {
        f.write_str(&persistence.id)?;
        if disk.volume.is_some() {
            f.write_char(':')?;
        }
    }
    let Some(volume) = &disk.volume else { return Ok(()) };
    match &volume.host_path {
        None => f.write_str(&volume.container_path),
        Some(host) => {
            let mode = match volume.mode {
                VolumeMode::ReadWrite => "rw",
                VolumeMode::ReadOnly => "ro",
            };
            write!(f, "{host}:{}:{mode}", volume.container_path)
        }
    }
}

fn write_source(f: &mut fmt::Formatter<'_>, source: &Source) -> fmt::Result {
    f.write_str(source.kind.mesos_name())?;
    if source.id.is_some() || source.profile.is_some() {
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or("").to_owned();
        return write!(
            f,
            "({},{},{})",
            text(&source.vendor),
            text(&source.id),
            text(&source.profile)
        );
    }
    match &source.root {
        Some(root) => write!(f, ":{root}"),
        None => Ok(()),
    }
}
