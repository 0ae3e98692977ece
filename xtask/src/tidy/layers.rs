//! The direction of dependencies between the modules of the core, from the inside out.

use std::collections::BTreeMap;

use super::{Finding, Source, Tree, rust};

/// Each layer may use itself and those before it.
const LAYERS: [&[&str]; 9] = [
    &[
        "arena",
        "attributes",
        "constraint",
        "error",
        "ids",
        "intern",
        "limits",
        "map",
        "names",
        "options",
        "resources",
        "shared",
        "status",
        "time",
        "value",
    ],
    &["change", "command", "event", "reply", "row"],
    &["state"],
    &["allocator"],
    &["machine"],
    &["query"],
    &["codec"],
    &["kernel"],
    // Used by tests only, which are not looked at: so by nothing else.
    &["testing"],
];

const SOURCES: &str = "core/src/";
const ROOT: &str = "core/src/lib.rs";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let exported = tree.file(ROOT).map(exports).unwrap_or_default();
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !file.is_test()) {
        let Some(module) = module_of(&file.path) else { continue };
        let Some(rust) = &file.rust else { continue };
        let Some(own) = layer(&module[0]) else {
            let text = format!(
                "module `{}` has no layer: name it in LAYERS of xtask/src/tidy/layers.rs",
                module[0]
            );
            findings.push(file.finding(0, text));
            continue;
        };
        for (path, line) in rust::paths(rust) {
            let Some(first) = below_root(&module, &path) else { continue };
            let used = exported.get(&first).unwrap_or(&first);
            if layer(used).is_some_and(|layer| layer > own) {
                let text = format!(
                    "`{}` uses `{used}`, which lies further out: turn the dependency around",
                    module[0]
                );
                findings.push(file.finding(line, text));
            }
        }
    }
    findings
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The module path of a source file of the core: `core/src/state/mod.rs` is `[state]`.
fn module_of(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix(SOURCES)?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    (path != "lib").then(|| path.split('/').map(str::to_owned).collect())
}

/// The name below the crate's root that a path leads to, if it leads there.
fn below_root(module: &[String], path: &[String]) -> Option<String> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let rest = match path.first()?.as_str() {
        "crate" => &path[1..],
        "super" if ups == module.len() => &path[ups..],
        _ => return None,
    };
    rest.first().cloned()
}

/// What the root re-exports: name to module.
fn exports(root: &Source) -> BTreeMap<String, String> {
    let items = root.rust.iter().flat_map(|rust| &rust.items);
    let uses = items.filter(|item| matches!(item, syn::Item::Use(_))).cloned().collect();
    let paths = rust::paths(&syn::File { shebang: None, attrs: Vec::new(), items: uses });
    let pairs = paths.into_iter().filter_map(|(path, _)| {
        let first = path.iter().find(|part| !matches!(part.as_str(), "crate" | "self"))?;
        Some((path.last()?.clone(), first.clone()))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::*;

    #[test]
    fn only_inwards() {
        let files = [
            ("core/src/lib.rs", "pub mod command; pub use command::Command;"),
            ("core/src/command.rs", "use crate::ids::Id; use crate::event::Event;"),
            ("core/src/state/mod.rs", "mod task;\nuse super::machine::Machine;"),
            ("core/src/state/task.rs", "use super::Task; use crate::command::Kill;"),
            ("core/src/ids.rs", "fn f() -> crate::Command { g!(crate::kernel::x) }"),
            ("core/src/machine/mod.rs", "use crate::{allocator::{self, place}, state::State};"),
        ];
        let found = said(check, &files);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].starts_with("core/src/state/mod.rs:2: `state` uses `machine`"));
        assert!(found[1].starts_with("core/src/ids.rs:1: `ids` uses `command`"), "{found:?}");
        assert!(found[2].starts_with("core/src/ids.rs:1: `ids` uses `kernel`"), "{found:?}");
    }

    #[test]
    fn a_new_module_must_be_placed() {
        let found = said(check, &[("core/src/extra.rs", "")]);
        assert!(found[0].contains("module `extra` has no layer"), "{found:?}");
    }
}
