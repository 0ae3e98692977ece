//! Words that stand for unfinished work, and tests that are switched off.
//!
//! They are put together from halves so that this file may be checked too.

use super::{Finding, Tree};

const UNFINISHED: [&str; 5] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("NotImpl", "ementedError"),
];
const SWITCHED_OFF: [&str; 6] = [
    concat!("#[ig", "nore"),
    concat!("pytest.mark.", "skip"),
    concat!("pytest.mark.", "xfail"),
    concat!("unittest.", "skip"),
    concat!("t.", "Skip("),
    concat!("@Dis", "abled"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (number, line) in (1..).zip(file.text.lines()) {
            for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
                let text = format!("`{word}`: finish it, or leave it out and say so in the docs");
                findings.push(file.finding(number, text));
            }
            for word in SWITCHED_OFF.iter().filter(|word| line.contains(**word)) {
                let text = format!("`{word}`: a test runs or does not exist");
                findings.push(file.finding(number, text));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::*;

    #[test]
    fn banned_words_are_found_with_their_line() {
        let text = format!("# ok\nraise {}\n", UNFINISHED[4]);
        let found = said(check, &[("a.py", &text), ("b.md", UNFINISHED[2])]);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a.py:2: `NotImpl"), "{found:?}");
        let off = format!("{}]\nfn f() {{}}\n", SWITCHED_OFF[0]);
        assert_eq!(said(check, &[("a.rs", &off)]).len(), 1);
        assert_eq!(said(check, &[("a.rs", "// to do: nothing\n")]).len(), 0);
    }
}
