//! Metadata in the JSON forms of Mesos: before reservation refinement (`role` and `reservation`),
//! since (`reservations`), and both at once as its endpoints print it.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::metadata::{
    Disk, Label, Metadata, Persistence, Reservation, ReservationKind, Source, SourceKind, Volume,
    VolumeMode,
};

/// Which fields say what is reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `role` and `reservation`, for readers that know one reservation at most.
    PreRefinement,
    /// `reservations`.
    #[default]
    PostRefinement,
    /// Both, as the endpoints of Mesos print it.
    Endpoint,
}

/// Why resources cannot be written for an old reader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{count} of the resources have refined reservations, {first} first: \
     the form before refinement has one reservation at most"
)]
pub struct DowngradeError {
    /// How many resources were left in the form since refinement.
    pub count: usize,
    /// The first of them.
    pub first: super::Excerpt,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum MesosKind {
    Static,
    Dynamic,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosLabel {
    key: Box<str>,
    value: Option<Box<str>>,
}

/// A list of labels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosLabels {
    #[serde(default)]
    labels: Vec<MesosLabel>,
}

impl MesosLabels {
    fn into_labels(self) -> Vec<Label> {
        self.labels.into_iter().map(|label| (label.key, label.value)).collect()
    }
}

/// A reservation: of the stack, or the one of the form before refinement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MesosReservation {
    r#type: Option<MesosKind>,
    role: Option<Box<str>>,
    principal: Option<Box<str>>,
    labels: Option<MesosLabels>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosRoot {
    root: Option<Box<str>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum MesosSourceKind {
    Path,
    Mount,
    Block,
    Raw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosSource {
    r#type: MesosSourceKind,
    path: Option<MesosRoot>,
    mount: Option<MesosRoot>,
    vendor: Option<Box<str>>,
    id: Option<Box<str>>,
    metadata: Option<MesosLabels>,
    profile: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosPersistence {
    id: Box<str>,
    principal: Option<Box<str>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum MesosMode {
    Rw,
    Ro,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MesosVolume {
    container_path: Box<str>,
    host_path: Option<Box<str>>,
    mode: Option<MesosMode>,
}

/// What is known of disk space.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MesosDisk {
    persistence: Option<MesosPersistence>,
    volume: Option<MesosVolume>,
    source: Option<MesosSource>,
}

/// A field whose presence is all it says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MesosMarker {}

/// An id in an object of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MesosProvider {
    value: Box<str>,
}

/// The fields of a resource object that are metadata.
pub(super) struct MesosMetadata {
    pub(super) role: Option<Box<str>>,
    pub(super) reservation: Option<MesosReservation>,
    pub(super) reservations: Vec<MesosReservation>,
    pub(super) disk: Option<MesosDisk>,
    pub(super) revocable: Option<MesosMarker>,
    pub(super) shared: Option<MesosMarker>,
    pub(super) provider: Option<MesosProvider>,
}

impl MesosMetadata {
    /// Brings whatever form it was written in to metadata. Its own rules are checked later.
    pub(super) fn into_metadata(self) -> Result<Metadata, String> {
        let reservations = if self.reservations.is_empty() {
            legacy_stack(self.role, self.reservation)?
        } else {
            let stack = self.reservations.into_iter().enumerate();
            let stack = stack.map(|(index, entry)| entry.into_entry(index));
            let stack = stack.collect::<Result<Vec<_>, _>>()?;
            check_agreement(&stack, self.role.as_deref(), self.reservation)?;
            stack
        };
        Ok(Metadata {
            reservations,
            disk: self.disk.map(MesosDisk::into_disk).transpose()?,
            revocable: self.revocable.is_some(),
            shared: self.shared.is_some(),
            provider: self.provider.map(|provider| provider.value),
        })
    }
}

impl MesosReservation {
    fn into_entry(self, index: usize) -> Result<Reservation, String> {
        let missing = |field: &str| format!("reservations[{index}]: give the field {field:?}");
        let kind = match self.r#type.ok_or_else(|| missing("type"))? {
            MesosKind::Static => ReservationKind::Static,
            MesosKind::Dynamic => ReservationKind::Dynamic,
        };
        let role = self.role.ok_or_else(|| missing("role"))?;
        let labels = self.labels.map(MesosLabels::into_labels);
        Ok(Reservation { kind, role, principal: self.principal, labels }.normal())
    }
}

/// The form before refinement: a role, and a dynamic reservation if `reservation` is there.
fn legacy_stack(
    role: Option<Box<str>>,
    reservation: Option<MesosReservation>,
) -> Result<Vec<Reservation>, String> {
    let role = role.filter(|role| &**role != "*");
    let Some(entry) = reservation else {
        return Ok(role.map(|role| Reservation::fixed(&role)).into_iter().collect());
    };
    if entry.r#type.is_some() || entry.role.is_some() {
        let text = "reservation: leave type and role out, or use reservations";
        return Err(text.to_owned());
    }
    let Some(role) = role else {
        return Err("reservation: the role * cannot be reserved; give a role".to_owned());
    };
    let labels = entry.labels.map(MesosLabels::into_labels);
    let (kind, principal) = (ReservationKind::Dynamic, entry.principal);
    Ok(vec![Reservation { kind, role, principal, labels }.normal()])
}

/// Both forms at once must say the same, which only one reservation can.
fn check_agreement(
    stack: &[Reservation],
    role: Option<&str>,
    legacy: Option<MesosReservation>,
) -> Result<(), String> {
    if role.is_none() && legacy.is_none() {
        return Ok(());
    }
    let [only] = stack else {
        let text = "with more than one of reservations, leave role and reservation out";
        return Err(text.to_owned());
    };
    if let Some(role) = role.filter(|role| **role != *only.role) {
        let of = &only.role;
        return Err(format!("role is {role:?}, but reservations is for {of:?}: give one of them"));
    }
    match (only.kind, legacy) {
        (ReservationKind::Static, None) => Ok(()),
        (ReservationKind::Static, Some(_)) => {
            Err("reservation is for dynamic ones, but reservations is static: leave it out".into())
        }
        (ReservationKind::Dynamic, None) => {
            Err("role is given without reservation, but reservations is dynamic".into())
        }
        (ReservationKind::Dynamic, Some(_)) if role.is_none() => {
            Err("reservation is given without role: give both or none".into())
        }
        (ReservationKind::Dynamic, Some(legacy)) => {
            let labels = legacy.labels.map(MesosLabels::into_labels);
            let principal = legacy.principal;
            let same = Reservation { principal, labels, ..only.clone() }.normal();
            if same.principal != only.principal {
                return Err("reservation and reservations differ in the principal".into());
            }
            if same.labels != only.labels {
                return Err("reservation and reservations differ in the labels".into());
            }
            Ok(())
        }
    }
}

impl MesosDisk {
    fn into_disk(self) -> Result<Disk, String> {
        let persistence =
            self.persistence.map(|p| Persistence { id: p.id, principal: p.principal });
        let volume = self.volume.map(|volume| Volume {
            container_path: volume.container_path,
            host_path: volume.host_path,
            mode: match volume.mode {
                Some(MesosMode::Ro) => VolumeMode::ReadOnly,
                Some(MesosMode::Rw) | None => VolumeMode::ReadWrite,
            },
        });
        let source = self.source.map(MesosSource::into_source).transpose()?;
        Ok(Disk { source, persistence, volume })
    }
}

impl MesosSource {
    fn into_source(self) -> Result<Source, String> {
        let kind = match self.r#type {
            MesosSourceKind::Path => SourceKind::Path,
            MesosSourceKind::Mount => SourceKind::Mount,
            MesosSourceKind::Block => SourceKind::Block,
            MesosSourceKind::Raw => SourceKind::Raw,
        };
        let root = match (kind, self.path, self.mount) {
            (SourceKind::Path, root, None) | (SourceKind::Mount, None, root) => root,
            (_, None, None) => None,
            (kind, ..) => {
                let kind = kind.mesos_name();
                return Err(format!("disk.source of type {kind}: give only the field of its type"));
            }
        };
        Ok(Source {
            kind,
            root: root.and_then(|root| root.root),
            vendor: self.vendor,
            id: self.id,
            metadata: self.metadata.map(MesosLabels::into_labels),
            profile: self.profile,
        })
    }
}

/// Puts a field in, if there is something to put.
fn put(object: &mut Json, field: &str, value: Option<impl Into<Json>>) {
    if let Some(value) = value {
        object[field] = value.into();
    }
}

fn labels_json(labels: &[Label]) -> Json {
    let label = |(key, value): &Label| {
        let mut object = json!({"key": key});
        put(&mut object, "value", value.as_deref());
        object
    };
    json!({"labels": labels.iter().map(label).collect::<Vec<_>>()})
}

fn reservation_json(entry: &Reservation, legacy: bool) -> Json {
    let mut object = json!({});
    if !legacy {
        object = json!({"type": entry.kind.mesos_name(), "role": entry.role});
    }
    put(&mut object, "principal", entry.principal.as_deref());
    put(&mut object, "labels", entry.labels.as_deref().map(labels_json));
    object
}

impl Metadata {
    /// Writes it into a resource object. A refined stack always takes the form since refinement.
    pub(super) fn write_json(&self, object: &mut Json, format: Format) {
        let one_at_most = self.reservations.len() <= 1;
        if format != Format::PostRefinement && one_at_most {
            write_legacy(self.reservation(), object);
        }
        if (format != Format::PreRefinement || !one_at_most) && !self.reservations.is_empty() {
            let stack = self.reservations.iter().map(|entry| reservation_json(entry, false));
            object["reservations"] = stack.collect();
        }
        put(object, "disk", self.disk.as_ref().map(Disk::to_json));
        put(object, "revocable", self.revocable.then(|| json!({})));
        put(object, "shared", self.shared.then(|| json!({})));
        put(object, "provider_id", self.provider.as_deref().map(|id| json!({"value": id})));
    }
}

/// Writes the form before refinement.
pub(super) fn write_legacy(entry: Option<&Reservation>, object: &mut Json) {
    object["role"] = entry.map_or("*", |entry| &entry.role).into();
    let dynamic = entry.filter(|entry| entry.kind == ReservationKind::Dynamic);
    put(object, "reservation", dynamic.map(|entry| reservation_json(entry, true)));
}

impl Disk {
    fn to_json(&self) -> Json {
        let mut object = json!({});
        let persistence = self.persistence.as_ref().map(|persistence| {
            let mut object = json!({"id": persistence.id});
            put(&mut object, "principal", persistence.principal.as_deref());
            object
        });
        put(&mut object, "persistence", persistence);
        let volume = self.volume.as_ref().map(|volume| {
            let mode = match volume.mode {
                VolumeMode::ReadWrite => "RW",
                VolumeMode::ReadOnly => "RO",
            };
            let mut object = json!({"container_path": volume.container_path, "mode": mode});
            put(&mut object, "host_path", volume.host_path.as_deref());
            object
        });
        put(&mut object, "volume", volume);
        put(&mut object, "source", self.source.as_ref().map(Source::to_json));
        object
    }
}

impl Source {
    fn to_json(&self) -> Json {
        let mut object = json!({"type": self.kind.mesos_name()});
        let root = self.root.as_deref().map(|root| json!({"root": root}));
        put(&mut object, self.kind.text(), root);
        put(&mut object, "vendor", self.vendor.as_deref());
        put(&mut object, "id", self.id.as_deref());
        put(&mut object, "metadata", self.metadata.as_deref().map(labels_json));
        put(&mut object, "profile", self.profile.as_deref());
        object
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreRefinement => "pre-refinement",
            Self::PostRefinement => "post-refinement",
            Self::Endpoint => "endpoint",
        })
    }
}
