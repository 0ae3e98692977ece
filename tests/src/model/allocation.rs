//! Who is offered what: weighted dominant resource fairness over roles, then over the frameworks
//! of a role.

use num_rational::Ratio;
use tamias::event::{Event, Offer as OfferEvent};
use tamias::ids::{AgentId, FrameworkId};
use tamias::limits::AGENTS_PER_STEP;

use super::Model;
use super::facts::{AgentStanding, Offer};
use super::{names, pile::Pile};

impl Model {
    pub(super) fn offer_some_agents(&mut self) -> bool {
        let agents = self.next_to_be_offered();
        for agent in &agents {
            self.offer_agent(*agent);
        }
        !agents.is_empty()
    }

    /// Runs that were asked for go first, each for itself.
    fn next_to_be_offered(&mut self) -> Vec<AgentId> {
        let mut agents = Vec::new();
        while agents.len() < AGENTS_PER_STEP {
            let next = match self.runs.front_mut() {
                Some(run) => run.pop_front(),
                None => self.look_now.pop_first(),
            };
            let Some(agent) = next else { break };
            agents.push(agent);
        }
        self.runs.retain(|run| !run.is_empty());
        agents
    }

    /// What nobody is offered and no task holds.
    pub fn free(&self, agent: AgentId) -> Pile {
        self.agents[&agent].total.minus(&self.offered(agent)).minus(&self.allocated(agent))
    }

    /// Offers all that is free on an agent to the first in line that may have it.
    fn offer_agent(&mut self, agent: AgentId) {
        if !self.is_active(agent) {
            return;
        }
        let free = self.free(agent);
        if !self.is_worth_offering(&free) {
            return;
        }
        let line = self.line().into_iter();
        let mut willing = line.filter(|(role, f)| self.may_have(*f, role, agent, &free));
        if let Some((role, framework)) = willing.next() {
            self.make_offer(agent, framework, &role, free);
        }
    }

    /// Roles and frameworks in the order in which they are served.
    fn line(&self) -> Vec<(String, FrameworkId)> {
        self.line_below(None)
    }

    /// Those below a role, and its own: siblings compete, each with all below it.
    fn line_below(&self, above: Option<&str>) -> Vec<(String, FrameworkId)> {
        let mut siblings = Vec::new();
        for (name, role) in &self.roles {
            let is_child = name.rsplit_once('/').map(|(above, _)| above) == above;
            if is_child {
                let share = self.share(&self.held_below(name), role.weight.milli().into());
                siblings.push((share, role.offers_made, name.clone(), false));
            }
        }
        if let Some(name) = above {
            let share = self.share(&self.held(name, None), 1000);
            let made = self.roles[name].own_offers_made;
            siblings.push((share, made, format!("{name}/."), true));
        }
        siblings.sort();
        let mut line = Vec::new();
        for (_, _, path, own) in siblings {
            match above.filter(|_| own) {
                Some(role) => {
                    line.extend(self.line_within(role).into_iter().map(|f| (role.to_owned(), f)));
                }
                None => line.extend(self.line_below(Some(&path))),
            }
        }
        line
    }

    /// The frameworks of one role.
    fn line_within(&self, role: &str) -> Vec<FrameworkId> {
        let mut line = Vec::new();
        for (id, framework) in &self.frameworks {
            let Some(part) = framework.parts.get(role) else { continue };
            let share = self.share(&self.held(role, Some(*id)), 1000);
            line.push((share, part.offers_made, framework.name.clone(), *id));
        }
        line.sort();
        line.into_iter().map(|(_, _, _, id)| id).collect()
    }

    /// The largest part that is held of anything, by the weight in thousandths.
    fn share(&self, held: &Pile, weight: i128) -> Ratio<i128> {
        let whole = self.whole();
        let excluded = &self.options.fairness_exclude;
        let parts = held.scalars.iter().filter(|(name, _)| {
            whole.milli(name) > 0 && excluded.iter().all(|excluded| excluded.as_str() != **name)
        });
        let parts = parts.map(|(name, milli)| Ratio::new(*milli, whole.milli(name) * weight));
        parts.max().unwrap_or_else(|| Ratio::from_integer(0))
    }

    /// Whether one of the smallest amounts worth offering is free, if there are any.
    pub fn is_worth_offering(&self, free: &Pile) -> bool {
        let sets = &self.options.min_allocatable;
        let enough = |set: &tamias::resources::Quantities| {
            set.iter().all(|(name, least)| free.quantity(name.as_str()) >= least.milli().into())
        };
        !free.is_empty() && (sets.is_empty() || sets.iter().any(enough))
    }

    /// Whether the framework is there for it, wants offers in the role, and has not refused this.
    fn may_have(&self, framework: FrameworkId, role: &str, agent: AgentId, free: &Pile) -> bool {
        let part = &self.frameworks[&framework].parts[role];
        self.session_of_framework(framework).is_some()
            && part.subscribed
            && !part.suppressed
            && (!self.options.filter_gpu
                || self.frameworks[&framework].gpus
                || !self.has_gpus(agent))
            && !self.is_refused(framework, role, agent, free)
    }

    fn has_gpus(&self, agent: AgentId) -> bool {
        self.agents[&agent].total.quantity("gpus") > 0
    }

    /// Whether the framework refused at least this.
    pub fn is_refused(
        &self,
        framework: FrameworkId,
        role: &str,
        agent: AgentId,
        free: &Pile,
    ) -> bool {
        self.filters.iter().any(|filter| {
            filter.framework == framework
                && filter.role == role
                && filter.agent == agent
                && filter.resources.holds(free)
        })
    }

    fn make_offer(&mut self, agent: AgentId, framework: FrameworkId, role: &str, free: Pile) {
        let id = self.slots.grants.take();
        let expires = self.options.offer_timeout_seconds.map(|timeout| self.alarm_in(timeout));
        let row = &self.agents[&agent];
        debug_assert!(matches!(row.standing, AgentStanding::Connected(_)));
        let event = OfferEvent {
            offer: id,
            agent,
            agent_name: row.name.as_deref().map(Into::into),
            hostname: row.hostname.as_deref().map(Into::into),
            domain: None,
            unavailability: self.unavailability_of(agent),
            role: role.into(),
            resources: free.to_resources(),
            attributes: row.attributes.clone().into(),
            executors: Vec::new(),
            expires: expires.map(|alarm| alarm.at),
        };
        self.tell_framework(framework, Event::Offer(Box::new(event)));
        self.roles.get_mut(role).expect("it has a framework").own_offers_made += 1;
        for (name, row) in &mut self.roles {
            row.offers_made += u64::from(name == role || names::is_below(role, name));
        }
        let parts = &mut self.frameworks.get_mut(&framework).expect("it is there").parts;
        parts.get_mut(role).expect("it takes part").offers_made += 1;
        let (role, resources) = (role.to_owned(), free);
        self.offers.insert(id, Offer { framework, role, agent, resources, expires });
        self.ask_about(agent);
    }
}
