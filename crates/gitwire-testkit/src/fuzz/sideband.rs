//! Multiplexed streams: cutting the input changes nothing, and what is multiplexed comes out again.

use bytes::{Buf, BytesMut};
use gitwire_sideband::{Band, Demultiplexed, Demultiplexer, Muxer, PacketSize, SidebandError};

/// The first byte says how large the pieces are; the rest is a stream to take apart, and data to multiplex.
pub(super) fn sideband(data: &[u8]) {
    let Some((&size, rest)) = data.split_first() else { return };
    let pieces = usize::from(size).max(1);
    let whole = run(std::iter::once(rest));
    assert_eq!(run(rest.chunks(pieces)), whole, "cut into pieces");
    // Every byte by itself takes long: short inputs reach all there is to reach.
    if rest.len() <= 128 {
        assert_eq!(run(rest.chunks(1)), whole, "cut into bytes");
    }

    for size in [PacketSize::Small, PacketSize::Large] {
        let muxer = Muxer::new(size);
        let mut wire = Vec::new();
        muxer.keep_alive(Band::Data, &mut wire);
        muxer.data(rest, &mut wire);
        muxer.error(rest, &mut wire);
        let (items, end) = run(wire.chunks(pieces));
        assert_eq!(end, Ok(()));
        let last = &rest[..rest.len().min(size.data_max())];
        assert_eq!(items, [(Some(Band::Data), rest.to_vec()), (Some(Band::Error), last.to_vec())]);
    }
}

/// What comes out: data of neighbouring packets joined, texts one by one, `None` for packets without a band.
type Item = (Option<Band>, Vec<u8>);

fn run<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Item>, Result<(), SidebandError>) {
    let (mut stream, mut buffer) = (Demultiplexer::default(), BytesMut::new());
    let mut items: Vec<Item> = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let (band, content, consumed) = match stream.next(&buffer) {
                Ok(Demultiplexed::Data { data, consumed }) => (Some(Band::Data), data, consumed),
                Ok(Demultiplexed::Progress { text, consumed }) => (Some(Band::Progress), text, consumed),
                Ok(Demultiplexed::Error { text, consumed }) => (Some(Band::Error), text, consumed),
                Ok(Demultiplexed::Special { consumed, .. }) => (None, &b""[..], consumed),
                Ok(Demultiplexed::Incomplete { needed }) => {
                    assert!(needed > 0, "nothing is due, and no packet is there");
                    break;
                }
                Err(error) => return (items, Err(error)),
            };
            assert!((1..=buffer.len()).contains(&consumed));
            match items.last_mut() {
                Some((Some(Band::Data), joined)) if band == Some(Band::Data) => {
                    joined.extend_from_slice(content);
                }
                _ => items.push((band, content.to_vec())),
            }
            buffer.advance(consumed);
        }
    }
    (items, stream.end(&buffer))
}
