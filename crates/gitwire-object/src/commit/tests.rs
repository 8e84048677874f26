use proptest::prelude::*;

use super::*;

const TREE_ID: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const WHO: &str = "A <a@b> 5 +0000";

fn parse(content: &str) -> Result<CommitRef<'_>, ObjectError> {
    CommitRef::parse(ObjectFormat::Sha1, content.as_bytes())
}

#[test]
fn a_regular_commit() {
    let content = format!(
        "tree {TREE_ID}\nparent {TREE_ID}\nparent {TREE_ID}\nauthor {WHO}\ncommitter B <b> 9 -0130\nencoding latin1\ngpgsig -----BEGIN\n \n abc\n -----END\n\nsubject\n\nbody"
    );
    let commit = parse(&content).unwrap();
    assert_eq!(commit.tree().to_string(), TREE_ID);
    assert_eq!(commit.parents().len(), 2);
    assert!(commit.parents().all(|id| id.to_string() == TREE_ID));
    assert_eq!(commit.author().unwrap().as_bytes(), WHO.as_bytes());
    assert_eq!(commit.committer().unwrap().seconds(), Some(9));
    assert_eq!(commit.encoding(), Some(&b"latin1"[..]));
    assert_eq!(commit.header(b"gpgsig").unwrap().unfolded(), b"-----BEGIN\n\nabc\n-----END");
    assert_eq!(commit.message(), b"subject\n\nbody");
    let names: Vec<_> = commit.headers().map(|header| header.name).collect();
    assert_eq!(names, [&b"author"[..], b"committer", b"encoding", b"gpgsig"]);
    let links = CommitLinks::parse(ObjectFormat::Sha1, content.as_bytes()).unwrap();
    assert_eq!((links.tree, links.time, links.parents().len()), (commit.tree(), 9, 2));
}

/// What is read of a commit that has odd things after its tree: parents, committer's name, time, message.
#[track_caller]
fn odd(rest: &str, parents: usize, committer: &str, time: u64, message: &str) {
    let content = format!("tree {TREE_ID}\n{rest}");
    let commit = parse(&content).unwrap();
    assert_eq!(commit.parents().len(), parents);
    let name = commit.committer().map(|who| who.name().to_vec()).unwrap_or_default();
    assert_eq!((name.as_slice(), commit.message()), (committer.as_bytes(), message.as_bytes()));
    assert_eq!(CommitLinks::parse(ObjectFormat::Sha1, content.as_bytes()).unwrap().time, time);
}

#[test]
fn oddities_are_read() {
    odd("", 0, "", 0, "");
    odd("\n", 0, "", 0, "");
    odd("\nm", 0, "", 0, "m");
    odd(&format!("author {WHO}\ncommitter C <c> 7 +0000"), 0, "C", 7, "");
    odd(&format!("author {WHO}\ncommitter C <c> 7 +0000\n"), 0, "C", 7, "");
    odd(&format!("author {WHO}\ncommitter C <c> 7 +0000\nno empty line"), 0, "C", 7, "");
    odd(&format!("author {WHO}\ncommitter C <c>\n\nm"), 0, "C", 0, "m");
    odd(&format!("author {WHO}\ncommitter C <c> 18446744073709551616 +0\n\nm"), 0, "C", 0, "m");
    odd(&format!("author {WHO}\nauthor {WHO}\ncommitter C <c> 7 +0000\n\nm\0m"), 0, "C", 0, "m\0m");
    odd("committer C <c> 7 +0000\n\nm", 0, "C", 0, "m");
    odd(&format!("parent {}\n\nm", TREE_ID.to_uppercase()), 1, "", 0, "m");
    // A parent after the author is a header like any other.
    odd(&format!("author {WHO}\nparent {TREE_ID}\n\nm"), 0, "", 0, "m");
    odd(&format!("author {WHO}\ncommitter C <c>> 7 +0000\nx\n y\n\nm"), 0, "C", 7, "m");
}

#[track_caller]
fn bad(content: impl AsRef<str>, problem: Problem, at: usize) {
    let error = ObjectError::new(problem, at);
    assert_eq!(parse(content.as_ref()).map(|_| ()), Err(error));
    let links = CommitLinks::parse(ObjectFormat::Sha1, content.as_ref().as_bytes());
    assert_eq!(links.map(|_| ()), Err(error));
}

#[test]
fn malformed() {
    bad("", Problem::NoTree, 0);
    bad(format!("parent {TREE_ID}\n"), Problem::NoTree, 0);
    bad(format!("Tree {TREE_ID}\n"), Problem::NoTree, 0);
    bad("tree ", Problem::BadTree, 0);
    bad(format!("tree {TREE_ID}"), Problem::BadTree, 0);
    bad(format!("tree {TREE_ID} \n"), Problem::BadTree, 0);
    bad(format!("tree {TREE_ID}0\n"), Problem::BadTree, 0);
    bad(format!("tree {}\n", TREE_ID.replace("4b8", "4g8")), Problem::BadTree, 0);
    bad(format!("tree {TREE_ID}\nparent \n"), Problem::BadParent, 46);
    bad(format!("tree {TREE_ID}\nparent {TREE_ID}\nparent {TREE_ID}"), Problem::BadParent, 94);
}

proptest! {
    #[test]
    fn both_lanes_agree(tail in "(parent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n){0,2}[a-z <>0-9\n]{0,30}") {
        let content = format!("tree {TREE_ID}\n{tail}");
        let full = parse(&content).map(|commit| (commit.tree(), commit.parents().collect::<Vec<_>>()));
        let links = CommitLinks::parse(ObjectFormat::Sha1, content.as_bytes());
        prop_assert_eq!(full, links.map(|links| (links.tree, links.parents().collect())));
    }

    #[test]
    fn headers_never_lose_a_byte(headers in "([a-z]{1,3} [a-z\n ]{0,6}\n){0,4}") {
        let total: usize = Headers(headers.as_bytes()).map(|header| header.name.len().max(header.value.len())).sum();
        prop_assert!(total <= headers.len());
    }
}
