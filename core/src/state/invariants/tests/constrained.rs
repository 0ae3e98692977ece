//! Verdicts of offer constraints that are off.

use super::{Stage, reported};
use crate::command::{Subscribe, UpdateFramework};
use crate::constraint::{Constraint, Predicate, Selector};
use crate::state::Slots;

/// The framework wants only agents with an attribute that none has.
fn constrain(stage: &mut Stage) {
    let constraint =
        Constraint { selector: Selector::Attribute("rack".into()), predicate: Predicate::Exists };
    let role: Box<str> = (&*stage.state.roles.get(stage.role).unwrap().name).into();
    let command = Subscribe {
        roles: vec![role.clone()],
        offer_constraints: [(role, vec![vec![constraint]])].into(),
        ..Subscribe::default()
    };
    stage.send(Some(stage.scheduler), UpdateFramework(command));
    let agent = stage.agent;
    assert!(stage.part().excluded.has(agent));
}

#[test]
fn constraints() {
    reported(&[
        ("constraints", "excludes agents without constraints", |s| {
            constrain(s);
            s.part().constraints = None;
        }),
        ("constraints", "which agents its constraints exclude is off", |s| {
            constrain(s);
            s.part().excluded = Slots::default();
        }),
        ("constraints", "in a role that it left", |s| {
            constrain(s);
            s.part().subscribed = false;
        }),
        ("constraints", "the list of those with constraints is off", |s| {
            constrain(s);
            s.state.constrained.clear();
        }),
        ("constraints", "has 513 constraints", |s| {
            constrain(s);
            let part = s.part().clone();
            for index in 0..8 {
                let role = s.state.role_or_new(&format!("many-{index}"));
                let mut part = part.clone();
                let all = part.constraints.as_ref().unwrap().groups()[0].clone();
                let all = std::iter::repeat_n(all[0].clone(), 64).collect();
                part.constraints = Some(crate::constraint::Constraints::new(vec![all]).unwrap());
                s.framework().roles.insert(role, part);
            }
        }),
    ]);
}
