//! Who is next: roles by weighted dominant share, then the frameworks of the role by theirs.
//!
//! Equal shares are decided by the number of offers made, then by the role's name or the
//! framework's id: a total order. An [`Order`] is built for one step of allocation and kept up to
//! date while the step makes grants, so that each agent costs a few comparisons, not a sort.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::share::Share;
use crate::ids::{FrameworkId, RoleId};
use crate::map::Map;
use crate::resources::Amount;
use crate::state::{Role, State, Subscription};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RoleKey {
    share: Share,
    charges: u64,
    name: Arc<str>,
    id: RoleId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct FrameworkKey {
    share: Share,
    charges: u64,
    id: FrameworkId,
}

/// The order of roles and frameworks within one step of allocation.
#[derive(Debug, Default)]
pub struct Order {
    roles: BTreeSet<RoleKey>,
    /// Built when a role is first looked into.
    frameworks: Map<RoleId, BTreeSet<FrameworkKey>>,
}

impl Order {
    /// The order as the state is now.
    #[must_use]
    pub fn new(state: &State) -> Self {
        let roles = state.roles().iter().filter(|(_, role)| !role.frameworks.is_empty());
        Self {
            roles: roles.map(|(id, role)| role_key(state, id, role)).collect(),
            frameworks: Map::default(),
        }
    }

    /// The first role and framework in order that pass.
    pub fn first(
        &mut self,
        state: &State,
        mut passes: impl FnMut(RoleId, FrameworkId) -> bool,
    ) -> Option<(RoleId, FrameworkId)> {
        let Self { roles, frameworks } = self;
        for role in &*roles {
            let within =
                frameworks.entry(role.id).or_insert_with(|| framework_keys(state, role.id));
            if let Some(key) = within.iter().find(|key| passes(role.id, key.id)) {
                return Some((role.id, key.id));
            }
        }
        None
    }

    /// Takes a framework's place in a role out, before its grant is committed.
    pub fn remove(&mut self, state: &State, role: RoleId, framework: FrameworkId) {
        if let Some(row) = state.roles().get(role) {
            self.roles.remove(&role_key(state, role, row));
        }
        if let (Some(within), Some(part)) =
            (self.frameworks.get_mut(&role), part(state, role, framework))
        {
            within.remove(&framework_key(state, framework, part));
        }
    }

    /// Puts it back in its new place, after its grant was committed.
    pub fn insert(&mut self, state: &State, role: RoleId, framework: FrameworkId) {
        if let Some(row) = state.roles().get(role) {
            self.roles.insert(role_key(state, role, row));
        }
        if let (Some(within), Some(part)) =
            (self.frameworks.get_mut(&role), part(state, role, framework))
        {
            within.insert(framework_key(state, framework, part));
        }
    }
}

fn part(state: &State, role: RoleId, framework: FrameworkId) -> Option<&Subscription> {
    state.frameworks().get(framework)?.roles.get(&role)
}

fn role_key(state: &State, id: RoleId, role: &Role) -> RoleKey {
    let share = Share::dominant(&role.held, state.total(), role.weight);
    RoleKey { share, charges: role.charges, name: role.name.clone(), id }
}

/// Frameworks have no weights: all are equal within their role.
fn framework_key(state: &State, id: FrameworkId, part: &Subscription) -> FrameworkKey {
    let share = Share::dominant(&part.held, state.total(), Amount::from_units(1));
    FrameworkKey { share, charges: part.charges, id }
}

fn framework_keys(state: &State, role: RoleId) -> BTreeSet<FrameworkKey> {
    let frameworks = state.roles().get(role).map(|role| &role.frameworks);
    let ids = frameworks.into_iter().flatten().copied();
    ids.filter_map(|id| part(state, role, id).map(|part| framework_key(state, id, part))).collect()
}
