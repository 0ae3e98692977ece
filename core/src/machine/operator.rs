//! Weights, agents in and out of service, teardown.

use std::collections::{BTreeSet, VecDeque};

use super::{Machine, over_limit};
use crate::command::{
    Allocate, DeactivateAgent, ReactivateAgent, RemoveAgent, SessionKind, Teardown, UpdateWeights,
};
use crate::error::{Code, Rejection};
use crate::event::{EndReason, Event, RescindReason};
use crate::ids::{AgentId, SessionId};
use crate::limits::{ALLOCATION_RUNS_MAX, OBJECTS_MAX, WEIGHT_MILLI_MAX};
use crate::names::check_role_name;
use crate::reply::Reply;
use crate::state::{Bulk, Liveness};

impl Machine<'_> {
    pub(super) fn update_weights(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateWeights,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        if command.weights.is_empty() {
            let text = "no role is listed: give at least one";
            return Err(Rejection::new(Code::BadList, text).at("weights"));
        }
        for (index, entry) in command.weights.iter().enumerate() {
            let place = |field: &str| format!("weights[{index}].{field}");
            check_role_name(&entry.role).map_err(|r| r.at(place("role")).index(index))?;
            if !(1..=WEIGHT_MILLI_MAX).contains(&entry.weight.milli()) {
                let text = format!("weight {} is out of range: 0.001 to 1000", entry.weight);
                let rejection = Rejection::new(Code::BadWeight, text);
                return Err(rejection.at(place("weight")).index(index));
            }
            if command.weights[..index].iter().any(|other| other.role == entry.role) {
                let text = format!("role {:?} is listed twice", entry.role);
                let rejection = Rejection::new(Code::BadList, text);
                return Err(rejection.at(place("role")).index(index));
            }
        }
        if !self.state.has_room_for_roles(command.weights.iter().map(|entry| &*entry.role)) {
            return Err(over_limit("roles", OBJECTS_MAX + 1, OBJECTS_MAX));
        }
        let mut in_use = false;
        for entry in &command.weights {
            let id = self.state.role_or_new(&entry.role);
            if let Some(role) = self.state.roles.get_mut(id) {
                role.weight = entry.weight;
                in_use |= role.clients > 0;
            }
            self.state.touched.all();
            self.state.drop_unused_role(id);
        }
        if in_use && self.state.options.rescind_on_update {
            self.state.work.bulk.push_back(Bulk::RescindAll(0));
        }
        Ok(Reply::Done)
    }

    pub(super) fn deactivate_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &DeactivateAgent,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        self.known_agent(command.agent)?;
        if let Some(agent) = self.state.agents.get_mut(command.agent) {
            agent.deactivated = true;
        }
        self.end_offers_of_agent(command.agent, RescindReason::AgentInactive);
        self.rescind_inverse_offers_of_agent(command.agent);
        Ok(Reply::Done)
    }

    pub(super) fn reactivate_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &ReactivateAgent,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        let agent = self.known_agent(command.agent)?;
        if !agent.deactivated || agent.is_draining() {
            let how = if agent.deactivated { "still being drained" } else { "not deactivated" };
            let text = format!("agent {} is {how}", command.agent);
            let rejection = Rejection::new(Code::FailedPrecondition, text);
            return Err(rejection.at("agent").id(command.agent.to_u64()));
        }
        if let Some(agent) = self.state.agents.get_mut(command.agent) {
            (agent.deactivated, agent.drain) = (false, None);
        }
        self.offer_again(command.agent);
        self.ask_about(command.agent);
        Ok(Reply::Done)
    }

    pub(super) fn remove_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &RemoveAgent,
    ) -> Result<Reply, Rejection> {
        match self.any_sender(sender)? {
            (session, SessionKind::Agent) => self.own_agent(session, command.agent).map(|_| ())?,
            (_, SessionKind::Operator) => self.known_agent(command.agent).map(|_| ())?,
            (session, SessionKind::Framework) => {
                let text = "agents are removed by an operator or by their own session";
                let rejection = Rejection::new(Code::WrongSession, text);
                return Err(rejection.at("session").id(session.to_u64()));
            }
        }
        self.start_removing_agent(command.agent);
        Ok(Reply::Done)
    }

    /// Ends an agent's offers and name at once, its tasks in counted steps.
    pub(super) fn start_removing_agent(&mut self, id: AgentId) {
        self.end_offers_of_agent(id, RescindReason::AgentInactive);
        self.tell_agent(id, Event::AgentRemoved { agent: id });
        self.drop_filters_on_agent(id);
        self.forget_inquiries_of_agent(id);
        let Some(agent) = self.state.agents.get_mut(id) else { return };
        let before = std::mem::replace(&mut agent.liveness, Liveness::Removing);
        let (name, total) = (agent.name.take(), std::mem::take(&mut agent.total));
        agent.drain = None;
        if !matches!(before, Liveness::Unreachable(_)) {
            self.state.uncount_total(&total);
        }
        match before {
            Liveness::Connected(session) => {
                if let Some(session) = self.state.sessions.get_mut(session) {
                    session.agents.remove(&id);
                }
            }
            Liveness::Disconnected(timer) => self.state.timers.cancel(Some(timer)),
            Liveness::Overdue(since) => self.not_overdue(since, id),
            Liveness::Unreachable(since) => {
                self.state.registry.away_by_age.remove(&(since, id));
            }
            Liveness::Removing => {}
        }
        self.plan_collection();
        if let Some(name) = name {
            self.state.agent_ids.remove(&name);
        }
        self.forget_candidate(id);
        self.tell_all_frameworks(&Event::AgentLost { agent: id });
        self.state.work.bulk.push_back(Bulk::RemoveAgent(id));
    }

    pub(super) fn teardown(
        &mut self,
        sender: Option<SessionId>,
        command: &Teardown,
    ) -> Result<Reply, Rejection> {
        let framework = match (self.any_sender(sender)?, command.framework) {
            ((_, SessionKind::Operator), Some(framework)) => {
                self.known_framework(framework)?;
                framework
            }
            ((_, SessionKind::Operator), None) => {
                let text = "an operator says which framework is to be torn down";
                return Err(Rejection::new(Code::Malformed, text).at("framework"));
            }
            (_, named) => {
                let own = self.own_framework(sender)?;
                if named.is_some_and(|named| named != own) {
                    let text = format!("a framework session can only tear down its own {own}");
                    return Err(Rejection::new(Code::NotYours, text).at("framework"));
                }
                own
            }
        };
        let reason = EndReason::TornDown;
        self.tell_framework(framework, Event::SubscriptionEnded { reason });
        self.remove_framework(framework);
        Ok(Reply::Done)
    }

    pub(super) fn run_allocation(
        &mut self,
        sender: Option<SessionId>,
        command: &Allocate,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        let mut listed = BTreeSet::new();
        for (index, &agent) in command.agents.iter().enumerate() {
            let place = || format!("agents[{index}]");
            self.known_agent(agent).map_err(|r| r.at(place()).index(index))?;
            if !listed.insert(agent) {
                let rejection =
                    Rejection::new(Code::BadList, format!("agent {agent} is listed twice"));
                return Err(rejection.at(place()).index(index));
            }
        }
        if self.state.work.runs.len() >= ALLOCATION_RUNS_MAX {
            let text = format!(
                "{ALLOCATION_RUNS_MAX} runs of allocation wait: let ticks work them off first"
            );
            return Err(Rejection::new(Code::LimitReached, text));
        }
        let run: VecDeque<AgentId> = if command.agents.is_empty() {
            // Slots are used again: their order is not that of the ids.
            let all = self.state.agents.iter().filter(|(_, agent)| !agent.is_removing());
            all.map(|(id, _)| id).collect::<BTreeSet<_>>().into_iter().collect()
        } else {
            command.agents.iter().copied().collect()
        };
        if !run.is_empty() {
            self.state.work.runs.push_back(run);
        }
        Ok(Reply::Done)
    }
}
