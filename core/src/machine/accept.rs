//! Using offers: the accept algorithm of Mesos, for launches.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::agents::check_ext;
use super::{Machine, over_limit};
use crate::command::{Accept, LaunchTasks, Operation, TaskCommand, TaskSpec};
use crate::error::{Code, Rejection, shorten};
use crate::event::{Event, Launch, TaskStatus};
use crate::ids::{AgentId, FrameworkId, RoleId, SessionId, TaskId};
use crate::limits::{
    OBJECTS_MAX, OFFERS_PER_COMMAND_MAX, STRINGS_PER_TASK_MAX, TASKS_PER_ACCEPT_MAX, TIMEOUT_MAX,
};
use crate::names::check_name;
use crate::options::OnInvalid;
use crate::reply::{Reply, TaskOutcome};
use crate::resources::Bundle;
use crate::state::{Grant, GrantKind, Hold, Task};
use crate::status::{Reason, Source, TaskState};
use crate::time::Nanos;

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

    /// Checks one task; returns what it takes.
    fn check_task<'c>(
        &self,
        framework: FrameworkId,
        spec: &'c TaskSpec,
        names: &mut BTreeSet<&'c str>,
        remaining: &Bundle,
    ) -> Result<Bundle, Rejection> {
        check_name("task", &spec.name).map_err(|r| r.at("name"))?;
        let framework = self.state.frameworks.get(framework);
        let live = framework.and_then(|f| f.tasks.get(&*spec.name));
        if let Some(task) = live {
            let text = format!(
                "task {:?} exists as {task}: a name is free again once its terminal update is \
                 acknowledged",
                shorten(&spec.name)
            );
            return Err(Rejection::new(Code::TaskExists, text).at("name").id(task.to_u64()));
        }
        if names.contains(&*spec.name) {
            let text = format!("task {:?} is launched twice", shorten(&spec.name));
            return Err(Rejection::new(Code::TaskExists, text).at("name"));
        }
        check_spec(spec)?;
        let taken = self.state.names.find_within(&spec.resources, remaining);
        match taken.filter(|taken| remaining.contains(taken)) {
            Some(taken) => {
                names.insert(&spec.name);
                Ok(taken)
            }
            None => {
                let left = self.state.names.named(remaining);
                let text = format!("{} is more than the offers have left: {left}", spec.resources);
                Err(Rejection::new(Code::ExceedsOffer, text).at("resources"))
            }
        }
    }

    fn launch(
        &mut self,
        framework: FrameworkId,
        offered: &Offered,
        spec: &TaskSpec,
        resources: Bundle,
    ) -> TaskOutcome {
        let id = self.state.tasks.next_id();
        let (agent, role) = (offered.agent, offered.role);
        let kind = GrantKind::Allocated(id);
        let grant = self.state.open_grant(Grant { agent, framework, role, resources, kind });
        let spec = Arc::new(spec.clone());
        let name: Arc<str> = (*spec.name).into();
        self.insert_task(
            id,
            Task {
                framework,
                agent,
                role,
                name,
                state: TaskState::Staging,
                told: None,
                hold: Hold::Granted(grant),
                spec: Some(spec.clone()),
                kill_grace: spec.kill_grace_seconds,
                max_completion: spec.max_completion_seconds,
                overdue_timer: None,
                kill: None,
                overdue: false,
                pending: Default::default(),
                acknowledged: Default::default(),
                updates: 0,
                unreachable_since: None,
                retry: None,
                healthy: None,
            },
        );
        if let Some(launch) = self.state.describe_launch(id) {
            self.tell_agent(agent, Event::Launch(launch));
        }
        let state = TaskState::Staging;
        TaskOutcome { name: spec.name.clone(), task: Some(id), state, reason: None, message: None }
    }

    fn insert_task(&mut self, id: TaskId, task: Task) {
        if let Some(agent) = self.state.agents.get_mut(task.agent) {
            agent.tasks.insert(id);
        }
        if let Some(framework) = self.state.frameworks.get_mut(task.framework) {
            framework.tasks.insert(task.name.clone(), id);
        }
        self.state.tasks.insert(task);
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

    /// Reports a task that is not launched, by a status without uuid.
    fn refuse_task(
        &mut self,
        framework: FrameworkId,
        name: &str,
        agent: Option<AgentId>,
        state: TaskState,
        reason: Reason,
        fault: &Rejection,
    ) -> TaskOutcome {
        let aware = self.state.frameworks.get(framework).is_some_and(|f| f.is_partition_aware());
        let (state, message) = (state.seen_by(aware), fault.to_string());
        let status = TaskStatus {
            name: name.into(),
            task: None,
            state,
            source: Source::Master,
            reason: Some(reason),
            message: Some(message.as_str().into()),
            agent,
            uuid: None,
            time: self.state.now,
            unreachable_time: None,
            healthy: None,
            data: None,
        };
        self.tell_framework(framework, Event::Update(status));
        let (reason, message) = (Some(reason), Some(message.into()));
        TaskOutcome { name: name.into(), task: None, state, reason, message }
    }
}

impl crate::state::State {
    /// A task that no agent has reported on yet, as its agent is told to start it.
    pub(crate) fn describe_launch(&self, id: TaskId) -> Option<Launch> {
        let task = self.tasks.get(id)?;
        let spec = task.spec.clone()?;
        let role = self.roles.get(task.role)?.name.clone();
        Some(Launch { agent: task.agent, task: id, framework: task.framework, role, spec })
    }

    /// A task that is to end, as its agent is told.
    pub(crate) fn describe_kill(&self, id: TaskId) -> Option<Event> {
        let task = self.tasks.get(id)?;
        let grace_seconds = task.kill?;
        Some(Event::Kill { agent: task.agent, task: id, grace_seconds })
    }
}

/// Checks what a task says about itself, whatever the offers hold.
fn check_spec(spec: &TaskSpec) -> Result<(), Rejection> {
    let invalid =
        |field: &str, text: String| Err(Rejection::new(Code::InvalidTask, text).at(field));
    if spec.resources.is_empty() {
        return invalid("resources", "a task needs some resources: for example cpus:0.1".into());
    }
    if spec.resources.iter().any(|item| !item.key.meta.is_plain()) {
        let resources = &spec.resources;
        resources
            .check_metadata_use()
            .and_then(|()| resources.check_revocable_apart())
            .or_else(|fault| invalid("resources", fault.to_string()))?;
    }
    let durations = [
        ("kill_grace_seconds", spec.kill_grace_seconds),
        ("max_completion_seconds", spec.max_completion_seconds),
    ];
    for (field, span) in durations {
        if span.is_some_and(|span| span < Nanos::ZERO || span > TIMEOUT_MAX) {
            return invalid(field, "out of range: 0 seconds to 100 years".into());
        }
    }
    if spec.labels.len() > STRINGS_PER_TASK_MAX {
        return Err(over_limit("labels", spec.labels.len(), STRINGS_PER_TASK_MAX).at("labels"));
    }
    if let Some(command) = &spec.command {
        check_command(command)?;
    }
    check_ext(spec.ext.as_ref())
}

fn check_command(command: &TaskCommand) -> Result<(), Rejection> {
    let invalid = |field: &str, text: &str| Err(Rejection::new(Code::InvalidTask, text).at(field));
    if command.argv.is_empty() == command.shell.is_none() {
        return invalid("command", "give either `argv` or `shell`");
    }
    if command.argv.first().is_some_and(|program| program.is_empty()) {
        return invalid("command.argv", "the program's name is empty");
    }
    let strings = command.argv.len() + command.env.len();
    if strings > STRINGS_PER_TASK_MAX {
        return Err(over_limit("strings", strings, STRINGS_PER_TASK_MAX).at("command"));
    }
    let bad_name = |name: &str| name.is_empty() || name.contains(['=', '\0']);
    if command.env.keys().any(|name| bad_name(name)) {
        return invalid("command.env", "a variable's name is empty or holds `=` or NUL");
    }
    let values = command.argv.iter().chain(command.env.values()).chain(&command.shell);
    if values.chain(&command.cwd).chain(&command.stdin).any(|value| value.contains('\0')) {
        return invalid("command", "an argument, variable or path holds a NUL byte");
    }
    Ok(())
}
