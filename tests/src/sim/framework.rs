//! A simulated framework: knows what it was told, and what it launched.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use tamias::command::{
    Accept, AcceptInverseOffers, Acknowledge, CloseSession, Command, Decline, DeclineInverseOffers,
    Kill, Reconcile, Revive, SendMessage, SessionKind, Subscribe, Suppress, TaskSpec,
};
use tamias::error::Code;
use tamias::event::{Event, Offer, TaskStatus};
use tamias::ids::{OfferId, SessionId};
use tamias::options::OnInvalid;
use tamias::reply::Reply;
use tamias::resources::{Amount, Name, Resources};
use tamias::status::TaskState;
use tamias::time::Nanos;
use tamias::value::Bytes;

use super::kernel::Kernel;

/// What tasks ask for of devices.
const REQUESTS: [&str; 6] = [
    "fpgas:1",
    "fpgas:<0.3 of any>",
    "fpgas:<0.5 of t4|h100>",
    "fpgas:<2 of a100 in one group>",
    "fpgas:<3 of any>",
    "fpgas:<1=a100@x/0.25>",
];

/// How a framework behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// Uses what it is offered.
    Eager,
    /// Declines most of it.
    Picky,
    /// Keeps offers until they are taken away.
    Hoarder,
    /// Crashes between an update and its acknowledgement.
    Fragile,
    /// Uses offers that it does not have any more.
    Stale,
}

impl Temper {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Eager, Self::Picky, Self::Hoarder, Self::Fragile, Self::Stale];
}

/// A framework.
#[derive(Debug)]
pub struct Framework {
    name: String,
    role: &'static str,
    temper: Temper,
    session: Option<SessionId>,
    offers: BTreeMap<OfferId, Offer>,
    /// Tasks that were launched and of whose end it was not told.
    open: BTreeSet<Box<str>>,
    serial: u32,
}

impl Framework {
    /// The n-th framework.
    #[must_use]
    pub fn new(number: usize, temper: Temper, role: &'static str) -> Self {
        Self {
            name: format!("f{number}"),
            role,
            temper,
            session: None,
            offers: BTreeMap::new(),
            open: BTreeSet::new(),
            serial: 0,
        }
    }

    /// Reads some of what it was told, and does something.
    pub fn turn(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        if self.session.is_none() {
            // Now and then it stays away for longer than the kernel waits.
            if rng.u32(0..if self.serial % 5 == 0 { 200 } else { 4 }) == 0 {
                self.connect(kernel);
            }
            return;
        }
        for _ in 0..rng.usize(0..8) {
            self.take_event(kernel, Some(rng));
        }
        match rng.u32(0..100) {
            0 => self.crash(kernel),
            1 => self.fail_over(kernel),
            2..=3 => drop(self.send(kernel, Suppress { roles: vec![] })),
            4..=13 => drop(self.send(kernel, Revive { roles: vec![] })),
            14..=16 => self.reconcile(kernel),
            17..=26 => self.kill(kernel, rng),
            27..=28 => self.say(kernel, rng),
            _ => self.use_offers(kernel, rng),
        }
    }

    /// Says something to a task, which may not be there, on an agent that may be away.
    fn say(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        let agents: Vec<_> = kernel.state.agents().ids().collect();
        let Some(agent) = rng.choice(agents) else { return };
        let executor = self.open.first().cloned().unwrap_or_else(|| "nobody".into());
        self.send(kernel, SendMessage { agent, executor, data: Bytes(vec![1]) });
    }

    /// Takes part no more: declines everything, kills everything, reads everything.
    pub fn rest(&mut self, kernel: &mut Kernel) {
        if self.session.is_none() {
            self.connect(kernel);
        }
        while self.take_event(kernel, None) {}
        self.send(kernel, Suppress { roles: vec![] });
        let offers: Vec<_> = std::mem::take(&mut self.offers).into_keys().collect();
        for some in offers.chunks(100) {
            self.send(kernel, Decline { offers: some.to_vec(), refuse_seconds: None });
        }
        for name in self.open.iter().cloned().collect::<Vec<_>>() {
            let task = (&*name).into();
            // The answer to a kill of a task that is not known is that it is not known: news that
            // the kernel concluded itself while nobody was connected are not repeated.
            self.send(kernel, Kill { task, kill_grace_seconds: None });
        }
        while self.take_event(kernel, None) {}
    }

    /// Every task has ended as far as it was told.
    ///
    /// # Panics
    /// If it waits for news of a task.
    pub fn assert_told(&self) {
        assert!(self.open.is_empty(), "{} was never told the end of {:?}", self.name, self.open);
    }

    /// Sends a command; finds out that its session has ended, if it has.
    fn send(&mut self, kernel: &mut Kernel, command: impl Into<Command>) -> Option<Reply> {
        let session = self.session?;
        match kernel.send(Some(session), command) {
            Ok(reply) => Some(reply),
            Err(rejection) => {
                let ended = [Code::UnknownSession, Code::Superseded, Code::NotSubscribed];
                if ended.contains(&rejection.code()) {
                    self.lose_session();
                }
                None
            }
        }
    }

    fn lose_session(&mut self) {
        self.session = None;
        self.offers.clear();
    }

    fn connect(&mut self, kernel: &mut Kernel) {
        self.offers.clear();
        let session = kernel.open(SessionKind::Framework);
        let command = Subscribe {
            name: Some(self.name.as_str().into()),
            roles: vec![self.role.into()],
            failover_timeout_seconds: Some(Nanos::from_secs(120)),
            ..Subscribe::default()
        };
        match kernel.send(Some(session), command) {
            Ok(Reply::Subscribed { resubscribed, .. }) => {
                self.session = Some(session);
                if !resubscribed {
                    // It was removed; its tasks are being killed, and nobody will be told.
                    self.open.clear();
                }
            }
            // A framework of that name is being removed: its tasks have not ended yet.
            Err(_) => drop(kernel.send(Some(session), CloseSession {})),
            Ok(other) => panic!("not subscribed: {other:?}"),
        }
    }

    /// The program dies; nothing is said.
    fn crash(&mut self, kernel: &mut Kernel) {
        self.send(kernel, CloseSession {});
        self.lose_session();
    }

    /// A second program takes over while the first still runs.
    fn fail_over(&mut self, kernel: &mut Kernel) {
        let Some(framework) = kernel.state.framework_id(&self.name) else { return };
        let session = kernel.open(SessionKind::Framework);
        let command = Subscribe {
            framework: Some(framework),
            name: Some(self.name.as_str().into()),
            roles: vec![self.role.into()],
            failover_timeout_seconds: Some(Nanos::from_secs(120)),
            ..Subscribe::default()
        };
        if kernel.send(Some(session), command).is_ok() {
            if let Some(old) = self.session {
                let _ = kernel.send(Some(old), CloseSession {});
            }
            self.lose_session();
            self.session = Some(session);
        }
    }

    fn take_event(&mut self, kernel: &mut Kernel, rng: Option<&mut Rng>) -> bool {
        let Some(event) = self.session.and_then(|session| kernel.next_event(session)) else {
            return false;
        };
        match event {
            Event::Offer(offer) => drop(self.offers.insert(offer.offer, *offer)),
            Event::InverseOffer(asked) => {
                let inverse_offers = vec![asked.inverse_offer];
                match rng.map_or(0, |rng| rng.u32(0..3)) {
                    0 => {
                        let refuse_seconds = None;
                        self.send(kernel, AcceptInverseOffers { inverse_offers, refuse_seconds });
                    }
                    1 => {
                        let refuse_seconds = Some(Nanos::ZERO);
                        self.send(kernel, DeclineInverseOffers { inverse_offers, refuse_seconds });
                    }
                    _ => {} // It does not answer.
                }
            }
            Event::Rescind { offer, .. } if self.temper != Temper::Stale => {
                self.offers.remove(&offer);
            }
            Event::Update(status) => self.updated(kernel, &status, rng),
            Event::SubscriptionEnded { .. } => self.lose_session(),
            _ => {}
        }
        true
    }

    fn updated(&mut self, kernel: &mut Kernel, status: &TaskStatus, rng: Option<&mut Rng>) {
        let fragile = self.temper == Temper::Fragile;
        if fragile && rng.is_some_and(|rng| rng.u32(0..10) == 0) {
            self.crash(kernel);
            return;
        }
        if let (Some(uuid), Some(task)) = (status.uuid, status.task) {
            self.send(kernel, Acknowledge { task: task.into(), uuid });
        }
        if status.state.is_terminal() || status.state == TaskState::Unknown {
            self.open.remove(&status.name);
        }
    }

    fn reconcile(&mut self, kernel: &mut Kernel) {
        self.send(kernel, Reconcile { tasks: vec![] });
    }

    fn kill(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        if let Some(name) = rng.choice(self.open.iter().cloned().collect::<Vec<_>>()) {
            let task = (&*name).into();
            self.send(kernel, Kill { task, kill_grace_seconds: None });
        }
    }

    fn use_offers(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        let Some(first) = rng.choice(self.offers.values().cloned().collect::<Vec<_>>()) else {
            return;
        };
        let declines = match self.temper {
            Temper::Picky => 8,
            Temper::Hoarder => return self.hoard(kernel, rng, &first),
            _ => 2,
        };
        if rng.u32(0..10) < declines {
            self.offers.remove(&first.offer);
            let refuse_seconds = Some(Nanos::from_secs(rng.i64(0..60)));
            self.send(kernel, Decline { offers: vec![first.offer], refuse_seconds });
            return;
        }
        self.launch(kernel, rng, &first);
    }

    /// Launches only when it has several offers of one agent.
    fn hoard(&mut self, kernel: &mut Kernel, rng: &mut Rng, first: &Offer) {
        let same = self.offers.values().filter(|offer| offer.agent == first.agent).count();
        if same > 1 || rng.u32(0..20) == 0 {
            self.launch(kernel, rng, first);
        }
    }

    /// Launches a few tasks on all offers of one agent; some ask for more than there is.
    fn launch(&mut self, kernel: &mut Kernel, rng: &mut Rng, first: &Offer) {
        let is_there = |offer: &Offer| offer.agent == first.agent;
        let used: Vec<_> = self.offers.values().filter(|offer| is_there(offer)).cloned().collect();
        self.offers.retain(|_, offer| !is_there(offer));
        let tasks: Vec<_> =
            (0..rng.usize(1..4)).map(|_| self.task(rng, &first.resources)).collect();
        let accept = Accept {
            offers: used.iter().map(|offer| offer.offer).collect(),
            operations: vec![tasks.into()],
            refuse_seconds: None,
            on_invalid: Some(if rng.bool() { OnInvalid::Report } else { OnInvalid::Reject }),
        };
        match self.send(kernel, accept) {
            Some(Reply::Accepted { tasks, .. }) => {
                let launched = tasks.into_iter().filter(|outcome| outcome.task.is_some());
                self.open.extend(launched.map(|outcome| outcome.name));
            }
            // Rejected: those that are its own still are.
            _ if self.session.is_none() => {}
            _ => self.offers.extend(used.into_iter().map(|offer| (offer.offer, offer))),
        }
    }

    fn task(&mut self, rng: &mut Rng, offered: &Resources) -> TaskSpec {
        self.serial += 1;
        let cpus = offered.scalar(&Name::CPUS).milli().max(100);
        let part = Amount::from_milli(rng.i64(1..=cpus / 2 + 200));
        let mut resources = Resources::single(Name::CPUS, part);
        if rng.u32(0..3) == 0 {
            let request = rng.choice(REQUESTS).unwrap_or("fpgas:1");
            resources.add_assign(&request.parse().expect("resources"));
        }
        let longest = rng.bool().then(|| Nanos::from_secs(rng.i64(1..300)));
        TaskSpec {
            name: format!("t{}", self.serial).into(),
            resources,
            max_completion_seconds: longest,
            ..TaskSpec::default()
        }
    }
}
