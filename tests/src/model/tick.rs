//! What time and pending work bring, in counted steps.
//!
//! A step first works off bulk effects, up to a number of objects. When there are none left, and no
//! agent is to be offered, alarms ring in order, up to a number of them: the periodic allocation
//! before others of the same time, ends of filters after them; as soon as one causes work, only
//! those of the same time and kind follow. When there is no bulk effect left, some agents are
//! offered; when no more are to be offered, frameworks are asked about those that are to go.

use tamias::event::RescindReason;
use tamias::ids::{AgentId, FrameworkId, Id, InverseOfferId, OfferId, TaskId};
use tamias::limits::EFFECTS_PER_STEP;
use tamias::reply::Reply;
use tamias::status::TaskState;
use tamias::time::Time;

use super::Model;
use super::facts::{AgentStanding, Alarm, Chore, FrameworkStanding};

#[derive(Debug, Clone, Copy)]
enum Due {
    Batch,
    OfferExpires(OfferId),
    FilterEnds(AgentId),
    FailoverEnds(FrameworkId),
    AgentIsLost(AgentId),
    TaskIsOverdue(TaskId),
    Retry(TaskId),
    Collection,
    QuestionExpires(InverseOfferId),
    AskAgain(AgentId, FrameworkId),
    Permit,
}

impl Model {
    pub(super) fn tick(&mut self) -> Reply {
        let changed = self.step();
        self.ticked(changed)
    }

    pub(super) fn advance_time(&mut self) -> Reply {
        self.step();
        self.ticked(true)
    }

    fn ticked(&self, changed: bool) -> Reply {
        let next_deadline = self.alarms().into_iter().map(|(alarm, _, _)| alarm.at).min();
        let more = self.has_work() || next_deadline.is_some_and(|at| at <= self.now);
        Reply::Ticked { changed, more, next_deadline }
    }

    fn has_work(&self) -> bool {
        !self.chores.is_empty() || self.is_someone_to_be_offered() || !self.to_ask.is_empty()
    }

    fn is_someone_to_be_offered(&self) -> bool {
        !self.look_now.is_empty() || !self.runs.is_empty()
    }

    /// When a tick has something to do at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        let alarms = self.alarms();
        let first = alarms.iter().map(|(alarm, _, _)| alarm.at).min();
        if self.has_work() { Some(self.now) } else { first }
    }

    fn step(&mut self) -> bool {
        let mut changed = self.work_off_chores();
        if !self.has_work() {
            changed |= self.ring_alarms();
        }
        if self.chores.is_empty() {
            changed |= self.offer_some_agents();
        }
        if self.chores.is_empty() && !self.is_someone_to_be_offered() {
            changed |= self.ask_some();
        }
        changed
    }

    fn work_off_chores(&mut self) -> bool {
        let mut left = EFFECTS_PER_STEP;
        let any = !self.chores.is_empty();
        while left > 0 {
            let Some(chore) = self.chores.pop_front() else { break };
            if let Some(rest) = self.work_off(chore, &mut left) {
                self.chores.push_front(rest);
            }
        }
        any
    }

    /// Works on one bulk effect; gives what is left of it.
    fn work_off(&mut self, chore: Chore, left: &mut usize) -> Option<Chore> {
        match chore {
            Chore::RescindAll(from) => {
                let mut offers = self.offers_where(|_| true);
                offers.retain(|offer| offer.index() >= from);
                offers.sort_by_key(|offer| offer.index());
                offers.truncate(*left);
                for offer in &offers {
                    self.rescind(*offer, RescindReason::WeightsUpdated);
                }
                *left -= offers.len();
                let next = offers.last().map_or(from, |offer| offer.index() + 1);
                (*left == 0).then_some(Chore::RescindAll(next))
            }
            Chore::EndFramework(framework, from) => {
                let mut tasks = self.tasks_where(|task| task.framework == framework);
                tasks.retain(|task| task.index() >= from);
                tasks.sort_by_key(|task| task.index());
                tasks.truncate(*left);
                for task in &tasks {
                    self.end_unwanted_task(*task);
                }
                *left -= tasks.len();
                let next = tasks.last().map_or(from, |task| task.index() + 1);
                (*left == 0).then_some(Chore::EndFramework(framework, next))
            }
            Chore::LoseTasks(agent, since) => {
                let standing = self.agents.get(&agent).map(|agent| agent.standing);
                if standing != Some(AgentStanding::Unreachable(since)) {
                    return None;
                }
                let mut tasks = self.tasks_where(|task| {
                    let ended = task.state.is_terminal() || task.state == TaskState::Unreachable;
                    task.agent == agent && !ended
                });
                tasks.truncate(*left);
                for task in &tasks {
                    self.lose_task(*task, since);
                }
                *left -= tasks.len();
                (*left == 0).then_some(chore)
            }
            Chore::RemoveAgent(agent) => {
                let mut tasks =
                    self.tasks_where(|task| task.agent == agent && !task.state.is_terminal());
                tasks.truncate(*left);
                let gone = self.gone.contains_key(&agent);
                for task in &tasks {
                    self.end_lost_task(*task, gone);
                }
                *left -= tasks.len();
                if *left == 0 {
                    return Some(chore);
                }
                self.agents.remove(&agent);
                self.slots.agents.give_back(agent);
                None
            }
            Chore::Drain(agent, after) => {
                let last = self.kill_for_drain(agent, after, left)?;
                Some(Chore::Drain(agent, Some(last)))
            }
            Chore::Machines(machines, from) => {
                let next = self.refresh_machines(&machines, from, left)?;
                Some(Chore::Machines(machines, next))
            }
            Chore::Collect => self.collect(left).then_some(Chore::Collect),
        }
    }

    /// Everything that is due some time, with its rank among what is due at one time.
    fn alarms(&self) -> Vec<(Alarm, u8, Due)> {
        let mut alarms = Vec::new();
        alarms.extend(self.next_batch.map(|alarm| (alarm, 0, Due::Batch)));
        alarms.extend(self.next_collection.map(|alarm| (alarm, 3, Due::Collection)));
        for (id, offer) in &self.offers {
            alarms.extend(offer.expires.map(|alarm| (alarm, 1, Due::OfferExpires(*id))));
        }
        for (id, framework) in &self.frameworks {
            if let FrameworkStanding::Away(alarm) = framework.standing {
                alarms.push((alarm, 1, Due::FailoverEnds(*id)));
            }
        }
        for (id, agent) in &self.agents {
            if let AgentStanding::Away(alarm) = agent.standing {
                alarms.push((alarm, 1, Due::AgentIsLost(*id)));
            }
        }
        for (id, task) in &self.tasks {
            alarms.extend(task.overdue_at.map(|alarm| (alarm, 1, Due::TaskIsOverdue(*id))));
            alarms.extend(task.retry.map(|(alarm, _)| (alarm, 1, Due::Retry(*id))));
        }
        alarms.extend(self.next_permit.map(|alarm| (alarm, 1, Due::Permit)));
        for (id, question) in &self.questions {
            alarms.extend(question.expires.map(|alarm| (alarm, 1, Due::QuestionExpires(*id))));
        }
        for ((agent, framework), asked) in &self.asked {
            alarms.extend(asked.again.map(|alarm| (alarm, 1, Due::AskAgain(*agent, *framework))));
        }
        for filter in &self.filters {
            alarms.push((filter.ends, 2, Due::FilterEnds(filter.agent)));
        }
        alarms
    }

    fn ring_alarms(&mut self) -> bool {
        let mut last = None;
        for _ in 0..EFFECTS_PER_STEP {
            let alarms = self.alarms().into_iter();
            let first = alarms.min_by_key(|(alarm, rank, _)| (alarm.at, *rank, alarm.set));
            let Some((alarm, rank, due)) = first else { break };
            let together = last == Some((alarm.at, rank));
            if alarm.at > self.now || self.has_work() && !together {
                break;
            }
            last = Some((alarm.at, rank));
            self.ring(alarm, due);
        }
        last.is_some()
    }

    fn ring(&mut self, alarm: Alarm, due: Due) {
        match due {
            Due::Batch => {
                self.next_batch = None;
                self.look_now.append(&mut self.look_later);
            }
            Due::OfferExpires(offer) => self.rescind(offer, RescindReason::Timeout),
            Due::FilterEnds(agent) => {
                self.filters.retain(|filter| filter.ends != alarm);
                self.look_again(agent);
            }
            Due::FailoverEnds(framework) => self.remove_framework(framework),
            Due::AgentIsLost(id) => self.agent_stayed_away(id),
            Due::TaskIsOverdue(id) => {
                let task = self.tasks.get_mut(&id).expect("it is known");
                (task.overdue, task.overdue_at) = (true, None);
                self.kill_with(id, None);
            }
            Due::Retry(task) => self.tell_again(task),
            Due::Collection => {
                self.next_collection = None;
                self.chores.push_back(Chore::Collect);
            }
            Due::QuestionExpires(id) => self.question_expires(id),
            Due::AskAgain(agent, framework) => self.rest_is_over(agent, framework),
            Due::Permit => {
                self.next_permit = None;
                self.lose_next();
            }
        }
    }

    /// Something happened that makes an agent worth looking at now.
    pub(super) fn look_at(&mut self, agent: AgentId) {
        if self.is_active(agent) && !self.options.allocate_only_on_command {
            self.look_later.remove(&agent);
            self.look_now.insert(agent);
            self.cancel_batch_if_idle();
        }
    }

    pub(super) fn look_at_all(&mut self) {
        for agent in self.agents.keys().copied().collect::<Vec<_>>() {
            self.look_at(agent);
        }
    }

    /// Something was returned on an agent, or may be offered again: now, or at the next interval,
    /// as the options say.
    pub(super) fn look_again(&mut self, agent: AgentId) {
        if self.options.allocate_only_on_command {
            return;
        }
        if self.options.allocate_on_recovery {
            self.look_at(agent);
        } else if self.is_active(agent) && !self.look_now.contains(&agent) {
            self.look_later.insert(agent);
            if self.next_batch.is_none() {
                let next = self.next_full(self.options.allocation_interval_seconds, self.now);
                self.next_batch = Some(self.alarm(next));
            }
        }
    }

    pub(super) fn cancel_batch_if_idle(&mut self) {
        if self.look_later.is_empty() {
            self.next_batch = None;
        }
    }
}
