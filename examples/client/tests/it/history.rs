//! Repositories that git makes.

use std::path::{Path, PathBuf};

use gitwire_testkit::git::Git;

/// A bare repository with some branches, tags, tags of tags and a file that changes.
pub fn make(git: &Git, folder: &Path, name: &str, format: &str) -> PathBuf {
    let path = folder.join(name);
    let text = path.to_str().unwrap();
    git.ok(folder, ["init", "-q", "--bare", &format!("--object-format={format}"), text]);
    git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    add(git, &path, "main", 0..40);
    git.ok(&path, ["tag", "-a", "-m", "one", "v1", "main~10"]);
    git.ok(&path, ["tag", "-a", "-m", "two", "v1-again", "v1"]);
    git.ok(&path, ["tag", "light", "main~20"]);
    git.ok(&path, ["branch", "side", "main~5"]);
    add(git, &path, "side", 100..110);
    path
}

/// Commits on top of a branch, through `git fast-import`.
pub fn add(git: &Git, path: &Path, branch: &str, numbers: std::ops::Range<usize>) {
    let known = git.run(path, ["rev-parse", "-q", "--verify", &format!("refs/heads/{branch}")]);
    let from = String::from_utf8(known.stdout).unwrap();
    let mut stream = String::new();
    for number in numbers {
        let content: String = (0..200)
            .map(|line| format!("line {line} {}\n", if line == number { number } else { 0 }))
            .collect();
        let file = format!("file {number}\n");
        stream += &format!("commit refs/heads/{branch}\n");
        stream += &format!("committer A <a@example.org> {} +0000\n", 1_700_000_000 + number * 60);
        stream += &format!("data 9\ncommit {}\n", number % 10);
        if number % 100 == 0 && !from.trim().is_empty() {
            stream += &format!("from {}\n", from.trim());
        }
        stream += &format!("M 100644 inline text\ndata {}\n{content}\n", content.len());
        stream += &format!("M 100644 inline dir/f{}\ndata {}\n{file}\n", number % 7, file.len());
    }
    let out = git.feed(path, ["fast-import", "--quiet", "--force"], stream.as_bytes());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// All refs and what they hold.
pub fn refs(git: &Git, path: &Path) -> String {
    String::from_utf8(git.ok(path, ["for-each-ref", "--format=%(objectname) %(refname)"])).unwrap()
}
