//! Who may do what.

use tamias::command::{Action, Command, SessionKind, SetPolicy, Teardown, UpdateFramework};
use tamias::error::Code;
use tamias::ids::SessionId;
use tamias::limits::POLICY_ENTRIES_MAX;
use tamias::reply::Reply;

use super::{Model, Verdict, names};

impl Model {
    pub(super) fn set_policy(&mut self, sender: Option<SessionId>, command: &SetPolicy) -> Verdict {
        self.speaker_of(sender, SessionKind::Operator)?;
        let mut faults = Vec::new();
        let mut entries = 0;
        for rule in &command.rules {
            let principals = rule.principals.as_ref();
            let (actions, roles) = (rule.actions.as_ref(), rule.roles.as_ref());
            let lengths = [principals.map(Vec::len), actions.map(Vec::len), roles.map(Vec::len)];
            faults.extend(lengths.contains(&Some(0)).then_some(Code::BadList));
            entries += lengths.iter().map(|length| length.unwrap_or(1)).sum::<usize>();
            let bad = principals.into_iter().flatten().any(|name| !names::is_legal(name));
            faults.extend(bad.then_some(Code::BadName));
            faults
                .extend(roles.into_iter().flatten().filter_map(|role| names::fault_of_role(role)));
        }
        faults.extend((entries > POLICY_ENTRIES_MAX).then_some(Code::LimitReached));
        if !faults.is_empty() {
            return Err(faults);
        }
        self.policy = command.clone();
        Ok(Reply::Done)
    }

    /// Whether the policy forbids the sender what it asks for.
    pub(super) fn is_forbidden(&self, sender: Option<SessionId>, command: &Command) -> bool {
        let session = sender.and_then(|id| self.sessions.get(&id));
        let Some((session, principal)) =
            session.and_then(|session| Some((session, session.principal.as_deref()?)))
        else {
            return false;
        };
        let may = |action, role: Option<&str>| self.may(principal, action, role);
        match command {
            Command::Subscribe(said) | Command::UpdateFramework(UpdateFramework(said)) => {
                said.roles.iter().any(|role| !may(Action::Subscribe, Some(role)))
            }
            Command::UpdateWeights(said) => {
                said.weights.iter().any(|entry| !may(Action::UpdateWeights, Some(&entry.role)))
            }
            Command::UpdateQuota(said) => {
                said.quotas.iter().any(|entry| !may(Action::UpdateQuota, Some(&entry.role)))
            }
            Command::Teardown(Teardown { framework: Some(id) }) => {
                let parts = self.frameworks.get(id).map(|framework| framework.parts.keys());
                session.framework != Some(*id)
                    && parts.into_iter().flatten().any(|role| !may(Action::Teardown, Some(role)))
            }
            Command::SetPolicy(_) => !may(Action::SetPolicy, None),
            Command::RemoveAgent(_) => {
                session.kind != SessionKind::Agent && !may(Action::ManageAgents, None)
            }
            Command::Allocate(_)
            | Command::DeactivateAgent(_)
            | Command::ReactivateAgent(_)
            | Command::DrainAgent(_)
            | Command::MarkAgentGone(_)
            | Command::UpdateMaintenanceSchedule(_)
            | Command::StartMaintenance(_)
            | Command::StopMaintenance(_) => !may(Action::ManageAgents, None),
            _ => false,
        }
    }

    fn may(&self, principal: &str, action: Action, role: Option<&str>) -> bool {
        for rule in &self.policy.rules {
            let who = rule.principals.as_ref().is_none_or(|l| l.iter().any(|p| **p == *principal));
            let what = rule.actions.as_ref().is_none_or(|list| list.contains(&action));
            let whose = match (&rule.roles, role) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(list), Some(role)) => {
                    list.iter().any(|one| **one == *role || names::is_below(role, one))
                }
            };
            if who && what && whose {
                return rule.allow;
            }
        }
        self.policy.otherwise
    }
}
