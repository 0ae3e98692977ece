//! Agents that are lost and agents that are gone for good: how fast they may be lost, how long they
//! are remembered.

use super::Machine;
use crate::command::{MarkAgentGone, SessionKind};
use crate::error::Rejection;
use crate::event::Event;
use crate::ids::{AgentId, SessionId};
use crate::reply::Reply;
use crate::state::{Bulk, Liveness, Operation, Task, Timer};
use crate::time::{Nanos, Time};

impl Machine<'_> {
    pub(super) fn mark_agent_gone(
        &mut self,
        sender: Option<SessionId>,
        command: &MarkAgentGone,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        if !self.state.registry.is_gone(command.agent) {
            self.known_agent(command.agent)?;
            self.agent_is_gone(command.agent);
        }
        Ok(Reply::Done)
    }

    /// Ends an agent for good; that it is gone is remembered for a while.
    pub(super) fn agent_is_gone(&mut self, id: AgentId) {
        self.state.registry.mark_gone(id, self.state.now);
        self.start_removing_agent(id);
    }

    /// An agent did not come back in time. Where agents may be lost at a limited rate only, it
    /// waits for its turn: so many at once are rather a fault of the network.
    pub(super) fn reregistration_ends(&mut self, id: AgentId) {
        if self.state.options.agent_removal_rate_limit.is_none() {
            self.agent_unreachable(id);
            return;
        }
        let now = self.state.now;
        if let Some(agent) = self.state.agents.get_mut(id) {
            agent.liveness = Liveness::Overdue(now);
            self.state.work.overdue.insert((now, id));
        }
        self.lose_next_overdue();
    }

    /// Loses the agent that waits longest for its turn, if it may be lost now; else sets the timer
    /// for that.
    pub(super) fn lose_next_overdue(&mut self) {
        let Some(limit) = self.state.options.agent_removal_rate_limit else { return };
        let work = &mut self.state.work;
        if work.permit.is_some() {
            return;
        }
        let now = self.state.now;
        if work.next_permit.is_none_or(|next| next <= now) {
            let Some((_, agent)) = work.overdue.pop_first() else { return };
            work.next_permit = Some(now.plus(limit.interval()));
            self.agent_unreachable(agent);
        }
        let work = &mut self.state.work;
        if let Some(next) = work.next_permit.filter(|_| !work.overdue.is_empty()) {
            work.permit = Some(self.state.timers.set(next, Timer::RemovalPermit));
        }
    }

    /// An agent that came back or was removed waits for nothing any more.
    pub(super) fn not_overdue(&mut self, since: Time, id: AgentId) {
        let work = &mut self.state.work;
        work.overdue.remove(&(since, id));
        if work.overdue.is_empty() {
            self.state.timers.cancel(work.permit.take());
        }
    }

    fn agent_unreachable(&mut self, id: AgentId) {
        let since = self.state.now;
        if let Some(agent) = self.state.agents.get_mut(id) {
            agent.liveness = Liveness::Unreachable(since);
            let total = agent.total.clone();
            self.state.uncount_total(&total);
            self.state.spare.touch(id);
            self.state.registry.away_by_age.insert((since, id));
        }
        self.forget_inquiries_of_agent(id);
        self.tell_all_frameworks(&Event::AgentLost { agent: id });
        self.state.work.bulk.push_back(Bulk::UnreachableTasks(id, since));
        self.plan_collection();
    }

    /// Sets the timer for the next time that something of the lists is to be forgotten.
    pub(super) fn plan_collection(&mut self) {
        let due = self.collection_due();
        let planned = self.state.registry.collection.map(|timer| timer.deadline) == due;
        // Once it is being done, it is planned anew at its end.
        if planned || self.state.work.bulk.contains(&Bulk::Collect) {
            return;
        }
        let registry = &mut self.state.registry;
        self.state.timers.cancel(registry.collection.take());
        registry.collection = due.map(|due| self.state.timers.set(due, Timer::Collection));
    }

    /// What is too old or too much is forgotten at the first full interval after it became so.
    fn collection_due(&self) -> Option<Time> {
        let registry = &self.state.registry;
        let interval = self.state.options.registry_gc_interval_seconds;
        let lists = [&registry.away_by_age, &registry.gone_by_age];
        let from = lists.into_iter().filter_map(|list| {
            let (since, _) = list.first()?;
            let too_many = list.len() > self.agents_remembered();
            let old = since.plus(self.state.options.max_agent_age_seconds);
            Some(if too_many { self.state.now } else { old.max(self.state.now) })
        });
        from.min().map(|from| self.next_multiple(interval, from))
    }

    fn agents_remembered(&self) -> usize {
        self.state.options.max_agent_count.try_into().unwrap_or(usize::MAX)
    }

    /// The first full interval, counted from the beginning, after a time.
    pub(super) fn next_multiple(&self, interval: Nanos, after: Time) -> Time {
        let elapsed = after.since(self.state.started).0;
        let next = (elapsed / interval.0 + 1).saturating_mul(interval.0);
        self.state.started.plus(Nanos(next))
    }

    /// Forgets agents that cannot be reached or are gone, the oldest first, a bounded number of
    /// objects; says whether it is done.
    pub(super) fn collect(&mut self, budget: &mut usize) -> bool {
        while *budget > 0 {
            let registry = &self.state.registry;
            let oldest = |list: &std::collections::BTreeSet<(Time, AgentId)>| {
                let (since, agent) = *list.first()?;
                let age = self.state.now.since(since);
                let old = age > self.state.options.max_agent_age_seconds;
                (old || list.len() > self.agents_remembered()).then_some(agent)
            };
            if let Some(agent) = oldest(&registry.gone_by_age) {
                self.state.registry.forget_gone(agent);
                *budget -= 1;
            } else if let Some(agent) = oldest(&registry.away_by_age) {
                self.forget_agent(agent, budget);
            } else {
                self.plan_collection();
                return true;
            }
        }
        false
    }

    /// Forgets an agent that cannot be reached, task by task. Nobody is told: the tasks were
    /// unreachable, and are unknown now.
    fn forget_agent(&mut self, id: AgentId, budget: &mut usize) {
        let some = self.some_tasks_of_agent(id, *budget, |task: &Task| !task.state.is_terminal());
        *budget -= some.len();
        for task in some {
            self.remove_task(task);
        }
        let waits = |row: &Operation| !row.state.is_terminal();
        let some = self.state.some_operations_of_agent(id, *budget, waits);
        *budget -= some.len();
        for operation in some {
            self.remove_operation(operation);
        }
        if *budget == 0 {
            return;
        }
        *budget -= 1;
        self.drop_filters_on_agent(id);
        self.forget_candidate(id);
        self.forget_inquiries_of_agent(id);
        self.state.look_away(id);
        let Some(agent) = self.state.agents.remove(id) else { return };
        if let Liveness::Unreachable(since) = agent.liveness {
            self.state.registry.away_by_age.remove(&(since, id));
        }
        if let Some(name) = agent.name {
            self.state.agent_ids.remove(&name);
        }
    }
}
