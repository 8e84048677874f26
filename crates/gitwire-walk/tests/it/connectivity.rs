//! Whether what was received is whole.

use std::collections::BTreeSet;

use gitwire_types::{Never, ObjectId, ObjectKind};
use gitwire_walk::{WalkError, check_connectivity};

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
