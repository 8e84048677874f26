//! Capabilities beside gix-transport's: the list on the first line of an advertisement, into something to ask.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench may panic")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::size;
use gitwire_capability::{Budget, FetchFeature, FetchOffer, FetchWish, Limits, V2Offer, split_line};
use gitwire_types::ObjectFormat;
use gix_transport::client::Capabilities;

const LINE: &[u8] =
    b"95d09f2b10159347eece71399a7e2e907ea3df4f HEAD\0multi_ack thin-pack side-band side-band-64k \
    ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag multi_ack_detailed \
    allow-tip-sha1-in-want allow-reachable-sha1-in-want no-done symref=HEAD:refs/heads/main filter \
    session-id=20260101T000000.000000Z-H00000000-P00000001 object-format=sha1 agent=git/2.47.3";

fn first_line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("capability/v0, first line");
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            let list = split_line(black_box(LINE)).capabilities.unwrap();
            let offer = FetchOffer::parse(list, Limits::default()).unwrap();
            (offer.features.contains(FetchFeature::NoDone), offer.symrefs.len())
        });
    });
    group.bench_function("gix-transport", |bencher| {
        bencher.iter(|| {
            let (capabilities, _) = Capabilities::from_bytes(black_box(LINE)).unwrap();
            (capabilities.contains("no-done"), capabilities.capability("symref").is_some())
        });
    });
    group.bench_function("gitwire, with agreement", |bencher| {
        bencher.iter(|| {
            let list = split_line(black_box(LINE)).capabilities.unwrap();
            let offer = FetchOffer::parse(list, Limits::default()).unwrap();
            offer.agree(&FetchWish::new(ObjectFormat::Sha1)).unwrap()
        });
    });
    group.finish();
}

/// A hostile server's list: time must grow with its length alone.
fn symrefs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("capability/v0, symrefs");
    for count in [size(5_000, 50), size(10_000, 100)] {
        let list: Vec<u8> =
            (0..count).flat_map(|at| format!(" symref=refs/x/{at:05}:refs/y").into_bytes()).collect();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("gitwire, {count}"), |bencher| {
            bencher.iter(|| FetchOffer::parse(black_box(&list), Limits::default()).unwrap().symrefs.len());
        });
    }
    group.finish();
}

fn lines(criterion: &mut Criterion) {
    let lines: [&[u8]; 6] = [
        b"agent=git/2.47.3",
        b"ls-refs=unborn",
        b"fetch=shallow wait-for-done filter",
        b"server-option",
        b"object-format=sha1",
        b"object-info",
    ];
    criterion.benchmark_group("capability/v2").bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            let (mut offer, mut budget) = (V2Offer::default(), Budget::default());
            black_box(&lines).iter().for_each(|line| offer.add(line, &mut budget).unwrap());
            offer.fetch
        });
    });
}

criterion_group!(benches, first_line, symrefs, lines);
criterion_main!(benches);
