use gitwire_pktline::Decoded::{Incomplete, Packet as Whole};
use gitwire_pktline::{
    Decoded, Decoder, Limits, MAX_DATA, MAX_LINE, Packet, Packets, PktLineError, Position, Specials, decode,
};

#[track_caller]
fn check(input: &[u8], expected: Result<Decoded<'_>, PktLineError>) {
    assert_eq!(decode(input), expected, "stateless");
    assert_eq!(Decoder::default().decode(input), expected, "decoder");
}

#[track_caller]
fn check_data(input: &[u8], data: &[u8]) {
    check(input, Ok(Whole { packet: Packet::Data(data), consumed: data.len() + 4 }));
}

#[track_caller]
fn check_error(input: &[u8], expected: PktLineError, text: &str) {
    check(input, Err(expected));
    assert_eq!(expected.to_string(), text);
    assert_eq!(expected.position(), Some(Position::START));
}

#[test]
fn whole_lines() {
    check_data(b"0006a\n", b"a\n");
    check_data(b"0005a", b"a");
    check_data(b"000bfoobar\n", b"foobar\n");
    check_data(b"0009\0\xff\n\r0", b"\0\xff\n\r0");
    check_data(b"0005a0005b", b"a");
}

#[test]
fn empty_line_is_a_line_without_data() {
    check_data(b"0004", b"");
    check_data(b"00040004", b"");
}

#[test]
fn digits_of_either_case() {
    check_data(b"000Afoobar", b"foobar");
    check_data(b"000afoobar", b"foobar");
    check_data(&[b"001F", &[b'x'; 27][..]].concat(), &[b'x'; 27]);
}

#[test]
fn packets_without_data() {
    check(b"0000", Ok(Whole { packet: Packet::Flush, consumed: 4 }));
    check(b"0001", Ok(Whole { packet: Packet::Delimiter, consumed: 4 }));
    check(b"0002", Ok(Whole { packet: Packet::ResponseEnd, consumed: 4 }));
    check(b"00000001", Ok(Whole { packet: Packet::Flush, consumed: 4 }));
}

#[test]
fn what_is_due() {
    check(b"", Ok(Incomplete { needed: 4 }));
    check(b"0", Ok(Incomplete { needed: 3 }));
    check(b"000", Ok(Incomplete { needed: 1 }));
    check(b"0005", Ok(Incomplete { needed: 1 }));
    check(b"000bfoo", Ok(Incomplete { needed: 4 }));
    check(b"fff0", Ok(Incomplete { needed: MAX_DATA }));
}

/// Length parsers of other programs have taken each of these for a number.
#[test]
fn lengths_that_are_no_hexadecimal_digits() {
    for digits in [
        *b"-001",
        *b"+00a",
        *b" 00a",
        *b"00a ",
        *b"0x0a",
        *b"0X0a",
        *b"00_a",
        *b"FFFG",
        *b"zzzz",
        *b"\0\0\0\0",
        *b"00a\n",
        *b"00\xd9\xa1",
        *b"\xef\xbc\x90a",
        *b"....",
        *b"PACK",
        *b"HTTP",
    ] {
        let error = PktLineError::NotHex { digits, at: Position::START };
        check(&digits, Err(error));
        check(&[&digits[..], b"0123456789"].concat(), Err(error));
    }
    check_error(
        b"-001",
        PktLineError::NotHex { digits: *b"-001", at: Position::START },
        "pkt-line 1 at byte 0: length \"-001\" is not hexadecimal",
    );
    check_error(
        b"0\n\x1b\xff",
        PktLineError::NotHex { digits: *b"0\n\x1b\xff", at: Position::START },
        "pkt-line 1 at byte 0: length \"0\\n\\x1b\\xff\" is not hexadecimal",
    );
}

#[test]
fn lengths_without_a_meaning() {
    check_error(
        b"0003",
        PktLineError::BadLength { length: 3, at: Position::START },
        "pkt-line 1 at byte 0: length 0003 has no meaning",
    );
}

#[test]
fn lines_above_the_longest() {
    let too_long = |length| PktLineError::TooLong { length, max: MAX_LINE, at: Position::START };
    check_error(b"fff1", too_long(0xfff1), "pkt-line 1 at byte 0: length 65521 exceeds 65520");
    check_error(b"ffff", too_long(0xffff), "pkt-line 1 at byte 0: length 65535 exceeds 65520");
    check_data(&[b"fff0", &[b'x'; MAX_DATA][..]].concat(), &[b'x'; MAX_DATA]);
}

#[test]
fn line_max_at_the_limit_and_above() {
    for line_max in [4, 5, 1000, MAX_LINE, 0xffff] {
        let line = |len: usize| [format!("{len:04x}").as_bytes(), &vec![b'x'; len - 4][..]].concat();
        let decoded = Decoder::new(Limits { line_max }).decode(&line(line_max)).map(|_| ());
        assert_eq!(decoded, Ok(()), "{line_max}");
        let Ok(length) = u16::try_from(line_max + 1) else { continue };
        assert_eq!(
            Decoder::new(Limits { line_max }).decode(&line(line_max + 1)),
            Err(PktLineError::TooLong { length, max: line_max, at: Position::START })
        );
    }
}

#[test]
fn line_max_of_zero_leaves_the_packets_without_data() {
    let mut decoder = Decoder::new(Limits { line_max: 0 });
    for input in [b"0000", b"0001", b"0002"] {
        assert!(matches!(decoder.decode(input), Ok(Whole { .. })), "{input:?}");
    }
    assert_eq!(
        decoder.decode(b"0003").unwrap_err().to_string(),
        "pkt-line 4 at byte 12: length 0003 has no meaning"
    );
    assert!(matches!(decoder.decode(b"0004"), Err(PktLineError::TooLong { length: 4, .. })));
}

#[test]
fn line_max_beyond_what_digits_say_takes_no_bad_digits() {
    let mut decoder = Decoder::new(Limits { line_max: usize::MAX });
    assert!(matches!(decoder.decode(b"ffff"), Ok(Incomplete { needed: 0xfffb })));
    assert!(matches!(decoder.decode(b"gggg"), Err(PktLineError::NotHex { .. })));
}

/// The packets without data that a version does not know (CVE-2016-10128 was a length below four taken for one).
#[test]
fn specials_of_each_version() {
    #[track_caller]
    fn check(specials: Specials, input: &[u8], expected: Option<u16>) {
        let mut decoder = Decoder::default();
        decoder.accept(specials);
        let expected = match expected {
            None => Ok(4),
            Some(length) => Err(PktLineError::BadLength { length, at: Position::START }),
        };
        let consumed = decoder.decode(input).map(|decoded| match decoded {
            Whole { consumed, .. } => consumed,
            Incomplete { .. } => 0,
        });
        assert_eq!(consumed, expected, "{specials:?} {input:?}");
    }
    check(Specials::Flush, b"0000", None);
    check(Specials::Flush, b"0001", Some(1));
    check(Specials::Flush, b"0002", Some(2));
    check(Specials::Flush, b"0003", Some(3));
    check(Specials::Delimiter, b"0001", None);
    check(Specials::Delimiter, b"0002", Some(2));
    check(Specials::Delimiter, b"0003", Some(3));
    check(Specials::ResponseEnd, b"0002", None);
    check(Specials::ResponseEnd, b"0003", Some(3));
}

#[test]
fn errors_know_their_place_and_stay() {
    let input = b"0006a\n00000004zzzz";
    let mut decoder = Decoder::default();
    let mut at = 0;
    for _ in 0..3 {
        let Ok(Whole { consumed, .. }) = decoder.decode(&input[at..]) else { panic!("three lines are good") };
        at += consumed;
    }
    let place = Position { line: 4, offset: 14 };
    for _ in 0..2 {
        let error = decoder.decode(&input[at..]).unwrap_err();
        assert_eq!(error, PktLineError::NotHex { digits: *b"zzzz", at: place });
        assert_eq!(decoder.position(), place);
    }
}

#[test]
fn lines_that_pass_in_pieces_count() {
    let mut decoder = Decoder::default();
    decoder.pass(4000);
    assert_eq!(decoder.position(), Position { line: 2, offset: 4000 });
}

#[test]
fn end_of_stream() {
    #[track_caller]
    fn check(rest: &[u8], expected: Result<(), PktLineError>) {
        assert_eq!(Decoder::default().end(rest), expected);
    }
    let due = |needed| Err(PktLineError::UnexpectedEnd { needed, at: Position::START });
    check(b"", Ok(()));
    check(b"0", due(3));
    check(b"0005", due(1));
    check(b"0010abc", due(9));
    check(b"zzzz", Err(PktLineError::NotHex { digits: *b"zzzz", at: Position::START }));
    let Err(error) = Decoder::default().end(b"0010abc") else { panic!("the line is cut") };
    assert_eq!(error.to_string(), "pkt-line 1 at byte 0: the stream ends, at least 9 more bytes are due");
}

#[test]
fn packets_of_a_slice_end_with_the_first_error() {
    let mut packets = Packets::new(b"0005a0003");
    assert_eq!(packets.next(), Some(Ok(Packet::Data(b"a"))));
    assert_eq!(
        packets.next(),
        Some(Err(PktLineError::BadLength { length: 3, at: Position { line: 2, offset: 5 } }))
    );
    assert_eq!(packets.next(), None);

    let mut packets = Packets::new(b"00000009abc");
    assert_eq!(packets.next(), Some(Ok(Packet::Flush)));
    assert_eq!(packets.rest(), b"0009abc");
    let at = Position { line: 2, offset: 4 };
    assert_eq!(packets.next(), Some(Err(PktLineError::UnexpectedEnd { needed: 2, at })));
    assert_eq!(packets.next(), None);
}

#[test]
fn every_error_has_a_reply_that_says_nothing_of_us() {
    let at = Position { line: 7, offset: 99 };
    for error in [
        PktLineError::NotHex { digits: *b"\x1bzzz", at },
        PktLineError::BadLength { length: 3, at },
        PktLineError::TooLong { length: 3, max: 2, at },
        PktLineError::UnexpectedEnd { needed: 1, at },
        PktLineError::EmptyData,
        PktLineError::DataTooLong { len: 7, max: 6 },
        PktLineError::BufferCut,
    ] {
        assert!(error.reply().is_ascii() && !error.reply().contains(char::is_numeric), "{error}");
    }
}
