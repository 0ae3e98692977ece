//! Maintenance: when machines are not to be relied on, and what frameworks said to that.
//!
//! A machine is a name: the hostname of its agents, or the name of an agent without one. It is
//! *up* unless it is in the schedule, then *draining*, and *down* once maintenance was started.
//! Who holds something on an agent of a scheduled machine is asked by an inverse offer whether the
//! agent may go; the answer is for people.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::State;
use super::timer::TimerKey;
use crate::arena::Arena;
use crate::event::InverseOffer as InverseOfferEvent;
use crate::ids::{AgentId, FrameworkId, InverseOfferId};
use crate::row::{AgentAnswer, MachineStatus};
use crate::time::Time;
use crate::value::Unavailability;

/// A machine in the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Planned {
    /// When it is not to be relied on.
    #[n(0)]
    pub unavailability: Unavailability,
    /// Whether it is down: no agent may be there.
    #[n(1)]
    pub down: bool,
}

/// A question to a framework whether an agent may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InverseOffer {
    /// Which agent.
    #[n(0)]
    pub agent: AgentId,
    /// Who is asked.
    #[n(1)]
    pub framework: FrameworkId,
    /// When it ends without an answer.
    #[n(2)]
    pub timer: Option<TimerKey>,
}

/// What a framework said, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Answer {
    /// Whether the agent may go.
    #[n(0)]
    pub accepted: bool,
    /// When it said so.
    #[n(1)]
    pub time: Time,
}

/// How matters stand with one framework about one agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Inquiry {
    /// The question that is not answered yet.
    #[n(0)]
    pub offer: Option<InverseOfferId>,
    /// When it may be asked again.
    #[n(1)]
    pub again: Option<TimerKey>,
    /// The last answer.
    #[n(2)]
    pub answer: Option<Answer>,
}

/// The schedule and what became of it; see the module text.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map)]
pub struct Maintenance {
    /// The machines in the schedule by name.
    #[n(0)]
    pub machines: BTreeMap<Box<str>, Planned>,
    /// The inverse offers that are not answered.
    #[n(1)]
    pub offers: Arena<InverseOfferId, InverseOffer>,
    /// Who was asked about which agent.
    #[n(2)]
    pub inquiries: BTreeMap<(AgentId, FrameworkId), Inquiry>,
}

impl State {
    /// The entry of the schedule for an agent's machine.
    pub fn planned(&self, agent: AgentId) -> Option<&Planned> {
        if self.maintenance.machines.is_empty() {
            return None;
        }
        self.maintenance.machines.get(self.agents.get(agent)?.machine()?)
    }

    /// The maintenance schedule and the answers to it, by machine.
    #[must_use]
    pub fn maintenance_status(&self) -> Vec<MachineStatus> {
        let mut answers: BTreeMap<&str, Vec<AgentAnswer>> = BTreeMap::new();
        for ((agent, framework), inquiry) in &self.maintenance.inquiries {
            let machine = self.agents.get(*agent).and_then(|agent| agent.machine());
            if let (Some(machine), Some(answer)) = (machine, inquiry.answer) {
                let Answer { accepted, time } = answer;
                let (agent, framework) = (*agent, *framework);
                let said = AgentAnswer { agent, framework, accepted, time };
                answers.entry(machine).or_default().push(said);
            }
        }
        let machines = self.maintenance.machines.iter();
        let status = machines.map(|(machine, planned)| MachineStatus {
            machine: machine.clone(),
            unavailability: planned.unavailability,
            down: planned.down,
            answers: answers.remove(&**machine).unwrap_or_default(),
        });
        status.collect()
    }

    /// An inverse offer as its framework is told it.
    pub(crate) fn describe_inverse_offer(&self, id: InverseOfferId) -> Option<InverseOfferEvent> {
        let offer = self.maintenance.offers.get(id)?;
        let agent = self.agents.get(offer.agent)?;
        Some(InverseOfferEvent {
            inverse_offer: id,
            agent: offer.agent,
            agent_name: agent.name.clone(),
            hostname: agent.hostname.clone(),
            unavailability: self.planned(offer.agent)?.unavailability,
            expires: offer.timer.map(|timer| timer.deadline),
        })
    }
}
