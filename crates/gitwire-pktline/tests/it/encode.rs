use bytes::{BufMut, BytesMut};
use gitwire_pktline::{
    MAX_DATA, OpenPacket, Packet, PktLineError, encode, encode_data, encode_delimiter, encode_error,
    encode_flush, encode_response_end, encode_text, encode_with, error_message, prefix,
};

type Encoded = Result<(), PktLineError>;

#[track_caller]
fn check(encode: impl FnOnce(&mut Vec<u8>) -> Encoded, expected: Result<&[u8], PktLineError>) {
    let mut out = Vec::from(*b"before");
    let done = encode(&mut out);
    match expected {
        Ok(line) => assert_eq!((done, out.strip_prefix(b"before")), (Ok(()), Some(line))),
        Err(error) => assert_eq!((done, &out[..]), (Err(error), &b"before"[..])),
    }
}

#[test]
fn packets() {
    check(|out| encode(Packet::Flush, out), Ok(b"0000"));
    check(|out| encode(Packet::Delimiter, out), Ok(b"0001"));
    check(|out| encode(Packet::ResponseEnd, out), Ok(b"0002"));
    check(|out| encode(Packet::Data(b"a"), out), Ok(b"0005a"));
    check(|out| encode(Packet::Data(b""), out), Err(PktLineError::EmptyData));
    let mut out = Vec::new();
    encode_flush(&mut out);
    encode_delimiter(&mut out);
    encode_response_end(&mut out);
    assert_eq!(out, b"000000010002");
}

#[test]
fn lower_case_digits() {
    check(|out| encode_data(&[b'x'; 0xabc], out), Ok(&[b"0ac0", &[b'x'; 0xabc][..]].concat()));
}

#[test]
fn text_and_errors() {
    check(|out| encode_text(b"", out), Ok(b"0005\n"));
    check(|out| encode_text(b"done", out), Ok(b"0009done\n"));
    check(|out| encode_error(b"", out), Ok(b"0008ERR "));
    check(|out| encode_error(b"no", out), Ok(b"000aERR no"));
    assert_eq!(error_message(b"ERR no"), Some(&b"no"[..]));
    assert_eq!(error_message(b"ERR no\n"), Some(&b"no"[..]));
    assert_eq!(error_message(b"ERR "), Some(&b""[..]));
    for other in [&b""[..], b"ERR", b"err no", b" ERR no", b"ERRno"] {
        assert_eq!(error_message(other), None);
    }
}

#[test]
fn longest_and_one_more() {
    let max = vec![b'x'; MAX_DATA];
    let more = vec![b'x'; MAX_DATA + 1];
    let too_long = Err(PktLineError::DataTooLong { len: MAX_DATA + 1, max: MAX_DATA });
    check(|out| encode_data(&max, out), Ok(&[b"fff0", &max[..]].concat()));
    check(|out| encode_data(&more, out), too_long);
    check(|out| encode_text(&max[1..], out), Ok(&[b"fff0", &max[1..], b"\n"].concat()));
    check(|out| encode_text(&max, out), too_long);
    check(|out| encode_error(&max[4..], out), Ok(&[b"fff0ERR ", &max[4..]].concat()));
    check(|out| encode_error(&max[3..], out), too_long);
    assert_eq!(prefix(MAX_DATA), Ok(*b"fff0"));
    assert_eq!(prefix(0), Err(PktLineError::EmptyData));
    assert_eq!(prefix(usize::MAX), Err(PktLineError::DataTooLong { len: usize::MAX, max: MAX_DATA }));
}

#[test]
fn in_place() {
    #[track_caller]
    fn check(max: usize, fill: usize, expected: Result<usize, PktLineError>, room: usize) {
        let mut out = BytesMut::from(&b"before"[..]);
        let written = encode_with(&mut out, max, |place| {
            assert_eq!(place.len(), room);
            let len = fill.min(place.len());
            place[..len].fill(b'x');
            fill
        });
        assert_eq!(written, expected);
        match expected {
            Ok(0) | Err(_) => assert_eq!(out, "before"),
            Ok(len) => assert_eq!(out, format!("before{:04x}{}", len + 4, "x".repeat(len))),
        }
    }
    check(10, 3, Ok(3), 10);
    check(10, 10, Ok(10), 10);
    check(10, 0, Ok(0), 10);
    check(10, 11, Err(PktLineError::DataTooLong { len: 11, max: 10 }), 10);
    check(0, 0, Ok(0), 0);
    check(usize::MAX, MAX_DATA, Ok(MAX_DATA), MAX_DATA);
    check(
        usize::MAX,
        MAX_DATA + 1,
        Err(PktLineError::DataTooLong { len: MAX_DATA + 1, max: MAX_DATA }),
        MAX_DATA,
    );
}

#[test]
fn open_packet() {
    let mut out = BytesMut::from(&b"before"[..]);
    let open = OpenPacket::begin(&mut out);
    assert_eq!(open.data_len(&out), 0);
    assert_eq!(open.finish(&mut out), Ok(0));
    assert_eq!(out, "before");

    let open = OpenPacket::begin(&mut out);
    out.put_bytes(b'x', MAX_DATA + 1);
    assert_eq!(open.data_len(&out), MAX_DATA + 1);
    assert_eq!(open.finish(&mut out), Err(PktLineError::DataTooLong { len: MAX_DATA + 1, max: MAX_DATA }));
    assert_eq!(out, "before");

    let open = OpenPacket::begin(&mut out);
    out.put_slice(b"abc");
    open.cancel(&mut out);
    assert_eq!(out, "before");

    let open = OpenPacket::begin(&mut out);
    out.clear();
    assert_eq!(open.finish(&mut out), Err(PktLineError::BufferCut));
}
