//! Side-bands beside gix-packetline's: a pack in packets of 65520 bytes, taken apart and put together.
//!
//! gix-packetline reads through `std::io::Read`, so it copies twice. Ours lends the data; `with a copy` appends them to a
//! buffer, for callers that want them so.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench may panic")]

use std::hint::black_box;
use std::io::Read;
use std::ops::ControlFlow;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::size;
use gitwire_sideband::{
    ControlCharacters, Demultiplexed, Demultiplexer, Limits, Muxer, PacketSize, ProgressText,
};
use gix_packetline::blocking_io::StreamingPeekableIter;
use gix_packetline::{Channel, PacketLineRef};

fn demultiplex(criterion: &mut Criterion) {
    let len = size(8 << 20, 1 << 17);
    let muxer = Muxer::new(PacketSize::Large);
    let mut wire = Vec::new();
    muxer.data(&vec![0x5a; len], &mut wire);
    let mut group = criterion.benchmark_group("sideband/demultiplex");
    group.throughput(Throughput::Bytes(len as u64));
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            let (mut stream, mut rest, mut total) = (Demultiplexer::default(), black_box(&wire[..]), 0);
            while let Demultiplexed::Data { data, consumed } = stream.next(rest).unwrap() {
                total += black_box(data).len();
                rest = &rest[consumed..];
            }
            total
        });
    });
    let mut copy = vec![0; 1 << 16];
    group.bench_function("gitwire, with a copy", |bencher| {
        bencher.iter(|| {
            let (mut stream, mut rest, mut total) = (Demultiplexer::default(), black_box(&wire[..]), 0);
            while let Demultiplexed::Data { data, consumed } = stream.next(rest).unwrap() {
                copy[..data.len()].copy_from_slice(data);
                total += black_box(&copy).len().min(data.len());
                rest = &rest[consumed..];
            }
            total
        });
    });
    group.bench_function("gix-packetline", |bencher| {
        bencher.iter(|| {
            let mut lines = StreamingPeekableIter::new(black_box(&wire[..]), &[PacketLineRef::Flush], false);
            let mut reader = lines.as_read_with_sidebands(|_: bool, _: &[u8]| ControlFlow::Continue(()));
            let mut total = 0;
            while let Ok(read @ 1..) = reader.read(&mut copy) {
                total += black_box(&copy).len().min(read);
            }
            total
        });
    });
    group.finish();
}

fn multiplex(criterion: &mut Criterion) {
    let data = vec![0x5a; size(8 << 20, 1 << 17)];
    let muxer = Muxer::new(PacketSize::Large);
    let mut out = BytesMut::with_capacity(data.len() + data.len() / 1000 + 1000);
    let mut group = criterion.benchmark_group("sideband/multiplex");
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            out.clear();
            muxer.data(black_box(&data), &mut out);
            out.len()
        });
    });
    group.bench_function("gitwire, in place", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut rest = black_box(&data[..]);
            while !rest.is_empty() {
                let open = muxer.begin(gitwire_sideband::Band::Data, &mut out);
                let (piece, after) = rest.split_at(open.room(&out).min(rest.len()));
                out.extend_from_slice(piece);
                open.finish(&mut out).unwrap();
                rest = after;
            }
            out.len()
        });
    });
    let mut out = Vec::with_capacity(out.capacity());
    group.bench_function("gix-packetline", |bencher| {
        bencher.iter(|| {
            out.clear();
            for piece in black_box(&data).chunks(PacketSize::Large.data_max()) {
                gix_packetline::blocking_io::encode::band_to_write(Channel::Data, piece, &mut out).unwrap();
            }
            out.len()
        });
    });
    group.finish();
}

/// No rival: others hand the server's bytes to the terminal.
fn progress(criterion: &mut Criterion) {
    let text: Vec<u8> = (0..size(1000, 10))
        .flat_map(|at| format!("Compressing objects: {at:3}% ({at}/100), größe 1.5 MiB\r").into_bytes())
        .collect();
    let mut group = criterion.benchmark_group("sideband/progress text");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("gitwire", |bencher| {
        let mut progress = ProgressText::new(ControlCharacters::COLOR, Limits::default());
        bencher.iter(|| {
            let mut total = 0;
            progress.push(black_box(&text), |line| total += line.text.len());
            total
        });
    });
    group.finish();
}

criterion_group!(benches, demultiplex, multiplex, progress);
criterion_main!(benches);
