//! What operators say of who may do what.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tamias::command::{Action, Rule, SessionKind, SetPolicy};

use super::Play;
use super::palette::ROLES;

/// Whom sessions speak for; the last is not legal.
const PRINCIPALS: [&str; 3] = ["ann", "bob", "b/b"];

/// A policy: most allow nearly everything, or the play would stand still.
pub fn policies() -> impl Strategy<Value = SetPolicy> {
    let texts = |list: &'static [&str]| {
        let one = select(list.to_vec()).prop_map(Into::into);
        option::weighted(0.6, prop_oneof![20 => vec(one, 1..3), 1 => Just(vec![])])
    };
    let actions = option::weighted(0.8, vec(select(Action::ALL), 1..3));
    let principals = prop_oneof![20 => texts(&PRINCIPALS[..2]), 1 => texts(&PRINCIPALS)];
    let roles = prop_oneof![20 => texts(&ROLES[..6]), 1 => texts(&ROLES)];
    let rule = (principals, actions, roles, any::<bool>())
        .prop_map(|(principals, actions, roles, allow)| Rule { principals, actions, roles, allow });
    (vec(rule, 0..4), proptest::bool::weighted(0.9))
        .prop_map(|(rules, otherwise)| SetPolicy { rules, otherwise })
}

impl Play {
    pub(super) fn set_policy(&mut self, policy: &SetPolicy) {
        let operators = self.sessions_of(SessionKind::Operator);
        let operator = match operators.last() {
            // The first of them may be one that the policy of before locks out.
            Some(last) if self.fresh() % 3 != 0 => *last,
            _ => self.open(SessionKind::Operator),
        };
        self.send(operator, policy.clone());
    }

    /// Whom the next session speaks for: mostly for nobody.
    pub(super) fn next_principal(&mut self) -> Option<Box<str>> {
        match self.fresh() % 5 {
            1 => Some(PRINCIPALS[0].into()),
            3 => Some(PRINCIPALS[1].into()),
            _ => None,
        }
    }
}
