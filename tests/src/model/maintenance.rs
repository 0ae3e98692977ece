//! The maintenance schedule, and the questions to those who hold something on its machines.

use std::collections::{BTreeMap, BTreeSet};

use tamias::command::{
    AcceptInverseOffers, DeclineInverseOffers, SessionKind, StartMaintenance, StopMaintenance,
    UpdateMaintenanceSchedule,
};
use tamias::error::Code;
use tamias::event::{Event, InverseOffer, RescindReason};
use tamias::ids::{AgentId, FrameworkId, Id, InverseOfferId, SessionId};
use tamias::limits::{AGENTS_PER_STEP, TIMEOUT_MAX};
use tamias::reply::Reply;
use tamias::time::Nanos;
use tamias::value::Unavailability;

use super::facts::{Alarm, Asked, Chore, Question, Window};
use super::{Model, Verdict, names};

impl Model {
    pub(super) fn update_maintenance_schedule(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateMaintenanceSchedule,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        let mut faults = Vec::new();
        let mut windows = BTreeMap::new();
        for window in &command.windows {
            let duration = window.duration_seconds.unwrap_or_default();
            if duration < Nanos::ZERO || duration > TIMEOUT_MAX {
                faults.push(Code::BadTime);
            }
            if window.machines.is_empty() {
                faults.push(Code::BadList);
            }
            for machine in &window.machines {
                if !names::is_legal(machine) {
                    faults.push(Code::BadName);
                }
                let (start, duration_seconds) = (window.start, window.duration_seconds);
                let unavailability = Unavailability { start, duration_seconds };
                let down = self.windows.get(&**machine).is_some_and(|before| before.down);
                let new = Window { unavailability, down };
                if windows.insert(machine.to_string(), new).is_some() {
                    faults.push(Code::BadList);
                }
            }
        }
        let mut down = self.windows.iter().filter(|(_, window)| window.down);
        if down.any(|(machine, _)| !windows.contains_key(machine)) {
            faults.push(Code::FailedPrecondition);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let machines = self.windows.keys().chain(windows.keys());
        let changed = machines.filter(|name| self.windows.get(*name) != windows.get(*name));
        let changed: BTreeSet<String> = changed.cloned().collect();
        self.windows = windows;
        self.machines_changed(changed);
        Ok(Reply::Done)
    }

    pub(super) fn start_maintenance(
        &mut self,
        sender: Option<SessionId>,
        command: &StartMaintenance,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        let machines = self.listed_machines(&command.machines, false)?;
        for name in &machines {
            self.windows.get_mut(name).expect("it is scheduled").down = true;
        }
        self.machines_changed(machines);
        Ok(Reply::Done)
    }

    pub(super) fn stop_maintenance(
        &mut self,
        sender: Option<SessionId>,
        command: &StopMaintenance,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        let machines = self.listed_machines(&command.machines, true)?;
        for name in &machines {
            self.windows.remove(name);
        }
        self.machines_changed(machines);
        Ok(Reply::Done)
    }

    /// Scheduled machines that are all down, or all not.
    fn listed_machines(
        &self,
        list: &[Box<str>],
        down: bool,
    ) -> Result<BTreeSet<String>, Vec<Code>> {
        let mut faults = Vec::new();
        if list.is_empty() {
            faults.push(Code::BadList);
        }
        for (index, name) in list.iter().enumerate() {
            if self.windows.get(&**name).is_none_or(|window| window.down != down) {
                faults.push(Code::FailedPrecondition);
            }
            if list[..index].contains(name) {
                faults.push(Code::BadList);
            }
        }
        if faults.is_empty() {
            Ok(list.iter().map(ToString::to_string).collect())
        } else {
            Err(faults)
        }
    }

    fn machines_changed(&mut self, machines: BTreeSet<String>) {
        if !machines.is_empty() {
            self.chores.push_back(Chore::Machines(machines, 0));
        }
    }

    /// The window of an agent's machine.
    pub fn window_of(&self, agent: AgentId) -> Option<&Window> {
        self.windows.get(self.agents.get(&agent)?.machine()?)
    }

    /// Whether a machine is down.
    pub(super) fn is_down(&self, machine: Option<&str>) -> bool {
        machine.and_then(|name| self.windows.get(name)).is_some_and(|window| window.down)
    }

    /// Does to agents what the schedule says, in the order of their slots; gives the slot to go on
    /// from, if there may be more.
    pub(super) fn refresh_machines(
        &mut self,
        machines: &BTreeSet<String>,
        from: u32,
        left: &mut usize,
    ) -> Option<u32> {
        let mut agents: Vec<AgentId> = self.agents.keys().copied().collect();
        agents.retain(|agent| agent.index() >= from);
        agents.sort_by_key(|agent| agent.index());
        let mut next = from;
        for id in agents {
            if *left == 0 {
                return Some(next);
            }
            next = id.index() + 1;
            *left -= 1;
            if !self.agents[&id].machine().is_some_and(|name| machines.contains(name)) {
                continue;
            }
            *left = left.saturating_sub(self.grants_on(id));
            if self.is_down(self.agents[&id].machine()) {
                if self.agents[&id].counts() {
                    self.take_away_agent(id);
                }
            } else {
                self.rescind_offers_of_agent(id, RescindReason::Unavailability);
                self.forget_questions_about(id);
                self.look_at(id);
                self.ask_about(id);
            }
        }
        if *left == 0 { Some(next) } else { None }
    }

    fn grants_on(&self, agent: AgentId) -> usize {
        let holding = self.tasks_where(|task| task.agent == agent && task.grant.is_some());
        self.offers_where(|offer| offer.agent == agent).len() + holding.len()
    }

    pub(super) fn accept_inverse_offers(
        &mut self,
        sender: Option<SessionId>,
        command: &AcceptInverseOffers,
    ) -> Verdict {
        self.answer_questions(sender, &command.inverse_offers, command.refuse_seconds, true)
    }

    pub(super) fn decline_inverse_offers(
        &mut self,
        sender: Option<SessionId>,
        command: &DeclineInverseOffers,
    ) -> Verdict {
        self.answer_questions(sender, &command.inverse_offers, command.refuse_seconds, false)
    }

    fn answer_questions(
        &mut self,
        sender: Option<SessionId>,
        ids: &[InverseOfferId],
        refuse: Option<Nanos>,
        accepted: bool,
    ) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        let refuse = refuse.unwrap_or(self.options.decline_refuse_seconds);
        let mut gone = Vec::new();
        for id in ids {
            let question = self.questions.get(id).filter(|q| q.framework == framework);
            let Some(agent) = question.map(|question| question.agent) else {
                gone.push(*id);
                continue;
            };
            self.close_question(*id);
            let again = Some(self.alarm_to_ask_again(refuse));
            let answer = Some((accepted, self.now));
            self.asked.insert((agent, framework), Asked { again, answer });
        }
        Ok(Reply::Answered { gone })
    }

    /// After a rest, at the next allocation.
    fn alarm_to_ask_again(&mut self, rest: Nanos) -> Alarm {
        let interval = self.options.allocation_interval_seconds;
        let rest = super::offers::clamped(rest);
        let at = if self.options.allocate_on_recovery {
            self.now.plus(rest.max(interval))
        } else {
            self.next_full(interval, self.now.plus(rest))
        };
        self.alarm(at)
    }

    /// Whoever holds something on an agent is to be asked, if its machine is to go.
    pub(super) fn ask_about(&mut self, agent: AgentId) {
        if self.window_of(agent).is_some_and(|window| !window.down) {
            self.to_ask.insert(agent);
        }
    }

    /// Has a framework asked about everything that it holds.
    pub(super) fn ask_framework(&mut self, framework: FrameworkId) {
        let offers = self.offers.values().filter(|offer| offer.framework == framework);
        let mut agents: BTreeSet<AgentId> = offers.map(|offer| offer.agent).collect();
        let tasks = self.tasks.values().filter(|t| t.framework == framework && t.grant.is_some());
        agents.extend(tasks.map(|task| task.agent));
        for agent in agents {
            self.ask_about(agent);
        }
    }

    pub(super) fn ask_some(&mut self) -> bool {
        let mut any = false;
        for _ in 0..AGENTS_PER_STEP {
            let Some(agent) = self.to_ask.pop_first() else { break };
            self.ask_holders(agent);
            any = true;
        }
        any
    }

    fn ask_holders(&mut self, agent: AgentId) {
        let connected = self.agents.get(&agent).is_some_and(|a| a.is_connected());
        let going = self.window_of(agent).is_some_and(|window| !window.down);
        if !connected || !going {
            return;
        }
        let offers = self.offers.values().filter(|offer| offer.agent == agent);
        let mut holders: BTreeSet<FrameworkId> = offers.map(|offer| offer.framework).collect();
        let tasks = self.tasks.values().filter(|t| t.agent == agent && t.grant.is_some());
        holders.extend(tasks.map(|task| task.framework));
        for framework in holders {
            let rests = self.asked.get(&(agent, framework)).is_some_and(|a| a.again.is_some());
            let open = self.question_to(agent, framework).is_some();
            if self.session_of_framework(framework).is_some() && !rests && !open {
                self.ask(agent, framework);
            }
        }
    }

    fn ask(&mut self, agent: AgentId, framework: FrameworkId) {
        let id = self.slots.questions.take();
        let expires = self.options.offer_timeout_seconds.map(|timeout| self.alarm_in(timeout));
        self.questions.insert(id, Question { agent, framework, expires });
        self.asked.entry((agent, framework)).or_default();
        let row = &self.agents[&agent];
        let event = InverseOffer {
            inverse_offer: id,
            agent,
            agent_name: row.name.as_deref().map(Into::into),
            hostname: row.hostname.as_deref().map(Into::into),
            unavailability: self.window_of(agent).expect("it is scheduled").unavailability,
            expires: expires.map(|alarm| alarm.at),
        };
        self.tell_framework(framework, Event::InverseOffer(event));
    }

    /// The open question about an agent to a framework.
    pub fn question_to(&self, agent: AgentId, framework: FrameworkId) -> Option<InverseOfferId> {
        let mut questions = self.questions.iter();
        let it = questions.find(|(_, q)| (q.agent, q.framework) == (agent, framework));
        it.map(|(id, _)| *id)
    }

    fn close_question(&mut self, id: InverseOfferId) -> Question {
        self.slots.questions.give_back(id);
        self.questions.remove(&id).expect("it is open")
    }

    fn take_back_question(&mut self, id: InverseOfferId) -> Question {
        let question = self.close_question(id);
        let event = Event::RescindInverseOffer { inverse_offer: id };
        self.tell_framework(question.framework, event);
        question
    }

    /// Nobody answered in time: asked again later.
    pub(super) fn question_expires(&mut self, id: InverseOfferId) {
        let question = self.take_back_question(id);
        let again = self.alarm_to_ask_again(Nanos::ZERO);
        let key = (question.agent, question.framework);
        self.asked.get_mut(&key).expect("it was asked").again = Some(again);
    }

    pub(super) fn rest_is_over(&mut self, agent: AgentId, framework: FrameworkId) {
        self.asked.get_mut(&(agent, framework)).expect("it was asked").again = None;
        self.ask_about(agent);
    }

    /// Takes open questions about an agent back, in the order of the frameworks.
    pub(super) fn take_back_questions_about(&mut self, agent: AgentId) {
        for framework in self.frameworks.keys().copied().collect::<Vec<_>>() {
            if let Some(question) = self.question_to(agent, framework) {
                self.take_back_question(question);
            }
        }
    }

    pub(super) fn forget_questions_about(&mut self, agent: AgentId) {
        self.take_back_questions_about(agent);
        self.asked.retain(|(about, _), _| *about != agent);
        self.to_ask.remove(&agent);
    }

    /// What is to rest about an agent rests no longer.
    pub(super) fn wake_questions_about(&mut self, agent: AgentId) {
        for (_, asked) in self.asked.iter_mut().filter(|((about, _), _)| *about == agent) {
            asked.again = None;
        }
    }

    /// A framework went: what it was asked ends without a word; so do its answers, if it is gone
    /// for good.
    pub(super) fn framework_leaves_questions(&mut self, framework: FrameworkId, for_good: bool) {
        let mut agents: Vec<AgentId> = self.asked.keys().map(|(agent, _)| *agent).collect();
        agents.dedup();
        for agent in agents {
            if let Some(question) = self.question_to(agent, framework) {
                self.close_question(question);
            }
        }
        self.wake_questions_to(framework);
        self.asked.retain(|(_, to), _| *to != framework || !for_good);
    }

    fn wake_questions_to(&mut self, framework: FrameworkId) {
        for (_, asked) in self.asked.iter_mut().filter(|((_, to), _)| *to == framework) {
            asked.again = None;
        }
    }

    pub(super) fn revive_questions(&mut self, framework: FrameworkId) {
        self.wake_questions_to(framework);
        let asked = self.asked.keys().filter(|(_, to)| *to == framework);
        for agent in asked.map(|(agent, _)| *agent).collect::<Vec<_>>() {
            self.ask_about(agent);
        }
    }

    /// When the schedule says that the agent's machine is not to be relied on.
    pub(super) fn unavailability_of(&self, agent: AgentId) -> Option<Unavailability> {
        self.window_of(agent).map(|window| window.unavailability)
    }
}
