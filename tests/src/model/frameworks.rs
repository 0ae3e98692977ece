//! Subscription, revive and suppress, removal.

use tamias::command::{Revive, SessionKind, Subscribe, Suppress, UpdateFramework};
use tamias::error::Code;
use tamias::event::{EndReason, Event, RescindReason};
use tamias::ids::{FrameworkId, SessionId};
use tamias::limits::TIMEOUT_MAX;
use tamias::reply::Reply;
use tamias::time::Nanos;
use tamias::value::Capability;

use super::facts::{Chore, Framework, FrameworkStanding};
use super::{Model, Verdict, names};

impl Model {
    pub(super) fn subscribe(&mut self, sender: Option<SessionId>, command: &Subscribe) -> Verdict {
        let session = self.speaker_of(sender, SessionKind::Framework)?;
        let mut faults = faults_of_fields(command);
        let named = self.framework_named(command.name.as_deref());
        let meant = command.framework.or(named);
        if let Some(id) = command.framework {
            let known = self.frameworks.get(&id);
            if known.is_none_or(|f| f.standing == FrameworkStanding::Leaving) {
                faults.push(Code::UnknownFramework);
            }
            if named.is_some_and(|named| named != id) {
                faults.push(Code::NameTaken);
            }
        }
        let own = self.sessions[&session].framework;
        if own.is_some() && own != meant {
            faults.push(Code::AlreadySubscribed);
        }
        // Two programs that happen to use one name must not steal it from each other.
        let connected = named.and_then(|named| self.session_of_framework(named));
        if command.framework.is_none() && connected.is_some_and(|other| other != session) {
            faults.push(Code::NameTaken);
        }
        // It is not taken over for somebody else, unless by the program's own sessions.
        let owner = meant.and_then(|id| self.frameworks.get(&id)).map(|f| &f.principal);
        let speaks_for = &self.sessions[&session].principal;
        if speaks_for.is_some() && owner.is_some_and(|owner| owner != speaks_for) {
            faults.push(Code::NotYours);
        }
        if !faults.is_empty() {
            return Err(faults);
        }

        let id = match meant {
            Some(id) => {
                self.take_over(id, session);
                id
            }
            None => self.new_framework(session),
        };
        let speaker = self.sessions.get_mut(&session).expect("it speaks");
        (speaker.framework, speaker.superseded) = (Some(id), false);
        self.replace_info(id, command);
        self.replace_roles(id, command);
        for task in self.tasks_where(|task| task.framework == id) {
            self.deliver(task);
        }
        self.look_at_all();
        self.ask_framework(id);
        Ok(Reply::Subscribed { framework: id, resubscribed: meant.is_some() })
    }

    pub(super) fn update_framework(
        &mut self,
        sender: Option<SessionId>,
        UpdateFramework(command): &UpdateFramework,
    ) -> Verdict {
        let id = self.speaking_framework(sender)?;
        let mut faults = faults_of_fields(command);
        if command.framework.is_some_and(|named| named != id) {
            faults.push(Code::NotYours);
        }
        if self.framework_named(command.name.as_deref()).is_some_and(|named| named != id) {
            faults.push(Code::NameTaken);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        self.replace_info(id, command);
        self.replace_roles(id, command);
        let agents: Vec<_> = self.agents.keys().copied().collect();
        for agent in agents {
            self.look_again(agent);
        }
        Ok(Reply::Done)
    }

    fn framework_named(&self, name: Option<&str>) -> Option<FrameworkId> {
        let name = name?;
        let named = |(_, f): &(&FrameworkId, &Framework)| f.name.as_deref() == Some(name);
        self.frameworks.iter().find(named).map(|(id, _)| *id)
    }

    fn new_framework(&mut self, session: SessionId) -> FrameworkId {
        let id = self.slots.frameworks.take();
        self.frameworks.insert(
            id,
            Framework {
                name: None,
                standing: FrameworkStanding::Connected(session),
                aware: false,
                gpus: false,
                failover: Nanos::ZERO,
                principal: self.sessions[&session].principal.clone(),
                parts: Default::default(),
            },
        );
        id
    }

    /// The former session is told that it is out; its offers vanish without a word. A framework's
    /// own session takes nothing over.
    fn take_over(&mut self, id: FrameworkId, session: SessionId) {
        let framework = self.frameworks.get_mut(&id).expect("it is known");
        let before =
            std::mem::replace(&mut framework.standing, FrameworkStanding::Connected(session));
        if let FrameworkStanding::Connected(old) = before {
            if old != session {
                let reason = EndReason::FailedOver;
                self.tell(old, Event::SubscriptionEnded { reason });
                let old = self.sessions.get_mut(&old).expect("it is connected");
                (old.framework, old.superseded) = (None, true);
                self.discard_offers(id);
                self.framework_leaves_questions(id, false);
            }
        }
    }

    fn replace_info(&mut self, id: FrameworkId, command: &Subscribe) {
        let default = self.options.failover_timeout_seconds;
        let framework = self.frameworks.get_mut(&id).expect("it is known");
        framework.failover = command.failover_timeout_seconds.unwrap_or(default);
        let can = |capability| match &command.capabilities {
            Some(capabilities) => capabilities.contains(&capability),
            None => self.options.all_capabilities,
        };
        framework.aware = can(Capability::PartitionAware);
        framework.gpus = can(Capability::GpuResources);
        if let Some(name) = command.name.as_deref() {
            framework.name = Some(name.to_owned());
        }
    }

    fn replace_roles(&mut self, id: FrameworkId, command: &Subscribe) {
        let wanted = |role: &str| command.roles.iter().any(|wanted| **wanted == *role);
        let framework = self.frameworks.get_mut(&id).expect("it is known");
        let mut revived = Vec::new();
        for (role, part) in &mut framework.parts {
            if !wanted(role) {
                (part.subscribed, part.suppressed) = (false, false);
            }
        }
        for role in &command.roles {
            let suppressed = command.suppressed_roles.contains(role);
            let part = framework.parts.entry(role.to_string()).or_default();
            if part.suppressed && !suppressed {
                revived.push(role.to_string());
            }
            (part.subscribed, part.suppressed) = (true, suppressed);
            self.roles.entry(role.to_string()).or_default();
        }
        self.filters.retain(|filter| {
            let kept = wanted(&filter.role) && !revived.contains(&filter.role);
            filter.framework != id || kept
        });
        for offer in self.offers_where(|offer| offer.framework == id && !wanted(&offer.role)) {
            self.rescind(offer, RescindReason::RoleRemoved);
        }
    }

    pub(super) fn revive(&mut self, sender: Option<SessionId>, command: &Revive) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        for role in self.subscribed_among(framework, &command.roles)? {
            self.filters.retain(|filter| (filter.framework, &filter.role) != (framework, &role));
            self.suppress_part(framework, &role, false);
        }
        self.revive_questions(framework);
        self.look_at_all();
        Ok(Reply::Done)
    }

    pub(super) fn suppress(&mut self, sender: Option<SessionId>, command: &Suppress) -> Verdict {
        let framework = self.speaking_framework(sender)?;
        for role in self.subscribed_among(framework, &command.roles)? {
            self.suppress_part(framework, &role, true);
        }
        Ok(Reply::Done)
    }

    fn suppress_part(&mut self, framework: FrameworkId, role: &str, suppressed: bool) {
        let framework = self.frameworks.get_mut(&framework).expect("it speaks");
        framework.parts.get_mut(role).expect("it is subscribed").suppressed = suppressed;
    }

    /// The roles named, or all subscribed ones.
    fn subscribed_among(
        &self,
        framework: FrameworkId,
        named: &[Box<str>],
    ) -> Result<Vec<String>, Vec<Code>> {
        let parts = &self.frameworks[&framework].parts;
        let subscribed = parts.iter().filter(|(_, part)| part.subscribed).map(|(role, _)| role);
        let subscribed: Vec<String> = subscribed.cloned().collect();
        if named.is_empty() {
            return Ok(subscribed);
        }
        let known = named.iter().all(|role| subscribed.iter().any(|own| **own == **role));
        if !known {
            return Err(vec![Code::UnknownRole]);
        }
        Ok(named.iter().map(ToString::to_string).collect())
    }

    /// Removes a framework. Its tasks hold what they have until their agents say that they ended.
    pub(super) fn remove_framework(&mut self, id: FrameworkId) {
        self.discard_offers(id);
        self.framework_leaves_questions(id, true);
        self.filters.retain(|filter| filter.framework != id);
        for session in self.sessions.values_mut().filter(|s| s.framework == Some(id)) {
            session.framework = None;
        }
        let framework = self.frameworks.get_mut(&id).expect("it is known");
        framework.standing = FrameworkStanding::Leaving;
        framework.name = None;
        for part in framework.parts.values_mut() {
            part.subscribed = false;
        }
        if self.tasks.values().any(|task| task.framework == id) {
            self.chores.push_back(Chore::EndFramework(id, 0));
        }
        self.forget_framework_if_done(id);
    }

    /// Nothing is left of a removed framework when its last task is gone.
    pub(super) fn forget_framework_if_done(&mut self, id: FrameworkId) {
        let leaving = |f: &Framework| f.standing == FrameworkStanding::Leaving;
        let has_task = self.tasks.values().any(|task| task.framework == id);
        if self.frameworks.get(&id).is_some_and(leaving) && !has_task {
            self.frameworks.remove(&id);
            self.slots.frameworks.give_back(id);
        }
    }

    /// Whether the framework is there and not being removed.
    pub(super) fn is_wanted(&self, id: FrameworkId) -> bool {
        self.frameworks.get(&id).is_some_and(|f| f.standing != FrameworkStanding::Leaving)
    }
}

fn faults_of_fields(command: &Subscribe) -> Vec<Code> {
    let mut faults = Vec::new();
    if command.name.as_deref().is_some_and(|name| !names::is_legal(name)) {
        faults.push(Code::BadName);
    }
    for (index, role) in command.roles.iter().enumerate() {
        faults.extend(names::fault_of_role(role));
        if command.roles[..index].contains(role) {
            faults.push(Code::BadList);
        }
    }
    if command.suppressed_roles.iter().any(|role| !command.roles.contains(role)) {
        faults.push(Code::UnknownRole);
    }
    let timeout = command.failover_timeout_seconds.unwrap_or_default();
    if timeout < Nanos::ZERO || timeout > TIMEOUT_MAX {
        faults.push(Code::BadTime);
    }
    faults
}
