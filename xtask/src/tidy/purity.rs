//! The pure core: no clock, thread, lock, I/O, environment, randomness or float. In the rest of
//! the core each of them has its place.
//!
//! Same commands in, same bytes out. What is checked is what a file names in its code; comments,
//! strings and tests may say what they like.

use super::{Finding, Source, Tree, rust};

const CORE: &str = "core/src/";
const PURE: [&str; 3] = ["core/src/state/", "core/src/allocator/", "core/src/machine/"];

/// Ways to the outside world.
struct Way {
    /// The crates, modules or types by which it is gone. A type means the same wherever it comes
    /// from; `crossbeam` stands for `crossbeam_utils` too.
    names: &'static [&'static str],
    /// The files and folders of the core that may go it.
    places: &'static [&'static str],
}

const WAYS: [Way; 9] = [
    Way { names: &["SystemTime"], places: &["kernel/clock.rs"] },
    Way { names: &["Instant"], places: &["kernel/clock.rs", "kernel/wait.rs"] },
    // Lengths of time come in from callers.
    Way { names: &["std::time"], places: &["time.rs", "kernel/"] },
    // No hidden thread: only the one that is asked for.
    Way { names: &["std::thread"], places: &["kernel/driver.rs"] },
    // Each is a place where a memory ordering can be wrong.
    Way {
        names: &["std::sync::atomic"],
        places: &[
            "kernel/clock.rs",
            "kernel/driver.rs",
            "kernel/executor",
            "kernel/fork.rs",
            "kernel/wait.rs",
        ],
    },
    Way { names: &["std::sync", "parking_lot", "crossbeam"], places: &["kernel/"] },
    Way { names: &["std::fs", "std::io", "std::os", "libc"], places: &["kernel/", "codec/"] },
    Way { names: &["std::env", "std::net", "std::process", "rand", "getrandom"], places: &[] },
    // `Map` is the one hash map, with a fixed seed: others differ between a run and its replay.
    Way {
        names: &["HashMap", "HashSet", "RandomState", "hashbrown", "foldhash"],
        places: &["map.rs"],
    },
];

/// Shared pointers synchronise nothing that a decision could see.
const ALLOWED: [&str; 2] = ["std::sync::Arc", "std::sync::Weak"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let core = tree.files.iter().filter(|file| file.path.starts_with(CORE) && !file.is_test());
    core.flat_map(check_file).collect()
}

fn check_file(file: &Source) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let mut findings = Vec::new();
    let is_pure = PURE.iter().any(|folder| file.path.starts_with(folder));
    let here = file.path.trim_start_matches(CORE);
    for (parts, line) in rust::paths(rust) {
        let path = parts.join("::");
        if is_pure && matches!(&*path, "f32" | "f64") {
            let text = format!("`{path}` in the pure core: count in thousandths");
            findings.push(file.finding(line, text));
        }
        let closed = |way: &&Way| !way.places.iter().any(|place| here.starts_with(place));
        let mut ways = WAYS.iter().filter(|way| way.is_gone_by(&parts));
        if let Some(way) = ways.find(closed) {
            findings.push(file.finding(line, way.objection(&path, is_pure)));
        }
    }
    if is_pure {
        for line in rust::float_literals(rust) {
            findings.push(file.finding(line, "a float in the pure core: count in thousandths"));
        }
    }
    findings
}

impl Way {
    fn is_gone_by(&self, parts: &[String]) -> bool {
        let mut path: Vec<&str> = parts.iter().map(String::as_str).collect();
        if matches!(path.first(), Some(&("core" | "alloc"))) {
            path[0] = "std";
        }
        let path = path.join("::");
        let leads_into = |module: &str| {
            path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        if ALLOWED.iter().any(|allowed| leads_into(allowed)) {
            return false;
        }
        self.names.iter().any(|name| {
            let is_type = name.starts_with(char::is_uppercase);
            let family = format!("{name}_");
            leads_into(name)
                || (is_type && parts.iter().any(|part| part == name))
                || (!is_type && path.starts_with(&family))
        })
    }

    fn objection(&self, path: &str, is_pure: bool) -> String {
        if is_pure {
            return format!("`{path}` in the pure core: it does not know the outside world");
        }
        match self.places {
            [] => format!("`{path}` has no place in the core"),
            places => format!("`{path}` has its place in {} of the core", places.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::*;

    const OUTSIDE: &str = "use std::{collections::HashMap, sync::{Arc, Mutex}};
use std::sync;
fn f(share: f64) -> bool {
    let now = std::time::Instant::now();
    assert!(crossbeam_utils::x(share) < 0.5);
    now > share
}
";

    #[test]
    fn the_outside_world_is_found_however_it_is_named() {
        let found = said(check, &[("core/src/state/a.rs", OUTSIDE)]).join("\n");
        for (line, what) in [
            (1, "`std::collections::HashMap`"),
            (1, "`std::sync::Mutex`"),
            (2, "`std::sync`"),
            (3, "`f64`"),
            (4, "`std::time::Instant::now`"),
            (5, "`crossbeam_utils::x`"),
            (5, "a float"),
        ] {
            let expected = format!("core/src/state/a.rs:{line}: {what}");
            assert!(found.contains(&expected), "{expected}\n{found}");
        }
        assert!(!found.contains("Arc"), "{found}");
    }

    #[test]
    fn outside_of_the_pure_core_each_way_has_its_place() {
        let clock = "use std::time::{Duration, Instant}; const SHARE: f64 = 0.5;";
        assert_eq!(said(check, &[("core/src/kernel/wait.rs", clock)]).len(), 0);
        let found = said(check, &[("core/src/kernel/ring.rs", clock)]);
        let expected = "core/src/kernel/ring.rs:1: `std::time::Instant` has its place in \
                        kernel/clock.rs, kernel/wait.rs of the core";
        assert_eq!(found, [expected]);
        let files = "use std::fs::File; use std::env;";
        let found = said(check, &[("core/src/codec/files.rs", files)]);
        assert_eq!(found, ["core/src/codec/files.rs:1: `std::env` has no place in the core"]);
        assert_eq!(said(check, &[("core/src/ids.rs", files), ("agent/src/a.rs", files)]).len(), 2);
    }

    #[test]
    fn comments_strings_and_tests_do_not_count() {
        let text = "//! No `std::time` and no f64 here.
use std::sync::Arc;
/// Not an Instant.
fn f(_: Arc<str>) { format!(\"std::thread f64 {}\", 1); }
#[cfg(test)]
mod tests { use std::time::Instant; const A: f64 = 0.5; }
";
        assert_eq!(said(check, &[("core/src/machine/a.rs", text)]), Vec::<String>::new());
        assert_eq!(said(check, &[("core/src/state/tests.rs", "use std::fs;")]).len(), 0);
    }
}
