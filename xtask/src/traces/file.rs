//! Trace files: JSON lines, perhaps compressed; a header opens a script, records follow it.

use std::collections::BTreeMap;
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
    scripts.iter_mut().for_each(fill);
    Ok(scripts)
}

/// Some files name an offer and leave out what it is: that stands where it was made.
fn fill(script: &mut Script) {
    let mut offers: BTreeMap<String, Value> = BTreeMap::new();
    for record in &mut script.records {
        for offer in record.res["offers"].as_array().into_iter().flatten() {
            if let Some(id) = offer["id"].as_str() {
                offers.insert(id.to_owned(), offer.clone());
            }
        }
        let known = record.cmd["offer"].as_str().and_then(|id| offers.get_mut(id));
        let (Some(known), Value::Object(fields)) = (known, &mut record.cmd) else { continue };
        for field in ["framework", "role", "agent", "resources"] {
            if !fields.contains_key(field) {
                fields.insert(field.to_owned(), known[field].clone());
            }
        }
        if let Some(converted) = record.res.get("resources") {
            known["resources"] = converted.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_offer_is_stands_where_it_was_made() {
        let offer = json!({"id": "o1", "framework": "f", "role": "r", "agent": "a",
            "resources": "cpus:2"});
        let record = |cmd, res| Record { cmd, res };
        let mut script = Script {
            header: Header { script: "x".into(), exact_shares_agree: true },
            records: vec![
                record(json!({"op": "batch"}), json!({"offers": [offer]})),
                record(
                    json!({"op": "reserve", "offer": "o1", "target": "cpus(+r):1"}),
                    json!({"resources": "cpus:1;cpus(+r):1"}),
                ),
                record(json!({"op": "decline", "offer": "o1", "agent": "given"}), json!({})),
            ],
        };
        fill(&mut script);
        assert_eq!(script.records[1].cmd["resources"], "cpus:2");
        let decline = &script.records[2].cmd;
        assert_eq!((&decline["agent"], &decline["role"]), (&json!("given"), &json!("r")));
        assert_eq!(decline["resources"], "cpus:1;cpus(+r):1");
    }
}
