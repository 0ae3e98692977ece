//! Agents on the way out: gone for good, lost at a limited rate, drained.

use tamias::command::{DrainAgent, MarkAgentGone, SessionKind};
use tamias::error::Code;
use tamias::event::{Event, RescindReason};
use tamias::ids::{AgentId, FrameworkId, SessionId, TaskId};
use tamias::limits::TIMEOUT_MAX;
use tamias::reply::Reply;
use tamias::status::{Reason, TaskState};
use tamias::time::{Nanos, Time};

use super::facts::{Agent, AgentStanding, Chore, Drain};
use super::pile::Pile;
use super::{Model, Verdict};

impl Model {
    pub(super) fn mark_agent_gone(
        &mut self,
        sender: Option<SessionId>,
        command: &MarkAgentGone,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        if !self.gone.contains_key(&command.agent) {
            self.expect_agent(command.agent)?;
            self.agent_is_gone(command.agent);
        }
        Ok(Reply::Done)
    }

    fn agent_is_gone(&mut self, id: AgentId) {
        self.gone.insert(id, self.now);
        self.take_away_agent(id);
    }

    /// An agent is removed: its offers and its name go at once, its tasks later.
    pub(super) fn take_away_agent(&mut self, id: AgentId) {
        self.rescind_offers_of_agent(id, RescindReason::AgentInactive);
        self.tell_agent(id, Event::AgentRemoved { agent: id });
        self.filters.retain(|filter| filter.agent != id);
        self.forget_questions_about(id);
        let agent = self.agents.get_mut(&id).expect("it is known");
        agent.standing = AgentStanding::Leaving;
        (agent.name, agent.total, agent.drain) = (None, Pile::default(), None);
        self.cancel_permit_if_idle();
        self.look_now.remove(&id);
        self.runs.iter_mut().for_each(|run| run.retain(|listed| *listed != id));
        self.runs.retain(|run| !run.is_empty());
        self.look_later.remove(&id);
        self.cancel_batch_if_idle();
        self.plan_collection();
        self.tell_all_frameworks(&Event::AgentLost { agent: id });
        self.chores.push_back(Chore::RemoveAgent(id));
    }

    pub(super) fn drain_agent(
        &mut self,
        sender: Option<SessionId>,
        command: &DrainAgent,
    ) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        let id = command.agent;
        let max_grace = command.max_grace_seconds;
        let mut faults = self.expect_agent(id).err().unwrap_or_default();
        if max_grace.is_some_and(|grace| grace < Nanos::ZERO || grace > TIMEOUT_MAX) {
            faults.push(Code::BadTime);
        }
        let cannot = |agent: &Agent| !agent.can_drain || self.window_of(id).is_some();
        if self.agents.get(&id).is_some_and(cannot) {
            faults.push(Code::FailedPrecondition);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let agent = self.agents.get_mut(&id).expect("it is known");
        agent.deactivated = true;
        agent.drain = Some(Drain { max_grace, mark_gone: command.mark_gone, drained: false });
        let kills = Chore::Drain(id, None);
        if !self.tasks_where(|task| task.agent == id).is_empty() && !self.chores.contains(&kills) {
            self.chores.push_back(kills);
        }
        self.rescind_offers_of_agent(id, RescindReason::AgentInactive);
        self.see_if_drained(id);
        Ok(Reply::Done)
    }

    /// Kills some tasks of an agent that is drained; gives the last, if there may be more.
    pub(super) fn kill_for_drain(
        &mut self,
        id: AgentId,
        after: Option<TaskId>,
        left: &mut usize,
    ) -> Option<TaskId> {
        let drain = self.agents.get(&id)?.drain.filter(|drain| !drain.drained)?;
        let mut tasks = self.tasks_where(|task| task.agent == id);
        tasks.retain(|task| after.is_none_or(|after| *task > after));
        tasks.truncate(*left);
        *left -= tasks.len();
        for task in &tasks {
            let own = self.tasks[task].kill_grace;
            // Its own grace, if the drain leaves it that long.
            let shorter = drain.max_grace.filter(|most| own.is_none_or(|own| own > *most));
            self.kill_with(*task, shorter);
        }
        if *left == 0 { tasks.last().copied() } else { None }
    }

    /// A connected agent without tasks is drained, and that may be the end of it.
    pub(super) fn see_if_drained(&mut self, id: AgentId) {
        let busy = self.tasks.values().any(|task| task.agent == id);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let connected = matches!(agent.standing, AgentStanding::Connected(_));
        let Some(drain) = agent.drain.as_mut().filter(|drain| !drain.drained) else { return };
        if busy || !connected {
            return;
        }
        if drain.mark_gone {
            self.agent_is_gone(id);
        } else {
            drain.drained = true;
        }
    }

    /// What a drain makes of a report of its agent.
    pub(super) fn report_of_drain(
        &self,
        agent: AgentId,
        framework: FrameworkId,
        state: TaskState,
    ) -> Option<(TaskState, Reason)> {
        let drain = self.agents[&agent].drain.filter(|drain| !drain.drained)?;
        let aware = self.frameworks[&framework].aware;
        match state {
            TaskState::Killed if drain.mark_gone && aware => {
                Some((TaskState::GoneByOperator, Reason::AgentDraining))
            }
            TaskState::Killed | TaskState::Killing => Some((state, Reason::AgentDraining)),
            _ => None,
        }
    }

    /// An agent did not come back in time. It is lost now, or when it is its turn.
    pub(super) fn agent_stayed_away(&mut self, id: AgentId) {
        if self.options.agent_removal_rate_limit.is_none() {
            self.lose_agent(id);
            return;
        }
        let standing = AgentStanding::Overdue(self.now);
        self.agents.get_mut(&id).expect("it is known").standing = standing;
        self.lose_next();
    }

    /// Loses the agent that waited longest, if one may be lost now.
    pub(super) fn lose_next(&mut self) {
        let limit = self.options.agent_removal_rate_limit.expect("they wait for a reason");
        if self.next_permit.is_some() {
            return;
        }
        if self.permit_after.is_none_or(|after| after <= self.now) {
            let Some((_, first)) = self.overdue().first().copied() else { return };
            let between = Nanos(limit.seconds.0 / i64::from(limit.count));
            self.permit_after = Some(self.now.plus(between));
            self.lose_agent(first);
        }
        if !self.overdue().is_empty() {
            let after = self.permit_after.expect("one was lost");
            self.next_permit = Some(self.alarm(after));
        }
    }

    fn overdue(&self) -> Vec<(Time, AgentId)> {
        let since = |(id, agent): (&AgentId, &Agent)| match agent.standing {
            AgentStanding::Overdue(since) => Some((since, *id)),
            _ => None,
        };
        let mut overdue: Vec<_> = self.agents.iter().filter_map(since).collect();
        overdue.sort_unstable();
        overdue
    }

    pub(super) fn cancel_permit_if_idle(&mut self) {
        if self.overdue().is_empty() {
            self.next_permit = None;
        }
    }

    fn lose_agent(&mut self, id: AgentId) {
        let standing = AgentStanding::Unreachable(self.now);
        self.agents.get_mut(&id).expect("it is known").standing = standing;
        self.forget_questions_about(id);
        self.tell_all_frameworks(&Event::AgentLost { agent: id });
        self.chores.push_back(Chore::LoseTasks(id, self.now));
        self.plan_collection();
    }

    /// Agents that cannot be reached, those that were lost first at the front.
    fn lost_agents(&self) -> Vec<(Time, AgentId)> {
        let since = |(id, agent): (&AgentId, &Agent)| match agent.standing {
            AgentStanding::Unreachable(since) => Some((since, *id)),
            _ => None,
        };
        let mut lost: Vec<_> = self.agents.iter().filter_map(since).collect();
        lost.sort_unstable();
        lost
    }

    /// Agents that are gone for good, those that went first at the front.
    fn gone_agents(&self) -> Vec<(Time, AgentId)> {
        let mut gone: Vec<_> = self.gone.iter().map(|(id, since)| (*since, *id)).collect();
        gone.sort_unstable();
        gone
    }

    /// The oldest of a list, if it is too old, or the list too long.
    fn to_forget(&self, list: &[(Time, AgentId)]) -> Option<AgentId> {
        let (since, first) = *list.first()?;
        let old = self.now.since(since) > self.options.max_agent_age_seconds;
        (old || list.len() > self.options.max_agent_count as usize).then_some(first)
    }

    /// Something changed in the lists: the first full interval at which an agent is too old or too
    /// much is the time to forget it.
    pub(super) fn plan_collection(&mut self) {
        if self.chores.contains(&Chore::Collect) {
            return;
        }
        let due = |list: Vec<(Time, AgentId)>| {
            let (since, _) = *list.first()?;
            let old = since.plus(self.options.max_agent_age_seconds).max(self.now);
            let too_many = list.len() > self.options.max_agent_count as usize;
            let from = if too_many { self.now } else { old };
            Some(self.next_full(self.options.registry_gc_interval_seconds, from))
        };
        let due = due(self.lost_agents()).into_iter().chain(due(self.gone_agents())).min();
        if self.next_collection.map(|alarm| alarm.at) != due {
            self.next_collection = due.map(|due| self.alarm(due));
        }
    }

    /// The first full interval after a time; intervals are counted from the beginning.
    pub(super) fn next_full(&self, interval: Nanos, after: Time) -> Time {
        let passed = after.since(self.started).0 / interval.0;
        self.started.plus(Nanos((passed + 1).saturating_mul(interval.0)))
    }

    /// Forgets agents, first those that are gone; says whether there may be more.
    pub(super) fn collect(&mut self, left: &mut usize) -> bool {
        while *left > 0 {
            if let Some(agent) = self.to_forget(&self.gone_agents()) {
                self.gone.remove(&agent);
                *left -= 1;
            } else if let Some(agent) = self.to_forget(&self.lost_agents()) {
                self.forget_lost_agent(agent, left);
            } else {
                self.plan_collection();
                return false;
            }
        }
        true
    }

    /// Forgets an agent and what is not over there; nobody is told.
    fn forget_lost_agent(&mut self, id: AgentId, left: &mut usize) {
        let mut tasks = self.tasks_where(|task| task.agent == id && !task.state.is_terminal());
        tasks.truncate(*left);
        *left -= tasks.len();
        for task in tasks {
            self.remove_task(task);
        }
        if *left > 0 {
            *left -= 1;
            self.filters.retain(|filter| filter.agent != id);
            self.runs.iter_mut().for_each(|run| run.retain(|listed| *listed != id));
            self.runs.retain(|run| !run.is_empty());
            self.forget_questions_about(id);
            self.agents.remove(&id);
            self.slots.agents.give_back(id);
        }
    }
}
