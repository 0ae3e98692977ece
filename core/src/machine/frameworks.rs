//! Subscription, revive and suppress, removal of frameworks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::agents::check_ext;
use super::{Machine, over_limit};
use crate::command::{Revive, SessionKind, Subscribe, Suppress, UpdateFramework};
use crate::constraint::Constraints;
use crate::error::{Code, Rejection, shorten};
use crate::event::{EndReason, Event, RescindReason};
use crate::ids::{FrameworkId, RoleId, SessionId};
use crate::limits::{
    CONSTRAINTS_PER_FRAMEWORK_MAX, MINIMA_MAX, OBJECTS_MAX, ROLES_PER_FRAMEWORK_MAX, TIMEOUT_MAX,
};
use crate::names::{check_name, check_role_name};
use crate::reply::Reply;
use crate::resources::Quantities;
use crate::state::{Bulk, Connection, Framework, Subscription};
use crate::time::Nanos;
use crate::value::Capability;

impl Machine<'_> {
    pub(super) fn subscribe(
        &mut self,
        sender: Option<SessionId>,
        command: &Subscribe,
    ) -> Result<Reply, Rejection> {
        let session = self.sender(sender, SessionKind::Framework)?;
        let constraints = check_subscription(command)?;
        let known = self.returning_framework(session, command)?;
        if known.is_none() && !self.state.frameworks.has_room_for(1)
            || !self.state.has_room_for_roles(command.roles.iter().map(AsRef::as_ref))
        {
            return Err(over_limit("frameworks or roles", OBJECTS_MAX + 1, OBJECTS_MAX));
        }

        let framework = match known {
            Some(id) => {
                self.take_over(id, session);
                id
            }
            None => self.new_framework(session),
        };
        if let Some(session) = self.state.sessions.get_mut(session) {
            session.framework = Some(framework);
            session.superseded = false;
        }
        self.replace_info(framework, command);
        self.replace_roles(framework, command);
        self.replace_constraints(framework, constraints);
        for task in self.tasks_of(framework) {
            self.deliver(task);
        }
        let own = self.state.frameworks.get(framework).map(|row| row.operations.clone());
        for operation in own.into_iter().flatten() {
            self.deliver_operation(operation);
        }
        self.offer_all_now();
        self.ask_framework(framework);
        Ok(Reply::Subscribed { framework, resubscribed: known.is_some() })
    }

    pub(super) fn update_framework(
        &mut self,
        sender: Option<SessionId>,
        UpdateFramework(command): &UpdateFramework,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        let constraints = check_subscription(command)?;
        if command.framework.is_some_and(|named| named != framework) {
            let text = format!("the session's framework is {framework}: name it, or none");
            return Err(Rejection::new(Code::NotYours, text).at("framework"));
        }
        let named = command.name.as_ref().and_then(|name| self.state.framework_id(name));
        if let Some(taken) = named.filter(|named| *named != framework) {
            return Err(name_taken(command, taken));
        }
        if !self.state.has_room_for_roles(command.roles.iter().map(AsRef::as_ref)) {
            return Err(over_limit("roles", OBJECTS_MAX + 1, OBJECTS_MAX));
        }
        self.replace_info(framework, command);
        self.replace_roles(framework, command);
        self.replace_constraints(framework, constraints);
        // No run of its own: what it may have now it is offered with what comes back.
        let agents: Vec<_> = self.state.agents.ids().collect();
        for agent in agents {
            self.offer_again(agent);
        }
        Ok(Reply::Done)
    }

    /// The framework that the subscription is to take over, if any.
    fn returning_framework(
        &self,
        session: SessionId,
        command: &Subscribe,
    ) -> Result<Option<FrameworkId>, Rejection> {
        let own = self.state.sessions.get(session).and_then(|session| session.framework);
        let named = command.name.as_ref().and_then(|name| self.state.framework_id(name));
        if let Some(id) = command.framework {
            self.known_framework(id)?;
            if let Some(taken) = named.filter(|named| *named != id) {
                return Err(name_taken(command, taken));
            }
        }
        let known = command.framework.or(named);
        if let Some(own) = own.filter(|own| known != Some(*own)) {
            let text = format!("the session has framework {own} already: open another session");
            let rejection = Rejection::new(Code::AlreadySubscribed, text);
            return Err(rejection.at("session").id(own.to_u64()));
        }
        // By name alone only a disconnected framework is taken over: two programs that happen to
        // use one name must not steal it from each other.
        let connected = named.and_then(|id| self.state.frameworks.get(id)?.session());
        if command.framework.is_none() && connected.is_some_and(|other| other != session) {
            if let Some(taken) = named {
                return Err(name_taken(command, taken));
            }
        }
        if let Some(known) = known {
            self.check_owner(session, known)?;
        }
        Ok(known)
    }

    /// A framework is not taken over for another principal. The program's own sessions, which speak
    /// for none, may take over any.
    fn check_owner(&self, session: SessionId, id: FrameworkId) -> Result<(), Rejection> {
        let principal = self.state.sessions.get(session).and_then(|row| row.principal.as_deref());
        let owner = self.state.frameworks.get(id).and_then(|row| row.principal.as_deref());
        if principal.is_none() || principal == owner {
            return Ok(());
        }
        let text = match owner {
            Some(owner) => format!("framework {id} is of principal {:?}", shorten(owner)),
            None => format!("framework {id} is of no principal: only such sessions take it over"),
        };
        Err(Rejection::new(Code::NotYours, text).at("framework").id(id.to_u64()))
    }

    fn new_framework(&mut self, session: SessionId) -> FrameworkId {
        let row = self.state.sessions.get(session);
        let principal = row.and_then(|session| session.principal.clone());
        self.state.frameworks.insert(Framework {
            principal,
            name: None,
            connection: Connection::Connected(session),
            capabilities: Vec::new(),
            failover_timeout: Nanos::ZERO,
            ext: None,
            roles: Default::default(),
            tasks: Default::default(),
            executors: Default::default(),
            operations: Default::default(),
            operation_ids: Default::default(),
        })
    }

    /// Connects a known framework through another session. The offers of the former one are
    /// discarded without a word; the new one never hears of them.
    fn take_over(&mut self, id: FrameworkId, session: SessionId) {
        let Some(framework) = self.state.frameworks.get_mut(id) else { return };
        let before = std::mem::replace(&mut framework.connection, Connection::Connected(session));
        match before {
            Connection::Connected(old) if old != session => {
                let reason = EndReason::FailedOver;
                self.tell(old, Event::SubscriptionEnded { reason });
                if let Some(old) = self.state.sessions.get_mut(old) {
                    (old.framework, old.superseded) = (None, true);
                }
                self.end_offers_of_framework(id, |_| true, None);
                self.leave_inquiries(id, false);
            }
            Connection::Disconnected(timer) => self.state.timers.cancel(Some(timer)),
            Connection::Connected(_) | Connection::Removing => {}
        }
    }

    fn replace_info(&mut self, id: FrameworkId, command: &Subscribe) {
        let options = &self.state.options;
        let all: &[Capability] = if options.all_capabilities { Capability::ALL } else { &[] };
        let timeout = command.failover_timeout_seconds.unwrap_or(options.failover_timeout_seconds);
        let name: Option<Arc<str>> = command.name.as_deref().map(Into::into);
        let Some(framework) = self.state.frameworks.get_mut(id) else { return };
        framework.capabilities = command.capabilities.clone().unwrap_or_else(|| all.to_vec());
        framework.capabilities.sort_unstable();
        framework.capabilities.dedup();
        framework.failover_timeout = timeout;
        framework.ext.clone_from(&command.ext);
        // Taking over by id without a name keeps the name.
        if let Some(name) = name {
            if let Some(old) = framework.name.replace(name.clone()) {
                self.state.framework_ids.remove(&old);
            }
            self.state.framework_ids.insert(name, id);
            // Names decide between equals.
            self.state.touched.all();
        }
    }

    fn replace_roles(&mut self, id: FrameworkId, command: &Subscribe) {
        let wanted: Vec<RoleId> =
            command.roles.iter().map(|name| self.state.role_or_new(name)).collect();
        let suppressed: Vec<RoleId> =
            command.suppressed_roles.iter().filter_map(|n| self.state.role_id(n)).collect();
        let Some(framework) = self.state.frameworks.get_mut(id) else { return };
        let removed: Vec<RoleId> = framework
            .roles
            .iter_mut()
            .filter(|(role, part)| part.subscribed && !wanted.contains(role))
            .map(|(role, part)| {
                (part.subscribed, part.suppressed) = (false, false);
                *role
            })
            .collect();
        let mut revived = Vec::new();
        for (role, name) in wanted.iter().zip(&command.roles) {
            let part = framework.roles.entry(*role).or_insert_with(Subscription::default);
            part.subscribed = true;
            self.state.own_minima -= usize::from(part.min_allocatable.is_some());
            part.min_allocatable = command.min_allocatable.get(name).cloned();
            self.state.own_minima += usize::from(part.min_allocatable.is_some());
            let before = std::mem::replace(&mut part.suppressed, suppressed.contains(role));
            if before && !part.suppressed {
                revived.push(*role);
            }
        }
        for role in wanted {
            self.state.join_role(id, role);
        }
        for role in revived {
            self.state.drop_filters(id, role);
        }
        let reason = Some(RescindReason::RoleRemoved);
        self.end_offers_of_framework(id, |role| removed.contains(&role), reason);
        for role in removed {
            self.state.drop_filters(id, role);
            self.state.leave_role_if_done(id, role);
        }
    }

    /// Those of roles that are left out are gone.
    fn replace_constraints(&mut self, id: FrameworkId, mut given: ByRole) {
        let roles = self.state.frameworks.get(id).into_iter().flat_map(|f| f.roles.keys());
        let roles: Vec<_> = roles.copied().collect();
        for role in roles {
            let name = self.state.roles.get(role).map(|role| role.name.clone());
            let constraints = name.and_then(|name| given.remove(&*name));
            self.state.set_constraints(id, role, constraints);
        }
    }

    pub(super) fn revive(
        &mut self,
        sender: Option<SessionId>,
        command: &Revive,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        for role in self.subscribed_roles(framework, &command.roles)? {
            self.state.drop_filters(framework, role);
            if let Some(part) = self.state.part_mut(framework, role) {
                part.suppressed = false;
            }
        }
        self.revive_inquiries(framework);
        self.offer_all_now();
        Ok(Reply::Done)
    }

    pub(super) fn suppress(
        &mut self,
        sender: Option<SessionId>,
        command: &Suppress,
    ) -> Result<Reply, Rejection> {
        let framework = self.own_framework(sender)?;
        for role in self.subscribed_roles(framework, &command.roles)? {
            if let Some(part) = self.state.part_mut(framework, role) {
                part.suppressed = true;
            }
        }
        Ok(Reply::Done)
    }

    /// The roles named, or all that the framework is subscribed to; an unknown one voids the call.
    fn subscribed_roles(
        &self,
        framework: FrameworkId,
        names: &[Box<str>],
    ) -> Result<Vec<RoleId>, Rejection> {
        let Some(framework) = self.state.frameworks.get(framework) else { return Ok(Vec::new()) };
        let is_subscribed =
            |role: &RoleId| framework.roles.get(role).is_some_and(|part| part.subscribed);
        if names.is_empty() {
            return Ok(framework.roles.keys().copied().filter(is_subscribed).collect());
        }
        let mut roles = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            match self.state.role_id(name).filter(is_subscribed) {
                Some(role) => roles.push(role),
                None => {
                    let text = format!("the framework is not subscribed to {:?}", shorten(name));
                    let place = format!("roles[{index}]");
                    return Err(Rejection::new(Code::UnknownRole, text).at(place).index(index));
                }
            }
        }
        Ok(roles)
    }

    /// Removes a framework: its offers, filters and name at once; its tasks are killed in counted
    /// steps and keep their resources until their agents confirm the end.
    pub(super) fn remove_framework(&mut self, id: FrameworkId) {
        self.end_offers_of_framework(id, |_| true, None);
        self.leave_inquiries(id, true);
        let Some(framework) = self.state.frameworks.get_mut(id) else { return };
        let before = std::mem::replace(&mut framework.connection, Connection::Removing);
        let name = framework.name.take();
        let roles: Vec<_> = framework.roles.keys().copied().collect();
        for part in framework.roles.values_mut() {
            part.subscribed = false;
        }
        match before {
            Connection::Connected(session) => {
                if let Some(session) = self.state.sessions.get_mut(session) {
                    session.framework = None;
                }
            }
            Connection::Disconnected(timer) => self.state.timers.cancel(Some(timer)),
            Connection::Removing => {}
        }
        if let Some(name) = name {
            self.state.framework_ids.remove(&name);
            self.state.touched.all();
        }
        for role in roles {
            self.state.drop_filters(id, role);
            self.state.set_constraints(id, role, None);
            self.state.leave_role_if_done(id, role);
        }
        if self.state.frameworks.get(id).is_some_and(|framework| !framework.tasks.is_empty()) {
            self.state.work.bulk.push_back(Bulk::EndFramework(id, 0));
        }
        if self.state.frameworks.get(id).is_some_and(|framework| !framework.executors.is_empty()) {
            self.state.work.bulk.push_back(Bulk::EndExecutors(id, 0));
        }
        if self.state.frameworks.get(id).is_some_and(|row| !row.operations.is_empty()) {
            self.state.work.bulk.push_back(Bulk::EndOperations(id, 0));
        }
        self.finish_removing_framework(id);
    }

    /// The last task or executor of a removed framework ended: nothing is left of it.
    pub(super) fn finish_removing_framework(&mut self, id: FrameworkId) {
        let framework = self.state.frameworks.get(id);
        if framework.is_some_and(|f| f.is_removing() && f.runs_nothing()) {
            self.state.frameworks.remove(id);
        }
    }
}

fn name_taken(command: &Subscribe, taken: FrameworkId) -> Rejection {
    let name = shorten(command.name.as_deref().unwrap_or_default());
    let text = format!(
        "the name {name:?} is that of framework {taken}: to take it over while it is connected, \
         give its id in `framework`"
    );
    Rejection::new(Code::NameTaken, text).at("name").id(taken.to_u64())
}

/// Minima are of the framework's roles, and each asks for something.
fn check_minima(command: &Subscribe) -> Result<(), Rejection> {
    for (role, sets) in &command.min_allocatable {
        let place = format!("min_allocatable.{}", shorten(role));
        if !command.roles.contains(role) {
            let text = format!("{:?} is not among `roles`", shorten(role));
            return Err(Rejection::new(Code::UnknownRole, text).at(place));
        }
        if sets.len() > MINIMA_MAX {
            return Err(over_limit("sets of quantities", sets.len(), MINIMA_MAX).at(place));
        }
        if let Some(index) = sets.iter().position(Quantities::is_empty) {
            let text = "a set without quantities: leave it out, or give no set at all for anything";
            let rejection = Rejection::new(Code::BadList, text);
            return Err(rejection.at(format!("{place}[{index}]")).index(index));
        }
    }
    Ok(())
}

/// Constraints by role.
type ByRole = BTreeMap<Box<str>, Constraints>;

/// Constraints are of the framework's roles; returns them ready for use.
fn check_constraints(command: &Subscribe) -> Result<ByRole, Rejection> {
    let (mut compiled, mut count) = (ByRole::new(), 0);
    for (role, groups) in &command.offer_constraints {
        let place = format!("offer_constraints.{}", shorten(role));
        if !command.roles.contains(role) {
            let text = format!("{:?} is not among `roles`", shorten(role));
            return Err(Rejection::new(Code::UnknownRole, text).at(place));
        }
        count += groups.iter().map(Vec::len).sum::<usize>();
        if count > CONSTRAINTS_PER_FRAMEWORK_MAX {
            let rejection = over_limit("constraints", count, CONSTRAINTS_PER_FRAMEWORK_MAX);
            return Err(rejection.at("offer_constraints"));
        }
        let constraints = Constraints::new(groups.clone()).map_err(|error| {
            let index =
                |index: Option<usize>| index.map_or_else(String::new, |at| format!("[{at}]"));
            let place = format!("{place}{}{}", index(error.group), index(error.constraint));
            let rejection = Rejection::new(Code::BadConstraint, error.to_string()).at(place);
            match error.constraint.or(error.group) {
                Some(at) => rejection.index(at),
                None => rejection,
            }
        })?;
        compiled.insert(role.clone(), constraints);
    }
    Ok(compiled)
}

fn check_subscription(command: &Subscribe) -> Result<ByRole, Rejection> {
    if let Some(name) = &command.name {
        check_name("framework", name).map_err(|r| r.at("name"))?;
    }
    if command.roles.len() > ROLES_PER_FRAMEWORK_MAX {
        let count = command.roles.len();
        return Err(over_limit("roles", count, ROLES_PER_FRAMEWORK_MAX).at("roles"));
    }
    for (index, role) in command.roles.iter().enumerate() {
        let place = || format!("roles[{index}]");
        check_role_name(role).map_err(|r| r.at(place()).index(index))?;
        if command.roles[..index].contains(role) {
            let text = format!("role {:?} is listed twice", shorten(role));
            return Err(Rejection::new(Code::BadList, text).at(place()).index(index));
        }
    }
    for (index, role) in command.suppressed_roles.iter().enumerate() {
        if !command.roles.contains(role) {
            let text = format!("{:?} is not among `roles`", shorten(role));
            let place = format!("suppressed_roles[{index}]");
            return Err(Rejection::new(Code::UnknownRole, text).at(place).index(index));
        }
    }
    check_minima(command)?;
    let timeout = command.failover_timeout_seconds.unwrap_or(Nanos::ZERO);
    if timeout < Nanos::ZERO || timeout > TIMEOUT_MAX {
        let text = "out of range: 0 seconds to 100 years";
        return Err(Rejection::new(Code::BadTime, text).at("failover_timeout_seconds"));
    }
    check_ext(command.ext.as_ref())?;
    check_constraints(command)
}
