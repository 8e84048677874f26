//! Lists of refs through both machines: the lines of a large repository, as a client reads them and as a server writes them.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench may panic")]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::size;
use gitwire_protocol::{
    AdvertisedRef, FetchClient, FetchClientOptions, FetchEvent, LsRefsRequest, Machine, Next, Serving,
    UploadPack, UploadPackOptions, Version,
};
use gitwire_types::{ObjectFormat, ObjectId};

/// What one read from a socket brings.
const READ: usize = 64 << 10;

fn names(count: usize) -> Vec<(Vec<u8>, ObjectId)> {
    let id = |at: usize| {
        let mut raw = [0x5a; 20];
        raw[..8].copy_from_slice(&at.to_be_bytes());
        ObjectId::from_sha1(raw)
    };
    (0..count).map(|at| (format!("refs/pull/{at:07}/head").into_bytes(), id(at))).collect()
}

/// The advertisement of version 0.
fn advertise(names: &[(Vec<u8>, ObjectId)], output: &mut BytesMut) {
    let options = UploadPackOptions::new(Version::V0, Serving::Advertisement, ObjectFormat::Sha1);
    let mut server = UploadPack::new(options);
    while !matches!(server.step(&mut BytesMut::new(), output).unwrap(), Next::Answer) {}
    for (name, id) in names {
        server.send_ref(&AdvertisedRef::new(name, *id), output).unwrap();
    }
    server.end_refs(&[], output).unwrap();
}

/// Reads it, walks every ref, and says how many there are.
fn read(bytes: &[u8]) -> usize {
    let mut client = FetchClient::new(FetchClientOptions::default());
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let (mut rest, mut count) = (bytes, 0);
    loop {
        match client.step(&mut input, &mut output).unwrap() {
            Next::Event(FetchEvent::Refs(block)) => {
                count += block.iter().filter(|shown| shown.id.is_some()).count();
            }
            Next::Event(FetchEvent::RefsEnd) => return count,
            Next::Answer => client.list_refs(LsRefsRequest::everything(), &mut output).unwrap(),
            Next::Read => {
                let (piece, more) = rest.split_at(READ.min(rest.len()));
                input.extend_from_slice(piece);
                rest = more;
            }
            _ => {}
        }
    }
}

fn refs(criterion: &mut Criterion) {
    let count = size(1_000_000, 100);
    let names = names(count);
    let mut bytes = BytesMut::new();
    advertise(&names, &mut bytes);
    let mut group = criterion.benchmark_group("protocol/refs, v0");
    group.sample_size(10).throughput(Throughput::Elements(count as u64));
    group.bench_function("gitwire, read and walk", |bencher| {
        bencher.iter(|| assert_eq!(read(black_box(&bytes)), count));
    });
    group.bench_function("gitwire, write", |bencher| {
        bencher.iter(|| {
            let mut output = BytesMut::with_capacity(bytes.len());
            advertise(black_box(&names), &mut output);
            output.len()
        });
    });
    group.finish();
}

criterion_group!(benches, refs);
criterion_main!(benches);
