//! What a pack holds.

use std::collections::BTreeSet;
use std::fs;

use gitwire_types::{FilterSpec, Limits, Never, ObjectId};
use gitwire_walk::{ObjectFilter, ObjectList, PackRequest, WalkError, WalkLimits};

use crate::history::{Clock, Dice, History};

type Ids = BTreeSet<ObjectId>;

fn ours(history: &History, request: &PackRequest) -> Ids {
    let list = ObjectList::of(history.store.graph(), request, &Never).unwrap();
    let ids: Ids = list
        .iter()
        .map(|(id, kind)| {
            assert_eq!(history.store.objects[&id].0, kind);
            id
        })
        .collect();
    assert_eq!(ids.len() as u64, list.len());
    assert!(list.edges().all(|(id, _)| !ids.contains(&id)));
    ids
}

/// What `git pack-objects` puts into a pack.
fn theirs(history: &History, request: &PackRequest, options: &[&str]) -> Ids {
    let wants = request.wants.iter().map(|id| format!("{id}\n"));
    let haves = request.haves.iter().map(|id| format!("{id}\n"));
    let input: String = wants.chain(["--not\n".to_owned()]).chain(haves).collect();
    let mut args = vec!["-c", "pack.useSparse=false", "pack-objects", "--revs", "-q", "--stdout"];
    args.extend(options);
    let pack = history.git.feed(&history.path(), &args, input.as_bytes());
    assert!(pack.status.success(), "{}", String::from_utf8_lossy(&pack.stderr));
    listed(history, &pack.stdout)
}

pub(crate) fn listed(history: &History, pack: &[u8]) -> Ids {
    fs::write(history.path().join("p.pack"), pack).unwrap();
    history.git.ok(&history.path(), ["index-pack", "-o", "p.idx", "p.pack"]);
    let index = fs::read(history.path().join("p.idx")).unwrap();
    let list = history.git.feed(&history.path(), ["show-index"], &index).stdout;
    for file in ["p.pack", "p.idx", "p.rev"] {
        let _ = fs::remove_file(history.path().join(file));
    }
    let text = String::from_utf8(list).unwrap();
    text.lines().map(|line| crate::store::id(line.split(' ').nth(1).unwrap())).collect()
}

fn closure(history: &History, ids: &[ObjectId]) -> Ids {
    let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
    history.ids(&["rev-list", "--objects", "--stdin"], &input).into_iter().collect()
}

#[test]
fn packs_hold_what_gits_hold() {
    for seed in 0..16 {
        let clock = if seed % 4 == 3 { Clock::Skewed } else { Clock::Steady };
        let Some(history) = History::make(seed, 50, clock) else { return };
        let mut dice = Dice::new(seed);
        let everything: Vec<_> = history
            .commits
            .iter()
            .chain(&history.tags)
            .chain(&history.trees)
            .chain(&history.blobs)
            .copied()
            .collect();
        for round in 0..10 {
            let from = if round % 3 == 2 { &everything } else { &history.commits };
            let count = dice.below(4);
            let request = PackRequest::new(dice.some(from, 1 + round % 3), dice.some(from, count));
            let (ours, theirs) = (ours(&history, &request), theirs(&history, &request, &[]));
            let (wanted, had) = (closure(&history, &request.wants), closure(&history, &request.haves));
            let case = || format!("seed {seed} round {round}: {request:?}");
            assert!(wanted.difference(&had).all(|id| ours.contains(id)), "{}", case());
            let extra: Vec<_> = ours.difference(&theirs).collect();
            assert!(extra.is_empty(), "{extra:?} {}", case());
            if clock == Clock::Steady {
                assert_eq!(ours, theirs, "{}", case());
            }
        }
    }
}

#[test]
fn everything_is_everything() {
    let Some(history) = History::make(77, 120, Clock::Steady) else { return };
    let mut wants = history.commits.clone();
    wants.extend(&history.tags);
    let all: Ids = history.ids(&["rev-list", "--objects", "--all"], "").into_iter().collect();
    assert_eq!(ours(&history, &PackRequest::new(wants, vec![])), all);
}

#[test]
fn filters_are_gits() {
    let filters = [
        "blob:none",
        "blob:limit=0",
        "blob:limit=40",
        "blob:limit=1k",
        "tree:0",
        "tree:1",
        "tree:2",
        "tree:3",
        "object:type=blob",
        "object:type=tree",
        "object:type=commit",
        "object:type=tag",
        "combine:tree:2+blob:none",
        "combine:object:type=blob+blob:limit=50",
    ];
    for seed in 0..6 {
        let Some(history) = History::make(seed, 40, Clock::Steady) else { return };
        let mut dice = Dice::new(seed + 9);
        for filter in filters {
            let mut request = PackRequest::new(dice.some(&history.commits, 2), vec![]);
            match dice.below(4) {
                0 => request.wants = dice.some(&history.tags, 2),
                1 => request.wants = dice.some(&history.trees, 1),
                2 => request.wants.extend(dice.some(&history.blobs, 1)),
                _ => request.haves = dice.some(&history.commits, 1),
            }
            let spec = FilterSpec::parse(filter.as_bytes(), &Limits::default()).unwrap();
            request.filter = ObjectFilter::try_from(&spec).unwrap();
            let theirs = theirs(&history, &request, &[&format!("--filter={filter}")]);
            let ours = ours(&history, &request);
            let (extra, lacking): (Vec<_>, Vec<_>) =
                (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
            // Where a tree is named and is a wanted commit's as well, git's answer hangs on the order of its walk. Ours goes.
            let named: Vec<_> = request
                .wants
                .iter()
                .flat_map(|want| history.ids(&["rev-parse", &format!("{want}^{{}}")], ""))
                .collect();
            let extra: Vec<_> = extra.into_iter().filter(|id| !named.contains(id)).collect();
            let kind = |ids: &[&ObjectId]| {
                ids.iter().map(|id| (**id, history.store.objects[*id].0)).collect::<Vec<_>>()
            };
            assert!(
                extra.is_empty() && lacking.is_empty(),
                "seed {seed} {filter}: extra {:?} lacking {:?} {request:?}",
                kind(&extra),
                kind(&lacking)
            );
        }
    }
}

#[test]
fn tags_follow_what_they_point_at() {
    for seed in 0..8 {
        let Some(history) = History::make(seed, 30, Clock::Steady) else { return };
        let mut dice = Dice::new(seed);
        for _ in 0..6 {
            let mut request =
                PackRequest::new(dice.some(&history.commits, 1), dice.some(&history.commits, 1));
            let tips = history.ids(&["for-each-ref", "--format=%(objectname)", "refs/tags"], "");
            request.tags = tips;
            assert_eq!(
                ours(&history, &request),
                theirs(&history, &request, &["--include-tag"]),
                "seed {seed} {request:?}"
            );
        }
    }
}

#[test]
fn a_sparse_filter_is_refused() {
    let spec = FilterSpec::SparseOid("x".into());
    assert!(matches!(ObjectFilter::try_from(&spec), Err(WalkError::Unsupported(_))));
}

/// The depth of the deepest tree that `tips` reach.
fn closure_depth(history: &History, tips: &[ObjectId]) -> u32 {
    let input: String = tips.iter().map(|id| format!("{id}\n")).collect();
    let commits = history.ids(&["rev-list", "--stdin"], &input);
    let depths = commits.iter().flat_map(|commit| {
        let text = history.git.ok(&history.path(), ["ls-tree", "-rtd", "--name-only", &commit.to_string()]);
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|path| 1 + path.matches('/').count() as u32).collect::<Vec<_>>()
    });
    depths.max().unwrap()
}

#[test]
fn limits_hold() {
    let Some(history) = History::make(2, 30, Clock::Steady) else { return };
    let request = PackRequest::new(history.commits[29..].to_vec(), vec![]);
    let all = ours(&history, &request).len() as u32;
    let check = |limits: &WalkLimits, expected: Option<(&str, u64)>| {
        let result = ObjectList::of(history.store.graph_within(limits.clone()), &request, &Never);
        match (result, expected) {
            (Ok(list), None) => assert_eq!(list.len(), u64::from(all)),
            (Err(WalkError::Limit { what, max }), Some(expected)) => assert_eq!((what, max), expected),
            (result, expected) => panic!("{:?}, expected {expected:?}", result.map(|list| list.len())),
        }
    };
    let mut limits = WalkLimits::default();
    limits.objects_max = all;
    check(&limits, None);
    limits.objects_max = all - 1;
    check(&limits, Some(("objects_max", u64::from(all - 1))));
    let mut limits = WalkLimits::default();
    limits.tree_cache_bytes = 0;
    check(&limits, None);
    limits.tree_cache_bytes = 1;
    check(&limits, None);
    let deepest = closure_depth(&history, &request.wants);
    limits.tree_depth_max = deepest;
    check(&limits, None);
    limits.tree_depth_max = deepest - 1;
    check(&limits, Some(("tree_depth_max", u64::from(deepest - 1))));
    let largest = history
        .store
        .objects
        .values()
        .filter(|(kind, _)| kind.name() != "blob")
        .map(|(_, bytes)| bytes.len())
        .max();
    let mut limits = WalkLimits::default();
    limits.object_bytes_max = largest.unwrap() as u64;
    check(&limits, None);
}
