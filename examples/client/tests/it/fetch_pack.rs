use std::fs;
use std::path::Path;

use gitwire_testkit::git::{Folder, Git};

use crate::history::make;
use crate::program::{fails, gitwire};

/// Asks both for the same, each in a repository of its own.
#[track_caller]
fn check(git: &Git, folder: &Path, words: &[&str]) {
    let mut said = Vec::new();
    for mine in [false, true] {
        let place = folder.join("place");
        fs::remove_dir_all(&place).ok();
        git.ok(folder, ["init", "-q", "--bare", "place"]);
        let start = ["-c", "fetch.unpackLimit=1"];
        let mut command = if mine { gitwire(&place, start) } else { git.command(&place, start) };
        let output = command.arg("fetch-pack").args(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let shallow = fs::read_to_string(place.join("shallow")).unwrap_or_default();
        let list = ["cat-file", "--batch-all-objects", "--batch-check"];
        let keeps = fs::read_dir(place.join("objects/pack")).unwrap().flatten();
        let keeps = keeps.filter(|entry| entry.path().extension().is_some_and(|end| end == "keep")).count();
        let objects = text(git.ok(&place, list));
        // git says these two lines whatever comes between them.
        let errors = text(output.stderr);
        let errors: Vec<_> =
            errors.lines().filter(|line| line.starts_with("error") || line.starts_with("want")).collect();
        // No two packs are alike: what is sent is chosen by threads.
        let lines = text(output.stdout);
        let lines: Vec<_> =
            lines.lines().map(|line| line.split_once('\t').map_or(line, |(word, _)| word)).collect();
        said.push((lines.join("\n"), errors.join("\n"), output.status.code(), objects, shallow, keeps));
    }
    assert_eq!(said[1], said[0], "{words:?}");
}

#[test]
fn fetches_are_gits() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("fetch-pack");
    let source = make(&git, folder.path(), "source.git", "sha1");
    git.ok(&source, ["config", "uploadpack.allowFilter", "true"]);
    let id = |name| String::from_utf8(git.ok(&source, ["rev-parse", name])).unwrap().trim().to_owned();
    let (main, old) = (id("main"), id("main~10"));
    let both = format!("{main} refs/heads/main");
    for words in [
        &["../source.git"][..],
        &["../source.git", "refs/heads/main"],
        &["-q", "-v", "../source.git", "HEAD", "refs/heads/side", "HEAD"],
        &["--all", "--no-progress", "../source.git"],
        &["--all", "--depth=2", "../source.git"],
        &["--all", "--depth=2", "../source.git", "refs/tags/light"],
        &["--no-progress", "../source.git", "refs/heads/x", "refs/heads/main", "main"],
        &["--no-progress", "../source.git", &main],
        &["--no-progress", "../source.git", &both],
        &["--no-progress", "../source.git", &old],
        &["--include-tag", "--thin", "../source.git", "refs/heads/main"],
        &[
            "--check-self-contained-and-connected",
            "--shallow-since=1700001500 +0200",
            "-k",
            "../source.git",
            "HEAD",
        ],
        &["--shallow-exclude=refs/tags/light", "../source.git", "HEAD"],
        &["--check-self-contained-and-connected", "-k", "../source.git", "HEAD"],
        &["--filter=blob:none", "../source.git", "HEAD"],
        &["--filter=blob:none", "--no-filter", "../source.git", "HEAD"],
        &["../absent.git", "HEAD"],
        &["--diag-url", "ssh://me@[::1]:2222/~x"],
        &["--diag-url", "git://h:9/%41"],
        &["--diag-url", "file://h/a"],
        &["--diag-url", "https://h/a"],
    ] {
        check(&git, folder.path(), words);
    }
    fails(folder.path(), ["fetch-pack", "source.git"], 128, "not a git repository");
    fails(&source, ["fetch-pack", "--nonsense", "."], 129, "--nonsense");
}
