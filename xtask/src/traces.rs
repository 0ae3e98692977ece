//! `cargo xtask traces`: replays recorded decisions of the Mesos allocator on the kernel.
//!
//! A trace file holds scripts of commands with the results of the real allocator. Each script runs
//! on the pure state machine with the option set `mesos`, allocation only on command and a clock of
//! its own; every result is compared. What the kernel does otherwise on purpose is listed in
//! `tests/traces/differences.toml` and compared up to that command.
//!
//! - [`file`]: reading scripts
//! - [`bag`]: resources as the traces write them
//! - [`plan`]: which tasks to launch, so that any part of them can be finished later
//! - [`world`]: a kernel, its sessions, and who is who
//! - [`replay`]: one trace command as kernel commands
//! - [`snapshot`]: the kernel's state as the traces write it

mod bag;
mod file;
mod plan;
mod replay;
mod snapshot;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use file::Script;
use replay::Replay;

/// What to replay.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files (.jsonl, .jsonl.gz) or folders of them; by default ../shared/data/mesos-traces beside
    /// the checkout
    paths: Vec<PathBuf>,
    /// Shows so many commands before each difference
    #[arg(long, default_value_t = 0)]
    context: usize,
}

/// The scripts that differ on purpose, by name.
type Listed = BTreeMap<String, Listing>;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Differences {
    #[serde(default)]
    script: Vec<Listing>,
}

/// A script that differs on purpose.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    name: String,
    until: usize,
    reason: String,
}

/// The first command whose result differs.
#[derive(Debug)]
struct Difference {
    index: usize,
    want: String,
    got: String,
}

/// Replays the files and prints how each script went that is not equal.
///
/// Errors: if a script differs that is not listed, or one that is listed does not.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    let listed = differences(&root.join("tests/traces/differences.toml"))?;
    let paths = match &args.paths[..] {
        [] => vec![root.join("../shared/data/mesos-traces")],
        paths => paths.to_vec(),
    };
    let (mut equal, mut different, mut skipped, mut wrong) = (0, 0, 0, 0);
    for path in files(&paths)? {
        for script in file::read(&path)? {
            if !script.header.exact_shares_agree {
                skipped += 1;
                continue;
            }
            let listing = listed.get(&script.header.script);
            let found = first_difference(&script, false);
            match &found {
                None => equal += 1,
                Some(_) => different += 1,
            }
            let mut report = judge(&script, found, listing, args.context);
            if report.as_ref().is_some_and(|report| report.is_wrong && listing.is_none()) {
                report = by_deficits(&script).or(report);
            }
            if let Some(report) = report {
                wrong += usize::from(report.is_wrong);
                println!("{}", report.text);
            }
        }
    }
    println!("traces: {equal} equal, {different} different, {skipped} skipped (exact shares)");
    if wrong > 0 {
        bail!("{wrong} scripts are not as tests/traces/differences.toml says");
    }
    Ok(())
}

struct Report {
    text: String,
    is_wrong: bool,
}

/// What to say about a script, if it is not simply equal.
fn judge(
    script: &Script,
    found: Option<Difference>,
    listing: Option<&Listing>,
    context: usize,
) -> Option<Report> {
    let name = &script.header.script;
    match (found, listing) {
        (None, None) => None,
        (None, Some(listing)) => {
            let text = format!("EQUAL      {name}, although it is listed: {}", listing.reason);
            Some(Report { text, is_wrong: true })
        }
        (Some(found), Some(listing)) if found.index >= listing.until => {
            let text = format!("on purpose {name} from {}: {}", listing.until, listing.reason);
            Some(Report { text, is_wrong: false })
        }
        (Some(found), _) => {
            let mut text = format!("DIFFERENT  {name}, command {}", found.index);
            for index in found.index.saturating_sub(context)..=found.index {
                text += &format!("\n  {index:4}  {}", script.records[index].cmd);
            }
            text += &format!("\n  want  {}\n  got   {}", found.want, found.got);
            Some(Report { text, is_wrong: true })
        }
    }
}

/// A script that is not listed, and equal as soon as agents with less than what is in use of them
/// take from what others have free, as in Mesos: that much is on purpose wherever it shows.
fn by_deficits(script: &Script) -> Option<Report> {
    if first_difference(script, true).is_some() {
        return None;
    }
    let name = &script.header.script;
    let text =
        format!("on purpose {name}: deficits of overcommitted agents are not charged to all");
    Some(Report { text, is_wrong: false })
}

fn first_difference(script: &Script, headroom_from_sums: bool) -> Option<Difference> {
    let mut replay = match Replay::new(script, headroom_from_sums) {
        Ok(replay) => replay,
        Err(why) => return Some(Difference { index: 0, want: String::new(), got: why }),
    };
    for (index, record) in script.records.iter().enumerate() {
        let want = record.res.to_string();
        match replay.perform(index, record).map(snapshot::rounded) {
            Ok(got) if got == comparable(&record.res) => {}
            Ok(got) => {
                let (want, got) = shortest(&comparable(&record.res), &got);
                return Some(Difference { index, want, got });
            }
            Err(why) => return Some(Difference { index, want, got: why }),
        }
    }
    None
}

/// A result without what only hints at floating-point trouble.
fn comparable(res: &Value) -> Value {
    let mut res = res.clone();
    if let Value::Object(fields) = &mut res {
        fields.remove("near_tie");
    }
    snapshot::rounded(res)
}

/// Both results without the fields in which they agree.
fn shortest(want: &Value, got: &Value) -> (String, String) {
    let (Value::Object(a), Value::Object(b)) = (want, got) else {
        return (want.to_string(), got.to_string());
    };
    let differing = |from: &serde_json::Map<String, Value>, other: &serde_json::Map<_, _>| {
        let fields = from.iter().filter(|(key, value)| other.get(*key) != Some(value));
        Value::Object(fields.map(|(k, v)| (k.clone(), v.clone())).collect()).to_string()
    };
    (differing(a, b), differing(b, a))
}

fn differences(path: &Path) -> Result<Listed> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let list: Differences =
        toml::from_str(&text).with_context(|| format!("{} is malformed", path.display()))?;
    Ok(list.script.into_iter().map(|entry| (entry.name.clone(), entry)).collect())
}

/// The files named, and those of the folders named, in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let metadata = path.metadata().with_context(|| {
            format!("cannot read {}: name trace files or a folder of them", path.display())
        })?;
        if !metadata.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in path.read_dir()? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.strip_suffix(".gz").unwrap_or(&name).strip_suffix(".jsonl").is_some() {
                found.push(path);
            }
        }
        if found.is_empty() {
            bail!("{} holds no trace: their names end in .jsonl or .jsonl.gz", path.display());
        }
        found.sort_unstable();
        files.append(&mut found);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = include_str!("../../tests/traces/example.jsonl");

    fn found(text: &str) -> Option<Difference> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        fs::write(&path, text).unwrap();
        first_difference(&file::read(&path).unwrap()[0], false)
    }

    #[test]
    fn an_equal_script_has_no_difference() {
        assert!(found(TRACE).is_none());
    }

    #[test]
    fn each_kind_of_difference_is_found() {
        for (from, to, index) in [
            (r#""cpus:2;mem:64"}]}"#, r#""cpus:2;mem:63"}]}"#, 8),
            (r#""r":[0.5,1]"#, r#""r":[0.5,2]"#, 6),
            (r#""A",1]]"#, r#""A",2]]"#, 6),
            (r#"["o2"]"#, "[]", 9),
            (r#""now":5"#, r#""now":6"#, 7),
            (r#""op":"finish""#, r#""op":"explode""#, 5),
        ] {
            let changed = TRACE.replacen(from, to, 1);
            assert_ne!(changed, TRACE);
            assert_eq!(found(&changed).map(|found| found.index), Some(index), "{from}");
        }
    }

    #[test]
    fn a_listed_difference_is_on_purpose_from_its_command_on() {
        let listing = Listing { name: "x-001".into(), until: 7, reason: "better".into() };
        let script = Script {
            header: file::Header { script: "x-001".into(), exact_shares_agree: true },
            records: (0..9).map(|_| file::Record { cmd: Value::Null, res: Value::Null }).collect(),
        };
        let found = |index| Some(Difference { index, want: "a".into(), got: "b".into() });
        let is_wrong = |found, listing| judge(&script, found, listing, 0).map(|r| r.is_wrong);
        assert_eq!(is_wrong(None, None), None);
        assert_eq!(is_wrong(None, Some(&listing)), Some(true));
        assert_eq!(is_wrong(found(6), Some(&listing)), Some(true));
        assert_eq!(is_wrong(found(7), Some(&listing)), Some(false));
        assert_eq!(is_wrong(found(7), None), Some(true));
    }
}
