//! `tamias-sim`: a day in the life of a kernel, and of those who use it badly.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tamias::Options;
use tamias_tests::sim;

/// Simulates a kernel among frameworks, agents and operators that crash, flap, hoard and lose
/// messages. What goes wrong is written as a script that replays it.
#[derive(Parser)]
struct Arguments {
    /// Where chance begins; a run with the same seed is the same run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, from that one on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Turns in each run.
    #[arg(long, default_value_t = 100_000)]
    steps: u64,
    /// The option set of Mesos instead of the default one.
    #[arg(long)]
    mesos: bool,
    /// Where the script of a failure goes.
    #[arg(long, default_value = ".")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A failure is a panic, caught and told in one line; shrinking it panics many times.
    std::panic::set_hook(Box::new(|_| {}));
    for seed in arguments.seed..arguments.seed + arguments.seeds {
        let options = if arguments.mesos { Options::mesos() } else { Options::default() };
        match sim::run(seed, arguments.steps, options) {
            Ok(report) => println!(
                "seed {seed}: {} steps, {} commands, {} tasks, {} rejected",
                arguments.steps, report.commands, report.tasks, report.rejected
            ),
            Err(failure) => return failed(seed, &arguments.out, *failure),
        }
    }
    ExitCode::SUCCESS
}

fn failed(seed: u64, out: &std::path::Path, failure: sim::Failure) -> ExitCode {
    eprintln!("seed {seed}: {}", failure.what);
    let name = format!("sim-{seed}");
    // Promises about machines and frameworks cannot be seen in a replay: then all of it is shown.
    let story = if failure.story.breaks() {
        eprintln!("shrinking {} lines", failure.story.lines.len());
        failure.story.shrunk()
    } else {
        failure.story
    };
    let path = out.join(format!("{name}.jsonl"));
    match std::fs::write(&path, story.to_script(&name)) {
        Ok(()) => eprintln!(
            "{} lines in {}: run them with cargo xtask conformance {}",
            story.lines.len(),
            path.display(),
            path.display()
        ),
        Err(error) => eprintln!("{}: {error}", path.display()),
    }
    ExitCode::FAILURE
}
