//! Offer constraints: the verdicts that are kept are those that would be found now.

use std::collections::BTreeSet;

use super::{Check, ensure};
use crate::limits::CONSTRAINTS_PER_FRAMEWORK_MAX;
use crate::state::State;
use crate::state::constrained::looks;

impl State {
    pub(super) fn check_constraints(&self) -> Check {
        let mut constrained = BTreeSet::new();
        for (id, framework) in self.frameworks.iter() {
            let mut count = 0;
            for (role, part) in &framework.roles {
                let Some(constraints) = &part.constraints else {
                    ensure("constraints", part.excluded.count() == 0, || {
                        format!("framework {id} excludes agents without constraints")
                    })?;
                    continue;
                };
                constrained.insert((id, *role));
                count += constraints.groups().iter().map(Vec::len).sum::<usize>();
                ensure("constraints", part.subscribed, || {
                    format!("framework {id} has constraints in a role that it left")
                })?;
                let excluded = self.agents.iter();
                let excluded = excluded.filter(|(_, agent)| !constraints.hold(looks(agent)));
                let excluded: Vec<_> = excluded.map(|(id, _)| id).collect();
                let kept = excluded.iter().all(|id| part.excluded.has(*id));
                ensure("constraints", kept && part.excluded.count() == excluded.len(), || {
                    format!("framework {id}: which agents its constraints exclude is off")
                })?;
            }
            ensure("constraints", count <= CONSTRAINTS_PER_FRAMEWORK_MAX, || {
                format!("framework {id} has {count} constraints")
            })?;
        }
        ensure("constraints", self.constrained == constrained, || {
            "the list of those with constraints is off".into()
        })
    }
}
