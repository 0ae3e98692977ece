//! Trace files: JSON lines, perhaps compressed; a header opens a script, records follow it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;

/// The first line of a script; what is not read here is for people.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// Its name.
    pub script: String,
    /// Whether an allocator with exact shares decides as the recorded one did.
    #[serde(default = "yes")]
    pub exact_shares_agree: bool,
}

/// A command and its recorded result.
#[derive(Debug, Deserialize)]
pub struct Record {
    /// The command.
    pub cmd: Value,
    /// What the allocator did.
    pub res: Value,
}

/// A script.
#[derive(Debug)]
pub struct Script {
    /// Its first line.
    pub header: Header,
    /// The lines after it.
    pub records: Vec<Record>,
}

fn yes() -> bool {
    true
}

/// Reads all scripts of a file.
///
/// Errors: a file that cannot be read; a line that is neither, with its number.
pub fn read(path: &Path) -> Result<Vec<Script>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let text: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut scripts: Vec<Script> = Vec::new();
    for (index, line) in BufReader::new(text).lines().enumerate() {
        let place = || format!("{shown}:{}", index + 1);
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(&line).with_context(place)?;
        if value.get("script").is_some() {
            let header = serde_json::from_value(value).with_context(place)?;
            scripts.push(Script { header, records: Vec::new() });
        } else {
            let Some(script) = scripts.last_mut() else {
                bail!("{}: a record before the first header", place());
            };
            script.records.push(serde_json::from_value(value).with_context(place)?);
        }
    }
    Ok(scripts)
}
