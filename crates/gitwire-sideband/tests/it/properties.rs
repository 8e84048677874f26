use bytes::{Buf, BytesMut};
use gitwire_sideband::{
    Band, ControlCharacters, Demultiplexed, Demultiplexer, Limits, LineEnd, Muxer, PacketSize, ProgressText,
    SafeText, Sanitizer, SidebandError,
};
use proptest::prelude::*;

/// What came out of a stream: data joined, texts one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Data(Vec<u8>),
    Progress(Vec<u8>),
    Error(Vec<u8>),
    Special,
}

fn run<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Item>, Result<(), SidebandError>) {
    let (mut stream, mut buffer, mut items) = (Demultiplexer::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let (item, consumed) = match stream.next(&buffer) {
                Ok(Demultiplexed::Data { data, consumed }) => {
                    if let Some(Item::Data(before)) = items.last_mut() {
                        before.extend_from_slice(data);
                        buffer.advance(consumed);
                        continue;
                    }
                    (Item::Data(data.to_vec()), consumed)
                }
                Ok(Demultiplexed::Progress { text, consumed }) => (Item::Progress(text.to_vec()), consumed),
                Ok(Demultiplexed::Error { text, consumed }) => (Item::Error(text.to_vec()), consumed),
                Ok(Demultiplexed::Special { consumed, .. }) => (Item::Special, consumed),
                Ok(Demultiplexed::Incomplete { needed }) => {
                    assert!(needed > 0);
                    break;
                }
                Err(error) => return (items, Err(error)),
            };
            assert!(consumed > 0);
            items.push(item);
            buffer.advance(consumed);
        }
    }
    (items, stream.end(&buffer))
}

fn wire() -> impl Strategy<Value = Vec<u8>> {
    let data = || proptest::collection::vec(any::<u8>(), 0..60);
    let piece = prop_oneof![
        6 => data().prop_map(|data| framed(Band::Data, &data)),
        4 => data().prop_map(|data| framed(Band::Progress, &data)),
        1 => data().prop_map(|data| framed(Band::Error, &data)),
        1 => Just(b"0000".to_vec()),
        1 => Just(b"0004".to_vec()),
        1 => Just(b"0007\x09ab".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn framed(band: Band, data: &[u8]) -> Vec<u8> {
    let header = Muxer::new(PacketSize::Large).header(band, data.len()).expect("data fit");
    [&header[..], data].concat()
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => "[a-z \n\r\t]{0,8}".prop_map(String::into_bytes),
        2 => "\\PC{0,4}".prop_map(String::into_bytes),
        2 => "\u{1b}\\[[0-9;?]{0,6}[A-Zm]".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..5),
        1 => Just(b"\x1b]0;x\x07".to_vec()),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn level() -> impl Strategy<Value = ControlCharacters> {
    use ControlCharacters as C;
    prop_oneof![Just(C::NONE), Just(C::COLOR), Just(C::CURSOR.and(C::COLOR)), Just(C::ERASE), Just(C::ALL)]
}

fn lines(level: ControlCharacters, line_max: usize, pieces: &[&[u8]]) -> Vec<(String, LineEnd)> {
    let mut progress = ProgressText::new(level, Limits { line_max });
    let mut lines = Vec::new();
    for piece in pieces {
        progress.push(piece, |line| lines.push((line.text.to_owned(), line.end)));
    }
    progress.finish(|line| lines.push((line.text.to_owned(), line.end)));
    lines
}

proptest! {
    #[test]
    fn cutting_a_stream_changes_nothing(wire in wire(), size in 1..40_usize) {
        let whole = run(std::iter::once(&wire[..]));
        prop_assert_eq!(run(wire.chunks(size)), whole.clone());
        prop_assert_eq!(run(wire.chunks(1)), whole);
    }

    #[test]
    fn what_is_written_is_read(data in proptest::collection::vec(any::<u8>(), 0..3000), text in text()) {
        let mut wire = Vec::new();
        let muxer = Muxer::new(PacketSize::Small);
        muxer.data(&data, &mut wire);
        muxer.error(&text, &mut wire);
        let (items, end) = run(std::iter::once(&wire[..]));
        prop_assert_eq!(end, Ok(()));
        let mut expected = Vec::new();
        if !data.is_empty() {
            expected.push(Item::Data(data));
        }
        expected.push(Item::Error(text));
        prop_assert_eq!(items, expected);
    }

    #[test]
    fn nothing_reaches_a_terminal_that_moves_it(text in text()) {
        let shown = SafeText(&text).to_string();
        prop_assert!(shown.chars().all(|character| character == '\n' || character == '\t' || !character.is_control()), "{shown:?}");
    }

    #[test]
    fn with_colour_nothing_else_passes(text in text()) {
        let (mut sanitizer, mut shown) = (Sanitizer::new(ControlCharacters::COLOR), String::new());
        sanitizer.push(&text, &mut shown);
        sanitizer.finish(&mut shown);
        for sequence in shown.split('\x1b').skip(1) {
            let parameters = sequence.strip_prefix('[').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':'));
            prop_assert!(parameters.is_some_and(|rest| rest.starts_with('m')), "{shown:?}");
        }
        prop_assert!(shown.chars().all(|c| matches!(c, '\n' | '\t' | '\x1b') || !c.is_control()), "{shown:?}");
    }

    #[test]
    fn cutting_progress_changes_nothing(text in text(), level in level(), line_max in 1..30_usize, size in 1..7_usize) {
        let whole = lines(level, line_max, &[&text]);
        let pieces: Vec<&[u8]> = text.chunks(size).collect();
        prop_assert_eq!(lines(level, line_max, &pieces), whole.clone());
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(lines(level, line_max, &bytes), whole);
    }

    #[test]
    fn plain_text_stays_as_it_is(text in "[ -~äöü€🎉\n\t]{0,40}", level in level()) {
        let (mut sanitizer, mut shown) = (Sanitizer::new(level), String::new());
        sanitizer.push(text.as_bytes(), &mut shown);
        sanitizer.finish(&mut shown);
        prop_assert_eq!(shown, text);
    }
}
