//! Repositories to fetch from and into.

use std::fs;
use std::path::{Path, PathBuf};

use gitwire_testkit::git::Git;

use super::state::copy;

pub(super) struct Sources {
    pub(super) format: &'static str,
    pub(super) empty: PathBuf,
    /// A clone of what the source was before it changed.
    pub(super) old_clone: PathBuf,
    /// The same, of two commits each.
    pub(super) shallow_clone: PathBuf,
    /// The checksum of a pack that the source names by URI.
    pub(super) elsewhere: String,
    /// The object that the source's main branch holds.
    tip: String,
    /// Where everything is.
    folder: String,
    /// The same over HTTP.
    files: String,
}

impl Sources {
    pub(super) fn make(git: &Git, folder: &Path, format: &'static str, files: &str) -> Self {
        let init = |name: &str| {
            let place = folder.join(name);
            let format = format!("--object-format={format}");
            git.ok(folder, ["init", "-q", "--bare", "-b", "main", &format, place.to_str().unwrap()]);
            place
        };
        let (source, empty) = (init("source.git"), init("empty.git"));
        for (key, value) in [("allowFilter", "true"), ("allowAnySHA1InWant", "true")] {
            git.ok(&source, ["config", &format!("uploadpack.{key}"), value]);
        }
        for stream in before() {
            import(git, &source, &stream);
        }
        git.ok(&source, ["tag", "-a", "-m", "one", "v1", "main~3"]);
        git.ok(&source, ["tag", "light", "main~1"]);
        let old_clone = folder.join("old.git");
        copy(&source, &old_clone);
        let shallow_clone = folder.join("shallow.git");
        let url = format!("file://{}", source.display());
        let words = ["clone", "-q", "--bare", "--no-single-branch", "--depth=2", &url];
        git.ok(folder, words.into_iter().chain(shallow_clone.to_str()));
        for stream in after() {
            import(git, &source, &stream);
        }
        for words in [
            &["update-ref", "-d", "refs/heads/gone"][..],
            &["update-ref", "-d", "refs/heads/dir"],
            &["update-ref", "refs/heads/dir/deep", "main"],
            &["tag", "-a", "-m", "three", "v3", "main"],
            &["tag", "-a", "-m", "again", "v3-again", "v3"],
            &["tag", "-a", "-m", "old", "late", "main~5"],
            &["tag", "-a", "-m", "a tree", "a-tree", "main^{tree}"],
        ] {
            git.ok(&source, words);
        }
        let patterns = git.feed(&source, ["hash-object", "-w", "--stdin"], b"/*\n!/*/\n/a/b/\n").stdout;
        git.ok(&source, ["tag", "patterns", String::from_utf8(patterns).unwrap().trim()]);
        bundles(git, &source, files);
        let elsewhere = pack_elsewhere(git, &source, files);
        let cut = folder.join("cut.git");
        let words = ["clone", "-q", "--bare", "--no-single-branch", "--depth=3", &url];
        git.ok(folder, words.into_iter().chain(cut.to_str()));
        import(
            git,
            &cut,
            "commit refs/heads/whole\ncommitter A <a@example.org> 1700900000 +0000\ndata 1\nw\n",
        );
        let tip = String::from_utf8(git.ok(&source, ["rev-parse", "main"])).unwrap().trim().to_owned();
        let (folder, files) = (folder.display().to_string(), files.to_owned());
        Self { format, empty, old_clone, shallow_clone, elsewhere, tip, folder, files }
    }

    /// A refspec or a URI with the id, or the place, in it.
    pub(super) fn expand(&self, text: &str) -> String {
        text.replace("TIP", &self.tip).replace("FOLDER", &self.folder).replace("HTTP", &self.files)
    }
}

/// Puts a blob into a pack of its own, which the source names to whoever asks for URIs; its checksum.
fn pack_elsewhere(git: &Git, source: &Path, files: &str) -> String {
    let blob = String::from_utf8(git.ok(source, ["rev-parse", "main:large"])).unwrap();
    let out = git.feed(source, ["pack-objects", "-q", "../elsewhere"], blob.as_bytes());
    let hash = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    let value = format!("{} {hash} {files}/elsewhere-{hash}.pack", blob.trim());
    git.ok(source, ["config", "uploadpack.blobPackfileUri", &value]);
    git.ok(source, ["config", "uploadpack.allowSidebandAll", "true"]);
    hash
}

/// Bundles and lists of them beside the source, which names one of its own.
fn bundles(git: &Git, source: &Path, files: &str) {
    for (name, revisions) in [
        ("first", &["main~4", "light"][..]),
        ("second", &["main~4..main~1"]),
        ("whole", &["main", "side", "v3"]),
    ] {
        git.ok(source, ["branch", "-f", "bundled", revisions[0].rsplit("..").next().unwrap()]);
        let mut words = vec!["bundle", "create", "-q"];
        let place = format!("../{name}.bundle");
        words.push(&place);
        let range = revisions[0].split_once("..").map(|(from, _)| format!("^{from}"));
        words.extend(range.as_deref());
        words.push("bundled");
        words.extend(&revisions[1..]);
        git.ok(source, words);
    }
    git.ok(source, ["branch", "-D", "bundled"]);
    let folder = source.parent().unwrap();
    let entry = |name: &str, token: u32| {
        format!("[bundle \"{name}\"]\n\turi = {name}.bundle\n\tcreationToken = {token}\n")
    };
    let head = |mode: &str| format!("[bundle]\n\tversion = 1\n\tmode = {mode}\n");
    // The order in which they come is not the one in which they apply.
    let all = head("all") + &entry("second", 2) + &entry("first", 1);
    fs::write(folder.join("all"), &all).unwrap();
    fs::write(
        folder.join("tokens"),
        all.replace("mode = all\n", "mode = all\n\theuristic = creationToken\n"),
    )
    .unwrap();
    fs::write(folder.join("any"), head("any") + &entry("whole", 1)).unwrap();
    let uri = format!("{files}/first.bundle");
    for (key, value) in [
        ("uploadpack.advertiseBundleURIs", "true"),
        ("bundle.version", "1"),
        ("bundle.mode", "all"),
        ("bundle.first.uri", &uri),
    ] {
        git.ok(source, ["config", key, value]);
    }
}

fn import(git: &Git, place: &Path, stream: &str) {
    let out = git.feed(place, ["fast-import", "--quiet", "--force"], stream.as_bytes());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Commits on a branch, a day apart, each with a small file, a larger one, and one further down.
fn commits(branch: &str, from: Option<&str>, days: std::ops::Range<u32>) -> String {
    let mut stream = String::new();
    let mut from = from;
    for day in days {
        stream += &format!("commit refs/heads/{branch}\n");
        stream += &format!("committer A <a@example.org> {} +0000\ndata 2\nc\n", 1_700_000_000 + day * 86_400);
        if let Some(from) = from.take() {
            stream += &format!("from {from}\n");
        }
        let contents = [
            ("small".to_owned(), format!("{branch} {day}\n")),
            ("large".to_owned(), format!("{branch} {day} {}\n", "x".repeat(100))),
            (format!("a/b/{}", day % 3), format!("{branch} {day} below\n")),
        ];
        for (name, content) in contents {
            stream += &format!("M 100644 inline {name}\ndata {}\n{content}\n", content.len());
        }
    }
    stream
}

/// What the source is at first, a branch at a time.
fn before() -> [String; 5] {
    [
        commits("main", None, 0..6),
        commits("side", Some("refs/heads/main~3"), 3..6),
        commits("gone", Some("refs/heads/main~1"), 6..7),
        commits("dir", Some("refs/heads/main~2"), 6..7),
        commits("forced", Some("refs/heads/main~4"), 5..7),
    ]
}

/// What it becomes.
fn after() -> [String; 3] {
    let merge = "commit refs/heads/main\ncommitter A <a@example.org> 1700777600 +0000\ndata 5\nmerge\nmerge refs/heads/side^0\n";
    [
        commits("main", Some("refs/heads/main^0"), 7..9) + merge + &commits("main", None, 10..12),
        commits("topic", Some("refs/heads/main~2"), 10..12),
        commits("forced", Some("refs/heads/main~7"), 7..9),
    ]
}
