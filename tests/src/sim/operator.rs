//! A simulated operator, who changes his mind.

use fastrand::Rng;
use tamias::command::{
    Command, DeactivateAgent, ReactivateAgent, RemoveAgent, Restart, RoleWeight, SessionKind,
    Teardown, UpdateWeights,
};
use tamias::ids::SessionId;
use tamias::resources::Amount;

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
        let command: Option<Command> = match rng.u32(0..40) {
            0..=9 => {
                let weight = Amount::from_units(rng.u32(1..5));
                let role = rng.choice(ROLES).unwrap_or_default();
                let weights = vec![RoleWeight { role: role.into(), weight }];
                Some(UpdateWeights { weights }.into())
            }
            10..=19 => agent.map(|agent| DeactivateAgent { agent }.into()),
            20..=34 => agent.map(|agent| ReactivateAgent { agent }.into()),
            35..=36 => agent.map(|agent| RemoveAgent { agent }.into()),
            37..=38 => framework.map(|framework| Teardown { framework: Some(framework) }.into()),
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

    /// Takes everything into service.
    pub fn rest(&mut self, kernel: &mut Kernel) {
        *self = Self::new(kernel);
        let agents: Vec<_> = kernel.state.agents().ids().collect();
        for agent in agents {
            let _ = kernel.send(Some(self.session), ReactivateAgent { agent });
        }
    }
}
