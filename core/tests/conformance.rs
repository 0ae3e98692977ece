//! The engine scripts of `tests/conformance/`, run as every language runs them, and proof that
//! what they expect can fail.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tamias::{Code, Kernel, Rejection};

fn scripts() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance");
    let paths = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension() == Some("jsonl".as_ref())).collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    paths.into_iter().map(read).collect()
}

/// The runner of `docs/conformance.md`: what is printed, or the number of the line that failed.
fn run<'a>(lines: impl Iterator<Item = &'a str>) -> Result<String, (usize, Rejection)> {
    let mut lines = lines.zip(1..).filter(|(text, _)| !text.is_empty() && !text.starts_with('#'));
    let (header, number) = lines.next().unwrap();
    let kernel = Kernel::open_json(header).map_err(|error| (number, error))?;
    let mut printed = String::new();
    for (text, number) in lines {
        let out = kernel.command(None, text).map_err(|error| (number, error))?;
        printed = printed + &out + "\n";
    }
    printed += "hash ";
    for byte in kernel.state_hash() {
        write!(printed, "{byte:02x}").unwrap();
    }
    Ok(printed)
}

#[test]
fn every_script_passes_twice_with_one_trace() {
    let scripts = scripts();
    assert!(scripts.len() >= 14, "the scripts are not where they should be");
    for (path, text) in scripts {
        let place = path.display();
        let first = run(text.lines()).unwrap_or_else(|(line, e)| panic!("{place}:{line}: {e:?}"));
        assert_eq!(run(text.lines()).unwrap(), first, "{place}");
    }
}

#[test]
fn scripts_are_named_after_their_files() {
    for (path, text) in scripts() {
        let header = text.lines().find(|line| !line.starts_with('#')).unwrap();
        let header: Value = serde_json::from_str(header).unwrap();
        assert_eq!(header["script"].as_str(), path.file_stem().unwrap().to_str());
    }
}

/// Changes one expectation of a line into one that cannot be met.
fn spoil(line: &str) -> Vec<String> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return Vec::new() };
    let with = |key: &str, value: Value| {
        let mut fields = fields.clone();
        fields.insert(key.to_owned(), value);
        Value::Object(fields).to_string()
    };
    let mut spoilt = Vec::new();
    if fields.contains_key("error") {
        let mut without = fields.clone();
        without.remove("error");
        spoilt.push(Value::Object(without).to_string());
        spoilt.push(with("error", json!({"code": "Defect"})));
    }
    match fields.get("expect").and_then(Value::as_array) {
        Some(expect) if expect.is_empty() => spoilt.push(with("expect", json!(["resync"]))),
        Some(expect) => {
            spoilt.push(with("expect", json!([])));
            for index in 0..expect.len() {
                let mut expect = expect.clone();
                let pattern = match &expect[index] {
                    Value::Object(pattern) => pattern.clone(),
                    kind => serde_json::Map::from_iter([("event".to_owned(), kind.clone())]),
                };
                let impossible = json!({"session": "s99.99"}).as_object().unwrap().clone();
                expect[index] = pattern.into_iter().chain(impossible).collect();
                spoilt.push(with("expect", expect.into()));
            }
            let kind = |event: &Value| event.get("event").unwrap_or(event).clone();
            spoilt.push(with("never", json!([kind(&expect[0])])));
        }
        None => {}
    }
    if fields.contains_key("reply") {
        spoilt.push(with("reply", json!({"reply": "nothing"})));
    }
    spoilt
}

#[test]
fn what_scripts_expect_can_fail() {
    let mut spoilt_lines = 0;
    for (path, text) in scripts() {
        let lines: Vec<_> = text.lines().collect();
        for index in 0..lines.len() {
            for spoilt in spoil(lines[index]) {
                let before = lines[..index].iter().copied();
                let (line, error) = run(before.chain([&*spoilt])).unwrap_err();
                let place = path.display();
                assert_eq!(line, index + 1, "{place}: {spoilt}\n{error:?}");
                let is_kernels_own = lines[index].contains("\"error\"");
                assert!(is_kernels_own || error.code() == Code::BadScript, "{place}: {error:?}");
                spoilt_lines += 1;
            }
        }
    }
    assert!(spoilt_lines > 500, "{spoilt_lines}");
}

#[test]
fn the_documented_example_passes() {
    let docs = include_str!("../../docs/conformance.md");
    let example = docs.split("```jsonl\n").nth(1).unwrap().split("```").next().unwrap();
    run(example.lines()).unwrap_or_else(|(line, error)| panic!("line {line}: {error:?}"));
}
