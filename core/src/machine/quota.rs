//! Guarantees and limits of roles: the checks of a new quota, and the offers that it rescinds.
//!
//! Quota never ends what runs. What it withholds of agents is offered when it no longer does:
//! agents of which something was withheld are looked at again, at the next interval after anything
//! that quota depends on has changed.

use std::collections::BTreeMap;

use super::{Machine, over_limit};
use crate::command::{RoleQuota, SessionKind, UpdateQuota};
use crate::error::{Code, Rejection, shorten};
use crate::event::RescindReason;
use crate::ids::{GrantId, Id, RoleId, SessionId};
use crate::limits::OBJECTS_MAX;
use crate::names::{self, check_role_name};
use crate::options::QuotaBinds;
use crate::reply::Reply;
use crate::resources::{Amount, CollectionKey as _, Name, Quantities, ResourceLimits};
use crate::state::quota::is_bounded;
use crate::state::{Bulk, FreeGuarantees, Quota, State, Tally};

impl Machine<'_> {
    pub(super) fn update_quota(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateQuota,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        if command.quotas.is_empty() {
            let text = "no role is listed: give at least one";
            return Err(Rejection::new(Code::BadList, text).at("quotas"));
        }
        for (index, entry) in command.quotas.iter().enumerate() {
            let place = |field: &str| format!("quotas[{index}].{field}");
            self.check_role_of_quota(&entry.role).map_err(|r| r.at(place("role")).index(index))?;
            check_limits(entry).map_err(|r| r.at(place("limits")).index(index))?;
            if command.quotas[..index].iter().any(|other| other.role == entry.role) {
                let text = format!("role {:?} is listed twice", shorten(&entry.role));
                let rejection = Rejection::new(Code::BadList, text);
                return Err(rejection.at(place("role")).index(index));
            }
        }
        let names = command.quotas.iter().flat_map(|entry| {
            let guarantees = entry.guarantees.iter().map(|(name, _)| name);
            guarantees.chain(entry.limits.iter().map(|(name, _)| name))
        });
        self.state.names.check_room_for_names(names).map_err(|r| r.at("quotas"))?;
        if !self.state.has_room_for_roles(command.quotas.iter().map(|entry| &*entry.role)) {
            return Err(over_limit("roles", OBJECTS_MAX + 1, OBJECTS_MAX));
        }
        let plan = Plan::new(self.state, command);
        plan.check_hierarchy(command)?;
        if !command.force {
            self.check_consumption(command)?;
            plan.check_capacity(self.state)?;
        }
        let session = sender.and_then(|id| self.state.sessions.get(id));
        let principal = session.and_then(|session| session.principal.clone());
        for entry in &command.quotas {
            self.replace_quota(entry, principal.clone());
        }
        Ok(Reply::Done)
    }

    fn check_role_of_quota(&self, role: &str) -> Result<(), Rejection> {
        check_role_name(role)?;
        if self.state.options.quota_binds == QuotaBinds::TopLevel && role.contains('/') {
            let text = format!(
                "role {:?} is below another: with the option quota_binds top_level only top-level \
                 roles have quota",
                shorten(role)
            );
            return Err(Rejection::new(Code::BadQuota, text));
        }
        Ok(())
    }

    /// What a role and those below it have allocated or reserved must be within its limits.
    fn check_consumption(&self, command: &UpdateQuota) -> Result<(), Rejection> {
        for (index, entry) in command.quotas.iter().enumerate() {
            let Some(role) = self.state.role_id(&entry.role) else { continue };
            if entry.limits.is_empty() {
                continue;
            }
            let mut consumed = self.state.consumption(role);
            consumed.subtract(&self.state.offered_under_quota(role));
            for (name, limit) in entry.limits.iter() {
                let Some(id) = self.state.names.lookup(name) else { continue };
                let has = consumed.get(id);
                if has > limit {
                    let text = format!(
                        "role {:?} consumes {name}:{has} and would be limited to {name}:{limit}: \
                         give a higher limit, or `force` so that it is offered no more",
                        shorten(&entry.role)
                    );
                    let place = format!("quotas[{index}].limits");
                    return Err(Rejection::new(Code::QuotaConflict, text).at(place).index(index));
                }
            }
        }
        Ok(())
    }

    fn replace_quota(&mut self, entry: &RoleQuota, principal: Option<Box<str>>) {
        let (guarantees, limits) = (entry.guarantees.clone(), entry.limits.clone());
        guarantees.iter().for_each(|(name, _)| self.state.names.intern_name(name));
        limits.iter().for_each(|(name, _)| self.state.names.intern_name(name));
        let role = self.state.role_or_new(&entry.role);
        let (limited, guaranteed) = (!limits.is_empty(), !guarantees.is_empty());
        self.state.set_quota(role, Quota { guarantees, limits, principal });
        if !self.state.options.rescind_on_update {
            return;
        }
        if limited {
            self.state.work.bulk.push_back(Bulk::EnforceLimits(role, 0));
        }
        if guaranteed {
            let rescinded = Quantities::new();
            let start = FreeGuarantees { role, slot: 0, agents: 0, rescinded };
            self.state.work.bulk.push_back(Bulk::FreeGuarantees(start));
        }
    }

    /// Rescinds offers of a role and those below, in the order of their slots, until it has no more
    /// than its limits; returns what is left to do.
    pub(super) fn enforce_limits(
        &mut self,
        role: RoleId,
        mut slot: u32,
        budget: &mut usize,
    ) -> Option<Bulk> {
        while *budget > 0 {
            let limits = self.state.quota(role)?.limits.clone();
            let consumed = self.state.consumption(role);
            let exceeded = exceeded(self.state, &limits, &consumed);
            if exceeded.is_empty() {
                return None;
            }
            let (id, grant) = self.state.grants.next_from(slot)?;
            slot = id.index() + 1;
            let has = Tally::of(&grant.resources.filter_items(is_bounded));
            let helps = has.iter().any(|(name, _)| !exceeded.get(name).is_zero());
            if grant.is_offer() && helps && self.state.is_within(grant.role, role) {
                self.rescind(id, RescindReason::QuotaUpdated);
            }
            *budget -= 1;
        }
        Some(Bulk::EnforceLimits(role, slot))
    }

    /// Rescinds offers of others, agent by agent, until what was rescinded and what the role has
    /// make up its guarantee, and each of its frameworks can be offered an agent; returns what is
    /// left to do.
    pub(super) fn free_guarantees(
        &mut self,
        mut at: FreeGuarantees,
        budget: &mut usize,
    ) -> Option<Bulk> {
        while *budget > 0 {
            let guarantees = &self.state.quota(at.role)?.guarantees;
            let mut missing = Tally::of_quantities(guarantees, &self.state.names);
            missing.subtract(&self.state.consumption(at.role));
            let guaranteed = missing.clone();
            missing.subtract(&Tally::of_quantities(&at.rescinded, &self.state.names));
            let frameworks = self.state.frameworks_within(at.role);
            if guaranteed.is_empty() || missing.is_empty() && at.agents >= frameworks {
                return None;
            }
            let (id, agent) = self.state.agents.next_from(at.slot)?;
            at.slot = id.index() + 1;
            *budget -= 1;
            let offers: Vec<(GrantId, Tally)> = agent
                .grants
                .iter()
                .filter_map(|id| self.state.grants.get(*id).map(|grant| (*id, grant)))
                .filter(|(_, grant)| grant.is_offer())
                .filter(|(_, grant)| !self.state.is_within(grant.role, at.role))
                .map(|(id, grant)| (id, Tally::of(&grant.resources.filter_items(is_bounded))))
                .filter(|(_, has)| has.iter().any(|(name, _)| !guaranteed.get(name).is_zero()))
                .collect();
            at.agents += u32::from(!offers.is_empty());
            for (offer, has) in offers {
                for (name, amount) in has.iter() {
                    if let Some(name) = self.state.names.name(name) {
                        let sum = at.rescinded.get(name).saturating_add(amount);
                        at.rescinded.set(name.clone(), sum);
                    }
                }
                self.rescind(offer, RescindReason::QuotaUpdated);
                *budget = budget.saturating_sub(1);
            }
        }
        Some(Bulk::FreeGuarantees(at))
    }

    /// After a command: what quota depends on changed, so what it withheld may be offered now.
    pub(super) fn look_again_at_withheld(&mut self) {
        let moved = std::mem::take(&mut self.state.quota_moved);
        if !moved || self.state.work.withheld.is_empty() {
            return;
        }
        for agent in std::mem::take(&mut self.state.work.withheld) {
            self.offer_at_interval(agent);
        }
    }
}

/// Limits are not below guarantees.
fn check_limits(entry: &RoleQuota) -> Result<(), Rejection> {
    for (name, limit) in entry.limits.iter() {
        let guarantee = entry.guarantees.get(name);
        if guarantee > limit {
            let text = format!(
                "{name} is limited to {limit} and guaranteed to be {guarantee}: give a limit of at \
                 least the guarantee"
            );
            return Err(Rejection::new(Code::BadQuota, text));
        }
    }
    Ok(())
}

/// Of which names more is consumed than the limit.
fn exceeded(state: &State, limits: &ResourceLimits, consumed: &Tally) -> Tally {
    let mut over = consumed.clone();
    let mut within = Quantities::new();
    for (name, limit) in limits.iter() {
        within.set(name.clone(), limit);
    }
    over.subtract(&Tally::of_quantities(&within, &state.names));
    let limited = |name| state.names.name(name).is_some_and(|name| limits.get(name).is_some());
    over.retain(limited);
    over
}

/// The quota of all roles as it will be.
struct Plan<'a> {
    quotas: BTreeMap<&'a str, (&'a Quantities, &'a ResourceLimits)>,
}

impl<'a> Plan<'a> {
    fn new(state: &'a State, command: &'a UpdateQuota) -> Self {
        let known = state.roles_with_quota().filter_map(|id| {
            let role = state.roles.get(id)?;
            let quota = role.quota.as_deref()?;
            Some((&*role.name, (&quota.guarantees, &quota.limits)))
        });
        let mut quotas: BTreeMap<_, _> = known.collect();
        for entry in &command.quotas {
            quotas.insert(&*entry.role, (&entry.guarantees, &entry.limits));
        }
        Self { quotas }
    }

    /// What must be set aside for a role and those below: its own guarantee, or that of the roles
    /// right below together if it is more. Roles without quota pass on what is below them.
    fn needed(&self, role: &str) -> Quantities {
        let mut below = Quantities::new();
        for child in self.nearest_below(role) {
            let part = self.needed(child);
            for (name, amount) in part.iter() {
                below.set(name.clone(), below.get(name).saturating_add(amount));
            }
        }
        let Some((own, _)) = self.quotas.get(role) else { return below };
        for (name, amount) in own.iter() {
            below.set(name.clone(), below.get(name).max(amount));
        }
        below
    }

    /// The roles with quota below a role that have none with quota between.
    fn nearest_below(&self, role: &str) -> Vec<&'a str> {
        let all = self.quotas.keys().copied();
        all.filter(|other| {
            let mut above = names::ancestors(other);
            above.find(|above| self.quotas.contains_key(above)) == Some(role)
        })
        .collect()
    }

    /// A limit that is below what is guaranteed to roles below makes that guarantee void.
    fn check_hierarchy(&self, command: &UpdateQuota) -> Result<(), Rejection> {
        for (index, entry) in command.quotas.iter().enumerate() {
            let above = names::ancestors(&entry.role).filter(|role| self.quotas.contains_key(role));
            for role in std::iter::once(&*entry.role).chain(above) {
                let Some((_, limits)) = self.quotas.get(role) else { continue };
                let needed = self.needed(role);
                let short = limits.iter().find(|(name, limit)| needed.get(name) > *limit);
                if let Some((name, limit)) = short {
                    let text = format!(
                        "role {:?} is limited to {name}:{limit}, and roles below it are guaranteed \
                         {name}:{}: raise the limit or lower the guarantees",
                        shorten(role),
                        needed.get(name)
                    );
                    let place = format!("quotas[{index}]");
                    return Err(Rejection::new(Code::BadQuota, text).at(place).index(index));
                }
            }
        }
        Ok(())
    }

    /// I57: all guarantees together are within what there is that cannot be taken back.
    fn check_capacity(&self, state: &State) -> Result<(), Rejection> {
        let mut sum = Quantities::new();
        for role in self.quotas.keys() {
            if names::ancestors(role).any(|above| self.quotas.contains_key(above)) {
                continue;
            }
            for (name, amount) in self.needed(role).iter() {
                sum.set(name.clone(), sum.get(name).saturating_add(amount));
            }
        }
        let mut capacity = Tally::default();
        for (_, agent) in state.agents.iter().filter(|(_, agent)| agent.counts()) {
            capacity.add(&Tally::of(&agent.total.filter(|key| !key.is_revocable())));
        }
        for (_, pool) in state.pools.iter() {
            capacity.add(&Tally::of(&pool.total.filter(|key| !key.is_revocable())));
        }
        let has =
            |name: &Name| state.names.lookup(name).map_or(Amount::ZERO, |id| capacity.get(id));
        match sum.iter().find(|(name, amount)| *amount > has(name)) {
            None => Ok(()),
            Some((name, amount)) => {
                let text = format!(
                    "all guarantees together are {name}:{amount}, and the agents have {name}:{}: \
                     guarantee less, add agents, or give `force`",
                    has(name)
                );
                Err(Rejection::new(Code::QuotaConflict, text).at("quotas"))
            }
        }
    }
}

impl State {
    /// Whether a role is `above` or below it.
    fn is_within(&self, role: RoleId, above: RoleId) -> bool {
        self.role_path(role).any(|(id, _)| id == above)
    }

    /// How many frameworks are subscribed to a role or one below, and connected.
    fn frameworks_within(&self, role: RoleId) -> u32 {
        let Some(row) = self.roles.get(role) else { return 0 };
        let active = row.frameworks.iter().filter_map(|id| self.frameworks.get(*id)).filter(|f| {
            f.session().is_some() && f.roles.get(&role).is_some_and(|part| part.subscribed)
        });
        let below: u32 = row.children.iter().map(|child| self.frameworks_within(*child)).sum();
        below.saturating_add(u32::try_from(active.count()).unwrap_or(u32::MAX))
    }

    /// What of the consumption of a role and those below is only offered.
    fn offered_under_quota(&self, role: RoleId) -> Tally {
        let mut sum = Tally::default();
        let Some(row) = self.roles.get(role) else { return sum };
        for framework in row.frameworks.iter().filter_map(|id| self.frameworks.get(*id)) {
            let grants = framework.roles.get(&role).into_iter().flat_map(|part| &part.grants);
            let offers = grants.filter_map(|id| self.grants.get(*id)).filter(|g| g.is_offer());
            offers.for_each(|g| sum.add(&Tally::of(&g.resources.filter_items(is_bounded))));
        }
        row.children.iter().for_each(|child| sum.add(&self.offered_under_quota(*child)));
        sum
    }
}
