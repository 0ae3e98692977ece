//! The pure core: no clock, thread, lock, I/O, environment, randomness or float.
//!
//! Same commands in, same bytes out. What is checked is what a file names in its code; comments,
//! strings and tests may say what they like.

use super::{Finding, Source, Tree, rust};

const PURE: [&str; 3] = ["core/src/state/", "core/src/allocator/", "core/src/machine/"];

/// Modules of the standard library that reach outside.
const STD: [&str; 9] = ["time", "thread", "sync", "fs", "net", "env", "process", "io", "os"];
/// Shared pointers do not synchronise anything that a decision could see.
const STD_SYNC_ALLOWED: [&str; 1] = ["Arc"];
/// Crates that reach outside, or that are random.
const CRATES: [&str; 7] =
    ["parking_lot", "crossbeam", "rand", "libc", "hashbrown", "foldhash", "getrandom"];
/// Names that mean the same wherever they come from. `crate::map::Map` is the one hash map, with
/// a fixed seed.
const NAMES: [&str; 7] =
    ["f32", "f64", "Instant", "SystemTime", "HashMap", "HashSet", "RandomState"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let pure = tree.files.iter().filter(|file| {
        let tests = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
        PURE.iter().any(|folder| file.path.starts_with(folder)) && !tests
    });
    pure.flat_map(check_file).collect()
}

fn check_file(file: &Source) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let mut findings = Vec::new();
    for (path, line) in rust::paths(rust) {
        if let Some(what) = reaches_out(&path) {
            let text = format!("`{what}` in the pure core: it may not depend on the outside world");
            findings.push(file.finding(line, text));
        }
    }
    for line in rust::float_literals(rust) {
        findings.push(file.finding(line, "a float in the pure core: count in thousandths"));
    }
    findings
}

/// What of a path is not allowed, if anything.
fn reaches_out(path: &[String]) -> Option<String> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match &parts[..] {
        ["std" | "core" | "alloc", "sync", rest @ ..]
            if rest.first().is_some_and(|name| STD_SYNC_ALLOWED.contains(name)) =>
        {
            None
        }
        ["std" | "core", module, ..] if STD.contains(module) => Some(parts.join("::")),
        [first, ..] if CRATES.iter().any(|name| first.starts_with(name)) => Some(parts.join("::")),
        _ => parts.iter().find(|part| NAMES.contains(part)).map(ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::*;

    #[test]
    fn the_outside_world_is_found_however_it_is_named() {
        let text = "use std::{collections::HashMap, sync::{Arc, Mutex}};\n\
                    use std::sync;\n\
                    fn f(share: f64) -> bool {\n\
                        let now = std::time::Instant::now();\n\
                        assert!(crossbeam_utils::x(share) < 0.5);\n\
                        now > share\n\
                    }\n";
        let found = said(check, &[("core/src/state/a.rs", text)]);
        let all = found.join("\n");
        for (line, what) in [
            (1, "`HashMap`"),
            (1, "`std::sync::Mutex`"),
            (2, "`std::sync`"),
            (3, "`f64`"),
            (4, "`std::time::Instant::now`"),
            (5, "`crossbeam_utils::x`"),
            (5, "a float"),
        ] {
            assert!(all.contains(&format!("core/src/state/a.rs:{line}: {what}")), "{what}\n{all}");
        }
        assert_eq!(found.len(), 7, "{all}");
        assert_eq!(said(check, &[("core/src/kernel/a.rs", text)]).len(), 0);
    }

    #[test]
    fn comments_strings_and_tests_do_not_count() {
        let text = "//! No `std::time` and no f64 here.\n\
                    use std::sync::Arc;\n\
                    /// Not an Instant.\n\
                    fn f(_: Arc<str>) { format!(\"std::thread f64 {}\", 1); }\n\
                    #[cfg(test)]\n\
                    mod tests { use std::time::Instant; const A: f64 = 0.5; }\n";
        assert_eq!(said(check, &[("core/src/machine/a.rs", text)]), Vec::<String>::new());
        let tests =
            [("core/src/state/tests.rs", "use std::fs;"), ("core/src/lib.rs", "use std::fs;")];
        assert_eq!(said(check, &tests).len(), 0);
    }
}
