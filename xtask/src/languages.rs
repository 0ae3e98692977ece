//! `cargo xtask languages`: the same engine scripts in every language must give the same bytes.
//!
//! Runs a script or a folder with the runners of Rust, C, Python, Go and Java, each the program
//! that a user would run, and compares what they print: outcomes, events and state hashes. Then
//! first light, which C, Go and Java play over different functions, must end with one hash. A
//! language whose programs are not there is an error, never skipped.

mod programs;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::conformance::{self, Trace};
use programs::{Programs, output};

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A script, or a folder of them
    #[arg(default_value = "tests/conformance")]
    path: PathBuf,
}

/// Runs and compares; how each language went is printed.
///
/// Errors: a script that fails, a program that is not there, the first difference.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    let path = args.path.canonicalize();
    let path = path.with_context(|| format!("cannot read {}", args.path.display()))?;
    let wanted = conformance::traces(&path)?;
    let scripts = wanted.len();
    let lines: usize = wanted.iter().map(|trace| trace.text.lines().count()).sum();
    println!("rust    {scripts} scripts, {lines} lines");
    let mut lights = Vec::new();
    for Programs { language, mut runner, first_light } in programs::all(root)? {
        let came = output(runner.arg(&path))?;
        if let Some(difference) = difference(&wanted, &came) {
            bail!("{}", difference.shown(language));
        }
        println!("{language:7} the same");
        if let Some(mut first_light) = first_light {
            lights.push((language, hash(&output(&mut first_light)?)?));
        }
    }
    println!("{}", same_light(&lights)?);
    println!("five languages: {scripts} scripts, traces and hashes equal");
    Ok(())
}

/// The hash at the end of what a program printed.
fn hash(printed: &str) -> Result<String> {
    let last = printed.lines().next_back().unwrap_or_default();
    let hash = last.strip_prefix("hash ").filter(|hash| hash.len() == 64);
    hash.map(str::to_owned).with_context(|| format!("expected a hash at the end, found {last:?}"))
}

fn same_light(lights: &[(&str, String)]) -> Result<String> {
    let [(first, wanted), rest @ ..] = lights else { bail!("no language has a first light") };
    for (language, hash) in rest {
        ensure!(hash == wanted, "first light: hash {wanted} in {first}, {hash} in {language}");
    }
    let languages: Vec<_> = lights.iter().map(|(language, _)| *language).collect();
    Ok(format!("first light of {}: hash {wanted}", languages.join(", ")))
}

/// Where the output of a language parts from that of Rust.
#[derive(Debug, PartialEq, Eq)]
struct Difference<'a> {
    /// The script; none after the last.
    script: Option<&'a str>,
    /// Of the script's trace, from 1.
    line: usize,
    /// What Rust printed; none if that was all.
    wanted: Option<&'a str>,
    /// What the language printed; none if that was all.
    came: Option<&'a str>,
}

impl Difference<'_> {
    fn shown(&self, language: &str) -> String {
        let text = |text: Option<&str>| match text {
            None => "nothing more".to_owned(),
            // An ending that is different or missing would not be seen.
            Some(text) => match text.strip_suffix('\n').filter(|text| !text.ends_with('\r')) {
                Some(text) => text.to_owned(),
                None => format!("{text:?}"),
            },
        };
        let place = match self.script {
            Some(script) => format!("{script}, line {} of the trace", self.line),
            None => "after the last script".to_owned(),
        };
        let rows = [("at", place), ("rust", text(self.wanted)), (language, text(self.came))];
        let rows = rows.map(|(name, text)| format!("  {name:7} {text}"));
        format!("{language} differs from rust\n{}", rows.join("\n"))
    }
}

/// The first difference, if there is one; every byte counts.
fn difference<'a>(wanted: &'a [Trace], came: &'a str) -> Option<Difference<'a>> {
    let mut came = came.split_inclusive('\n');
    for trace in wanted {
        for (line, wanted) in (1..).zip(trace.text.split_inclusive('\n')) {
            let came = came.next();
            if came != Some(wanted) {
                let (script, wanted) = (Some(&*trace.name), Some(wanted));
                return Some(Difference { script, line, wanted, came });
            }
        }
    }
    let more = came.next();
    more.map(|_| Difference { script: None, line: 0, wanted: None, came: more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Vec<Trace> {
        let trace = |name: &str, text: &str| Trace { name: name.into(), text: text.into() };
        vec![trace("a", "{}\nhash 1\n"), trace("b", "hash 2\n")]
    }

    fn shown(came: &str) -> Option<String> {
        difference(&wanted(), came).map(|difference| difference.shown("java"))
    }

    #[test]
    fn equal_bytes_are_no_difference() {
        assert_eq!(shown("{}\nhash 1\nhash 2\n"), None);
    }

    #[test]
    fn the_first_difference_names_script_and_line() {
        let text = shown("{}\nhash 3\nhash 2\n").unwrap();
        let lines = ["at      a, line 2 of the trace", "rust    hash 1", "java    hash 3"];
        assert_eq!(text, format!("java differs from rust\n  {}", lines.join("\n  ")));
        assert!(shown("{}\nhash 1\nhash 3\n").unwrap().contains("at      b, line 1 "));
    }

    #[test]
    fn too_little_and_too_much_are_differences() {
        let text = shown("{}\nhash 1\n").unwrap();
        assert!(text.contains("b, line 1 ") && text.ends_with("java    nothing more"), "{text}");
        let text = shown("{}\nhash 1\nhash 2\n\n").unwrap();
        assert!(text.contains("after the last script\n  rust    nothing more"), "{text}");
        assert!(shown("").is_some());
    }

    #[test]
    fn a_line_ending_is_a_difference_that_is_seen() {
        let text = shown("{}\r\nhash 1\nhash 2\n").unwrap();
        assert!(text.ends_with("java    \"{}\\r\\n\""), "{text}");
        let text = shown("{}\nhash 1\nhash 2").unwrap();
        assert!(text.ends_with("java    \"hash 2\""), "{text}");
    }

    #[test]
    fn first_lights_end_with_one_hash() {
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(64));
        assert_eq!(hash(&format!("offer\nhash {one}\n")).unwrap(), one);
        assert!(hash("offer\n").is_err() && hash("hash 12\n").is_err() && hash("").is_err());
        let lights = [("c", one.clone()), ("go", one.clone())];
        assert_eq!(same_light(&lights).unwrap(), format!("first light of c, go: hash {one}"));
        assert!(same_light(&[("c", one), ("go", two)]).is_err());
        assert!(same_light(&[]).is_err());
    }
}
