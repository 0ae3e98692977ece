//! What an agent may say it has: names, sums and kinds stay within what the ledger can add up.
//!
//! Shares are computed with sums over all agents and pools, so these have a limit. What counts of
//! an agent is its total or what is held of it, whichever is more: it may shrink under its
//! allocations.

use super::operations::is_checkpointed;
use super::units::check_units;
use super::{Machine, over_limit};
use crate::error::{Code, Rejection};
use crate::limits::OBJECTS_MAX;
use crate::resources::{
    Amount, Bundle, Conflict, Conversion, Disk, Key, MetaId, ReservationKind, Resources,
};
use crate::state::grant::scalars;
use crate::state::{Agent, Hold, Liveness};

impl Machine<'_> {
    /// What an agent has, from the resources that it gives and from those that operations made of
    /// them: what it says of these, or else what the kernel knows. None if it says nothing.
    pub(super) fn new_total(
        &self,
        agent: Option<&Agent>,
        given: Option<&Resources>,
        kept: Option<&Resources>,
    ) -> Result<Option<Resources>, Rejection> {
        let current =
            || agent.map(|agent| self.state.names.named(&agent.total)).unwrap_or_default();
        if let Some(item) = given.and_then(|given| made_by_operations(given).into_iter().next()) {
            if kept.is_some() {
                let text =
                    format!("{} is what operations make: give it in `checkpointed`", item.key);
                return Err(Rejection::new(Code::BadResources, text).at("resources"));
            }
            return Ok(given.cloned());
        }
        let kept = match (given, kept) {
            (None, None) => return Ok(None),
            (_, Some(kept)) => {
                if let Some(item) = kept.iter().find(|item| !is_checkpointed(item.key.metadata())) {
                    let text =
                        format!("{} is not what operations make: give it in `resources`", item.key);
                    return Err(Rejection::new(Code::BadResources, text).at("checkpointed"));
                }
                kept.clone()
            }
            (Some(_), None) => {
                let plain = agent.is_none_or(|agent| {
                    agent.total.iter().all(|item| item.key.meta == MetaId::PLAIN)
                });
                if plain { Resources::new() } else { made_by_operations(&current()) }
            }
        };
        let base = given.cloned().unwrap_or_else(|| as_configured(&current()));
        if kept.is_empty() {
            return Ok(Some(base));
        }
        let conversion = Conversion { consumed: as_configured(&kept), converted: kept };
        conversion.apply(&base).map(Some).map_err(|error| {
            let text = format!("what operations made does not fit: {error}");
            Rejection::new(Code::FailedPrecondition, text).at("resources")
        })
    }

    /// Checks the total of an agent, a new one if given, against everybody else's.
    pub(super) fn check_total(
        &self,
        agent: Option<&Agent>,
        after: Option<&Resources>,
    ) -> Result<(), Rejection> {
        let total = match after {
            Some(after) => {
                check_metadata(after)?;
                check_units(after)?;
                self.check_not_pooled(after)?;
                self.state.names.check_room(after).map_err(|r| r.at("resources"))?;
                let metadata = after.iter().filter_map(|item| item.key.metadata());
                let roles = metadata.filter_map(|metadata| metadata.reservation_role());
                if !self.state.has_room_for_roles(roles) {
                    return Err(over_limit("roles", OBJECTS_MAX + 1, OBJECTS_MAX).at("resources"));
                }
                let known = self.state.names.find(after);
                known.unwrap_or_else(|| self.state.names.clone().intern(after))
            }
            None => agent.map(|agent| agent.total.clone()).unwrap_or_default(),
        };
        check_amounts(&total)?;
        let held = agent.map(|agent| self.held_on(agent)).unwrap_or_default();
        for part in &held {
            self.check_kinds(&total, part)?;
        }
        self.check_units_held(&total, &held)?;
        self.check_sum(Changes::Agent(agent), &total, &held)
    }

    /// Checks that the sum over all agents and pools stays within what shares are computed with.
    pub(super) fn check_sum(
        &self,
        changes: Changes<'_>,
        total: &Bundle,
        held: &[Bundle],
    ) -> Result<(), Rejection> {
        if self.sum_is_small(changes, total, held).is_ok() {
            return Ok(());
        }
        self.exact_sum_fits(changes, total, held).map_err(|conflict| {
            let text = format!("the sum over all agents is too large: {conflict}");
            Rejection::new(Code::LimitReached, text).at("resources")
        })
    }

    /// What is offered on an agent, what is allocated, and what each parked task will hold again.
    fn held_on(&self, agent: &Agent) -> Vec<Bundle> {
        let mut held = vec![agent.offered.clone(), agent.allocated.clone()];
        if matches!(agent.liveness, Liveness::Unreachable(_)) {
            let tasks = agent.tasks.iter().filter_map(|id| self.state.tasks.get(*id));
            held.extend(tasks.filter_map(|task| match &task.hold {
                Hold::Parked(resources) => Some(resources.clone()),
                Hold::Granted(_) | Hold::Released => None,
            }));
        }
        held
    }

    /// Sums are kept per name and kind, so a name cannot change its kind under what is held of it.
    pub(super) fn check_kinds(&self, total: &Bundle, held: &Bundle) -> Result<(), Rejection> {
        for item in held {
            let Some(value) = total.get(&item.key) else { continue };
            let (is, was) = (value.kind(), item.value.kind());
            if is != was {
                let name = self.state.names.name(item.key.name);
                let name = name.map_or("a resource", |name| name.as_str());
                let text = format!(
                    "{name} is given as {is}, and offers or tasks hold it as {was}: change it when \
                     they have returned it"
                );
                return Err(Rejection::new(Code::FailedPrecondition, text).at("resources"));
            }
        }
        Ok(())
    }

    /// A sum that is never too small, quickly: totals and what is held, both in full.
    fn sum_is_small(
        &self,
        changes: Changes<'_>,
        total: &Bundle,
        held: &[Bundle],
    ) -> Result<(), Conflict<Key>> {
        let mut sum = self.state.total.clone();
        let before = match changes {
            Changes::Agent(agent) => agent.filter(|agent| agent.counts()).map(|row| &row.total),
            Changes::Pool(name) => self.state.pools.get(name.unwrap_or("")).map(|row| &row.total),
        };
        if let Some(before) = before {
            sum.subtract(&scalars(before));
        }
        // What is held below a role counts for it too.
        let top = self.state.roles.iter().filter(|(_, role)| role.parent.is_none());
        let roles = top.map(|(_, role)| &role.held);
        roles.chain(held).try_for_each(|part| sum.add(&scalars(part)))?;
        sum.add(&scalars(total))
    }

    /// The exact sum, agent by agent and pool by pool.
    fn exact_sum_fits(
        &self,
        changes: Changes<'_>,
        total: &Bundle,
        held: &[Bundle],
    ) -> Result<(), Conflict<Key>> {
        let mut own = Bundle::new();
        held.iter().try_for_each(|part| own.add(&scalars(part)))?;
        let mut sum = larger(&scalars(total), &own)?;
        let is_other = |other: &&Agent| match changes {
            Changes::Agent(Some(agent)) => !std::ptr::eq(agent, *other),
            Changes::Agent(None) | Changes::Pool(_) => true,
        };
        for other in self.state.agents.iter().map(|(_, other)| other).filter(is_other) {
            let total = if other.counts() { scalars(&other.total) } else { Bundle::new() };
            let mut held = scalars(&other.offered);
            held.add(&scalars(&other.allocated))?;
            sum.add(&larger(&total, &held)?)?;
        }
        for (name, pool) in self.state.pools.iter() {
            if !matches!(changes, Changes::Pool(Some(changed)) if changed == name) {
                let mut held = scalars(&pool.offered);
                held.add(&scalars(&pool.allocated))?;
                sum.add(&larger(&scalars(&pool.total), &held)?)?;
            }
        }
        Ok(())
    }
}

/// Whose total is to change: an agent's or a pool's, or that of a new one.
#[derive(Clone, Copy)]
pub(super) enum Changes<'a> {
    Agent(Option<&'a Agent>),
    Pool(Option<&'a str>),
}

/// What operations made: dynamic reservations and volumes.
fn made_by_operations(resources: &Resources) -> Resources {
    resources.filter(|key| is_checkpointed(key.metadata()))
}

/// The resources as they were before any operation.
fn as_configured(resources: &Resources) -> Resources {
    resources.one_copy().with_metadata(|metadata| {
        if !is_checkpointed(Some(metadata)) {
            return;
        }
        metadata.reservations.retain(|entry| entry.kind == ReservationKind::Static);
        if metadata.persistence_id().is_some() {
            metadata.disk = metadata.disk.as_ref().and_then(Disk::stripped);
        }
        metadata.shared = false;
    })
}

/// What an agent may say of its resources: legal metadata, and each volume once.
pub(super) fn check_metadata(total: &Resources) -> Result<(), Rejection> {
    if total.iter().all(|item| item.key.meta.is_plain()) {
        return Ok(());
    }
    let bad = |text: String| Rejection::new(Code::BadResources, text).at("resources");
    total.check_metadata().map_err(|fault| bad(fault.to_string()))?;
    for item in &total.shared() {
        if total.one_copy().get(&item.key) != Some(&item.value) {
            return Err(bad(format!("{} is given in copies: an agent has it once", item.key)));
        }
    }
    total.check_use().map_err(|fault| bad(fault.to_string()))
}

/// One agent has at most what can be written down; only sums may be more.
pub(super) fn check_amounts(total: &Bundle) -> Result<(), Rejection> {
    if total.iter().all(|item| total.scalar(&item.key) <= Amount::MAX) {
        return Ok(());
    }
    let text = format!("an agent has at most {} units of one resource: give less", Amount::MAX);
    Err(Rejection::new(Code::BadResources, text).at("resources"))
}

/// The larger of two amounts of each scalar.
fn larger(a: &Bundle, b: &Bundle) -> Result<Bundle, Conflict<Key>> {
    let (mut sum, mut more) = (a.clone(), b.clone());
    more.subtract(a);
    sum.add(&more)?;
    Ok(sum)
}
