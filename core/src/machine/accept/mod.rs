//! Using offers: the accept algorithm of Mesos.
//!
//! - this file: which offers, in which order, and what is left of them
//! - [`launch`]: what each task takes, and how it is launched

mod launch;

use std::collections::BTreeSet;

use super::{Machine, over_limit};
use crate::command::{Accept, LaunchTasks, Operation, TaskSpec};
use crate::error::{Code, Rejection};
use crate::ids::{AgentId, FrameworkId, RoleId, SessionId};
use crate::limits::{OBJECTS_MAX, OFFERS_PER_COMMAND_MAX, TASKS_PER_ACCEPT_MAX};
use crate::options::OnInvalid;
use crate::reply::Reply;
use crate::resources::Bundle;
use crate::status::{Reason, TaskState};

/// What the offers of one accept have in common, and their sum.
struct Offered {
    agent: AgentId,
    role: RoleId,
    resources: Bundle,
}

impl Machine<'_> {
    pub(super) fn accept(
        &mut self,
        sender: Option<SessionId>,
        command: &Accept,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        let tasks = self.check_size(command)?;
        let on_invalid = command.on_invalid.unwrap_or(self.state.options.on_invalid);
        let offered = match (self.check_offers(framework, command), on_invalid) {
            (Ok(offered), _) => offered,
            (Err(rejection), OnInvalid::Reject) => return Err(rejection),
            (Err(rejection), OnInvalid::Report) => {
                return Ok(self.void_accept(framework, command, &rejection));
            }
        };
        let mut remaining = offered.resources.clone();
        let plan = self.plan(framework, &tasks, &mut remaining);
        if on_invalid == OnInvalid::Reject {
            if let Some(rejection) = plan.iter().find_map(|step| step.as_ref().err()) {
                return Err(rejection.clone());
            }
        }

        for &offer in &command.offers {
            self.state.close_grant(offer);
        }
        let mut outcomes = Vec::with_capacity(tasks.len());
        for ((_, spec), step) in tasks.iter().zip(plan) {
            outcomes.push(match step {
                Ok(resources) => self.launch(framework, &offered, spec, resources),
                Err(fault) => {
                    let agent = Some(offered.agent);
                    let (state, reason) = (TaskState::Error, Reason::TaskInvalid);
                    self.refuse_task(framework, &spec.name, agent, state, reason, &fault)
                }
            });
        }
        let default = if tasks.is_empty() {
            self.state.options.decline_refuse_seconds
        } else {
            self.state.options.accept_refuse_seconds
        };
        let refuse = command.refuse_seconds.unwrap_or(default);
        self.refuse(framework, offered.role, offered.agent, remaining, refuse);
        self.offer_again(offered.agent);
        Ok(Reply::Accepted { tasks: outcomes })
    }

    /// The tasks of all operations with their places, unless there are too many.
    fn check_size<'c>(
        &self,
        command: &'c Accept,
    ) -> Result<Vec<(String, &'c TaskSpec)>, Rejection> {
        if command.offers.len() > OFFERS_PER_COMMAND_MAX {
            let count = command.offers.len();
            return Err(over_limit("offers", count, OFFERS_PER_COMMAND_MAX).at("offers"));
        }
        let operations = command.operations.iter().enumerate();
        let tasks: Vec<_> = operations
            .flat_map(|(o, Operation::Launch(LaunchTasks { tasks }))| {
                let place = move |t| format!("operations[{o}].launch.tasks[{t}]");
                tasks.iter().enumerate().map(move |(t, spec)| (place(t), spec))
            })
            .collect();
        if tasks.len() > TASKS_PER_ACCEPT_MAX {
            let count = tasks.len();
            return Err(over_limit("tasks", count, TASKS_PER_ACCEPT_MAX).at("operations"));
        }
        if !self.state.tasks.has_room_for(tasks.len())
            || !self.state.grants.has_room_for(tasks.len())
        {
            return Err(over_limit("tasks", OBJECTS_MAX + 1, OBJECTS_MAX).at("operations"));
        }
        Ok(tasks)
    }

    fn check_offers(&self, framework: FrameworkId, command: &Accept) -> Result<Offered, Rejection> {
        if command.offers.is_empty() {
            let text = "no offer is listed: give at least one";
            return Err(Rejection::new(Code::BadList, text).at("offers"));
        }
        let mut sum: Option<Offered> = None;
        let mut seen = BTreeSet::new();
        for (index, &id) in command.offers.iter().enumerate() {
            let reject = |code, text: String| {
                let place = format!("offers[{index}]");
                Err(Rejection::new(code, text).at(place).index(index).id(id.to_u64()))
            };
            if !seen.insert(id) {
                return reject(Code::BadList, format!("offer {id} is listed twice"));
            }
            let Some(grant) = self.state.grants.get(id).filter(|grant| grant.is_offer()) else {
                let text = "was accepted, declined, rescinded or never made: use a current offer";
                return reject(Code::OfferGone, format!("offer {id} {text}"));
            };
            if grant.framework != framework {
                return reject(Code::NotYours, format!("offer {id} is another framework's"));
            }
            match &mut sum {
                None => {
                    let (agent, role) = (grant.agent, grant.role);
                    sum = Some(Offered { agent, role, resources: grant.resources.clone() });
                }
                Some(sum) if sum.agent != grant.agent || sum.role != grant.role => {
                    let text = format!("offer {id} is of another agent or role than the first");
                    return reject(Code::MixedOffers, text);
                }
                Some(sum) => sum.resources.add_assign(&grant.resources),
            }
        }
        sum.ok_or_else(|| Rejection::new(Code::BadList, "no offer is listed").at("offers"))
    }

    /// Decides task by task, in order, what each takes of the rest.
    fn plan(
        &self,
        framework: FrameworkId,
        tasks: &[(String, &TaskSpec)],
        remaining: &mut Bundle,
    ) -> Vec<Result<Bundle, Rejection>> {
        let mut names = BTreeSet::new();
        let mut used = Bundle::new();
        let steps = tasks.iter().enumerate().map(|(index, (place, spec))| {
            let taken =
                self.check_task(framework, spec, &mut names, remaining).map_err(|fault| {
                    let field = match fault.field() {
                        "" => place.clone(),
                        field => format!("{place}.{field}"),
                    };
                    fault.at(field).index(index)
                })?;
            // One offered copy of a shared volume is enough for any number of tasks.
            remaining.subtract(&taken.non_shared());
            used.add_assign(&taken.shared());
            Ok(taken)
        });
        let steps = steps.collect();
        // Copies that nobody used are given back, the others are in use.
        remaining.subtract(&used);
        steps
    }

    /// An accept with a void offer: all its own offers are discarded without a filter, all its
    /// tasks are dropped, as in Mesos. Offers of others are left alone.
    fn void_accept(
        &mut self,
        framework: FrameworkId,
        command: &Accept,
        fault: &Rejection,
    ) -> Reply {
        for &offer in &command.offers {
            let grant = self.state.grants.get(offer);
            if grant.is_some_and(|grant| grant.is_offer() && grant.framework == framework) {
                if let Some(grant) = self.state.close_grant(offer) {
                    self.offer_again(grant.agent);
                }
            }
        }
        let specs = command.operations.iter().flat_map(|Operation::Launch(launch)| &launch.tasks);
        let (state, reason) = (TaskState::Dropped, Reason::InvalidOffers);
        let tasks = specs
            .map(|spec| self.refuse_task(framework, &spec.name, None, state, reason, fault))
            .collect();
        Reply::Accepted { tasks }
    }
}
