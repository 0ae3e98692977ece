//! The executable `tamias-supervisor`: see `tamias_agent` for what it does and who starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    tamias_agent::supervisor_main()
}
