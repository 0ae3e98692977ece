//! `cargo xtask header`: writes `include/tamias.h` from the crate in `ffi/`.
//!
//! The header is committed and its diff is reviewed: it is the binary interface. cbindgen does the
//! work as a library, at one pinned version; the version macros come from `Cargo.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// Options of the subcommand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only compare: fail if the committed header is not what the sources give
    #[arg(long)]
    pub check: bool,
}

/// Whether there is a C interface to make a header of.
pub fn exists(root: &Path) -> bool {
    root.join("ffi/Cargo.toml").is_file()
}

/// Writes the header, or compares it.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    ensure!(
        exists(root),
        "there is no ffi/Cargo.toml in {}: the header is made from the crate in ffi/",
        root.display()
    );
    let path = root.join("include/tamias.h");
    let new = generate(root)?;
    if !args.check {
        fs::create_dir_all(root.join("include"))?;
        fs::write(&path, new).with_context(|| format!("cannot write {}", path.display()))?;
        println!("header: wrote include/tamias.h");
        return Ok(());
    }
    let old = fs::read_to_string(&path).with_context(|| {
        format!("cannot read {}: run `cargo xtask header` and commit it", path.display())
    })?;
    match first_difference(&old, &new) {
        None => {
            println!("header: include/tamias.h is what ffi/ gives");
            Ok(())
        }
        Some((line, old, new)) => bail!(
            "include/tamias.h:{line} is not what ffi/ gives: run `cargo xtask header`, look at the \
             diff and commit it\n  committed: {old}\n  generated: {new}"
        ),
    }
}

fn generate(root: &Path) -> Result<String> {
    let settings: PathBuf = root.join("ffi/cbindgen.toml");
    ensure!(settings.is_file(), "{} is missing: it configures cbindgen", settings.display());
    let mut config = cbindgen::Config::from_file(&settings)
        .map_err(|error| anyhow!("{}: {error}", settings.display()))?;
    let macros = version_macros(&version(root)?)?;
    config.after_includes = Some(match config.after_includes {
        Some(text) => format!("{}\n\n{macros}", text.trim_end()),
        None => macros,
    });
    let bindings = cbindgen::Builder::new()
        .with_crate(root.join("ffi"))
        .with_config(config)
        .generate()
        .map_err(|error| anyhow!("cbindgen cannot read ffi/: {error}"))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    String::from_utf8(bytes).context("cbindgen wrote a header that is not UTF-8")
}

/// The version that all crates share.
fn version(root: &Path) -> Result<String> {
    let path = root.join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(&path)?.parse()?;
    let version = manifest.get("workspace").and_then(|w| w.get("package")?.get("version"));
    let version = version.and_then(toml::Value::as_str);
    version
        .map(str::to_owned)
        .with_context(|| format!("{} has no workspace.package.version", path.display()))
}

fn version_macros(version: &str) -> Result<String> {
    let mut text = String::new();
    let numbers = version.split(['-', '+']).next().unwrap_or(version);
    let numbers: Vec<u32> = numbers
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("version {version:?} is not MAJOR.MINOR.PATCH"))?;
    ensure!(numbers.len() == 3, "version {version:?} is not MAJOR.MINOR.PATCH");
    for (part, number) in ["MAJOR", "MINOR", "PATCH"].iter().zip(numbers) {
        text += &format!("#define TAMIAS_VERSION_{part} {number}\n");
    }
    Ok(text + &format!("#define TAMIAS_VERSION \"{version}\""))
}

/// The first line in which two texts differ, counted from 1, with both versions of it.
fn first_difference<'a>(old: &'a str, new: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let (mut left, mut right) = (old.split('\n'), new.split('\n'));
    (1..).find_map(|line| match (left.next(), right.next()) {
        (None, None) => Some(None),
        (old, new) if old == new => None,
        (old, new) => Some(Some((line, old.unwrap_or("(end)"), new.unwrap_or("(end)")))),
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace with one C function.
    fn small_workspace(doc: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"ffi\"]\n\
                         [workspace.package]\nversion = \"1.22.333\"\n";
        write("Cargo.toml", workspace);
        let package = "[package]\nname = \"small\"\nversion.workspace = true\nedition = \"2024\"\n";
        write("ffi/Cargo.toml", package);
        write("ffi/cbindgen.toml", "language = \"C\"\ninclude_guard = \"TAMIAS_H\"\n");
        let source = format!(
            "/// {doc}\n#[unsafe(no_mangle)]\npub extern \"C\" fn tamias_answer() -> i32 {{ 42 }}\n"
        );
        write("ffi/src/lib.rs", &source);
        folder
    }

    #[test]
    fn a_header_is_written_and_compared() {
        let folder = small_workspace("Answers.");
        let root = folder.path();
        let missing = run(root, &Args { check: true }).unwrap_err();
        assert!(format!("{missing:#}").contains("run `cargo xtask header`"), "{missing:#}");

        run(root, &Args { check: false }).unwrap();
        let header = fs::read_to_string(root.join("include/tamias.h")).unwrap();
        assert!(header.contains("int32_t tamias_answer(void);"), "{header}");
        assert!(header.contains("#define TAMIAS_VERSION_MINOR 22"), "{header}");
        run(root, &Args { check: true }).unwrap();

        let source = root.join("ffi/src/lib.rs");
        let text = fs::read_to_string(&source).unwrap().replace("i32", "i64");
        fs::write(source, text).unwrap();
        let stale = run(root, &Args { check: true }).unwrap_err().to_string();
        assert!(stale.contains("int32_t tamias_answer") && stale.contains("int64_t"), "{stale}");
    }

    #[test]
    fn without_ffi_the_error_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(folder.path(), &Args { check: false }).unwrap_err();
        assert!(error.to_string().contains("no ffi/Cargo.toml"), "{error}");
    }

    #[test]
    fn versions_are_three_numbers() {
        assert!(version_macros("0.1.0-rc.1").unwrap().contains("\"0.1.0-rc.1\""));
        assert!(version_macros("0.1").is_err() && version_macros("0.x.1").is_err());
    }
}
