//! References in reftables, with git beside us.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use gitwire_gitdir::{GitDir, InitOptions, InitialHead, OpenOptions, RefFormat};
use gitwire_storage::{EditOutcome, Expected, Peeled, Repository as _};
use gitwire_testkit::git::Git;
use gitwire_types::{ObjectFormat, ObjectId, RefName, RefTarget};

use crate::git::{Scratch, git};
use crate::refs::{FORMAT, check_same_log, listing, open};
use crate::transactions::{apply, edit};

/// Whether there is a git that knows reftables.
fn known() -> bool {
    Git::at_least(&[2, 45]).is_some()
}

/// A work tree with `commits` commits on `main`, and its refs in tables.
fn work_tree(scratch: &Scratch, format: &str, commits: u32) -> PathBuf {
    let path = scratch.join("work");
    git(scratch.path(), &format!("init -q -b main --object-format={format} --ref-format=reftable work"));
    git(&path, "config gc.auto 0");
    for number in 0..commits {
        std::fs::write(path.join("file"), format!("content {number}\n")).unwrap();
        git(&path, "add .");
        git(&path, &format!("commit -q -m commit-{number}"));
    }
    path
}

fn id(path: &Path, revision: &str) -> ObjectId {
    let hex = git(path, &format!("rev-parse {revision}"));
    let format = if hex.trim().len() == 40 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    ObjectId::from_hex(format, hex.trim().as_bytes()).unwrap()
}

/// Git and we list the same, and nothing is left that should not be.
#[track_caller]
fn check(path: &Path) {
    assert_eq!(listing(&open(path), &[]), git(path, FORMAT));
    git(path, "fsck --strict --no-dangling");
    let dir = git(path, "rev-parse --git-common-dir");
    let tables = path.join(dir.trim()).join("reftable");
    let list = std::fs::read_to_string(tables.join("tables.list")).unwrap();
    let mut named: Vec<&str> = list.lines().chain(["tables.list"]).collect();
    let mut found: Vec<String> = std::fs::read_dir(tables)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    named.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, named);
}

#[test]
fn what_git_keeps_in_tables_is_read() {
    if !known() {
        return;
    }
    for format in ["sha1", "sha256"] {
        let scratch = Scratch::new();
        let path = work_tree(&scratch, format, 3);
        git(&path, "branch topic/one HEAD~1");
        git(&path, "branch topic-two HEAD~2");
        git(&path, "tag light");
        git(&path, "tag -a -m note annotated HEAD~1");
        git(&path, "symbolic-ref refs/heads/alias refs/heads/main");
        check(&path);
        git(&path, "symbolic-ref refs/heads/dangling refs/heads/none");
        assert_eq!(listing(&open(&path), &[]), git(&path, FORMAT));
        git(&path, "symbolic-ref -d refs/heads/dangling");
        git(&path, "branch -D topic-two");
        check(&path);
        git(&path, "pack-refs --all");
        check(&path);
        let repository = open(&path);
        assert_eq!(listing(&repository, &["refs/tags/", "refs/heads/t"]).lines().count(), 3);
        assert_eq!(listing(&repository, &["refs/x"]), "");
        let view = repository.refs().unwrap();
        assert_eq!(view.head().unwrap(), Some(RefTarget::Symbolic(RefName::new("refs/heads/main").unwrap())));
        let mut tags = Vec::new();
        view.each(&[Bytes::from_static(b"refs/tags/")], &mut |record| {
            tags.push(record.peeled);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(tags, [Peeled::To(id(&path, "HEAD~1")), Peeled::NotATag]);
        // The view stays what it was.
        git(&path, "update-ref refs/heads/later HEAD");
        git(&path, "pack-refs --all");
        assert_eq!(view.get(&RefName::new("refs/heads/later").unwrap()).unwrap(), None);
        assert!(listing(&repository, &[]).contains("refs/heads/later"));
        // Where its refs are too broken to be read, that is said.
        let table = std::fs::read_to_string(path.join(".git/reftable/tables.list")).unwrap();
        std::fs::write(path.join(".git/reftable/tables.list"), format!("{table}0x1-0x1-0.ref\n")).unwrap();
        let error = repository.refs().unwrap_err().to_string();
        assert_eq!(error, "table 'reftable/0x1-0x1-0.ref', which 'tables.list' names, is not there");
    }
}

#[test]
fn what_we_put_into_tables_git_reads() {
    if !known() {
        return;
    }
    for format in ["sha1", "sha256"] {
        let scratch = Scratch::new();
        let path = work_tree(&scratch, format, 3);
        let (one, two) = (id(&path, "HEAD"), id(&path, "HEAD~1"));
        git(&path, "tag -a -m note annotated HEAD~1");
        let tag = id(&path, "annotated");
        let repository = open(&path);
        let outcomes = apply(
            &repository,
            false,
            vec![
                edit("refs/heads/a/b/c", Expected::Absent, Some(one)),
                edit("refs/heads/main", Expected::Id(one), Some(two)),
                edit("refs/heads/main/x", Expected::Any, Some(two)),
                edit("refs/tags/t", Expected::Any, Some(tag)),
                edit("refs/tags/wrong", Expected::Id(one), Some(tag)),
            ],
        );
        let done = |outcome: &EditOutcome| *outcome == EditOutcome::Done;
        assert_eq!(outcomes.iter().map(done).collect::<Vec<_>>(), [true, true, false, true, false]);
        check(&path);
        assert_eq!(id(&path, "t^{}"), two);
        let log = git(&path, "reflog show --date=iso --format=%H%x20%gd%x20%gn%x20%ge%x20%gs main");
        let expected = format!(
            "{two} main@{{2023-11-14 22:13:20 +0000}} C O Mitter committer@example.com test: two lines\n"
        );
        assert!(log.starts_with(&expected), "{log}");
        assert_eq!(
            git(&path, "reflog show HEAD").lines().next(),
            Some(
                format!("{} HEAD@{{0}}: test: two lines", git(&path, "rev-parse --short main").trim())
                    .as_str()
            )
        );
        assert_eq!(git(&path, "reflog show a/b/c").lines().count(), 1);
        for name in ["HEAD", "refs/heads/main", "refs/heads/a/b/c"] {
            check_same_log(&path, name);
        }
        // With a ref goes its reflog.
        assert!(
            apply(&repository, true, vec![edit("refs/heads/a/b/c", Expected::Id(one), None)])
                .iter()
                .all(done)
        );
        assert!(
            apply(&repository, true, vec![edit("refs/heads/a/b", Expected::Absent, Some(one))])
                .iter()
                .all(done)
        );
        check(&path);
        git(&path, "update-ref -d refs/heads/a/b");
        git(&path, "update-ref -m again refs/heads/a/b/c HEAD");
        assert_eq!(git(&path, "reflog show a/b/c").lines().count(), 1);
        // What git moves, we move on.
        git(&path, "update-ref refs/heads/main HEAD~1");
        let three = id(&path, "main");
        assert!(
            apply(&repository, true, vec![edit("HEAD", Expected::Id(three), Some(one))]).iter().all(done)
        );
        assert_eq!(id(&path, "main"), one);
        assert_eq!(git(&path, "reflog show main").lines().count(), 6);
        check(&path);
    }
}

#[test]
fn a_new_repository_with_tables_is_one_for_git_too() {
    if !known() {
        return;
    }
    let scratch = Scratch::new();
    for (name, format, head) in [
        ("one.git", ObjectFormat::Sha1, InitialHead::Master),
        ("two.git", ObjectFormat::Sha256, InitialHead::Unborn(RefName::new("refs/heads/trunk").unwrap())),
        ("three.git", ObjectFormat::Sha1, InitialHead::Later),
    ] {
        let path = scratch.join(name);
        let mut options = InitOptions::default();
        options.format = format;
        options.ref_format = RefFormat::Reftable;
        options.head = head.clone();
        let repository = GitDir::init_bare(&path, &options).unwrap();
        if head == InitialHead::Later {
            assert!(GitDir::open(&path, &OpenOptions::default()).is_err());
            let main = RefName::new("refs/heads/main").unwrap();
            repository.set_head(&RefTarget::Symbolic(main)).unwrap();
        }
        assert_eq!(git(&path, "rev-parse --show-ref-format").trim(), "reftable");
        assert_eq!(git(&path, "rev-parse --show-object-format").trim(), format.name());
        let expected = match name {
            "one.git" => "refs/heads/master",
            "two.git" => "refs/heads/trunk",
            _ => "refs/heads/main",
        };
        assert_eq!(git(&path, "symbolic-ref HEAD").trim(), expected);
        let tree = scratch.join("empty");
        std::fs::create_dir_all(&tree).unwrap();
        let tree = git(&path, &format!("--work-tree={} write-tree", tree.display()));
        let commit = git(&path, &format!("commit-tree -m one {}", tree.trim()));
        git(&path, &format!("update-ref HEAD {}", commit.trim()));
        check(&path);
        assert_eq!(open(&path).config().string("extensions", None, "refStorage"), Some(&b"reftable"[..]));
    }
}

#[test]
fn a_linked_worktree_has_a_head_of_its_own() {
    if !known() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    git(&path, "worktree add -q -b side ../linked HEAD~1");
    let linked = scratch.join("linked");
    git(&linked, "update-ref refs/worktree/mine HEAD");
    let main = open(&path);
    let repository = open(&linked);
    let symbolic = |name: &str| Some(RefTarget::Symbolic(RefName::new(name.to_owned()).unwrap()));
    assert_eq!(main.refs().unwrap().head().unwrap(), symbolic("refs/heads/main"));
    assert_eq!(repository.refs().unwrap().head().unwrap(), symbolic("refs/heads/side"));
    assert_eq!(listing(&main, &[]), git(&path, FORMAT));
    assert_eq!(listing(&repository, &[]), git(&linked, FORMAT));
    assert!(listing(&repository, &[]).contains("refs/worktree/mine"));
    let heads: Vec<_> = main.work_trees().unwrap().into_iter().map(|tree| tree.head).collect();
    assert_eq!(heads, [symbolic("refs/heads/main"), symbolic("refs/heads/side")]);
    let one = id(&path, "main");
    let outcomes = apply(
        &repository,
        true,
        vec![
            edit("HEAD", Expected::Any, Some(one)),
            edit("refs/worktree/mine", Expected::Any, None),
            edit("refs/worktree/new", Expected::Absent, Some(one)),
        ],
    );
    assert_eq!(outcomes, [EditOutcome::Done, EditOutcome::Done, EditOutcome::Done]);
    assert_eq!(id(&path, "side"), one);
    assert_eq!(
        git(&linked, "reflog show HEAD").lines().next().unwrap().split_once(' ').unwrap().1,
        "HEAD@{0}: test: two lines"
    );
    assert_eq!(listing(&repository, &[]), git(&linked, FORMAT));
    assert!(!listing(&main, &[]).contains("worktree"));
    repository.set_head(&RefTarget::Direct(one)).unwrap();
    assert_eq!(git(&linked, "rev-parse --abbrev-ref HEAD").trim(), "HEAD");
    assert_eq!(git(&path, "symbolic-ref HEAD").trim(), "refs/heads/main");
    check(&path);
}

#[test]
fn a_stack_stays_low() {
    if !known() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let (one, two) = (id(&path, "HEAD"), id(&path, "HEAD~1"));
    let repository = open(&path);
    let height = || std::fs::read_to_string(path.join(".git/reftable/tables.list")).unwrap().lines().count();
    let mut tallest = 0;
    for number in 0..200 {
        let name = format!("refs/heads/{:03}", number % 70);
        let new = if number % 2 == 0 { one } else { two };
        assert_eq!(
            apply(&repository, true, vec![edit(&name, Expected::Any, Some(new))]),
            [EditOutcome::Done]
        );
        tallest = tallest.max(height());
        if number % 50 == 0 {
            // Git makes them one, or adds one, and finds nothing strange.
            git(&path, &format!("update-ref refs/heads/by-git-{number} HEAD"));
            check(&path);
        }
    }
    assert!(tallest <= 8, "{tallest} tables");
    check(&path);
    // So many at once that they are not written again with each change, and then many times.
    for round in 0..4 {
        let many = (0..20_000)
            .map(|number| edit(&format!("refs/big/{round}/{number:05}"), Expected::Any, Some(one)));
        assert!(apply(&repository, true, many.collect()).iter().all(|outcome| *outcome == EditOutcome::Done));
        assert!(height() <= 8, "{} tables", height());
    }
    check(&path);
    let gone = (0..20_000).map(|number| edit(&format!("refs/big/2/{number:05}"), Expected::Id(one), None));
    assert!(apply(&repository, true, gone.collect()).iter().all(|outcome| *outcome == EditOutcome::Done));
    check(&path);
}

#[test]
fn a_table_that_somebody_has_locked_is_left_alone() {
    if !known() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    git(&path, "pack-refs --all");
    let list = || std::fs::read_to_string(path.join(".git/reftable/tables.list")).unwrap();
    let first = list().trim().to_owned();
    let lock = path.join(format!(".git/reftable/{first}.lock"));
    std::fs::write(&lock, "").unwrap();
    let one = id(&path, "HEAD");
    for number in 0..30 {
        let edits = vec![edit(&format!("refs/heads/{number}"), Expected::Absent, Some(one))];
        assert_eq!(apply(&open(&path), true, edits), [EditOutcome::Done]);
        assert!(list().starts_with(&first), "{}", list());
    }
    std::fs::remove_file(&lock).unwrap();
    // A table that nobody names is what a crash leaves.
    std::fs::write(path.join(".git/reftable/0x00000000ffff-0x00000000ffff-00000001.ref"), "half").unwrap();
    assert_eq!(
        apply(&open(&path), true, vec![edit("refs/heads/1", Expected::Id(one), None)]),
        [EditOutcome::Done]
    );
    check(&path);
    // The list's lock is waited for, and then refuses all.
    std::fs::write(path.join(".git/reftable/tables.list.lock"), "").unwrap();
    git(&path, "config reftable.lockTimeout 30");
    let outcomes = apply(&open(&path), false, vec![edit("refs/heads/2", Expected::Id(one), None)]);
    let EditOutcome::Rejected(why) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(why.starts_with("cannot lock references: Unable to create 'reftable/tables.list.lock'"), "{why}");
}

#[test]
fn git_and_we_change_the_same_tables_at_once_and_nothing_is_lost() {
    if !known() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let one = id(&path, "HEAD");
    let git_program = Git::find().unwrap();
    let mut made: Vec<String> = std::thread::scope(|scope| {
        let ours = |who: usize| {
            let path = &path;
            move || {
                let repository = open(path);
                let mut made = Vec::new();
                for number in 0..40 {
                    let name = format!("refs/heads/ours-{who}/{number}");
                    if apply(&repository, true, vec![edit(&name, Expected::Absent, Some(one))])
                        == [EditOutcome::Done]
                    {
                        made.push(name);
                    }
                    assert_eq!(
                        repository.refs().unwrap().get(&RefName::new("refs/heads/main").unwrap()).unwrap(),
                        Some(RefTarget::Direct(one))
                    );
                }
                assert_eq!(made.len(), 40, "nobody of ours is refused");
                made
            }
        };
        let theirs = |who: usize| {
            let (path, git_program) = (&path, &git_program);
            move || {
                let mut made = Vec::new();
                for number in 0..25 {
                    let name = format!("refs/heads/theirs-{who}/{number}");
                    let done = git_program.run(path, ["update-ref", &name, "HEAD"]);
                    if done.status.success() {
                        made.push(name);
                    }
                    if number % 8 == 7 {
                        git_program.run(path, ["pack-refs", "--all"]);
                    }
                }
                made
            }
        };
        let threads: Vec<_> = (0..3)
            .map(|who| scope.spawn(ours(who)))
            .chain((0..2).map(|who| scope.spawn(theirs(who))))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    made.push("refs/heads/main".to_owned());
    made.sort();
    let found = git(&path, "for-each-ref --format=%(refname)");
    assert_eq!(found.lines().collect::<Vec<_>>(), made);
    git(&path, "pack-refs --all");
    check(&path);
}
