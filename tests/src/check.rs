//! What must be true of any kernel, whatever the model says: checked from its primary facts alone.

use std::collections::BTreeMap;

use tamias::State;
use tamias::event::{Effects, Event};
use tamias::ids::TaskId;
use tamias::state::Hold;
use tamias::status::TaskState;

use crate::compare::pile;
use crate::model::pile::Pile;

/// Checks a state after a step: its own invariants, and conservation added up once more.
///
/// # Panics
/// If something is not as it must be.
pub fn check(state: &State) {
    state.check_invariants().unwrap();
    conservation(state);
}

/// Per agent and resource: offers and allocations are within the total (unless that shrank), no
/// two of them share a point or an item, and allocations are what live tasks hold.
fn conservation(state: &State) {
    for (id, agent) in state.agents().iter() {
        let total = pile(state, &agent.total);
        let mut granted = Pile::default();
        for (_, grant) in state.grants().iter().filter(|(_, grant)| grant.agent == id) {
            let resources = pile(state, &grant.resources);
            assert!(!granted.overlaps(&resources), "agent {id} grants {resources:?} twice");
            granted = granted.plus(&resources);
        }
        let tasks = state.tasks().iter().filter(|(_, task)| task.agent == id);
        let mut held = Pile::default();
        for (task_id, task) in tasks {
            let resources = match &task.hold {
                Hold::Granted(grant) => {
                    let grant = state.grants().get(*grant).expect("a grant of the task");
                    pile(state, &grant.resources)
                }
                Hold::Parked(_) | Hold::Released => continue,
            };
            let holds = matches!(
                task.state,
                TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing
            );
            assert!(holds, "task {task_id} holds resources in {}", task.state);
            held = held.plus(&resources);
        }
        assert_eq!(pile(state, &agent.allocated), held, "agent {id}: allocations are not tasks'");
        let free = total.minus(&granted);
        assert_eq!(pile(state, &agent.free()), free, "agent {id}: T is not O + A + F");
        if total.holds(&granted) {
            assert_eq!(free.plus(&granted), total, "agent {id}: something is lost");
        }
    }
}

/// Checks what was told in a step: an offer is never made of what its framework refused, of what
/// was not free before, or of nothing; nothing is told to closed sessions.
///
/// # Panics
/// If something was told that must not be.
pub fn check_effects(before: &State, after: &State, effects: &Effects) {
    for effect in effects {
        let session = effect.session;
        let open = before.sessions().contains(session) || after.sessions().contains(session);
        assert!(open, "{session} is told {:?}", effect.event);
        let Event::Offer(offer) = &effect.event else { continue };
        let row = after.sessions().get(session).expect("an open session");
        let framework = row.framework.expect("offers go to frameworks");
        let role = after.role_id(&offer.role).expect("a known role");
        let part = &after.frameworks().get(framework).expect("a framework").roles[&role];
        assert!(part.subscribed && !part.suppressed, "{offer:?} is not wanted");
        let offered = Pile::of(&offer.resources);
        assert!(!offered.is_empty(), "{offer:?} is of nothing");
        for filter in part.filters.get(&offer.agent).into_iter().flatten() {
            let refused = pile(after, &filter.resources);
            assert!(!refused.holds(&offered), "{offer:?} was refused: {filter:?}");
        }
        let agent = after.agents().get(offer.agent).expect("an agent");
        assert!(agent.is_active(), "{offer:?} is of an agent that is out of service");
        assert!(pile(after, &agent.total).holds(&offered), "{offer:?} is more than there is");
    }
}

/// Task states before and after a step.
#[derive(Debug, Clone, Default)]
pub struct Transitions {
    states: BTreeMap<TaskId, TaskState>,
}

impl Transitions {
    /// Checks that every task went where it may go, and remembers where it is.
    ///
    /// # Panics
    /// If a task made a step that the table does not have.
    pub fn check(&mut self, state: &State) {
        let now: BTreeMap<_, _> = state.tasks().iter().map(|(id, task)| (id, task.state)).collect();
        for (id, to) in &now {
            match self.states.get(id) {
                None => assert_eq!(*to, TaskState::Staging, "task {id} begins as {to}"),
                Some(from) => assert!(may_follow(*from, *to), "task {id}: {from} became {to}"),
            }
        }
        self.states = now;
    }
}

/// The table of `docs/concepts.md`, with the regressions that are reported and accepted.
fn may_follow(from: TaskState, to: TaskState) -> bool {
    use TaskState::{Killing, Running, Staging, Starting, Unreachable};
    if from == to {
        return true;
    }
    let regression = matches!((from, to), (Running, Starting) | (Killing, Starting | Running));
    let forward = match from {
        Staging => matches!(to, Starting | Running | Killing | Unreachable),
        Starting => matches!(to, Running | Killing | Unreachable),
        Running => matches!(to, Killing | Unreachable),
        Killing => to == Unreachable,
        Unreachable => matches!(to, Staging | Starting | Running | Killing),
        _ => return false,
    };
    forward || regression || is_terminal(to)
}

fn is_terminal(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Finished
            | TaskState::Failed
            | TaskState::Killed
            | TaskState::Error
            | TaskState::Lost
            | TaskState::Dropped
            | TaskState::Gone
            | TaskState::GoneByOperator
    )
}
