//! What the documents say of the code: that tests exist, and what limits there are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{root, rust_files};

#[test]
fn every_test_that_the_coverage_names_is_there() {
    let text =
        ["docs/PROTOCOL.md", "docs/SECURITY.md"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    let text = text.concat();
    let mut findings = Vec::new();
    // What stands between backticks is every other piece.
    for name in
        text.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('`').skip(1).step_by(2))
    {
        let Some((place, path)) = name.split_once(": ") else { continue };
        let Some((file, function)) = path.rsplit_once("::") else { continue };
        let folder = match place {
            "gitwire" => root().join("examples/client"),
            "gitwired" => root().join("examples/server"),
            "gitwire-gate" => root().join("examples/gate"),
            place => root().join(format!("crates/gitwire-{place}")),
        };
        let is_there = if function == "*" {
            rust_files(&folder).iter().any(|path| is_called(path, file) && holds(path, "#[test]"))
        } else {
            let wanted = format!("fn {function}(");
            rust_files(&folder).iter().any(|path| is_called(path, file) && holds(path, &wanted))
        };
        if !is_there {
            findings.push(name);
        }
    }
    assert!(findings.is_empty(), "the documents name what is not there: {findings:#?}");
}

/// Whether a file is the module of this name, or one below it.
fn is_called(path: &Path, module: &str) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path).with_extension("");
    inside.iter().any(|part| part == module)
}

fn holds(path: &PathBuf, text: &str) -> bool {
    let whole = fs::read_to_string(path).unwrap();
    whole.contains(text) || text == "#[test]" && whole.contains("#[tokio::test")
}

#[test]
fn every_limit_is_in_the_table() {
    let table = fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let mut findings = Vec::new();
    for path in rust_files(&root().join("crates")) {
        let text = fs::read_to_string(&path).unwrap();
        let is_limits = |line: &&str| line.starts_with("pub struct ") && line.ends_with("Limits {");
        let mut lines = text.lines();
        while lines.find(is_limits).is_some() {
            let fields = lines.by_ref().take_while(|line| *line != "}");
            for (field, _) in fields.filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':')) {
                if !table.contains(&format!("| `{field}` |")) {
                    findings.push(format!("{}: {field}", path.display()));
                }
            }
        }
    }
    assert!(findings.is_empty(), "not in docs/SECURITY.md:\n{}", findings.join("\n"));
}
