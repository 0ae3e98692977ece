//! Agents on the way out, and the questions about it: what operators and frameworks want, as
//! commands.

use proptest::collection::vec;
use proptest::prelude::*;
use tamias::command::{
    AcceptInverseOffers, DeclineInverseOffers, DrainAgent, MaintenanceWindow, MarkAgentGone,
    SessionKind, StartMaintenance, StopMaintenance, UpdateMaintenanceSchedule,
};
use tamias::ids::InverseOfferId;
use tamias::time::Nanos;

use super::agents::named;
use super::intent::{Aim, Pick, Whom, whom};
use super::palette::{names, seconds};
use super::{Play, aim, choose};

/// What somebody wants of agents that are to go.
#[derive(Debug, Clone)]
pub enum Departure {
    /// An operator declares an agent gone.
    Gone(Whom),
    /// An operator drains an agent.
    Drain {
        /// Which.
        agent: Whom,
        /// The longest grace.
        grace: Option<i64>,
        /// Whether it is gone afterwards.
        mark_gone: bool,
    },
    /// An operator replaces the schedule.
    Schedule {
        /// By machine: in which of two windows.
        machines: Vec<(u8, bool)>,
        /// How long the first takes.
        duration: Option<i64>,
        /// Whether machines that are down are left out.
        forgetful: bool,
    },
    /// An operator takes machines down.
    Down(Vec<Whom>),
    /// An operator takes machines up.
    Up(Vec<Whom>),
    /// A framework answers questions.
    Answer {
        /// Which framework.
        framework: Pick,
        /// Which questions.
        questions: Vec<Whom>,
        /// Whether the agents may go.
        accept: bool,
        /// How long it does not want to be asked again.
        refuse: Option<i64>,
    },
}

/// Draws one.
pub fn departures() -> impl Strategy<Value = Departure> {
    let drain = (whom(), seconds(), any::<bool>())
        .prop_map(|(agent, grace, mark_gone)| Departure::Drain { agent, grace, mark_gone });
    let schedule =
        (vec((names(), any::<bool>()), 0..4), seconds(), prop::bool::weighted(0.1)).prop_map(
            |(machines, duration, forgetful)| Departure::Schedule { machines, duration, forgetful },
        );
    let machines = || prop_oneof![9 => vec(whom(), 1..3), 1 => Just(Vec::new())];
    let answer = (any::<Pick>(), vec(whom(), 0..3), any::<bool>(), seconds()).prop_map(
        |(framework, questions, accept, refuse)| Departure::Answer {
            framework,
            questions,
            accept,
            refuse,
        },
    );
    prop_oneof![
        1 => whom().prop_map(Departure::Gone),
        3 => drain,
        6 => schedule,
        2 => machines().prop_map(Departure::Down),
        3 => machines().prop_map(Departure::Up),
        8 => answer,
    ]
}

impl Play {
    pub(super) fn departure(&mut self, departure: &Departure) {
        match departure {
            Departure::Gone(agent) => {
                let Some(agent) = self.any_agent(*agent) else { return };
                let operator = self.some_session(SessionKind::Operator, 0);
                self.send(operator, MarkAgentGone { agent });
            }
            Departure::Drain { agent, grace, mark_gone } => {
                let Some(agent) = self.any_agent(*agent) else { return };
                let operator = self.some_session(SessionKind::Operator, 0);
                let (max_grace_seconds, mark_gone) = (grace.map(Nanos::from_secs), *mark_gone);
                self.send(operator, DrainAgent { agent, max_grace_seconds, mark_gone });
            }
            Departure::Schedule { machines, duration, forgetful } => {
                self.schedule(machines, *duration, *forgetful);
            }
            Departure::Down(machines) => {
                // Mostly it was announced.
                if machines.iter().any(|whom| whom.pick % 4 > 0) {
                    self.schedule(&[(0, false), (1, true)], None, false);
                }
                let machines = self.machines(machines, false);
                let operator = self.some_session(SessionKind::Operator, 0);
                self.send(operator, StartMaintenance { machines });
            }
            Departure::Up(machines) => {
                let is_down = self.model.windows.values().any(|window| window.down);
                if !is_down && machines.iter().all(|whom| whom.pick % 4 > 0) {
                    return;
                }
                let machines = self.machines(machines, true);
                let operator = self.some_session(SessionKind::Operator, 0);
                self.send(operator, StopMaintenance { machines });
            }
            Departure::Answer { framework, questions, accept, refuse } => {
                self.answer(*framework, questions, *accept, refuse.map(Nanos::from_secs));
            }
        }
    }

    fn schedule(&mut self, machines: &[(u8, bool)], duration: Option<i64>, forgetful: bool) {
        let down = self.model.windows.iter().filter(|(_, window)| window.down);
        let down = down.map(|(name, _)| Box::<str>::from(name.as_str()));
        let mut windows = [Vec::new(), down.filter(|_| !forgetful).collect::<Vec<_>>()];
        for (name, second) in machines {
            let name = named(*name);
            if !windows[1].contains(&name) {
                windows[usize::from(*second)].push(name);
            }
        }
        let [first, second] = windows;
        let start = self.clock.plus(Nanos::from_secs(60));
        let duration_seconds = duration.map(Nanos::from_secs);
        let first = MaintenanceWindow { machines: first, start, duration_seconds };
        let second = MaintenanceWindow { machines: second, start, duration_seconds: None };
        let windows = [first, second].into_iter();
        // An empty one is a mistake, and as rare as those of time.
        let empty_is_wrong = duration == Some(-1);
        let windows = windows.filter(|window| empty_is_wrong || !window.machines.is_empty());
        let operator = self.some_session(SessionKind::Operator, 0);
        self.send(operator, UpdateMaintenanceSchedule { windows: windows.collect() });
    }

    /// Machines of the schedule that are down or not, or any that do not suit.
    fn machines(&self, picks: &[Whom], down: bool) -> Vec<Box<str>> {
        let suits = self.model.windows.iter().filter(|(_, window)| window.down == down);
        let suits: Vec<&str> = suits.map(|(name, _)| name.as_str()).collect();
        let mut machines: Vec<Box<str>> = Vec::new();
        for whom in picks {
            let [low, _] = whom.pick.to_le_bytes();
            let suiting = choose(&suits, whom.pick).filter(|_| whom.aim == Aim::Live);
            let name = suiting.map_or_else(|| named(low), Into::into);
            if whom.aim != Aim::Live || !machines.contains(&name) {
                machines.push(name);
            }
        }
        machines
    }

    fn answer(&mut self, pick: Pick, picks: &[Whom], accept: bool, refuse: Option<Nanos>) {
        let asked: Vec<_> = self.model.questions.values().map(|q| q.framework).collect();
        let framework = choose(&asked, pick);
        let session = framework.and_then(|framework| self.session_of(framework));
        let speaking = self.speaking(pick, false).map(|(_, session)| session);
        let Some(session) = session.or(speaking) else { return };
        let own = self.model.questions.iter();
        let own = own.filter(|(_, question)| Some(question.framework) == framework);
        let own: Vec<_> = own.map(|(id, _)| *id).collect();
        let former = &self.former.questions;
        let picked = picks.iter().filter_map(|w| aim(*w, &own, former, InverseOfferId::from_u64));
        let (inverse_offers, refuse_seconds) = (picked.collect(), refuse);
        if accept {
            self.send(session, AcceptInverseOffers { inverse_offers, refuse_seconds });
        } else {
            self.send(session, DeclineInverseOffers { inverse_offers, refuse_seconds });
        }
    }
}
