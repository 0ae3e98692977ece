//! Weights, agents in and out of service, teardown.

use std::collections::VecDeque;

use tamias::command::{
    Allocate, DeactivateAgent, ReactivateAgent, RemoveAgent, SessionKind, Teardown, UpdateWeights,
};
use tamias::error::Code;
use tamias::event::{EndReason, Event, RescindReason};
use tamias::ids::{AgentId, SessionId};
use tamias::limits::{ALLOCATION_RUNS_MAX, WEIGHT_MILLI_MAX};
use tamias::reply::Reply;

use super::facts::{AgentStanding, Chore, FrameworkStanding};
use super::{Model, Verdict, names};

impl Model {
    pub(super) fn update_weights(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateWeights,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        let mut faults = Vec::new();
        if command.weights.is_empty() {
            faults.push(Code::BadList);
        }
        for (index, entry) in command.weights.iter().enumerate() {
            faults.extend(names::fault_of_role(&entry.role));
            if entry.weight.milli() < 1 || entry.weight.milli() > WEIGHT_MILLI_MAX {
                faults.push(Code::BadWeight);
            }
            if command.weights[..index].iter().any(|earlier| earlier.role == entry.role) {
                faults.push(Code::BadList);
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut has_framework = false;
        for entry in &command.weights {
            let name = entry.role.to_string();
            let counts = |role: &String| *role == name || names::is_below(role, &name);
            has_framework |= self.frameworks.values().any(|f| f.parts.keys().any(counts));
            self.roles.entry(name).or_default().weight = entry.weight;
        }
        if has_framework && self.options.rescind_on_update {
            self.chores.push_back(Chore::RescindAll(0));
        }
        Ok(Reply::Done)
    }

    pub(super) fn deactivate_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &DeactivateAgent,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        self.expect_agent(command.agent)?;
        self.agents.get_mut(&command.agent).expect("it is known").deactivated = true;
        self.rescind_offers_of_agent(command.agent, RescindReason::AgentInactive);
        self.take_back_questions_about(command.agent);
        Ok(Reply::Done)
    }

    pub(super) fn reactivate_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &ReactivateAgent,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        self.expect_agent(command.agent)?;
        let agent = self.agents.get_mut(&command.agent).expect("it is known");
        if !agent.deactivated || agent.drain.is_some_and(|drain| !drain.drained) {
            return Err(vec![Code::FailedPrecondition]);
        }
        (agent.deactivated, agent.drain) = (false, None);
        self.look_again(command.agent);
        self.ask_about(command.agent);
        Ok(Reply::Done)
    }

    pub(super) fn remove_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &RemoveAgent,
    ) -> Verdict {
        let (session, speaker) = self.speaker(sender)?;
        match speaker.kind {
            SessionKind::Operator => self.expect_agent(command.agent)?,
            SessionKind::Agent => self.expect_own_agent(session, command.agent)?,
            SessionKind::Framework => return Err(vec![Code::WrongSession]),
        }
        self.take_away_agent(command.agent);
        Ok(Reply::Done)
    }

    pub(super) fn teardown(&mut self, sender: Option<SessionId>, command: &Teardown) -> Verdict {
        let (_, speaker) = self.speaker(sender)?;
        let framework = match (speaker.kind, command.framework) {
            (SessionKind::Operator, None) => return Err(vec![Code::Malformed]),
            (SessionKind::Operator, Some(named)) => {
                let known = self.frameworks.get(&named);
                if known.is_none_or(|f| f.standing == FrameworkStanding::Leaving) {
                    return Err(vec![Code::UnknownFramework]);
                }
                named
            }
            (_, named) => {
                let own = self.speaking_framework(sender)?;
                if named.is_some_and(|named| named != own) {
                    return Err(vec![Code::NotYours]);
                }
                own
            }
        };
        let reason = EndReason::TornDown;
        self.tell_framework(framework, Event::SubscriptionEnded { reason });
        self.remove_framework(framework);
        Ok(Reply::Done)
    }

    /// One run of allocation over the agents listed, or all.
    pub(super) fn ask_for_run(&mut self, sender: Option<SessionId>, command: &Allocate) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        let mut faults = Vec::new();
        for (index, agent) in command.agents.iter().enumerate() {
            faults.extend(self.expect_agent(*agent).err().into_iter().flatten());
            if command.agents[..index].contains(agent) {
                faults.push(Code::BadList);
            }
        }
        if self.runs.len() == ALLOCATION_RUNS_MAX {
            faults.push(Code::LimitReached);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let known = self.agents.iter().filter(|(_, a)| a.standing != AgentStanding::Leaving);
        let run: VecDeque<_> = match &command.agents[..] {
            [] => known.map(|(id, _)| *id).collect(),
            listed => listed.iter().copied().collect(),
        };
        if !run.is_empty() {
            self.runs.push_back(run);
        }
        Ok(Reply::Done)
    }

    /// An agent that is known and not being removed.
    pub(super) fn expect_agent(&self, id: AgentId) -> Result<(), Vec<Code>> {
        let agent = self.agents.get(&id);
        let known = agent.is_some_and(|agent| agent.standing != AgentStanding::Leaving);
        let gone = self.gone.contains_key(&id);
        let otherwise = if gone { Code::AgentGone } else { Code::UnknownAgent };
        if known { Ok(()) } else { Err(vec![otherwise]) }
    }

    /// Such an agent that is connected through that session.
    pub(super) fn expect_own_agent(
        &self,
        session: SessionId,
        id: AgentId,
    ) -> Result<(), Vec<Code>> {
        self.expect_agent(id)?;
        let own = self.agents[&id].standing == AgentStanding::Connected(session);
        if own { Ok(()) } else { Err(vec![Code::NotYours]) }
    }

    pub(super) fn tell_all_frameworks(&mut self, event: &Event) {
        for framework in self.frameworks.keys().copied().collect::<Vec<_>>() {
            self.tell_framework(framework, event.clone());
        }
    }
}
