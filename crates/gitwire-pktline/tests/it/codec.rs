use bytes::{Bytes, BytesMut};
use gitwire_pktline::{
    CodecError, Limits, OwnedPacket, Packet, PktLineCodec, PktLineError, Position, Specials,
};
use tokio_util::codec::{Decoder, Encoder};

#[test]
fn byte_by_byte() -> Result<(), CodecError> {
    let mut codec = PktLineCodec::default();
    let mut wire = BytesMut::new();
    let sent = [
        OwnedPacket::Data(Bytes::from_static(b"want\n")),
        OwnedPacket::Delimiter,
        OwnedPacket::ResponseEnd,
        OwnedPacket::Flush,
    ];
    for packet in &sent {
        codec.encode(packet.as_packet(), &mut wire)?;
        codec.encode(packet.clone(), &mut wire)?;
    }
    let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
    for byte in wire {
        buffer.extend_from_slice(&[byte]);
        read.extend(codec.decode(&mut buffer)?);
    }
    assert_eq!(codec.decode_eof(&mut buffer)?, None);
    assert_eq!(read, sent.iter().flat_map(|packet| [packet.clone(), packet.clone()]).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn empty_line_reads_and_is_not_written() {
    let mut codec = PktLineCodec::default();
    let read = codec.decode(&mut BytesMut::from("0004"));
    assert!(matches!(read, Ok(Some(OwnedPacket::Data(data))) if data.is_empty()));
    let written = codec.encode(Packet::Data(b""), &mut BytesMut::new());
    assert!(matches!(written, Err(CodecError::PktLine(PktLineError::EmptyData))));
}

#[test]
fn end_inside_a_line() {
    let mut codec = PktLineCodec::new(Limits::default());
    let mut buffer = BytesMut::from("00000008NA");
    assert!(matches!(codec.decode_eof(&mut buffer), Ok(Some(OwnedPacket::Flush))));
    let Err(CodecError::PktLine(error)) = codec.decode_eof(&mut buffer) else { panic!("the line is cut") };
    assert_eq!(error, PktLineError::UnexpectedEnd { needed: 2, at: Position { line: 2, offset: 4 } });
}

#[test]
fn limits_and_specials_hold() {
    let mut codec = PktLineCodec::new(Limits { line_max: 5 });
    codec.decoder_mut().accept(Specials::Flush);
    for input in ["0006", "0001"] {
        assert!(matches!(codec.decode(&mut BytesMut::from(input)), Err(CodecError::PktLine(_))), "{input}");
    }
}

#[test]
fn a_claimed_length_reserves_one_line_at_most() {
    let mut buffer = BytesMut::from("fff0");
    assert!(matches!(PktLineCodec::default().decode(&mut buffer), Ok(None)));
    assert!(buffer.capacity() < 0x2_0000, "{}", buffer.capacity());
}
