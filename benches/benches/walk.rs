//! Walking a history, naming what a pack must hold, and making the pack.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::sync::Arc;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::size;
use gitwire_storage::{MemoryRepository, ObjectStore, Repository, SourceState};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind};
use gitwire_walk::{Graph, ObjectList, PackRequest, WalkLimits, check_connectivity, pack_source};

const FORMAT: ObjectFormat = ObjectFormat::Sha1;

/// A line of commits, each of which changes one of many files in one of some folders.
struct History {
    objects: Arc<dyn ObjectStore>,
    commits: Vec<ObjectId>,
}

impl History {
    fn make() -> Self {
        let (commits, folders, files) = (size(2000, 4), size(20, 2), size(50, 2));
        let repository = MemoryRepository::new(FORMAT);
        let blob = |number: usize| {
            let line = format!("line {number} of a file that is as long as files are\n");
            repository.add(ObjectKind::Blob, line.repeat(size(40, 1)).as_bytes()).unwrap()
        };
        let tree = |mode: &str, entries: &[ObjectId]| {
            let entry = |(number, id): (usize, &ObjectId)| {
                [mode.as_bytes(), format!(" name{number:04}\0").as_bytes(), id.as_bytes()].concat()
            };
            let bytes: Vec<u8> = entries.iter().enumerate().flat_map(entry).collect();
            repository.add(ObjectKind::Tree, &bytes).unwrap()
        };
        let mut content: Vec<Vec<ObjectId>> =
            (0..folders).map(|folder| (0..files).map(|file| blob(folder * files + file)).collect()).collect();
        let mut roots: Vec<ObjectId> = content.iter().map(|files| tree("100644", files)).collect();
        let mut made: Vec<ObjectId> = Vec::new();
        for number in 0..commits {
            let (folder, file) = (number % folders, number * 7 % files);
            content[folder][file] = blob(1_000_000 + number);
            roots[folder] = tree("100644", &content[folder]);
            let root = tree("40000", &roots);
            let parent = made.last().map(|id| format!("parent {id}\n")).unwrap_or_default();
            let who = format!("A U Thor <author@example.com> {number} +0000");
            let text = format!("tree {root}\n{parent}author {who}\ncommitter {who}\n\nx\n");
            made.push(repository.add(ObjectKind::Commit, text.as_bytes()).unwrap());
        }
        Self { objects: repository.objects().unwrap(), commits: made }
    }

    fn graph(&self) -> Graph {
        Graph::new(Arc::clone(&self.objects), FORMAT, WalkLimits::default())
    }

    fn tip(&self) -> ObjectId {
        *self.commits.last().unwrap()
    }

    fn everything(&self) -> PackRequest {
        PackRequest::new(vec![self.tip()], vec![])
    }
}

fn walks(criterion: &mut Criterion) {
    let history = History::make();
    let mut group = criterion.benchmark_group("walk");
    group.throughput(Throughput::Elements(history.commits.len() as u64));
    group.bench_function("commits", |bencher| {
        let walk = |mut graph: Graph| graph.range(&[history.tip()], &[], &Never).unwrap();
        bencher.iter_batched(|| history.graph(), walk, BatchSize::SmallInput);
    });
    let objects = ObjectList::of(history.graph(), &history.everything(), &Never).unwrap().len();
    group.throughput(Throughput::Elements(objects));
    group.bench_function("objects", |bencher| {
        let walk = |graph: Graph| ObjectList::of(graph, &history.everything(), &Never).unwrap().len();
        bencher.iter_batched(|| history.graph(), walk, BatchSize::SmallInput);
    });
    group.bench_function("connectivity", |bencher| {
        let walk = |graph: Graph| check_connectivity(graph, &[history.tip()], &[], &Never).unwrap();
        bencher.iter_batched(|| history.graph(), walk, BatchSize::SmallInput);
    });
    group.finish();
}

fn packs(criterion: &mut Criterion) {
    let history = History::make();
    let old = history.commits[history.commits.len() * 9 / 10];
    let make = |request: PackRequest| {
        let mut source = pack_source(history.graph(), request);
        let (mut out, mut total) = (BytesMut::new(), 0);
        while source.next(64 << 10, &mut out, &Never).unwrap() != SourceState::End {
            total += black_box(&out).len();
            out.clear();
        }
        total
    };
    let mut group = criterion.benchmark_group("walk/pack");
    group.sample_size(10);
    group.bench_function("a tenth, thin", |bencher| {
        bencher.iter(|| {
            let mut request = PackRequest::new(vec![history.tip()], vec![old]);
            request.thin = true;
            make(request)
        });
    });
    group.finish();
}

criterion_group!(benches, walks, packs);
criterion_main!(benches);
