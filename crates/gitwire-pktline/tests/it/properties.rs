use bytes::{Buf, BytesMut};
use gitwire_pktline::{
    Decoded, Decoder, OwnedPacket, Packet, Packets, PktLineError, Position, decode, encode,
};
use proptest::prelude::*;

fn packet() -> impl Strategy<Value = OwnedPacket> {
    prop_oneof![
        Just(OwnedPacket::Flush),
        Just(OwnedPacket::Delimiter),
        Just(OwnedPacket::ResponseEnd),
        proptest::collection::vec(any::<u8>(), 1..200).prop_map(|data| OwnedPacket::Data(data.into())),
    ]
}

/// Bytes that often look like lines.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => packet().prop_map(|packet| {
            let mut out = Vec::new();
            encode(packet.as_packet(), &mut out).expect("data is not empty");
            out
        }),
        1 => Just(b"0004".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
        1 => Just(b"0003".to_vec()),
        1 => Just(b"fff1".to_vec()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// All that a decoder makes of pieces, and where it stops.
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
                    assert!(needed > 0);
                    break;
                }
                Err(error) => return (packets, Err(error), decoder.position()),
            }
        }
    }
    (packets, decoder.end(&buffer), decoder.position())
}

proptest! {
    #[test]
    fn what_is_written_is_read(packets in proptest::collection::vec(packet(), 0..20)) {
        let mut out = Vec::new();
        for packet in &packets {
            encode(packet.as_packet(), &mut out)?;
        }
        let read: Vec<_> = Packets::new(&out).map(|packet| packet.map(Packet::to_owned)).collect::<Result<_, _>>()?;
        prop_assert_eq!(read, packets);
    }

    #[test]
    fn cutting_the_input_changes_nothing(wire in wire(), size in 1..40_usize) {
        let whole = run(std::iter::once(&wire[..]));
        prop_assert_eq!(run(wire.chunks(size)), whole.clone());
        prop_assert_eq!(run(wire.chunks(1)), whole);
    }

    #[test]
    fn what_is_due_is_due(wire in wire()) {
        let whole = decode(&wire);
        for len in 0..wire.len() {
            match decode(&wire[..len]) {
                // Once the prefix is there the number is exact.
                Ok(Decoded::Incomplete { needed }) if len >= 4 => {
                    let all_but_one = &wire[..wire.len().min(len + needed - 1)];
                    let still_cut = matches!(decode(all_but_one), Ok(Decoded::Incomplete { .. }));
                    prop_assert!(still_cut);
                    if let Some(line) = wire.get(..len + needed) {
                        prop_assert_eq!(decode(line), Ok(Decoded::Packet { packet: Packet::Data(&line[4..]), consumed: line.len() }));
                    }
                }
                Ok(Decoded::Incomplete { needed }) => prop_assert_eq!(needed, 4 - len),
                other => prop_assert_eq!(other, whole),
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(wire in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode(&wire);
        let _ = run(wire.chunks(3));
        prop_assert!(Packets::new(&wire).count() <= wire.len());
    }
}
