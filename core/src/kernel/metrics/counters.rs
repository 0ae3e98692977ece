//! What was done so far, counted beside the writer as it is done.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Family, count};
use crate::command::Command;
use crate::error::Rejection;
use crate::event::{Effects, Event};
use crate::map::Map;
use crate::reply::Reply;
use crate::status::Reason;

/// What was done so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    commands: Map<&'static str, u64>,
    rejections: Map<&'static str, u64>,
    updates: Map<&'static str, u64>,
    operation_updates: Map<&'static str, u64>,
    offers_made: u64,
    offers_accepted: u64,
    offers_declined: u64,
    offers_rescinded: u64,
    tasks_launched: u64,
    tasks_refused: u64,
    allocation_steps: u64,
    allocation_time: Duration,
}

impl Counters {
    /// Notes what became of a command.
    pub fn note(&mut self, command: &Command, result: &Result<Reply, Rejection>, told: &Effects) {
        match result {
            Err(rejection) => *self.rejections.entry(rejection.code().name()).or_default() += 1,
            // An idle tick is no command that anybody would count.
            Ok(Reply::Ticked { changed: false, .. }) => return,
            Ok(reply) => {
                *self.commands.entry(command.name()).or_default() += 1;
                self.note_reply(command, reply);
            }
        }
        for effect in told {
            match &effect.event {
                Event::Offer(_) => self.offers_made += 1,
                Event::Rescind { .. } => self.offers_rescinded += 1,
                Event::Update(status) => {
                    *self.updates.entry(status.state.name()).or_default() += 1;
                }
                Event::OperationUpdate(status) => {
                    *self.operation_updates.entry(status.state.name()).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    fn note_reply(&mut self, command: &Command, reply: &Reply) {
        match (command, reply) {
            (Command::Accept(accept), Reply::Accepted { tasks, .. }) => {
                let launched = tasks.iter().filter(|task| task.task.is_some()).count() as u64;
                self.tasks_launched += launched;
                self.tasks_refused += tasks.len() as u64 - launched;
                let is_void = tasks.iter().any(|task| task.reason == Some(Reason::InvalidOffers));
                let offers = accept.offers.len() as u64;
                match (is_void, accept.operations.is_empty()) {
                    (true, _) => {}
                    (false, true) => self.offers_declined += offers,
                    (false, false) => self.offers_accepted += offers,
                }
            }
            (Command::Decline(decline), Reply::Declined { gone }) => {
                self.offers_declined += decline.offers.len().saturating_sub(gone.len()) as u64;
            }
            _ => {}
        }
    }

    /// Notes a step of allocation and how long it took.
    pub fn note_allocation(&mut self, took: Duration) {
        self.allocation_steps += 1;
        self.allocation_time += took;
    }

    /// As families; `outstanding` offers are those that have not ended yet.
    pub fn families(&self, outstanding: u64) -> Vec<Family> {
        let known = self.offers_accepted + self.offers_declined + self.offers_rescinded;
        // Those that ended without a word: their framework went away, or used a void one with them.
        let discarded = self.offers_made.saturating_sub(known + outstanding);
        let ended = [
            ("accepted", count(self.offers_accepted)),
            ("declined", count(self.offers_declined)),
            ("discarded", count(discarded)),
            ("rescinded", count(self.offers_rescinded)),
        ];
        vec![
            Family::counter("tamias_commands", "Commands that were accepted, by name.")
                .by("command", sorted(&self.commands)),
            Family::counter("tamias_rejections", "Commands that were rejected, by code.")
                .by("code", sorted(&self.rejections)),
            Family::counter("tamias_offers_made", "Offers that were made.")
                .of(count(self.offers_made)),
            Family::counter("tamias_offers_ended", "Offers that ended, by how.").by("how", ended),
            Family::counter("tamias_tasks_launched", "Tasks that were launched.")
                .of(count(self.tasks_launched)),
            Family::counter("tamias_tasks_refused", "Tasks of accepts that were not launched.")
                .of(count(self.tasks_refused)),
            Family::counter("tamias_task_updates", "Updates and answers told to frameworks.")
                .by("state", sorted(&self.updates)),
            Family::counter("tamias_operation_updates", "As to operations that have an id.")
                .by("state", sorted(&self.operation_updates)),
            Family::counter("tamias_allocation_steps", "Counted steps that had agents to offer.")
                .of(count(self.allocation_steps)),
            Family::counter("tamias_allocation_seconds", "Time that these steps took, in seconds.")
                .of(self.allocation_time.as_secs_f64()),
        ]
    }
}

fn sorted(counts: &Map<&'static str, u64>) -> BTreeMap<&'static str, f64> {
    counts.iter().map(|(name, number)| (*name, count(*number))).collect()
}
