//! What agents and operators want, as commands.

use tamias::command::{
    Allocate, DeactivateAgent, ReactivateAgent, RegisterAgent, RemoveAgent, ReportedTask,
    ReregisterAgent, RoleWeight, SessionKind, UpdateAgent, UpdateWeights,
};
use tamias::ids::{AgentId, SessionId, TaskId};
use tamias::resources::{Amount, Resources};
use tamias::status::TaskState;
use tamias::value::AgentCapability;

use super::intent::{AgentIntent, Aim, Comeback, Pick, Told, Whom};
use super::palette::{AGENTS, ATTRIBUTES, NAMES, ROLES};
use super::{Play, aim, choose};
use crate::model::facts::AgentStanding;

/// So many agents are enough for a play; more would only be slow.
const AGENTS_MAX: usize = 6;

impl Play {
    pub(super) fn agent_intent(&mut self, intent: &AgentIntent) {
        match intent {
            AgentIntent::Join { .. } => self.join(intent),
            AgentIntent::Change { agent, resources: what, attributes } => {
                let Some(agent) = self.any_agent(*agent) else { return };
                let session = self.driver_of(agent);
                let resources = what.map(resources);
                let attributes = attributes.map(attributes_of);
                self.perform(
                    session,
                    UpdateAgent { resources, attributes, ..UpdateAgent::new(agent) },
                );
            }
            AgentIntent::Return(comeback) => self.come_back(comeback),
            AgentIntent::Deactivate(agent) => {
                let Some(agent) = self.any_agent(*agent) else { return };
                let operator = self.some_session(SessionKind::Operator, 0);
                self.send(operator, DeactivateAgent { agent });
            }
            AgentIntent::Reactivate(agent) => {
                let is_out = |id: &AgentId| self.model.agents[id].deactivated;
                let out: Vec<_> = self.model.agents.keys().copied().filter(is_out).collect();
                let Some(agent) = choose(&out, agent.pick).or_else(|| self.any_agent(*agent))
                else {
                    return;
                };
                let operator = self.some_session(SessionKind::Operator, 0);
                self.send(operator, ReactivateAgent { agent });
            }
            AgentIntent::Remove { agent, by_itself } => {
                let Some(agent) = self.any_agent(*agent) else { return };
                let own = self.driver_of(agent).filter(|_| *by_itself);
                let sender = own.unwrap_or_else(|| self.some_session(SessionKind::Operator, 0));
                self.send(sender, RemoveAgent { agent });
            }
            AgentIntent::Allocate(agents) => {
                let operator = self.some_session(SessionKind::Operator, 0);
                let agents = agents.iter().filter_map(|whom| self.any_agent(*whom)).collect();
                self.send(operator, Allocate { agents });
            }
            AgentIntent::Weights(weights) => {
                let operator = self.some_session(SessionKind::Operator, 0);
                let entry = |(role, milli): &(u8, i64)| RoleWeight {
                    role: ROLES[usize::from(*role) % ROLES.len()].into(),
                    weight: Amount::from_milli(*milli),
                };
                self.send(operator, UpdateWeights { weights: weights.iter().map(entry).collect() });
            }
        }
    }

    fn join(&mut self, intent: &AgentIntent) {
        let AgentIntent::Join { shared, name, resources: what, attributes, hostname, can_drain } =
            intent
        else {
            return;
        };
        if self.model.agents.len() >= AGENTS_MAX {
            return;
        }
        let session = match shared {
            Some(pick) => self.some_session(SessionKind::Agent, *pick),
            None => self.open(SessionKind::Agent),
        };
        let register = RegisterAgent {
            name: name.map(named),
            resources: resources(*what),
            attributes: attributes_of(*attributes),
            hostname: hostname.map(named),
            capabilities: (!*can_drain).then(all_but_draining),
            ..RegisterAgent::default()
        };
        self.send(session, register);
    }

    fn come_back(&mut self, comeback: &Comeback) {
        let Comeback { agent, session, naming, resources: what, tasks, strangers } = comeback;
        let Some(agent) = self.returning(*agent) else { return };
        let own = self.driver_of(agent);
        let session = match (session, own) {
            (Some(pick), Some(own)) if pick % 2 == 0 => own,
            (Some(pick), _) => self.some_session(SessionKind::Agent, *pick),
            (None, _) => self.open(SessionKind::Agent),
        };
        let name = self.model.agents.get(&agent).and_then(|agent| agent.name.clone());
        let name: Option<Box<str>> = name.map(Into::into);
        let (agent, name) = match (naming, name) {
            (0, name) => (Some(agent), name.or(Some("n1".into()))),
            (1, _) => (None, None),
            (2..=4, Some(name)) => (None, Some(name)),
            _ => (Some(agent), None),
        };
        let id = agent.or_else(|| self.agent_named(name.as_deref()));
        let mut told = id.map(|id| self.told_tasks(id, tasks)).unwrap_or_default();
        for stranger in strangers.iter().filter(|stranger| stranger.aim != Aim::Live) {
            if let Some(task) = self.any_task(*stranger) {
                told.push(ReportedTask { task, state: TaskState::Running });
            }
        }
        let resources = what.map(resources);
        let attributes = what.map(|pick| attributes_of(pick / 16));
        self.send(
            session,
            ReregisterAgent {
                agent,
                name,
                resources,
                attributes,
                tasks: told,
                ..ReregisterAgent::default()
            },
        );
    }

    pub(super) fn any_agent(&self, whom: Whom) -> Option<AgentId> {
        let live: Vec<_> = self.model.agents.keys().copied().collect();
        aim(whom, &live, &self.former.agents, AgentId::from_u64)
    }

    /// An agent that is away, if there is one.
    fn returning(&self, whom: Whom) -> Option<AgentId> {
        let is_away = |id: &AgentId| {
            let standing = self.model.agents[id].standing;
            !matches!(standing, AgentStanding::Connected(_) | AgentStanding::Leaving)
        };
        let away: Vec<_> = self.model.agents.keys().copied().filter(is_away).collect();
        let away = choose(&away, whom.pick).filter(|_| whom.aim == Aim::Live);
        away.or_else(|| self.any_agent(whom))
    }

    pub(super) fn driver_of(&self, agent: AgentId) -> Option<SessionId> {
        match self.model.agents.get(&agent)?.standing {
            AgentStanding::Connected(session) => Some(session),
            _ => None,
        }
    }

    fn agent_named(&self, name: Option<&str>) -> Option<AgentId> {
        let mut agents = self.model.agents.iter();
        agents.find(|(_, agent)| name.is_some() && agent.name.as_deref() == name).map(|(id, _)| *id)
    }

    /// What an agent says of the tasks that the kernel knows there.
    fn told_tasks(&self, agent: AgentId, how: &[Told]) -> Vec<ReportedTask> {
        let known = self.model.tasks.iter().filter(|(_, task)| task.agent == agent);
        let mut told = Vec::new();
        for (index, (id, task)) in known.enumerate() {
            let how = if how.is_empty() { Told::AsKnown } else { how[index % how.len()] };
            let truth = task.stream.back().map_or(task.state, |report| report.state);
            let truth = match truth {
                TaskState::Unreachable => TaskState::Running,
                other => other,
            };
            let state = match how {
                Told::AsKnown => truth,
                Told::Missing => continue,
                Told::As(state) => state,
            };
            told.push(ReportedTask { task: *id, state });
        }
        told
    }

    pub(super) fn any_task(&self, whom: Whom) -> Option<TaskId> {
        let live: Vec<_> = self.model.tasks.keys().copied().collect();
        aim(whom, &live, &self.former.tasks, TaskId::from_u64)
    }
}

pub(super) fn named(pick: u8) -> Box<str> {
    NAMES[usize::from(pick) % NAMES.len()].into()
}

fn all_but_draining() -> Vec<AgentCapability> {
    let mut capabilities = AgentCapability::ALL.to_vec();
    capabilities.retain(|capability| *capability != AgentCapability::AgentDraining);
    capabilities
}

fn resources(pick: u8) -> Resources {
    AGENTS[usize::from(pick) % AGENTS.len()].parse().expect("resources")
}

fn attributes_of(pick: u8) -> tamias::attributes::Attributes {
    ATTRIBUTES[usize::from(pick) % ATTRIBUTES.len()].parse().expect("attributes")
}

/// So that a pick can be made from a wider number.
pub(super) fn nth(pick: Pick, n: usize) -> Pick {
    pick.wrapping_add(u16::try_from(n).unwrap_or(0))
}
