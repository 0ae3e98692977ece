//! The direction of dependencies between crates; one lint table and one version for all.

use super::{Finding, Source, Tree};

/// Which crates of the workspace each folder may use. `ffi` and `python` never see each other.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("core", &[]),
    ("agent", &["tamias"]),
    ("ffi", &["tamias", "tamias-agent"]),
    ("python", &["tamias", "tamias-agent"]),
    ("tests", &["tamias", "tamias-agent", "tamias-ffi"]),
    ("fuzz", &["tamias", "tamias-tests"]),
    ("xtask", &["tamias", "tamias-tests"]),
];

/// Said once, for all crates.
const SHARED: [&str; 4] = ["version", "edition", "rust-version", "license"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    manifests.flat_map(check_manifest).collect()
}

fn check_manifest(file: &Source) -> Vec<Finding> {
    let folder = file.path.trim_end_matches("/Cargo.toml");
    let manifest: toml::Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![file.finding(0, format!("not TOML: {}", error.message()))],
    };
    let mut findings = Vec::new();
    let from_workspace = |value: Option<&toml::Value>| {
        value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    if !from_workspace(manifest.get("lints")) {
        let text = "add `[lints]` with `workspace = true`: one lint table for all crates";
        findings.push(file.finding(0, text));
    }
    for key in SHARED {
        if !from_workspace(manifest.get("package").and_then(|package| package.get(key))) {
            findings.push(file.finding(0, format!("write `{key}.workspace = true`")));
        }
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == folder) else {
        let text = "what it may use is not said: name it in MAY_USE of xtask/src/tidy/crates.rs";
        findings.push(file.finding(0, text));
        return findings;
    };
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    for (key, value) in tables.flatten() {
        let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
        if package.starts_with("tamias") && !allowed.contains(&package) {
            let text = format!("{folder} may not use {package}: see MAY_USE in xtask");
            findings.push(file.finding(0, text));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::*;

    fn manifest(dependencies: &str) -> String {
        let package = SHARED.map(|key| format!("{key}.workspace = true\n")).concat();
        format!("[package]\n{package}\n[lints]\nworkspace = true\n\n{dependencies}")
    }

    #[test]
    fn skins_do_not_see_each_other() {
        let uses = "[dependencies]\ntamias.workspace = true\n\
                    [dev-dependencies]\nother = { package = \"tamias-ffi\", path = \"../ffi\" }\n";
        let text = manifest(uses);
        assert_eq!(said(check, &[("tests/Cargo.toml", &text)]).len(), 0);
        let found = said(check, &[("python/Cargo.toml", &text)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("python may not use tamias-ffi"), "{found:?}");
        let found = said(check, &[("core/Cargo.toml", &text)]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn every_crate_shares_lints_and_version() {
        let own =
            manifest("").replace("version.workspace = true\nedition", "version = \"2\"\nedition");
        let own = own.replace("[lints]\nworkspace = true", "");
        let found = said(check, &[("agent/Cargo.toml", &own)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("[lints]") && found[1].contains("`version.workspace"));
        assert_eq!(said(check, &[("extra/Cargo.toml", &manifest(""))]).len(), 1);
    }
}
