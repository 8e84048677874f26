//! pkt-line framing beside gix-packetline's: an advertisement of references, read from a slice and from a stream, and
//! written.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench may panic")]

use std::hint::black_box;

use bytes::{Buf, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::size;
use gitwire_pktline::{Decoded, Decoder, Packets, encode_flush, encode_text};
use gix_packetline::PacketLineRef;
use gix_packetline::blocking_io::StreamingPeekableIter;
use gix_packetline::decode::Stream;

fn lines() -> Vec<Vec<u8>> {
    let count = size(100_000, 100);
    (0..count).map(|at| format!("{at:040x} refs/heads/topic/{at}").into_bytes()).collect()
}

fn wire(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    lines.iter().for_each(|line| encode_text(line, &mut wire).unwrap());
    encode_flush(&mut wire);
    wire
}

fn decode_slice(criterion: &mut Criterion) {
    let lines = lines();
    let wire = wire(&lines);
    let mut group = criterion.benchmark_group("pktline/decode, slice");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            let (mut decoder, mut rest, mut total) = (Decoder::default(), black_box(&wire[..]), 0);
            while let Decoded::Packet { packet, consumed } = decoder.decode(rest).unwrap() {
                total += packet.data().map_or(0, <[u8]>::len);
                rest = &rest[consumed..];
            }
            total
        });
    });
    group.bench_function("gitwire, iterator", |bencher| {
        bencher.iter(|| {
            Packets::new(black_box(&wire))
                .map(|packet| packet.unwrap().data().map_or(0, <[u8]>::len))
                .sum::<usize>()
        });
    });
    group.bench_function("gix-packetline", |bencher| {
        bencher.iter(|| {
            let (mut rest, mut total) = (black_box(&wire[..]), 0);
            while let Ok(Stream::Complete { line, bytes_consumed }) = gix_packetline::decode::streaming(rest)
            {
                total += line.as_slice().map_or(0, <[u8]>::len);
                rest = &rest[bytes_consumed..];
            }
            total
        });
    });
    group.finish();
}

/// From a source that gives 64 KiB at a time.
fn decode_stream(criterion: &mut Criterion) {
    let lines = lines();
    let wire = wire(&lines);
    let mut group = criterion.benchmark_group("pktline/decode, stream");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("gitwire", |bencher| {
        let mut buffer = BytesMut::with_capacity(1 << 18);
        bencher.iter(|| {
            let (mut decoder, mut total) = (Decoder::default(), 0);
            for piece in black_box(&wire).chunks(1 << 16) {
                buffer.extend_from_slice(piece);
                // The buffer is stepped over once a piece, not once a line.
                let mut at = 0;
                while let Decoded::Packet { packet, consumed } = decoder.decode(&buffer[at..]).unwrap() {
                    total += packet.data().map_or(0, <[u8]>::len);
                    at += consumed;
                }
                buffer.advance(at);
            }
            total
        });
    });
    group.bench_function("gix-packetline", |bencher| {
        bencher.iter(|| {
            let mut total = 0;
            let mut reader = StreamingPeekableIter::new(black_box(&wire[..]), &[PacketLineRef::Flush], false);
            while let Some(line) = reader.read_line() {
                total += line.unwrap().unwrap().as_slice().map_or(0, <[u8]>::len);
            }
            total
        });
    });
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let lines = lines();
    let mut out = BytesMut::with_capacity(wire(&lines).len());
    let mut group = criterion.benchmark_group("pktline/encode");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("gitwire", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(&lines).iter().for_each(|line| encode_text(line, &mut out).unwrap());
            out.len()
        });
    });
    let mut out = Vec::with_capacity(out.len());
    group.bench_function("gix-packetline", |bencher| {
        bencher.iter(|| {
            out.clear();
            for line in black_box(&lines) {
                gix_packetline::blocking_io::encode::text_to_write(line, &mut out).unwrap();
            }
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, decode_slice, decode_stream, encode);
criterion_main!(benches);
