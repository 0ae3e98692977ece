//! What the documents must say: thread safety in the header, the two commands in the README,
//! links that lead somewhere.

use std::path::Path;

use super::{Finding, Source, Tree, relative};

/// One of them stands in the comment of every public type of the header.
const THREAD_SAFETY: [&str; 3] = ["Thread-safe.", "Externally synchronised.", "Immutable."];

const COMMANDS: [&str; 2] = ["make demo", "make test"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(header) = tree.file("include/tamias.h") {
        thread_safety(header, &mut findings);
    }
    match tree.file("README.md") {
        Some(readme) => {
            for command in COMMANDS.iter().filter(|command| !readme.text.contains(**command)) {
                findings.push(readme.finding(0, format!("does not name `{command}`")));
            }
        }
        None => findings.push(Finding {
            path: "README.md".to_owned(),
            line: 0,
            text: "is missing: it names `make demo` and `make test`".to_owned(),
        }),
    }
    decisions(tree, &mut findings);
    for file in tree.files.iter().filter(|file| file.extension() == "md") {
        links(tree, file, &mut findings);
    }
    findings
}

/// Every decision stands in the list of decisions.
fn decisions(tree: &Tree, findings: &mut Vec<Finding>) {
    let list = tree.file("docs/adr/README.md").map_or("", |file| &file.text);
    for file in &tree.files {
        let Some(name) = file.path.strip_prefix("docs/adr/") else { continue };
        if name != "README.md" && !list.contains(&format!("({name})")) {
            findings.push(file.finding(0, "is not listed in docs/adr/README.md"));
        }
    }
}

/// Every `typedef struct` has a comment before it that says who may call.
fn thread_safety(header: &Source, findings: &mut Vec<Finding>) {
    let mut comment = String::new();
    for (number, line) in (1..).zip(header.text.lines()) {
        let line = line.trim();
        if line.starts_with("/*") {
            comment.clear();
        }
        if ["/*", "*", "//"].iter().any(|mark| line.starts_with(mark)) {
            comment.push_str(line);
            continue;
        }
        let name = ["typedef struct ", "typedef union "].iter().find_map(|start| {
            let name = line.strip_prefix(start)?.split([' ', ';', '{']).next();
            name.filter(|name| name.starts_with("tamias_"))
        });
        if let Some(name) = name {
            if !THREAD_SAFETY.iter().any(|sentence| comment.contains(sentence)) {
                let choice = THREAD_SAFETY.join("\", \"");
                let text = format!("{name}: its comment needs one of \"{choice}\"");
                findings.push(header.finding(number, text));
            }
        }
        comment.clear();
    }
}

/// Relative links lead to a file or folder of the project.
fn links(tree: &Tree, file: &Source, findings: &mut Vec<Finding>) {
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let mut in_code = false;
    for (number, line) in (1..).zip(file.text.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets {
            let path = target.split('#').next().unwrap_or("");
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !leads_somewhere(tree, folder, path) {
                findings.push(file.finding(number, format!("the link to {target} leads nowhere")));
            }
        }
    }
}

fn leads_somewhere(tree: &Tree, folder: &Path, target: &str) -> bool {
    let mut path = folder.to_path_buf();
    for part in Path::new(target).components() {
        match part {
            std::path::Component::ParentDir => {
                if !path.pop() {
                    return false;
                }
            }
            part => path.push(part),
        }
    }
    tree.has(&relative(Path::new(""), &path))
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::*;

    const README: (&str, &str) = ("README.md", "run `make demo`, then `make test`");

    #[test]
    fn types_say_who_may_call() {
        let header = "/**\n * A kernel. Thread-safe.\n */\n\
                      typedef struct tamias_kernel tamias_kernel;\n\
                      /** Where it went wrong. */\n\
                      typedef struct tamias_error {\n  uint32_t size;\n} tamias_error;\n\
                      typedef struct tamias_offer tamias_offer;\n\
                      /// Part of an event.\n///\n/// Immutable.\n\
                      typedef union tamias_body {\n  int a;\n} tamias_body;\n";
        let found = said(check, &[README, ("include/tamias.h", header)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("include/tamias.h:6: tamias_error:"), "{found:?}");
        assert!(found[1].starts_with("include/tamias.h:9: tamias_offer:"), "{found:?}");
    }

    #[test]
    fn the_readme_names_the_commands() {
        assert_eq!(said(check, &[README]).len(), 0);
        assert_eq!(
            said(check, &[("README.md", "make test")]),
            ["README.md: does not name `make demo`"]
        );
        assert_eq!(said(check, &[("a.md", "")]).len(), 1);
    }

    #[test]
    fn decisions_are_listed() {
        let list = ("docs/adr/README.md", "[0001](0001-a.md)");
        let files = [README, list, ("docs/adr/0001-a.md", ""), ("docs/adr/0002-b.md", "")];
        let found = said(check, &files);
        assert_eq!(found, ["docs/adr/0002-b.md: is not listed in docs/adr/README.md"]);
    }

    #[test]
    fn links_lead_somewhere() {
        let text = "[a](b.md#x) [up](../README.md) [web](https://x.y) [here](#z)\n[no](c.md)\n\
                    ```\nf[i](x)\n```\n[out](../../x)";
        let found = said(check, &[README, ("docs/a.md", text), ("docs/b.md", "")]);
        let expected = [
            "docs/a.md:2: the link to c.md leads nowhere",
            "docs/a.md:6: the link to ../../x leads nowhere",
        ];
        assert_eq!(found, expected);
    }
}
