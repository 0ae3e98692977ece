//! Making and destroying disks of resource providers: what may become what.

use super::check::{Asked, Asking, Check, check_common, invalid};
use crate::command::{CreateDisk, DestroyDisk, DiskTarget, Operation};
use crate::error::Rejection;
use crate::resources::{Metadata, Name, Quantities, ResourceKey, Resources, Source, SourceKind};
use crate::value::AgentCapability;

/// A disk of a provider.
struct Disk<'a> {
    key: &'a ResourceKey,
    source: &'a Source,
}

/// The only resource, if it is a disk with a source of a provider and no volume.
fn only_disk(resources: &Resources) -> Result<Disk<'_>, Rejection> {
    let mut items = resources.iter();
    let (Some(item), None) = (items.next(), items.next()) else {
        return Err(invalid(format!("{resources} is not one disk: name one at a time")));
    };
    let key = &item.key;
    let Some(metadata) = key.metadata().filter(|meta| meta.provider.is_some()) else {
        let text = "is of no resource provider, which alone makes and destroys disks";
        return Err(invalid(format!("{key} {text}")));
    };
    if metadata.persistence_id().is_some() {
        return Err(invalid(format!("{key} is a volume: destroy it first")));
    }
    let source = metadata.disk.as_ref().and_then(|disk| disk.source.as_ref());
    match source.filter(|_| key.name == Name::DISK) {
        Some(source) => Ok(Disk { key, source }),
        None => Err(invalid(format!("{key} has no source: it is no disk by itself"))),
    }
}

impl Asking<'_> {
    /// Checks the making or destroying of a disk by itself.
    pub(super) fn check_disk(&self, asked: Asked<'_>) -> Check {
        let check = match asked {
            Asked::CreateDisk(create) => check_create(create),
            Asked::DestroyDisk(destroy) => check_destroy(destroy),
            _ => return Ok(()),
        };
        check.map_err(
            |fault| {
                if fault.field() == "resources" { fault.at("source") } else { fault }
            },
        )?;
        if !self.agent.has(AgentCapability::ResourceProvider) {
            return Err(invalid("the agent has no capability RESOURCE_PROVIDER").at("source"));
        }
        Ok(())
    }
}

fn check_create(create: &CreateDisk) -> Check {
    check_common(&create.source)?;
    let Disk { key, source } = only_disk(&create.source)?;
    if source.kind != SourceKind::Raw {
        return Err(invalid(format!("{key} is not raw: it is a disk already")));
    }
    let text = match (&source.profile, &create.target_profile) {
        (Some(_), Some(_)) => "the source has a profile already: leave the target's out",
        (None, None) => "the source has no profile: say which the disk is to have",
        _ => return Ok(()),
    };
    Err(invalid(text).at("target_profile"))
}

fn check_destroy(destroy: &DestroyDisk) -> Check {
    check_common(&destroy.source)?;
    let Disk { key, source } = only_disk(&destroy.source)?;
    let why = match (source.kind, &source.id) {
        (SourceKind::Mount | SourceKind::Block, _) | (SourceKind::Raw, Some(_)) => return Ok(()),
        (SourceKind::Raw, None) => "is raw space without an id: there is no disk in it",
        (SourceKind::Path, _) => "is a directory",
    };
    Err(invalid(format!("{key} {why}: only mounted and block disks are destroyed")))
}

/// Whether an agent may say that an operation made `converted`.
pub(super) fn check_converted(spec: &Operation, converted: Option<&Resources>) -> Check {
    let (source, wanted) = match spec {
        Operation::CreateDisk(create) => match create.target {
            DiskTarget::Mount => (&create.source, SourceKind::Mount),
            DiskTarget::Block => (&create.source, SourceKind::Block),
        },
        Operation::DestroyDisk(destroy) => (&destroy.source, SourceKind::Raw),
        _ if converted.is_none() => return Ok(()),
        other => {
            let text = format!("only disks are said to become something, not a {}", other.name());
            return Err(invalid(text).at("converted"));
        }
    };
    let at = |fault: Rejection| fault.at("converted");
    let Some(converted) = converted else {
        return Err(at(invalid("what did the disk become? give `converted`")));
    };
    check_common(converted).map_err(at)?;
    let before = only_disk(source).map_err(at)?;
    let after = only_disk(converted).map_err(at)?;
    if after.source.kind != wanted {
        let text = format!("{} is no {} disk", after.key, kind(wanted));
        return Err(at(invalid(text)));
    }
    let same = |meta: Option<&Metadata>| {
        meta.map(|meta| (meta.reservations.clone(), meta.provider.clone()))
    };
    if same(before.key.metadata()) != same(after.key.metadata()) {
        let text = format!("{} is not reserved and provided as {} was", after.key, before.key);
        return Err(at(invalid(text)));
    }
    if Quantities::of(source) != Quantities::of(converted) {
        let text = format!("{converted} has not the size of {source}");
        return Err(at(invalid(text)));
    }
    Ok(())
}

const fn kind(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Path => "path",
        SourceKind::Mount => "mounted",
        SourceKind::Block => "block",
        SourceKind::Raw => "raw",
    }
}
