//! The shell scripts of `tools/`, on machines that lack something.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools").join(name)
}

/// A machine whose programs are the system's, but for those given here.
struct Machine(tempfile::TempDir);

impl Machine {
    fn with(programs: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, says) in programs {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("#!/bin/sh\n{says}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn run(&self, script: &str, arguments: &[&str]) -> (Output, String) {
        let path = format!("{}:/usr/bin:/bin", self.0.path().display());
        let mut command = Command::new(tool(script));
        command.args(arguments).env("PATH", path).current_dir(self.0.path());
        for variable in ["PYTHON", "CC", "JAVA_HOME", "TAMIAS_STAGES"] {
            command.env_remove(variable);
        }
        command.env("JAVA_HOME", self.0.path().join("jdk"));
        let output = command.output().unwrap();
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        (output, String::from_utf8(said).unwrap())
    }
}

#[test]
fn every_missing_tool_is_named_with_how_to_install_it() {
    let machine = Machine::with(&[
        ("cargo", "echo 'cargo 1.70.0 (abc 2023-01-01)'"),
        ("go", "echo go1.20.1"),
        ("mvn", "exit 1"),
    ]);
    let (output, said) = machine.run("doctor", &["cargo", "go", "mvn"]);
    assert!(!output.status.success());
    assert!(said.contains("error: cargo 1.70.0 is too old: at least 1.85"), "{said}");
    assert!(said.contains("error: go 1.20.1 is too old: at least 1.24"), "{said}");
    assert!(said.contains("error: mvn (Maven) is missing"), "{said}");
    assert_eq!(said.matches("install it: ").count(), 3, "{said}");
}

#[test]
fn what_is_new_enough_is_reported_in_one_line() {
    let machine = Machine::with(&[
        ("cargo", "echo 'cargo 1.85.1 (abc 2025-01-01)'"),
        ("go", "echo go1.26.8"),
        ("python3", "echo 3.12.1"),
        ("jdk/bin/javac", "echo javac 24.0.1 >&2"),
    ]);
    let (output, said) = machine.run("doctor", &["cargo", "go", "python", "jdk"]);
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with("doctor: cargo 1.85.1, go 1.26.8, python 3.12.1, jdk 24 ("), "{said}");
    let (_, said) = machine.run("doctor", &["--print", "jdk"]);
    assert_eq!(said.trim(), machine.0.path().join("jdk").display().to_string());
}

#[test]
fn an_old_jdk_in_java_home_is_not_taken() {
    let machine = Machine::with(&[("jdk/bin/javac", "echo javac 17.0.15")]);
    let (_, said) = machine.run("doctor", &["--print", "jdk"]);
    assert!(!said.contains(&machine.0.path().display().to_string()), "{said}");
}

#[test]
fn a_stage_that_fails_says_so_and_keeps_its_status() {
    let machine = Machine::with(&[]);
    machine.run("stage", &["--start"]);
    let (output, said) = machine.run("stage", &["first", "true"]);
    assert!(output.status.success() && said.contains("==> first: true"), "{said}");
    let (output, said) = machine.run("stage", &["second", "sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert!(said.contains("==> second: FAILED with status 7"), "{said}");
    let (_, said) = machine.run("stage", &["--summary", "make test"]);
    assert!(said.starts_with("==> make test: 1 stage passed in "), "{said}");
    assert!(said.contains("(first ") && !said.contains("second"), "{said}");
}
