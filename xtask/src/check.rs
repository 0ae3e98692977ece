//! `cargo xtask check`: what must be clean before a commit.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{header, tidy};

/// Runs all checks in the order of their cost and stops at the first that fails.
pub fn run(root: &Path) -> Result<()> {
    cargo(root, &["fmt", "--all", "--check"], "run `cargo fmt --all`")?;
    tidy::run(root)?;
    if header::exists(root) {
        header::run(root, &header::Args { check: true })?;
    }
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    cargo(root, &clippy, "mend what clippy says")?;
    println!("check: format, tidy and lints are clean");
    Ok(())
}

fn cargo(root: &Path, args: &[&str], advice: &str) -> Result<()> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    let status = command
        .args(args)
        .current_dir(root)
        .status()
        .with_context(|| format!("cannot start cargo {}", args.join(" ")))?;
    if !status.success() {
        bail!("cargo {} failed: {advice}", args.join(" "));
    }
    Ok(())
}
