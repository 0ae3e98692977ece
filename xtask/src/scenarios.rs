//! `cargo xtask scenarios`: runs the scripts of `tests/conformance/mesos/` and says which cases of
//! Mesos behaviour they cover.
//!
//! `CASES.toml` lists every case; a script is named after its case (`AL1-unreserved.jsonl`), and a
//! case may have several. A script with a `differs` line asserts an outcome better than that of
//! Mesos. `NOT_APPLICABLE.md` has the cases that make no sense for a library.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::conformance::{name, run_script, scripts};

/// Which scripts to run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder with the scripts and the lists
    #[arg(default_value = "tests/conformance/mesos")]
    folder: PathBuf,
    /// Shows the titles of the cases not covered yet
    #[arg(long)]
    titles: bool,
}

/// How a case went; the worst of its scripts counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Passed,
    Differing,
    Failed,
}

/// What is known about the cases.
#[derive(Debug)]
struct Cases {
    titles: BTreeMap<String, String>,
    not_applicable: BTreeSet<String>,
}

/// Runs all scripts and counts the cases.
///
/// Errors: if a script fails, or is not named after a case; if the lists contradict each other.
pub fn run(args: &Args) -> Result<()> {
    let cases = Cases::read(&args.folder)?;
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    for path in scripts(&args.folder)? {
        let case = cases.case_of(&path)?;
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let outcome = match run_script(&text).1 {
            Ok(()) if differs(&text) => Outcome::Differing,
            Ok(()) => Outcome::Passed,
            Err(failure) => {
                println!("FAILED  {}\n{}", name(&path), failure.shown(&path));
                Outcome::Failed
            }
        };
        let worst = outcomes.entry(case).or_insert(outcome);
        *worst = outcome.max(*worst);
    }
    let count = |wanted| outcomes.values().filter(|outcome| **outcome == wanted).count();
    println!("{}", cases.not_covered(&outcomes, args.titles));
    let failed = count(Outcome::Failed);
    println!(
        "scenarios: {} passed, {failed} failed, {} not applicable, {} differing",
        count(Outcome::Passed),
        cases.not_applicable.len(),
        count(Outcome::Differing),
    );
    if failed > 0 {
        bail!("{failed} cases failed");
    }
    Ok(())
}

impl Cases {
    fn read(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let titles: BTreeMap<String, String> =
            toml::from_str(&read("CASES.toml")?).context("CASES.toml is malformed")?;
        let not_applicable = not_applicable(&read("NOT_APPLICABLE.md")?);
        if let Some(unknown) = not_applicable.iter().find(|case| !titles.contains_key(*case)) {
            bail!("NOT_APPLICABLE.md names {unknown}, which CASES.toml does not");
        }
        Ok(Self { titles, not_applicable })
    }

    /// The case that a script is named after.
    fn case_of(&self, path: &Path) -> Result<String> {
        let name = name(path);
        let case = name.split('-').next().unwrap_or_default();
        if !self.titles.contains_key(case) {
            bail!("{name} is not named after a case of CASES.toml, like AL1-unreserved");
        }
        if self.not_applicable.contains(case) {
            bail!("{name} is a script of a case that NOT_APPLICABLE.md lists");
        }
        Ok(case.to_owned())
    }

    fn not_covered(&self, outcomes: &BTreeMap<String, Outcome>, titles: bool) -> String {
        let is_open =
            |case: &&String| !outcomes.contains_key(*case) && !self.not_applicable.contains(*case);
        let mut open: Vec<&String> = self.titles.keys().filter(is_open).collect();
        let number = |case: &str| case[2..].parse::<u32>().unwrap_or(0);
        open.sort_by_key(|case| (case[..2].to_owned(), number(case)));
        let mut text = format!("not covered yet: {}", open.len());
        let mut family = "";
        for case in open {
            if titles {
                text += &format!("\n  {case}  {}", self.titles[case]);
                continue;
            }
            if family != &case[..2] {
                family = &case[..2];
                text += "\n ";
            }
            text += &format!(" {case}");
        }
        text
    }
}

/// The first column of the table, without its heading.
fn not_applicable(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    rows.filter(|case| *case != "case").map(str::to_owned).collect()
}

/// Whether a line says what Mesos does instead.
fn differs(script: &str) -> bool {
    let lines = script.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.into_iter().any(|line| line.get("differs").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = "AL1 = \"one\"\nAL2 = \"two\"\nAL10 = \"ten\"\nSO1 = \"order\"\n";
    const TABLE: &str = "# Title\n\n| case | reason |\n|---|---|\n| SO1 | none |\n";
    const TICK: &str = "{\"script\":\"x\"}\n{\"do\":\"tick\"}\n";

    fn folder(scripts: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("CASES.toml"), CASES).unwrap();
        fs::write(folder.path().join("NOT_APPLICABLE.md"), TABLE).unwrap();
        for (name, text) in scripts {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn run_in(scripts: &[(&str, &str)]) -> Result<()> {
        run(&Args { folder: folder(scripts).path().to_owned(), titles: false })
    }

    #[test]
    fn scripts_belong_to_cases() {
        assert!(run_in(&[("AL1-a.jsonl", TICK), ("AL1-b.jsonl", TICK)]).is_ok());
        assert!(run_in(&[("AL3-a.jsonl", TICK)]).is_err());
        assert!(run_in(&[("SO1.jsonl", TICK)]).is_err());
        assert!(run_in(&[("AL1.jsonl", "{\"script\":\"x\"}\n{\"do\":\"tock\"}\n")]).is_err());
    }

    #[test]
    fn what_is_not_covered_is_listed_in_order() {
        let cases = Cases::read(folder(&[]).path()).unwrap();
        let none = BTreeMap::new();
        assert_eq!(cases.not_covered(&none, false), "not covered yet: 3\n  AL1 AL2 AL10");
        let two = [("AL2".to_owned(), Outcome::Failed)].into();
        assert_eq!(cases.not_covered(&two, true), "not covered yet: 2\n  AL1  one\n  AL10  ten");
    }

    #[test]
    fn a_line_that_differs_is_found() {
        assert!(!differs(TICK));
        assert!(differs("# x\n{\"script\":\"x\"}\n{\"do\":\"tick\",\"differs\":\"it ticks\"}"));
    }
}
