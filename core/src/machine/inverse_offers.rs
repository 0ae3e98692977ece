//! Inverse offers: asking those who hold something on an agent whether it may go.
//!
//! At most one question per framework and agent is open. Once it is answered, it is asked again
//! when the time that the answer gave is over.

use std::collections::BTreeSet;

use super::{Machine, over_limit};
use crate::command::{AcceptInverseOffers, DeclineInverseOffers};
use crate::error::Rejection;
use crate::event::{Event, InverseOffer as InverseOfferEvent};
use crate::ids::{AgentId, FrameworkId, Id, InverseOfferId, SessionId};
use crate::limits::{AGENTS_PER_STEP, OFFERS_PER_COMMAND_MAX};
use crate::reply::Reply;
use crate::state::maintenance::{Answer, Inquiry, InverseOffer};
use crate::state::{State, Timer};
use crate::time::{Nanos, Time};

impl Machine<'_> {
    pub(super) fn accept_inverse_offers(
        &mut self,
        sender: Option<SessionId>,
        command: &AcceptInverseOffers,
    ) -> Result<Reply, Rejection> {
        self.answer_inverse_offers(sender, &command.inverse_offers, command.refuse_seconds, true)
    }

    pub(super) fn decline_inverse_offers(
        &mut self,
        sender: Option<SessionId>,
        command: &DeclineInverseOffers,
    ) -> Result<Reply, Rejection> {
        self.answer_inverse_offers(sender, &command.inverse_offers, command.refuse_seconds, false)
    }

    fn answer_inverse_offers(
        &mut self,
        sender: Option<SessionId>,
        ids: &[InverseOfferId],
        refuse: Option<Nanos>,
        accepted: bool,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        if ids.len() > OFFERS_PER_COMMAND_MAX {
            let over = over_limit("inverse offers", ids.len(), OFFERS_PER_COMMAND_MAX);
            return Err(over.at("inverse_offers"));
        }
        let refuse = refuse.unwrap_or(self.state.options.decline_refuse_seconds);
        let mut gone = Vec::new();
        for &id in ids {
            let offer = self.state.maintenance.offers.get(id);
            let Some(agent) = offer.filter(|o| o.framework == framework).map(|o| o.agent) else {
                gone.push(id);
                continue;
            };
            self.close_inverse_offer(id);
            let again = self.asked_again_at(refuse);
            let again = self.state.timers.set(again, Timer::AskAgain(agent, framework));
            let inquiry = self.state.maintenance.inquiries.entry((agent, framework)).or_default();
            inquiry.again = Some(again);
            inquiry.answer = Some(Answer { accepted, time: self.state.now });
        }
        Ok(Reply::Answered { gone })
    }

    /// When an answer that asks for that much rest is over: with the next allocation after it.
    fn asked_again_at(&self, refuse: Nanos) -> Time {
        let interval = self.state.options.allocation_interval_seconds;
        let refuse = super::offers::clamp_refusal(refuse);
        if self.state.options.allocate_on_recovery {
            return self.state.now.plus(refuse.max(interval));
        }
        self.next_multiple(interval, self.state.now.plus(refuse))
    }

    /// Has those who hold something on an agent asked in the next step, if its machine is
    /// scheduled.
    pub(super) fn ask_about(&mut self, agent: AgentId) {
        if self.state.planned(agent).is_some_and(|planned| !planned.down) {
            self.state.work.to_ask.insert(agent);
        }
    }

    /// Has a framework that came back asked about all agents on which it holds something.
    pub(super) fn ask_framework(&mut self, framework: FrameworkId) {
        if self.state.maintenance.machines.is_empty() {
            return;
        }
        let parts = self.state.frameworks.get(framework).map(|framework| &framework.roles);
        let grants = parts.into_iter().flat_map(|parts| parts.values()).flat_map(|p| &p.grants);
        let agents: BTreeSet<AgentId> =
            grants.filter_map(|id| self.state.grants.get(*id)).map(|grant| grant.agent).collect();
        for agent in agents {
            self.ask_about(agent);
        }
    }

    /// Asks about some of the agents that wait for it.
    pub(super) fn ask_some(&mut self) -> bool {
        let mut any = false;
        for _ in 0..AGENTS_PER_STEP {
            let Some(agent) = self.state.work.to_ask.pop_first() else { break };
            self.ask_holders(agent);
            any = true;
        }
        any
    }

    fn ask_holders(&mut self, agent: AgentId) {
        let is_there = |row: &&crate::state::Agent| row.session().is_some();
        let Some(row) = self.state.agents.get(agent).filter(is_there) else { return };
        if self.state.planned(agent).is_none_or(|planned| planned.down) {
            return;
        }
        let grants = row.grants.iter().filter_map(|id| self.state.grants.get(*id));
        let holders: BTreeSet<FrameworkId> = grants.map(|grant| grant.framework).collect();
        for framework in holders {
            let connected =
                self.state.frameworks.get(framework).is_some_and(|f| f.session().is_some());
            let inquiry = self.state.maintenance.inquiries.get(&(agent, framework));
            let may = inquiry.is_none_or(|asked| asked.offer.is_none() && asked.again.is_none());
            if connected && may && self.state.maintenance.offers.has_room_for(1) {
                self.make_inverse_offer(agent, framework);
            }
        }
    }

    fn make_inverse_offer(&mut self, agent: AgentId, framework: FrameworkId) {
        let state = &mut *self.state;
        let id = state.maintenance.offers.next_id();
        let timeout = state.options.offer_timeout_seconds;
        let expires = timeout.map(|timeout| state.now.plus(timeout));
        let timer = expires.map(|at| state.timers.set(at, Timer::InverseOfferExpires(id)));
        state.maintenance.offers.insert(InverseOffer { agent, framework, timer });
        let inquiry = state.maintenance.inquiries.entry((agent, framework)).or_default();
        inquiry.offer = Some(id);
        if let Some(offer) = state.describe_inverse_offer(id) {
            self.tell_framework(framework, Event::InverseOffer(offer));
        }
    }

    /// Takes an inverse offer out of the books; its framework is not told.
    fn close_inverse_offer(&mut self, id: InverseOfferId) -> Option<InverseOffer> {
        let offer = self.state.maintenance.offers.remove(id)?;
        self.state.timers.cancel(offer.timer);
        let key = (offer.agent, offer.framework);
        if let Some(inquiry) = self.state.maintenance.inquiries.get_mut(&key) {
            inquiry.offer = None;
        }
        Some(offer)
    }

    fn rescind_inverse_offer(&mut self, id: InverseOfferId) {
        if let Some(offer) = self.close_inverse_offer(id) {
            let event = Event::RescindInverseOffer { inverse_offer: id };
            self.tell_framework(offer.framework, event);
        }
    }

    /// Nobody answered: the question is taken back, and asked again with the next allocation.
    pub(super) fn inverse_offer_expires(&mut self, id: InverseOfferId) {
        let Some(offer) = self.state.maintenance.offers.get(id).copied() else { return };
        self.rescind_inverse_offer(id);
        let (agent, framework) = (offer.agent, offer.framework);
        let again = self.asked_again_at(Nanos::ZERO);
        let again = self.state.timers.set(again, Timer::AskAgain(agent, framework));
        if let Some(inquiry) = self.state.maintenance.inquiries.get_mut(&(agent, framework)) {
            inquiry.again = Some(again);
        }
    }

    pub(super) fn may_be_asked_again(&mut self, agent: AgentId, framework: FrameworkId) {
        if let Some(inquiry) = self.state.maintenance.inquiries.get_mut(&(agent, framework)) {
            inquiry.again = None;
        }
        self.ask_about(agent);
    }

    /// Takes back what is asked about an agent; answers and waiting times stay.
    pub(super) fn rescind_inverse_offers_of_agent(&mut self, agent: AgentId) {
        for framework in self.state.asked_about(agent) {
            let inquiry = self.state.maintenance.inquiries.get(&(agent, framework));
            if let Some(offer) = inquiry.and_then(|inquiry| inquiry.offer) {
                self.rescind_inverse_offer(offer);
            }
        }
    }

    /// Takes back what is asked about an agent and forgets all answers.
    pub(super) fn forget_inquiries_of_agent(&mut self, agent: AgentId) {
        self.rescind_inverse_offers_of_agent(agent);
        for framework in self.state.asked_about(agent) {
            self.forget_inquiry(agent, framework);
        }
        self.state.work.to_ask.remove(&agent);
    }

    /// Lets waiting times about an agent end now.
    pub(super) fn drop_inverse_filters_on_agent(&mut self, agent: AgentId) {
        for framework in self.state.asked_about(agent) {
            self.end_waiting(agent, framework);
        }
    }

    /// A framework that went away is asked nothing: open questions end without a word, and so do
    /// waiting times. Its answers stay, unless it is gone for good.
    pub(super) fn leave_inquiries(&mut self, framework: FrameworkId, for_good: bool) {
        for agent in self.state.asked(framework) {
            let inquiry = self.state.maintenance.inquiries.get(&(agent, framework));
            if let Some(offer) = inquiry.and_then(|inquiry| inquiry.offer) {
                self.close_inverse_offer(offer);
            }
            self.end_waiting(agent, framework);
            if for_good {
                self.forget_inquiry(agent, framework);
            }
        }
    }

    /// A framework that revives may be asked again at once.
    pub(super) fn revive_inquiries(&mut self, framework: FrameworkId) {
        for agent in self.state.asked(framework) {
            self.end_waiting(agent, framework);
            self.ask_about(agent);
        }
    }

    fn end_waiting(&mut self, agent: AgentId, framework: FrameworkId) {
        if let Some(inquiry) = self.state.maintenance.inquiries.get_mut(&(agent, framework)) {
            self.state.timers.cancel(inquiry.again.take());
        }
    }

    fn forget_inquiry(&mut self, agent: AgentId, framework: FrameworkId) {
        if let Some(Inquiry { offer, again, .. }) =
            self.state.maintenance.inquiries.remove(&(agent, framework))
        {
            self.state.timers.cancel(again);
            debug_assert!(offer.is_none(), "a question that is still open");
        }
    }
}

impl State {
    /// Who was asked about an agent.
    fn asked_about(&self, agent: AgentId) -> Vec<FrameworkId> {
        if self.maintenance.inquiries.is_empty() {
            return Vec::new();
        }
        let first = (agent, FrameworkId::from_parts(0, 0));
        let of_agent = self.maintenance.inquiries.range(first..);
        of_agent.map(|(key, _)| *key).take_while(|key| key.0 == agent).map(|key| key.1).collect()
    }

    /// About which agents a framework was asked.
    pub(crate) fn asked(&self, framework: FrameworkId) -> Vec<AgentId> {
        let keys = self.maintenance.inquiries.keys();
        keys.filter(|key| key.1 == framework).map(|key| key.0).collect()
    }

    /// The open questions to a framework, as it is told them.
    pub(crate) fn inverse_offers_to(&self, framework: FrameworkId) -> Vec<InverseOfferEvent> {
        let agents = self.asked(framework).into_iter();
        let inquiries = &self.maintenance.inquiries;
        let open = agents.filter_map(|agent| inquiries.get(&(agent, framework))?.offer);
        open.filter_map(|id| self.describe_inverse_offer(id)).collect()
    }
}
