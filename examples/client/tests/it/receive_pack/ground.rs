//! The repositories that are pushed to, and the objects and packs that requests are made of.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use gitwire_testkit::git::{Folder, Git};

/// Repositories of one format, to be copied for every push.
pub(super) struct Ground {
    pub(super) git: Git,
    pub(super) format: &'static str,
    folder: Folder,
    /// `{name}` in a request stands for the id.
    pub(super) names: HashMap<String, String>,
    packs: HashMap<&'static str, Vec<u8>>,
}

impl Ground {
    /// The repositories that [`Self::repository`] names.
    pub(super) fn new(git: &Git, format: &'static str) -> Self {
        let folder = Folder::in_memory("receive-twin");
        let mut ground =
            Self { git: git.clone(), format, folder, names: HashMap::new(), packs: HashMap::new() };
        ground.init("bare", &["--bare"]);
        ground.init("empty", &["--bare"]);
        ground.history();
        ground.name_objects();
        ground.make_packs();
        ground.other_repositories();
        for name in KINDS {
            // It runs in the background, and nobody knows for how long.
            ground.git.ok(&ground.repository(name), ["config", "receive.autogc", "false"]);
            install_hooks(&ground.repository(name));
        }
        ground
    }

    /// Whether git makes one transaction of all commands.
    pub(super) fn is_batched(&self) -> bool {
        self.git.version().as_slice() >= [2, 50].as_slice()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A repository to copy.
    pub(super) fn repository(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A pack by its name.
    pub(super) fn pack(&self, name: &str) -> &[u8] {
        self.packs.get(name).unwrap_or_else(|| panic!("no pack is called {name}"))
    }

    /// A pack of all that these lead to.
    pub(super) fn pack_of(&self, names: &[&str]) -> Vec<u8> {
        let tips: String = names.iter().map(|name| format!("{}\n", self.names[*name])).collect();
        let words = ["pack-objects", "--stdout", "-q", "--revs"];
        self.git.feed(&self.repository("source"), words, tips.as_bytes()).stdout
    }

    fn init(&self, name: &str, words: &[&str]) -> PathBuf {
        let path = self.repository(name);
        let format = format!("--object-format={}", self.format);
        let mut all = vec!["init", "-q", "-b", "main", "--template=", &format];
        all.extend_from_slice(words);
        all.push(path.to_str().unwrap());
        self.git.ok(self.folder.path(), all);
        path
    }

    fn id(&self, path: &Path, name: &str) -> String {
        let out = self.git.ok(path, ["rev-parse", "--verify", name]);
        String::from_utf8(out).unwrap().trim().to_owned()
    }

    /// A history with refs of every kind, packed and loose.
    fn history(&self) {
        let path = self.repository("bare");
        let git = &self.git;
        crate::history::add(git, &path, "main", 0..4);
        git.ok(&path, ["branch", "side", "main~2"]);
        git.ok(&path, ["branch", "dir/one", "main~1"]);
        git.ok(&path, ["tag", "-a", "-m", "one", "v1", "main~1"]);
        git.ok(&path, ["update-ref", "refs/hidden/one", "main~3"]);
        git.ok(&path, ["update-ref", "refs/one", "main~3"]);
        git.ok(&path, ["update-ref", "refs/namespaces/ns/refs/heads/inner", "main~2"]);
        git.ok(&path, ["symbolic-ref", "refs/namespaces/ns/HEAD", "refs/namespaces/ns/refs/heads/inner"]);
        git.ok(&path, ["pack-refs", "--all"]);
        git.ok(&path, ["branch", "loose", "main~1"]);
        git.ok(&path, ["symbolic-ref", "refs/heads/alias", "refs/heads/side"]);
        git.ok(&path, ["symbolic-ref", "refs/heads/unborn", "refs/heads/nowhere"]);
        git.ok(&path, ["config", "core.logAllRefUpdates", "true"]);
    }

    /// Everything that pushes bring stands in a repository of its own.
    fn name_objects(&mut self) {
        let (bare, path) = (self.repository("bare"), self.repository("source"));
        state_copy(&bare, &path);
        let git = self.git.clone();
        git.ok(&path, ["branch", "new", "main"]);
        crate::history::add(&git, &path, "new", 100..101);
        git.ok(&path, ["branch", "newer", "new"]);
        crate::history::add(&git, &path, "newer", 200..202);
        git.ok(&path, ["branch", "other", "main~2"]);
        crate::history::add(&git, &path, "other", 300..302);
        git.ok(&path, ["tag", "-a", "-m", "new", "newtag", "new"]);
        let blob = self.write(&path, "blob", b"some text\n");
        let tree = self.write_tree(&path, &format!("100644 blob {blob}\ttext\n"));
        let mode = self.write_raw_tree(&path, &blob);
        let unsound = format!(
            "tree {tree}\nauthor A <a@example.org> 1700000000 +0000\ncommitter no mail 1700000000 +0000\n\nx\n"
        );
        let unsound = self.write(&path, "commit", unsound.as_bytes());
        let warned = format!(
            "tree {mode}\nauthor A <a@example.org> 1700000000 +0000\ncommitter A <a@example.org> 1700000000 +0000\n\nx\n"
        );
        let warned = self.write(&path, "commit", warned.as_bytes());
        let root = git.ok(&path, ["commit-tree", "-m", "root", &tree]);
        let root = String::from_utf8(root).unwrap().trim().to_owned();
        for (name, id) in
            [("blob", blob), ("smalltree", tree), ("unsound", unsound), ("warned", warned), ("lone", root)]
        {
            self.names.insert(name.to_owned(), id);
        }
        for (name, revision) in [
            ("main", "main"),
            ("main~1", "main~1"),
            ("main~2", "main~2"),
            ("root", "main~3"),
            ("v1", "v1"),
            ("new", "new"),
            ("newer", "newer"),
            ("newer~1", "newer~1"),
            ("other", "other"),
            ("newtag", "newtag"),
            ("tree", "main^{tree}"),
        ] {
            let id = self.id(&path, revision);
            self.names.insert(name.to_owned(), id);
        }
        self.names.insert("NEW".to_owned(), self.names["new"].to_uppercase());
        let digits = if self.format == "sha1" { 40 } else { 64 };
        self.names.insert("nobody".to_owned(), "5".repeat(digits));
        self.names.insert("zero".to_owned(), "0".repeat(digits));
        self.names.insert("short".to_owned(), "5".repeat(digits - 1));
        self.names.insert("format".to_owned(), self.format.to_owned());
        self.names
            .insert("foreign".to_owned(), if self.format == "sha1" { "sha256" } else { "sha1" }.to_owned());
        let caps = format!("report-status side-band-64k object-format={}", self.format);
        self.names.insert("caps".to_owned(), caps);
        self.names.insert("long".to_owned(), "a".repeat(4096));
        self.names.insert("part".to_owned(), "b".repeat(250));
    }

    fn write(&self, path: &Path, kind: &str, content: &[u8]) -> String {
        let out = self.git.feed(path, ["hash-object", "-w", "--stdin", "--literally", "-t", kind], content);
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn write_tree(&self, path: &Path, lines: &str) -> String {
        let out = self.git.feed(path, ["mktree"], lines.as_bytes());
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// A tree with a mode that `git fsck` warns of.
    fn write_raw_tree(&self, path: &Path, blob: &str) -> String {
        let raw: Vec<u8> =
            (0..blob.len()).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap()).collect();
        self.write(path, "tree", &[b"0100644 text\0", &raw[..]].concat())
    }

    fn make_packs(&mut self) {
        let path = self.repository("source");
        let every =
            git_text(&self.git, &path, &["rev-list", "--objects", "--no-object-names", "other^{tree}"]);
        self.names.insert("every".to_owned(), format!("{}\n{every}", self.names["other"]));
        let list: &[(&'static str, &[&str], &str)] = &[
            ("new", &["--revs"], "new\n^main\n"),
            ("newer", &["--revs"], "newer\n^main\n"),
            ("other", &["--revs"], "other\n^main\n"),
            ("thin", &["--revs", "--thin"], "new\n^main\n"),
            ("thin-other", &["--revs", "--thin"], "newer\n^new\n"),
            ("tag", &["--revs"], "{newtag}\n^main\n"),
            ("tag-alone", &[], "{newtag}\n"),
            ("commit-alone", &[], "{new}\n"),
            ("lone", &[], "{lone}\n{smalltree}\n{blob}\n"),
            ("no-blob", &[], "{lone}\n{smalltree}\n"),
            ("blob", &[], "{blob}\n"),
            ("tree", &[], "{smalltree}\n{blob}\n"),
            ("unsound", &[], "{unsound}\n{smalltree}\n{blob}\n"),
            ("warned", &["--revs"], "{warned}\n"),
            ("all", &["--revs"], "new\n"),
            ("main", &["--revs"], "main\n"),
            ("old", &["--revs"], "main\n^main~1\n"),
            ("empty", &[], ""),
            ("shallow", &[], "{every}"),
        ];
        for (name, words, input) in list {
            let mut all = vec!["pack-objects", "--stdout", "-q"];
            all.extend_from_slice(words);
            let mut input = (*input).to_owned();
            for (name, id) in &self.names {
                input = input.replace(&format!("{{{name}}}"), id);
            }
            let out = self.git.feed(&path, all, input.as_bytes());
            assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
            self.packs.insert(name, out.stdout);
        }
    }

    fn other_repositories(&self) {
        let git = &self.git;
        let bare = self.repository("bare");
        let text = bare.to_str().unwrap().to_owned();
        let copied = |name: &str| {
            let path = self.repository(name);
            state_copy(&bare, &path);
            path
        };
        let tree = self.init("worktree", &[]);
        git.ok(
            &tree,
            [
                "fetch",
                "-q",
                "--update-head-ok",
                &text,
                "refs/heads/main:refs/heads/main",
                "refs/heads/side:refs/heads/side",
            ],
        );
        git.ok(&tree, ["reset", "-q", "--hard"]);
        let path = self.init("shallow", &["--bare"]);
        let url = format!("file://{text}");
        git.ok(&path, ["fetch", "-q", "--depth=2", &url, "refs/heads/main:refs/heads/main"]);
        let path = self.init("borrower", &["--bare"]);
        fs::create_dir_all(path.join("objects/info")).unwrap();
        fs::write(path.join("objects/info/alternates"), format!("{text}/objects\n")).unwrap();
        git.ok(&path, ["update-ref", "refs/heads/main", &self.names["main~2"]]);
        let path = copied("detached");
        fs::write(path.join("HEAD"), format!("{}\n", self.names["main~1"])).unwrap();
        let path = copied("unborn");
        git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/none"]);
        let path = copied("broken");
        fs::write(path.join("refs/heads/garbage"), "no id\n").unwrap();
        fs::write(path.join("refs/heads/missing"), format!("{}\n", self.names["nobody"])).unwrap();
        fs::write(path.join("refs/heads/bad..name"), format!("{}\n", self.names["main"])).unwrap();
        let path = self.init("reftable", &["--bare", "--ref-format=reftable"]);
        let mirror = "+refs/heads/main:refs/heads/main";
        git.ok(
            &path,
            [
                "fetch",
                "-q",
                &text,
                mirror,
                "refs/heads/side:refs/heads/side",
                "refs/heads/dir/*:refs/heads/dir/*",
                "refs/tags/*:refs/tags/*",
            ],
        );
        git.ok(&path, ["symbolic-ref", "refs/heads/alias", "refs/heads/side"]);
        git.ok(&path, ["config", "core.logAllRefUpdates", "true"]);
    }
}

pub(super) const KINDS: [&str; 9] =
    ["bare", "empty", "worktree", "shallow", "borrower", "detached", "unborn", "broken", "reftable"];

fn git_text(git: &Git, path: &Path, words: &[&str]) -> String {
    String::from_utf8(git.ok(path, words)).unwrap()
}

fn state_copy(from: &Path, to: &Path) {
    super::state::copy(from, to);
}

/// Every hook writes down how it was called, and then does what the case says.
fn install_hooks(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let git_dir = if path.join(".git").is_dir() { path.join(".git") } else { path.to_owned() };
    let hooks = git_dir.join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    for name in ["pre-receive", "update", "post-receive", "post-update", "reference-transaction"] {
        fs::write(hooks.join(name), HOOK).unwrap();
        fs::set_permissions(hooks.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

const HOOK: &str = r#"#!/bin/sh
input=$(cat; echo .)
{
    printf '== %s' "$0"
    printf ' [%s]' "$@"
    printf '\n%s\n--\n' "${input%.}"
    env
} >>"$TWIN_LOG"
if test -f "$TWIN_LOG.${0##*/}"
then . "$TWIN_LOG.${0##*/}"
fi
"#;
