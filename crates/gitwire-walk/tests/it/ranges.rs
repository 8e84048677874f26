//! Commit walks.

use std::collections::BTreeSet;

use gitwire_types::{Never, ObjectId};
use gitwire_walk::{WalkError, WalkLimits, unreached};

use crate::history::{Clock, Dice, History};

fn lines(include: &[ObjectId], exclude: &[ObjectId]) -> String {
    let include = include.iter().map(|id| format!("{id}\n"));
    include.chain(exclude.iter().map(|id| format!("^{id}\n"))).collect()
}

#[test]
fn ranges_are_gits() {
    for seed in 0..12 {
        let Some(history) = History::make(seed, 60, Clock::Steady) else { return };
        let mut dice = Dice::new(seed + 100);
        let mut graph = history.store.graph();
        for _ in 0..12 {
            let include = dice.some(&history.commits, 1 + seed as usize % 3);
            let count = dice.below(3);
            let exclude = dice.some(&history.commits, count);
            let ours = graph.range(&include, &exclude, &Never).unwrap();
            let theirs = history.ids(&["rev-list", "--stdin"], &lines(&include, &exclude));
            let set = |ids: &[ObjectId]| ids.iter().copied().collect::<BTreeSet<_>>();
            assert_eq!(set(&ours.commits), set(&theirs), "seed {seed}");
            let text = lines(&include, &exclude);
            let text =
                history.git.feed(&history.path(), ["rev-list", "--stdin", "--boundary"], text.as_bytes());
            let text = String::from_utf8(text.stdout).unwrap();
            let boundary = text.lines().filter_map(|line| line.strip_prefix('-')).map(crate::store::id);
            // git also lists excluded commits that are wanted by name.
            let boundary: BTreeSet<_> = boundary.collect();
            let named = set(&include);
            assert!(set(&ours.boundary).is_subset(&boundary), "seed {seed}");
            assert!(boundary.difference(&set(&ours.boundary)).all(|id| named.contains(id)), "seed {seed}");
        }
    }
}

#[test]
fn skewed_clocks_hide_nothing() {
    for seed in 0..8 {
        let Some(history) = History::make(seed, 80, Clock::Skewed) else { return };
        let mut dice = Dice::new(seed + 7);
        let mut graph = history.store.graph();
        for _ in 0..12 {
            let (include, exclude) = (dice.some(&history.commits, 2), dice.some(&history.commits, 2));
            let ours = graph.range(&include, &exclude, &Never).unwrap();
            let theirs = history.ids(&["rev-list", "--stdin"], &lines(&include, &exclude));
            let ours: BTreeSet<_> = ours.commits.into_iter().collect();
            let theirs: BTreeSet<_> = theirs.into_iter().collect();
            let all: BTreeSet<_> =
                history.ids(&["rev-list", "--stdin"], &lines(&include, &[])).into_iter().collect();
            let had = history.ids(&["rev-list", "--stdin"], &lines(&exclude, &[])).into_iter().collect();
            let needed: BTreeSet<_> = all.difference(&had).copied().collect();
            assert!(needed.is_subset(&ours), "seed {seed}");
            assert!(ours.is_subset(&theirs), "seed {seed}");
        }
    }
}

#[test]
fn ancestry_is_gits() {
    for seed in 0..6 {
        let clock = if seed % 2 == 0 { Clock::Steady } else { Clock::Skewed };
        let Some(history) = History::make(seed, 50, clock) else { return };
        let mut dice = Dice::new(seed);
        let mut graph = history.store.graph();
        for _ in 0..30 {
            let pair = dice.some(&history.commits, 2);
            let reached = history.ids(&["rev-list", "--stdin"], &lines(&pair[1..], &[]));
            let ours = graph.is_ancestor(&pair[0], &pair[1], &Never).unwrap();
            assert_eq!(ours, reached.contains(&pair[0]), "seed {seed}: {pair:?}");
            let (tips, wanted) = (dice.some(&history.commits, 2), dice.some(&history.commits, 3));
            let reached = history.ids(&["rev-list", "--stdin"], &lines(&tips, &[]));
            let left: Vec<_> = wanted.iter().copied().filter(|id| !reached.contains(id)).collect();
            assert_eq!(graph.unreached(&tips, &wanted, &Never).unwrap(), left, "seed {seed}");
        }
    }
}

#[test]
fn what_is_reached_is_what_git_lists() {
    for seed in 0..4 {
        let Some(history) = History::make(seed, 40, Clock::Steady) else { return };
        let mut dice = Dice::new(seed + 50);
        let absent = ObjectId::from_sha1([7; 20]);
        for count in [0, 1, 3, 3, 3] {
            let mut tips = dice.some(&history.commits, count);
            tips.extend(history.tags.first().filter(|_| dice.one_in(2)));
            let reached = history.ids(&["rev-list", "--objects", "--stdin"], &lines(&tips, &[]));
            let reached: BTreeSet<_> = reached.into_iter().collect();
            let kinds = [&history.commits, &history.tags, &history.trees, &history.blobs];
            let mut wanted: Vec<ObjectId> = kinds.into_iter().flatten().copied().collect();
            wanted.push(absent);
            let left: Vec<_> = wanted.iter().copied().filter(|id| !reached.contains(id)).collect();
            assert_eq!(
                unreached(history.store.graph(), &tips, &wanted, &Never).unwrap(),
                left,
                "seed {seed}"
            );
            let found: Vec<_> = wanted.iter().copied().filter(|id| reached.contains(id)).collect();
            assert_eq!(unreached(history.store.graph(), &tips, &found, &Never).unwrap(), [], "seed {seed}");
        }
    }
}

#[test]
fn a_missing_parent_is_named_and_forgiven_only_below_what_is_excluded() {
    let Some(mut history) = History::make(3, 30, Clock::Steady) else { return };
    let (tip, lost) = (history.commits[29], history.commits[10]);
    history.store.objects.remove(&lost);
    let mut graph = history.store.graph();
    match graph.range(&[tip], &[], &Never) {
        Err(WalkError::Missing { id, .. }) => assert_eq!(id, lost),
        other => panic!("{other:?}"),
    }
    let mut graph = history.store.graph();
    assert_eq!(graph.range(&[tip], &[tip], &Never).unwrap().commits, []);
    let mut graph = history.store.graph();
    let tree = history.trees[0];
    assert_eq!(graph.range(&[tree], &[lost], &Never).unwrap().commits, []);
}

#[test]
fn a_boundary_ends_history() {
    let Some(history) = History::make(5, 30, Clock::Steady) else { return };
    let mut graph = history.store.graph();
    let tip = history.commits[29];
    graph.set_boundary(&[tip]).unwrap();
    assert_eq!(graph.range(&[tip], &[], &Never).unwrap().commits, [tip]);
    graph.set_boundary(&[]).unwrap();
    assert!(graph.range(&[tip], &[], &Never).unwrap().commits.len() > 1);
}

#[test]
fn commits_are_limited() {
    let Some(history) = History::make(1, 20, Clock::Steady) else { return };
    let all = history.ids(&["rev-list", "--stdin"], &lines(&history.commits[19..], &[])).len() as u32;
    let mut limits = WalkLimits::default();
    limits.commits_max = all;
    let walk = |limits: &WalkLimits| {
        history.store.graph_within(limits.clone()).range(&history.commits[19..], &[], &Never)
    };
    assert_eq!(walk(&limits).unwrap().commits.len() as u32, all);
    limits.commits_max = all - 1;
    match walk(&limits) {
        Err(WalkError::Limit { what: "commits_max", max }) => assert_eq!(max, u64::from(all - 1)),
        other => panic!("{other:?}"),
    }
}
