use gitwire_pktline::{Decoder, Limits, Packet, PktLineError, Position};
use gitwire_sideband::{Band, Demultiplexed, Demultiplexer, SidebandError, demultiplex};

#[track_caller]
fn check(payload: &[u8], expected: Result<(Band, &[u8]), SidebandError>) {
    assert_eq!(demultiplex(payload), expected);
}

#[test]
fn payloads() {
    check(b"\x01PACK", Ok((Band::Data, b"PACK")));
    check(b"\x02text\r", Ok((Band::Progress, b"text\r")));
    check(b"\x03fatal: out of memory\n", Ok((Band::Error, b"fatal: out of memory\n")));
    check(b"\x01", Ok((Band::Data, b"")));
    check(b"\x02", Ok((Band::Progress, b"")));
    check(b"\x03", Ok((Band::Error, b"")));
    check(b"", Err(SidebandError::NoBand { at: Position::START }));
}

#[test]
fn every_other_band_is_unknown() {
    for byte in (0..=255_u8).filter(|byte| !(1..=3).contains(byte)) {
        check(&[byte, b'x'], Err(SidebandError::UnknownBand { band: byte, at: Position::START }));
        assert_eq!(Band::from_byte(byte), None);
    }
    for band in [Band::Data, Band::Progress, Band::Error] {
        assert_eq!(Band::from_byte(band.byte()), Some(band));
    }
}

#[test]
fn a_stream() -> Result<(), SidebandError> {
    let input = b"0009\x01PACK0009\x02text0005\x010005\x020007\x03no000000010002";
    let expected = [
        Demultiplexed::Data { data: b"PACK", consumed: 9 },
        Demultiplexed::Progress { text: b"text", consumed: 9 },
        Demultiplexed::Data { data: b"", consumed: 5 },
        Demultiplexed::Progress { text: b"", consumed: 5 },
        Demultiplexed::Error { text: b"no", consumed: 7 },
        Demultiplexed::Special { packet: Packet::Flush, consumed: 4 },
        Demultiplexed::Special { packet: Packet::Delimiter, consumed: 4 },
        Demultiplexed::Special { packet: Packet::ResponseEnd, consumed: 4 },
        Demultiplexed::Incomplete { needed: 4 },
    ];
    let (mut stream, mut rest) = (Demultiplexer::default(), &input[..]);
    for expected in expected {
        let next = stream.next(rest)?;
        assert_eq!(next, expected);
        rest = &rest[consumed(next)..];
    }
    stream.end(rest)?;
    assert_eq!(stream.into_decoder().map(|decoder| decoder.position().offset), Some(47));
    Ok(())
}

fn consumed(item: Demultiplexed<'_>) -> usize {
    match item {
        Demultiplexed::Data { consumed, .. }
        | Demultiplexed::Progress { consumed, .. }
        | Demultiplexed::Error { consumed, .. }
        | Demultiplexed::Special { consumed, .. } => consumed,
        Demultiplexed::Incomplete { .. } => 0,
    }
}

#[test]
fn data_do_not_wait_for_their_packet_but_texts_do() {
    #[track_caller]
    fn check(input: &[u8], expected: Demultiplexed<'_>) {
        assert_eq!(Demultiplexer::default().next(input), Ok(expected));
    }
    check(b"0009", Demultiplexed::Incomplete { needed: 5 });
    check(b"0009\x01", Demultiplexed::Incomplete { needed: 4 });
    check(b"0009\x01P", Demultiplexed::Data { data: b"P", consumed: 6 });
    check(b"0009\x02t", Demultiplexed::Incomplete { needed: 3 });
    check(b"0009\x03t", Demultiplexed::Incomplete { needed: 3 });
}

#[test]
fn errors_know_their_place() {
    #[track_caller]
    fn check(input: &[u8], expected: SidebandError, text: &str) {
        let (mut stream, mut rest) = (Demultiplexer::default(), input);
        let error = loop {
            match stream.next(rest) {
                Ok(Demultiplexed::Incomplete { .. }) => panic!("the error is in the input"),
                Ok(item) => rest = &rest[consumed(item)..],
                Err(error) => break error,
            }
        };
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), text);
        assert_eq!(stream.next(rest), Err(expected), "the same again");
        assert!(!error.reply().is_empty() && error.position() == expected.position());
    }
    let at = Position { line: 2, offset: 6 };
    check(b"0006\x01x0004", SidebandError::NoBand { at }, "pkt-line 2 at byte 6: no band");
    check(
        b"0006\x01x0005\0",
        SidebandError::UnknownBand { band: 0, at },
        "pkt-line 2 at byte 6: unknown band 0",
    );
    check(
        b"0006\x01x0009\x04",
        SidebandError::UnknownBand { band: 4, at },
        "pkt-line 2 at byte 6: unknown band 4",
    );
    check(
        b"0006\x01x0009NAK\n",
        SidebandError::UnknownBand { band: b'N', at },
        "pkt-line 2 at byte 6: unknown band 78",
    );
    check(
        b"0006\x01x0003",
        PktLineError::BadLength { length: 3, at }.into(),
        "pkt-line 2 at byte 6: length 0003 has no meaning",
    );
    check(
        b"0006\x01x-001",
        PktLineError::NotHex { digits: *b"-001", at }.into(),
        "pkt-line 2 at byte 6: length \"-001\" is not hexadecimal",
    );
}

#[test]
fn limits_of_the_decoder_hold() {
    let stream = || Demultiplexer::new(Decoder::new(Limits { line_max: 1000 }));
    assert!(matches!(stream().next(b"03e8\x01x"), Ok(Demultiplexed::Data { data: b"x", .. })));
    assert!(matches!(stream().next(b"03e9\x01x"), Err(SidebandError::PktLine(PktLineError::TooLong { .. }))));
}

#[test]
fn end_of_stream() {
    #[track_caller]
    fn check(input: &[u8], rest: &[u8], expected: Result<(), SidebandError>) {
        let mut stream = Demultiplexer::default();
        if !input.is_empty() {
            assert!(stream.next(input).is_ok());
        }
        assert_eq!(stream.end(rest), expected);
        assert_eq!(stream.into_decoder().is_none(), input.starts_with(b"0009"));
    }
    let due = |needed| Err(PktLineError::UnexpectedEnd { needed, at: Position::START }.into());
    check(b"", b"", Ok(()));
    check(b"", b"0009\x02", due(4));
    check(b"0009\x01P", b"", due(3));
    check(b"0006\x01P", b"", Ok(()));
}

#[test]
fn after_a_packet_in_pieces_the_place_is_right() -> Result<(), SidebandError> {
    let mut stream = Demultiplexer::default();
    assert_eq!(stream.next(b"0009\x01P")?, Demultiplexed::Data { data: b"P", consumed: 6 });
    assert_eq!(stream.next(b"ACK0003")?, Demultiplexed::Data { data: b"ACK", consumed: 3 });
    let at = Position { line: 2, offset: 9 };
    assert_eq!(stream.next(b"0003"), Err(PktLineError::BadLength { length: 3, at }.into()));
    Ok(())
}
