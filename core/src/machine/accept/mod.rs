//! Using offers: the accept algorithm of Mesos.
//!
//! - this file: which offers, in which order, and what is left of them
//! - [`launch`]: what each task takes, and how it is launched
//! - [`executors`]: what is started with the first task that names it
//! - [`groups`]: tasks that are launched all or none
//! - [`operations`]: what else is done with the resources of an agent

mod executors;
mod groups;
mod launch;
mod operations;

use std::collections::{BTreeMap, BTreeSet};

use self::operations::Converted;
use super::{Machine, over_limit};
use crate::command::{Accept, ExecutorSpec, LaunchGroup, Operation, TaskSpec};
use crate::error::{Code, Rejection};
use crate::ids::{AgentId, FrameworkId, RoleId, SessionId};
use crate::intern::Names;
use crate::limits::{
    OBJECTS_MAX, OFFERS_PER_COMMAND_MAX, OPERATIONS_PER_ACCEPT_MAX, TASKS_PER_ACCEPT_MAX,
};
use crate::options::OnInvalid;
use crate::reply::Reply;
use crate::resources::{Bundle, Resources};
use crate::status::{Reason, TaskState};

/// What the offers of one accept have in common, and their sum.
struct Offered {
    agent: AgentId,
    role: RoleId,
    resources: Bundle,
}

/// What an accept will do, step by step, decided before anything is done.
#[derive(Default)]
struct Plan<'c> {
    /// What no step before took.
    remaining: Bundle,
    /// Copies of shared volumes that tasks use.
    used: Bundle,
    /// The names of the tasks so far.
    task_names: BTreeSet<&'c str>,
    /// The ids of the operations so far.
    operation_ids: BTreeSet<&'c str>,
    /// Executors that are to be started, by name.
    executors: BTreeMap<&'c str, &'c ExecutorSpec>,
    /// The kernel's names and those that operations brought in, once there was one.
    names: Option<Names>,
    /// What operations make of the agent, once there was one.
    converted: Option<Converted>,
    steps: Vec<Step<'c>>,
}

/// What a task takes.
struct Taken {
    resources: Bundle,
    /// What its executor takes, if it is to be started with this task.
    executor: Option<Bundle>,
}

/// In which state and for which reason a task ends that cannot be launched.
fn end_of_invalid(fault: &Rejection) -> (TaskState, Reason) {
    match fault.code() {
        Code::ExecutorTerminating => (TaskState::Dropped, Reason::ExecutorTerminated),
        _ => (TaskState::Error, Reason::TaskInvalid),
    }
}

/// One outcome of an accept, or those of a group.
enum Step<'c> {
    /// A task and what it takes.
    Launch(&'c TaskSpec, Result<Taken, Rejection>),
    /// A group, what its executor takes if it is to be started, and what its tasks take.
    Group(&'c LaunchGroup, Result<(Option<Bundle>, Vec<Bundle>), Rejection>),
    /// Another operation, by its place, and what it holds until it has ended.
    Operation(usize, &'c Operation, Result<Bundle, Rejection>),
}

impl Step<'_> {
    fn fault(&self) -> Option<&Rejection> {
        match self {
            Self::Launch(_, result) => result.as_ref().err(),
            Self::Group(_, result) => result.as_ref().err(),
            Self::Operation(_, _, result) => result.as_ref().err(),
        }
    }
}

/// What is left of the offers themselves: what operations made is to be offered again at once.
fn without_new(remaining: Bundle, offered: &Bundle) -> Bundle {
    if offered.contains(&remaining) {
        return remaining;
    }
    let (mut new, mut rest) = (remaining.clone(), remaining);
    new.subtract(offered);
    rest.subtract(&new);
    rest
}

impl Machine<'_> {
    pub(super) fn accept(
        &mut self,
        sender: Option<SessionId>,
        command: &Accept,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        self.check_size(command)?;
        let on_invalid = command.on_invalid.unwrap_or(self.state.options.on_invalid);
        let offered = match (self.check_offers(framework, command), on_invalid) {
            (Ok(offered), _) => offered,
            (Err(rejection), OnInvalid::Reject) => return Err(rejection),
            (Err(rejection), OnInvalid::Report) => {
                return Ok(self.void_accept(framework, command, &rejection));
            }
        };
        let mut plan = self.plan(framework, &offered, command);
        if on_invalid == OnInvalid::Reject {
            if let Some(rejection) = plan.steps.iter().find_map(Step::fault) {
                return Err(rejection.clone());
            }
        }

        for &offer in &command.offers {
            self.state.close_grant(offer);
        }
        self.convert(&offered, &mut plan);
        let is_decline = plan.steps.is_empty();
        let (mut tasks, mut operations) = (Vec::with_capacity(plan.steps.len()), Vec::new());
        for step in plan.steps {
            match step {
                Step::Launch(spec, Ok(taken)) => {
                    tasks.push(self.launch(framework, &offered, spec, taken));
                }
                Step::Launch(spec, Err(fault)) => {
                    let agent = Some(offered.agent);
                    let (state, reason) = end_of_invalid(&fault);
                    let name = &spec.name;
                    tasks.push(self.refuse_task(framework, name, agent, state, reason, &fault));
                }
                Step::Group(group, result) => {
                    self.finish_group(framework, &offered, group, result, &mut tasks);
                }
                Step::Operation(index, operation, result) => {
                    let place = (index, operation);
                    operations.push(self.finish_operation(framework, &offered, place, result));
                }
            }
        }
        let default = if is_decline {
            self.state.options.decline_refuse_seconds
        } else {
            self.state.options.accept_refuse_seconds
        };
        let refuse = command.refuse_seconds.unwrap_or(default);
        let rest = without_new(plan.remaining, &offered.resources);
        self.refuse(framework, offered.role, offered.agent, rest, refuse);
        self.offer_again(offered.agent);
        Ok(Reply::Accepted { tasks, operations })
    }

    /// Refuses an accept of too many things.
    fn check_size(&self, command: &Accept) -> Result<(), Rejection> {
        if command.offers.len() > OFFERS_PER_COMMAND_MAX {
            let count = command.offers.len();
            return Err(over_limit("offers", count, OFFERS_PER_COMMAND_MAX).at("offers"));
        }
        let (mut tasks, mut others) = (0, 0);
        for (index, operation) in command.operations.iter().enumerate() {
            match operation {
                Operation::Launch(_) | Operation::LaunchGroup(_) => {
                    tasks += operation.tasks().len();
                }
                _ => others += 1,
            }
            // Whoever reads such a thing refuses it: it must not get into a journal.
            if let Err(fault) = operation.resources().try_for_each(Resources::check_metadata) {
                let place = format!("operations[{index}].{}", operation.name());
                let rejection = Rejection::new(Code::BadResources, fault.to_string());
                return Err(rejection.at(place).index(index));
            }
        }
        if tasks > TASKS_PER_ACCEPT_MAX {
            return Err(over_limit("tasks", tasks, TASKS_PER_ACCEPT_MAX).at("operations"));
        }
        if others > OPERATIONS_PER_ACCEPT_MAX {
            let rejection = over_limit("operations", others, OPERATIONS_PER_ACCEPT_MAX);
            return Err(rejection.at("operations"));
        }
        // Each may bring an executor of its own.
        if !self.state.tasks.has_room_for(tasks)
            || !self.state.executors.has_room_for(tasks)
            || !self.state.operations.has_room_for(others)
            || !self.state.grants.has_room_for(2 * tasks + others)
        {
            return Err(over_limit("tasks", OBJECTS_MAX + 1, OBJECTS_MAX).at("operations"));
        }
        Ok(())
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

    /// Decides operation by operation and task by task, in order, what each takes of what those
    /// before it left.
    fn plan<'c>(&self, framework: FrameworkId, offered: &Offered, command: &'c Accept) -> Plan<'c> {
        let mut plan = Plan { remaining: offered.resources.clone(), ..Plan::default() };
        let mut before = 0;
        for (index, operation) in command.operations.iter().enumerate() {
            match operation {
                Operation::Launch(launch) => {
                    for (t, spec) in launch.tasks.iter().enumerate() {
                        let result = self.plan_task(framework, offered.agent, &mut plan, spec);
                        let result = result.map_err(|fault| {
                            let place = format!("operations[{index}].launch.tasks[{t}]");
                            fault.within(&place).index(before + t)
                        });
                        plan.steps.push(Step::Launch(spec, result));
                    }
                }
                Operation::LaunchGroup(group) => {
                    let result = self.plan_group(framework, offered.agent, &mut plan, group);
                    let result = result.map_err(|fault| {
                        let inside = fault.list_index().unwrap_or_default() as usize;
                        let place = format!("operations[{index}].launch_group");
                        fault.within(&place).index(before + inside)
                    });
                    plan.steps.push(Step::Group(group, result));
                }
                _ => {
                    let result = self.plan_operation(framework, offered, &mut plan, operation);
                    let place = |fault: Rejection| {
                        let (name, field) = (operation.name(), fault.field());
                        let place = format!("operations[{index}].{name}.{field}");
                        fault.at(place).index(index)
                    };
                    plan.steps.push(Step::Operation(index, operation, result.map_err(place)));
                }
            }
            before += operation.tasks().len();
        }
        // Copies that nobody used are given back, the others are in use.
        plan.remaining.subtract(&plan.used);
        plan
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
        let (state, reason) = (TaskState::Dropped, Reason::InvalidOffers);
        let (mut tasks, mut operations) = (Vec::new(), Vec::new());
        for (index, operation) in command.operations.iter().enumerate() {
            if !matches!(operation, Operation::Launch(_) | Operation::LaunchGroup(_)) {
                self.tell_error(framework, operation, None, fault);
                operations.push(operations::failed(index, fault));
            }
            for spec in operation.tasks() {
                let name = &spec.name;
                tasks.push(self.refuse_task(framework, name, None, state, reason, fault));
            }
        }
        Reply::Accepted { tasks, operations }
    }
}
