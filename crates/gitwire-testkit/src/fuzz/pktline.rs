//! pkt-lines: cutting the input changes nothing, and what is read can be written.

use bytes::{Buf, BytesMut};
use gitwire_pktline::{
    Decoded, Decoder, OwnedPacket, Packet, Packets, PktLineError, Position, decode, encode,
};

/// The first byte says how large the pieces are; the rest is the stream.
pub(super) fn pktline(data: &[u8]) {
    let Some((&size, wire)) = data.split_first() else { return };
    let whole = run(std::iter::once(wire));
    assert_eq!(run(wire.chunks(usize::from(size).max(1))), whole, "cut into pieces");
    // Every byte by itself takes long: short inputs reach all there is to reach.
    if wire.len() <= 128 {
        assert_eq!(run(wire.chunks(1)), whole, "cut into bytes");
    }

    let (packets, end, position) = whole;
    let consumed = usize::try_from(position.offset).unwrap();
    assert!(consumed <= wire.len(), "more was consumed than there is");
    let listed: Vec<_> = Packets::new(wire).map_while(Result::ok).map(Packet::to_owned).collect();
    assert_eq!(listed, packets, "the slice and the stream differ");
    assert_eq!(end.is_ok(), Packets::new(wire).all(|packet| packet.is_ok()));

    let mut written = Vec::new();
    for packet in &packets {
        match encode(packet.as_packet(), &mut written) {
            Ok(()) => {}
            Err(PktLineError::EmptyData) => written.extend_from_slice(b"0004"),
            Err(error) => panic!("what was read cannot be written: {error}"),
        }
    }
    assert!(written.eq_ignore_ascii_case(&wire[..consumed]), "what was written differs");
    let _ = decode(wire);
}

/// All packets, how the stream ends, and where.
fn run<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<OwnedPacket>, Result<(), PktLineError>, Position) {
    let (mut decoder, mut buffer, mut packets) = (Decoder::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&buffer) {
                Ok(Decoded::Packet { packet, consumed }) => {
                    packets.push(packet.to_owned());
                    buffer.advance(consumed);
                }
                Ok(Decoded::Incomplete { needed }) => {
                    assert!(needed > 0, "nothing is due, and no packet is there");
                    break;
                }
                Err(error) => {
                    assert_eq!(error.position(), Some(decoder.position()));
                    return (packets, Err(error), decoder.position());
                }
            }
        }
    }
    (packets, decoder.end(&buffer), decoder.position())
}
