//! Packs as git reads them.

use std::collections::BTreeSet;

use bytes::BytesMut;
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_storage::{Repository, SourceState, StorageErrorKind};
use gitwire_types::{Interrupted, Never, ObjectFormat, ObjectId};
use gitwire_walk::{Graph, ObjectList, PackRequest, WalkLimits, pack_source};

use crate::enumerate::listed;
use crate::history::{Clock, Dice, History};

pub(crate) fn made(graph: Graph, request: PackRequest, room: usize) -> Vec<u8> {
    let mut source = pack_source(graph, request);
    let mut out = BytesMut::new();
    loop {
        let before = out.len();
        let state = source.next(room, &mut out, &Never).unwrap();
        match state {
            SourceState::Preparing(_) => assert!(out.is_empty(), "all is known before the first byte"),
            SourceState::More => assert!(out.len() > before),
            SourceState::End => return out.to_vec(),
            other => panic!("{other:?}"),
        }
    }
}

fn opened(history: &History) -> Graph {
    let repository = GitDir::open(history.path(), &OpenOptions::default()).unwrap();
    Graph::new(repository.objects().unwrap(), ObjectFormat::Sha1, WalkLimits::default())
}

fn sent(history: &History, request: &PackRequest) -> BTreeSet<ObjectId> {
    ObjectList::of(history.store.graph(), request, &Never).unwrap().iter().map(|(id, _)| id).collect()
}

#[test]
fn git_reads_packs_of_loose_and_of_packed_objects() {
    for seed in 0..4 {
        let Some(history) = History::make(seed, 60, Clock::Steady) else { return };
        let request = PackRequest::new(history.commits[50..].to_vec(), vec![]);
        let expected = sent(&history, &request);
        assert_eq!(listed(&history, &made(history.store.graph(), request.clone(), 1 << 16)), expected);
        assert_eq!(listed(&history, &made(opened(&history), request.clone(), 1 << 16)), expected);
        history.git.ok(&history.path(), ["repack", "-qadf", "--depth=20"]);
        let whole = made(opened(&history), request.clone(), 1 << 20);
        assert_eq!(listed(&history, &whole), expected);
        for room in [1, 7, 100, 4096] {
            assert!(made(opened(&history), request.clone(), room) == whole, "room {room}");
        }
        let mut by_id = request;
        by_id.ofs_delta = false;
        assert_eq!(listed(&history, &made(opened(&history), by_id, 1 << 16)), expected);
    }
}

#[test]
fn several_packs_that_hold_the_same_make_one() {
    let Some(history) = History::make(5, 60, Clock::Steady) else { return };
    // Each pack holds all that came before as well, with deltas that run in different ways.
    for (nth, depth) in [(20, "1"), (40, "50"), (59, "3")] {
        let list = history.ids(&["rev-list", "--objects", "--stdin"], &format!("{}\n", history.commits[nth]));
        let input: String = list.iter().map(|id| format!("{id}\n")).collect();
        let depth = format!("--depth={depth}");
        let args = ["pack-objects", "-q", "--no-reuse-delta", &depth, "objects/pack/pack"];
        assert!(history.git.feed(&history.path(), args, input.as_bytes()).status.success());
    }
    let request = PackRequest::new(vec![history.commits[59]], vec![]);
    let pack = made(opened(&history), request.clone(), 1 << 16);
    assert_eq!(listed(&history, &pack), sent(&history, &request));
}

#[test]
fn thin_packs_complete_where_the_haves_are() {
    let Some(history) = History::make(11, 80, Clock::Steady) else { return };
    history.git.ok(&history.path(), ["repack", "-qadf"]);
    let mut dice = Dice::new(4);
    for round in 0..10 {
        let folder = history.path().join(format!("client{round}.git"));
        let (have, want) = (dice.some(&history.commits[..60], 1)[0], dice.some(&history.commits[40..], 1)[0]);
        history.git.ok(&history.path(), ["init", "-q", "--bare", folder.to_str().unwrap()]);
        history.git.ok(&folder, ["fetch", "-q", "--no-tags", "..", &format!("{have}:refs/heads/have")]);
        let mut request = PackRequest::new(vec![want], vec![have]);
        request.thin = true;
        if sent(&history, &request).is_empty() {
            continue;
        }
        let pack = made(opened(&history), request, 1 << 16);
        let out = history.git.feed(&folder, ["index-pack", "--fix-thin", "--stdin", "--strict"], &pack);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        history.git.ok(&folder, ["update-ref", "refs/heads/want", &want.to_string()]);
        history.git.ok(&folder, ["fsck", "--strict", "--connectivity-only"]);
    }
}

/// The length of the longest chain of deltas in a pack, and the number of deltas.
fn chains(history: &History, pack: &[u8]) -> (usize, usize) {
    std::fs::write(history.path().join("v.pack"), pack).unwrap();
    history.git.ok(&history.path(), ["index-pack", "-o", "v.idx", "v.pack"]);
    let text = String::from_utf8(history.git.ok(&history.path(), ["verify-pack", "-v", "v.idx"])).unwrap();
    let depth = |line: &str| -> Option<usize> {
        let words: Vec<_> = line.split_whitespace().collect();
        (words.len() == 7).then(|| words[5].parse().unwrap())
    };
    let depths: Vec<usize> = text.lines().filter_map(depth).collect();
    (depths.iter().copied().max().unwrap_or(0), depths.len())
}

#[test]
fn deltas_are_made_within_window_depth_and_memory() {
    let Some(history) = History::make(21, 120, Clock::Steady) else { return };
    let request = PackRequest::new(history.commits.clone(), vec![]);
    let expected = sent(&history, &request);
    let pack_with = |window, depth, memory| {
        let mut request = request.clone();
        (request.window, request.depth, request.memory) = (window, depth, memory);
        let pack = made(history.store.graph(), request, 1 << 16);
        assert_eq!(listed(&history, &pack), expected);
        pack
    };
    let whole = pack_with(0, 50, 1 << 20);
    let deltas = pack_with(10, 50, 1 << 20);
    assert!(deltas.len() < whole.len());
    assert_eq!(chains(&history, &whole), (0, 0));
    let (longest, many) = chains(&history, &deltas);
    assert!(longest > 1 && many > 20, "{longest} {many}");
    assert_eq!(chains(&history, &pack_with(10, 1, 1 << 20)).0, 1);
    assert_eq!(chains(&history, &pack_with(10, 0, 1 << 20)).0, 0);
    assert_eq!(chains(&history, &pack_with(10, 50, 0)).0, 0);
    assert!(chains(&history, &pack_with(10, 50, 2000)).1 < many);
    assert!(pack_with(10, 50, 1 << 20) == deltas, "one request makes one pack");
}

#[test]
fn nothing_is_sent_when_an_object_is_missing() {
    let Some(mut history) = History::make(12, 20, Clock::Steady) else { return };
    let request = PackRequest::new(history.commits.clone(), vec![]);
    let lost = history.blobs[1];
    history.store.objects.remove(&lost);
    let mut source = pack_source(history.store.graph(), request);
    let mut out = BytesMut::new();
    let error = loop {
        match source.next(1 << 16, &mut out, &Never) {
            Ok(SourceState::Preparing(_)) => {}
            Ok(state) => panic!("{state:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), out.len()), (StorageErrorKind::Missing(lost), 0));
    assert!(source.next(1 << 16, &mut out, &Never).is_err());
    assert!(out.is_empty());
}

#[test]
fn work_ends_when_it_is_told_to() {
    let Some(history) = History::make(13, 20, Clock::Steady) else { return };
    let request = PackRequest::new(history.commits.clone(), vec![]);
    let mut source = pack_source(history.store.graph(), request);
    let stop = || Err(Interrupted);
    let error = source.next(1 << 16, &mut BytesMut::new(), &stop).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Interrupted);
}

#[test]
fn an_empty_pack_is_a_pack() {
    let Some(history) = History::make(14, 20, Clock::Steady) else { return };
    let tip = history.commits[19];
    let pack = made(history.store.graph(), PackRequest::new(vec![tip], vec![tip]), 1 << 16);
    assert_eq!(pack.len(), 32);
    assert_eq!(&pack[..12], b"PACK\0\0\0\x02\0\0\0\0");
}
