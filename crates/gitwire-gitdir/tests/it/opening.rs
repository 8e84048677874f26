//! Which directories are repositories, and which of them we take.

use std::path::Path;

use bytes::Bytes;
use gitwire_gitdir::{
    Config, ConfigSection, FetchHead, FetchHeadMode, GitDir, Head, InitOptions, InitialHead, Lookup, Merge,
    OpenOptions,
};
use gitwire_storage::{Repository as _, StorageErrorKind};
use gitwire_types::{ObjectFormat, ObjectId, RefName};

use crate::git::{Scratch, available, git, work_tree};
use crate::refs::{FORMAT, listing, open};

#[track_caller]
fn check(path: &Path, lookup: Lookup, expected: Result<&str, StorageErrorKind>) {
    let mut options = OpenOptions::default();
    options.lookup = lookup;
    let got = GitDir::open(path, &options);
    let got = got.as_ref().map(|found| found.path().to_str().unwrap()).map_err(|error| error.kind());
    assert_eq!(
        got.map(|path| path.rsplit('/').take(2).collect::<Vec<_>>().join("<")),
        expected.map(str::to_owned)
    );
}

#[test]
fn repositories_are_found_where_git_finds_them() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let work = work_tree(&scratch, "sha1", 1);
    git(scratch.path(), "clone -q --bare work bare.git");
    let none = Err(StorageErrorKind::NoRepository);
    check(&work, Lookup::WorkTree, Ok(".git<work"));
    check(&work, Lookup::Exact, none);
    check(&work.join(".git"), Lookup::Exact, Ok(".git<work"));
    let name = scratch.path().file_name().unwrap().to_str().unwrap().to_owned();
    check(&scratch.join("bare.git"), Lookup::WorkTree, Ok(&format!("bare.git<{name}")));
    check(&scratch.join("bare"), Lookup::WorkTree, none);
    check(&scratch.join("bare"), Lookup::Guess, Ok(&format!("bare.git<{name}")));
    check(scratch.path(), Lookup::Guess, none);
    check(&scratch.join("nowhere"), Lookup::Guess, none);
    std::fs::create_dir(scratch.join("pointer")).unwrap();
    std::fs::write(scratch.join("pointer/.git"), "gitdir: ../bare.git\n").unwrap();
    check(&scratch.join("pointer"), Lookup::WorkTree, Ok("bare.git<.."));
    std::fs::write(scratch.join("pointer/.git"), "nonsense\n").unwrap();
    check(&scratch.join("pointer"), Lookup::WorkTree, none);
    for (head, good) in [
        ("ref: refs/heads/x\n", true),
        ("ref:  refs/x", true),
        ("", false),
        ("ref: x\n", false),
        ("12", false),
    ] {
        std::fs::write(scratch.join("bare.git/HEAD"), head).unwrap();
        assert_eq!(GitDir::open(scratch.join("bare.git"), &OpenOptions::default()).is_ok(), good, "{head}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = scratch.join("x.git");
    git(scratch.path(), "init -q --bare x.git");
    let config = std::fs::read_to_string(path.join("config")).unwrap();
    let check = |version: u32, extension: &str, expected: Option<&str>| {
        let text = config.replace("formatversion = 0", &format!("formatversion = {version}"));
        std::fs::write(path.join("config"), format!("{text}[extensions]\n\t{extension}\n")).unwrap();
        let opened = GitDir::open(&path, &OpenOptions::default());
        let got = opened.as_ref().err().map(ToString::to_string);
        assert_eq!(got.as_deref(), expected, "version {version}, {extension}");
        if let Err(error) = &opened {
            assert_eq!(error.kind(), StorageErrorKind::Unsupported);
        }
    };
    check(0, "", None);
    check(1, "", None);
    check(2, "", Some("expected git repo version <= 1, found 2"));
    check(0, "something = 1", None);
    check(1, "something = 1", Some("unknown repository extension found: something"));
    check(0, "objectFormat = sha256", Some("repo version is 0, but v1-only extension found: objectformat"));
    check(1, "objectFormat = sha256", None);
    check(1, "objectFormat = md5", Some("invalid value for 'extensions.objectformat': 'md5'"));
    check(1, "refStorage = files", None);
    check(1, "refStorage = reftable", None);
    check(1, "refStorage = clay", Some("invalid value for 'extensions.refstorage': 'clay'"));
    check(0, "refStorage = reftable", Some("repo version is 0, but v1-only extension found: refstorage"));
    check(1, "partialClone = origin", None);
    check(0, "partialClone = origin", None);
    check(1, "preciousObjects = true", None);
    std::fs::write(path.join("config"), "[core\n").unwrap();
    let error = GitDir::open(&path, &OpenOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "bad config line 1 in file config");
    std::fs::write(path.join("config"), &config).unwrap();
    std::fs::write(path.join("info/grafts"), "# none\n").unwrap();
    assert!(GitDir::open(&path, &OpenOptions::default()).is_ok());
    std::fs::write(path.join("info/grafts"), "12 34\n").unwrap();
    assert!(GitDir::open(&path, &OpenOptions::default()).unwrap_err().to_string().starts_with("grafts"));
}

#[test]
fn worktrees_share_refs_but_not_all() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    git(&path, "worktree add -q -b side ../side HEAD~1");
    let side = scratch.join("side");
    git(&side, "update-ref refs/bisect/bad HEAD");
    git(&side, "update-ref refs/worktree/own HEAD");
    git(&path, "update-ref refs/bisect/good HEAD");
    let (main, linked) = (open(&path), open(&side));
    assert_eq!(linked.common_path(), path.join(".git"));
    assert_eq!(linked.head().unwrap(), Head::Branch(RefName::new("refs/heads/side").unwrap()));
    assert_eq!(main.head().unwrap(), Head::Branch(RefName::new("refs/heads/main").unwrap()));
    assert_eq!(listing(&main, &[]), git(&path, FORMAT));
    assert_eq!(listing(&linked, &[]), git(&side, FORMAT));
    assert_ne!(listing(&linked, &[]), listing(&main, &[]));
}

#[test]
fn a_new_repository_is_one_for_git_too() {
    if !available() {
        return;
    }
    for (name, format) in [("sha1", ObjectFormat::Sha1), ("sha256", ObjectFormat::Sha256)] {
        let scratch = Scratch::new();
        let (ours, theirs) = (scratch.join("ours.git"), scratch.join("theirs.git"));
        let mut options = InitOptions::default();
        options.format = format;
        options.head = InitialHead::Unborn(RefName::new("refs/heads/trunk").unwrap());
        let repository = GitDir::init_bare(&ours, &options).unwrap();
        assert!(repository.is_bare());
        git(
            scratch.path(),
            &format!("init -q --bare --template= -b trunk --object-format={name} theirs.git"),
        );
        let sorted = |path: &Path| {
            let mut lines: Vec<_> = git(path, "config --list --local").lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&ours), sorted(&theirs));
        assert_eq!(std::fs::read(ours.join("HEAD")).unwrap(), std::fs::read(theirs.join("HEAD")).unwrap());
        assert_eq!(git(&ours, "fsck"), "");
        assert_eq!(GitDir::init_bare(&ours, &options).unwrap_err().kind(), StorageErrorKind::Busy);
        let section = ConfigSection::new("remote", Some(b"origin")).with("url", b"https://example.com/a b;c");
        repository.add_config(&[section]).unwrap();
        assert_eq!(git(&ours, "config remote.origin.url"), "https://example.com/a b;c\n");
        assert_eq!(
            repository.config().string("remote", Some(b"origin"), "url"),
            Some(&b"https://example.com/a b;c"[..])
        );
        let mut options = OpenOptions::default();
        options.config = Config::parse(b"[core]\nbare = false\n").unwrap();
        assert!(!GitDir::open(&ours, &options).unwrap().is_bare());
    }
}

#[test]
fn fetch_head_is_what_git_reads() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    git(scratch.path(), "clone -q --bare work bare.git");
    git(&path, "fetch -q ../bare.git main");
    let by_git = std::fs::read(path.join(".git/FETCH_HEAD")).unwrap();
    let id = ObjectId::from_hex(ObjectFormat::Sha1, git(&path, "rev-parse HEAD").trim().as_bytes()).unwrap();
    let line = FetchHead { id, merge: Merge::Yes, note: Bytes::from_static(b"branch 'main' of ../bare") };
    let repository = open(&path);
    repository.write_fetch_head(std::slice::from_ref(&line), FetchHeadMode::Replace).unwrap();
    assert_eq!(std::fs::read(path.join(".git/FETCH_HEAD")).unwrap(), by_git);
    let other = FetchHead { merge: Merge::No, ..line };
    repository.write_fetch_head(&[other], FetchHeadMode::Append).unwrap();
    let text = std::fs::read_to_string(path.join(".git/FETCH_HEAD")).unwrap();
    assert_eq!(text.lines().nth(1).unwrap(), format!("{id}\tnot-for-merge\tbranch 'main' of ../bare"));
    assert_eq!(repository.refs().unwrap().head().unwrap().unwrap().id(), None);
}

#[test]
fn what_nobody_could_work_with_is_read_and_not_written() {
    let scratch = Scratch::new();
    let path = scratch.path().join("r.git");
    GitDir::init_bare(&path, &InitOptions::default()).unwrap();
    let mut options = OpenOptions::default();
    options.config.set("core", None, "sharedRepository", Some(b"0400"));
    let repository = GitDir::open(&path, &options).unwrap();
    assert!(matches!(repository.head(), Ok(Head::Unborn(_))));
    let error = repository.write_fetch_head(&[], FetchHeadMode::Replace).err();
    assert!(error.is_none(), "{error:?}");
    let main = RefName::new("refs/heads/main").unwrap();
    let error = repository.set_head(&gitwire_types::RefTarget::Symbolic(main)).unwrap_err().to_string();
    assert!(error.contains("problem with core.sharedRepository filemode value (0400)"), "{error}");
}

#[test]
fn every_work_tree_is_known_with_its_branch() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 1);
    git(&path, "branch free");
    git(&path, "worktree add -q -b side ../side");
    git(&path, "worktree add -q --detach ../loose");
    let branch = |name: &str| gitwire_types::RefName::new(name.to_owned()).unwrap();
    for from in ["work", "side"] {
        let repository = GitDir::open(scratch.join(from), &OpenOptions::default()).unwrap();
        let at = |name: &str| repository.checked_out_at(&branch(name)).unwrap().map(|tree| tree.path);
        assert_eq!(at("refs/heads/main"), Some(scratch.join("work")));
        assert_eq!(at("refs/heads/side"), Some(scratch.join("side")));
        assert_eq!(at("refs/heads/free"), None);
        assert_eq!(repository.work_trees().unwrap().len(), 3);
    }
    git(scratch.path(), "clone -q --bare work bare.git");
    let repository = GitDir::open(scratch.join("bare.git"), &OpenOptions::default()).unwrap();
    assert_eq!(repository.work_trees().unwrap(), []);
}
