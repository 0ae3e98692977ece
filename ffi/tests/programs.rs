//! The C test programs in `tests/c`, plain and, where it is installed, under valgrind.

mod common;

use std::process::Command;

use common::{Program, run, stdout};

/// Runs a program, once quickly and once with every access to memory watched. It finds a folder of
/// its own in the environment.
fn run_both_ways(name: &str) {
    let program = Program::compile(&format!("ffi/tests/c/{name}.c"));
    let done = format!("{name}: done\n");
    let folder = tempfile::tempdir().unwrap();
    let output = run(program.command().env("CHECK_FOLDER", folder.path()));
    assert_eq!(stdout(&output), done);
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("{name}: valgrind is not installed, memory is not checked");
        return;
    }
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
    let folder = tempfile::tempdir().unwrap();
    command.env("LD_LIBRARY_PATH", program.path().parent().unwrap());
    command.env("CHECK_FOLDER", folder.path());
    assert_eq!(stdout(&run(command.arg(program.path()).arg("small"))), done);
}

#[test]
fn typed_verbs_and_events() {
    run_both_ways("typed");
}

#[test]
fn bad_input() {
    run_both_ways("bad_input");
}

#[test]
fn waits_threads_and_forks() {
    run_both_ways("waits");
}
