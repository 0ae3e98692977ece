//! The ledger: everything a kernel knows, and nothing of the outside world.
//!
//! One file per noun. Objects live in [`Arena`]s under ids that are never reused; what can be
//! derived (sums, indexes by name) is kept beside them, rebuilt after a restore, and checked by
//! [`State::check_invariants`]. No clock, thread, lock, I/O, float or hash order is used here:
//! the same commands give the same bytes on every machine.
//!
//! Who changes it: [`machine`](crate::machine), one function per command. Who reads it to decide:
//! [`allocator`](crate::allocator).

pub mod agent;
mod constrained;
pub mod drain;
pub mod executor;
pub mod framework;
pub mod grant;
mod invariants;
pub mod maintenance;
mod noted;
pub mod operation;
pub mod order;
pub mod policy;
pub mod pool;
pub mod quota;
pub mod registry;
pub mod role;
pub(crate) mod rows;
pub mod session;
pub mod share;
mod snapshot;
mod spare;
pub mod task;
pub mod timer;
pub mod transition;
mod watch;
pub mod work;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::arena::Arena;
use crate::command::SetPolicy;
use crate::ids::{
    AgentId, ExecutorId, FrameworkId, GrantId, OperationId, RoleId, SessionId, TaskId,
};
use crate::intern::Names;
use crate::map::Map;
use crate::options::Options;
use crate::resources::{Bundle, CollectionKey as _, MetaId, Quantities};
use crate::time::Time;

pub use agent::{Agent, Liveness};
pub use constrained::Slots;
pub use drain::Drain;
pub use executor::{Executor, ExecutorState, TaskExecutor};
pub use framework::{Connection, Filter, Framework, Subscription};
pub use grant::{Grant, GrantKind};
pub use invariants::Violation;
pub use maintenance::Maintenance;
use noted::Noted;
pub use operation::Operation;
pub use order::{Order, Touched, Walk};
pub use pool::{Holder, Pool, Pools};
pub use quota::{Quota, Tally};
pub use registry::Registry;
pub use role::Role;
pub use session::{Session, Watching};
pub use share::Share;
pub use snapshot::{STATE_FORMAT, SnapshotError};
pub use task::{Hold, StoredUpdate, Task};
pub use timer::{Timer, TimerKey, Timers};
pub use work::{AgentsAwaited, Bulk, FreeGuarantees, Round, Work};

/// Everything a kernel knows. Cloning it is a branch: the copy can be commanded without effect
/// on the original, and shares its chunks until they are written.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) options: Options,
    pub(crate) started: Time,
    pub(crate) now: Time,
    pub(crate) seq: u64,
    pub(crate) sessions: Arena<SessionId, Session>,
    pub(crate) agents: Arena<AgentId, Agent>,
    pub(crate) roles: Arena<RoleId, Role>,
    pub(crate) frameworks: Arena<FrameworkId, Framework>,
    pub(crate) grants: Arena<GrantId, Grant>,
    pub(crate) tasks: Arena<TaskId, Task>,
    pub(crate) executors: Arena<ExecutorId, Executor>,
    pub(crate) operations: Arena<OperationId, Operation>,
    pub(crate) timers: Timers,
    pub(crate) work: Work,
    pub(crate) registry: Noted<Registry>,
    pub(crate) maintenance: Noted<Maintenance>,
    pub(crate) policy: Noted<SetPolicy>,
    pub(crate) pools: Noted<Pools>,
    // Derived from the above.
    pub(crate) names: Names,
    pub(crate) total: Bundle,
    pub(crate) role_ids: BTreeMap<Arc<str>, RoleId>,
    pub(crate) quotas: BTreeSet<RoleId>,
    /// How many frameworks' parts in roles have minima of their own.
    pub(crate) own_minima: usize,
    /// Frameworks' parts in roles that have offer constraints.
    pub(crate) constrained: BTreeSet<(FrameworkId, RoleId)>,
    pub(crate) agent_ids: Map<Arc<str>, AgentId>,
    pub(crate) framework_ids: Map<Arc<str>, FrameworkId>,
    // Caches: what they hold can be thrown away at any time.
    pub(crate) order: Order,
    pub(crate) touched: Touched,
    pub(crate) spare: spare::Spare,
    /// Whether a command changed what quota leaves to anybody. Cleared at its end.
    pub(crate) quota_moved: bool,
    /// What those who watch were told, if somebody does. Derived.
    watch: Option<Arc<watch::Watch>>,
}

impl State {
    /// A kernel that knows nothing yet, at that time.
    #[must_use]
    pub fn new(options: Options, now: Time) -> Self {
        Self {
            options,
            started: now,
            now,
            seq: 0,
            sessions: Arena::default(),
            agents: Arena::default(),
            roles: Arena::default(),
            frameworks: Arena::default(),
            grants: Arena::default(),
            tasks: Arena::default(),
            executors: Arena::default(),
            operations: Arena::default(),
            timers: Timers::default(),
            work: Work::default(),
            registry: Noted::default(),
            maintenance: Noted::default(),
            policy: Noted::default(),
            pools: Noted::default(),
            names: Names::default(),
            total: Bundle::new(),
            role_ids: BTreeMap::new(),
            quotas: BTreeSet::new(),
            own_minima: 0,
            constrained: BTreeSet::new(),
            agent_ids: Map::default(),
            framework_ids: Map::default(),
            order: Order::default(),
            touched: Touched::default(),
            spare: spare::Spare::default(),
            quota_moved: false,
            watch: None,
        }
    }

    /// The options it was opened with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// When the kernel was first opened: distinguishes it from others.
    pub fn started(&self) -> Time {
        self.started
    }

    /// The time of the last accepted command.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many commands were accepted.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// When a tick has something to do at the latest; `now` if there is work already.
    pub fn next_deadline(&self) -> Option<Time> {
        if self.work.is_pending() { Some(self.now) } else { self.timers.next_deadline() }
    }

    /// Whether the next step of allocation has agents to offer.
    pub fn has_candidates(&self) -> bool {
        self.work.bulk.is_empty() && self.work.is_pending()
    }

    /// A copy to try commands on: no events reach anybody, nothing is journaled.
    #[must_use]
    pub fn branch(&self) -> Self {
        self.clone()
    }

    /// The resource names seen so far, to read bundles with.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Sum of the scalars of all agents and pools: the whole of which shares are parts.
    pub fn total(&self) -> &Bundle {
        &self.total
    }

    /// All open sessions.
    pub fn sessions(&self) -> &Arena<SessionId, Session> {
        &self.sessions
    }

    /// All agents, also those that are being removed.
    pub fn agents(&self) -> &Arena<AgentId, Agent> {
        &self.agents
    }

    /// All roles that have a weight, quota, reservation or framework, or such a role below.
    pub fn roles(&self) -> &Arena<RoleId, Role> {
        &self.roles
    }

    /// All frameworks, also those that are being removed.
    pub fn frameworks(&self) -> &Arena<FrameworkId, Framework> {
        &self.frameworks
    }

    /// All offers and allocations.
    pub fn grants(&self) -> &Arena<GrantId, Grant> {
        &self.grants
    }

    /// All live and unreachable tasks.
    pub fn tasks(&self) -> &Arena<TaskId, Task> {
        &self.tasks
    }

    /// Agents that cannot be reached and agents that are gone.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The maintenance schedule and what is asked about it.
    pub fn maintenance(&self) -> &Maintenance {
        &self.maintenance
    }

    /// All timers.
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Who may do what for which roles.
    pub fn policy(&self) -> &SetPolicy {
        &self.policy
    }

    /// The role of that name, if it exists at the moment.
    pub fn role_id(&self, name: &str) -> Option<RoleId> {
        self.role_ids.get(name).copied()
    }

    /// The agent of that name.
    pub fn agent_id(&self, name: &str) -> Option<AgentId> {
        self.agent_ids.get(name).copied()
    }

    /// The framework of that name.
    pub fn framework_id(&self, name: &str) -> Option<FrameworkId> {
        self.framework_ids.get(name).copied()
    }

    /// A framework's part in a role.
    pub(crate) fn part_mut(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
    ) -> Option<&mut Subscription> {
        self.frameworks.get_mut(framework)?.roles.get_mut(&role)
    }

    /// Ends a framework's part in a role to which it is not subscribed any more and in which it
    /// holds nothing.
    pub(crate) fn leave_role_if_done(&mut self, framework: FrameworkId, role: RoleId) {
        let part = self.frameworks.get(framework).and_then(|f| f.roles.get(&role));
        if part.is_none_or(|p| p.subscribed || !p.grants.is_empty() || p.parked > 0) {
            return;
        }
        self.drop_filters(framework, role);
        self.set_constraints(framework, role, None);
        if let Some(framework) = self.frameworks.get_mut(framework) {
            let part = framework.roles.remove(&role);
            self.own_minima -= usize::from(part.is_some_and(|p| p.min_allocatable.is_some()));
        }
        self.leave_role(framework, role);
    }

    /// Drops all filters of a framework in a role.
    pub(crate) fn drop_filters(&mut self, framework: FrameworkId, role: RoleId) {
        let Some(part) = self.frameworks.get_mut(framework).and_then(|f| f.roles.get_mut(&role))
        else {
            return;
        };
        for filter in std::mem::take(&mut part.filters).into_values().flatten() {
            self.timers.cancel(Some(filter.timer));
        }
    }

    /// What of `free` the framework may be offered in the role: what is not reserved for others,
    /// and nothing that it cannot deal with.
    pub(crate) fn offerable<'b>(
        &self,
        framework: FrameworkId,
        role: RoleId,
        free: &'b Bundle,
    ) -> Cow<'b, Bundle> {
        let free = self.pools_shown_to(framework, free);
        if free.iter().all(|item| item.key.meta == MetaId::PLAIN) {
            return free;
        }
        let (Some(framework), Some(role)) = (self.frameworks.get(framework), self.roles.get(role))
        else {
            return Cow::Owned(Bundle::new());
        };
        let own = self.names.allocatable_to(&free, &role.name);
        Cow::Owned(own.without(framework.cannot_have()))
    }

    /// Whether it is worth offering to the framework in that role: one of the sets of
    /// `min_allocatable`, its own or else that of the options, is in `resources`, or none is asked
    /// for.
    pub(crate) fn is_allocatable(&self, part: &Subscription, resources: &Bundle) -> bool {
        let sets = part.min_allocatable.as_ref().unwrap_or(&self.options.min_allocatable);
        self.holds_one_of(resources, sets)
    }

    /// Whether only the units are in the way: there is enough in all, but in parts of units.
    pub(crate) fn lacks_whole_units(&self, part: &Subscription, resources: &Bundle) -> bool {
        resources.has_devices()
            && !self.is_allocatable(part, resources)
            && self.is_allocatable(part, &resources.units_as_amounts())
    }

    /// Whether it may be worth offering to anybody.
    pub(crate) fn may_be_allocatable(&self, resources: &Bundle) -> bool {
        // Frameworks with lists of their own may want less.
        let sets = if self.own_minima == 0 { &self.options.min_allocatable[..] } else { &[] };
        self.holds_one_of(resources, sets)
    }

    fn holds_one_of(&self, resources: &Bundle, sets: &[Quantities]) -> bool {
        // What is always free would be offered without an end, and what is in pools is nothing
        // without an agent.
        !resources.iter().all(|item| item.key.is_shared() || self.pools.owns(item.key.name))
            && (sets.is_empty() || sets.iter().any(|set| self.holds_quantities(resources, set)))
    }

    fn holds_quantities(&self, resources: &Bundle, quantities: &Quantities) -> bool {
        quantities.iter().all(|(name, amount)| {
            self.names
                .lookup(name)
                .is_some_and(|id| resources.quantity(&id) >= amount && resources.gives(&id, amount))
        })
    }
}
