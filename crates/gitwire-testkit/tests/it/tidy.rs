//! The house rules that no lint holds: the crates' edges, their skeleton, the size of files and functions, words that
//! must not stay, limits without a test. One message a finding; all findings in one run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{root, rust_files};

/// Which of our crates each crate may depend on, lowest layer first (docs/ARCHITECTURE.md). Dev-dependencies are free.
const EDGES: &[(&str, &[&str])] = &[
    ("gitwire-types", &[]),
    ("gitwire-pktline", &[]),
    ("gitwire-delta", &[]),
    ("gitwire-object", &["gitwire-types"]),
    ("gitwire-sideband", &["gitwire-pktline"]),
    ("gitwire-capability", &["gitwire-types"]),
    ("gitwire-pack", &["gitwire-types", "gitwire-object", "gitwire-delta"]),
    ("gitwire-reftable", &["gitwire-types"]),
    ("gitwire-protocol", &["gitwire-types", "gitwire-pktline", "gitwire-sideband", "gitwire-capability"]),
    ("gitwire-transport", &["gitwire-types", "gitwire-pktline", "gitwire-protocol"]),
    ("gitwire-storage", &["gitwire-types", "gitwire-object", "gitwire-delta", "gitwire-pack"]),
    ("gitwire-walk", &["gitwire-types", "gitwire-object", "gitwire-pack", "gitwire-storage"]),
    (
        "gitwire-gitdir",
        &["gitwire-types", "gitwire-object", "gitwire-pack", "gitwire-reftable", "gitwire-storage"],
    ),
    ("gitwire-client", BELOW_CLIENT),
    ("gitwire-server", BELOW_CLIENT),
    ("gitwire", EVERYTHING),
    ("gitwire-testkit", EVERYTHING),
];

const BELOW_CLIENT: &[&str] = &[
    "gitwire-types",
    "gitwire-pktline",
    "gitwire-sideband",
    "gitwire-capability",
    "gitwire-object",
    "gitwire-pack",
    "gitwire-protocol",
    "gitwire-transport",
    "gitwire-storage",
    "gitwire-walk",
    "gitwire-gitdir",
];

const EVERYTHING: &[&str] = &[
    "gitwire-reftable",
    "gitwire-types",
    "gitwire-pktline",
    "gitwire-delta",
    "gitwire-sideband",
    "gitwire-capability",
    "gitwire-object",
    "gitwire-pack",
    "gitwire-protocol",
    "gitwire-transport",
    "gitwire-storage",
    "gitwire-walk",
    "gitwire-gitdir",
    "gitwire-client",
    "gitwire-server",
];

/// Crates that need no standard library.
const NO_STD: &[&str] = &[
    "gitwire-types",
    "gitwire-pktline",
    "gitwire-delta",
    "gitwire-sideband",
    "gitwire-capability",
    "gitwire-protocol",
];

/// Lines of a source file, tests apart.
const FILE_LINES_MAX: usize = 700;
/// Lines of a function, tests apart.
const FUNCTION_LINES_MAX: usize = 90;

#[test]
fn the_tree_is_tidy() {
    let mut findings = Vec::new();
    for folder in crates() {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        edges(&name, &folder, &mut findings);
        skeleton(&name, &folder, &mut findings);
        limits(&name, &folder, &mut findings);
    }
    for path in sources() {
        source(&path, &fs::read_to_string(&path).unwrap(), &mut findings);
    }
    fuzz_manifest(&mut findings);
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let release = manifest.split_once("[profile.release]").map_or("", |(_, rest)| rest);
    if !release.contains("overflow-checks = true") {
        findings.push("Cargo.toml: programs are built without overflow checks".to_owned());
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

fn edges(name: &str, folder: &Path, findings: &mut Vec<String>) {
    let Some((_, allowed)) = EDGES.iter().find(|(other, _)| *other == name) else {
        return findings.push(format!("{name}: not in the table of edges"));
    };
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let dependencies = manifest
        .split_once("\n[dependencies]")
        .map_or("", |(_, rest)| rest.split_once("\n[").map_or(rest, |(section, _)| section));
    for line in dependencies.lines().filter(|line| line.starts_with("gitwire")) {
        let dependency: String =
            line.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
        if !allowed.contains(&dependency.as_str()) {
            findings.push(format!("{name}: may not depend on {dependency}"));
        }
    }
}

fn skeleton(name: &str, folder: &Path, findings: &mut Vec<String>) {
    let lib = fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let readme = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            findings.push(format!("{name}: {what}"));
        }
    };
    demand(lib.contains("#![forbid(unsafe_code)]"), "src/lib.rs does not forbid unsafe code");
    demand(lib.contains("include_str!(\"../README.md\")"), "README.md is not the crate's doc");
    demand(manifest.contains("[lints]\nworkspace = true"), "Cargo.toml does not take the workspace's lints");
    demand(manifest.contains("description ="), "Cargo.toml has no description");
    demand(readme.contains("```"), "README.md has no example");
    demand(!NO_STD.contains(&name) || lib.contains("no_std"), "src/lib.rs is not no_std");
}

/// Each field of a `Limits` struct is named in some test of its crate.
fn limits(name: &str, folder: &Path, findings: &mut Vec<String>) {
    let files = rust_files(folder);
    let tests: String = files.iter().map(|path| test_part(path)).collect();
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        let Some((_, body)) = text.split_once("pub struct Limits {") else { continue };
        let body = body.split_once("\n}").map_or(body, |(body, _)| body);
        for field in body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':')) {
            if !tests.contains(field.0) {
                findings.push(format!("{name}: no test names the limit {}", field.0));
            }
        }
    }
}

fn source(path: &Path, text: &str, findings: &mut Vec<String>) {
    let shown = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let testing = is_test(path);
    let code = text.split_once("\n#[cfg(test)]\nmod ").map_or(text, |(code, _)| code);
    let lines: Vec<&str> = code.lines().collect();
    if !testing && lines.len() > FILE_LINES_MAX {
        findings.push(format!("{shown}: {} lines, at most {FILE_LINES_MAX}", lines.len()));
    }
    for (number, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        if trimmed == "///" && !lines.get(number + 1).is_some_and(|next| next.trim().starts_with("///")) {
            findings.push(format!("{shown}:{}: a doc comment that ends bare", number + 1));
        }
        // Written so that this line does not find itself.
        if trimmed.contains(concat!("TO", "DO")) || trimmed.contains(concat!("FIX", "ME")) {
            findings.push(format!("{shown}:{}: a note to self", number + 1));
        }
    }
    if !testing {
        functions(&shown, &lines, findings);
    }
}

/// Measures functions by rustfmt's layout: a function ends at the brace that stands under its first word.
fn functions(shown: &str, lines: &[&str], findings: &mut Vec<String>) {
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().take(5).collect();
        if !words.contains(&"fn") || line.trim_end().ends_with(';') || line.trim_start().starts_with("//") {
            continue;
        }
        let end = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|other| *other == end).unwrap_or(0) + 1;
        if length > FUNCTION_LINES_MAX {
            findings.push(format!(
                "{shown}:{}: a function of {length} lines, at most {FUNCTION_LINES_MAX}",
                start + 1
            ));
        }
    }
}

/// Every fuzz target has its table in fuzz/Cargo.toml.
fn fuzz_manifest(findings: &mut Vec<String>) {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in gitwire_testkit::fuzz::TARGETS {
        if !manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")) {
            findings.push(format!("fuzz/Cargo.toml: no table for {name}"));
        }
    }
}

fn test_part(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    if is_test(path) {
        return text;
    }
    text.split_once("#[cfg(test)]").map_or(String::new(), |(_, tests)| tests.to_owned())
}

fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    inside
        .components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "benches")))
        || inside.to_string_lossy().ends_with("_tests.rs")
}

fn crates() -> Vec<PathBuf> {
    let mut folders: BTreeMap<_, _> = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("Cargo.toml").is_file() {
            folders.insert(path.clone(), path);
        }
    }
    folders.into_values().collect()
}

fn sources() -> Vec<PathBuf> {
    ["crates", "examples", "benches", "fuzz/fuzz_targets"]
        .iter()
        .flat_map(|top| rust_files(&root().join(top)))
        .collect()
}
