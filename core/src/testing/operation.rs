//! Operations on resources, as parts of accepts and as commands.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::script::{Chosen, Pick};
use crate::command::SessionKind;
use crate::command::{
    Accept, AcknowledgeOperation, Command, CreateDisk, CreateVolumes, DestroyDisk, DestroyVolumes,
    DiskTarget, Grow, GrowVolume, Operation, ReconcileOperation, ReconcileOperations,
    ReserveResources, ResourcesOf, Shrink, ShrinkVolume, UnreserveResources, UpdateOperation,
};
use crate::ids::{AgentId, OperationId};
use crate::resources::{
    Amount, Disk, Metadata, Name, Reservation, Resource, ResourceKey, Resources, SourceKind,
};
use crate::status::OperationState;

/// Any operation that is not a launch.
pub fn operation() -> impl Strategy<Value = Operation> {
    let id = || option::of(super::text());
    let of = || (any_resources(), id()).prop_map(|(resources, id)| ResourcesOf { resources, id });
    let target = select(&[DiskTarget::Mount, DiskTarget::Block][..]);
    let create = (any_resources(), target, option::of(super::text()), id()).prop_map(
        |(source, target, target_profile, id)| CreateDisk { source, target, target_profile, id },
    );
    prop_oneof![
        of().prop_map(Operation::Reserve),
        of().prop_map(Operation::Unreserve),
        of().prop_map(Operation::Create),
        of().prop_map(Operation::Destroy),
        (any_resources(), any_resources(), id()).prop_map(|(volume, addition, id)| {
            Operation::GrowVolume(Grow { volume, addition, id })
        }),
        (any_resources(), amount(), id()).prop_map(|(volume, subtract, id)| {
            Operation::ShrinkVolume(Shrink { volume, subtract, id })
        }),
        create.prop_map(Operation::CreateDisk),
        (any_resources(), id())
            .prop_map(|(source, id)| Operation::DestroyDisk(DestroyDisk { source, id })),
    ]
}

/// Any report about an operation.
pub fn report() -> impl Strategy<Value = UpdateOperation> {
    (
        super::id::<OperationId>(),
        select(OperationState::ALL),
        option::of(super::uuid()),
        option::of(super::text()),
        option::of(any_resources().prop_map(Box::new)),
    )
        .prop_map(|(operation, state, uuid, message, converted)| UpdateOperation {
            operation,
            state,
            uuid,
            message,
            converted,
        })
}

/// Any command of a framework about its operations.
pub fn of_framework() -> impl Strategy<Value = Command> {
    let asked = (super::text(), option::of(super::id::<AgentId>()))
        .prop_map(|(id, agent)| ReconcileOperation { id, agent });
    prop_oneof![
        (super::text(), super::uuid())
            .prop_map(|(id, uuid)| AcknowledgeOperation { id, uuid }.into()),
        proptest::collection::vec(asked, 0..3)
            .prop_map(|operations| ReconcileOperations { operations }.into()),
    ]
}

/// Any operation of an operator.
pub fn of_operator() -> impl Strategy<Value = Command> {
    let agent = || super::id::<AgentId>();
    prop_oneof![
        (agent(), any_resources(), option::of(any_resources().prop_map(Box::new))).prop_map(
            |(agent, resources, source)| ReserveResources { agent, resources, source }.into()
        ),
        (agent(), any_resources()).prop_map(|(agent, resources)| UnreserveResources {
            agent,
            resources
        }
        .into()),
        (agent(), any_resources())
            .prop_map(|(agent, volumes)| CreateVolumes { agent, volumes }.into()),
        (agent(), any_resources())
            .prop_map(|(agent, volumes)| DestroyVolumes { agent, volumes }.into()),
        (agent(), any_resources(), any_resources())
            .prop_map(|(agent, volume, addition)| GrowVolume { agent, volume, addition }.into()),
        (agent(), any_resources(), amount()).prop_map(|(agent, volume, subtract)| ShrinkVolume {
            agent,
            volume,
            subtract
        }
        .into()),
    ]
}

const MADE: &[&str] = &[
    "cpus(+a):1",
    "cpus(a,+a/b):1;mem(+a):64",
    "disk(+a)#v:8",
    "disk(a)#w<path=p>&:4",
    "disk<source=raw,profile=p,provider=q>:16",
];

/// Plain resources, or some that operations make.
pub fn any_resources() -> impl Strategy<Value = Resources> {
    let made = select(MADE).prop_map(|text| text.parse().unwrap_or_default());
    prop_oneof![super::resources(), made]
}

fn amount() -> impl Strategy<Value = Amount> {
    (0..64_000_i64).prop_map(Amount::from_milli)
}

impl Pick<'_> {
    /// An operation that suits `there`.
    fn operation(
        &self,
        there: &Resources,
        role: &str,
        principal: Option<&str>,
    ) -> Option<Operation> {
        let disks = || there.iter().filter(|item| item.key.name == Name::DISK);
        let is_volume = |meta: &Metadata| meta.persistence_id().is_some();
        let volume = disks().find(|item| item.key.metadata().is_some_and(is_volume));
        let reserved = |meta: &Metadata| {
            meta.is_dynamically_reserved()
                && !is_volume(meta)
                && meta.reservation_role() == Some(role)
        };
        let disk = disks().find(|item| item.key.metadata().is_some_and(reserved));
        let some = |item: &Resource<ResourceKey>, units| {
            Resources::single(item.key.clone(), Amount::from_units(units))
        };
        let whole = |item: &Resource<ResourceKey>| {
            Resources::single(item.key.clone(), item.value.quantity())
        };
        Some(match (self.choice.detail % 9, disk, volume) {
            (0..=2, Some(disk), None) => {
                let id = format!("v{}", self.choice.which % 4);
                let made = some(disk, 2).with_metadata(|metadata| {
                    let mut volume = Disk::volume(&id);
                    if let Some(persistence) = &mut volume.persistence {
                        persistence.principal = principal.map(Into::into);
                    }
                    metadata.disk = Some(volume);
                });
                Operation::Create(made.into())
            }
            (0..=2, Some(disk), Some(volume)) => {
                let (volume, addition) = (whole(volume), some(disk, 1));
                Operation::GrowVolume(Grow { volume, addition, id: self.operation_id() })
            }
            (3, _, Some(volume)) if volume.value.quantity() > Amount::from_units(1) => {
                let (volume, subtract) = (whole(volume), Amount::from_units(1));
                Operation::ShrinkVolume(Shrink { volume, subtract, id: None })
            }
            (4, _, Some(volume)) => Operation::Destroy(whole(volume).into()),
            (5 | 6, Some(disk), _) => Operation::Unreserve(whole(disk).into()),
            _ => {
                if role == "*" {
                    return None;
                }
                let plain = disks().find(|item| item.key.meta.is_plain())?;
                let entry = Reservation {
                    principal: principal.map(Into::into),
                    ..Reservation::dynamic(role)
                };
                let resources = some(plain, 4).push_reservation(&entry);
                Operation::Reserve(ResourcesOf { resources, id: self.operation_id() })
            }
        })
    }

    /// An accept with an operation.
    pub(super) fn accept_operation(&self) -> Chosen {
        let (offer, session, offered) = self.offer()?;
        let role = self.state.roles().get(self.state.grants().get(offer)?.role)?;
        let principal = self.state.sessions().get(session)?.principal.as_deref();
        let of_disk = self.disk(&offered).filter(|_| self.choice.detail % 2 == 0);
        let operation = match of_disk {
            Some(operation) => operation,
            None => self.operation(&offered, &role.name, principal)?,
        };
        let accept =
            Accept { offers: vec![offer], operations: vec![operation], ..Accept::default() };
        Some((Some(session), accept.into()))
    }

    /// An operation of an operator, mostly on the first agents, so that volumes live on.
    pub(super) fn operator_operation(&self) -> Chosen {
        let session = self.session(SessionKind::Operator)?;
        let agents = self.state.agents().iter().filter(|(_, row)| row.counts());
        let (agent, row) = self.one(agents.take(2))?;
        let principal = self.state.sessions().get(session)?.principal.as_deref();
        let total = self.state.names().named(&row.total);
        let command = match self.operation(&total, "web", principal)? {
            Operation::Reserve(ResourcesOf { resources, .. }) => {
                ReserveResources { agent, resources, source: None }.into()
            }
            Operation::Unreserve(ResourcesOf { resources, .. }) => {
                UnreserveResources { agent, resources }.into()
            }
            Operation::Create(ResourcesOf { resources: volumes, .. }) => {
                CreateVolumes { agent, volumes }.into()
            }
            Operation::Destroy(ResourcesOf { resources: volumes, .. }) => {
                DestroyVolumes { agent, volumes }.into()
            }
            Operation::GrowVolume(Grow { volume, addition, .. }) => {
                GrowVolume { agent, volume, addition }.into()
            }
            Operation::ShrinkVolume(Shrink { volume, subtract, .. }) => {
                ShrinkVolume { agent, volume, subtract }.into()
            }
            Operation::Launch(_)
            | Operation::LaunchGroup(_)
            | Operation::CreateDisk(_)
            | Operation::DestroyDisk(_) => return None,
        };
        Some((Some(session), command))
    }

    /// Most operations need none.
    fn operation_id(&self) -> Option<Box<str>> {
        (self.choice.which % 3 == 0).then(|| format!("op-{}", self.choice.detail % 16).into())
    }

    /// Something about an operation whose outcome is reported.
    pub(super) fn feedback(&self) -> Chosen {
        let (id, row) = self.one(self.state.operations().iter())?;
        let framework = || self.state.frameworks().get(row.framework)?.session();
        if let Some(report) = &row.report {
            let (id, uuid) = (row.name.as_deref()?.into(), report.uuid);
            return Some((Some(framework()?), AcknowledgeOperation { id, uuid }.into()));
        }
        if self.choice.detail % 4 == 0 {
            return Some((Some(framework()?), ReconcileOperations::default().into()));
        }
        let session = self.state.agents().get(row.agent)?.session()?;
        let mut end = UpdateOperation::new(id, OperationState::Failed);
        if self.choice.detail % 4 > 1 {
            end.state = OperationState::Finished;
            end.converted = made(&row.spec).map(Box::new);
        }
        Some((Some(session), end.into()))
    }

    /// A disk of raw space, or raw space of a disk, in what is offered.
    fn disk(&self, there: &Resources) -> Option<Operation> {
        let of_provider = |item: &&Resource<ResourceKey>| {
            item.key.metadata().is_some_and(|meta| meta.provider.is_some())
        };
        let item = there.iter().find(of_provider)?;
        let raw = item.key.metadata()?.disk.as_ref()?.source.as_ref()?.kind == SourceKind::Raw;
        let amount = if raw { Amount::from_units(4) } else { item.value.quantity() };
        let source = Resources::single(item.key.clone(), amount);
        let id = self.operation_id();
        Some(if raw {
            let target =
                if self.choice.which % 2 == 0 { DiskTarget::Mount } else { DiskTarget::Block };
            Operation::CreateDisk(CreateDisk { source, target, target_profile: None, id })
        } else {
            Operation::DestroyDisk(DestroyDisk { source, id })
        })
    }
}

/// What an agent would say that a disk became.
fn made(spec: &Operation) -> Option<Resources> {
    let (source, kind) = match spec {
        Operation::CreateDisk(create) if create.target == DiskTarget::Mount => {
            (&create.source, SourceKind::Mount)
        }
        Operation::CreateDisk(create) => (&create.source, SourceKind::Block),
        Operation::DestroyDisk(destroy) => (&destroy.source, SourceKind::Raw),
        _ => return None,
    };
    Some(source.with_metadata(|metadata| {
        if let Some(source) = metadata.disk.as_mut().and_then(|disk| disk.source.as_mut()) {
            source.kind = kind;
        }
    }))
}
