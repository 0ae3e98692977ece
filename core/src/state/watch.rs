//! Watching: what changed of what is shown.
//!
//! Every object of the ledger is written through its arena or through a [`Noted`](super::Noted);
//! while somebody watches, these note what was. At the end of a command the rows of what was
//! noted, and of what shows parts of it, are compared with what watchers were told last. So no
//! command needs to know that it is watched; and while nobody watches, a write costs one question
//! and a command another.
//!
//! Of what was told only a print is kept, 16 bytes per object. The prints are derived: they are
//! always those of the rows as they are, which the check of the invariants sees to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::maintenance::Planned;
use super::session::Watching;
use super::{GrantKind, State};
use crate::change::{Became, Change, Entry, Key, Row, Snapshot};
use crate::ids::{AgentId, RoleId, SessionId};
use crate::map::Map;
use crate::resources::Bundle;
use crate::row::MachineStatus;

/// Rows in one part of a snapshot: at most a few hundred bytes each, so that a part takes about
/// 64 KiB, and a ring of 4,096 events holds the snapshot of 500,000 objects.
pub const ROWS_PER_PART: usize = 128;

type Print = [u8; 16];

/// What is kept while somebody watches.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Watch {
    /// Who watches what.
    pub(super) watchers: BTreeMap<SessionId, Watching>,
    told: Map<Key, Print>,
    /// Removed roles are noted by their ids, but known by their names.
    roles: Map<RoleId, Arc<str>>,
    machines: BTreeMap<Box<str>, Planned>,
    gone: BTreeSet<AgentId>,
    pools: BTreeSet<Box<str>>,
    /// Of which shares are parts.
    total: Bundle,
}

fn print(row: &Row) -> Print {
    // A row has no keys but texts, so it can be written.
    let text = serde_json::to_vec(row);
    debug_assert!(text.is_ok());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&text.unwrap_or_default());
    let mut print = Print::default();
    hasher.finalize_xof().fill(&mut print);
    print
}

type Machines = BTreeMap<Box<str>, MachineStatus>;

impl State {
    /// Whether somebody watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// Those who watch, and what.
    pub(crate) fn watchers(&self) -> Vec<(SessionId, Watching)> {
        let watchers = self.watch.iter().flat_map(|watch| &watch.watchers);
        watchers.map(|(session, watching)| (*session, watching.clone())).collect()
    }

    /// Has the session told what changes from now on.
    pub(crate) fn watch_for(&mut self, session: SessionId, watching: Watching) {
        let fresh = self.watch.is_none();
        let watch = Arc::make_mut(self.watch.get_or_insert_default());
        watch.watchers.insert(session, watching.clone());
        if let Some(session) = self.sessions.get_mut(session) {
            session.watch = Some(watching);
        }
        if fresh {
            self.note_writes(true);
            self.print_all();
        }
    }

    /// Tells the session nothing more.
    pub(crate) fn stop_watching(&mut self, session: SessionId) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.watch = None;
        }
        let Some(watch) = &mut self.watch else { return };
        let watch = Arc::make_mut(watch);
        watch.watchers.remove(&session);
        if watch.watchers.is_empty() {
            self.watch = None;
            self.note_writes(false);
        }
    }

    /// Restores what is kept while somebody watches.
    pub(super) fn derive_watch(&mut self) {
        let watching = self.sessions.iter();
        let watching = watching.filter_map(|(id, row)| Some((id, row.watch.clone()?)));
        let watching: Vec<_> = watching.collect();
        for (session, watching) in watching {
            self.watch_for(session, watching);
        }
    }

    /// All that is shown to one who watches so, in parts.
    pub(crate) fn snapshot_for(&self, watching: &Watching) -> Vec<Snapshot> {
        let machines = self.machines_for_rows();
        let keys = self.all_keys(&machines).filter(|key| watching.includes(key.noun()));
        let entry = |key| Some(Entry { row: self.row(&key, &machines)?, key });
        let mut rows: Vec<_> = keys.filter_map(entry).collect();
        let parts = rows.len().div_ceil(ROWS_PER_PART).max(1);
        let part = |part| {
            let rest = rows.split_off(rows.len().min(ROWS_PER_PART));
            let rows = std::mem::replace(&mut rows, rest);
            Snapshot { part, more: (part as usize) + 1 < parts, rows }
        };
        (0..).take(parts).map(part).collect()
    }

    /// What the command that ends changed of what is shown; removals first.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let keys = self.written_keys();
        let has_machines = keys.iter().any(|key| matches!(key, Key::Machine(_)));
        let machines = if has_machines { self.machines_for_rows() } else { Machines::new() };
        let Some(mut watch) = self.watch.take() else { return Vec::new() };
        let kept = Arc::make_mut(&mut watch);
        let mut changes = Vec::new();
        let mut later = Vec::new();
        for key in keys {
            let Some(row) = self.row(&key, &machines) else {
                if kept.told.remove(&key).is_some() {
                    changes.push(Change { change: Became::Removed, key, row: None });
                }
                continue;
            };
            let print = print(&row);
            let change = match kept.told.insert(key.clone(), print) {
                Some(before) if before == print => continue,
                Some(_) => Became::Updated,
                None => Became::Added,
            };
            later.push(Change { change, key, row: Some(Arc::new(row)) });
        }
        self.watch = Some(watch);
        changes.extend(later);
        changes
    }

    /// Forgets what a rejected command may have touched: nothing of it has changed.
    pub(crate) fn forget_written(&mut self) {
        self.note_writes(true);
    }

    fn note_writes(&mut self, on: bool) {
        self.agents.note_writes(on);
        self.roles.note_writes(on);
        self.frameworks.note_writes(on);
        self.grants.note_writes(on);
        self.tasks.note_writes(on);
        self.executors.note_writes(on);
        self.operations.note_writes(on);
        self.registry.take_written();
        self.maintenance.take_written();
        self.policy.take_written();
        self.pools.take_written();
    }

    /// The objects that were written, and those that show a part of them.
    fn written_keys(&mut self) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        self.add_written_roles(&mut keys);
        for grant in self.grants.take_noted() {
            keys.insert(Key::Offer(grant));
            let Some(row) = self.grants.get(grant) else { continue };
            keys.extend([Key::Agent(row.agent), Key::Framework(row.framework)]);
            match row.kind {
                GrantKind::Offered(_) => {}
                GrantKind::Allocated(task) => drop(keys.insert(Key::Task(task))),
                GrantKind::Executor(executor) => drop(keys.insert(Key::Executor(executor))),
                GrantKind::Operation(operation) => drop(keys.insert(Key::Operation(operation))),
            }
        }
        for agent in self.agents.take_noted() {
            keys.insert(Key::Agent(agent));
            // An offer shows attributes of its agent, and the framework's executors there.
            let grants = self.agents.get(agent).into_iter().flat_map(|agent| &agent.grants);
            let offer = |grant: &&_| self.grants.get(**grant).is_some_and(|g| g.is_offer());
            keys.extend(grants.filter(offer).map(|offer| Key::Offer(*offer)));
        }
        keys.extend(self.frameworks.take_noted().into_iter().map(Key::Framework));
        keys.extend(self.tasks.take_noted().into_iter().map(Key::Task));
        keys.extend(self.executors.take_noted().into_iter().map(Key::Executor));
        keys.extend(self.operations.take_noted().into_iter().map(Key::Operation));
        self.add_written_machines(&mut keys);
        if self.registry.take_written() {
            if let Some(watch) = self.watch.as_mut().map(Arc::make_mut) {
                let now = self.registry.gone.keys().copied().collect();
                let others = watch.gone.symmetric_difference(&now);
                keys.extend(others.copied().map(Key::GoneAgent));
                watch.gone = now;
            }
        }
        if self.policy.take_written() {
            keys.insert(Key::Policy);
        }
        if self.pools.take_written() {
            if let Some(watch) = self.watch.as_mut().map(Arc::make_mut) {
                let now: BTreeSet<_> = self.pools.iter().map(|(name, _)| name.into()).collect();
                keys.extend(watch.pools.union(&now).cloned().map(Key::Pool));
                watch.pools = now;
            }
        }
        keys
    }

    fn add_written_roles(&mut self, keys: &mut BTreeSet<Key>) {
        let noted = self.roles.take_noted();
        let Some(watch) = self.watch.as_mut().map(Arc::make_mut) else { return };
        let mut removed = BTreeSet::new();
        for id in noted {
            if let Some(role) = self.roles.get(id) {
                watch.roles.insert(id, role.name.clone());
                keys.insert(Key::Role(role.name.clone()));
            } else if let Some(name) = watch.roles.remove(&id) {
                keys.insert(Key::Role(name));
                removed.insert(id);
            }
        }
        if watch.total != self.total {
            watch.total.clone_from(&self.total);
            keys.extend(self.role_ids.keys().cloned().map(Key::Role));
        }
        if !removed.is_empty() {
            // What holds nothing any more can outlive its role.
            let tasks = self.tasks.iter().filter(|(_, task)| removed.contains(&task.role));
            keys.extend(tasks.map(|(id, _)| Key::Task(id)));
            let executors = self.executors.iter();
            let executors = executors.filter(|(_, executor)| removed.contains(&executor.role));
            keys.extend(executors.map(|(id, _)| Key::Executor(id)));
            let operations = self.operations.iter();
            let operations = operations.filter(|(_, row)| removed.contains(&row.role));
            keys.extend(operations.map(|(id, _)| Key::Operation(id)));
        }
    }

    fn add_written_machines(&mut self, keys: &mut BTreeSet<Key>) {
        if !self.maintenance.take_written() {
            return;
        }
        let Some(watch) = self.watch.as_mut().map(Arc::make_mut) else { return };
        let now = &self.maintenance.machines;
        let names: BTreeSet<_> = watch.machines.keys().chain(now.keys()).cloned().collect();
        let is_other = |name: &str| watch.machines.get(name) != now.get(name);
        // An offer shows when its agent's machine is not to be relied on.
        let other: BTreeSet<_> = names.iter().filter(|name| is_other(name)).cloned().collect();
        if !other.is_empty() {
            let machine = |id| self.agents.get(id).and_then(|agent| agent.machine());
            let offers = self.grants.iter().filter(|(_, grant)| grant.is_offer());
            let offers = offers
                .filter(|(_, offer)| machine(offer.agent).is_some_and(|name| other.contains(name)));
            keys.extend(offers.map(|(id, _)| Key::Offer(id)));
            watch.machines.clone_from(now);
        }
        // Answers to inverse offers are shown as well.
        keys.extend(names.into_iter().map(Key::Machine));
    }

    fn print_all(&mut self) {
        let fresh = self.printed();
        if let Some(watch) = self.watch.as_mut().map(Arc::make_mut) {
            *watch = Watch { watchers: std::mem::take(&mut watch.watchers), ..fresh };
        }
    }

    /// What is kept of what is so; nobody watches it.
    fn printed(&self) -> Watch {
        let machines = self.machines_for_rows();
        let told = self.all_keys(&machines).filter_map(|key| {
            let print = print(&self.row(&key, &machines)?);
            Some((key, print))
        });
        Watch {
            watchers: BTreeMap::new(),
            told: told.collect(),
            roles: self.roles.iter().map(|(id, role)| (id, role.name.clone())).collect(),
            machines: self.maintenance.machines.clone(),
            gone: self.registry.gone.keys().copied().collect(),
            pools: self.pools.iter().map(|(name, _)| name.into()).collect(),
            total: self.total.clone(),
        }
    }

    /// What is kept must be what would be kept if watching began now.
    pub(super) fn is_told_right(&self) -> bool {
        let watching = self.sessions.iter();
        let watching = watching.filter_map(|(id, row)| Some((id, row.watch.clone()?)));
        let watchers: BTreeMap<_, _> = watching.collect();
        match &self.watch {
            Some(watch) => !watchers.is_empty() && **watch == Watch { watchers, ..self.printed() },
            None => watchers.is_empty(),
        }
    }

    fn machines_for_rows(&self) -> Machines {
        let status = self.maintenance_status().into_iter();
        status.map(|status| (status.machine.clone(), status)).collect()
    }

    fn all_keys<'a>(&'a self, machines: &'a Machines) -> impl Iterator<Item = Key> + 'a {
        let offers = self.grants.iter().filter(|(_, grant)| grant.is_offer());
        let keys = self.role_ids.keys().cloned().map(Key::Role);
        keys.chain(self.agents.ids().map(Key::Agent))
            .chain(self.frameworks.ids().map(Key::Framework))
            .chain(offers.map(|(id, _)| Key::Offer(id)))
            .chain(self.tasks.ids().map(Key::Task))
            .chain(self.executors.ids().map(Key::Executor))
            .chain(machines.keys().cloned().map(Key::Machine))
            .chain(self.registry.gone.keys().copied().map(Key::GoneAgent))
            .chain([Key::Policy])
            .chain(self.pools.iter().map(|(name, _)| Key::Pool(name.into())))
            .chain(self.operations.ids().map(Key::Operation))
    }

    fn row(&self, key: &Key, machines: &Machines) -> Option<Row> {
        match key {
            Key::Role(name) => self.role_row(self.role_id(name)?).map(Row::Role),
            Key::Agent(id) => self.agent_row(*id).map(|row| Row::Agent(Box::new(row))),
            Key::Framework(id) => self.framework_row(*id).map(Row::Framework),
            Key::Offer(id) => self.offer_row(*id).map(Row::Offer),
            Key::Task(id) => self.task_row(*id).map(Row::Task),
            Key::Executor(id) => self.executor_row(*id).map(Row::Executor),
            Key::Machine(name) => machines.get(name).cloned().map(Row::Machine),
            Key::GoneAgent(id) => self.gone_row(*id).map(Row::GoneAgent),
            Key::Pool(name) => self.pool_row(name).map(Row::Pool),
            Key::Operation(id) => self.operation_row(*id).map(Row::Operation),
            Key::Policy => Some(Row::Policy((*self.policy).clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Noun;
    use crate::command::SessionKind;
    use crate::options::Options;
    use crate::resources::Amount;
    use crate::state::Session;
    use crate::time::Time;

    fn watched() -> (State, SessionId) {
        let mut state = State::new(Options::default(), Time(0));
        let session = state.sessions.insert(Session::new(SessionKind::Operator, None));
        let role = state.role_or_new("a/b");
        state.roles.get_mut(role).unwrap().weight = Amount::from_units(2);
        state.watch_for(session, Watching::default());
        state.check_invariants().unwrap();
        (state, session)
    }

    fn broken(harm: impl FnOnce(&mut State, SessionId)) -> String {
        let (mut state, session) = watched();
        harm(&mut state, session);
        let violation = state.check_invariants().unwrap_err();
        assert_eq!(violation.invariant, "watch");
        violation.text
    }

    #[test]
    fn what_was_told_wrong_is_found() {
        let text = broken(|state, _| {
            let watch = Arc::make_mut(state.watch.as_mut().unwrap());
            watch.told.remove(&Key::Policy);
        });
        assert_eq!(text, "those who watch were told otherwise");
        broken(|state, _| state.watch = None);
        broken(|state, session| state.sessions.get_mut(session).unwrap().watch = None);
        broken(|state, session| {
            let nouns = Some(vec![Noun::Task]);
            state.sessions.get_mut(session).unwrap().watch = Some(Watching { nouns });
        });
        let text = broken(|state, session| {
            state.sessions.get_mut(session).unwrap().kind = SessionKind::Agent;
        });
        assert!(text.ends_with("watches, but is no operator's"), "{text}");
    }

    #[test]
    fn what_is_written_twice_is_told_once() {
        let (mut state, session) = watched();
        let id = state.role_or_new("c");
        for weight in [2, 3] {
            let role = state.roles.get_mut(id).unwrap();
            role.weight = Amount::from_units(weight);
        }
        let told = state.take_changes();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].change, Became::Added);
        assert!(matches!(told[0].row.as_deref(), Some(Row::Role(r)) if r.weight.milli() == 3000));
        assert!(state.take_changes().is_empty());
        state.roles.get_mut(id).unwrap();
        assert!(state.take_changes().is_empty(), "nothing is different");
        state.stop_watching(session);
        state.roles.get_mut(id).unwrap();
        assert!(state.roles.take_noted().is_empty(), "nobody wants to know");
    }
}
