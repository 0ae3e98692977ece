//! Pools: resources of the whole cluster that lie on no agent, such as floating licences.
//!
//! A resource name belongs to agents or to one pool, never to both: so it is known from the name
//! alone where a part of a grant is charged, and a task asks for `licences:1` beside `cpus:1`
//! without saying where they come from. What is free of the pools rides along with an agent's free
//! resources in one offer; a task holds both under one grant.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::{Executor, Grant, Hold, Round, State, Task};
use crate::ids::{AgentId, ExecutorId, FrameworkId, GrantId, Id as _, TaskId};
use crate::intern::{HasNames, Names};
use crate::resources::{Bundle, Name, NameId};

/// Resources of the whole cluster.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map, context_bound = "HasNames")]
pub struct Pool {
    /// What there is of it.
    #[n(0)]
    pub total: Bundle,
    /// The names that are its own, also those of which it has nothing any more.
    #[n(1)]
    pub names: BTreeSet<Name>,
    /// Sum of what is offered. Derived from the grants.
    #[cbor(skip)]
    pub offered: Bundle,
    /// Sum of what tasks and executors hold. Derived from the grants.
    #[cbor(skip)]
    pub allocated: Bundle,
    /// The offers and allocations with a part of it. Derived from the grants.
    #[cbor(skip)]
    pub grants: BTreeSet<GrantId>,
    /// The names as a set of ids. Derived.
    #[cbor(skip)]
    pub(crate) owns: Owned,
}

impl Pool {
    /// What is neither offered nor allocated; nothing where more is in use than the total. What is
    /// in use under a reservation that the total has no more is missing from all that is called so:
    /// it is not there twice.
    pub fn free(&self) -> Bundle {
        let mut used = self.offered.clone();
        used.add_assign(&self.allocated);
        let mut free = self.total.clone();
        free.subtract(&used);
        used.subtract(&self.total);
        for over in &used {
            for own in free.clone().iter().filter(|own| own.key.name == over.key.name) {
                free.subtract(&Bundle::single(own.key, over.value.clone()));
            }
        }
        free
    }
}

/// A set of resource names: one bit for each of the at most 64 of a kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owned(u64);

impl Owned {
    /// Those of the names that were seen.
    pub(crate) fn of<'n>(names: &Names, owned: impl IntoIterator<Item = &'n Name>) -> Self {
        let ids = owned.into_iter().filter_map(|name| names.lookup(name));
        Self(ids.fold(0, |mask, id| mask | 1 << (id.0 & 63)))
    }

    /// Whether a name is among them.
    pub fn has(self, name: NameId) -> bool {
        self.0 >> (name.0 & 63) & 1 == 1
    }

    fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// All pools by name.
#[derive(Debug, Clone, Default)]
pub struct Pools {
    /// Shared with branches until one of them changes a pool.
    rows: BTreeMap<Box<str>, Arc<Pool>>,
    /// The names of all pools. Derived.
    owned: Owned,
    /// Whether a command gave something back to a pool. Cleared at its end.
    pub(crate) moved: bool,
}

impl Pools {
    /// Whether there is none: then nothing here costs anything.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The pool of that name.
    pub fn get(&self, name: &str) -> Option<&Pool> {
        self.rows.get(name).map(|row| &**row)
    }

    /// The pools in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pool)> {
        self.rows.iter().map(|(name, row)| (&**name, &**row))
    }

    /// Whether a resource name belongs to a pool.
    pub fn owns(&self, name: NameId) -> bool {
        self.owned.has(name)
    }

    /// The pool that a resource name belongs to.
    pub fn owner(&self, name: NameId) -> Option<(&str, &Pool)> {
        self.iter().find(|(_, pool)| pool.owns.has(name))
    }

    /// What of a bundle belongs to pools; none if nothing does.
    pub fn part_of(&self, bundle: &Bundle) -> Option<Bundle> {
        let pooled = !self.owned.is_none() && bundle.iter().any(|item| self.owns(item.key.name));
        pooled.then(|| bundle.filter(|key| self.owns(key.name)))
    }

    /// What of a bundle is an agent's.
    pub fn without<'b>(&self, bundle: &'b Bundle) -> Cow<'b, Bundle> {
        if self.owned.is_none() || !bundle.iter().any(|item| self.owns(item.key.name)) {
            return Cow::Borrowed(bundle);
        }
        Cow::Owned(bundle.filter(|key| !self.owns(key.name)))
    }

    /// What is free in all pools together.
    pub fn free(&self) -> Bundle {
        let mut free = Bundle::new();
        self.rows.values().for_each(|pool| free.add_assign(&pool.free()));
        free
    }

    /// Adds a pool, or gives one another total; its names stay its own.
    pub(crate) fn set(&mut self, names: &Names, name: &str, total: Bundle, own: BTreeSet<Name>) {
        let pool = Arc::make_mut(self.rows.entry(name.into()).or_default());
        pool.total = total;
        pool.names.extend(own);
        self.derive(names);
    }

    pub(crate) fn remove(&mut self, names: &Names, name: &str) -> Option<Arc<Pool>> {
        let pool = self.rows.remove(name);
        self.derive(names);
        pool
    }

    /// Finds anew which names are pools'.
    fn derive(&mut self, names: &Names) {
        let mut all = 0;
        for pool in self.rows.values_mut() {
            let owns = Owned::of(names, &pool.names);
            if pool.owns != owns {
                Arc::make_mut(pool).owns = owns;
            }
            all |= owns.0;
        }
        self.owned = Owned(all);
    }

    /// Pools as they stand in a snapshot.
    pub(super) fn restored(rows: BTreeMap<Box<str>, Pool>, names: &Names) -> Self {
        let rows = rows.into_iter().map(|(name, pool)| (name, Arc::new(pool)));
        let mut pools = Self { rows: rows.collect(), ..Self::default() };
        pools.derive(names);
        pools
    }

    /// The rows for a snapshot.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = (&str, &Pool)> {
        self.rows.iter().map(|(name, row)| (&**name, &**row))
    }

    #[cfg(test)]
    pub(super) fn row_mut(&mut self, name: &str) -> &mut Pool {
        Arc::make_mut(self.rows.get_mut(name).unwrap())
    }

    /// Adds the pools' part of a grant to their sums; says whether it fits there.
    pub(super) fn charge(&mut self, id: GrantId, grant: &Grant, pooled: &Bundle) -> bool {
        let mut fits = true;
        for pool in self.rows.values_mut().filter(|pool| has_part(pool, pooled)) {
            let pool = Arc::make_mut(pool);
            let part = pooled.filter(|key| pool.owns.has(key.name));
            let sum = if grant.is_offer() { &mut pool.offered } else { &mut pool.allocated };
            fits &= sum.add(&part).is_ok();
            pool.grants.insert(id);
        }
        fits
    }

    /// Takes the pools' part of a grant out of their sums.
    pub(super) fn discharge(&mut self, id: GrantId, grant: &Grant, pooled: &Bundle) {
        for pool in self.rows.values_mut().filter(|pool| has_part(pool, pooled)) {
            let pool = Arc::make_mut(pool);
            let part = pooled.filter(|key| pool.owns.has(key.name));
            let sum = if grant.is_offer() { &mut pool.offered } else { &mut pool.allocated };
            sum.subtract(&part);
            pool.grants.remove(&id);
        }
        self.moved = true;
    }
}

fn has_part(pool: &Pool, pooled: &Bundle) -> bool {
    pooled.iter().any(|item| pool.owns.has(item.key.name))
}

/// Who holds something on an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A task.
    Task(TaskId),
    /// An executor.
    Executor(ExecutorId),
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task(id) => write!(f, "task {id}"),
            Self::Executor(id) => write!(f, "executor {id}"),
        }
    }
}

impl State {
    /// Resources of the whole cluster.
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// What of `free` a framework may see: of pools, nothing unless it knows them.
    pub(super) fn pools_shown_to<'b>(
        &self,
        framework: FrameworkId,
        free: &'b Bundle,
    ) -> Cow<'b, Bundle> {
        let knows = || self.frameworks.get(framework).is_some_and(super::Framework::knows_pools);
        if self.pools.is_empty() || knows() {
            return Cow::Borrowed(free);
        }
        self.pools.without(free)
    }

    /// Adds a pool, or gives one another total.
    pub(crate) fn set_pool(&mut self, name: &str, total: Bundle, own: BTreeSet<Name>) {
        let before = self.pools.get(name).map(|pool| pool.total.clone()).unwrap_or_default();
        self.recount_total(&before, &total);
        self.pools.set(&self.names, name, total, own);
    }

    /// Removes a pool of which nothing is granted.
    pub(crate) fn remove_pool(&mut self, name: &str) {
        if let Some(pool) = self.pools.remove(&self.names, name) {
            self.uncount_total(&pool.total);
        }
    }

    /// Takes the next agents of the round in which what came back to pools is offered.
    pub(crate) fn next_of_round(&mut self, most: usize) -> Vec<AgentId> {
        let mut agents = Vec::new();
        let Some(mut round) = self.work.round.take() else { return agents };
        // What comes back later begins another round.
        if self.pools.free().is_empty() {
            return agents;
        }
        for _ in 0..most {
            match self.agents.next_from(round.slot) {
                Some((id, _)) => {
                    round.slot = id.index() + 1;
                    agents.push(id);
                }
                None => {
                    self.work.round = round.again.then(Round::default);
                    return agents;
                }
            }
        }
        self.work.round = Some(round);
        agents
    }

    /// What is free on an agent and, riding along, in all pools.
    pub(crate) fn free_with_pools(&self, agent: &super::Agent) -> Bundle {
        let mut free = agent.free();
        if !self.pools.is_empty() {
            free.add_assign(&self.pools.free());
        }
        free
    }

    /// What the tasks and executors of agents that cannot be reached will hold again if they come
    /// back.
    pub(crate) fn parked_holds(&self) -> impl Iterator<Item = (Holder, AgentId, &Bundle)> {
        let away = self.registry.away_by_age.iter().map(|(_, agent)| *agent);
        away.filter_map(|id| Some((id, self.agents.get(id)?))).flat_map(move |(id, agent)| {
            let tasks = agent.tasks.iter().filter_map(move |task| {
                let row: &Task = self.tasks.get(*task)?;
                Some((Holder::Task(*task), id, parked(&row.hold)?))
            });
            let executors = agent.executors.iter().filter_map(move |executor| {
                let row: &Executor = self.executors.get(*executor)?;
                Some((Holder::Executor(*executor), id, parked(&row.hold)?))
            });
            tasks.chain(executors)
        })
    }
}

fn parked(hold: &Hold) -> Option<&Bundle> {
    match hold {
        Hold::Parked(resources) => Some(resources),
        Hold::Granted(_) | Hold::Released => None,
    }
}
