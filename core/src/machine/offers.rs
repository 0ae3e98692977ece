//! Making and ending offers; declines and the filters they leave.

use super::{Machine, over_limit};
use crate::allocator::Placement;
use crate::command::Decline;
use crate::error::Rejection;
use crate::event::{Event, Offer, RescindReason};
use crate::ids::{AgentId, FrameworkId, GrantId, OfferId, RoleId, SessionId};
use crate::limits::{FILTERS_PER_AGENT_MAX, OFFERS_PER_COMMAND_MAX, REFUSE_DEFAULT, REFUSE_MAX};
use crate::reply::Reply;
use crate::resources::{Bundle, Resources};
use crate::state::{Filter, Grant, GrantKind, Timer};
use crate::time::Nanos;

impl Machine<'_> {
    /// Makes an offer of what the allocator decided; the framework is told when the run is over.
    pub(super) fn make_offer(&mut self, agent: AgentId, placement: Placement) -> OfferId {
        let Placement { framework, role, resources } = placement;
        let timeout = self.state.options.offer_timeout_seconds;
        let expires = timeout.map(|timeout| self.state.now.plus(timeout));
        let id = self.state.grants.next_id();
        let timer =
            expires.map(|deadline| self.state.timers.set(deadline, Timer::OfferExpires(id)));
        let kind = GrantKind::Offered(timer);
        self.state.open_grant(Grant { agent, framework, role, resources, kind });
        self.state.count_offer(framework, role);
        self.ask_about(agent);
        id
    }

    /// Adds to an offer of the same run that its framework was not yet told of.
    pub(super) fn extend_offer(&mut self, id: OfferId, placement: &Placement) {
        self.state.extend_grant(id, &placement.resources);
        self.state.count_offer(placement.framework, placement.role);
    }

    /// Tells the framework of an offer.
    pub(super) fn tell_offer(&mut self, id: OfferId) {
        let framework = self.state.grants.get(id).map(|grant| grant.framework);
        if let (Some(framework), Some(offer)) = (framework, self.state.describe_offer(id)) {
            self.tell_framework(framework, Event::Offer(Box::new(offer)));
        }
    }

    /// Ends an offer without the framework's doing; its resources are offered again.
    pub(super) fn rescind(&mut self, id: OfferId, reason: RescindReason) {
        if let Some(grant) = self.state.close_grant(id) {
            self.tell_framework(grant.framework, Event::Rescind { offer: id, reason });
            self.offer_again(grant.agent);
        }
    }

    pub(super) fn end_offers_of_agent(&mut self, id: AgentId, reason: RescindReason) {
        self.state.spare.touch(id);
        let grants = self.state.agents.get(id).map(|agent| &agent.grants);
        for offer in self.offers_among(grants) {
            self.rescind(offer, reason);
        }
    }

    /// Ends a framework's offers in some roles, in the order of their ids. Without a reason it is
    /// not told.
    pub(super) fn end_offers_of_framework(
        &mut self,
        id: FrameworkId,
        in_role: impl Fn(RoleId) -> bool,
        reason: Option<RescindReason>,
    ) {
        let Some(framework) = self.state.frameworks.get(id) else { return };
        let parts = framework.roles.iter().filter(|(role, _)| in_role(**role));
        let grants = parts.flat_map(|(_, part)| &part.grants);
        let mut offers = self.offers_among(Some(grants));
        offers.sort_unstable();
        for offer in offers {
            match reason {
                Some(reason) => self.rescind(offer, reason),
                None => {
                    if let Some(grant) = self.state.close_grant(offer) {
                        self.offer_again(grant.agent);
                    }
                }
            }
        }
    }

    fn offers_among<'a>(
        &self,
        grants: Option<impl IntoIterator<Item = &'a GrantId>>,
    ) -> Vec<OfferId> {
        let ids = grants.into_iter().flatten().copied();
        ids.filter(|id| self.state.grants.get(*id).is_some_and(Grant::is_offer)).collect()
    }

    pub(super) fn decline(
        &mut self,
        sender: Option<SessionId>,
        command: &Decline,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        if command.offers.len() > OFFERS_PER_COMMAND_MAX {
            let count = command.offers.len();
            return Err(over_limit("offers", count, OFFERS_PER_COMMAND_MAX).at("offers"));
        }
        let refuse = command.refuse_seconds.unwrap_or(self.state.options.decline_refuse_seconds);
        let mut gone = Vec::new();
        for &offer in &command.offers {
            let grant = self.state.grants.get(offer);
            if !grant.is_some_and(|grant| grant.is_offer() && grant.framework == framework) {
                gone.push(offer);
                continue;
            }
            if let Some(grant) = self.state.close_grant(offer) {
                self.refuse(framework, grant.role, grant.agent, grant.resources, refuse);
                self.offer_again(grant.agent);
            }
        }
        Ok(Reply::Declined { gone })
    }

    /// Installs a filter: `resources` of that agent, or less, are not offered again for a while.
    pub(super) fn refuse(
        &mut self,
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        resources: Bundle,
        refuse: Nanos,
    ) {
        let Some(lifetime) = self.filter_lifetime(refuse) else { return };
        if resources.is_empty() {
            return;
        }
        let expires = self.state.now.plus(lifetime);
        let due = Timer::FiltersExpire(framework, role, agent);
        let timer = self.state.timers.set(expires, due);
        let parts = self.state.frameworks.get_mut(framework).map(|f| &mut f.roles);
        let Some(part) = parts.and_then(|roles| roles.get_mut(&role)) else {
            self.state.timers.cancel(Some(timer));
            return;
        };
        let filters = part.filters.entry(agent).or_default();
        filters.push(Filter { resources, expires, timer });
        if filters.len() > FILTERS_PER_AGENT_MAX {
            let first = (0..filters.len()).min_by_key(|&i| filters[i].expires).unwrap_or(0);
            let dropped = filters.remove(first);
            self.state.timers.cancel(Some(dropped.timer));
        }
    }

    /// How long a filter lives: at least through the next allocation, at most a year; a refusal of
    /// 0 seconds is none. Where recovered resources are offered at once, even 0 seconds keep them
    /// from this framework for an interval: decline and offer would spin otherwise.
    fn filter_lifetime(&self, refuse: Nanos) -> Option<Nanos> {
        let options = &self.state.options;
        let refuse = clamp_refusal(refuse);
        if refuse == Nanos::ZERO && !options.allocate_on_recovery {
            return None;
        }
        Some(refuse.max(options.allocation_interval_seconds))
    }

    pub(super) fn drop_filters_on_agent(&mut self, agent: AgentId) {
        let frameworks: Vec<_> = self.state.frameworks.ids().collect();
        for id in frameworks {
            let has = self.state.frameworks.get(id).is_some_and(|framework| {
                framework.roles.values().any(|part| part.filters.contains_key(&agent))
            });
            if !has {
                continue;
            }
            let Some(framework) = self.state.frameworks.get_mut(id) else { continue };
            for part in framework.roles.values_mut() {
                for filter in part.filters.remove(&agent).into_iter().flatten() {
                    self.state.timers.cancel(Some(filter.timer));
                }
            }
        }
    }

    /// An event made an agent worth looking at: offer it in the next step.
    pub(super) fn offer_now(&mut self, agent: AgentId) {
        self.state.spare.touch(agent);
        if self.state.options.allocate_only_on_command {
            return;
        }
        if self.state.agents.get(agent).is_some_and(|agent| agent.is_active()) {
            self.state.work.waiting.remove(&agent);
            self.state.work.candidates.insert(agent);
            self.cancel_idle_interval();
        }
    }

    pub(super) fn offer_all_now(&mut self) {
        let agents: Vec<_> = self.state.agents.ids().collect();
        for agent in agents {
            self.offer_now(agent);
        }
    }

    /// Resources of an agent came back: offer them in the next step, or at the next interval.
    pub(super) fn offer_again(&mut self, agent: AgentId) {
        self.state.spare.touch(agent);
        if self.state.options.allocate_only_on_command {
            return;
        }
        if self.state.options.allocate_on_recovery {
            self.offer_now(agent);
            return;
        }
        self.offer_at_interval(agent);
    }

    /// Something may be offered of an agent that could not be before: offer it at the next
    /// interval.
    pub(super) fn offer_at_interval(&mut self, agent: AgentId) {
        let active = self.state.agents.get(agent).is_some_and(|agent| agent.is_active());
        if !active || self.state.work.candidates.contains(&agent) {
            return;
        }
        self.state.work.waiting.insert(agent);
        self.set_interval();
    }

    pub(super) fn set_interval(&mut self) {
        if self.state.work.interval.is_none() {
            let interval = self.state.options.allocation_interval_seconds;
            let deadline = self.next_multiple(interval, self.state.now);
            self.state.work.interval = Some(self.state.timers.set(deadline, Timer::Allocation));
        }
    }

    /// An agent that goes away is no candidate any more.
    pub(super) fn forget_candidate(&mut self, agent: AgentId) {
        self.state.spare.touch(agent);
        self.state.work.forget_candidate(agent);
        self.cancel_idle_interval();
    }

    pub(super) fn cancel_idle_interval(&mut self) {
        if !self.state.work.waits() {
            self.state.timers.cancel(self.state.work.interval.take());
        }
    }
}

/// A refusal as it is meant: a negative one is a mistake, a very long one means for good.
pub(super) fn clamp_refusal(refuse: Nanos) -> Nanos {
    if refuse < Nanos::ZERO { REFUSE_DEFAULT } else { refuse.min(REFUSE_MAX) }
}

impl crate::state::State {
    /// An offer as its framework is told it.
    pub(crate) fn describe_offer(&self, id: OfferId) -> Option<Offer> {
        let grant = self.grants.get(id)?;
        let GrantKind::Offered(timer) = grant.kind else { return None };
        let agent = self.agents.get(grant.agent)?;
        Some(Offer {
            offer: id,
            agent: grant.agent,
            agent_name: agent.name.clone(),
            hostname: agent.hostname.clone(),
            domain: agent.domain.clone(),
            unavailability: self.planned(grant.agent).map(|planned| planned.unavailability),
            role: self.roles.get(grant.role)?.name.clone(),
            resources: without_hidden(self.names.named(&grant.resources)),
            attributes: agent.attributes.clone(),
            executors: self.executors_on(grant.framework, grant.agent),
            expires: timer.map(|key| key.deadline),
        })
    }
    /// What a session must be told again after it lost events: everything that is still open.
    pub(crate) fn events_to_repeat(&self, session: SessionId) -> Vec<Event> {
        let Some(row) = self.sessions.get(session) else { return Vec::new() };
        let mut events = self.snapshot_of(session);
        if let Some(framework) = row.framework.and_then(|id| self.frameworks.get(id)) {
            let grants = framework.roles.values().flat_map(|part| &part.grants);
            let offers = grants.filter_map(|id| self.describe_offer(*id));
            events.extend(offers.map(|offer| Event::Offer(Box::new(offer))));
            let asked = row.framework.map(|id| self.inverse_offers_to(id)).unwrap_or_default();
            events.extend(asked.into_iter().map(Event::InverseOffer));
            let mut tasks: Vec<_> = framework.tasks.values().copied().collect();
            tasks.sort_unstable();
            let updates = tasks.into_iter().filter_map(|id| self.describe_update(id));
            events.extend(updates.map(Event::Update));
            let own = framework.operations.iter();
            let ends = own.filter_map(|id| self.describe_end_of_operation(*id));
            events.extend(ends.map(|status| Event::OperationUpdate(Box::new(status))));
        }
        for agent in &row.agents {
            let Some(row) = self.agents.get(*agent) else { continue };
            if row.converted {
                events.extend(self.describe_checkpoint(*agent));
            }
            let of_executor = |id: &_| self.describe_change_of_executor(*id);
            events.extend(row.executors.iter().filter_map(of_executor));
            for id in &row.tasks {
                events.extend(self.describe_start(*id));
                events.extend(self.describe_kill(*id));
            }
            let waiting = row.operations.iter().filter_map(|id| self.describe_application(*id));
            events.extend(waiting.map(Event::ApplyOperation));
        }
        events
    }
}

/// What an offer shows: ports that the agent gives to tasks by itself go with it unseen.
fn without_hidden(resources: Resources) -> Resources {
    const HIDDEN: &str = "ephemeral_ports";
    if resources.iter().all(|item| item.key.name.as_str() != HIDDEN) {
        return resources;
    }
    resources.filter(|key| key.name.as_str() != HIDDEN)
}
