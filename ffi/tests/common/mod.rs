//! Compiling and running C programs against the library of this build.

#![allow(dead_code)] // each test file uses a part of it

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Strict C99: what a customer's compiler may be set to.
pub const C99: &[&str] = &["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-g"];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn compiler() -> String {
    std::env::var("CC").unwrap_or_else(|_| "gcc".into())
}

pub fn cxx_compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "g++".into())
}

/// The folder in which Cargo puts libraries and executables of this build; both are up to date. A
/// test of a package does not by itself build its shared library, nor another package's program.
pub fn library_folder() -> PathBuf {
    static BUILT: std::sync::Once = std::sync::Once::new();
    BUILT.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        let packages = ["build", "--quiet", "--package", "tamias-ffi", "--package", "tamias-agent"];
        run(build.current_dir(root()).args(packages));
    });
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    target.join("debug")
}

/// Runs a program; its output if it succeeds, else a panic that shows everything.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {:?}: {error}; is it installed?", command.get_program())
    });
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// A folder with a compiled program and the library under its SONAME.
pub struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    /// Compiles a C file, named from the workspace's root, and links it to the shared library.
    pub fn compile(source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = library_folder().join("libtamias.so");
        let soname = folder.path().join(format!("libtamias.so.{}", abi_version()));
        std::os::unix::fs::symlink(&library, soname).unwrap();
        let mut command = Command::new(compiler());
        command.args(C99).arg("-I").arg(root().join("include")).arg(root().join(source));
        command.arg("-o").arg(folder.path().join("program")).arg(&library).arg("-pthread");
        run(&mut command);
        Self { folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(self.path());
        command.env("LD_LIBRARY_PATH", self.folder.path());
        command
    }

    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Output {
        run(self.command().args(arguments))
    }
}

/// The number in the committed header.
pub fn abi_version() -> u32 {
    let header = std::fs::read_to_string(root().join("include/tamias.h")).unwrap();
    let line = header.lines().find_map(|line| line.strip_prefix("#define TAMIAS_ABI_VERSION "));
    line.unwrap().parse().unwrap()
}

/// The supervisor of this build.
pub fn supervisor() -> PathBuf {
    library_folder().join("tamias-supervisor")
}
