//! Registration, return and change of agents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Machine, over_limit};
use crate::attributes::Attributes;
use crate::command::{RegisterAgent, ReregisterAgent, SessionKind, UpdateAgent};
use crate::error::{Code, Rejection, shorten};
use crate::event::{Event, RescindReason};
use crate::ids::{AgentId, ExecutorId, GrantId, SessionId, TaskId};
use crate::limits::{EXT_BYTES_MAX, OBJECTS_MAX, TASKS_PER_COMMAND_MAX};
use crate::names::check_name;
use crate::reply::Reply;
use crate::resources::{Bundle, CollectionKey as _, Key, MetaId, Resources};
use crate::state::{Agent, Liveness};
use crate::status::TaskState;
use crate::value::{AgentCapabilities, AgentCapability, Domain, Ext};

impl Machine<'_> {
    pub(super) fn register_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &RegisterAgent,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Agent)?;
        check_ext(command.ext.as_ref())?;
        if let Some(name) = &command.name {
            check_name("agent", name).map_err(|r| r.at("name"))?;
            if let Some(taken) = self.state.agent_id(name) {
                let text = format!(
                    "the name {:?} is that of agent {taken}: bring it back with reregister_agent, \
                     or use another name",
                    shorten(name)
                );
                return Err(Rejection::new(Code::NameTaken, text).at("name").id(taken.to_u64()));
            }
        }
        if let Some(hostname) = &command.hostname {
            check_name("machine", hostname).map_err(|r| r.at("hostname"))?;
        }
        let name = command.name.as_deref();
        self.check_is_up(command.hostname.as_deref().or(name))?;
        self.check_domain(command.domain.as_ref())?;
        if self.state.options.require_agent_domain && command.domain.is_none() {
            let text = "agents of this kernel must be in a domain: give region and zone";
            return Err(Rejection::new(Code::FailedPrecondition, text).at("domain"));
        }
        let (given, kept) = (Some(&command.resources), command.checkpointed.as_deref());
        let resources = self.new_total(None, given, kept)?.unwrap_or_default();
        self.check_total(None, Some(&resources))?;
        if !self.state.agents.has_room_for(1) {
            return Err(over_limit("agents", OBJECTS_MAX + 1, OBJECTS_MAX));
        }

        let total = self.state.names.intern(&resources);
        self.state.count_total(&total);
        let name: Option<Arc<str>> = command.name.as_deref().map(Into::into);
        let id = self.state.agents.insert(Agent {
            name: name.clone(),
            total,
            attributes: Arc::new(command.attributes.clone()),
            ext: command.ext.clone(),
            liveness: Liveness::Connected(session),
            deactivated: false,
            domain: command.domain.clone().map(Arc::new),
            capabilities: capabilities(command.capabilities.as_deref()),
            hostname: command.hostname.as_deref().map(Into::into),
            drain: None,
            converted: false,
            offered: Bundle::new(),
            allocated: Bundle::new(),
            grants: Default::default(),
            tasks: Default::default(),
            executors: Default::default(),
            operations: Default::default(),
        });
        if let Some(name) = name {
            self.state.agent_ids.insert(name, id);
        }
        self.attach_agent(session, id);
        self.agent_came();
        self.state.look_at_agent(id);
        self.offer_now(id);
        Ok(Reply::Registered { agent: id })
    }

    pub(super) fn reregister_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &ReregisterAgent,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Agent)?;
        let id = self.returning_agent(session, command)?;
        let row = self.known_agent(id)?;
        self.check_is_up(row.machine())?;
        let kept = command.checkpointed.as_deref();
        let resources = self.new_total(Some(row), command.resources.as_ref(), kept)?;
        self.check_total(Some(row), resources.as_ref())?;
        self.check_domain(command.domain.as_ref())?;
        let reported = self.check_reported(id, command)?;
        let executors = self.check_reported_executors(id, command, &reported)?;
        let operations = self.check_reported_operations(id, command)?;

        let mut came = true;
        if let Some(agent) = self.state.agents.get_mut(id) {
            match std::mem::replace(&mut agent.liveness, Liveness::Connected(session)) {
                Liveness::Disconnected(timer) => self.state.timers.cancel(Some(timer)),
                Liveness::Overdue(since) => self.not_overdue(since, id),
                // Not counted until now; what is given instead is counted below.
                Liveness::Unreachable(since) => {
                    self.state.registry.away_by_age.remove(&(since, id));
                    if resources.is_some() {
                        agent.total.clear();
                    } else {
                        let total = agent.total.clone();
                        self.state.count_total(&total);
                    }
                }
                Liveness::Connected(_) | Liveness::Removing => came = false,
            }
        }
        if came {
            self.agent_came();
        }
        self.attach_agent(session, id);
        self.change_agent(id, resources.as_ref(), command.attributes.as_ref());
        if self.state.agents.get(id).is_some_and(|agent| agent.converted) {
            self.tell_checkpoint(id);
        }
        self.change_place(id, command.domain.as_ref(), command.capabilities.as_deref());
        let lost = self.return_executors(id, &executors);
        self.reconcile_agent(id, &reported);
        self.return_operations(id, &operations, resources.is_some());
        for executor in lost {
            self.end_executor(executor, None, Some("the agent came back without it"));
        }
        self.plan_collection();
        self.check_drained(id);
        self.offer_now(id);
        self.ask_about(id);
        Ok(Reply::Registered { agent: id })
    }

    /// The agent meant by a re-registration, which must not be connected elsewhere.
    fn returning_agent(
        &self,
        session: SessionId,
        command: &ReregisterAgent,
    ) -> Result<AgentId, Rejection> {
        let id = match (command.agent, &command.name) {
            (Some(id), None) => {
                self.known_agent(id)?;
                id
            }
            (None, Some(name)) => self.state.agent_id(name).ok_or_else(|| {
                let text = format!(
                    "no agent has the name {:?}: register it with register_agent",
                    shorten(name)
                );
                Rejection::new(Code::UnknownAgent, text).at("name")
            })?,
            _ => {
                let text = "give either the id or the name of the agent that comes back";
                return Err(Rejection::new(Code::Malformed, text).at("agent"));
            }
        };
        match self.known_agent(id)?.session() {
            Some(other) if other != session => {
                let text = format!("agent {id} is still connected through session {other}");
                Err(Rejection::new(Code::AgentConnected, text).at("agent").id(id.to_u64()))
            }
            _ => Ok(id),
        }
    }

    /// The reported tasks by id. Those of other agents are a mistake; unknown ones are not: their
    /// framework may have been removed meanwhile.
    fn check_reported(
        &self,
        agent: AgentId,
        command: &ReregisterAgent,
    ) -> Result<BTreeMap<TaskId, TaskState>, Rejection> {
        if command.tasks.len() > TASKS_PER_COMMAND_MAX {
            let count = command.tasks.len();
            return Err(over_limit("tasks", count, TASKS_PER_COMMAND_MAX).at("tasks"));
        }
        let mut reported = BTreeMap::new();
        for (index, entry) in command.tasks.iter().enumerate() {
            let reject = |code, text, field: &str| {
                Err(Rejection::new(code, text)
                    .at(format!("tasks[{index}].{field}"))
                    .index(index)
                    .id(entry.task.to_u64()))
            };
            if self.state.tasks.get(entry.task).is_some_and(|task| task.agent != agent) {
                let text = format!("task {} is on another agent than {agent}", entry.task);
                return reject(Code::NotYours, text, "task");
            }
            if !super::updates::may_be_reported(entry.state) && entry.state != TaskState::Staging {
                let text = format!("{} is no state in which an agent has a task", entry.state);
                return reject(Code::BadTaskState, text, "state");
            }
            if reported.insert(entry.task, entry.state).is_some() {
                return reject(Code::BadList, format!("{} is listed twice", entry.task), "task");
            }
        }
        Ok(reported)
    }

    /// The executors that the agent has: those listed, and those of the tasks listed. Unknown ones
    /// are no mistake.
    fn check_reported_executors(
        &self,
        agent: AgentId,
        command: &ReregisterAgent,
        reported: &BTreeMap<TaskId, TaskState>,
    ) -> Result<BTreeSet<ExecutorId>, Rejection> {
        if command.executors.len() > TASKS_PER_COMMAND_MAX {
            let count = command.executors.len();
            return Err(over_limit("executors", count, TASKS_PER_COMMAND_MAX).at("executors"));
        }
        let mut has = BTreeSet::new();
        for (index, &id) in command.executors.iter().enumerate() {
            let reject = |code, text| {
                let place = format!("executors[{index}]");
                Err(Rejection::new(code, text).at(place).index(index).id(id.to_u64()))
            };
            if self.state.executors.get(id).is_some_and(|row| row.agent != agent) {
                let text = format!("executor {id} is on another agent than {agent}");
                return reject(Code::NotYours, text);
            }
            if !has.insert(id) {
                return reject(Code::BadList, format!("{id} is listed twice"));
            }
        }
        for (task, state) in reported {
            let row = self.state.tasks.get(*task).and_then(|task| task.executor.as_ref());
            has.extend(row.filter(|_| !state.is_terminal()).map(|executor| executor.id));
        }
        Ok(has)
    }

    pub(super) fn update_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateAgent,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Agent)?;
        let agent = self.own_agent(session, command.agent)?;
        let kept = command.checkpointed.as_deref();
        let resources = self.new_total(Some(agent), command.resources.as_ref(), kept)?;
        self.check_total(Some(agent), resources.as_ref())?;
        self.check_domain(command.domain.as_ref())?;
        let id = command.agent;
        let mut changed = self.change_agent(id, resources.as_ref(), command.attributes.as_ref());
        changed |= self.change_place(id, command.domain.as_ref(), command.capabilities.as_deref());
        if changed {
            self.offer_now(id);
        }
        Ok(Reply::Done)
    }

    /// A domain means something only in relation to the kernel's.
    fn check_domain(&self, domain: Option<&Domain>) -> Result<(), Rejection> {
        let Some(domain) = domain else { return Ok(()) };
        check_name("region", &domain.region).map_err(|r| r.at("domain.region"))?;
        check_name("zone", &domain.zone).map_err(|r| r.at("domain.zone"))?;
        if self.state.options.domain.is_none() {
            let text = "the kernel is in no domain, so an agent cannot be: open it with the \
                        option domain, or leave the agent's out";
            return Err(Rejection::new(Code::FailedPrecondition, text).at("domain"));
        }
        Ok(())
    }

    /// Returns whether anything changed.
    fn change_place(
        &mut self,
        id: AgentId,
        domain: Option<&Domain>,
        list: Option<&[AgentCapability]>,
    ) -> bool {
        let Some(agent) = self.state.agents.get_mut(id) else { return false };
        let mut changed = false;
        if domain.is_some() && agent.domain.as_deref() != domain {
            agent.domain = domain.cloned().map(Arc::new);
            changed = true;
        }
        if list.is_some() {
            let before = std::mem::replace(&mut agent.capabilities, capabilities(list));
            changed |= before != agent.capabilities;
        }
        if changed {
            self.state.look_at_agent(id);
        }
        changed
    }

    fn attach_agent(&mut self, session: SessionId, agent: AgentId) {
        if let Some(session) = self.state.sessions.get_mut(session) {
            session.agents.insert(agent);
        }
    }

    /// Returns whether anything changed.
    fn change_agent(
        &mut self,
        id: AgentId,
        resources: Option<&Resources>,
        attributes: Option<&Attributes>,
    ) -> bool {
        let mut changed = false;
        if let Some(resources) = resources {
            let total = self.state.names.intern(resources);
            let before = self.state.agents.get(id).map(|agent| agent.total.clone());
            let before = before.filter(|before| *before != total);
            self.state.set_total(id, total);
            if let Some(before) = before {
                changed = true;
                self.rescind_changed(id, &before);
            }
        }
        if let Some(attributes) = attributes {
            let agent = self.state.agents.get_mut(id);
            if let Some(agent) = agent.filter(|agent| *agent.attributes != *attributes) {
                agent.attributes = Arc::new(attributes.clone());
                changed = true;
                self.state.look_at_agent(id);
                // What was refused then may be wanted now.
                self.drop_filters_on_agent(id);
                self.drop_inverse_filters_on_agent(id);
                self.ask_about(id);
            }
        }
        changed
    }

    /// Rescinds the offers of an agent that hold something which it has no longer as it was: if
    /// something of it is revocable or of a provider, all that hold such things. Plain amounts may
    /// shrink below what is offered.
    fn rescind_changed(&mut self, id: AgentId, before: &Bundle) {
        let Some(agent) = self.state.agents.get(id) else { return };
        let (after, names) = (&agent.total, &self.state.names);
        if !self.state.options.rescind_on_update || agent.offered.is_empty() {
            return;
        }
        let items = before.iter().chain(after).map(|item| item.key);
        let changed =
            items.filter(|key| key.meta != MetaId::PLAIN && before.get(key) != after.get(key));
        let changed: BTreeSet<Key> = changed.collect();
        let of_provider = |key: &Key| {
            names.metadata(key.meta).is_some_and(|metadata| metadata.provider.is_some())
        };
        let revocable = changed.iter().any(|key| key.is_revocable());
        let provided = changed.iter().any(of_provider);
        let is_hit = |key: &Key| {
            changed.contains(key) || revocable && key.is_revocable() || provided && of_provider(key)
        };
        let is_void = |offer: &GrantId| {
            let grant = self.state.grants.get(*offer).filter(|grant| grant.is_offer());
            grant.is_some_and(|grant| grant.resources.iter().any(|item| is_hit(&item.key)))
        };
        let void: Vec<_> = agent.grants.iter().copied().filter(is_void).collect();
        for offer in void {
            self.rescind(offer, RescindReason::ResourcesChanged);
        }
    }

    /// Brings the tasks that the kernel knows on a returning agent in line with those it has.
    fn reconcile_agent(&mut self, id: AgentId, reported: &BTreeMap<TaskId, TaskState>) {
        // Their framework is gone: nobody wants them any more. Told apart now, for a task that is
        // reported to have ended may be gone in a moment, and needs no kill.
        let is_stranger = |task: &TaskId| !self.state.tasks.contains(*task);
        let strangers: Vec<TaskId> = reported.keys().copied().filter(is_stranger).collect();
        let known = self.state.agents.get(id).map(|agent| agent.tasks.clone()).unwrap_or_default();
        for task in known {
            match reported.get(&task) {
                Some(&state) => self.task_returned(task, state),
                None => self.task_missing(task),
            }
        }
        let grace_seconds = self.state.options.kill_grace_seconds;
        for task in strangers {
            self.tell_agent(id, Event::Kill { agent: id, task, grace_seconds });
        }
    }
}

/// What an agent can deal with; everything if it does not say.
fn capabilities(list: Option<&[AgentCapability]>) -> AgentCapabilities {
    list.map_or_else(AgentCapabilities::all, |list| list.iter().copied().collect())
}

/// Checks the size of opaque bytes.
pub(super) fn check_ext(ext: Option<&Ext>) -> Result<(), Rejection> {
    match ext {
        Some(ext) if ext.bytes.0.len() > EXT_BYTES_MAX => {
            Err(over_limit("bytes", ext.bytes.0.len(), EXT_BYTES_MAX).at("ext"))
        }
        _ => Ok(()),
    }
}
