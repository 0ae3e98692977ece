//! Replacing the policy, and keeping to it.
//!
//! Whether a sender may do what a command asks for is checked in one place, before the command
//! itself. Operations in an accept are checked one by one where they are performed: one that is
//! forbidden fails alone.

use super::operations::Asked;
use super::{Machine, over_limit};
use crate::command::{Action, Command, SessionKind, SetPolicy, Teardown, UpdateFramework};
use crate::error::{Code, Rejection, shorten};
use crate::ids::{FrameworkId, SessionId};
use crate::limits::POLICY_ENTRIES_MAX;
use crate::names::{check_name, check_role_name};
use crate::reply::Reply;
use crate::resources::Metadata;
use crate::state::policy::allows;

impl Machine<'_> {
    pub(super) fn set_policy(
        &mut self,
        sender: Option<SessionId>,
        command: &SetPolicy,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        check_policy(command)?;
        *self.state.policy = command.clone();
        Ok(Reply::Done)
    }

    /// Whether the sender may do what the command asks for. A sender that does not exist, or is of
    /// the wrong kind, is left to the command itself.
    pub(super) fn permit(
        &self,
        sender: Option<SessionId>,
        command: &Command,
    ) -> Result<(), Rejection> {
        let session = sender.and_then(|id| self.state.sessions.get(id));
        let Some(principal) = session.and_then(|session| session.principal.as_deref()) else {
            return Ok(());
        };
        let all = |action, list: &str, field: &str, roles: &mut dyn Iterator<Item = &str>| {
            roles.enumerate().try_for_each(|(index, role)| {
                let place = || format!("{list}[{index}]{field}");
                let may = self.may(principal, action, Some(role));
                may.map_err(|r| r.at(place()).index(index))
            })
        };
        let own = |framework| session.is_some_and(|session| session.framework == Some(framework));
        match command {
            Command::Subscribe(command) | Command::UpdateFramework(UpdateFramework(command)) => {
                let mut roles = command.roles.iter().map(AsRef::as_ref);
                all(Action::Subscribe, "roles", "", &mut roles)
            }
            Command::UpdateWeights(command) => {
                let mut roles = command.weights.iter().map(|entry| &*entry.role);
                all(Action::UpdateWeights, "weights", ".role", &mut roles)
            }
            Command::UpdateQuota(command) => {
                let mut roles = command.quotas.iter().map(|entry| &*entry.role);
                all(Action::UpdateQuota, "quotas", ".role", &mut roles)
            }
            Command::Teardown(Teardown { framework: Some(id) }) if !own(*id) => {
                self.may_tear_down(principal, *id)
            }
            Command::SetPolicy(_) => self.may(principal, Action::SetPolicy, None),
            Command::AddPool(_) | Command::UpdatePool(_) | Command::RemovePool(_) => {
                self.may(principal, Action::ManagePools, None)
            }
            Command::Watch(_) => self.may(principal, Action::Watch, None),
            // An agent's own session need not be allowed to remove it.
            Command::RemoveAgent(_) if session.is_some_and(|s| s.kind == SessionKind::Agent) => {
                Ok(())
            }
            command if manages_agents(command) => self.may(principal, Action::ManageAgents, None),
            _ => Ok(()),
        }
    }

    /// Whether an operation is allowed, of an operator or in an accept. The role is the one that
    /// the resources are reserved for, or shall be.
    pub(super) fn may_operate(
        &self,
        principal: Option<&str>,
        asked: Asked<'_>,
    ) -> Result<(), Rejection> {
        let Some(principal) = principal else { return Ok(()) };
        asked.resources().iter().try_for_each(|item| {
            let role = item.key.metadata().and_then(Metadata::reservation_role);
            self.may(principal, asked.action(), role).map_err(|r| r.at("resources"))
        })
    }

    /// All roles of the framework count: tearing it down ends its part in each.
    fn may_tear_down(&self, principal: &str, id: FrameworkId) -> Result<(), Rejection> {
        let framework = self.state.frameworks.get(id);
        let roles = framework.into_iter().flat_map(|framework| framework.roles.keys());
        for role in roles.filter_map(|role| self.state.roles.get(*role)) {
            let may = self.may(principal, Action::Teardown, Some(&role.name));
            may.map_err(|r| r.at("framework").id(id.to_u64()))?;
        }
        Ok(())
    }

    fn may(&self, principal: &str, action: Action, role: Option<&str>) -> Result<(), Rejection> {
        if allows(&self.state.policy, Some(principal), action, role) {
            return Ok(());
        }
        let (who, what) = (shorten(principal), action.name());
        let for_role = role.map(|role| format!(" for role {:?}", shorten(role)));
        let text = format!(
            "principal {who:?} may not {what}{}: the policy forbids it; get_policy shows it",
            for_role.unwrap_or_default()
        );
        Err(Rejection::new(Code::Unauthorized, text))
    }
}

fn manages_agents(command: &Command) -> bool {
    matches!(
        command,
        Command::Allocate(_)
            | Command::DeactivateAgent(_)
            | Command::ReactivateAgent(_)
            | Command::RemoveAgent(_)
            | Command::DrainAgent(_)
            | Command::MarkAgentGone(_)
            | Command::UpdateMaintenanceSchedule(_)
            | Command::StartMaintenance(_)
            | Command::StopMaintenance(_)
    )
}

fn check_policy(command: &SetPolicy) -> Result<(), Rejection> {
    let mut count = 0;
    for (index, rule) in command.rules.iter().enumerate() {
        let place = |field: &str| format!("rules[{index}].{field}");
        let lists = [
            ("principals", rule.principals.as_ref().map(Vec::len)),
            ("actions", rule.actions.as_ref().map(Vec::len)),
            ("roles", rule.roles.as_ref().map(Vec::len)),
        ];
        for (field, len) in lists {
            if len == Some(0) {
                let text = format!("the list is empty: leave `{field}` out to mean any");
                return Err(Rejection::new(Code::BadList, text).at(place(field)).index(index));
            }
            count += len.unwrap_or(1);
        }
        for principal in rule.principals.iter().flatten() {
            let checked = check_name("principal", principal);
            checked.map_err(|r| r.at(place("principals")).index(index))?;
        }
        for role in rule.roles.iter().flatten() {
            check_role_name(role).map_err(|r| r.at(place("roles")).index(index))?;
        }
    }
    if count > POLICY_ENTRIES_MAX {
        return Err(over_limit("entries of rules", count, POLICY_ENTRIES_MAX).at("rules"));
    }
    Ok(())
}
