//! Commit-graphs made by hand, whole and broken.

#![allow(clippy::arithmetic_side_effects, reason = "files of some hundred bytes")]

use gitwire_types::ObjectFormat;

use super::*;
use crate::testing::{chunked, summed};

fn id(byte: u8) -> ObjectId {
    ObjectId::from_sha1([byte; 20])
}

/// A commit: its id, its tree, parents as they stand in the file, level and time.
type Row = (u8, u8, [u32; 2], u32, u64);

const NONE: u32 = NO_PARENT;

fn file(rows: &[Row], bases: &[ObjectId], others: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut counts = Vec::new();
    for byte in 0..=u8::MAX {
        let count = rows.iter().filter(|row| row.0 <= byte).count();
        counts.extend(u32::try_from(count).unwrap().to_be_bytes());
    }
    let ids = rows.iter().flat_map(|row| [row.0; 20]).collect();
    let mut data = Vec::new();
    for (_, tree, parents, level, time) in rows {
        data.extend([*tree; 20]);
        parents.iter().for_each(|parent| data.extend(parent.to_be_bytes()));
        data.extend((u64::from(*level) << 34 | time).to_be_bytes());
    }
    let mut chunks = vec![(*b"OIDF", counts), (*b"OIDL", ids), (*b"CDAT", data)];
    chunks.extend_from_slice(others);
    if !bases.is_empty() {
        chunks.push((*b"BASE", bases.iter().flat_map(|id| id.as_bytes().to_vec()).collect()));
    }
    let mut out = b"CGPH\x01\x01".to_vec();
    out.extend([u8::try_from(chunks.len()).unwrap(), u8::try_from(bases.len()).unwrap()]);
    chunked(&out, &chunks)
}

/// Three commits in a line, and a merge of them all.
fn rows() -> [Row; 4] {
    [
        (0x10, 1, [NONE, NONE], 1, 100),
        (0x20, 2, [0, NONE], 2, 1 << 33 | 5),
        (0x20 + 1, 3, [1, NONE], 3, 300),
        (0xf0, 4, [2, MORE | 1], 4, 50),
    ]
}

fn edges() -> ([u8; 4], Vec<u8>) {
    (*b"EDGE", [7, 1, MORE].into_iter().flat_map(u32::to_be_bytes).collect())
}

fn dates() -> Vec<([u8; 4], Vec<u8>)> {
    let small = [0, 0, MORE, MORE | 1].into_iter().flat_map(u32::to_be_bytes).collect();
    let large = [1_u64 << 34, 1 << 35].into_iter().flat_map(u64::to_be_bytes).collect();
    vec![edges(), (*b"GDA2", small), (*b"GDO2", large)]
}

#[test]
fn commits_are_as_they_were_written() {
    let mut graph = CommitGraph::new(ObjectFormat::Sha1);
    graph.add(file(&rows(), &[], &[edges()])).unwrap();
    assert_eq!((graph.count(), graph.files()), (4, 1));
    let parents = |at| graph.parents(at).collect::<Vec<_>>();
    assert_eq!(
        [parents(0), parents(1), parents(2), parents(3), parents(4)],
        [vec![], vec![0], vec![1], vec![2, 1, 0], vec![]]
    );
    let commit = graph.commit(1).unwrap();
    assert_eq!(commit, GraphCommit { tree: id(2), time: 1 << 33 | 5, generation: 2 });
    assert_eq!(graph.commit(4), None);
    assert_eq!(graph.lookup(&id(0x21)), Some(2));
    assert_eq!([0x0f, 0x11, 0x22, 0xff].map(|byte| graph.lookup(&id(byte))), [None; 4]);
    assert_eq!((graph.id(3), graph.id(4)), (Some(id(0xf0)), None));
    assert_eq!(graph.lookup(&ObjectId::from_sha256([0x21; 32])), None);
}

#[test]
fn corrected_dates_count_where_all_files_have_them() {
    let mut graph = CommitGraph::new(ObjectFormat::Sha1);
    graph.add(file(&rows(), &[], &dates())).unwrap();
    let generations = |graph: &CommitGraph| {
        (0..graph.count()).map(|at| graph.commit(at).unwrap().generation).collect::<Vec<_>>()
    };
    assert_eq!(generations(&graph), [100, 1 << 33 | 5, (1 << 34) + 300, (1 << 35) + 50]);
    let base = graph.layers[0].checksum;
    graph.add(file(&[(0x15, 9, [3, NONE], 5, 7)], &[base], &[])).unwrap();
    assert_eq!(generations(&graph), [1, 2, 3, 4, 5]);
    assert_eq!(graph.lookup(&id(0x15)), Some(4));
    assert_eq!(graph.parents(4).collect::<Vec<_>>(), [3]);
}

#[test]
fn what_is_wrong_is_named() {
    #[track_caller]
    fn check(data: Vec<u8>, expected: &str) {
        let mut graph = CommitGraph::new(ObjectFormat::Sha1);
        assert_eq!(graph.add(data).unwrap_err().to_string(), expected);
        assert_eq!((graph.count(), graph.files()), (0, 0));
    }
    let good = file(&rows(), &[], &[edges()]);
    let with = |at: usize, bytes: &[u8]| {
        let mut data = good[..good.len() - 20].to_vec();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        summed(data)
    };
    let row = |at: usize, row: Row| {
        let mut rows = rows();
        rows[at] = row;
        file(&rows, &[], &[edges()])
    };
    check(vec![], "commit-graph: ends at offset 0");
    check(with(0, b"X"), "commit-graph starts with [88, 71, 80, 72], not with CGPH");
    check(with(4, &[2]), "commit-graph has version 2, at offset 4");
    check(with(5, &[2]), "commit-graph has hash function 2, at offset 5");
    check(with(7, &[1]), "commit-graph stands on 1 files, expected 0");
    check(with(6, &[3]), "commit-graph: the table of chunks does not end with entry 3");
    check(with(6, &[5]), "commit-graph: entry 0 of the table of chunks says offset 0x44");
    check(with(6, &[200]), "commit-graph: ends at offset 1348");
    check(with(12, &[0xff]), "commit-graph: entry 0 of the table of chunks says offset 0xff00000000000044");
    check(with(20, b"OIDF"), "commit-graph: chunk OIDF comes twice");
    check(with(20, b"oidl"), "commit-graph: chunk OIDL is missing");
    check(with(32 + 11, &[0x90]), "commit-graph: chunk OIDL at offset 1092 has 76 bytes, expected 80");
    check(with(68, &[0, 0, 0, 9]), "commit-graph: the count of ids goes down at entry 1");
    check(with(1092, &[0xff]), "commit-graph: the id at position 0 is out of order");
    check(with(1092 + 20, &[0x20; 40]), "commit-graph: the id at position 2 is out of order");
    check(
        with(good.len() - 21, &[9]),
        "commit-graph: the commit at position 3 has a parent at position 9, which is none",
    );
    check(
        with(good.len() - 24, &[0]),
        "commit-graph: the commit at position 3 has parents that are not listed",
    );
    check(
        row(1, (0x20, 2, [9, NONE], 2, 0)),
        "commit-graph: the commit at position 1 has a parent at position 9, which is none",
    );
    check(
        row(1, (0x20, 2, [0, MORE | 3], 2, 0)),
        "commit-graph: the commit at position 1 has parents that are not listed",
    );
    check(
        row(1, (0x20, 2, [0, NONE], 1, 0)),
        "commit-graph: the commit at position 1 is not of a later generation than its parent at 0",
    );
    let lost = file(&rows()[..1], &[], &[(*b"GDA2", MORE.to_be_bytes().to_vec())]);
    check(lost, "commit-graph: the commit at position 0 has no date");
    let mut flipped = good.clone();
    flipped[1200] ^= 1;
    check(flipped, "commit-graph does not hash to its trailer at offset 1328");
    let base = file(&rows(), &[id(1)], &[]);
    check(base, "commit-graph stands on 1 files, expected 0");
    let mut graph = CommitGraph::new(ObjectFormat::Sha1);
    graph.add(good.clone()).unwrap();
    let other = graph.add(file(&[(1, 1, [NONE, NONE], 1, 1)], &[id(1)], &[])).unwrap_err();
    assert!(matches!(other, CommitGraphProblem::OtherBase { number: 0, .. }), "{other}");
    assert_eq!(graph.count(), 4);
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let good = file(&rows(), &[], &dates());
    for bit in 0..good.len() * 8 {
        let mut data = good.clone();
        data[bit / 8] ^= 1 << (bit % 8);
        assert!(CommitGraph::new(ObjectFormat::Sha1).add(data).is_err(), "bit {bit}");
    }
    for len in 0..good.len() {
        assert!(CommitGraph::new(ObjectFormat::Sha1).add(good[..len].to_vec()).is_err(), "{len} bytes");
    }
}

#[test]
fn a_file_of_no_commits_is_one() {
    let mut graph = CommitGraph::new(ObjectFormat::Sha1);
    graph.add(file(&[], &[], &[])).unwrap();
    assert_eq!((graph.count(), graph.lookup(&id(1)), graph.parents(0).count()), (0, None, 0));
}
