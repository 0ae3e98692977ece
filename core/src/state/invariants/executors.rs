//! What must be true of executors and of groups of tasks.

use std::collections::BTreeSet;

use super::{Check, ensure};
use crate::state::{Bulk, GrantKind, Hold, Liveness, State};

impl State {
    pub(super) fn check_executors(&self) -> Check {
        let mut names = BTreeSet::new();
        for (id, row) in self.executors.iter() {
            let agent = self.agents.get(row.agent);
            ensure("I44", agent.is_some_and(|agent| agent.executors.contains(&id)), || {
                format!("agent {} does not list its executor {id}", row.agent)
            })?;
            let framework = self.frameworks.get(row.framework);
            ensure("I44", framework.is_some_and(|f| f.executors.contains(&id)), || {
                format!("framework {} does not list its executor {id}", row.framework)
            })?;
            // A name means one executor: tasks that name it share it.
            ensure("I43", names.insert((row.framework, row.agent, &row.name)), || {
                format!("executor {id} has the name of another, {:?}", row.name)
            })?;
            ensure("I41", *row.name == *row.spec.name, || {
                format!("executor {id} is not called as it is described")
            })?;
            let Some(agent) = agent else { continue };
            // I41: it is charged while its agent can be reached.
            let fits = match (&row.hold, agent.liveness) {
                (Hold::Granted(grant), liveness) => {
                    let charged = self.grants.get(*grant).is_some_and(|g| {
                        g.kind == GrantKind::Executor(id)
                            && (g.agent, g.framework, g.role)
                                == (row.agent, row.framework, row.role)
                    });
                    let away = match liveness {
                        Liveness::Unreachable(since) => {
                            !self.work.bulk.contains(&Bulk::UnreachableTasks(row.agent, since))
                        }
                        _ => false,
                    };
                    charged && !away
                }
                (Hold::Parked(_), liveness) => {
                    matches!(liveness, Liveness::Unreachable(_) | Liveness::Removing)
                }
                (Hold::Released, _) => row.spec.resources.is_empty(),
            };
            ensure("I41", fits, || format!("executor {id} holds {:?}", row.hold))?;
        }
        let listed: usize = self.agents.iter().map(|(_, agent)| agent.executors.len()).sum();
        ensure("I44", listed == self.executors.len(), || {
            "an agent lists an executor that is gone".into()
        })?;
        let listed: usize = self.frameworks.iter().map(|(_, f)| f.executors.len()).sum();
        ensure("I44", listed == self.executors.len(), || {
            "a framework lists an executor that is gone".into()
        })?;
        self.check_who_runs_tasks()
    }

    /// A task that has not ended is run by an executor of its own framework on its own agent, and
    /// shares its group with tasks of these.
    fn check_who_runs_tasks(&self) -> Check {
        for (id, task) in self.tasks.iter().filter(|(_, task)| !task.state.is_terminal()) {
            if let Some(executor) = &task.executor {
                let row = self.executors.get(executor.id);
                let own = |row: &crate::state::Executor| {
                    (row.framework, row.agent, &row.name)
                        == (task.framework, task.agent, &executor.name)
                };
                ensure("I41", row.is_some_and(own), || {
                    format!("task {id} is run by {}, which is not there", executor.id)
                })?;
            }
            if let Some(first) = task.group.and_then(|first| self.tasks.get(first)) {
                let own = (first.framework, first.agent, first.group)
                    == (task.framework, task.agent, task.group);
                ensure("I49", own, || format!("task {id} is in a group of others"))?;
            }
        }
        Ok(())
    }
}
