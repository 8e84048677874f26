//! Tables that git wrote, and git as the reader of ours.

use std::fs;
use std::path::{Path, PathBuf};

use gitwire_reftable::{TableName, WriteOptions, read_list, write_list};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::{Content, Value, open, read, write};

/// A bare repository with reftables and one commit, which is given too.
fn repository(git: &Git, folder: &Folder, format: ObjectFormat) -> (PathBuf, ObjectId) {
    let path = folder.path().join("r.git");
    let name = format!("--object-format={}", format.name());
    git.ok(folder.path(), ["init", "-q", "--bare", "--ref-format=reftable", &name, "r.git"]);
    git.ok(&path, ["config", "core.logAllRefUpdates", "always"]);
    let tree = git.feed(&path, ["hash-object", "-w", "-t", "tree", "--stdin"], b"").stdout;
    let tree = String::from_utf8(tree).unwrap();
    let commit = git.ok(&path, ["commit-tree", tree.trim(), "-m", "one"]);
    (path, ObjectId::from_hex(format, commit.trim_ascii()).unwrap())
}

fn tables(path: &Path) -> Vec<Vec<u8>> {
    let list = fs::read(path.join("reftable/tables.list")).unwrap();
    let names = read_list(&list).unwrap();
    names
        .into_iter()
        .map(|name| fs::read(path.join("reftable").join(str::from_utf8(name).unwrap())).unwrap())
        .collect()
}

#[test]
fn what_git_writes_is_read() {
    let Some(git) = Git::at_least(&[2, 45]) else { return };
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let folder = Folder::new("reftable");
        let (path, commit) = repository(&git, &folder, format);
        let mut commands = String::new();
        for nth in 0..2000 {
            commands.push_str(&format!("create refs/heads/topic/{nth:04} {commit}\n"));
        }
        let done = git.feed(&path, ["update-ref", "-m", "made", "--stdin"], commands.as_bytes());
        assert!(done.status.success());
        git.ok(&path, ["tag", "-a", "-m", "note", "v1", &commit.to_string()]);
        git.ok(&path, ["update-ref", "-d", "refs/heads/topic/0007"]);
        git.ok(&path, ["pack-refs"]);
        let [file] = tables(&path).try_into().unwrap();
        let content = read(&open(&file).unwrap()).unwrap();
        let names: Vec<_> = content.refs.iter().map(|(name, ..)| name.as_slice()).collect();
        assert_eq!(names.len(), 2001, "HEAD, a tag, and all branches but one");
        assert_eq!(names[0], b"HEAD");
        assert!(!names.contains(&&b"refs/heads/topic/0007"[..]));
        assert_eq!(content.refs[0].2, Value::Symbolic(b"refs/heads/master".to_vec()));
        assert_eq!(content.refs[9].2, Value::Id(commit));
        assert!(matches!(content.refs[2000].2, Value::Tag(_, peeled) if peeled == commit));
        let line = content.logs.iter().find(|(name, ..)| name == b"refs/heads/topic/0008").unwrap();
        let (old, new, committer, seconds, zone, message) = line.2.clone().unwrap();
        assert_eq!((old, new), (ObjectId::zero(format), commit));
        assert_eq!((committer, seconds, zone), (b"A U Thor".to_vec(), 1_112_354_055, 200));
        assert_eq!(message, b"made\n");
    }
}

#[test]
fn what_we_write_git_reads() {
    let Some(git) = Git::at_least(&[2, 45]) else { return };
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        for (count, block_size, restart_interval) in [(3, 4096, 16), (3000, 4096, 16), (400, 256, 3)] {
            let folder = Folder::new("reftable");
            let (path, commit) = repository(&git, &folder, format);
            let mut content = Content::default();
            content.refs.push((b"HEAD".to_vec(), 1, Value::Symbolic(b"refs/heads/0001".to_vec())));
            let mut expected = String::new();
            let line = (
                ObjectId::zero(format),
                commit,
                b"A U Thor".to_vec(),
                1_700_000_000,
                -130,
                b"why\n".to_vec(),
            );
            for nth in 0..count {
                let name = format!("refs/heads/{nth:04}");
                expected.push_str(&format!("{commit} {name}\n"));
                content.refs.push((name.clone().into_bytes(), 2, Value::Id(commit)));
                content.logs.push((name.into_bytes(), 2, Some(line.clone())));
            }
            let file = write(&content, format, &WriteOptions { block_size, restart_interval }).unwrap();
            let name = TableName { min_update_index: 1, max_update_index: 1000, number: 1 }.to_string();
            fs::write(path.join("reftable").join(&name), file).unwrap();
            fs::write(path.join("reftable/tables.list"), write_list([name.as_bytes()])).unwrap();
            let listed = git.ok(&path, ["for-each-ref", "--format=%(objectname) %(refname)"]);
            assert!(String::from_utf8(listed).unwrap() == expected, "{count} {block_size}");
            assert_eq!(git.ok(&path, ["symbolic-ref", "HEAD"]), b"refs/heads/0001\n");
            let last = format!("refs/heads/{:04}", count - 1);
            let log = git.ok(&path, ["reflog", "show", "--date=iso", "--format=%gd %gn %gs", &last]);
            let log = String::from_utf8(log).unwrap();
            assert_eq!(
                log,
                format!(
                    "{}@{{2023-11-14 20:43:20 -0130}} A U Thor why\n",
                    last.trim_start_matches("refs/heads/")
                )
            );
            // Git goes on from there.
            git.ok(&path, ["update-ref", "refs/heads/new", &commit.to_string()]);
            git.ok(&path, ["update-ref", "-d", &last]);
            git.ok(&path, ["pack-refs"]);
            let names = git.ok(&path, ["for-each-ref", "--format=%(refname)"]);
            assert_eq!(names.iter().filter(|byte| **byte == b'\n').count(), count);
        }
    }
}

/// Names of which a block holds one or two, with an index of many levels.
#[test]
fn long_names_are_found_by_git() {
    let Some(git) = Git::at_least(&[2, 45]) else { return };
    let format = ObjectFormat::Sha1;
    for len in [700, 1700, 2000] {
        let folder = Folder::new("reftable");
        let (path, commit) = repository(&git, &folder, format);
        let mut content = Content::default();
        content.refs.push((b"HEAD".to_vec(), 1, Value::Symbolic(b"refs/heads/main".to_vec())));
        let name = |nth: u32| format!("refs/heads/{nth:04}{}", "/x".repeat(len / 2));
        for nth in 0..150 {
            content.refs.push((name(nth).into_bytes(), 2, Value::Id(commit)));
        }
        let file = write(&content, format, &WriteOptions::default()).unwrap();
        let table = TableName { min_update_index: 1, max_update_index: 1000, number: 1 }.to_string();
        fs::write(path.join("reftable").join(&table), file).unwrap();
        fs::write(path.join("reftable/tables.list"), write_list([table.as_bytes()])).unwrap();
        let listed = git.ok(&path, ["for-each-ref", "--format=%(refname)"]);
        assert_eq!(listed.iter().filter(|byte| **byte == b'\n').count(), 150);
        for nth in [0, 1, 2, 3, 74, 75, 148, 149] {
            let found = git.ok(&path, ["rev-parse", "--verify", &name(nth)]);
            assert_eq!(found.trim_ascii(), commit.to_string().as_bytes(), "{nth} {len}");
        }
        assert!(!git.run(&path, ["rev-parse", "--verify", "-q", &name(150)]).status.success());
    }
}
