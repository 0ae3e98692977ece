//! The rules of each operation: what may be reserved, created, destroyed, grown and shrunk, by
//! whom and where. Nothing here changes anything.

use crate::command::{Action, CreateDisk, DestroyDisk, Operation};
use crate::error::{Code, Rejection};
use crate::names::check_role_name;
use crate::resources::{
    Amount, Conversion, ConversionError, Metadata, Resource, ResourceKey, Resources, SourceKind,
    Value, VolumeMode,
};
use crate::value::{AgentCapabilities, AgentCapability};

/// An operation, whoever asks for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::machine) enum Asked<'a> {
    Reserve { resources: &'a Resources, source: Option<&'a Resources> },
    Unreserve(&'a Resources),
    Create(&'a Resources),
    Destroy(&'a Resources),
    Grow { volume: &'a Resources, addition: &'a Resources },
    Shrink { volume: &'a Resources, subtract: Amount },
    CreateDisk(&'a CreateDisk),
    DestroyDisk(&'a DestroyDisk),
}

impl<'a> Asked<'a> {
    /// The operation of an accept, unless it launches tasks.
    pub fn of(operation: &'a Operation) -> Option<Self> {
        Some(match operation {
            Operation::Launch(_) | Operation::LaunchGroup(_) => return None,
            Operation::Reserve(of) => Self::Reserve { resources: &of.resources, source: None },
            Operation::Unreserve(of) => Self::Unreserve(&of.resources),
            Operation::Create(of) => Self::Create(&of.resources),
            Operation::Destroy(of) => Self::Destroy(&of.resources),
            Operation::GrowVolume(grow) => {
                Self::Grow { volume: &grow.volume, addition: &grow.addition }
            }
            Operation::ShrinkVolume(shrink) => {
                Self::Shrink { volume: &shrink.volume, subtract: shrink.subtract }
            }
            Operation::CreateDisk(create) => Self::CreateDisk(create),
            Operation::DestroyDisk(destroy) => Self::DestroyDisk(destroy),
        })
    }

    /// Whether what it makes waits for the next offer, in an accept.
    pub const fn is_resize(self) -> bool {
        matches!(self, Self::Grow { .. } | Self::Shrink { .. })
    }

    /// Whether the agent decides what it becomes.
    pub const fn is_of_disk(self) -> bool {
        matches!(self, Self::CreateDisk(_) | Self::DestroyDisk(_))
    }

    /// What the policy is asked.
    pub const fn action(self) -> Action {
        match self {
            Self::Reserve { .. } => Action::Reserve,
            Self::Unreserve(_) => Action::Unreserve,
            Self::Create(_) => Action::CreateVolume,
            Self::Destroy(_) => Action::DestroyVolume,
            Self::Grow { .. } | Self::Shrink { .. } => Action::ResizeVolume,
            Self::CreateDisk(_) => Action::CreateDisk,
            Self::DestroyDisk(_) => Action::DestroyDisk,
        }
    }

    /// What it is about: reserved for the roles that the policy is asked about.
    pub const fn resources(self) -> &'a Resources {
        match self {
            Self::Reserve { resources, .. } => resources,
            Self::Unreserve(resources) | Self::Create(resources) | Self::Destroy(resources) => {
                resources
            }
            Self::Grow { volume, .. } | Self::Shrink { volume, .. } => volume,
            Self::CreateDisk(CreateDisk { source, .. })
            | Self::DestroyDisk(DestroyDisk { source, .. }) => source,
        }
    }

    /// The volumes that are no more afterwards.
    pub const fn destroyed(self) -> Option<&'a Resources> {
        if let Self::Destroy(volumes) = self { Some(volumes) } else { None }
    }
}

/// Who asks for an operation, and what there is.
pub(in crate::machine) struct Asking<'a> {
    /// What the agent has, after the operations before this one.
    pub total: &'a Resources,
    /// What tasks hold of it.
    pub in_use: &'a Resources,
    /// What the agent can deal with.
    pub agent: AgentCapabilities,
    /// The role of the offers; none for operators.
    pub role: Option<&'a str>,
    /// Whom the session speaks for.
    pub principal: Option<&'a str>,
    /// Whether the framework knows shared volumes; operators do.
    pub knows_shared: bool,
}

pub(super) type Check = Result<(), Rejection>;

pub(super) fn invalid(text: impl Into<String>) -> Rejection {
    Rejection::new(Code::InvalidOperation, text.into()).at("resources")
}

fn told(error: &ConversionError) -> Rejection {
    invalid(error.to_string())
}

impl Asking<'_> {
    /// Checks an operation by itself, and says what it turns into what. Whether that is there is
    /// the caller's to see.
    pub fn conversion(&self, asked: Asked<'_>) -> Result<Conversion, Rejection> {
        match asked {
            Asked::Reserve { resources, source } => {
                self.check_reserve(resources)?;
                if let Some(source) = source {
                    check_source(source, resources)?;
                }
                Ok(Conversion::reserve(resources, source))
            }
            Asked::Unreserve(resources) => {
                check_unreserve(resources)?;
                Conversion::unreserve(resources).map_err(|error| told(&error))
            }
            Asked::Create(volumes) => {
                self.check_create(volumes)?;
                Conversion::create(volumes).map_err(|error| told(&error))
            }
            Asked::Destroy(volumes) => {
                check_common(volumes)?;
                self.check_unused(volumes)?;
                let volumes = volumes.as_in(self.total);
                Conversion::destroy(&volumes).map_err(|error| told(&error))
            }
            Asked::Grow { volume, addition } => {
                self.check_resize(volume).map_err(|fault| fault.at("volume"))?;
                check_addition(volume, addition).map_err(|fault| fault.at("addition"))?;
                Conversion::grow(&volume.as_in(self.total), addition)
                    .map_err(|error| told(&error).at("volume"))
            }
            Asked::Shrink { volume, subtract } => {
                self.check_resize(volume).map_err(|fault| fault.at("volume"))?;
                let field = |error: &ConversionError| match error {
                    ConversionError::BadShrink { .. } => "subtract",
                    _ => "volume",
                };
                Conversion::shrink(&volume.as_in(self.total), subtract)
                    .map_err(|error| told(&error).at(field(&error)))
            }
            // What it becomes is known later: until then it is what it was.
            Asked::CreateDisk(CreateDisk { source, .. })
            | Asked::DestroyDisk(DestroyDisk { source, .. }) => {
                self.check_disk(asked)?;
                Ok(Conversion { consumed: source.clone(), converted: source.clone() })
            }
        }
    }

    fn check_reserve(&self, resources: &Resources) -> Check {
        check_common(resources)?;
        for item in resources {
            let (key, metadata) = (&item.key, item.key.metadata());
            let top = metadata.and_then(Metadata::reservation);
            let Some(top) = top.filter(|_| metadata.is_some_and(Metadata::is_dynamically_reserved))
            else {
                let text = format!("{key} has no dynamic reservation: write +role, as in cpus(+r)");
                return Err(invalid(text));
            };
            if metadata.is_some_and(|meta| meta.persistence_id().is_some()) {
                let text = format!("{key} is a volume: reserve the disk before it is made");
                return Err(invalid(text));
            }
            check_role_name(&top.role).map_err(|fault| invalid(fault.to_string()))?;
            if let Some(role) = self.role.filter(|role| **role != *top.role) {
                let text = format!("{key} is not for {role}, the role of the offers");
                return Err(invalid(text));
            }
            self.check_principal(key, top.principal.as_deref())?;
        }
        self.check_agent_can(resources)
    }

    fn check_create(&self, volumes: &Resources) -> Check {
        check_common(volumes)?;
        for item in volumes {
            let key = &item.key;
            let disk = key.metadata().and_then(|meta| meta.disk.as_ref());
            let persistence = disk.and_then(|disk| disk.persistence.as_ref());
            let volume = disk.and_then(|disk| disk.volume.as_ref());
            let (Some(persistence), Some(volume)) = (persistence, volume) else {
                return Err(invalid(format!("{key} is no volume: give it an id, as in disk#id")));
            };
            if volume.mode != VolumeMode::ReadWrite {
                let text = format!("{key} is read-only: nothing could be put into it");
                return Err(invalid(text));
            }
            if key.metadata().is_some_and(|meta| meta.shared) && !self.knows_shared {
                let text = "is shared, but the framework has no capability SHARED_RESOURCES";
                return Err(invalid(format!("{key} {text}")));
            }
            let role = key.metadata().and_then(Metadata::reservation_role);
            let same = |other: &Metadata| {
                other.persistence_id() == Some(&*persistence.id) && other.reservation_role() == role
            };
            if self.total.iter().any(|other| other.key.metadata().is_some_and(same)) {
                let text = format!("{key}: the agent has a volume of that id and role already");
                return Err(invalid(text));
            }
            self.check_principal(key, persistence.principal.as_deref())?;
        }
        self.check_agent_can(volumes)
    }

    /// A volume that a task uses, of whatever framework, is not destroyed.
    fn check_unused(&self, volumes: &Resources) -> Check {
        match volumes.iter().find(|item| self.in_use.get(&item.key).is_some()) {
            None => Ok(()),
            Some(item) => {
                let text = format!("{} is in use: end the tasks that use it first", item.key);
                Err(Rejection::new(Code::FailedPrecondition, text).at("resources"))
            }
        }
    }

    fn check_resize(&self, volume: &Resources) -> Check {
        check_common(volume)?;
        for item in volume {
            let (key, metadata) = (&item.key, item.key.metadata());
            let source = metadata.and_then(|meta| meta.disk.as_ref()?.source.as_ref());
            let why = if source.is_some_and(|source| source.kind != SourceKind::Path) {
                "is a whole disk"
            } else if metadata.is_some_and(|meta| meta.shared) {
                "is shared"
            } else if metadata.is_some_and(|meta| meta.provider.is_some()) {
                "is of a resource provider"
            } else {
                continue;
            };
            return Err(invalid(format!("{key} {why}: it cannot change its size")));
        }
        if !self.agent.has(AgentCapability::ResizeVolume) {
            return Err(invalid("the agent has no capability RESIZE_VOLUME"));
        }
        Ok(())
    }

    fn check_agent_can(&self, resources: &Resources) -> Check {
        for item in resources {
            let Some(metadata) = item.key.metadata() else { continue };
            let nested = metadata.reservation_role().is_some_and(|role| role.contains('/'));
            let refined = metadata.is_refined();
            let needs = [
                (AgentCapability::HierarchicalRole, nested, "HIERARCHICAL_ROLE"),
                (AgentCapability::ReservationRefinement, refined, "RESERVATION_REFINEMENT"),
            ];
            for (capability, needed, name) in needs {
                if needed && !self.agent.has(capability) {
                    let text = format!("{}: the agent has no capability {name}", item.key);
                    return Err(invalid(text));
                }
            }
        }
        Ok(())
    }

    /// Who makes something is recorded truthfully.
    fn check_principal(&self, key: &ResourceKey, given: Option<&str>) -> Check {
        if given == self.principal {
            return Ok(());
        }
        Err(invalid(match self.principal {
            Some(own) => {
                format!("{key} is not by {own:?}, for whom the session speaks: write @{own}")
            }
            None => format!("{key} names a principal, but the session speaks for none"),
        }))
    }
}

/// What every operation asks of the resources that it names.
pub(super) fn check_common(resources: &Resources) -> Check {
    if resources.is_empty() {
        return Err(invalid("nothing is named: give some resources"));
    }
    resources.check_metadata().map_err(|fault| invalid(fault.to_string()))?;
    resources.check_use().map_err(|fault| invalid(fault.to_string()))?;
    let provider = |item: &Resource<ResourceKey>| {
        item.key.metadata().and_then(|meta| meta.provider.as_deref().map(str::to_owned))
    };
    let first = resources.iter().next().and_then(provider);
    if resources.iter().any(|item| provider(item) != first) {
        return Err(invalid("these are of several providers: name those of one at a time"));
    }
    if let Some(key) = resources.first_request() {
        return Err(invalid(format!(
            "{key} is asked for: an operation names units, as {key}:<0=model>"
        )));
    }
    if let Some(item) = resources.revocable().iter().next() {
        return Err(invalid(format!("{} is revocable: it cannot be kept", item.key)));
    }
    let copies =
        |value: &Value| matches!(value, Value::Pieces(p) if p.is_shared() && p.count() > 1);
    match resources.iter().find(|item| copies(&item.value)) {
        Some(item) => Err(invalid(format!("{} is named in copies: name it once", item.key))),
        None => Ok(()),
    }
}

/// A reservation that is moved: from other reservations of the same quantities.
fn check_source(source: &Resources, resources: &Resources) -> Check {
    check_common(source).map_err(|fault| fault.at("source"))?;
    let bad = |text: String| Err(invalid(text).at("source"));
    let is_volume = |item: &&Resource<ResourceKey>| {
        item.key.metadata().is_some_and(|meta| meta.persistence_id().is_some())
    };
    if let Some(item) = source.iter().find(is_volume) {
        return bad(format!("{} is a volume: destroy it first", item.key));
    }
    if source.to_unreserved() != resources.to_unreserved() {
        return bad(format!("{source} and {resources} differ in more than reservations"));
    }
    Ok(())
}

fn check_unreserve(resources: &Resources) -> Check {
    check_common(resources)?;
    for item in resources {
        let (key, metadata) = (&item.key, item.key.metadata());
        if !metadata.is_some_and(Metadata::is_dynamically_reserved) {
            return Err(invalid(format!("{key} has no dynamic reservation on top")));
        }
        if metadata.is_some_and(|meta| meta.persistence_id().is_some()) {
            return Err(invalid(format!("{key} is a volume: destroy it first")));
        }
    }
    Ok(())
}

/// What is added to a volume is what the volume is made of.
fn check_addition(volume: &Resources, addition: &Resources) -> Check {
    check_common(addition)?;
    let disks = Conversion::destroy(volume).map_err(|error| told(&error))?.converted;
    let own = disks.iter().next().map(|item| &item.key);
    match addition.iter().find(|item| Some(&item.key) != own) {
        None => Ok(()),
        Some(item) => Err(invalid(format!(
            "{} is not what the volume is made of: give {}",
            item.key,
            own.map(ToString::to_string).unwrap_or_default()
        ))),
    }
}
