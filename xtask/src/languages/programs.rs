//! The programs of the languages that are not Rust: how they are built and found.
//!
//! C and Go are compiled here, which takes seconds. The Python package and the Java classes are
//! those that `make python-package` and `make java-package` left.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The programs of one language.
#[derive(Debug)]
pub struct Programs {
    pub language: &'static str,
    /// Takes the path of a script or a folder.
    pub runner: Command,
    /// A simulated agent and a framework, if the language has such a program.
    pub first_light: Option<Command>,
}

/// Builds or finds them.
///
/// Errors: what is not there, with the target that makes it.
pub fn all(root: &Path) -> Result<Vec<Programs>> {
    let place = Place::new(root)?;
    Ok(vec![place.c()?, place.python()?, place.go()?, place.java()?])
}

struct Place {
    root: PathBuf,
    /// Where the programs are put that are built here.
    out: PathBuf,
    /// Where the library of this checkout is, under its own name and its SONAME.
    library: PathBuf,
}

impl Place {
    fn new(root: &Path) -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let library = target.map_or_else(|| root.join("target"), PathBuf::from).join("debug");
        exists(&library.join("libtamias.so"), "make library")?;
        let out = root.join("build/languages");
        fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        Ok(Self { root: root.to_owned(), out, library })
    }

    fn c(&self) -> Result<Programs> {
        let compile = |name: &str| {
            let program = self.out.join(name);
            let source = format!("ffi/examples/{name}.c");
            let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
            let mut command = Command::new(compiler);
            command.current_dir(&self.root).args(["-Iinclude", &source, "-o"]).arg(&program);
            output(command.args(self.linked()))?;
            Ok::<_, anyhow::Error>(Command::new(program))
        };
        let first_light = Some(compile("first_light")?);
        Ok(Programs { language: "c", runner: compile("run_script")?, first_light })
    }

    /// What the linker needs to know of the library.
    fn linked(&self) -> [OsString; 3] {
        let with = |flag: &str| {
            let mut flag = OsString::from(flag);
            flag.push(&self.library);
            flag
        };
        [with("-L"), "-ltamias".into(), with("-Wl,-rpath,")]
    }

    fn python(&self) -> Result<Programs> {
        let python = self.root.join(".venv/bin/python");
        exists(&python, "make python-package")?;
        let mut runner = Command::new(python);
        // Not in the checkout, where the folder of the sources would be imported.
        runner.current_dir(&self.out).args(["-m", "tamias.conformance"]);
        Ok(Programs { language: "python", runner, first_light: None })
    }

    fn go(&self) -> Result<Programs> {
        let mut flags = OsString::from("-I");
        flags.push(self.root.join("include"));
        let mut command = Command::new("go");
        command.current_dir(self.root.join("go-example")).args(["build", "-o"]).arg(&self.out);
        command.args(["./cmd/conformance", "./cmd/firstlight"]);
        command.env("CGO_ENABLED", "1").env("CGO_CFLAGS", flags);
        output(command.env("CGO_LDFLAGS", self.linked().join(" ".as_ref())))?;
        let runner = Command::new(self.out.join("conformance"));
        let first_light = Some(Command::new(self.out.join("firstlight")));
        Ok(Programs { language: "go", runner, first_light })
    }

    fn java(&self) -> Result<Programs> {
        let version = env!("CARGO_PKG_VERSION");
        let jar = format!("java-example/target/tamias-java-example-{version}.jar");
        let jar = self.root.join(jar);
        exists(&jar, "make java-package")?;
        let java = self.jdk()?.join("bin/java");
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&java);
            command.env("TAMIAS_LIBRARY", self.library.join("libtamias.so")).args(arguments);
            command
        };
        let mut runner = command(&["--enable-native-access=ALL-UNNAMED", "-cp"]);
        runner.arg(&jar).arg("dev.tamias.example.Conformance");
        let mut first_light = command(&["-jar"]);
        first_light.arg(&jar);
        Ok(Programs { language: "java", runner, first_light: Some(first_light) })
    }

    /// The folder of a JDK that is new enough.
    fn jdk(&self) -> Result<PathBuf> {
        let doctor = output(Command::new(self.root.join("tools/doctor")).args(["--print", "jdk"]));
        let home = doctor.context("there is no JDK of 22 or newer: tools/doctor jdk says more")?;
        Ok(PathBuf::from(home.trim_end()))
    }
}

fn exists(path: &Path, made_by: &str) -> Result<()> {
    ensure!(path.exists(), "{} is not there: run `{made_by}`", path.display());
    Ok(())
}

/// What a program prints.
///
/// Errors: if it cannot be run, does not end well, or prints what is no text; with what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}\n{}", output.status, said.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} prints no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_an_error_with_what_it_said() {
        assert_eq!(output(Command::new("printf").arg("a\nb\n")).unwrap(), "a\nb\n");
        let error = output(Command::new("sh").args(["-c", "echo oh >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("exit status: 3\noh"), "{text}");
        assert!(output(&mut Command::new("/nowhere/program")).is_err());
        assert!(output(Command::new("printf").arg("\\377")).is_err());
    }

    #[test]
    fn what_is_not_there_is_an_error_that_says_how_to_make_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = all(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("libtamias.so is not there: run `make library`"), "{error}");
        let place = Place {
            root: folder.path().to_owned(),
            out: folder.path().to_owned(),
            library: folder.path().to_owned(),
        };
        let error = place.python().unwrap_err().to_string();
        assert!(error.ends_with("is not there: run `make python-package`"), "{error}");
        assert!(place.java().unwrap_err().to_string().ends_with("run `make java-package`"));
        assert!(place.c().is_err() && place.go().is_err());
    }
}
