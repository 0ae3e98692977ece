//! A simulated operator, who changes his mind.

use fastrand::Rng;
use tamias::command::{
    Command, DeactivateAgent, DrainAgent, MaintenanceWindow, MarkAgentGone, ReactivateAgent,
    RemoveAgent, ReserveResources, Restart, RoleQuota, RoleWeight, SessionKind, StartMaintenance,
    StopMaintenance, Teardown, UnreserveResources, UpdateMaintenanceSchedule, UpdateQuota,
    UpdateWeights,
};
use tamias::ids::{AgentId, SessionId};
use tamias::resources::{Amount, Name, Quantities};
use tamias::time::Nanos;

use super::ROLES;
use super::kernel::Kernel;

/// The operator.
#[derive(Debug)]
pub struct Operator {
    session: SessionId,
}

impl Operator {
    /// Connects.
    pub fn new(kernel: &mut Kernel) -> Self {
        Self { session: kernel.open(SessionKind::Operator) }
    }

    /// Does something about something.
    pub fn turn(&mut self, kernel: &mut Kernel, rng: &mut Rng) {
        if !kernel.state.sessions().contains(self.session) {
            *self = Self::new(kernel);
        }
        let agents: Vec<_> = kernel.state.agents().ids().collect();
        let agent = rng.choice(agents);
        let frameworks: Vec<_> = kernel.state.frameworks().ids().collect();
        let framework = rng.choice(frameworks);
        let command: Option<Command> = match rng.u32(0..64) {
            0..=4 => Some(Self::quota(rng)),
            5..=9 => {
                let weight = Amount::from_units(rng.u32(1..5));
                let role = rng.choice(ROLES).unwrap_or_default();
                let weights = vec![RoleWeight { role: role.into(), weight }];
                Some(UpdateWeights { weights }.into())
            }
            10..=19 => agent.map(|agent| DeactivateAgent { agent }.into()),
            20..=34 => agent.map(|agent| ReactivateAgent { agent }.into()),
            35..=36 => agent.map(|agent| RemoveAgent { agent }.into()),
            37..=38 => framework.map(|framework| Teardown { framework: Some(framework) }.into()),
            39..=43 => agent.map(|agent| {
                let max_grace_seconds = rng.bool().then(|| Nanos::from_secs(rng.i64(0..5)));
                DrainAgent { agent, max_grace_seconds, mark_gone: rng.u32(0..5) == 0 }.into()
            }),
            44 => agent.map(|agent| MarkAgentGone { agent }.into()),
            45..=53 => Some(Self::schedule(kernel, rng)),
            54 => {
                let machines = kernel.state.maintenance().machines.keys().cloned();
                rng.choice(machines.collect::<Vec<_>>())
                    .map(|machine| StartMaintenance { machines: vec![machine] }.into())
            }
            55..=58 => {
                let down = Self::machines_down(kernel);
                rng.choice(down).map(|machine| StopMaintenance { machines: vec![machine] }.into())
            }
            59..=62 => agent.and_then(|agent| Self::reserve_or_not(kernel, agent, rng)),
            _ => {
                // Every session ends; their owners find out when they send something.
                let restarted = kernel.send(None, Restart {});
                assert!(restarted.is_ok(), "a restart was rejected: {restarted:?}");
                None
            }
        };
        if let Some(command) = command {
            // What he wanted may be impossible by now.
            let _ = kernel.send(Some(self.session), command);
        }
    }

    /// A reservation of a little memory, or the end of the one that there is.
    fn reserve_or_not(kernel: &Kernel, agent: AgentId, rng: &mut Rng) -> Option<Command> {
        let total = &kernel.state.agents().get(agent)?.total;
        let reserved = kernel.state.names().named(total).reserved();
        if !reserved.is_empty() {
            return Some(UnreserveResources { agent, resources: reserved }.into());
        }
        let role = rng.choice(ROLES)?;
        let what = rng.choice(["mem(+{}):8", "fpgas(+{}):<0=a100@x/0.5,4=a100@y>"])?;
        let resources = what.replace("{}", role).parse().ok()?;
        Some(ReserveResources { agent, resources, source: None }.into())
    }

    fn machines_down(kernel: &Kernel) -> Vec<Box<str>> {
        let machines = kernel.state.maintenance().machines.iter();
        machines.filter(|(_, planned)| planned.down).map(|(name, _)| name.clone()).collect()
    }

    /// Guarantees, limits, both, or no quota any more.
    fn quota(rng: &mut Rng) -> Command {
        let mut guarantees = Quantities::new();
        guarantees.set(Name::CPUS, Amount::from_units(rng.u32(0..4)));
        let most = Amount::from_units(rng.u32(0..20));
        let limits = rng.bool().then_some((Name::CPUS, most)).into_iter().collect();
        let role = rng.choice(ROLES).unwrap_or_default().into();
        UpdateQuota { quotas: vec![RoleQuota { role, guarantees, limits }], force: rng.bool() }
            .into()
    }

    /// A schedule of the machines that are down and perhaps one more.
    fn schedule(kernel: &Kernel, rng: &mut Rng) -> Command {
        let mut machines = Self::machines_down(kernel);
        let agents = kernel.state.agents().iter();
        let up = agents.filter_map(|(_, agent)| agent.machine()).map(Box::<str>::from);
        let up: Vec<_> = up.filter(|name| !machines.contains(name)).collect();
        machines.extend(rng.choice(up).filter(|_| rng.u32(0..3) > 0));
        let start = kernel.now.plus(Nanos::from_secs(rng.i64(0..1000)));
        let windows = if machines.is_empty() {
            Vec::new()
        } else {
            vec![MaintenanceWindow { machines, start, duration_seconds: None }]
        };
        UpdateMaintenanceSchedule { windows }.into()
    }

    /// Takes everything into service.
    pub fn rest(&mut self, kernel: &mut Kernel) {
        *self = Self::new(kernel);
        let machines = Self::machines_down(kernel);
        if !machines.is_empty() {
            let _ = kernel.send(Some(self.session), StopMaintenance { machines });
        }
        let _ = kernel.send(Some(self.session), UpdateMaintenanceSchedule::default());
        let agents: Vec<_> = kernel.state.agents().ids().collect();
        for agent in agents {
            let _ = kernel.send(Some(self.session), ReactivateAgent { agent });
        }
    }
}
