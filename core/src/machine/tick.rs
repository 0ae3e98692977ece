//! What time and pending work bring, in counted steps: bulk effects, then timers, then allocation.
//!
//! A step is bounded by counts of `limits.rs`, never by a clock, so that a replay makes the same
//! steps. Bulk effects come first, so that no offer is made on ground that is being cleared.
//! Timers wait while agents are to be offered: what was due earlier sees the earlier state.

use super::Machine;
use super::run::Run;
use crate::event::RescindReason;
use crate::ids::{AgentId, Id};
use crate::limits::EFFECTS_PER_STEP;
use crate::reply::Reply;
use crate::state::{Bulk, Connection, Executor, Hold, Liveness, Operation, Timer, TimerKey};
use crate::status::{OperationState, TaskState};
use crate::time::Time;

impl Machine<'_> {
    pub(super) fn tick(&mut self) -> Reply {
        let changed = self.step();
        self.ticked(changed)
    }

    /// A tick that may move the clock by any step; it counts even if nothing else is due.
    pub(super) fn advance_time(&mut self) -> Reply {
        self.step();
        self.ticked(true)
    }

    fn ticked(&self, changed: bool) -> Reply {
        let due = self.state.timers.next_deadline();
        let more = self.state.work.is_pending() || due.is_some_and(|due| due <= self.state.now);
        Reply::Ticked { changed, more, next_deadline: due }
    }

    /// One counted step; returns whether it changed anything.
    fn step(&mut self) -> bool {
        let mut changed = self.work_off_bulk();
        if !self.state.work.bulk.is_empty() {
            return changed;
        }
        if !self.state.work.is_allocation_pending() && self.state.work.to_ask.is_empty() {
            changed |= self.fire_timers();
        }
        if self.state.work.bulk.is_empty() {
            changed |= self.allocate();
        }
        // Only then, for who was just made an offer is asked as well.
        if self.state.work.bulk.is_empty() && !self.state.work.is_allocation_pending() {
            changed |= self.ask_some();
        }
        changed
    }

    /// Offers some of the agents that wait for it.
    fn allocate(&mut self) -> bool {
        if !self.state.work.is_allocation_pending() {
            return false;
        }
        Run::new(self.state).over(self);
        true
    }

    /// Fires due timers: those of one instant and rank together, then whatever they made due has
    /// its turn first.
    fn fire_timers(&mut self) -> bool {
        let mut last: Option<TimerKey> = None;
        for _ in 0..EFFECTS_PER_STEP {
            let Some(first) = self.state.timers.first() else { break };
            let together =
                |last: TimerKey| (last.deadline, last.rank) == (first.deadline, first.rank);
            if self.state.work.is_pending() && !last.is_some_and(together) {
                break;
            }
            let Some((key, timer)) = self.state.timers.pop_due(self.state.now) else { break };
            last = Some(key);
            self.fire(key, timer);
        }
        last.is_some()
    }

    fn fire(&mut self, key: TimerKey, timer: Timer) {
        match timer {
            Timer::Allocation => {
                self.state.work.interval = None;
                let mut waiting = std::mem::take(&mut self.state.work.waiting);
                self.state.work.candidates.append(&mut waiting);
                if std::mem::take(&mut self.state.work.round_waits) {
                    self.state.work.begin_round();
                }
            }
            Timer::OfferExpires(offer) => self.rescind(offer, RescindReason::Timeout),
            Timer::FiltersExpire(framework, role, agent) => {
                if let Some(part) = self.state.part_mut(framework, role) {
                    if let Some(filters) = part.filters.get_mut(&agent) {
                        filters.retain(|filter| filter.timer != key);
                        if filters.is_empty() {
                            part.filters.remove(&agent);
                        }
                    }
                }
                self.offer_again(agent);
            }
            Timer::FailoverEnds(framework) => {
                if let Some(row) = self.state.frameworks.get_mut(framework) {
                    debug_assert_eq!(row.connection, Connection::Disconnected(key));
                    self.remove_framework(framework);
                }
            }
            Timer::ReregistrationEnds(agent) => self.reregistration_ends(agent),
            Timer::TaskOverdue(task) => {
                if let Some(task) = self.state.tasks.get_mut(task) {
                    (task.overdue, task.overdue_timer) = (true, None);
                }
                self.kill_task(task, None);
            }
            Timer::ExecutorUnheard(executor) => self.executor_unheard(executor),
            Timer::UpdateRetry(task) => self.retry_update(task),
            Timer::OperationRetry(operation) => self.retry_operation(operation),
            Timer::InverseOfferExpires(id) => self.inverse_offer_expires(id),
            Timer::AskAgain(agent, framework) => self.may_be_asked_again(agent, framework),
            Timer::HoldEnds => self.state.work.hold = None,
            Timer::Collection => {
                self.state.registry.collection = None;
                self.state.work.bulk.push_back(Bulk::Collect);
            }
            Timer::RemovalPermit => {
                self.state.work.permit = None;
                self.lose_next_overdue();
            }
        }
    }

    /// Works off bulk effects, a bounded number of objects.
    fn work_off_bulk(&mut self) -> bool {
        let mut budget = EFFECTS_PER_STEP;
        let mut changed = false;
        while budget > 0 {
            let Some(bulk) = self.state.work.bulk.pop_front() else { break };
            changed = true;
            if let Some(rest) = self.work_off(bulk, &mut budget) {
                self.state.work.bulk.push_front(rest);
            }
        }
        changed
    }

    /// Works on one bulk effect; returns what is left of it.
    fn work_off(&mut self, bulk: Bulk, budget: &mut usize) -> Option<Bulk> {
        match bulk {
            Bulk::RescindAll(mut slot) => {
                while *budget > 0 {
                    let (id, grant) = self.state.grants.next_from(slot)?;
                    slot = id.index() + 1;
                    if grant.is_offer() {
                        self.rescind(id, RescindReason::WeightsUpdated);
                        *budget -= 1;
                    }
                }
                Some(Bulk::RescindAll(slot))
            }
            Bulk::EnforceLimits(role, slot) => self.enforce_limits(role, slot, budget),
            Bulk::FreeGuarantees(at) => self.free_guarantees(at, budget),
            Bulk::EndFramework(framework, mut slot) => {
                while *budget > 0 {
                    let (id, task) = self.state.tasks.next_from(slot)?;
                    slot = id.index() + 1;
                    if task.framework == framework {
                        self.end_task_of_removed(id);
                        *budget -= 1;
                    }
                }
                Some(Bulk::EndFramework(framework, slot))
            }
            Bulk::EndExecutors(framework, mut slot) => {
                while *budget > 0 {
                    let (id, executor) = self.state.executors.next_from(slot)?;
                    slot = id.index() + 1;
                    if executor.framework == framework {
                        self.end_executor_of_removed(id);
                        *budget -= 1;
                    }
                }
                Some(Bulk::EndExecutors(framework, slot))
            }
            Bulk::EndOperations(framework, mut slot) => {
                while *budget > 0 {
                    let (id, operation) = self.state.operations.next_from(slot)?;
                    slot = id.index() + 1;
                    if operation.framework == framework {
                        self.end_operation_of_removed(id);
                        *budget -= 1;
                    }
                }
                Some(Bulk::EndOperations(framework, slot))
            }
            Bulk::UnreachableTasks(agent, since) => {
                (!self.lose_agent(agent, since, budget)).then_some(bulk)
            }
            Bulk::RemoveAgent(agent) => (!self.end_agent(agent, budget)).then_some(bulk),
            Bulk::Drain(agent, last) => {
                let last = self.drain_some(agent, last, budget)?;
                Some(Bulk::Drain(agent, Some(last)))
            }
            Bulk::Machines(machines, slot) => {
                let slot = self.refresh_machines(&machines, slot, budget)?;
                Some(Bulk::Machines(machines, slot))
            }
            Bulk::Collect => (!self.collect(budget)).then_some(Bulk::Collect),
        }
    }

    /// Tells of what ran on an agent that cannot be reached; returns whether that is done.
    fn lose_agent(&mut self, agent: AgentId, since: Time, budget: &mut usize) -> bool {
        let live = |task: &crate::state::Task| {
            !task.state.is_terminal() && task.state != TaskState::Unreachable
        };
        let away = self.state.agents.get(agent).map(|agent| agent.liveness);
        if away != Some(Liveness::Unreachable(since)) {
            return true;
        }
        let some = self.some_tasks_of_agent(agent, *budget, live);
        *budget -= some.len();
        for id in &some {
            self.task_unreachable(*id, since);
        }
        let changes = |row: &Executor| {
            matches!(row.hold, Hold::Granted(_)) || !self.state.is_wanted(row.framework)
        };
        let some = self.state.some_executors_of_agent(agent, *budget, changes);
        *budget -= some.len();
        for id in &some {
            self.executor_unreachable(*id);
        }
        let changes = |row: &Operation| row.state == OperationState::Pending;
        let some = self.state.some_operations_of_agent(agent, *budget, changes);
        *budget -= some.len();
        for id in &some {
            self.operation_unreachable(*id, since);
        }
        *budget > 0
    }

    /// Ends what ran on a removed agent, and then the agent; returns whether that is done.
    fn end_agent(&mut self, agent: AgentId, budget: &mut usize) -> bool {
        let live = |task: &crate::state::Task| !task.state.is_terminal();
        let some = self.some_tasks_of_agent(agent, *budget, live);
        *budget -= some.len();
        let gone = self.state.registry.is_gone(agent);
        for id in &some {
            self.task_lost(*id, gone);
        }
        // With the agent: its framework was told that the agent is lost.
        let some = self.state.some_executors_of_agent(agent, *budget, |_| true);
        *budget -= some.len();
        for id in &some {
            if let Some(row) = self.state.remove_executor(*id) {
                self.finish_removing_framework(row.framework);
            }
        }
        let waits = |row: &Operation| !row.state.is_terminal();
        let some = self.state.some_operations_of_agent(agent, *budget, waits);
        *budget -= some.len();
        for id in &some {
            self.operation_lost(*id, gone);
        }
        if *budget == 0 {
            return false;
        }
        self.state.agents.remove(agent);
        self.state.look_away(agent);
        true
    }
}
