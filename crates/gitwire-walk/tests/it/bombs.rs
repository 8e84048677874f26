//! Graphs that are small to store and large to walk.

use gitwire_storage::{MemoryRepository, Repository};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind};
use gitwire_walk::{Graph, ObjectList, PackRequest, WalkError, WalkLimits};

fn graph(repository: &MemoryRepository, limits: &WalkLimits) -> Graph {
    Graph::new(repository.objects().unwrap(), ObjectFormat::Sha1, limits.clone())
}

fn tree(repository: &MemoryRepository, entries: &[(&str, &str, ObjectId)]) -> ObjectId {
    let bytes = entries
        .iter()
        .flat_map(|(mode, name, id)| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_bytes()].concat());
    repository.add(ObjectKind::Tree, &bytes.collect::<Vec<_>>()).unwrap()
}

fn commit(repository: &MemoryRepository, tree: ObjectId, parents: &[ObjectId], time: usize) -> ObjectId {
    let parents: String = parents.iter().map(|id| format!("parent {id}\n")).collect();
    let text =
        format!("tree {tree}\n{parents}author A <a> {time} +0000\ncommitter A <a> {time} +0000\n\nx\n");
    repository.add(ObjectKind::Commit, text.as_bytes()).unwrap()
}

#[test]
fn shared_trees_are_visited_once() {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let mut id = repository.add(ObjectKind::Blob, b"one").unwrap();
    // Ten levels of ten names each: ten thousand million paths.
    for level in 0..10 {
        let mode = if level == 0 { "100644" } else { "40000" };
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        id = tree(&repository, &names.map(|name| (mode, name, id)));
    }
    let tip = commit(&repository, id, &[], 1);
    let request = PackRequest::new(vec![tip], vec![]);
    let list = ObjectList::of(graph(&repository, &WalkLimits::default()), &request, &Never).unwrap();
    assert_eq!(list.len(), 12);
}

#[test]
fn deep_trees_end_at_the_limit() {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let mut id = tree(&repository, &[]);
    for _ in 0..5000 {
        id = tree(&repository, &[("40000", "d", id)]);
    }
    let tip = commit(&repository, id, &[], 1);
    let request = PackRequest::new(vec![tip], vec![]);
    let mut limits = WalkLimits::default();
    let list = |limits: &WalkLimits| ObjectList::of(graph(&repository, limits), &request, &Never);
    match list(&limits) {
        Err(WalkError::Limit { what: "tree_depth_max", max: 2048 }) => {}
        other => panic!("{:?}", other.map(|list| list.len())),
    }
    limits.tree_depth_max = 5000;
    assert_eq!(list(&limits).unwrap().len(), 5002);
}

#[test]
fn long_names_are_only_names() {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let blob = repository.add(ObjectKind::Blob, b"x").unwrap();
    let name = "n".repeat(1 << 20);
    let root = tree(&repository, &[("100644", &name, blob)]);
    let tip = commit(&repository, root, &[], 1);
    let mut limits = WalkLimits::default();
    let request = PackRequest::new(vec![tip], vec![]);
    let list = |limits: &WalkLimits| ObjectList::of(graph(&repository, limits), &request, &Never);
    assert_eq!(list(&limits).unwrap().len(), 3);
    let size = "100644 ".len() + name.len() + 1 + 20;
    limits.object_bytes_max = size as u64;
    assert_eq!(list(&limits).unwrap().len(), 3);
    limits.object_bytes_max = size as u64 - 1;
    assert!(list(&limits).is_err());
}

#[test]
fn what_is_too_large_to_be_held_is_read_in_pieces() {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let blobs: Vec<_> =
        (0..5_000_u32).map(|nth| repository.add(ObjectKind::Blob, &nth.to_be_bytes()).unwrap()).collect();
    let names: Vec<String> = (0..5_000).map(|nth| format!("{nth:05}")).collect();
    let entries: Vec<_> = names.iter().zip(&blobs).map(|(name, id)| ("100644", name.as_str(), *id)).collect();
    let below = tree(&repository, &entries);
    let root = tree(&repository, &[("40000", "a", below), ("100644", "b", blobs[0]), ("40000", "c", below)]);
    let who = "A <a@example.org> 1 +0000";
    let head = format!("tree {root}\nauthor {who}\ncommitter {who}\n\n");
    let content = [head.as_bytes(), &[b'x'; 200_000]].concat();
    let tip = repository.add(ObjectKind::Commit, &content).unwrap();
    let tag = format!("object {tip}\ntype commit\ntag t\ntagger {who}\n\n{}", "y".repeat(200_000));
    let tag = repository.add(ObjectKind::Tag, tag.as_bytes()).unwrap();
    let request = PackRequest::new(vec![tag], vec![]);
    let list = |held_bytes_max| {
        let mut limits = WalkLimits::default();
        limits.held_bytes_max = held_bytes_max;
        ObjectList::of(graph(&repository, &limits), &request, &Never)
    };
    let whole: Vec<_> = list(4 << 20).unwrap().iter().collect();
    assert_eq!(whole.len(), 5_004);
    assert_eq!(list(1_000).unwrap().iter().collect::<Vec<_>>(), whole);
    // One that lacks something is told as such.
    let cut = tree(&repository, &[("100644", "a", blobs[0])]);
    let cut = repository.add(ObjectKind::Tree, &[[0; 3_000].as_slice(), cut.as_bytes()].concat()).unwrap();
    let request = PackRequest::new(vec![commit(&repository, cut, &[], 1)], vec![]);
    let mut limits = WalkLimits::default();
    limits.held_bytes_max = 1_000;
    let error = ObjectList::of(graph(&repository, &limits), &request, &Never).unwrap_err();
    assert!(matches!(error, WalkError::Malformed { kind: ObjectKind::Tree, .. }), "{error}");
}

#[test]
fn headers_that_do_not_end_in_what_is_held() {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let root = tree(&repository, &[]);
    let parent = commit(&repository, root, &[], 1);
    let parents = format!("parent {parent}\n").repeat(5_000);
    let who = "A <a@example.org> 1 +0000";
    let head = format!("tree {root}\n{parents}author {who}\ncommitter {who}\n\n");
    let content = format!("{head}{}", "x".repeat(100_000));
    let tip = repository.add(ObjectKind::Commit, content.as_bytes()).unwrap();
    let request = PackRequest::new(vec![tip], vec![]);
    let list = |held_bytes_max| {
        let mut limits = WalkLimits::default();
        limits.held_bytes_max = held_bytes_max;
        ObjectList::of(graph(&repository, &limits), &request, &Never)
    };
    assert_eq!(list(head.len()).unwrap().len(), 3);
    let error = list(head.len() - 1).unwrap_err();
    assert_eq!(error.to_string(), format!("held_bytes_max exceeds the limit of {}", head.len() - 1));
}

#[test]
fn chains_of_tags_end_at_the_limit() {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let root = tree(&repository, &[]);
    let mut id = commit(&repository, root, &[], 1);
    for nth in 0..3 {
        let kind = if nth == 0 { "commit" } else { "tag" };
        let text = format!("object {id}\ntype {kind}\ntag t{nth}\n\n");
        id = repository.add(ObjectKind::Tag, text.as_bytes()).unwrap();
    }
    let request = PackRequest::new(vec![id], vec![]);
    let mut limits = WalkLimits::default();
    limits.tag_chain_max = 3;
    let list = |limits: &WalkLimits| ObjectList::of(graph(&repository, limits), &request, &Never);
    assert_eq!(list(&limits).unwrap().len(), 5);
    limits.tag_chain_max = 2;
    assert!(matches!(list(&limits), Err(WalkError::Limit { what: "tag_chain_max", max: 2 })));
}

#[test]
fn a_ladder_of_merges_is_walked_once() {
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let root = tree(&repository, &[]);
    let mut pair = [commit(&repository, root, &[], 1), commit(&repository, root, &[], 2)];
    // Every commit of a rung has both of the rung below as parents: 2 to the 500th paths.
    for rung in 1..500 {
        pair = [0, 1].map(|side| commit(&repository, root, &pair, 2 * rung + 1 + side));
    }
    let mut walked = graph(&repository, &WalkLimits::default());
    assert_eq!(walked.range(&pair, &[], &Never).unwrap().commits.len(), 1000);
    assert!(!walked.is_ancestor(&pair[0], &pair[1], &Never).unwrap());
}
