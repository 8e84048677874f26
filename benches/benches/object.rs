//! Reading and naming objects, beside gix-object.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::size;
use gitwire_object::fsck::{Checker, Rules};
use gitwire_object::{CommitLinks, CommitRef, Hasher, Namer, TreeRef, Trust};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

const FORMAT: ObjectFormat = ObjectFormat::Sha1;
const GIX: gix_hash::Kind = gix_hash::Kind::Sha1;

/// A tree with names of the usual length.
fn tree() -> Vec<u8> {
    let entry = |number: usize| {
        let mode = if number.is_multiple_of(5) { "40000" } else { "100644" };
        let name = format!("{number:05}-{}", "some-module-name.rs".get(number % 12..).unwrap());
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[b'!' ^ name.as_bytes()[4]; 20]].concat()
    };
    (0..size(400, 4)).flat_map(entry).collect()
}

fn commit() -> Vec<u8> {
    let id = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let who = "A U Thor <author@example.com> 1112354055 +0200";
    let message = "A line of a message, as long as such lines are.\n".repeat(size(10, 1));
    format!("tree {id}\nparent {id}\nparent {id}\nauthor {who}\ncommitter {who}\n\nsubject\n\n{message}")
        .into_bytes()
}

fn trees(criterion: &mut Criterion) {
    let tree = tree();
    let mut group = criterion.benchmark_group("object/tree entries");
    group.throughput(Throughput::Elements(TreeRef::new(FORMAT, &tree).iter().count() as u64));
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            let entries = TreeRef::new(FORMAT, black_box(&tree)).iter().map(Result::unwrap);
            entries.filter(|entry| entry.mode.is_tree()).fold(0, |sum, entry| sum ^ entry.raw_id()[0])
        });
    });
    group.bench_function("gix-object", |bencher| {
        bencher.iter(|| {
            let entries = gix_object::TreeRefIter::from_bytes(black_box(&tree), GIX).map(Result::unwrap);
            entries.filter(|entry| entry.mode.is_tree()).fold(0, |sum, entry| sum ^ entry.oid.as_bytes()[0])
        });
    });
    group.finish();
}

fn commits(criterion: &mut Criterion) {
    let commit = commit();
    let mut group = criterion.benchmark_group("object/commit links");
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            let links = CommitLinks::parse(FORMAT, black_box(&commit)).unwrap();
            (links.tree, links.parents().map(|id| u64::from(id.as_bytes()[0])).sum::<u64>(), links.time)
        });
    });
    group.bench_function("gix-object", |bencher| {
        bencher.iter(|| {
            let mut iter = gix_object::CommitRefIter::from_bytes(black_box(&commit), GIX);
            let tree = iter.tree_id().unwrap();
            let parents = iter.parent_ids().map(|id| u64::from(id.as_bytes()[0])).sum::<u64>();
            (tree, parents, iter.committer().unwrap().seconds())
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("object/commit whole");
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            let commit = CommitRef::parse(FORMAT, black_box(&commit)).unwrap();
            (commit.tree(), commit.author().unwrap(), commit.committer().unwrap(), commit.message().len())
        });
    });
    group.bench_function("gix-object", |bencher| {
        bencher.iter(|| {
            let commit = gix_object::CommitRef::from_bytes(black_box(&commit), GIX).unwrap();
            (commit.tree(), commit.author, commit.committer, commit.message.len())
        });
    });
    group.finish();
}

fn ids(criterion: &mut Criterion) {
    for len in [100, size(4096, 100), size(1 << 20, 100)] {
        let content = vec![7; len];
        let mut group = criterion.benchmark_group(format!("object/id of {len} bytes"));
        group.throughput(Throughput::Bytes(len as u64));
        for (name, trust) in [("gitwire, detecting", Trust::Stranger), ("gitwire, plain", Trust::Own)] {
            let mut hasher = Hasher::new(FORMAT, trust);
            group.bench_function(name, |bencher| {
                bencher.iter(|| hasher.object_id(ObjectKind::Blob, black_box(&content)).unwrap());
            });
        }
        group.bench_function("gix-object, detecting", |bencher| {
            bencher
                .iter(|| gix_object::compute_hash(GIX, gix_object::Kind::Blob, black_box(&content)).unwrap());
        });
        group.finish();
    }
}

/// Many objects, as an indexer has them. The rival has no way to name more than one at a time.
fn many_ids(criterion: &mut Criterion) {
    for len in [300, size(4096, 300), size(64 << 10, 300)] {
        let mut seed = 1_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        };
        let contents: Vec<Vec<u8>> = (0..128).map(|_| (0..len).map(|_| random()).collect()).collect();
        let mut group = criterion.benchmark_group(format!("object/ids of 128 objects of {len} bytes"));
        group.throughput(Throughput::Bytes(128 * len as u64));
        group.bench_function("gitwire, side by side", |bencher| {
            let mut namer = Namer::new(FORMAT);
            bencher.iter(|| {
                for content in black_box(&contents) {
                    namer.push(ObjectKind::Blob, content);
                }
                namer.finish();
                std::iter::from_fn(|| namer.pop()).map(|(_, id)| id.unwrap().as_bytes()[0]).max()
            });
        });
        let mut hasher = Hasher::new(FORMAT, Trust::Stranger);
        group.bench_function("gitwire, one by one", |bencher| {
            let mut name = |content: &Vec<u8>| hasher.object_id(ObjectKind::Blob, content).unwrap();
            bencher.iter(|| black_box(&contents).iter().map(|content| name(content).as_bytes()[0]).max());
        });
        group.bench_function("gix-object", |bencher| {
            let name = |content: &Vec<u8>| {
                gix_object::compute_hash(GIX, gix_object::Kind::Blob, content).unwrap().as_bytes()[0]
            };
            bencher.iter(|| black_box(&contents).iter().map(name).max());
        });
        group.finish();
    }
}

/// No rival in Rust checks objects; the figure is beside the hash, which every object that arrives pays anyway.
fn checks(criterion: &mut Criterion) {
    let (tree, commit) = (tree(), commit());
    let mut group = criterion.benchmark_group("object/fsck");
    let id = ObjectId::zero(FORMAT);
    let mut checker = Checker::new(Rules::strict());
    for (name, kind, content) in [("tree", ObjectKind::Tree, &tree), ("commit", ObjectKind::Commit, &commit)]
    {
        group.throughput(Throughput::Bytes(content.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| checker.check(&id, kind, black_box(content), &mut |_| {}).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, trees, commits, ids, many_ids, checks);
criterion_main!(benches);
