//! What frameworks want, as commands.

use tamias::command::{
    Accept, Decline, Revive, SendFrameworkMessage, SendMessage, SessionKind, Subscribe, Suppress,
    TaskCommand, TaskSpec, Teardown, UpdateFramework,
};
use tamias::ids::{FrameworkId, OfferId, SessionId};
use tamias::options::OnInvalid;
use tamias::resources::Amount;
use tamias::time::Nanos;
use tamias::value::{Bytes, Capability};

use super::agents::{named, nth};
use super::intent::{
    FrameworkIntent, Offers, Pick, Portion, Profile, SessionChoice, Spoil, TaskPlan, Whom,
};
use super::palette::{ROLES, TASKS};
use super::{Play, aim, choose};
use crate::model::facts::FrameworkStanding;
use crate::model::pile::Pile;

/// So many frameworks are enough for a play; more would only be slow.
const FRAMEWORKS_MAX: usize = 5;

impl Play {
    pub(super) fn framework_intent(&mut self, intent: &FrameworkIntent) {
        match intent {
            FrameworkIntent::Join { session, profile } => {
                if self.model.frameworks.len() >= FRAMEWORKS_MAX {
                    return;
                }
                let session = match session {
                    Some(pick) => self.some_session(SessionKind::Framework, *pick),
                    None => self.open(SessionKind::Framework),
                };
                self.send(session, subscription(profile));
            }
            FrameworkIntent::Again { .. } => self.again(intent),
            FrameworkIntent::Say { .. } => self.say(intent),
            FrameworkIntent::Accept { framework, offers, tasks, refuse, report } => {
                let Some((id, session)) = self.speaking(*framework, true) else { return };
                let offers = self.listed(id, offers);
                let tasks = self.planned(&offers, tasks);
                let (report_it, reject) = (OnInvalid::Report, OnInvalid::Reject);
                let on_invalid = report.map(|report| if report { report_it } else { reject });
                let operations = if tasks.is_empty() { Vec::new() } else { vec![tasks.into()] };
                let refuse_seconds = refuse.map(Nanos::from_secs);
                self.send(session, Accept { offers, operations, refuse_seconds, on_invalid });
            }
            FrameworkIntent::LaunchMany { framework, offer, count } => {
                self.launch_many(*framework, *offer, *count);
            }
            FrameworkIntent::Decline { framework, offers, refuse } => {
                let Some((id, session)) = self.speaking(*framework, true) else { return };
                let offers = self.listed(id, offers);
                let refuse_seconds = refuse.map(Nanos::from_secs);
                self.send(session, Decline { offers, refuse_seconds });
            }
            FrameworkIntent::Revive(framework, roles) => {
                let Some((_, session)) = self.speaking(*framework, false) else { return };
                self.send(session, Revive { roles: role_names(roles) });
            }
            FrameworkIntent::Suppress(framework, roles) => {
                let Some((_, session)) = self.speaking(*framework, false) else { return };
                self.send(session, Suppress { roles: role_names(roles) });
            }
            FrameworkIntent::Teardown { framework, by_operator, unnamed } => {
                let Some(id) = self.any_framework(*framework) else { return };
                let own = self.session_of(id).filter(|_| !*by_operator);
                let sender = own.unwrap_or_else(|| self.some_session(SessionKind::Operator, 0));
                self.send(sender, Teardown { framework: (!*unnamed).then_some(id) });
            }
        }
    }

    fn again(&mut self, intent: &FrameworkIntent) {
        let FrameworkIntent::Again { framework, session, by_id, by_name, profile, update } = intent
        else {
            return;
        };
        let Some(id) = self.any_framework(*framework) else { return };
        let own = self.session_of(id);
        let session = match (session, own) {
            (SessionChoice::Own, Some(own)) => own,
            (SessionChoice::Open(pick), _) => self.some_session(SessionKind::Framework, *pick),
            _ => self.open(SessionKind::Framework),
        };
        let mut again = subscription(profile);
        again.framework = by_id.then_some(id);
        if *by_name {
            let name = self.model.frameworks.get(&id).and_then(|f| f.name.clone());
            again.name = name.map(Into::into);
        }
        if *update {
            self.send(session, UpdateFramework(again));
        } else {
            self.send(session, again);
        }
    }

    fn say(&mut self, intent: &FrameworkIntent) {
        let FrameworkIntent::Say { framework, agent, back, executor } = intent else { return };
        let (Some(framework), Some(agent)) =
            (self.any_framework(*framework), self.any_agent(*agent))
        else {
            return;
        };
        let executor = TASKS[usize::from(*executor) % TASKS.len()].into();
        let data = Bytes(vec![1, 2]);
        if *back {
            let driver = self.driver_of(agent);
            let said = SendFrameworkMessage { agent, framework, executor, data };
            self.perform(driver, said);
        } else {
            let session = self.session_of(framework);
            self.perform(session, SendMessage { agent, executor, data });
        }
    }

    fn launch_many(&mut self, framework: Pick, offer: Pick, count: u16) {
        let Some((id, session)) = self.speaking(framework, true) else { return };
        let enough = |o: &OfferId| self.model.offers[o].resources.milli("cpus") >= 1000;
        let offers: Vec<_> = self.offers_of(id).into_iter().filter(enough).collect();
        let Some(offer) = choose(&offers, offer) else { return };
        let mut specs = Vec::new();
        for _ in 0..count {
            specs.push(TaskSpec {
                name: format!("many{}", self.fresh()).into(),
                resources: "cpus:0.001".parse().expect("resources"),
                ..TaskSpec::default()
            });
        }
        let operations = vec![specs.into()];
        self.send(session, Accept { offers: vec![offer], operations, ..Accept::default() });
    }

    fn any_framework(&self, whom: Whom) -> Option<FrameworkId> {
        let live: Vec<_> = self.model.frameworks.keys().copied().collect();
        aim(whom, &live, &self.former.frameworks, FrameworkId::from_u64)
    }

    pub(super) fn session_of(&self, framework: FrameworkId) -> Option<SessionId> {
        match self.model.frameworks.get(&framework)?.standing {
            FrameworkStanding::Connected(session) => Some(session),
            FrameworkStanding::Away(_) | FrameworkStanding::Leaving => None,
        }
    }

    /// A connected framework, one with offers if that is asked for and there is one.
    pub(super) fn speaking(
        &self,
        pick: Pick,
        with_offers: bool,
    ) -> Option<(FrameworkId, SessionId)> {
        let all = self.model.frameworks.keys().copied();
        let connected: Vec<_> = all.filter(|id| self.session_of(*id).is_some()).collect();
        let mut wanted = connected.clone();
        wanted.retain(|id| !with_offers || !self.offers_of(*id).is_empty());
        let id = choose(&wanted, pick).or_else(|| choose(&connected, pick))?;
        Some((id, self.session_of(id)?))
    }

    fn offers_of(&self, framework: FrameworkId) -> Vec<OfferId> {
        let offers = self.model.offers.iter().filter(|(_, offer)| offer.framework == framework);
        offers.map(|(id, _)| *id).collect()
    }

    /// The offers meant, with their mistake.
    fn listed(&self, framework: FrameworkId, meant: &Offers) -> Vec<OfferId> {
        let own = self.offers_of(framework);
        let mut listed = Vec::new();
        if let Some(first) = choose(&own, meant.first) {
            let place = |id: &OfferId| {
                let offer = &self.model.offers[id];
                (offer.agent, offer.role.clone())
            };
            let others = own.iter().filter(|id| **id != first && place(id) == place(&first));
            listed.push(first);
            listed.extend(others.take(meant.more.into()));
        }
        match meant.spoil {
            None => {}
            Some(Spoil::Stale(whom)) => {
                let live: Vec<_> = self.model.offers.keys().copied().collect();
                listed.extend(aim(whom, &live, &self.former.offers, OfferId::from_u64));
            }
            Some(Spoil::Foreign(pick)) => {
                let all = self.model.offers.iter();
                let foreign = all.filter(|(_, offer)| offer.framework != framework);
                let foreign: Vec<_> = foreign.map(|(id, _)| *id).collect();
                listed.extend(choose(&foreign, pick));
            }
            Some(Spoil::Twice) => listed.extend(listed.first().copied()),
            Some(Spoil::Another(pick)) => listed.extend(choose(&own, nth(pick, 1))),
            Some(Spoil::Empty) => listed.clear(),
        }
        listed
    }

    /// Tasks that take their portions of the offers, one after the other.
    fn planned(&mut self, offers: &[OfferId], plans: &[TaskPlan]) -> Vec<TaskSpec> {
        let live = offers.iter().filter_map(|id| self.model.offers.get(id));
        let mut left = live.fold(Pile::default(), |sum, offer| sum.plus(&offer.resources));
        let mut specs = Vec::new();
        for plan in plans {
            let mut taken = portion(&left, plan.portion);
            // Offers of several agents together may be what nobody could write down: more than the
            // largest amount, or two kinds of value under one name.
            let most: i128 = Amount::MAX.milli().into();
            taken.scalars.values_mut().for_each(|milli| *milli = most.min(*milli));
            taken.points.retain(|(name, _)| !taken.scalars.contains_key(name));
            taken.items.retain(|(name, _)| !taken.scalars.contains_key(name));
            left = left.minus(&taken);
            let name = match plan.name {
                Some(pick) => TASKS[usize::from(pick) % TASKS.len()].into(),
                None => format!("task{}", self.fresh()).into(),
            };
            let command = plan.command.map(|sensible| TaskCommand {
                argv: vec!["true".into()],
                shell: (!sensible).then(|| "true".into()),
                ..TaskCommand::default()
            });
            specs.push(TaskSpec {
                name,
                resources: taken.to_resources(),
                command,
                kill_grace_seconds: plan.grace.map(Nanos::from_secs),
                max_completion_seconds: plan.longest.map(Nanos::from_secs),
                ..TaskSpec::default()
            });
        }
        specs
    }
}

fn portion(left: &Pile, portion: Portion) -> Pile {
    let pile = |text: &str| Pile::of(&text.parse().expect("resources"));
    match portion {
        Portion::All => left.clone(),
        Portion::Half => {
            let mut half = left.scalars();
            half.scalars.retain(|_, milli| {
                *milli /= 2;
                *milli > 0
            });
            half
        }
        Portion::Crumb => pile("cpus:0.001"),
        Portion::Single => Pile {
            points: left.points.first().cloned().into_iter().collect(),
            items: left.items.first().cloned().into_iter().collect(),
            ..pile("cpus:0.002")
        },
        Portion::TooMuch => left.scalars().plus(&pile("cpus:0.001")),
        Portion::Unknown => pile("unicorns:1"),
        Portion::Nothing => Pile::default(),
    }
}

fn subscription(profile: &Profile) -> Subscribe {
    let roles = role_names(&profile.roles);
    let chosen = roles.iter().enumerate().filter(|(n, _)| profile.suppressed >> n & 1 == 1);
    let mut suppressed_roles: Vec<Box<str>> = chosen.map(|(_, role)| role.clone()).collect();
    if profile.suppressed == u8::MAX {
        suppressed_roles.push("nobody's".into());
    }
    let aware = |aware| if aware { vec![Capability::PartitionAware] } else { Vec::new() };
    Subscribe {
        framework: None,
        name: profile.name.map(named),
        roles,
        suppressed_roles,
        failover_timeout_seconds: profile.failover.map(Nanos::from_secs),
        capabilities: profile.aware.map(aware),
        ext: None,
        min_allocatable: Default::default(),
        offer_constraints: Default::default(),
    }
}

fn role_names(picks: &[u8]) -> Vec<Box<str>> {
    picks.iter().map(|pick| ROLES[usize::from(*pick) % ROLES.len()].into()).collect()
}
