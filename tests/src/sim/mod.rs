//! The simulator: a kernel among frameworks, agents and operators that behave as such do.
//!
//! Where [`play`](crate::play) sends what nobody would, this sends what happens on a bad day:
//! frameworks decline, hoard offers, use stale ones, crash between an update and its
//! acknowledgement; agents flap, lose messages, send others twice, come back without their tasks;
//! operators change their minds. Nobody sees more than he is told.
//!
//! After each step the kernel's invariants are checked, and no machine may run more than it has. In
//! the end everybody behaves, and then nothing may be left: every task that was launched has ended
//! and its framework was told, and all resources are free.
//!
//! - [`kernel`]: the kernel, the clock, and what is on its way to whom
//! - [`framework`], [`machine`], [`operator`]: who takes part
//! - [`story`]: what was sent, as a script that replays it, and how to make it shorter

pub mod framework;
pub mod kernel;
pub mod machine;
pub mod operator;
pub mod story;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use tamias::Options;
use tamias::time::Nanos;

use framework::{Framework, Temper};
use kernel::Kernel;
use machine::Machine;
use operator::Operator;
use story::Story;

/// How large the simulated world is.
const MACHINES: usize = 5;
const ROLES: [&str; 3] = ["prod", "dev", "batch"];
/// How often everybody gets a turn when the day is over.
const LAST_ROUNDS: usize = 400;

/// A simulated world.
#[derive(Debug)]
pub struct Sim {
    /// The kernel and the wires to it.
    pub kernel: Kernel,
    frameworks: Vec<Framework>,
    machines: Vec<Machine>,
    operator: Operator,
    rng: Rng,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// Commands that the kernel accepted.
    pub commands: u64,
    /// Tasks that were launched.
    pub tasks: u64,
    /// Commands that were rejected: what was true for the sender was not true any more.
    pub rejected: u64,
    /// Kinds of events and states of tasks that somebody was told.
    pub told: BTreeSet<&'static str>,
}

/// A run that went wrong.
#[derive(Debug)]
pub struct Failure {
    /// What was found.
    pub what: String,
    /// What had been sent until then.
    pub story: Story,
}

/// Runs a world for so many steps, then lets it come to rest.
///
/// # Errors
/// What went wrong, with everything that was sent.
pub fn run(seed: u64, steps: u64, options: Options) -> Result<Report, Box<Failure>> {
    let mut sim = Sim::new(seed, options);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..steps {
            sim.step();
        }
        sim.come_to_rest();
    }));
    match lived {
        Ok(()) => Ok(sim.kernel.report()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            let what = said.unwrap_or("a panic without words").to_owned();
            Err(Box::new(Failure { what, story: sim.kernel.story }))
        }
    }
}

impl Sim {
    /// A world in which nobody is connected yet.
    #[must_use]
    pub fn new(seed: u64, options: Options) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut kernel = Kernel::new(options);
        let operator = Operator::new(&mut kernel);
        let machines = (0..MACHINES).map(|n| Machine::new(n, &mut rng)).collect();
        let tempers = Temper::ALL.iter().enumerate();
        let frameworks =
            tempers.map(|(n, temper)| Framework::new(n, *temper, ROLES[n % ROLES.len()])).collect();
        Self { kernel, frameworks, machines, operator, rng }
    }

    /// Time goes on a little, and somebody has a turn.
    pub fn step(&mut self) {
        let Self { kernel, frameworks, machines, operator, rng } = self;
        // Mostly milliseconds; now and then long enough for every timer there is.
        let span = match rng.u32(0..1000) {
            0 => rng.i64(60_000..1_200_000),
            1..=50 => rng.i64(1_000..20_000),
            51..=500 => rng.i64(0..500),
            _ => 0,
        };
        kernel.advance(Nanos::from_millis(span));
        match rng.u32(0..100) {
            0 => operator.turn(kernel, rng),
            1..=50 => {
                let n = rng.usize(0..frameworks.len());
                frameworks[n].turn(kernel, rng);
            }
            _ => {
                let n = rng.usize(0..machines.len());
                machines[n].turn(kernel, rng);
            }
        }
    }

    /// Everybody comes back and finishes; then nothing may be left.
    ///
    /// # Panics
    /// If something is left.
    pub fn come_to_rest(&mut self) {
        let Self { kernel, frameworks, machines, operator, rng } = self;
        operator.rest(kernel);
        for _ in 0..LAST_ROUNDS {
            for machine in machines.iter_mut() {
                machine.rest(kernel, rng);
            }
            for framework in frameworks.iter_mut() {
                framework.rest(kernel);
            }
            kernel.advance(Nanos::from_secs(2));
            // Everybody is back, so what is left is not waiting for anybody.
            let is_done = kernel.state.tasks().is_empty() && kernel.state.grants().is_empty();
            if is_done && machines.iter().all(Machine::is_idle) {
                break;
            }
        }
        let tasks: Vec<_> =
            kernel.state.tasks().iter().map(|(id, task)| (id, task.state)).collect();
        assert!(tasks.is_empty(), "tasks are left when everybody has come to rest: {tasks:?}");
        let grants: Vec<_> = kernel.state.grants().iter().collect();
        assert!(grants.is_empty(), "resources are left when nobody wants any: {grants:?}");
        for machine in machines {
            machine.assert_idle();
        }
        for framework in frameworks {
            framework.assert_told();
        }
    }
}
