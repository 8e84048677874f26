//! Replays every corpus over its fuzz body.

use std::fs;
use std::path::PathBuf;

use gitwire_testkit::fuzz::TARGETS;

use crate::root;

#[test]
fn every_target_survives_its_corpus() {
    for (name, body) in TARGETS {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "fuzz/corpus/{name} holds no input");
        for path in inputs {
            let input = fs::read(&path).unwrap();
            // Whole, and cut at every byte of a short input: a corpus of whole messages covers the truncated ones too.
            body(&input);
            for end in 0..input.len().min(256) {
                body(&input[..end]);
            }
        }
    }
}

#[test]
fn targets_are_sorted_and_have_a_fuzz_target_each() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for name in names {
        let target = root().join("fuzz/fuzz_targets").join(format!("{name}.rs"));
        assert!(target.is_file(), "fuzz/fuzz_targets/{name}.rs is missing");
    }
}

fn inputs(name: &str) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(root().join("fuzz/corpus").join(name)) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
