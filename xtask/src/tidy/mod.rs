//! `cargo xtask tidy`: the house rules that a machine can check.
//!
//! One file per family of rules, each a function from the [`Tree`] of sources to [`Finding`]s.
//! Rust is read by `syn`, so comments and strings never trip a rule about code. Nothing is
//! rewritten: tidy says where and what instead.
//!
//! - [`size`]: lines, functions, files
//! - [`words`]: words that stand for unfinished work or for switched-off tests
//! - [`purity`]: the pure core does not know the outside world
//! - [`layers`]: which module of the core may use which
//! - [`crates`]: which crate may use which; one lint table, one version
//! - [`docs`]: the header's thread-safety sentences, the README's commands, links

mod crates;
mod docs;
mod layers;
mod purity;
mod rust;
mod size;
mod words;

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One thing to be mended.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// Relative to the workspace's folder, with `/`.
    path: String,
    /// From 1; 0 is the file as a whole.
    line: usize,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// A file of the project.
struct Source {
    path: String,
    text: String,
    /// The syntax of a Rust file.
    rust: Option<syn::File>,
}

impl Source {
    fn new(path: &str, text: &str) -> Result<Self> {
        let rust = match Path::new(path).extension() {
            Some(extension) if extension == "rs" => {
                Some(syn::parse_file(text).with_context(|| format!("{path} is not Rust"))?)
            }
            _ => None,
        };
        Ok(Self { path: path.to_owned(), text: text.to_owned(), rust })
    }

    fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|e| e.to_str()).unwrap_or("")
    }

    /// Whether it is compiled for tests only, going by where it lies.
    fn is_test(&self) -> bool {
        let places = ["/tests/", "/tests.rs", "/testing/", "/testing.rs"];
        places.iter().any(|place| self.path.contains(place))
    }

    fn finding(&self, line: usize, text: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, text: text.into() }
    }
}

/// All files of the project that are text and are not ignored by git.
#[derive(Default)]
struct Tree {
    files: Vec<Source>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        // Hidden folders are walked: .ci and .cargo belong to the project.
        let walk = ignore::WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .sort_by_file_path(Ord::cmp)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        for entry in walk {
            let entry = entry?;
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let bytes = fs::read(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            tree.files.push(Source::new(&relative(root, entry.path()), &text)?);
        }
        Ok(tree)
    }

    fn file(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is a file or a folder of that relative path.
    fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
    }

    /// A tree of given files, for tests of the rules.
    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| Source::new(path, text).unwrap());
        Self { files: files.collect() }
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).components().collect();
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Applies every rule to the workspace and prints what it finds.
pub fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let findings = check(&tree);
    if findings.is_empty() {
        println!("tidy: {} files, nothing to mend", tree.files.len());
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("tidy: {} things to mend", findings.len())
}

fn check(tree: &Tree) -> Vec<Finding> {
    let rules =
        [size::check, words::check, purity::check, layers::check, crates::check, docs::check];
    let mut findings: Vec<_> = rules.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings.dedup();
    findings
}

/// What a rule says about some files, one line each: for tests of the rules.
#[cfg(test)]
fn said(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::of(files)).iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_leaves_out_what_git_ignores() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "/target/\n").unwrap();
        };
        for path in [".gitignore", ".ci/run", ".git/config", "target/x.txt", "a/target/y.txt"] {
            write(path);
        }
        let tree = Tree::read(folder.path()).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|file| &*file.path).collect();
        assert_eq!(paths, [".ci/run", ".gitignore", "a/target/y.txt"]);
        assert!(tree.has("a/target") && tree.has(".ci/run") && !tree.has("a/tar"));
    }
}
