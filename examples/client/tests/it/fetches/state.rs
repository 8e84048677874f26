//! What a repository holds, as far as two fetches can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use gitwire_gitdir::Config;
use gitwire_testkit::git::Git;

/// What a repository holds, by kind.
pub(super) fn state(
    git: &Git,
    place: &Path,
    url: &str,
    elsewhere: &str,
) -> BTreeMap<&'static str, BTreeSet<String>> {
    let read = |name: &str| fs::read_to_string(place.join(name)).unwrap_or_default();
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    let text = |words: &[&str]| String::from_utf8(git.ok(place, words)).unwrap();
    let objects = text(&[
        "cat-file",
        "--batch-all-objects",
        "--unordered",
        "--batch-check=%(objectname) %(objecttype)",
    ]);
    let refs = text(&["for-each-ref", "--format=%(objectname) %(refname) %(symref)"]);
    // Which refs of a bundle are kept, and where they stand, has changed in git 2.50: then all are, below `refs/bundles/`.
    let refs = refs.replace(" refs/bundles/heads/", " refs/bundles/");
    let refs: String = refs
        .lines()
        .filter(|line| !line.contains(" refs/bundles/tags/"))
        .map(|line| format!("{line}\n"))
        .collect();
    let pack = format!("objects/pack/pack-{elsewhere}.pack");
    BTreeMap::from([
        ("refs", lines(&refs)),
        ("HEAD", lines(&read("HEAD"))),
        ("boundary", lines(&read("shallow"))),
        ("configuration", configuration(&read("config"), url)),
        ("objects", lines(&objects)),
        ("packs from elsewhere", lines(if place.join(&pack).exists() { &pack } else { "" })),
    ])
}

/// What of the configuration tells where objects come from.
fn configuration(text: &str, url: &str) -> BTreeSet<String> {
    let config = Config::parse(text.as_bytes()).unwrap();
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(url, "URL");
    config
        .entries()
        .iter()
        .filter(|entry| matches!(entry.section.as_str(), "remote" | "branch" | "extensions" | "fetch"))
        .map(|entry| {
            let (section, name) = (&entry.section, &entry.name);
            let subsection = shown(entry.subsection.as_deref().unwrap_or_default());
            format!("{section}.{subsection}.{name} = {}", shown(entry.value.as_deref().unwrap_or_default()))
        })
        .collect()
}

/// A copy of a repository.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
