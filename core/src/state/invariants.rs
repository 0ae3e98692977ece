//! Everything that must be true of a state after every command.
//!
//! The numbers are those of the design's list of invariants; the checks recompute from the
//! primary facts what is kept as sums and indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::grant::scalars;
use super::{Bulk, Connection, ExecutorState, GrantKind, Hold, Liveness, State, Timer};
use crate::command::SessionKind;
use crate::ids::{AgentId, FrameworkId, RoleId};
use crate::resources::{Bundle, Conflict, Key};
use crate::status::TaskState;

/// An invariant that does not hold: a defect of the kernel, or a damaged snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The number in the design's list, such as `I13`; or a word for what is not listed there.
    pub invariant: &'static str,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.text)
    }
}

impl std::error::Error for Violation {}

mod constrained;
mod departures;
mod devices;
mod executors;
mod operations;
mod roles;
#[cfg(test)]
mod tests;

mod metadata;
mod pools;

type Check = Result<(), Violation>;

/// Scalars, what of them is exempt from quota, number of grants, number of parked tasks and
/// executors.
type Held = (Bundle, Bundle, usize, u32);

/// Adds amounts that were within limits when they were granted.
fn add(sum: &mut Bundle, part: &Bundle) -> Check {
    let text = |conflict: Conflict<_>| conflict.to_string();
    sum.add(part).map_err(|conflict| Violation { invariant: "totals", text: text(conflict) })
}

fn ensure(invariant: &'static str, holds: bool, text: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Violation { invariant, text: text() }) }
}

impl State {
    /// Checks every invariant that applies. Linear in the size of the state; meant for tests, for
    /// restored snapshots and for bug reports.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        self.check_ids()?;
        self.check_agents()?;
        self.check_constraints()?;
        self.check_pools()?;
        self.check_grants()?;
        self.check_roles_and_frameworks()?;
        self.check_tasks()?;
        self.check_executors()?;
        self.check_operations()?;
        self.check_sessions()?;
        self.check_watch()?;
        self.check_departures()?;
        self.check_timers()?;
        self.check_work()
    }

    /// I38: ids are never reused, whatever is freed and filled again.
    fn check_ids(&self) -> Check {
        let sound = [
            ("sessions", self.sessions.is_sound()),
            ("agents", self.agents.is_sound()),
            ("roles", self.roles.is_sound()),
            ("frameworks", self.frameworks.is_sound()),
            ("grants", self.grants.is_sound()),
            ("tasks", self.tasks.is_sound()),
            ("inverse offers", self.maintenance.offers.is_sound()),
            ("executors", self.executors.is_sound()),
            ("operations", self.operations.is_sound()),
        ];
        sound.into_iter().try_for_each(|(what, sound)| {
            ensure("I38", sound, || format!("the free list of {what} is off"))
        })
    }

    fn check_agents(&self) -> Check {
        let mut granted: BTreeMap<AgentId, (Bundle, Bundle, usize)> = BTreeMap::new();
        for (id, grant) in self.grants.iter() {
            let agent = self.agents.get(grant.agent);
            ensure("I13", agent.is_some_and(|agent| agent.grants.contains(&id)), || {
                format!("agent {} does not list its grant {id}", grant.agent)
            })?;
            let (offered, allocated, count) = granted.entry(grant.agent).or_default();
            *count += 1;
            // I14: what cannot be counted twice is granted once.
            let sum = if grant.is_offer() { offered } else { allocated };
            sum.add_disjoint(&self.pools.without(&grant.resources)).map_err(|conflict| {
                Violation { invariant: "I14", text: format!("agent {}: {conflict}", grant.agent) }
            })?;
        }
        let mut total = Bundle::new();
        for (id, agent) in self.agents.iter() {
            let (offered, allocated, count) = granted.remove(&id).unwrap_or_default();
            ensure("I14", !offered.overlaps(&allocated), || {
                format!("agent {id} offers what is allocated")
            })?;
            ensure("I13", (&agent.offered, &agent.allocated) == (&offered, &allocated), || {
                format!("agent {id}: sums of grants are off")
            })?;
            ensure("I13", agent.grants.len() == count, || {
                format!("agent {id} lists a grant that is gone")
            })?;
            // I19: only an active agent has offers.
            ensure("I19", agent.is_active() || offered.is_empty(), || {
                format!("agent {id} is not active and has offers")
            })?;
            ensure("I32", !agent.is_removing() || agent.total.is_empty(), || {
                format!("removed agent {id} has a total")
            })?;
            self.check_metadata_of_agent(id, agent)?;
            self.check_units_of_agent(id, agent)?;
            if agent.counts() {
                add(&mut total, &scalars(&agent.total))?;
            }
            if let Some(name) = &agent.name {
                ensure("names", self.agent_ids.get(name) == Some(&id), || {
                    format!("agent {id} is not found by its name {name:?}")
                })?;
            }
        }
        for (_, pool) in self.pools.iter() {
            add(&mut total, &scalars(&pool.total))?;
        }
        let named = self.agents.iter().filter(|(_, agent)| agent.name.is_some()).count();
        ensure("names", self.agent_ids.len() == named, || "an agent's name is left over".into())?;
        ensure("totals", self.total == total, || "the cluster's total is off".into())
    }

    fn check_grants(&self) -> Check {
        for (id, grant) in self.grants.iter() {
            ensure("I17", !grant.resources.is_empty(), || format!("grant {id} is empty"))?;
            self.check_metadata_of_grant(id, grant)?;
            self.check_agents_part(id, grant)?;
            let framework = self.frameworks.get(grant.framework);
            let part = framework.and_then(|framework| framework.roles.get(&grant.role));
            ensure("I15", part.is_some(), || {
                format!("grant {id} has no framework that takes part in its role")
            })?;
            match grant.kind {
                GrantKind::Offered(timer) => {
                    ensure("I20", framework.is_some_and(|f| f.session().is_some()), || {
                        format!("offer {id} is to a framework that is not connected")
                    })?;
                    ensure("I15", part.is_some_and(|part| part.subscribed), || {
                        format!("offer {id} is in a role that was unsubscribed")
                    })?;
                    let expected = timer.and_then(|timer| self.timers.get(timer));
                    ensure(
                        "timers",
                        timer.is_none() || expected == Some(Timer::OfferExpires(id)),
                        || format!("offer {id} has a timer that is not set"),
                    )?;
                }
                GrantKind::Allocated(task) => {
                    let held = self.tasks.get(task).map(|task| &task.hold);
                    ensure("I41", matches!(held, Some(Hold::Granted(g)) if *g == id), || {
                        format!("allocation {id} is not held by its task {task}")
                    })?;
                }
                GrantKind::Executor(executor) => {
                    let held = self.executors.get(executor).map(|row| &row.hold);
                    ensure("I41", matches!(held, Some(Hold::Granted(g)) if *g == id), || {
                        format!("allocation {id} is not held by its executor {executor}")
                    })?;
                }
                GrantKind::Operation(operation) => {
                    let held = self.operations.get(operation).map(|row| &row.hold);
                    ensure("I41", matches!(held, Some(Hold::Granted(g)) if *g == id), || {
                        format!("allocation {id} is not held by its operation {operation}")
                    })?;
                }
            }
        }
        Ok(())
    }

    fn check_roles_and_frameworks(&self) -> Check {
        let mut held = self.held_by_part()?;
        let mut of_role: BTreeMap<RoleId, (Bundle, Bundle)> = BTreeMap::new();
        let mut members: BTreeMap<RoleId, BTreeSet<FrameworkId>> = BTreeMap::new();
        for (id, framework) in self.frameworks.iter() {
            ensure("I32", !framework.is_removing() || !framework.runs_nothing(), || {
                format!("framework {id} was removed, runs nothing, and is still there")
            })?;
            if let Some(name) = &framework.name {
                ensure("names", self.framework_ids.get(name) == Some(&id), || {
                    format!("framework {id} is not found by its name {name:?}")
                })?;
            }
            for (role, part) in &framework.roles {
                members.entry(*role).or_default().insert(id);
                let (sum, exempt, grants, parked) = held.remove(&(id, *role)).unwrap_or_default();
                let kept = (&part.held, part.grants.len(), part.parked);
                ensure("I28", kept == (&sum, grants, parked), || {
                    format!("framework {id}: what it holds in {role} is off")
                })?;
                let of_role = of_role.entry(*role).or_default();
                add(&mut of_role.0, &sum)?;
                add(&mut of_role.1, &exempt)?;
                let holds = !part.grants.is_empty() || part.parked > 0;
                ensure("I33", part.subscribed || holds, || {
                    format!("framework {id} takes part in {role} without subscription or holding")
                })?;
                let connected = matches!(framework.connection, Connection::Connected(_));
                ensure("filters", connected || part.filters.is_empty(), || {
                    format!("framework {id} is not connected and has filters")
                })?;
                self.check_filters(id, *role)?;
            }
        }
        ensure("I32", held.is_empty(), || "a grant or parked task is held by nobody".into())?;
        let named = self.frameworks.iter().filter(|(_, f)| f.name.is_some()).count();
        ensure("names", self.framework_ids.len() == named, || {
            "a framework's name is left over".into()
        })?;
        self.check_roles(&of_role, members)
    }

    /// What each framework holds in each role.
    fn held_by_part(&self) -> Result<BTreeMap<(FrameworkId, RoleId), Held>, Violation> {
        let mut held: BTreeMap<(FrameworkId, RoleId), Held> = BTreeMap::new();
        let mut shared = BTreeSet::new();
        for (id, grant) in self.grants.iter() {
            let part = self.frameworks.get(grant.framework).and_then(|f| f.roles.get(&grant.role));
            ensure("I28", part.is_some_and(|part| part.grants.contains(&id)), || {
                format!("framework {} does not list its grant {id}", grant.framework)
            })?;
            let (sum, exempt, grants, _) = held.entry((grant.framework, grant.role)).or_default();
            let counted = grant.resources.filter(|key| {
                // Once, however many copies the framework has.
                !key.meta.is_shared()
                    || shared.insert((grant.framework, grant.role, grant.agent, *key))
            });
            add(sum, &scalars(&counted))?;
            let bounded = |key: &Key| key.meta.is_reserved() || key.meta.is_revocable();
            add(exempt, &scalars(&counted.filter(bounded)))?;
            *grants += 1;
        }
        for (_, task) in self.tasks.iter() {
            if matches!(task.hold, Hold::Parked(_)) {
                held.entry((task.framework, task.role)).or_default().3 += 1;
            }
        }
        for (_, row) in self.executors.iter() {
            if matches!(row.hold, Hold::Parked(_)) {
                held.entry((row.framework, row.role)).or_default().3 += 1;
            }
        }
        for (_, row) in self.operations.iter() {
            if matches!(row.hold, Hold::Parked(_)) {
                held.entry((row.framework, row.role)).or_default().3 += 1;
            }
        }
        Ok(held)
    }

    fn check_filters(&self, framework: FrameworkId, role: RoleId) -> Check {
        let Some(part) = self.frameworks.get(framework).and_then(|f| f.roles.get(&role)) else {
            return Ok(());
        };
        for (agent, filters) in &part.filters {
            ensure("I32", self.agents.contains(*agent) && !filters.is_empty(), || {
                format!("framework {framework} has filters for {agent}, which is gone")
            })?;
            for filter in filters {
                // I22: every filter has a timer that ends it.
                let due = Timer::FiltersExpire(framework, role, *agent);
                ensure("I22", self.timers.get(filter.timer) == Some(due), || {
                    format!("a filter of framework {framework} on {agent} never ends")
                })?;
                ensure("I22", filter.timer.deadline == filter.expires, || {
                    format!("a filter of framework {framework} on {agent} ends at another time")
                })?;
            }
        }
        Ok(())
    }

    fn check_tasks(&self) -> Check {
        for (id, task) in self.tasks.iter() {
            // I41, I42: a task holds resources in the states that do, and only then.
            let fits = match &task.hold {
                Hold::Granted(grant) => {
                    task.state.holds_resources()
                        && self.grants.get(*grant).is_some_and(|g| {
                            g.kind == GrantKind::Allocated(id)
                                && (g.agent, g.framework, g.role)
                                    == (task.agent, task.framework, task.role)
                        })
                }
                Hold::Parked(_) => task.state == TaskState::Unreachable,
                Hold::Released => task.state.is_terminal(),
            };
            ensure("I41", fits, || format!("task {id} in {} holds {:?}", task.state, task.hold))?;
            // I43: a name means one task.
            let named = self.frameworks.get(task.framework).and_then(|f| f.tasks.get(&task.name));
            ensure("I43", named == Some(&id), || format!("task {id} is not found by its name"))?;
            self.check_agent_of_task(task.agent, id)?;
            // I47: a task that ended waits for an acknowledgement, or it would be gone.
            ensure("I47", !task.state.is_terminal() || !task.pending.is_empty(), || {
                format!("task {id} has ended and nothing of it is to be acknowledged")
            })?;
            ensure("I45", task.retry.is_none() || !task.pending.is_empty(), || {
                format!("task {id} repeats an update that it does not have")
            })?;
            let waits = task.kill.is_some() || task.overdue_timer.is_some();
            ensure("I42", !task.state.is_terminal() || !waits, || {
                format!("task {id} has ended and is still to be killed")
            })?;
        }
        let listed: usize = self.frameworks.iter().map(|(_, f)| f.tasks.len()).sum();
        ensure("I43", listed == self.tasks.len(), || {
            "a framework lists a task that is gone".into()
        })?;
        let listed: usize = self.agents.iter().map(|(_, agent)| agent.tasks.len()).sum();
        let on_agents = self.tasks.iter().filter(|(_, task)| self.agents.contains(task.agent));
        ensure("I44", listed == on_agents.count(), || "an agent lists a task that is gone".into())
    }

    fn check_agent_of_task(&self, agent: AgentId, id: crate::ids::TaskId) -> Check {
        let Some(task) = self.tasks.get(id) else { return Ok(()) };
        let Some(row) = self.agents.get(agent) else {
            // I44: only what has ended may outlive its agent, until it is acknowledged.
            return ensure("I44", task.state.is_terminal(), || format!("task {id} has no agent"));
        };
        ensure("I44", row.tasks.contains(&id), || {
            format!("agent {agent} does not list its task {id}")
        })?;
        let away = task.state == TaskState::Unreachable;
        let allowed = match row.liveness {
            Liveness::Connected(_) | Liveness::Disconnected(_) | Liveness::Overdue(_) => !away,
            Liveness::Unreachable(since) => {
                // Told of in counted steps: until then the task keeps its state.
                let told_of = self.work.bulk.contains(&Bulk::UnreachableTasks(agent, since));
                away || task.state.is_terminal() || told_of
            }
            Liveness::Removing => true,
        };
        ensure("I44", allowed, || {
            format!("task {id} is {} on agent {agent}, {:?}", task.state, row.liveness)
        })
    }

    fn check_sessions(&self) -> Check {
        for (id, session) in self.sessions.iter() {
            if let Some(framework) = session.framework {
                let row = self.frameworks.get(framework);
                ensure("sessions", row.is_some_and(|f| f.session() == Some(id)), || {
                    format!("session {id} has a framework that is not its own")
                })?;
            }
            for agent in &session.agents {
                let row = self.agents.get(*agent);
                ensure("sessions", row.is_some_and(|a| a.session() == Some(id)), || {
                    format!("session {id} has an agent that is not its own")
                })?;
            }
        }
        let framework_of = |id| self.sessions.get(id).and_then(|session| session.framework);
        for (id, framework) in self.frameworks.iter() {
            ensure(
                "sessions",
                framework.session().is_none_or(|s| framework_of(s) == Some(id)),
                || format!("framework {id} is connected through a session that is not its own"),
            )?;
        }
        for (id, agent) in self.agents.iter() {
            let knows =
                |s| self.sessions.get(s).is_some_and(|session| session.agents.contains(&id));
            ensure("sessions", agent.session().is_none_or(knows), || {
                format!("agent {id} is connected through a session that is not its own")
            })?;
        }
        Ok(())
    }

    fn check_watch(&self) -> Check {
        let operators = self.sessions.iter().filter(|(_, row)| row.watch.is_some());
        for (id, session) in operators {
            ensure("watch", session.kind == SessionKind::Operator, || {
                format!("session {id} watches, but is no operator's")
            })?;
        }
        ensure("watch", self.is_told_right(), || "those who watch were told otherwise".to_owned())
    }

    fn check_timers(&self) -> Check {
        let mut expected = 0;
        let mut wants = |key: Option<super::TimerKey>, timer: Timer| {
            expected += usize::from(key.is_some());
            ensure("timers", key.is_none_or(|key| self.timers.get(key) == Some(timer)), || {
                format!("{timer:?} is not set")
            })
        };
        wants(self.work.interval, Timer::Allocation)?;
        wants(self.work.permit, Timer::RemovalPermit)?;
        wants(self.work.hold.map(|hold| hold.timer), Timer::HoldEnds)?;
        ensure("timers", self.work.hold.is_none_or(|hold| hold.agents > 0), || {
            "allocation waits for no agents".into()
        })?;
        let limits = self.options.framework_rate_limits.len();
        let known = |bucket: &u32| (*bucket as usize) < limits;
        ensure("rates", self.work.rates.keys().all(known), || {
            "tokens of a limit that there is not".into()
        })?;
        wants(self.registry.collection, Timer::Collection)?;
        for (id, offer) in self.maintenance.offers.iter() {
            wants(offer.timer, Timer::InverseOfferExpires(id))?;
        }
        for ((agent, framework), inquiry) in &self.maintenance.inquiries {
            wants(inquiry.again, Timer::AskAgain(*agent, *framework))?;
        }
        for (id, agent) in self.agents.iter() {
            if let Liveness::Disconnected(timer) = agent.liveness {
                wants(Some(timer), Timer::ReregistrationEnds(id))?;
            }
        }
        for (id, framework) in self.frameworks.iter() {
            if let Connection::Disconnected(timer) = framework.connection {
                wants(Some(timer), Timer::FailoverEnds(id))?;
            }
            for (role, part) in &framework.roles {
                for (agent, filters) in &part.filters {
                    for filter in filters {
                        wants(Some(filter.timer), Timer::FiltersExpire(id, *role, *agent))?;
                    }
                }
            }
        }
        for (id, grant) in self.grants.iter() {
            if let GrantKind::Offered(timer) = grant.kind {
                wants(timer, Timer::OfferExpires(id))?;
            }
        }
        for (id, executor) in self.executors.iter() {
            wants(executor.registration, Timer::ExecutorUnheard(id))?;
            let awaited = executor.state == ExecutorState::Registering;
            ensure("timers", awaited || executor.registration.is_none(), || {
                format!("executor {id} has a time to register and is not awaited")
            })?;
        }
        for (id, task) in self.tasks.iter() {
            wants(task.overdue_timer, Timer::TaskOverdue(id))?;
            wants(task.retry.map(|retry| retry.timer), Timer::UpdateRetry(id))?;
        }
        for (id, row) in self.operations.iter() {
            wants(row.retry.map(|retry| retry.timer), Timer::OperationRetry(id))?;
        }
        let set = self.timers.len();
        ensure("timers", set == expected, || format!("{set} timers are set, {expected} are wanted"))
    }

    fn check_work(&self) -> Check {
        ensure("work", self.work.waits() == self.work.interval.is_some(), || {
            "agents wait without an interval, or an interval without agents".into()
        })?;
        for (id, agent) in self.agents.iter() {
            let ending = self.work.bulk.contains(&Bulk::RemoveAgent(id));
            ensure("work", agent.is_removing() == ending, || {
                format!("agent {id} is being removed without work, or worked on without removal")
            })?;
        }
        let queued = self.work.candidates.iter().chain(&self.work.waiting);
        let queued = queued.chain(&self.work.withheld);
        let mut queued = queued.chain(self.work.runs.iter().flatten());
        ensure(
            "work",
            queued.all(|id| self.agents.get(*id).is_some_and(|a| !a.is_removing())),
            || "an agent that is gone is to be offered".into(),
        )?;
        ensure("work", self.work.runs.iter().all(|run| !run.is_empty()), || {
            "a run of allocation has no agents".into()
        })?;
        ensure("work", !self.quota_moved, || {
            "what a command changed of quota is still to be looked at after its end".into()
        })?;
        let none = self.work.candidates.is_empty() && self.work.round.is_none();
        let idle = none && !self.work.waits();
        ensure("work", idle || !self.options.allocate_only_on_command, || {
            "agents are to be offered without a command".into()
        })
    }
}
