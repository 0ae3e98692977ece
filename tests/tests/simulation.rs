//! A bad day in the life of a kernel: 100,000 turns under each option set.
//!
//! `cargo run --release -p tamias-tests --bin tamias-sim -- --seeds 20 --steps 500000` is ten
//! million, and writes what fails as a script.

use std::collections::BTreeSet;

use tamias::Options;
use tamias::event::Event;
use tamias_tests::sim;

/// Turns; several seeds, so that none is used to its world.
const STEPS: u64 = 25_000;
const SEEDS: std::ops::Range<u64> = 1..5;

/// Simulated frameworks run their tasks without executors and one by one, and give operations no
/// ids; nobody watches.
const NOT_SIMULATED: [&str; 9] = [
    "launch_executor",
    "launch_group",
    "shutdown_executor",
    "executor_lost",
    "apply_operation",
    "operation_acknowledged",
    "operation_update",
    "snapshot",
    "changed",
];

fn lives(options: &Options) {
    let mut told = BTreeSet::new();
    for seed in SEEDS {
        match sim::run(seed, STEPS, options.clone()) {
            // A world in which nothing is launched would prove nothing.
            Ok(report) => {
                assert!(report.tasks > STEPS / 50, "seed {seed}: {report:?}");
                told.extend(report.told);
            }
            Err(failure) => panic!(
                "seed {seed}: {}\nrun tamias-sim --seed {seed} --steps {STEPS} for a script",
                failure.what
            ),
        }
    }
    let exempt = ["update", "resync"].into_iter().chain(NOT_SIMULATED);
    let exempt: Vec<_> = exempt.collect();
    for kind in Event::KINDS.iter().filter(|kind| !exempt.contains(kind)) {
        assert!(told.contains(kind), "nobody is ever told {kind}");
    }
    for state in ["RUNNING", "FINISHED", "FAILED", "KILLED", "LOST"] {
        assert!(told.contains(&*format!("TASK_{state}")), "no task is ever {state}");
    }
}

#[test]
fn with_the_default_options() {
    lives(&Options::default());
}

#[test]
fn with_the_options_of_mesos() {
    lives(&Options::mesos());
}
