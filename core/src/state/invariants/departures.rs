//! Agents on the way out: unreachable, gone, drained, in maintenance.

use super::super::{Liveness, State};
use super::{Check, ensure};

impl State {
    pub(super) fn check_departures(&self) -> Check {
        self.check_registry()?;
        self.check_drains()?;
        self.check_inquiries()
    }

    fn check_registry(&self) -> Check {
        let registry = &self.registry;
        for (id, since) in &registry.gone {
            // I53: who is gone never comes back.
            ensure("I53", self.agents.get(*id).is_none_or(|agent| agent.is_removing()), || {
                format!("agent {id} is gone and still there")
            })?;
            ensure("I53", registry.gone_by_age.contains(&(*since, *id)), || {
                format!("agent {id} is gone, and its age is not known")
            })?;
        }
        ensure("I53", registry.gone.len() == registry.gone_by_age.len(), || {
            "an agent is among the gone ones twice".into()
        })?;
        let mut away = 0;
        for (id, agent) in self.agents.iter() {
            if let Liveness::Unreachable(since) = agent.liveness {
                away += 1;
                ensure("I44", registry.away_by_age.contains(&(since, id)), || {
                    format!("agent {id} is unreachable and not listed so")
                })?;
            }
            let waits = match agent.liveness {
                Liveness::Overdue(since) => Some(since),
                _ => None,
            };
            let listed = waits.is_none_or(|since| self.work.overdue.contains(&(since, id)));
            ensure("work", listed, || format!("agent {id} is overdue and does not wait"))?;
        }
        ensure("I44", away == registry.away_by_age.len(), || {
            "an agent is listed as unreachable and is not".into()
        })?;
        let overdue = |agent: &super::super::Agent| matches!(agent.liveness, Liveness::Overdue(_));
        let count = self.agents.iter().filter(|(_, agent)| overdue(agent)).count();
        ensure("work", count == self.work.overdue.len(), || {
            "an agent waits to be unreachable and is not overdue".into()
        })?;
        ensure("timers", self.work.overdue.is_empty() == self.work.permit.is_none(), || {
            "agents wait to be unreachable without a time, or the other way round".into()
        })
    }

    /// I52: nothing is left on a drained agent, and nothing new comes.
    fn check_drains(&self) -> Check {
        for (id, agent) in self.agents.iter() {
            let Some(drain) = agent.drain else { continue };
            ensure("I52", agent.deactivated, || format!("agent {id} is drained in service"))?;
            ensure("I52", !drain.drained || agent.is_idle(), || {
                format!("agent {id} is drained and has tasks")
            })?;
            let over = agent.session().is_some() && agent.is_idle();
            ensure("I52", drain.drained || !over, || {
                format!("agent {id} has nothing left and is still being drained")
            })?;
        }
        Ok(())
    }

    /// I37: at most one open question per framework and agent, about a scheduled machine.
    fn check_inquiries(&self) -> Check {
        let maintenance = &self.maintenance;
        let mut open = 0;
        for ((agent, framework), inquiry) in &maintenance.inquiries {
            ensure("I32", self.agents.contains(*agent), || {
                format!("framework {framework} was asked about {agent}, which is not there")
            })?;
            ensure("I32", self.frameworks.contains(*framework), || {
                format!("framework {framework}, which is not there, was asked about {agent}")
            })?;
            let Some(id) = inquiry.offer else { continue };
            open += 1;
            let offer = maintenance.offers.get(id);
            let fits = offer.is_some_and(|o| (o.agent, o.framework) == (*agent, *framework));
            ensure("I37", fits, || format!("inverse offer {id} is of another agent"))?;
            ensure("I37", inquiry.again.is_none(), || {
                format!("inverse offer {id} is open and to be made again")
            })?;
            let connected = self.frameworks.get(*framework).is_some_and(|f| f.session().is_some());
            let there = self.agents.get(*agent).is_some_and(|a| a.session().is_some());
            ensure("I37", connected && there, || {
                format!("inverse offer {id} is to or about somebody who is away")
            })?;
            // Until the change of a schedule is worked off, it is still to be taken back.
            let changing = self.work.bulk.iter().any(|b| matches!(b, super::Bulk::Machines(..)));
            ensure("I37", changing || self.planned(*agent).is_some(), || {
                format!("inverse offer {id} is about a machine that is not scheduled")
            })?;
        }
        ensure("I37", open == maintenance.offers.len(), || {
            "an inverse offer is open that nobody was asked".into()
        })
    }
}
