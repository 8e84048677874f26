//! Walks find the same with commit-graphs and without.

use std::path::Path;

use bytes::BytesMut;
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_storage::{Repository as _, SourceState};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Dice, History, Manner};
use gitwire_types::{Never, ObjectFormat, ObjectId};
use gitwire_walk::{Graph, PackRequest, WalkLimits, pack_source};

use crate::bitmaps::World;

fn graph(path: &Path) -> Graph {
    let repository = GitDir::open(path, &OpenOptions::default()).unwrap();
    let mut limits = WalkLimits::default();
    limits.commits_before_index = 0;
    Graph::new(repository.objects().unwrap(), repository.format(), limits)
}

fn pack(path: &Path, request: PackRequest) -> BytesMut {
    let mut source = pack_source(graph(path), request);
    let mut out = BytesMut::new();
    while source.next(1000, &mut out, &Never).unwrap() != SourceState::End {}
    out
}

fn is_used(path: &Path) -> bool {
    graph(path).objects().commits().is_some()
}

#[test]
fn a_commit_graph_changes_nothing_but_the_time_it_takes() {
    let Some(git) = Git::find() else { return };
    for seed in 0..4 {
        let mut dice = Dice::new(seed);
        let format = if seed == 1 { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let mut history = History::new(format, Manner::Plain);
        history.grow(&mut dice, 40);
        let folder = Folder::new("commit-graph");
        let path = history.in_git(&git, folder.path());
        let world = World { git: git.clone(), folder, path };
        let commits: Vec<ObjectId> = history.commits().collect();
        assert!(!is_used(&world.path));
        let oldest = commits[..20].iter().map(|id| format!("{id}\n")).collect::<String>();
        let write = ["commit-graph", "write", "--stdin-commits", "--split=no-merge"];
        // Levels alone, corrected dates, and both in one chain.
        for (version, rest) in [("1", "1"), ("2", "2"), ("2", "1")] {
            let _ = std::fs::remove_dir_all(world.path.join("objects/info/commit-graphs"));
            world.git.ok(&world.path, ["config", "commitGraph.generationVersion", version]);
            world.git.feed(&world.path, write, oldest.as_bytes());
            check(&world, &mut dice, &commits);
            world.git.ok(&world.path, ["config", "commitGraph.generationVersion", rest]);
            world.git.feed(&world.path, write, format!("{}\n", commits[39]).as_bytes());
            check(&world, &mut dice, &commits);
        }
        world.git.ok(&world.path, ["commit-graph", "write", "--reachable", "--changed-paths"]);
        check(&world, &mut dice, &commits);
        // What is damaged is passed over; what comes beside it is known from the objects.
        let file = world.path.join("objects/info/commit-graph");
        let mut bytes = std::fs::read(&file).unwrap();
        let at = dice.below(bytes.len());
        bytes[at] ^= 1;
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
        assert!(!is_used(&world.path), "byte {at}");
    }
}

#[track_caller]
fn check(world: &World, dice: &mut Dice, commits: &[ObjectId]) {
    assert!(is_used(&world.path));
    for _ in 0..6 {
        let [one, two] = [0; 2].map(|_| commits[dice.below(commits.len())]);
        let git =
            world.git.run(&world.path, ["merge-base", "--is-ancestor", &one.to_string(), &two.to_string()]);
        let is_ancestor = graph(&world.path).is_ancestor(&one, &two, &Never).unwrap();
        assert_eq!(is_ancestor, git.status.success(), "{one} {two}");
        let left = graph(&world.path).unreached(&[two], &[one], &Never).unwrap();
        assert_eq!(left.is_empty(), is_ancestor, "{one} {two}");
        let mut request = PackRequest::new(vec![one], vec![two]);
        request.bitmaps = false;
        let ours = world.listed(&pack(&world.path, request));
        assert_eq!(ours, world.reached(&[one], &[two]));
    }
}

#[test]
fn where_parents_are_cut_off_no_commit_graph_speaks() {
    let Some(git) = Git::find() else { return };
    let mut history = History::new(ObjectFormat::Sha1, Manner::Plain);
    history.grow(&mut Dice::new(7), 10);
    let folder = Folder::new("commit-graph-shallow");
    let path = history.in_git(&git, folder.path());
    git.ok(&path, ["commit-graph", "write", "--reachable"]);
    assert!(is_used(&path));
    let tip = history.commits().last().unwrap();
    std::fs::write(path.join("shallow"), format!("{tip}\n")).unwrap();
    assert!(!is_used(&path));
    std::fs::remove_file(path.join("shallow")).unwrap();
    git.ok(&path, ["config", "core.commitGraph", "false"]);
    assert!(!is_used(&path));
}

#[test]
fn commits_before_index() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("commit-graph-late");
    git.ok(folder.path(), ["init", "-q", "--bare", "x.git"]);
    let path = folder.path().join("x.git");
    let tree = String::from_utf8(git.feed(&path, ["mktree"], b"").stdout).unwrap();
    let mut tips: Vec<ObjectId> = Vec::new();
    for message in ["one", "two"] {
        let mut words = vec!["commit-tree".to_owned(), "-m".into(), message.into(), tree.trim().into()];
        words.extend(tips.iter().flat_map(|parent| ["-p".to_owned(), parent.to_string()]));
        tips.push(ObjectId::from_hex(ObjectFormat::Sha1, git.ok(&path, words).trim_ascii_end()).unwrap());
    }
    git.ok(&path, ["update-ref", "refs/heads/main", &tips[1].to_string()]);
    git.ok(&path, ["commit-graph", "write", "--reachable"]);
    let hex = tips[0].to_string();
    std::fs::remove_file(path.join("objects").join(&hex[..2]).join(&hex[2..])).unwrap();
    // The second commit that is read is one that only the file knows.
    for (before, known) in [(1, true), (2, false)] {
        let repository = GitDir::open(&path, &OpenOptions::default()).unwrap();
        let mut limits = WalkLimits::default();
        limits.commits_before_index = before;
        let mut graph = Graph::new(repository.objects().unwrap(), repository.format(), limits);
        assert_eq!(graph.range(&tips[1..], &[], &Never).is_ok(), known, "{before}");
    }
}

/// A commit that is gone is missed by whoever must know, though a stale file tells of it.
#[test]
fn a_commit_that_only_a_commit_graph_knows_is_missed() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("commit-graph-stale");
    git.ok(folder.path(), ["init", "-q", "--bare", "x.git"]);
    let path = folder.path().join("x.git");
    let tree = git.feed(&path, ["mktree"], b"").stdout;
    let tree = String::from_utf8(tree).unwrap();
    let mut commits: Vec<ObjectId> = Vec::new();
    for message in ["one", "two"] {
        let mut words = vec!["commit-tree".to_owned(), "-m".into(), message.into(), tree.trim().into()];
        words.extend(commits.iter().flat_map(|parent| ["-p".to_owned(), parent.to_string()]));
        commits.push(ObjectId::from_hex(ObjectFormat::Sha1, git.ok(&path, words).trim_ascii_end()).unwrap());
    }
    git.ok(&path, ["update-ref", "refs/heads/main", &commits[1].to_string()]);
    git.ok(&path, ["commit-graph", "write", "--reachable"]);
    let hex = commits[0].to_string();
    std::fs::remove_file(path.join("objects").join(&hex[..2]).join(&hex[2..])).unwrap();
    assert!(is_used(&path));
    let error = gitwire_walk::check_connectivity(graph(&path), &commits[1..], &[], &Never).unwrap_err();
    assert!(matches!(error, gitwire_walk::WalkError::Missing { id, .. } if id == commits[0]), "{error}");
    let request = PackRequest::new(commits[1..].to_vec(), vec![]);
    let mut source = pack_source(graph(&path), request);
    let mut out = BytesMut::new();
    let error = loop {
        match source.next(1000, &mut out, &Never) {
            Ok(SourceState::End) => panic!("a pack without a commit"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), out.len()), (gitwire_storage::StorageErrorKind::Missing(commits[0]), 0));
}
