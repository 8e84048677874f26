//! Whether what was received is whole.

use std::collections::BTreeSet;

use gitwire_pack::Content;
use gitwire_storage::PackLinks;
use gitwire_types::{Never, ObjectId, ObjectKind};
use gitwire_walk::{WalkError, check_connectivity, links_hang_on};

use crate::history::{Clock, History};

#[test]
fn every_lost_object_is_missed() {
    let Some(history) = History::make(6, 25, Clock::Steady) else { return };
    let mut tips = history.commits.clone();
    tips.extend(&history.tags);
    let whole = check_connectivity(history.store.graph(), &tips, &[], &Never).unwrap();
    let input: String = tips.iter().map(|id| format!("{id}\n")).collect();
    let reached: BTreeSet<_> =
        history.ids(&["rev-list", "--objects", "--stdin"], &input).into_iter().collect();
    assert_eq!((whole.objects, whole.promised), (reached.len() as u64, 0));
    for id in &reached {
        let mut store = history.store.clone();
        let (kind, _) = store.objects.remove(id).unwrap();
        match check_connectivity(store.graph(), &tips, &[], &Never) {
            Err(WalkError::Missing { id: missed, .. }) => assert_eq!(missed, *id),
            other => panic!("{other:?}"),
        }
        // What a remote has promised may lack; a commit only where it is a tip.
        store.promised.push(*id);
        let result = check_connectivity(store.graph(), &tips, &[], &Never);
        if matches!(kind, ObjectKind::Blob | ObjectKind::Tree) {
            assert!(result.unwrap().promised >= 1);
        }
    }
}

#[test]
fn what_stood_before_is_taken_for_granted() {
    let Some(mut history) = History::make(9, 30, Clock::Steady) else { return };
    let (old, new) = (history.commits[20], history.commits[29]);
    let reached =
        |history: &History, tip: &ObjectId| history.ids(&["rev-list", "--stdin"], &format!("{tip}\n"));
    let lost = *reached(&history, &old).last().unwrap();
    history.store.objects.remove(&lost);
    check_connectivity(history.store.graph(), &[old], &[old], &Never).unwrap();
    assert!(check_connectivity(history.store.graph(), &[old], &[], &Never).is_err());
    // Where history ends by agreement, nothing below is looked for.
    let mut graph = history.store.graph();
    graph.set_boundary(&[new]).unwrap();
    check_connectivity(graph, &[new], &[], &Never).unwrap();
}

#[test]
fn an_object_of_another_kind_is_told() {
    let Some(mut history) = History::make(2, 10, Clock::Steady) else { return };
    let tip = history.commits[9];
    let blob = history.blobs[0];
    history.store.objects.get_mut(&blob).unwrap().0 = ObjectKind::Tree;
    let tips = [history.commits.clone(), vec![tip]].concat();
    let result = check_connectivity(history.store.graph(), &tips, &[], &Never);
    assert!(matches!(result, Err(WalkError::Kind { id, .. }) if id == blob), "{result:?}");
}

/// What a pack of `objects` leads to beside itself.
fn outward(history: &History, objects: &[ObjectId]) -> Vec<(ObjectId, ObjectKind)> {
    let links = PackLinks::new();
    let brought: Vec<_> = objects.iter().map(|id| (*id, history.store.objects[id].0)).collect();
    for (id, kind) in &brought {
        links.note(id, *kind, Content::Whole(&history.store.objects[id].1));
    }
    links.outward(brought.into_iter()).unwrap().links
}

#[test]
fn what_hangs_on_parents_is_told_without_a_walk() {
    let Some(history) = History::make(4, 40, Clock::Skewed) else { return };
    let hangs = |links: &[_], complete: &[_]| links_hang_on(&history.store, links, complete, &Never).unwrap();
    let mut by_look = 0;
    for commit in &history.commits {
        let parents = history.ids(&["rev-parse", &format!("{commit}^@")], "");
        let not: String = parents.iter().map(|id| format!("^{id}\n")).collect();
        let input = format!("{commit}\n{not}");
        let brought = history.ids(&["rev-list", "--objects", "--no-object-names", "--stdin"], &input);
        let links = outward(&history, &brought);
        by_look += usize::from(hangs(&links, &parents));
        assert!(
            parents.is_empty() || !hangs(&links, &[]),
            "what is not known to be whole is not taken for it"
        );
        // Whatever the pack lacks is missed.
        for lacking in &brought {
            let others: Vec<_> = brought.iter().filter(|id| *id != lacking).copied().collect();
            let links = outward(&history, &others);
            let is_led_to = links.iter().any(|(id, _)| id == lacking);
            assert!(!is_led_to || !hangs(&links, &parents), "{commit} without {lacking}");
        }
        // A reference to a commit that is gone is worth nothing.
        let mut store = history.store.clone();
        parents.iter().for_each(|parent| drop(store.objects.remove(parent)));
        assert!(parents.is_empty() || !links_hang_on(&store, &links, &parents, &Never).unwrap());
    }
    assert!(by_look * 10 >= history.commits.len() * 9, "{by_look} of {}", history.commits.len());
}
