//! `cargo xtask conformance`: runs the scripts of `tests/conformance/` and shows the first
//! difference of each. `docs/conformance.md` describes scripts and what a runner prints.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tamias::{Kernel, Rejection};

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A script, or a folder of them
    #[arg(default_value = "tests/conformance")]
    path: PathBuf,
    /// Prints what every language's runner must print, byte for byte
    #[arg(long)]
    trace: bool,
}

/// Runs one script or all of a folder in the order of their names.
///
/// Errors: if one of them fails; how each went was printed then.
pub fn run(args: &Args) -> Result<()> {
    let scripts = scripts(&args.path)?;
    let mut failed = 0;
    for path in &scripts {
        let name = name(path);
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let (trace, result) = run_script(&text);
        if args.trace {
            print!("{trace}");
        }
        let report = match result {
            Ok(()) => format!("ok      {name}"),
            Err(failure) => {
                failed += 1;
                format!("FAILED  {name}\n{}", failure.shown(path))
            }
        };
        say(args.trace, &report);
    }
    let passed = scripts.len() - failed;
    say(args.trace, &format!("conformance: {passed} passed, {failed} failed"));
    if failed > 0 {
        bail!("{failed} of {} scripts failed", scripts.len());
    }
    Ok(())
}

/// What a runner must print for one script.
#[derive(Debug)]
pub struct Trace {
    /// Of the script, without its ending.
    pub name: String,
    /// Lines, the last of which is the hash.
    pub text: String,
}

/// The traces of a script or of all of a folder.
///
/// Errors: the first script that fails.
pub fn traces(path: &Path) -> Result<Vec<Trace>> {
    let trace = |path: PathBuf| {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let (trace, result) = run_script(&text);
        match result {
            Ok(()) => Ok(Trace { name: name(&path), text: trace }),
            Err(failure) => bail!("{} failed\n{}", name(&path), failure.shown(&path)),
        }
    };
    scripts(path)?.into_iter().map(trace).collect()
}

pub(crate) fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A trace has the standard output for itself.
fn say(trace: bool, text: &str) {
    if trace {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
}

pub(crate) fn scripts(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = path.metadata().with_context(|| format!("cannot read {}", path.display()))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut scripts = Vec::new();
    for entry in path.read_dir().with_context(|| format!("cannot read {}", path.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            scripts.push(path);
        }
    }
    if scripts.is_empty() {
        bail!("{} holds no script: their names end in .jsonl", path.display());
    }
    scripts.sort_unstable();
    Ok(scripts)
}

/// The line at which a script failed.
#[derive(Debug)]
pub(crate) struct Failure {
    line: usize,
    text: String,
    rejection: Rejection,
}

impl Failure {
    pub(crate) fn shown(&self, path: &Path) -> String {
        let Self { line, text, rejection } = self;
        let place = format!("{}:{line}", path.display());
        format!("  at    {place}\n  line  {text}\n  came  {}: {rejection}", rejection.code().name())
    }
}

/// The algorithm that every runner has: the first line opens a kernel, every other is sent to it.
/// Returns what is to be printed, up to the failure if there is one.
pub(crate) fn run_script(text: &str) -> (String, Result<(), Failure>) {
    let mut trace = String::new();
    let mut kernel = None;
    for (index, text) in text.lines().enumerate() {
        let fail = |rejection| Failure { line: index + 1, text: text.to_owned(), rejection };
        let Some(opened) = &kernel else {
            if text.trim().is_empty() || text.trim().starts_with('#') {
                continue;
            }
            match Kernel::open_json(text) {
                Ok(opened) => kernel = Some(opened),
                Err(rejection) => return (trace, Err(fail(rejection))),
            }
            continue;
        };
        match opened.command(None, text) {
            Ok(lines) if lines.is_empty() => {}
            Ok(lines) => trace = trace + &lines + "\n",
            Err(rejection) => return (trace, Err(fail(rejection))),
        }
    }
    let Some(kernel) = kernel else {
        let text = "the script has no line that opens a kernel";
        let rejection = Rejection::new(tamias::Code::BadScript, text);
        return (trace, Err(Failure { line: 1, text: String::new(), rejection }));
    };
    trace += "hash ";
    for byte in kernel.state_hash() {
        // Writing to memory cannot fail.
        let _ = write!(trace, "{byte:02x}");
    }
    trace.push('\n');
    (trace, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "# A remark before the first line.\n\n\
        {\"script\":\"one tick\"}\n\
        {\"do\":\"tick\",\"reply\":{\"changed\":false}}\n\
        # Another.\n";

    #[test]
    fn a_trace_is_what_came_and_the_hash() {
        let (trace, result) = run_script(SCRIPT);
        assert!(result.is_ok());
        let lines: Vec<_> = trace.lines().collect();
        assert_eq!(lines[0], r#"{"seq":0,"reply":"ticked","changed":false,"more":false}"#);
        let hash = lines[1].strip_prefix("hash ").unwrap();
        assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_failure_names_its_line() {
        let (trace, result) = run_script(&SCRIPT.replace("false", "true"));
        assert_eq!(trace, "");
        let shown = result.unwrap_err().shown(Path::new("x.jsonl"));
        assert!(shown.contains("x.jsonl:4\n"), "{shown}");
        assert!(shown.contains("came  BadScript: reply: wanted {\"changed\":true};"), "{shown}");
        assert_eq!(run_script("{\"scrpit\":\"x\"}").1.unwrap_err().line, 1);
        assert!(run_script("# nothing\n").1.is_err());
    }

    #[test]
    fn a_folder_is_run_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        assert!(scripts(folder.path()).is_err());
        for name in ["b.jsonl", "a.jsonl", "notes.md"] {
            fs::write(folder.path().join(name), SCRIPT).unwrap();
        }
        let names: Vec<_> = scripts(folder.path()).unwrap();
        assert_eq!(names, [folder.path().join("a.jsonl"), folder.path().join("b.jsonl")]);
        let args = |path: &Path| Args { path: path.to_owned(), trace: false };
        assert!(run(&args(folder.path())).is_ok());
        fs::write(folder.path().join("c.jsonl"), "{").unwrap();
        assert!(run(&args(folder.path())).is_err());
    }
}
