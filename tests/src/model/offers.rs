//! Ending offers, accept, decline and filters.

use std::sync::Arc;

use tamias::command::{Accept, Decline, LaunchTasks, Operation, TaskSpec};
use tamias::error::Code;
use tamias::event::{Event, Launch, RescindReason, TaskStatus};
use tamias::ids::{AgentId, FrameworkId, OfferId, SessionId};
use tamias::limits::{FILTERS_PER_AGENT_MAX, REFUSE_DEFAULT, REFUSE_MAX, TIMEOUT_MAX};
use tamias::options::OnInvalid;
use tamias::reply::{Reply, TaskOutcome};
use tamias::resources::Name;
use tamias::status::{Reason, Source, TaskState};
use tamias::time::Nanos;

use super::facts::{Filter, Offer, Task};
use super::pile::Pile;
use super::{Model, SOME_TEXT, Verdict, names};

impl Model {
    /// Takes an offer out; its resources are free.
    fn end_offer(&mut self, id: OfferId) -> Offer {
        self.slots.grants.give_back(id);
        self.offers.remove(&id).expect("it is outstanding")
    }

    pub(super) fn rescind(&mut self, id: OfferId, reason: RescindReason) {
        let offer = self.end_offer(id);
        self.tell_framework(offer.framework, Event::Rescind { offer: id, reason });
        self.look_again(offer.agent);
    }

    pub(super) fn rescind_offers_of_agent(&mut self, agent: AgentId, reason: RescindReason) {
        for offer in self.offers_where(|offer| offer.agent == agent) {
            self.rescind(offer, reason);
        }
    }

    /// Ends all offers of a framework without telling it.
    pub(super) fn discard_offers(&mut self, framework: FrameworkId) {
        for offer in self.offers_where(|offer| offer.framework == framework) {
            let offer = self.end_offer(offer);
            self.look_again(offer.agent);
        }
    }

    pub(super) fn decline(&mut self, sender: Option<SessionId>, command: &Decline) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        let refuse = command.refuse_seconds.unwrap_or(self.options.decline_refuse_seconds);
        let mut gone = Vec::new();
        for &id in &command.offers {
            if self.offers.get(&id).is_none_or(|offer| offer.framework != framework) {
                gone.push(id);
                continue;
            }
            let offer = self.end_offer(id);
            self.refuse(framework, &offer.role, offer.agent, offer.resources, refuse);
            self.look_again(offer.agent);
        }
        Ok(Reply::Declined { gone })
    }

    /// From now on the framework is not offered these resources, or less, for a while.
    fn refuse(
        &mut self,
        framework: FrameworkId,
        role: &str,
        agent: AgentId,
        resources: Pile,
        refuse: Nanos,
    ) {
        let wanted = clamped(refuse);
        // Where resources are offered again at once, even a refusal of no time lasts as long as
        // an interval: else a decline and an offer would follow each other for ever.
        let no_filter = wanted == Nanos::ZERO && !self.options.allocate_on_recovery;
        if no_filter || resources.is_empty() {
            return;
        }
        let interval = self.options.allocation_interval_seconds;
        let ends = self.alarm_in(wanted.max(interval));
        let role = role.to_owned();
        self.filters.push(Filter { framework, role: role.clone(), agent, resources, ends });
        let same = |filter: &&Filter| {
            (filter.framework, &filter.role, filter.agent) == (framework, &role, agent)
        };
        if self.filters.iter().filter(same).count() > FILTERS_PER_AGENT_MAX {
            let first = self.filters.iter().filter(same).map(|filter| filter.ends).min();
            self.filters.retain(|filter| Some(filter.ends) != first);
        }
    }

    pub(super) fn accept(&mut self, sender: Option<SessionId>, command: &Accept) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        let on_invalid = command.on_invalid.unwrap_or(self.options.on_invalid);
        let mut specs: Vec<&TaskSpec> = Vec::new();
        for operation in &command.operations {
            match operation {
                Operation::Launch(LaunchTasks { tasks }) => specs.extend(tasks),
                other => panic!("the model does not know {other:?}"),
            }
        }
        let faults = self.faults_of_offers(framework, &command.offers);
        if !faults.is_empty() {
            if on_invalid == OnInvalid::Reject {
                return Err(faults);
            }
            return Ok(self.void_accept(framework, command, &specs));
        }
        let first = &self.offers[&command.offers[0]];
        let (agent, role) = (first.agent, first.role.clone());
        let mut rest = Pile::default();
        for offer in &command.offers {
            rest = rest.plus(&self.offers[offer].resources);
        }

        let mut launched: Vec<&TaskSpec> = Vec::new();
        let mut faults = Vec::new();
        for spec in &specs {
            let own = self.faults_of_task(framework, spec, &launched, &rest);
            if own.is_empty() {
                rest = rest.minus(&Pile::of(&spec.resources));
                launched.push(spec);
            }
            faults.push(own);
        }
        if on_invalid == OnInvalid::Reject && faults.iter().any(|own| !own.is_empty()) {
            return Err(faults.concat());
        }

        for offer in &command.offers {
            self.end_offer(*offer);
        }
        let mut tasks = Vec::new();
        for (spec, faults) in specs.iter().zip(&faults) {
            tasks.push(if faults.is_empty() {
                self.launch(framework, agent, &role, spec)
            } else {
                let (state, reason) = (TaskState::Error, Reason::TaskInvalid);
                self.refuse_task(framework, spec, Some(agent), state, reason)
            });
        }
        let options = &self.options;
        // Without tasks it is a decline.
        let default = if specs.is_empty() {
            options.decline_refuse_seconds
        } else {
            options.accept_refuse_seconds
        };
        self.refuse(framework, &role, agent, rest, command.refuse_seconds.unwrap_or(default));
        self.look_again(agent);
        Ok(Reply::Accepted { tasks, operations: Vec::new() })
    }

    fn faults_of_offers(&self, framework: FrameworkId, offers: &[OfferId]) -> Vec<Code> {
        let mut faults = Vec::new();
        if offers.is_empty() {
            faults.push(Code::BadList);
        }
        let live = |id: &OfferId| self.offers.get(id);
        let all_live: Vec<&Offer> = offers.iter().filter_map(live).collect();
        if all_live.len() < offers.len() {
            faults.push(Code::OfferGone);
        }
        if offers.iter().enumerate().any(|(i, id)| offers[..i].contains(id)) {
            faults.push(Code::BadList);
        }
        if all_live.iter().any(|offer| offer.framework != framework) {
            faults.push(Code::NotYours);
        }
        let place = |offer: &&Offer| (offer.agent, offer.role.clone());
        if all_live.windows(2).any(|pair| place(&pair[0]) != place(&pair[1])) {
            faults.push(Code::MixedOffers);
        }
        faults
    }

    fn faults_of_task(
        &self,
        framework: FrameworkId,
        spec: &TaskSpec,
        launched: &[&TaskSpec],
        rest: &Pile,
    ) -> Vec<Code> {
        let mut faults = Vec::new();
        if !names::is_legal(&spec.name) {
            faults.push(Code::BadName);
        }
        let named = |task: &Task| task.framework == framework && task.name == *spec.name;
        let taken = launched.iter().any(|other| other.name == spec.name);
        if taken || self.tasks.values().any(named) {
            faults.push(Code::TaskExists);
        }
        let bad = |span: Option<Nanos>| span.is_some_and(|s| s < Nanos::ZERO || s > TIMEOUT_MAX);
        let bad_command = spec.command.as_ref().is_some_and(|command| {
            let argv_or_shell = command.argv.is_empty() != command.shell.is_none();
            let no_program = command.argv.first().is_some_and(|program| program.is_empty());
            let nul = |text: &str| text.contains('\0');
            let bad_variable = |name: &str| name.is_empty() || name.contains('=') || nul(name);
            !argv_or_shell
                || no_program
                || command.env.keys().any(|name| bad_variable(name))
                || command.env.values().any(|value| nul(value))
                || command.argv.iter().any(|value| nul(value))
                || [&command.shell, &command.cwd, &command.stdin]
                    .into_iter()
                    .flatten()
                    .any(|value| nul(value))
        });
        let gpus = spec.resources.scalar(&Name::GPUS);
        if spec.resources.is_empty()
            || gpus.milli() % 1000 != 0
            || bad(spec.kill_grace_seconds)
            || bad(spec.max_completion_seconds)
            || bad_command
        {
            faults.push(Code::InvalidTask);
        }
        if !rest.holds(&Pile::of(&spec.resources)) {
            faults.push(Code::ExceedsOffer);
        }
        faults
    }

    fn launch(
        &mut self,
        framework: FrameworkId,
        agent: AgentId,
        role: &str,
        spec: &TaskSpec,
    ) -> TaskOutcome {
        let id = self.slots.tasks.take();
        let task = Task {
            framework,
            agent,
            role: role.to_owned(),
            name: spec.name.to_string(),
            resources: Pile::of(&spec.resources),
            grant: Some(self.slots.grants.take()),
            state: TaskState::Staging,
            told: None,
            told_health: None,
            told_check: None,
            reported: false,
            kill_grace: spec.kill_grace_seconds,
            max_completion: spec.max_completion_seconds,
            overdue_at: None,
            overdue: false,
            kill: None,
            stream: Default::default(),
            acknowledged: Default::default(),
            reports: 0,
            unreachable_since: None,
            retry: None,
        };
        self.tasks.insert(id, task);
        let spec = Arc::new(spec.clone());
        let name = spec.name.clone();
        let launch = Launch { agent, task: id, framework, role: role.into(), spec, executor: None };
        self.tell_agent(agent, Event::Launch(launch));
        let state = TaskState::Staging;
        TaskOutcome { name, task: Some(id), state, reason: None, message: None }
    }

    /// Void offers: those that are the framework's own are gone without a filter, those of others
    /// are left alone, the tasks are dropped.
    fn void_accept(
        &mut self,
        framework: FrameworkId,
        command: &Accept,
        specs: &[&TaskSpec],
    ) -> Reply {
        for id in &command.offers {
            if self.offers.get(id).is_some_and(|offer| offer.framework == framework) {
                let offer = self.end_offer(*id);
                self.look_again(offer.agent);
            }
        }
        let (state, reason) = (TaskState::Dropped, Reason::InvalidOffers);
        let refused = specs.iter().map(|s| self.refuse_task(framework, s, None, state, reason));
        Reply::Accepted { tasks: refused.collect(), operations: Vec::new() }
    }

    fn refuse_task(
        &mut self,
        framework: FrameworkId,
        spec: &TaskSpec,
        agent: Option<AgentId>,
        state: TaskState,
        reason: Reason,
    ) -> TaskOutcome {
        let state = self.seen_by(framework, state);
        let (reason, message) = (Some(reason), Some(Box::from(SOME_TEXT)));
        let status = TaskStatus {
            name: spec.name.clone(),
            task: None,
            state,
            source: Source::Master,
            reason,
            message: message.clone(),
            agent,
            uuid: None,
            time: self.now,
            unreachable_time: None,
            healthy: None,
            check: None,
            executor: None,
            data: None,
        };
        self.tell_framework(framework, Event::Update(status));
        TaskOutcome { name: spec.name.clone(), task: None, state, reason, message }
    }
}

/// How long a refusal is meant: negative by mistake, very long for good.
pub(super) fn clamped(refuse: Nanos) -> Nanos {
    if refuse < Nanos::ZERO { REFUSE_DEFAULT } else { refuse.min(REFUSE_MAX) }
}
