//! The policy: who may do what for which roles.

use crate::command::{Action, Rule, SetPolicy};
use crate::names::is_strict_subrole;

/// Whether a principal may do something for a role; none for actions that are for no role.
///
/// The first rule that is about it decides. Without a principal everything is allowed: such
/// sessions are the program's own that embeds the kernel.
#[must_use]
pub fn allows(
    policy: &SetPolicy,
    principal: Option<&str>,
    action: Action,
    role: Option<&str>,
) -> bool {
    let Some(principal) = principal else { return true };
    let deciding = policy.rules.iter().find(|rule| is_about(rule, principal, action, role));
    deciding.map_or(policy.otherwise, |rule| rule.allow)
}

fn is_about(rule: &Rule, principal: &str, action: Action, role: Option<&str>) -> bool {
    let of = |role: &str, listed: &str| role == listed || is_strict_subrole(role, listed);
    rule.principals.as_ref().is_none_or(|list| list.iter().any(|one| **one == *principal))
        && rule.actions.as_ref().is_none_or(|list| list.contains(&action))
        && rule
            .roles
            .as_ref()
            .is_none_or(|list| role.is_some_and(|role| list.iter().any(|listed| of(role, listed))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(principals: &[&str], actions: &[Action], roles: &[&str], allow: bool) -> Rule {
        let texts = |list: &[&str]| {
            (!list.is_empty()).then(|| list.iter().map(|text| (*text).into()).collect())
        };
        Rule {
            principals: texts(principals),
            actions: (!actions.is_empty()).then(|| actions.to_vec()),
            roles: texts(roles),
            allow,
        }
    }

    #[test]
    fn the_first_rule_about_it_decides() {
        let policy = SetPolicy {
            rules: vec![
                rule(&["ci"], &[Action::Reserve], &["build"], true),
                rule(&["ci"], &[Action::Reserve], &[], false),
                rule(&[], &[Action::ManageAgents], &[], false),
            ],
            otherwise: true,
        };
        let may = |who, action, role| allows(&policy, who, action, role);
        assert!(may(Some("ci"), Action::Reserve, Some("build")));
        assert!(may(Some("ci"), Action::Reserve, Some("build/fast")));
        assert!(!may(Some("ci"), Action::Reserve, Some("builder")));
        assert!(!may(Some("ci"), Action::Reserve, Some("web")));
        assert!(may(Some("web"), Action::Reserve, Some("web")));
        assert!(!may(Some("web"), Action::ManageAgents, None));
        assert!(may(None, Action::ManageAgents, None), "the program itself");
    }

    #[test]
    fn a_rule_for_roles_is_not_about_what_is_for_no_role() {
        let policy = SetPolicy { rules: vec![rule(&[], &[], &["build"], true)], otherwise: false };
        assert!(allows(&policy, Some("ci"), Action::Teardown, Some("build")));
        assert!(!allows(&policy, Some("ci"), Action::ManageAgents, None));
    }
}
