//! Pools: what there is of them, and that what comes back to them is offered again.
//!
//! A pool is changed by operators only. Its names are its own: who charges what is decided by the
//! name, so a name is never an agent's and a pool's at the same time.

use std::collections::BTreeSet;

use super::operations::Asked;
use super::totals::{Changes, check_amounts, check_metadata};
use super::{Machine, over_limit};
use crate::command::{AddPool, RemovePool, SessionKind, UpdatePool};
use crate::error::{Code, Rejection, shorten};
use crate::event::RescindReason;
use crate::ids::SessionId;
use crate::limits::{OBJECTS_MAX, RESOURCES_PER_AGENT_MAX};
use crate::names::check_name;
use crate::reply::Reply;
use crate::resources::{Bundle, Metadata, Name, Resources, Value};
use crate::state::pool::Owned;
use crate::state::{Grant, GrantKind, Holder, Pool};

/// How many holders are named when a pool cannot be removed.
const HOLDERS_NAMED: usize = 3;

impl Machine<'_> {
    pub(super) fn add_pool(
        &mut self,
        sender: Option<SessionId>,
        command: &AddPool,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        check_name("pool", &command.name).map_err(|r| r.at("name"))?;
        if self.state.pools.get(&command.name).is_some() {
            let text = format!(
                "there is a pool {:?}: change it with update_pool, or use another name",
                shorten(&command.name)
            );
            return Err(Rejection::new(Code::NameTaken, text).at("name"));
        }
        if command.resources.is_empty() {
            let text = "a pool has some resources: for example licences:3";
            return Err(Rejection::new(Code::BadResources, text).at("resources"));
        }
        self.check_pool(&command.name, &command.resources)?;
        self.set_pool(&command.name, &command.resources);
        Ok(Reply::Done)
    }

    pub(super) fn update_pool(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdatePool,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        self.known_pool(&command.name)?;
        self.check_pool(&command.name, &command.resources)?;
        self.set_pool(&command.name, &command.resources);
        self.rescind_overcommitted(&command.name);
        Ok(Reply::Done)
    }

    pub(super) fn remove_pool(
        &mut self,
        sender: Option<SessionId>,
        command: &RemovePool,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        let pool = self.known_pool(&command.name)?;
        self.check_unused(&command.name, pool)?;
        let offers: Vec<_> = pool.grants.iter().copied().collect();
        for offer in offers {
            self.rescind(offer, RescindReason::Operation);
        }
        self.state.remove_pool(&command.name);
        Ok(Reply::Done)
    }

    fn known_pool(&self, name: &str) -> Result<&Pool, Rejection> {
        self.state.pools.get(name).ok_or_else(|| {
            let text = format!(
                "no pool has the name {:?}: get_pools lists them, add_pool adds one",
                shorten(name)
            );
            Rejection::new(Code::UnknownPool, text).at("name")
        })
    }

    /// Checks what a pool is to have, a new one or one that there is.
    fn check_pool(&self, name: &str, resources: &Resources) -> Result<(), Rejection> {
        check_kinds_of_resources(resources)?;
        if resources.len() > RESOURCES_PER_AGENT_MAX {
            let rejection = over_limit("resources", resources.len(), RESOURCES_PER_AGENT_MAX);
            return Err(rejection.at("resources"));
        }
        self.check_names_are_free(name, resources)?;
        self.state.names.check_room(resources).map_err(|r| r.at("resources"))?;
        let metadata = resources.iter().filter_map(|item| item.key.metadata());
        if !self.state.has_room_for_roles(metadata.filter_map(Metadata::reservation_role)) {
            return Err(over_limit("roles", OBJECTS_MAX + 1, OBJECTS_MAX).at("resources"));
        }
        let known = self.state.names.find(resources);
        let total = known.unwrap_or_else(|| self.state.names.clone().intern(resources));
        check_amounts(&total)?;
        let held = self.held_of_pool(name);
        held.iter().try_for_each(|part| self.check_kinds(&total, part))?;
        let pool = self.state.pools.get(name).map(|_| name);
        self.check_sum(Changes::Pool(pool), &total, &held)
    }

    /// What is offered and allocated of a pool, and what each task will hold of it again that
    /// comes back with its agent.
    fn held_of_pool(&self, name: &str) -> Vec<Bundle> {
        let Some(pool) = self.state.pools.get(name) else { return Vec::new() };
        let mut held = vec![pool.offered.clone(), pool.allocated.clone()];
        let parked = self.state.parked_holds();
        held.extend(parked.map(|(.., part)| part.filter(|key| pool.owns.has(key.name))));
        held
    }

    /// Neither agents nor other pools may have resources of these names.
    fn check_names_are_free(&self, name: &str, resources: &Resources) -> Result<(), Rejection> {
        let own = self.state.pools.get(name).map(|pool| &pool.names);
        let names = resources.iter().map(|item| &item.key.name);
        let new: BTreeSet<&Name> =
            names.filter(|name| own.is_none_or(|own| !own.contains(name))).collect();
        let taken = |name: &Name, by: String| {
            let text = format!("{name} is a resource of {by}: give the pool's another name");
            Err(Rejection::new(Code::NameTaken, text).at("resources"))
        };
        for name in &new {
            let id = self.state.names.lookup(name);
            if let Some((other, _)) = id.and_then(|id| self.state.pools.owner(id)) {
                return taken(name, format!("pool {:?}", shorten(other)));
            }
        }
        let mask = Owned::of(&self.state.names, new.iter().copied());
        let in_mask = |bundle: &Bundle| {
            let item = bundle.iter().find(|item| mask.has(item.key.name))?;
            self.state.names.name(item.key.name)
        };
        for (id, agent) in self.state.agents.iter() {
            let all = [&agent.total, &agent.offered, &agent.allocated];
            if let Some(name) = all.into_iter().find_map(in_mask) {
                return taken(name, format!("agent {id}"));
            }
        }
        let mut parked = self.state.parked_holds();
        match parked.find_map(|(holder, agent, part)| Some((holder, agent, in_mask(part)?))) {
            Some((holder, agent, name)) => {
                taken(name, format!("{holder} on agent {agent}, which may come back"))
            }
            None => Ok(()),
        }
    }

    /// An agent must not have what is a pool's.
    pub(super) fn check_not_pooled(&self, resources: &Resources) -> Result<(), Rejection> {
        if self.state.pools.is_empty() {
            return Ok(());
        }
        for item in resources {
            let id = self.state.names.lookup(&item.key.name);
            if let Some((pool, _)) = id.and_then(|id| self.state.pools.owner(id)) {
                let text = format!(
                    "{} is a resource of pool {:?}: an agent's must have another name",
                    item.key.name,
                    shorten(pool)
                );
                return Err(Rejection::new(Code::NameTaken, text).at("resources"));
            }
        }
        Ok(())
    }

    /// Operations change what agents have; a pool is changed as a whole.
    pub(super) fn check_operates_on_agent(&self, asked: Asked<'_>) -> Result<(), Rejection> {
        self.check_not_pooled(asked.resources()).map_err(|_| {
            let text = "resources of a pool are reserved and unreserved with update_pool";
            Rejection::new(Code::InvalidOperation, text).at("resources")
        })
    }

    /// A pool is removed when nobody holds anything of it.
    fn check_unused(&self, name: &str, pool: &Pool) -> Result<(), Rejection> {
        let mut holders = Vec::new();
        let mut held = pool.allocated.clone();
        for grant in pool.grants.iter().filter_map(|id| self.state.grants.get(*id)) {
            holders.extend(holder(grant).map(|holder| holder.to_string()));
        }
        for (holder, agent, part) in self.state.parked_holds() {
            let part = part.filter(|key| pool.owns.has(key.name));
            if !part.is_empty() {
                holders.push(format!("{holder} on agent {agent}, which may come back"));
                held.add_assign(&part);
            }
        }
        if holders.is_empty() {
            return Ok(());
        }
        let more = holders.len().saturating_sub(HOLDERS_NAMED);
        holders.truncate(HOLDERS_NAMED);
        let mut who = holders.join(", ");
        if more > 0 {
            who = format!("{who} and {more} more");
        }
        let text = format!(
            "{} of pool {:?} is held by {who}: kill what runs or wait for its end; with \
             update_pool and no resources nobody gets any meanwhile",
            self.state.names.named(&held),
            shorten(name)
        );
        Err(Rejection::new(Code::FailedPrecondition, text).at("name"))
    }

    fn set_pool(&mut self, name: &str, resources: &Resources) {
        let total = self.state.names.intern(resources);
        let own = resources.iter().map(|item| item.key.name.clone()).collect();
        self.state.set_pool(name, total, own);
        if !self.state.options.allocate_only_on_command {
            self.state.work.begin_round();
        }
    }

    /// Rescinds offers with what there is no more, in the order of their ids.
    fn rescind_overcommitted(&mut self, name: &str) {
        let offers = self.state.pools.get(name).map(|pool| pool.grants.clone());
        for id in offers.unwrap_or_default() {
            let Some(pool) = self.state.pools.get(name) else { return };
            let Some(grant) = self.state.grants.get(id).filter(|grant| grant.is_offer()) else {
                continue;
            };
            let mut over = pool.offered.clone();
            over.add_assign(&pool.allocated);
            over.subtract(&pool.total);
            if over.iter().any(|item| grant.resources.get(&item.key).is_some()) {
                self.rescind(id, RescindReason::Operation);
            }
        }
    }

    /// After a command: what it gave back to pools is offered again, with any agent.
    pub(super) fn offer_pools_again(&mut self) {
        if !std::mem::take(&mut self.state.pools.moved) {
            return;
        }
        let state = &mut *self.state;
        if state.options.allocate_only_on_command || state.pools.free().is_empty() {
            return;
        }
        if state.options.allocate_on_recovery {
            state.work.begin_round();
        } else {
            state.work.round_waits = true;
            self.set_interval();
        }
    }
}

fn holder(grant: &Grant) -> Option<Holder> {
    match grant.kind {
        // An operation holds a disk, which no pool has.
        GrantKind::Offered(_) | GrantKind::Operation(_) => None,
        GrantKind::Allocated(task) => Some(Holder::Task(task)),
        GrantKind::Executor(executor) => Some(Holder::Executor(executor)),
    }
}

/// What can be in a pool: what needs no agent to lie on.
fn check_kinds_of_resources(resources: &Resources) -> Result<(), Rejection> {
    let bad = |text: String| Err(Rejection::new(Code::BadResources, text).at("resources"));
    for item in resources {
        let name = &item.key.name;
        if name.well_known_id().is_some() {
            return bad(format!(
                "{name} is what agents have: a pool has names of its own, for example licences"
            ));
        }
        if matches!(item.value, Value::Devices(_) | Value::Request(_)) {
            return bad(format!("{}: units of devices are on an agent", item.key));
        }
        let Some(metadata) = item.key.metadata() else { continue };
        if metadata.provider.is_some() {
            return bad(format!("{}: what a provider has is on an agent", item.key));
        }
        if metadata.is_dynamically_reserved() {
            return bad(format!(
                "{}: operations make such reservations on agents: reserve it statically, as in \
                 {name}(role)",
                item.key
            ));
        }
    }
    check_metadata(resources)
}
