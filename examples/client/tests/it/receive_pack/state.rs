//! What a repository holds, as text, so that two can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gitwire_testkit::git::Git;

/// Refs, reflogs, objects, how they are stored, what `git fsck` says, and every other file by its name.
pub(super) fn of(git: &Git, path: &Path) -> BTreeMap<&'static str, String> {
    let text = |words: &[&str]| {
        let out = git.run(path, words);
        let mut lines: Vec<String> =
            [out.stdout, out.stderr].iter().flat_map(|said| super::answer::words(said)).collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    let git_dir = if path.join(".git").is_dir() { path.join(".git") } else { path.to_owned() };
    let mut files = Vec::new();
    list(&git_dir, "", &mut files);
    files.sort_unstable();
    let mut logs = String::new();
    for name in files.iter().filter(|name| name.starts_with("logs/") && !name.ends_with('/')) {
        logs += &format!("{name}:\n{}", String::from_utf8_lossy(&fs::read(git_dir.join(name)).unwrap()));
    }
    if git_dir.join("reftable").is_dir() {
        files.retain(|name| !name.starts_with("reftable/"));
        logs += &text(&["reflog", "list"]);
        logs += &text(&["log", "-g", "--all", "--format=%gD %gs %H %gn"]);
    }
    let is_loose = |name: &str| name.as_bytes().get(8..11).is_some_and(|rest| rest[2] == b'/');
    let (objects, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|name| name.starts_with("objects/") && !name.starts_with("objects/info"));
    let loose = objects.iter().filter(|name| is_loose(name) && !name.ends_with('/')).count();
    let packs = objects.iter().filter(|name| name.ends_with(".pack")).count();
    let others = objects.iter().filter(|name| !is_loose(name) && !name.ends_with('/'));
    let others = others.filter(|name| ![".pack", ".idx", ".rev"].iter().any(|end| name.ends_with(end)));
    BTreeMap::from([
        ("refs", text(&["for-each-ref", "--format=%(refname) %(objectname) %(symref)"])),
        ("head", fs::read_to_string(git_dir.join("HEAD")).unwrap_or_default()),
        ("shallow", fs::read_to_string(git_dir.join("shallow")).unwrap_or_default()),
        ("logs", logs),
        ("objects", text(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"])),
        ("stored", format!("{loose} loose, {packs} packs, {:?}", others.collect::<Vec<_>>())),
        ("fsck", text(&["fsck", "--no-progress", "--no-dangling"])),
        ("files", files.join("\n")),
        ("work tree", work_tree(git, path)),
    ])
}

fn work_tree(git: &Git, path: &Path) -> String {
    if !path.join(".git").is_dir() {
        return String::new();
    }
    String::from_utf8_lossy(&git.run(path, ["status", "--porcelain"]).stdout).into_owned()
}

fn list(folder: &Path, name: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let own = format!("{name}{}", entry.file_name().to_string_lossy());
        // Which empty folders are left of refs that went is nobody's promise.
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), &format!("{own}/"), files);
        } else if !["refs/", "gitwire/", "packed-refs"].iter().any(|start| own.starts_with(start)) {
            files.push(own);
        }
    }
}

/// Copies a repository. Files of objects never change: they are linked.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
