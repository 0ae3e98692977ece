//! An explanation agrees with the decision, and counts everybody.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Answer, Pick, Query, explain};
use crate::allocator::{Books, Order, Share, Stage, Turn};
use crate::options::Options;
use crate::resources::Amount;
use crate::state::State;
use crate::state::share::{Excluded, decimal};
use crate::testing::choice;
use crate::testing::script::lived;
use crate::time::Time;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn what_is_explained_is_what_is_decided(choices in vec(choice(), 1..200)) {
        let state = lived(State::new(Options::default(), Time(0)), &choices);
        for id in state.agents().ids() {
            let placed = [Stage::Guarantees, Stage::Shares].into_iter().find_map(|stage| {
                let mut turn = Turn::new(&state, id, stage, None)?;
                turn.next(&state, &mut Order::new(&state), Books::read(&state).as_ref())
            });
            let first = placed.map(|placed| {
                let role = &state.roles().get(placed.role).unwrap().name;
                format!("{} in {role}", placed.framework)
            });
            let explained = explain::agent(&state, id);
            prop_assert_eq!(&explained.next, &first);
            prop_assert_eq!(explained.open > 0, first.is_some());
        }
    }

    #[test]
    fn every_agent_is_counted_once(choices in vec(choice(), 1..200)) {
        let state = lived(State::new(Options::mesos(), Time(0)), &choices);
        let before = state.hash();
        for part in explain::all_parts(&state) {
            let counted: usize = part.obstacles.iter().map(|obstacle| obstacle.count).sum();
            prop_assert_eq!(part.open + counted, state.agents().len());
            prop_assert!(part.obstacles.is_sorted_by(|a, b| a.count >= b.count));
        }
        prop_assert_eq!(state.hash(), before);
    }

    /// The lists hold what the arenas hold, whatever is picked.
    #[test]
    fn rows_are_complete(choices in vec(choice(), 1..200)) {
        let state = lived(State::new(Options::default(), Time(0)), &choices);
        let Answer::State { agents, frameworks, roles, offers, tasks, operations, executors, .. } =
            state.query(&Query::GetState).unwrap() else { panic!() };
        prop_assert_eq!(agents.len(), state.agents().len());
        prop_assert_eq!(roles.len(), state.roles().len());
        prop_assert_eq!(tasks.len(), state.tasks().len());
        prop_assert_eq!(operations.len(), state.operations().len());
        prop_assert_eq!(executors.len(), state.executors().len());
        let mut of_frameworks = 0;
        for row in &frameworks {
            let framework = Some(row.framework.to_string().into());
            let pick = Pick { framework, ..Pick::default() };
            let Answer::Tasks { tasks } = state.query(&Query::GetTasks(pick)).unwrap() else {
                panic!()
            };
            of_frameworks += tasks.len();
            let open: usize = row.roles.iter().map(|part| part.offers).sum();
            let of_row = offers.iter().filter(|offer| offer.framework == row.framework).count();
            prop_assert_eq!(open, of_row);
        }
        prop_assert_eq!(of_frameworks, tasks.len());
    }
}

#[test]
fn shares_are_printed_as_decimals() {
    let share = |held: i64, total: i64| {
        let mut names = crate::intern::Names::default();
        let mut bundle = |amount: i64| {
            let text = format!("cpus:{amount}");
            names.intern(&text.parse().unwrap())
        };
        let (held, total) = (bundle(held), bundle(total));
        let one = Amount::from_units(1);
        decimal(Share::dominant(&held, &total, one, Excluded::default()))
    };
    assert_eq!(share(1, 3), "0.333333");
    assert_eq!(share(1, 2), "0.5");
    assert_eq!(share(3, 3), "1");
    assert_eq!(share(3, 2), "1.5");
    assert_eq!(share(30, 1), "30");
}

#[test]
fn every_query_is_read_and_documented() {
    let page = include_str!("../../../docs/conformance.md");
    for name in Query::NAMES {
        let read = Query::from_json(name, serde_json::json!({}));
        assert!(read.is_ok(), "{name}: {read:?}");
        assert!(page.contains(&format!("`{name}`")), "docs/conformance.md has no line for {name}");
    }
}
