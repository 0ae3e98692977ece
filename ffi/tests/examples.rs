//! The example programs compile, run, and print what they promise.

mod common;

use std::io::Write;

use common::{Program, stdout};

#[test]
fn first_light_runs_two_tasks_and_prints_the_hash() {
    let program = Program::compile("ffi/examples/first_light.c");
    let output = program.run::<&str>(&[]);
    let lines: Vec<_> = stdout(&output).lines().collect();
    assert_eq!(lines[0], "offer of cpus:4;mem:1024");
    assert!(lines.contains(&"hello is TASK_FINISHED"), "{lines:?}");
    assert!(lines.contains(&"world is TASK_FINISHED"), "{lines:?}");
    let hash = lines.last().unwrap().strip_prefix("hash ").unwrap();
    assert_eq!(hash.len(), 64);
    assert_eq!(stdout(&program.run::<&str>(&[])), stdout(&output), "the same on every run");
}

fn script(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn run_script_prints_outcomes_events_and_the_hash() {
    let program = Program::compile("ffi/examples/run_script.c");
    let file = script(
        "# a comment\n\n{\"script\":\"small\"}\n\
         {\"do\":\"open_session\",\"kind\":\"operator\",\"as\":\"op\"}\n\
         {\"do\":\"update_weights\",\"as\":\"op\",\"weights\":[{\"role\":\"a\",\"weight\":2}]}",
    );
    let output = program.run(&[file.path()]);
    let lines: Vec<_> = stdout(&output).lines().collect();
    assert_eq!(lines[0], r#"{"seq":1,"reply":"session_opened","session":"s0.1"}"#);
    assert_eq!(lines[1], r#"{"seq":2,"reply":"done"}"#);
    let hash = lines[2].strip_prefix("hash ").unwrap();
    assert_eq!((hash.len(), lines.len()), (64, 3));
}

#[test]
fn run_script_names_the_line_that_failed() {
    let program = Program::compile("ffi/examples/run_script.c");
    let file = script("{\"script\":\"bad\"}\n{\"do\":\"reviev\"}\n");
    let output = program.command().arg(file.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    let expected = format!("{}:2: UnknownCommand: do: ", file.path().display());
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn run_processes_runs_real_commands() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::compile("ffi/examples/run_processes.c");
    let work = dir.path().to_str().unwrap();
    let mut command = program.command();
    command.env("TAMIAS_SUPERVISOR", common::supervisor());
    let output = command.args([work, "echo one", "exit 3"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("task-0 TASK_FINISHED exit code 0"), "{text}{errors}");
    assert!(text.contains("task-1 TASK_FAILED exit code 3"), "{text}{errors}");
    assert_eq!(output.status.code(), Some(1));
}

/// What a runner must print for the scripts of a folder, by the algorithm of docs/conformance.md.
fn traces(folder: &std::path::Path) -> String {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
    scripts.sort();
    assert!(scripts.len() >= 10, "only {} scripts", scripts.len());
    let mut trace = String::new();
    for path in scripts {
        let text = std::fs::read_to_string(path).unwrap();
        let says = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
        let mut lines = text.lines().skip_while(|line| !says(line));
        let kernel = tamias_core::Kernel::open_json(lines.next().unwrap()).unwrap();
        for line in lines {
            let out = kernel.command(None, line).unwrap();
            if !out.is_empty() {
                trace = trace + &out + "\n";
            }
        }
        let hash = kernel.state_hash().iter().fold(String::new(), |h, b| h + &format!("{b:02x}"));
        trace = trace + "hash " + &hash + "\n";
    }
    trace
}

#[test]
fn the_corpus_of_scripts_gives_the_same_bytes_as_in_rust() {
    let program = Program::compile("ffi/examples/run_script.c");
    let folder = common::root().join("tests/conformance");
    let output = program.run(&[&folder]);
    let (came, wanted) = (stdout(&output), traces(&folder));
    let mut lines = came.lines().zip(wanted.lines());
    let different = lines.find(|(came, wanted)| came != wanted);
    assert_eq!(different, None, "the first line that differs");
    assert!(came == wanted, "one has more lines than the other");
}
