//! References as git lists them.

use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use gitwire_gitdir::{GitDir, Head, OpenOptions};
use gitwire_storage::{Peeled, Repository as _};
use gitwire_types::RefName;

use crate::git::{Scratch, available, git, work_tree};

pub(crate) fn open(path: &Path) -> GitDir {
    GitDir::open(path, &OpenOptions::default()).unwrap()
}

/// Every ref as `git for-each-ref` shows it with [`FORMAT`].
pub(crate) fn listing(repository: &GitDir, prefixes: &[&str]) -> String {
    let prefixes: Vec<Bytes> =
        prefixes.iter().map(|prefix| Bytes::copy_from_slice(prefix.as_bytes())).collect();
    let mut lines = String::new();
    repository
        .refs()
        .unwrap()
        .each(&prefixes, &mut |record| {
            let Some(id) = record.id else { return Ok(ControlFlow::Continue(())) };
            let symbolic = record.symbolic.unwrap_or_default();
            let line = format!(
                "{id} {} {}\n",
                String::from_utf8_lossy(record.name),
                String::from_utf8_lossy(symbolic)
            );
            lines.push_str(&line);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    lines
}

pub(crate) const FORMAT: &str = "for-each-ref --format=%(objectname)%20%(refname)%20%(symref)";

#[track_caller]
fn check_same_refs(path: &Path) {
    assert_eq!(listing(&open(path), &[]), git(path, FORMAT));
}

#[test]
fn loose_packed_and_symbolic_refs_are_merged_as_git_does() {
    if !available() {
        return;
    }
    for format in ["sha1", "sha256"] {
        let scratch = Scratch::new();
        let path = work_tree(&scratch, format, 3);
        git(&path, "branch topic/one HEAD~1");
        git(&path, "branch topic-two HEAD~2");
        git(&path, "tag light");
        git(&path, "tag -a -m note annotated HEAD~1");
        check_same_refs(&path);
        git(&path, "pack-refs --all");
        check_same_refs(&path);
        git(&path, "branch -f topic/one HEAD");
        git(&path, "branch zz HEAD~1");
        git(&path, "tag -d light");
        git(&path, "symbolic-ref refs/remotes/origin/HEAD refs/heads/topic/one");
        git(&path, "symbolic-ref refs/remotes/origin/dangling refs/heads/none");
        check_same_refs(&path);
        std::fs::write(path.join(".git/refs/heads/broken"), "nonsense\n").unwrap();
        std::fs::write(path.join(".git/refs/heads/bad..name"), "x").unwrap();
        std::fs::write(path.join(".git/refs/heads/x.lock"), "").unwrap();
        let repository = open(&path);
        assert!(!listing(&repository, &[]).contains("broken"));
        assert!(repository.refs().unwrap().get(&RefName::new("refs/heads/broken").unwrap()).is_err());
        for prefix in ["refs/heads/", "refs/heads/t", "refs/tags/annotated", "refs/heads/topic/", "x"] {
            let expected: String = git(&path, FORMAT)
                .lines()
                .filter(|line| line.split(' ').nth(1).unwrap().starts_with(prefix))
                .map(|line| format!("{line}\n"))
                .collect();
            assert_eq!(listing(&repository, &[prefix, prefix]), expected, "{prefix}");
        }
    }
}

#[test]
fn peeled_values_come_from_packed_refs() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 1);
    git(&path, "tag -a -m note annotated");
    git(&path, "pack-refs --all");
    let mut seen = Vec::new();
    let each = &mut |record: gitwire_storage::RefRecord<'_>| {
        seen.push((record.name.to_vec(), record.peeled));
        Ok(ControlFlow::Continue(()))
    };
    open(&path).refs().unwrap().each(&[], each).unwrap();
    let head = git(&path, "rev-parse HEAD");
    assert_eq!(seen[0], (b"refs/heads/main".to_vec(), Peeled::NotATag));
    assert!(matches!(&seen[1], (_, Peeled::To(id)) if id.to_string() == head.trim()));
}

#[test]
fn head_has_four_states() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    git(scratch.path(), "init -q -b main work");
    let path = scratch.join("work");
    let main = RefName::new("refs/heads/main").unwrap();
    assert_eq!(open(&path).head().unwrap(), Head::Unborn(main.clone()));
    git(&path, "commit -q --allow-empty -m one");
    assert_eq!(open(&path).head().unwrap(), Head::Branch(main));
    git(&path, "checkout -q --detach");
    assert!(matches!(open(&path).head().unwrap(), Head::Detached(_)));
    let repository = open(&path);
    std::fs::remove_file(path.join(".git/HEAD")).unwrap();
    assert_eq!(repository.head().unwrap(), Head::Missing);
}

#[test]
fn the_head_of_a_repository_that_git_is_still_making_is_none() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 1);
    std::fs::write(path.join(".git/HEAD"), "ref: refs/heads/.invalid\n").unwrap();
    assert_eq!(open(&path.join(".git")).refs().unwrap().head().unwrap(), None);
}

/// The new ids and times of a reflog as we read it, and as git shows it.
#[track_caller]
pub(crate) fn check_same_log(path: &Path, name: &str) {
    let mut ours = String::new();
    let refs = open(path).refs().unwrap();
    refs.log(&RefName::new(name.to_owned()).unwrap(), &mut |record| {
        ours.push_str(&format!("{} {}\n", record.new.unwrap(), record.seconds));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    let shown = git(path, &format!("reflog show --date=unix --format=%H%x20%gd {name}"));
    let theirs: String = shown
        .lines()
        .map(|line| {
            let (id, when) = line.split_once(' ').unwrap();
            let seconds = when.rsplit_once('{').unwrap().1.trim_end_matches('}');
            format!("{id} {seconds}\n")
        })
        .collect();
    assert!(!ours.is_empty(), "{name}");
    assert_eq!(ours, theirs, "{name}");
}

#[test]
fn reflogs_are_read_as_git_shows_them() {
    if !available() {
        return;
    }
    for format in ["sha1", "sha256"] {
        let scratch = Scratch::new();
        let path = work_tree(&scratch, format, 3);
        git(&path, "update-ref -m back refs/heads/main HEAD~1");
        git(&path, "branch topic/one");
        for name in ["HEAD", "refs/heads/main", "refs/heads/topic/one"] {
            check_same_log(&path, name);
        }
        let each = |name: &str| {
            let (mut records, refs) = (Vec::new(), open(&path).refs().unwrap());
            let name = RefName::new(name.to_owned()).unwrap();
            let read = refs.log(&name, &mut |record| {
                records.push(record);
                Ok(ControlFlow::Continue(()))
            });
            read.map(|()| records)
        };
        assert_eq!(each("refs/heads/none").unwrap(), []);
        // A folder of other refs' reflogs.
        assert_eq!(each("refs/heads/topic").unwrap(), []);
        let log = path.join(".git/logs/refs/heads/main");
        let line = std::fs::read_to_string(&log).unwrap().lines().next().unwrap().to_owned();
        // Over the borders of the pieces in which it is read, damaged lines passed over, without a line feed at the end.
        let lines = |count: usize| -> String {
            (0..count).map(|nth| format!("{line} {}\nnonsense\n\n", "x".repeat(nth % 700))).collect()
        };
        for count in [1, 200, 2000] {
            std::fs::write(&log, format!("{}{line}", lines(count))).unwrap();
            assert_eq!(each("refs/heads/main").unwrap().len(), count + 1);
        }
        // The longest line, and a longer one.
        let mebibyte = 1 << 20;
        for (more, good) in [(0, true), (1, false)] {
            let long = format!("{line}\n{line}{}\n", "x".repeat(mebibyte - line.len() + more));
            std::fs::write(&log, long).unwrap();
            assert_eq!(each("refs/heads/main").is_ok(), good, "{more}");
        }
    }
}
