//! A whole repository: every object read, hashed and checked, and compared with what git says of it.

#![allow(clippy::print_stderr, reason = "run by hand for its figures")]

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gitwire_object::fsck::{Checker, Content, Finding, Rules};
use gitwire_object::{CommitLinks, CommitRef, Hasher, TagRef, TreeRef, Trust};
use gitwire_testkit::git::Git;
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

/// Calls `each` with every object of a repository.
fn every_object(git: &Git, folder: &Path, each: &mut dyn FnMut(ObjectId, ObjectKind, &[u8])) {
    let args = ["cat-file", "--batch", "--batch-all-objects", "--unordered"];
    let mut child = git.command(folder, args).stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
    let (mut line, mut content) = (String::new(), Vec::new());
    while pipe.read_line(&mut line).unwrap() > 0 {
        let mut words = line.split_whitespace();
        let id = ObjectId::from_hex(ObjectFormat::Sha1, words.next().unwrap().as_bytes()).unwrap();
        let kind = ObjectKind::from_name(words.next().unwrap().as_bytes()).unwrap();
        content.resize(words.next().unwrap().parse().unwrap(), 0);
        pipe.read_exact(&mut content).unwrap();
        pipe.read_exact(&mut [0]).unwrap();
        each(id, kind, &content);
        line.clear();
    }
    assert!(child.wait().unwrap().success());
}

/// What `git log` says of a commit, in the words of its format: id, tree, parents, times, author's name, email and zone.
fn line_of(id: &ObjectId, content: &[u8]) -> Vec<u8> {
    let commit = CommitRef::parse(id.format(), content).unwrap();
    let links = CommitLinks::parse(id.format(), content).unwrap();
    let parents: Vec<_> = links.parents().map(|id| id.to_string()).collect();
    let author = commit.author().unwrap();
    let zone = author.offset_minutes().unwrap_or(0);
    let sign = if zone < 0 { '-' } else { '+' };
    let mut line = format!(
        "{id} {} {} {} {} ",
        commit.tree(),
        parents.join(" "),
        links.time,
        author.seconds().unwrap_or(0)
    );
    line += &format!("{sign}{:02}{:02} ", zone.abs() / 60, zone.abs() % 60);
    [line.as_bytes(), author.name(), b" ", author.email()].concat()
}

fn compare_commits(git: &Git, folder: &Path, commits: &mut [(ObjectId, Vec<u8>)]) -> usize {
    let args = ["log", "--no-walk=unsorted", "--stdin", "-z", "--encoding=none", "--date=raw"];
    let format = "--format=%H %T %P %ct %ad %an %ae";
    let mut child = git
        .command(folder, args.iter().chain(&[format]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let ids: String = commits.iter().map(|(id, _)| format!("{id}\n")).collect();
    let writer = std::thread::spawn(move || pipe.write_all(ids.as_bytes()).unwrap());
    let mut theirs = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut theirs).unwrap();
    writer.join().unwrap();
    child.wait().unwrap();
    let mut theirs: Vec<&[u8]> = theirs.split(|byte| *byte == 0).filter(|line| !line.is_empty()).collect();
    theirs.sort_unstable();
    commits.sort_unstable();
    assert_eq!(theirs.len(), commits.len());
    let differing =
        theirs.iter().zip(commits.iter()).filter(|(theirs, (_, ours))| **theirs != ours.as_slice());
    let mut count = 0;
    for (theirs, (_, ours)) in differing {
        count += 1;
        eprintln!("theirs {}\nours   {}", theirs.escape_ascii(), ours.escape_ascii());
    }
    count
}

#[test]
#[ignore = "reads the repository that GITWIRE_REPOSITORY names; a minute for a quarter million objects"]
fn every_object_of_a_repository() {
    let Some(git) = Git::find() else { return };
    let folder =
        PathBuf::from(env::var_os("GITWIRE_REPOSITORY").expect("GITWIRE_REPOSITORY names a repository"));
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Stranger);
    let mut checker = Checker::new(Rules::new());
    let mut findings: Vec<String> = Vec::new();
    let mut counts = [0_usize; 4];
    let mut commits = Vec::new();
    let mut entries = 0;
    let mut out = |finding: Finding| findings.push(finding.to_string());
    every_object(&git, &folder, &mut |id, kind, content| {
        assert_eq!(hasher.object_id(kind, content), Ok(id));
        checker.check(&id, kind, content, &mut out).unwrap();
        counts[ObjectKind::ALL.iter().position(|other| *other == kind).unwrap()] += 1;
        match kind {
            ObjectKind::Commit => commits.push((id, line_of(&id, content))),
            ObjectKind::Tag => assert!(TagRef::parse(id.format(), content).is_ok()),
            ObjectKind::Tree => {
                let mut again = Vec::with_capacity(content.len());
                for entry in TreeRef::new(id.format(), content) {
                    let entry = entry.unwrap();
                    again.extend_from_slice(
                        &[entry.mode_digits, b" ", entry.name, b"\0", entry.raw_id()].concat(),
                    );
                    entries += 1;
                }
                assert_eq!(again, content);
            }
            ObjectKind::Blob => {}
        }
    });
    let mut read = |id: &ObjectId| {
        let kind = String::from_utf8(git.ok(&folder, ["cat-file", "-t", &id.to_string()])).unwrap();
        let kind = ObjectKind::from_name(kind.trim().as_bytes()).unwrap();
        Content::Object(kind, git.ok(&folder, ["cat-file", kind.name(), &id.to_string()]))
    };
    checker.finish(&mut read, &mut out);
    findings.sort();
    let output = git.run(&folder, ["fsck", "--no-dangling", "--no-progress"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut theirs: Vec<&str> =
        text.lines().filter(|line| line.starts_with("error in") || line.starts_with("warning in")).collect();
    theirs.sort_unstable();
    let differing = compare_commits(&git, &folder, &mut commits);
    eprintln!(
        "commits, trees, blobs, tags {counts:?}; {entries} entries; {} findings; {differing} differ",
        findings.len()
    );
    assert_eq!(findings, theirs);
    assert_eq!(differing, 0);
}
