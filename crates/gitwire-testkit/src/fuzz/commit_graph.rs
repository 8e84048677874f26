//! Commit-graphs that somebody else wrote.

use gitwire_object::{Hasher, Trust};
use gitwire_pack::{CommitGraph, CommitGraphProblem};
use gitwire_types::ObjectFormat;

/// Reads a chain of two files, the first as long as the first byte says in units of 16 bytes, and asks it everything; checksums are put right first,
/// so that they hide nothing.
///
/// # Panics
/// When an answer names a commit that is not there, or walks do not end.
pub(super) fn commit_graph(data: &[u8]) {
    let [len, content @ ..] = data else { return };
    let (first, second) = content.split_at(content.len().min(usize::from(*len) * 16));
    let mut graph = CommitGraph::new(ObjectFormat::Sha1);
    for content in [first, second] {
        let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
        hasher.update(content);
        let before = (graph.count(), graph.files());
        if let Err(problem) = graph.add([content, hasher.finish().unwrap().as_bytes()].concat()) {
            assert!(!matches!(problem, CommitGraphProblem::Checksum { .. }));
            assert_eq!((graph.count(), graph.files()), before);
        }
    }
    for position in 0..graph.count() {
        let commit = graph.commit(position).unwrap();
        let id = graph.id(position).unwrap();
        assert!(graph.lookup(&id).is_some());
        for parent in graph.parents(position) {
            let parent = graph.commit(parent).unwrap();
            // A base with dates below a file without has levels as well, which nobody compared.
            assert!(commit.generation == 0 || graph.files() > 1 || parent.generation <= commit.generation);
        }
    }
    assert_eq!(graph.commit(graph.count()), None);
    assert_eq!(graph.parents(graph.count()).count(), 0);
}
