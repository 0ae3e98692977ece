//! What must be true of operations whose outcome is reported.

use super::{Check, ensure};
use crate::ids::OperationId;
use crate::state::{Bulk, GrantKind, Hold, Liveness, Operation, State};
use crate::status::OperationState;

impl State {
    pub(super) fn check_operations(&self) -> Check {
        for (id, row) in self.operations.iter() {
            self.check_owners(id, row)?;
            self.check_hold(id, row)?;
            let known = matches!(row.state, OperationState::Pending | OperationState::Unreachable)
                || row.state.is_terminal();
            ensure("I42", known, || format!("operation {id} is {}, an answer", row.state))?;
            // I47: one that ended waits for an acknowledgement, or it would be gone.
            ensure("I47", row.state.is_terminal() == row.report.is_some(), || {
                format!("operation {id} is {} and has a report, or has none", row.state)
            })?;
            ensure("I47", row.report.is_none() || row.name.is_some(), || {
                format!("operation {id} has ended and nobody is to acknowledge it")
            })?;
            ensure("I45", row.retry.is_none() || row.report.is_some(), || {
                format!("operation {id} repeats a report that it does not have")
            })?;
            let away = row.state == OperationState::Unreachable;
            ensure("I44", row.unreachable_since.is_some() == away, || {
                format!("operation {id} is {}, and its agent since when?", row.state)
            })?;
        }
        let listed: usize = self.frameworks.iter().map(|(_, row)| row.operations.len()).sum();
        ensure("I43", listed == self.operations.len(), || {
            "a framework lists an operation that is gone".into()
        })?;
        let listed: usize = self.frameworks.iter().map(|(_, row)| row.operation_ids.len()).sum();
        let named = self.operations.iter().filter(|(_, row)| row.name.is_some()).count();
        ensure("I43", listed == named, || "an operation's id is left over".into())?;
        let listed: usize = self.agents.iter().map(|(_, row)| row.operations.len()).sum();
        let on_agents = self.operations.iter().filter(|(_, row)| self.agents.contains(row.agent));
        ensure("I44", listed == on_agents.count(), || {
            "an agent lists an operation that is gone".into()
        })
    }

    /// I43, I44: it is found where its framework and its agent look for it.
    fn check_owners(&self, id: OperationId, row: &Operation) -> Check {
        let framework = self.frameworks.get(row.framework);
        ensure("I43", framework.is_some_and(|f| f.operations.contains(&id)), || {
            format!("framework {} does not list its operation {id}", row.framework)
        })?;
        let named = |name| framework.and_then(|f| f.operation_ids.get(name)) == Some(&id);
        ensure("I43", row.name.as_ref().is_none_or(named), || {
            format!("operation {id} is not found by its id")
        })?;
        let Some(agent) = self.agents.get(row.agent) else {
            // Only what has ended may outlive its agent, until it is acknowledged.
            return ensure("I44", row.state.is_terminal(), || {
                format!("operation {id} has no agent")
            });
        };
        ensure("I44", agent.operations.contains(&id), || {
            format!("agent {} does not list its operation {id}", row.agent)
        })?;
        let away = row.state == OperationState::Unreachable;
        let allowed = match agent.liveness {
            Liveness::Connected(_) | Liveness::Disconnected(_) | Liveness::Overdue(_) => !away,
            Liveness::Unreachable(since) => {
                // Told of in counted steps: until then it keeps its state.
                let told_of = self.work.bulk.contains(&Bulk::UnreachableTasks(row.agent, since));
                away || row.state.is_terminal() || told_of
            }
            Liveness::Removing => true,
        };
        ensure("I44", allowed, || {
            format!("operation {id} is {} on agent {}, {:?}", row.state, row.agent, agent.liveness)
        })
    }

    /// I41: what a disk is made of is held until that has ended, and nothing else is.
    fn check_hold(&self, id: OperationId, row: &Operation) -> Check {
        let fits = match &row.hold {
            Hold::Granted(grant) => {
                row.state == OperationState::Pending
                    && row.makes_a_disk()
                    && self.grants.get(*grant).is_some_and(|g| {
                        g.kind == GrantKind::Operation(id)
                            && (g.agent, g.framework, g.role)
                                == (row.agent, row.framework, row.role)
                    })
            }
            Hold::Parked(_) => row.state == OperationState::Unreachable && row.makes_a_disk(),
            Hold::Released => row.state.is_terminal() || !row.makes_a_disk(),
        };
        ensure("I41", fits, || format!("operation {id} in {} holds {:?}", row.state, row.hold))
    }
}

#[cfg(test)]
mod tests {
    use crate::command::{
        Accept, Command, CreateDisk, Envelope, OpenSession, Operation, RegisterAgent, ResourcesOf,
        SessionKind, Subscribe, Tick, UpdateOperation,
    };
    use crate::event::{Effects, Event};
    use crate::ids::{AgentId, GrantId, Id, OperationId, SessionId};
    use crate::machine::apply;
    use crate::options::Options;
    use crate::reply::Reply;
    use crate::state::{Hold, State};
    use crate::status::OperationState;
    use crate::time::Time;

    const DISK: OperationId = OperationId::from_u64(1 << 32);
    const ENDED: OperationId = OperationId::from_u64(1 << 32 | 1);

    fn send(
        state: &mut State,
        session: Option<SessionId>,
        command: impl Into<Command>,
    ) -> (Reply, Effects) {
        let envelope = Envelope { now: state.now(), session, command: command.into() };
        let mut effects = Effects::new();
        let reply = apply(state, &envelope, &mut effects).unwrap();
        state.check_invariants().unwrap();
        (reply, effects)
    }

    fn open(state: &mut State, kind: SessionKind) -> SessionId {
        match send(state, None, OpenSession { kind, principal: None }).0 {
            Reply::SessionOpened { session } => session,
            other => panic!("{other:?}"),
        }
    }

    /// A disk in the making, and a reservation that has ended and is not acknowledged.
    fn stage() -> State {
        let mut state = State::new(Options::mesos(), Time(0));
        let scheduler = open(&mut state, SessionKind::Framework);
        let subscribe = Subscribe { roles: vec!["r".into()], ..Subscribe::default() };
        send(&mut state, Some(scheduler), subscribe);
        let driver = open(&mut state, SessionKind::Agent);
        let resources = "cpus:4;disk<source=raw,profile=p,provider=q>:100".parse().unwrap();
        send(&mut state, Some(driver), RegisterAgent { resources, ..RegisterAgent::default() });
        let effects = send(&mut state, None, Tick {}).1;
        let Event::Offer(offer) = &effects[0].event else { panic!("{effects:?}") };
        let source = "disk<source=raw,profile=p,provider=q>:60".parse().unwrap();
        let create = CreateDisk { source, id: Some("disk".into()), ..CreateDisk::default() };
        let resources = "cpus(+r):1".parse().unwrap();
        let reserve = ResourcesOf { resources, id: Some("cpus".into()) };
        let operations = vec![Operation::CreateDisk(create), Operation::Reserve(reserve)];
        let offers = vec![offer.offer];
        send(&mut state, Some(scheduler), Accept { offers, operations, ..Accept::default() });
        let end = UpdateOperation::new(ENDED, OperationState::Finished);
        send(&mut state, Some(driver), end);
        state
    }

    type Break = fn(&mut State);

    fn agent(state: &mut State) -> &mut crate::state::Agent {
        let id = state.agents.ids().next().unwrap();
        state.agents.get_mut(id).unwrap()
    }

    fn framework(state: &mut State) -> &mut crate::state::Framework {
        let id = state.frameworks.ids().next().unwrap();
        state.frameworks.get_mut(id).unwrap()
    }

    fn row(state: &mut State, id: OperationId) -> &mut crate::state::Operation {
        state.operations.get_mut(id).unwrap()
    }

    #[test]
    fn every_break_is_reported() {
        const NOBODY: OperationId = OperationId::from_u64(1 << 32 | 9);
        let breaks: [(&str, &str, Break); 17] = [
            ("I43", "does not list its operation", |s| framework(s).operations.clear()),
            ("I43", "lists an operation that is gone", |s| {
                framework(s).operations.insert(NOBODY);
            }),
            ("I43", "is not found by its id", |s| framework(s).operation_ids.clear()),
            ("I43", "id is left over", |s| {
                framework(s).operation_ids.insert("other".into(), DISK);
            }),
            ("I44", "does not list its operation", |s| agent(s).operations.clear()),
            ("I44", "lists an operation that is gone", |s| {
                agent(s).operations.insert(NOBODY);
            }),
            ("I44", "has no agent", |s| row(s, DISK).agent = AgentId::from_parts(9, 1)),
            ("I44", "is OPERATION_UNREACHABLE on agent", |s| {
                row(s, ENDED).state = OperationState::Unreachable;
            }),
            ("I44", "since when", |s| row(s, DISK).unreachable_since = Some(Time(1))),
            ("I41", "is not held by its operation", |s| row(s, DISK).hold = Hold::Released),
            ("I41", "is not held by its operation", |s| {
                row(s, DISK).hold = Hold::Granted(GrantId::from_parts(99, 1));
            }),
            ("I41", "holds", |s| {
                let hold = row(s, DISK).hold.clone();
                row(s, ENDED).hold = hold;
            }),
            ("I42", "an answer", |s| {
                let row = row(s, ENDED);
                (row.state, row.report) = (OperationState::Unknown, None);
            }),
            ("I47", "has a report, or has none", |s| row(s, ENDED).report = None),
            ("I47", "nobody is to acknowledge it", |s| {
                row(s, ENDED).name = None;
                framework(s).operation_ids.remove("cpus");
            }),
            ("I45", "does not have", |s| {
                let retry = row(s, ENDED).retry.take();
                row(s, DISK).retry = retry;
            }),
            ("timers", "", |s| row(s, ENDED).retry = None),
        ];
        let sound = stage();
        for (invariant, words, break_it) in breaks {
            let mut broken = sound.clone();
            break_it(&mut broken);
            let violation = broken.check_invariants().expect_err(words);
            let text = violation.to_string();
            assert!(violation.invariant == invariant && text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn a_snapshot_has_operations() {
        let state = stage();
        let again = State::from_snapshot(&state.to_snapshot()).unwrap();
        assert_eq!(again.hash(), state.hash());
        assert_eq!(again.operations().len(), 2);
        assert!(again.operations().get(DISK).unwrap().hold.grant().is_some());
    }
}
