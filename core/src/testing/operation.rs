//! Operations on resources, as parts of accepts and as commands.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::script::{Chosen, Pick};
use crate::command::SessionKind;
use crate::command::{
    Accept, Command, CreateVolumes, DestroyVolumes, Grow, GrowVolume, Operation, ReserveResources,
    ResourcesOf, Shrink, ShrinkVolume, UnreserveResources,
};
use crate::ids::AgentId;
use crate::resources::{
    Amount, Disk, Metadata, Name, Reservation, Resource, ResourceKey, Resources,
};

/// Any operation that is not a launch.
pub fn operation() -> impl Strategy<Value = Operation> {
    let of = || any_resources().prop_map(ResourcesOf::from);
    prop_oneof![
        of().prop_map(Operation::Reserve),
        of().prop_map(Operation::Unreserve),
        of().prop_map(Operation::Create),
        of().prop_map(Operation::Destroy),
        (any_resources(), any_resources())
            .prop_map(|(volume, addition)| Operation::GrowVolume(Grow { volume, addition })),
        (any_resources(), amount())
            .prop_map(|(volume, subtract)| Operation::ShrinkVolume(Shrink { volume, subtract })),
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

const MADE: &[&str] =
    &["cpus(+a):1", "cpus(a,+a/b):1;mem(+a):64", "disk(+a)#v:8", "disk(a)#w<path=p>&:4"];

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
                Operation::GrowVolume(Grow { volume: whole(volume), addition: some(disk, 1) })
            }
            (3, _, Some(volume)) if volume.value.quantity() > Amount::from_units(1) => {
                let (volume, subtract) = (whole(volume), Amount::from_units(1));
                Operation::ShrinkVolume(Shrink { volume, subtract })
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
                Operation::Reserve(some(plain, 4).push_reservation(&entry).into())
            }
        })
    }

    /// An accept with an operation.
    pub(super) fn accept_operation(&self) -> Chosen {
        let (offer, session, offered) = self.offer()?;
        let role = self.state.roles().get(self.state.grants().get(offer)?.role)?;
        let principal = self.state.sessions().get(session)?.principal.as_deref();
        let operation = self.operation(&offered, &role.name, principal)?;
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
            Operation::Reserve(ResourcesOf { resources }) => {
                ReserveResources { agent, resources, source: None }.into()
            }
            Operation::Unreserve(ResourcesOf { resources }) => {
                UnreserveResources { agent, resources }.into()
            }
            Operation::Create(ResourcesOf { resources: volumes }) => {
                CreateVolumes { agent, volumes }.into()
            }
            Operation::Destroy(ResourcesOf { resources: volumes }) => {
                DestroyVolumes { agent, volumes }.into()
            }
            Operation::GrowVolume(Grow { volume, addition }) => {
                GrowVolume { agent, volume, addition }.into()
            }
            Operation::ShrinkVolume(Shrink { volume, subtract }) => {
                ShrinkVolume { agent, volume, subtract }.into()
            }
            Operation::Launch(_) | Operation::LaunchGroup(_) => return None,
        };
        Some((Some(session), command))
    }
}
