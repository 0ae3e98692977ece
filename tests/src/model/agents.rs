//! Registration, return and change of agents.

use std::collections::BTreeMap;

use tamias::command::{RegisterAgent, ReregisterAgent, SessionKind, Update, UpdateAgent};
use tamias::error::Code;
use tamias::event::Event;
use tamias::ids::{AgentId, SessionId, TaskId};
use tamias::limits::{CLUSTER_TOTAL_MILLI_MAX, RESOURCE_NAMES_MAX};
use tamias::reply::Reply;
use tamias::resources::Resources;
use tamias::status::{Reason, Source, TaskState};
use tamias::value::AgentCapability;

use super::facts::{Agent, AgentStanding};
use super::pile::Pile;
use super::{Model, Verdict, names};

const TOTAL_MAX: i128 = CLUSTER_TOTAL_MILLI_MAX as i128;

/// The names that every kernel knows from the start.
const WELL_KNOWN: [&str; 5] = ["cpus", "mem", "disk", "gpus", "ports"];

impl Model {
    pub(super) fn register_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &RegisterAgent,
    ) -> Verdict {
        let session = self.speaker_of(sender, SessionKind::Agent)?;
        let mut faults = self.faults_of_total(None, Some(&command.resources));
        if let Some(name) = command.name.as_deref() {
            if !names::is_legal(name) {
                faults.push(Code::BadName);
            }
            if self.agents.values().any(|agent| agent.name.as_deref() == Some(name)) {
                faults.push(Code::NameTaken);
            }
        }
        let hostname = command.hostname.as_deref();
        faults.extend(hostname.filter(|name| !names::is_legal(name)).map(|_| Code::BadName));
        if self.is_down(hostname.or(command.name.as_deref())) {
            faults.push(Code::MachineDown);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let id = self.slots.agents.take();
        self.learn_names(&command.resources);
        self.agents.insert(
            id,
            Agent {
                name: command.name.as_deref().map(Into::into),
                total: Pile::of(&command.resources),
                attributes: command.attributes.clone(),
                standing: AgentStanding::Connected(session),
                deactivated: false,
                hostname: hostname.map(Into::into),
                can_drain: command.capabilities.as_ref().is_none_or(|capabilities| {
                    capabilities.contains(&AgentCapability::AgentDraining)
                }),
                drain: None,
            },
        );
        self.look_at(id);
        Ok(Reply::Registered { agent: id })
    }

    pub(super) fn update_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateAgent,
    ) -> Verdict {
        let session = self.speaker_of(sender, SessionKind::Agent)?;
        let id = command.agent;
        self.expect_own_agent(session, id)?;
        let faults = self.faults_of_total(Some(id), command.resources.as_ref());
        if !faults.is_empty() {
            return Err(faults);
        }
        let before = (self.agents[&id].total.clone(), self.agents[&id].attributes.clone());
        self.change_agent(id, command.resources.as_ref(), command.attributes.as_ref());
        if (&before.0, &before.1) != (&self.agents[&id].total, &self.agents[&id].attributes) {
            self.look_at(id);
        }
        Ok(Reply::Done)
    }

    pub(super) fn reregister_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &ReregisterAgent,
    ) -> Verdict {
        let session = self.speaker_of(sender, SessionKind::Agent)?;
        let id = self.returning_agent(command)?;
        let connected = self.agents[&id].standing;
        let mut faults = self.faults_of_total(Some(id), command.resources.as_ref());
        if matches!(connected, AgentStanding::Connected(other) if other != session) {
            faults.push(Code::AgentConnected);
        }
        if self.is_down(self.agents[&id].machine()) {
            faults.push(Code::MachineDown);
        }
        let mut reported: BTreeMap<TaskId, TaskState> = BTreeMap::new();
        for entry in &command.tasks {
            if self.tasks.get(&entry.task).is_some_and(|task| task.agent != id) {
                faults.push(Code::NotYours);
            }
            if matches!(entry.state, TaskState::Unreachable | TaskState::Unknown) {
                faults.push(Code::BadTaskState);
            }
            if reported.insert(entry.task, entry.state).is_some() {
                faults.push(Code::BadList);
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        self.agents.get_mut(&id).expect("it is known").standing = AgentStanding::Connected(session);
        self.cancel_permit_if_idle();
        self.change_agent(id, command.resources.as_ref(), command.attributes.as_ref());
        // Nobody wants what the kernel does not know.
        let strangers = reported.keys().filter(|task| !self.tasks.contains_key(task));
        let strangers: Vec<TaskId> = strangers.copied().collect();
        for task in self.tasks_where(|task| task.agent == id) {
            match reported.get(&task) {
                Some(state) => self.task_is_back(task, *state),
                None => self.task_is_missing(task),
            }
        }
        let grace_seconds = self.options.kill_grace_seconds;
        for task in strangers {
            self.tell(session, Event::Kill { agent: id, task, grace_seconds });
        }
        self.plan_collection();
        self.see_if_drained(id);
        self.look_at(id);
        self.ask_about(id);
        Ok(Reply::Registered { agent: id })
    }

    fn returning_agent(&self, command: &ReregisterAgent) -> Result<AgentId, Vec<Code>> {
        let id = match (command.agent, &command.name) {
            (Some(id), None) => id,
            (None, Some(name)) => {
                let named = |(_, agent): &(&AgentId, &Agent)| agent.name.as_deref() == Some(name);
                *self.agents.iter().find(named).ok_or(vec![Code::UnknownAgent])?.0
            }
            _ => return Err(vec![Code::Malformed]),
        };
        self.expect_agent(id)?;
        Ok(id)
    }

    fn change_agent(
        &mut self,
        id: AgentId,
        resources: Option<&Resources>,
        attributes: Option<&tamias::attributes::Attributes>,
    ) {
        let agent = self.agents.get_mut(&id).expect("it is known");
        if let Some(resources) = resources {
            agent.total = Pile::of(resources);
            self.learn_names(resources);
        }
        let agent = self.agents.get_mut(&id).expect("it is known");
        let Some(attributes) = attributes.filter(|new| agent.attributes != **new) else { return };
        agent.attributes = attributes.clone();
        self.filters.retain(|filter| filter.agent != id);
        self.wake_questions_about(id);
        self.ask_about(id);
    }

    fn learn_names(&mut self, resources: &Resources) {
        let new = resources.iter().map(|item| item.key.as_str());
        self.names.extend(new.filter(|name| !WELL_KNOWN.contains(name)).map(str::to_owned));
    }

    /// What is wrong with the total of an agent, a new one if given: too many names, a sum too
    /// large to compute shares with, another kind of value than what is held of the name.
    fn faults_of_total(&self, agent: Option<AgentId>, new: Option<&Resources>) -> Vec<Code> {
        let mut faults = Vec::new();
        let known = agent.map(|id| &self.agents[&id]);
        let total = match (new, known) {
            (Some(new), _) => Pile::of(new),
            (None, Some(agent)) => agent.total.clone(),
            (None, None) => Pile::default(),
        };
        let mut names = self.names.clone();
        names.extend(total.kinds().iter().map(|(name, _)| (*name).to_owned()));
        names.extend(WELL_KNOWN.map(str::to_owned));
        if names.len() > RESOURCE_NAMES_MAX {
            faults.push(Code::LimitReached);
        }

        if self.sum_with(agent, &total).scalars.values().any(|milli| *milli > TOTAL_MAX) {
            faults.push(Code::LimitReached);
        }

        let held = agent.map(|id| self.held_on_return(id)).unwrap_or_default();
        let clash =
            |(name, kind): &(&str, u8)| held.kinds().iter().any(|(n, k)| n == name && k != kind);
        if total.kinds().iter().any(clash) {
            faults.push(Code::FailedPrecondition);
        }
        faults
    }

    /// What offers and tasks hold of an agent, and will hold again when it is back.
    fn held_on_return(&self, id: AgentId) -> Pile {
        let tasks = self.tasks.values().filter(|task| task.agent == id);
        let live = tasks.filter(|task| !task.state.is_terminal());
        live.fold(self.offered(id), |sum, task| sum.plus(&task.resources))
    }

    /// The sum over all agents if that one, or a new one, had that total: what counts of each is
    /// its total or what is held of it, whichever is more.
    fn sum_with(&self, agent: Option<AgentId>, total: &Pile) -> Pile {
        let more = |total: &Pile, held: Pile| total.plus(&held.minus(total)).scalars();
        let others = self.agents.iter().filter(|(id, _)| Some(**id) != agent);
        let others = others.map(|(id, other)| {
            let total = if other.counts() { other.total.clone() } else { Pile::default() };
            more(&total, self.offered(*id).plus(&self.allocated(*id)))
        });
        let own = agent.map(|id| self.held_on_return(id)).unwrap_or_default();
        others.fold(more(total, own), |sum, part| sum.plus(&part))
    }

    /// A returning agent has the task: one that was unreachable goes on in the state that it has;
    /// of one in another state than was reported last, that is a report. A kill is sent again.
    fn task_is_back(&mut self, id: TaskId, state: TaskState) {
        let task = self.tasks.get_mut(&id).expect("it is known");
        let was_unreachable = task.state == TaskState::Unreachable;
        if was_unreachable {
            task.unreachable_since = None;
            // It holds its resources again, if only for a moment.
            task.grant = Some(self.slots.grants.take());
        }
        let newest = task.stream.back().map_or(task.state, |report| report.state);
        if was_unreachable && !state.is_terminal() {
            self.enter(id, state);
            self.conclude(id, state, Reason::AgentReregistered);
        } else if was_unreachable
            || !task.state.is_terminal() && newest != state && state != TaskState::Staging
        {
            let report =
                Update { reason: Some(Reason::AgentReregistered), ..Update::new(id, state) };
            self.take_report(id, &report, Source::Agent);
        }
        let kill = self.tasks.get(&id).and_then(|task| task.kill);
        if let Some(grace) = kill {
            self.kill_with(id, Some(grace));
        }
    }

    /// A returning agent does not have the task: dropped if neither its agent nor the kernel ever
    /// said anything of it, else gone.
    fn task_is_missing(&mut self, id: TaskId) {
        let task = &self.tasks[&id];
        if task.state.is_terminal() {
            return;
        }
        let never_seen = task.told.is_none() && !task.reported;
        let state = if never_seen { TaskState::Dropped } else { TaskState::Gone };
        let report = Update { reason: Some(Reason::Reconciliation), ..Update::new(id, state) };
        self.take_report(id, &report, Source::Agent);
    }
}
