//! `cargo xtask`: the project's own tools. One file per subcommand.
//!
//! A check that can be put into words belongs here and not into a wiki: it runs in `make check`.

mod check;
mod conformance;
mod header;
mod languages;
mod scenarios;
mod tidy;
mod traces;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tools.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Checks size, purity, direction of dependencies and wording of the sources
    Tidy,
    /// Writes include/tamias.h from ffi/
    Header(header::Args),
    /// Runs engine scripts and shows the first difference of each
    Conformance(conformance::Args),
    /// Runs engine scripts in five languages and compares every byte of what they print
    Languages(languages::Args),
    /// Runs the cases of Mesos behaviour and lists those without a script
    Scenarios(scenarios::Args),
    /// Replays recorded decisions of the Mesos allocator and shows the first difference of each
    Traces(traces::Args),
    /// Runs what must be clean before a commit: format, lints, tidy, header
    Check,
}

fn main() -> ExitCode {
    let root = root();
    let result = match Cli::parse().task {
        Task::Tidy => tidy::run(root),
        Task::Header(args) => header::run(root, &args),
        Task::Conformance(args) => conformance::run(&args),
        Task::Languages(args) => languages::run(root, &args),
        Task::Scenarios(args) => scenarios::run(&args),
        Task::Traces(args) => traces::run(root, &args),
        Task::Check => check::run(root),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}
