//! Lines of at most 100 columns, functions of at most 70 lines, files of at most 600 lines of code.

use super::{Finding, Source, Tree, rust};

const COLUMNS_MAX: usize = 100;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;
/// Tests inside a file; more go to a file of their own.
const INNER_TEST_LINES_MAX: usize = 150;

/// What people write by hand. Markdown has tables, locks and the header are generated.
const CODE: [&str; 8] = ["rs", "py", "pyi", "go", "java", "c", "h", "sh"];
const NARROW: [&str; 2] = ["toml", "yml"];
const GENERATED: [&str; 1] = ["include/tamias.h"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let by_hand = |file: &&Source| !GENERATED.contains(&&*file.path);
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(by_hand) {
        let is_code = CODE.contains(&file.extension());
        if is_code || NARROW.contains(&file.extension()) {
            width(file, &mut findings);
        }
        if is_code {
            length(file, &mut findings);
        }
    }
    findings
}

fn width(file: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in (1..).zip(file.text.lines()) {
        let columns: usize = line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
        // A table row or an address cannot be broken.
        let is_row =
            line.trim_start().trim_start_matches(['/', '!', '#', '*', ' ']).starts_with('|');
        if columns > COLUMNS_MAX && !is_row && !line.contains("://") {
            let text = format!("a line of {columns} columns: at most {COLUMNS_MAX}");
            findings.push(file.finding(number, text));
        }
    }
}

fn length(file: &Source, findings: &mut Vec<Finding>) {
    let tests = file.rust.as_ref().map(rust::test_items).unwrap_or_default();
    let in_tests = |line: usize| tests.iter().any(|(first, last)| (*first..=*last).contains(&line));
    let is_comment = |line: &str| {
        let starts = ["//", "/*", "*", "#"].iter().any(|mark| line.starts_with(mark));
        starts && !line.starts_with("#[") && !line.starts_with("#include")
    };
    let lines = (1..).zip(file.text.lines().map(str::trim));
    let code =
        lines.filter(|(number, line)| !line.is_empty() && !is_comment(line) && !in_tests(*number));
    let code = code.count();
    if code > FILE_LINES_MAX {
        let text = format!("{code} lines of code: at most {FILE_LINES_MAX}; split it by noun");
        findings.push(file.finding(0, text));
    }
    for (first, last) in &tests {
        let lines = last - first + 1;
        if lines > INNER_TEST_LINES_MAX {
            let text = format!(
                "{lines} lines of tests inside a file: at most {INNER_TEST_LINES_MAX}; \
                 move them to a file of their own"
            );
            findings.push(file.finding(*first, text));
        }
    }
    for (name, (first, last)) in file.rust.as_ref().map(rust::functions).unwrap_or_default() {
        let lines = last - first + 1;
        if lines > FUNCTION_LINES_MAX {
            let text = format!("fn {name} has {lines} lines: at most {FUNCTION_LINES_MAX}");
            findings.push(file.finding(first, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::*;

    #[test]
    fn long_lines() {
        let long = "é".repeat(101);
        let row = format!("//! | {} |", "x ".repeat(60));
        let text = format!("// {}\n//{long}\n{row}\n// see https://{long}\n", "x".repeat(97));
        assert_eq!(said(check, &[("a.rs", &text)]), ["a.rs:2: a line of 103 columns: at most 100"]);
        assert_eq!(said(check, &[("a.md", &text), ("include/tamias.h", &text)]).len(), 0);
    }

    #[test]
    fn long_functions() {
        let with = |lines: usize| format!("\nfn f() {{\n{}}}\n", "    g();\n".repeat(lines));
        assert_eq!(said(check, &[("a.rs", &with(68))]).len(), 0);
        assert_eq!(said(check, &[("a.rs", &with(69))]), ["a.rs:2: fn f has 71 lines: at most 70"]);
    }

    #[test]
    fn long_files() {
        let with = |lines: usize| format!("//! Doc.\n\n{}", "const A: u8 = 1;\n".repeat(lines));
        assert_eq!(said(check, &[("a.rs", &with(600))]).len(), 0);
        assert_eq!(said(check, &[("a.rs", &with(601))]).len(), 1);
        let python = "x = 1\n# why\n\n".repeat(601);
        assert_eq!(said(check, &[("a.py", &python)]).len(), 1);
        let tests = |lines| format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "use a;\n".repeat(lines));
        assert_eq!(said(check, &[("a.rs", &format!("{}{}", with(600), tests(147)))]).len(), 0);
        assert_eq!(said(check, &[("a.rs", &tests(148))]).len(), 1);
    }
}
