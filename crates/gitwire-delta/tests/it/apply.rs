//! Deltas read: whole, as instructions, and in pieces; every way of being wrong.

use gitwire_delta::{
    DeltaDecoder, DeltaError, DeltaPart, Header, Instruction, Instructions, Stream, StreamError, apply,
    apply_to,
};
use proptest::prelude::*;

const BASE: &[u8] = b"0123456789abcdef";
const MAX: u64 = 1 << 21;

/// Applies in all three ways, the last with every cut of delta and room, and demands one answer.
#[track_caller]
fn check(base: &[u8], delta: &[u8], max: u64, expected: Result<&[u8], DeltaError>) {
    let mut out = b"what was there before".to_vec();
    let whole = apply(base, delta, max, &mut out).map(|()| out.as_slice());
    assert_eq!(whole, expected, "apply");
    if expected.is_err() {
        assert!(out.is_empty(), "a failed apply leaves nothing behind");
    }
    for piece in [1, 2, 3, delta.len().max(1)] {
        for room in [1, 5, 1 << 17] {
            assert_eq!(stream(base, delta, max, piece, room), expected.clone().map(<[u8]>::to_vec), "stream");
        }
    }
    if let Ok(result) = expected {
        let mut out = vec![b'x'; result.len()];
        assert_eq!(apply_to(base, delta, &mut out), Ok(()));
        assert_eq!(out, result);
    }
}

fn stream(base: &[u8], delta: &[u8], max: u64, piece: usize, room: usize) -> Result<Vec<u8>, DeltaError> {
    let mut source = base;
    let mut stream = Stream::new(&source, max);
    let mut room = vec![0; room];
    let mut result = Vec::new();
    for mut piece in delta.chunks(piece) {
        loop {
            match stream.read(&mut source, &mut piece, &mut room) {
                Ok(0) => break,
                Ok(filled) => result.extend_from_slice(&room[..filled]),
                Err(StreamError::Delta(error)) => {
                    assert_eq!(stream.finish(), Err(error.clone()), "errors are sticky");
                    return Err(error);
                }
                Err(StreamError::Base(never)) => match never {},
            }
        }
        assert!(piece.is_empty());
    }
    stream.finish().map(|()| result)
}

#[test]
fn well_formed() {
    check(BASE, b"\x10\x03\x03xyz", MAX, Ok(b"xyz"));
    check(BASE, b"\x10\x10\x90\x10", MAX, Ok(BASE));
    check(BASE, b"\x10\x04\x91\x0c\x04", MAX, Ok(b"cdef"));
    check(BASE, b"\x10\x06\x91\x0e\x02\x02--\x90\x02", MAX, Ok(b"ef--01"));
    // Sizes longer than they need be, as git reads them.
    check(BASE, b"\x90\x80\x00\x83\x80\x80\x00\x03xyz", MAX, Ok(b"xyz"));
    // Nothing out of something, and out of nothing. git reads no delta of under four bytes; the format has no such rule.
    check(BASE, b"\x10\x00", MAX, Ok(b""));
    check(b"", b"\x00\x00", MAX, Ok(b""));
    check(b"", b"\x00\x01\x01x", MAX, Ok(b"x"));
    // Every byte of offset and size said, though zero.
    check(BASE, b"\x10\x02\xff\x01\x00\x00\x00\x02\x00\x00", MAX, Ok(b"12"));
    // The limit itself is within the limit.
    check(BASE, b"\x10\x03\x03xyz", 3, Ok(b"xyz"));
}

#[test]
fn size_zero_is_64_kib() {
    let base: Vec<u8> = (0..0x1_0001_u32).map(|n| n.to_le_bytes()[0]).collect();
    check(&base, b"\x81\x80\x04\x80\x80\x04\x80", MAX, Ok(&base[..0x1_0000]));
    check(&base, b"\x81\x80\x04\x80\x80\x04\x81\x01", MAX, Ok(&base[1..]));
    check(&base, b"\x81\x80\x04\x80\x80\x04\xf0\x00\x00\x00", MAX, Ok(&base[..0x1_0000]));
    check(&base, b"\x81\x80\x04\x80\x80\x04\xc0\x01", MAX, Ok(&base[..0x1_0000]));
    let error = DeltaError::CopyOutOfBounds { at: 6, offset: 2, len: 0x1_0000, base: 0x1_0001 };
    check(&base, b"\x81\x80\x04\x80\x80\x04\x81\x02", MAX, Err(error));
}

#[test]
fn malformed() {
    use DeltaError::*;
    // The header.
    check(BASE, b"", MAX, Err(Truncated { at: 0, missing: 1 }));
    check(BASE, b"\x10", MAX, Err(Truncated { at: 1, missing: 1 }));
    check(BASE, b"\x90", MAX, Err(Truncated { at: 1, missing: 1 }));
    check(BASE, b"\x10\x83\x80", MAX, Err(Truncated { at: 3, missing: 1 }));
    check(BASE, b"\x90\x80\x80\x80\x80\x80\x80\x80\x80\x02", MAX, Err(SizeOverflow { at: 9 }));
    check(BASE, b"\x90\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", MAX, Err(SizeOverflow { at: 10 }));
    check(BASE, b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", MAX, Err(SizeOverflow { at: 10 }));
    let most = b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01x";
    check(BASE, most, MAX, Err(ResultTooLarge { declared: u64::MAX, limit: MAX }));
    check(BASE, most, u64::MAX, Err(ResultTooShort { declared: u64::MAX, actual: 1 }));
    check(BASE, b"\x0f\x01\x01x", MAX, Err(BaseSize { declared: 15, actual: 16 }));
    check(BASE, b"\x11\x01\x01x", MAX, Err(BaseSize { declared: 17, actual: 16 }));
    check(BASE, b"\x10\x03\x03xyz", 2, Err(ResultTooLarge { declared: 3, limit: 2 }));
    check(BASE, b"\x10\x01\x01x", 0, Err(ResultTooLarge { declared: 1, limit: 0 }));
    let most = b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
    check(BASE, most, MAX, Err(ResultTooLarge { declared: u64::MAX >> 1, limit: MAX }));

    // Opcodes.
    check(BASE, b"\x10\x01\x00", MAX, Err(Reserved { at: 2 }));
    check(BASE, b"\x10\x02\x01x\x00\x01x", MAX, Err(Reserved { at: 4 }));
    check(BASE, b"\x10\x03\x03xy", MAX, Err(Truncated { at: 5, missing: 1 }));
    check(BASE, b"\x10\x05\x06ab", MAX, Err(ResultTooLong { at: 2, declared: 5 }));
    check(BASE, b"\x10\x7f\x7f", MAX, Err(Truncated { at: 3, missing: 127 }));
    check(BASE, b"\x10\x03\x91\x00", MAX, Err(Truncated { at: 4, missing: 1 }));
    check(BASE, b"\x10\x03\xff\x00", MAX, Err(Truncated { at: 4, missing: 6 }));
    check(BASE, b"\x10\x03\x90", MAX, Err(Truncated { at: 3, missing: 1 }));

    // Copies past the end.
    let copy = |at, offset, len| Err(CopyOutOfBounds { at, offset, len, base: 16 });
    check(BASE, b"\x10\x11\x90\x11", MAX, copy(2, 0, 17));
    check(BASE, b"\x10\x10\x91\x01\x10", MAX, copy(2, 1, 16));
    check(BASE, b"\x10\x02\x01x\x91\x10\x01", MAX, copy(4, 16, 1));
    check(BASE, b"\x10\x01\x9f\xff\xff\xff\xff\x01", MAX, copy(2, u32::MAX, 1));
    check(BASE, b"\x10\x01\xff\xff\xff\xff\xff\xff\xff\xff", MAX, copy(2, u32::MAX, 0xff_ffff));
    check(b"", b"\x00\x01\x90\x01", MAX, Err(CopyOutOfBounds { at: 2, offset: 0, len: 1, base: 0 }));

    // Results of another length than declared.
    check(BASE, b"\x10\x02\x03xyz", MAX, Err(ResultTooLong { at: 2, declared: 2 }));
    check(BASE, b"\x10\x02\x90\x03", MAX, Err(ResultTooLong { at: 2, declared: 2 }));
    check(BASE, b"\x10\x02\x90\x02\x01x", MAX, Err(ResultTooLong { at: 4, declared: 2 }));
    check(BASE, b"\x10\x00\x90\x01", MAX, Err(ResultTooLong { at: 2, declared: 0 }));
    check(BASE, b"\x10\x02", MAX, Err(ResultTooShort { declared: 2, actual: 0 }));
    check(BASE, b"\x10\x05\x90\x02\x01x", MAX, Err(ResultTooShort { declared: 5, actual: 3 }));
}

/// All 128 copy opcodes, with offsets and sizes around every edge: in bounds is right, out of bounds is the exact error.
#[test]
fn copies_at_every_edge() {
    let base: Vec<u8> = (0..70_000_u32).map(|n| (n % 251).to_le_bytes()[0]).collect();
    let size = 70_000_u32;
    let edges = [0, 1, size - 1, size, size + 1, (1 << 24) - 1, u32::MAX];
    let mut in_bounds = 0;
    for opcode in 0x80..=0xff_u8 {
        for (offset, len) in edges.iter().flat_map(|offset| edges.map(|len| (*offset, len))) {
            let fields = [offset.to_le_bytes(), len.to_le_bytes()].concat();
            let mut operands = Vec::new();
            let mut said = [0_u8; 8];
            for bit in (0..7).filter(|bit| opcode >> bit & 1 == 1) {
                operands.push(fields[bit]);
                said[bit] = fields[bit];
            }
            let offset = u32::from_le_bytes(said[..4].try_into().unwrap());
            let len = match u32::from_le_bytes(said[4..].try_into().unwrap()) {
                0 => 0x1_0000,
                len => len,
            };
            let mut delta = varint(size);
            delta.extend(varint(len));
            let at = delta.len() as u64;
            delta.push(opcode);
            delta.extend(operands);

            let mut out = Vec::new();
            let applied = apply(&base, &delta, 1 << 25, &mut out);
            if u64::from(offset) + u64::from(len) <= u64::from(size) {
                assert_eq!(applied, Ok(()));
                assert_eq!(out, &base[offset as usize..][..len as usize]);
                in_bounds += 1;
            } else {
                let base = u64::from(size);
                assert_eq!(applied, Err(DeltaError::CopyOutOfBounds { at, offset, len, base }));
            }
        }
    }
    assert!(in_bounds > 100);
}

/// A size that is only claimed costs nothing: a terabyte within the limit is refused by the walk over the instructions.
#[test]
fn a_claimed_size_is_no_capacity() {
    let delta = b"\x10\x80\x80\x80\x80\x80\x20\x90\x10";
    let mut out = Vec::new();
    let claimed = 1 << 40;
    let error = DeltaError::ResultTooLarge { declared: claimed, limit: 1 << 30 };
    assert_eq!(apply(BASE, delta, 1 << 30, &mut out), Err(error));
    let error = DeltaError::ResultTooShort { declared: claimed, actual: 16 };
    assert_eq!(apply(BASE, delta, u64::MAX, &mut out), Err(error));
    assert_eq!(out.capacity(), 0);
    let error = DeltaError::CopyOutOfBounds { at: 7, offset: 0, len: 17, base: 16 };
    assert_eq!(apply(BASE, b"\x10\x80\x80\x80\x80\x80\x20\x90\x11", u64::MAX, &mut out), Err(error));
}

/// A real bomb: 16 MiB for every eight bytes. Nothing of it is made when the limit says so, all of it when not.
#[test]
fn a_bomb_within_its_declared_size() {
    let base = vec![7; 0xff_ffff];
    let mut delta = varint(0xff_ffff);
    delta.extend(varint(0xff_ffff * 4));
    for _ in 0..4 {
        delta.extend(b"\xf0\xff\xff\xff");
    }
    let mut out = Vec::new();
    let declared = 0xff_ffff * 4;
    let error = DeltaError::ResultTooLarge { declared, limit: declared - 1 };
    assert_eq!(apply(&base, &delta, declared - 1, &mut out), Err(error));
    assert_eq!(out.capacity(), 0);
    assert_eq!(apply(&base, &delta, declared, &mut out), Ok(()));
    assert_eq!(out.len() as u64, declared);
}

#[test]
fn the_room_of_apply_to_must_fit() {
    let error = DeltaError::RoomSize { declared: 3, actual: 2 };
    assert_eq!(apply_to(BASE, b"\x10\x03\x03xyz", &mut [0; 2]), Err(error));
    let error = DeltaError::RoomSize { declared: 3, actual: 4 };
    assert_eq!(apply_to(BASE, b"\x10\x03\x03xyz", &mut [0; 4]), Err(error));
}

#[test]
fn instructions_end_after_an_error() {
    let delta = b"\x10\x04\x91\x02\x03\x01!\x00\x01?";
    let header = Header::parse(delta).unwrap();
    let mut instructions = Instructions::new(delta, &header);
    assert_eq!(instructions.next(), Some(Ok((2, Instruction::Copy { offset: 2, len: 3 }))));
    assert_eq!(instructions.next(), Some(Ok((5, Instruction::Insert(b"!")))));
    assert_eq!(instructions.next(), Some(Err(DeltaError::Reserved { at: 7 })));
    assert_eq!(instructions.next(), None);
}

#[test]
fn decoder_counts() {
    let mut decoder = DeltaDecoder::new(16, MAX);
    let mut input = &b"\x10\x08\x91\x02\x03\x05abc"[..];
    assert_eq!(decoder.header(), None);
    assert_eq!(decoder.decode(&mut input), Ok(Some(DeltaPart::Copy { offset: 2, len: 3 })));
    assert_eq!((decoder.position(), decoder.produced()), (5, 3));
    assert_eq!(decoder.header(), Some(&Header { base_size: 16, result_size: 8, len: 2 }));
    assert_eq!(decoder.decode(&mut input), Ok(Some(DeltaPart::Insert(b"abc"))));
    assert_eq!(decoder.finish(), Err(DeltaError::Truncated { at: 9, missing: 2 }));
    assert_eq!(decoder.decode(&mut &b"de"[..]), Ok(Some(DeltaPart::Insert(b"de"))));
    assert_eq!(decoder.finish(), Ok(()));
    assert_eq!(decoder.decode(&mut &b"\0"[..]), Err(DeltaError::Reserved { at: 11 }));
    assert_eq!(decoder.decode(&mut &b""[..]), Err(DeltaError::Reserved { at: 11 }));
    assert_eq!(decoder.finish(), Err(DeltaError::Reserved { at: 11 }));
}

/// A base that cannot be read ends the stream with its own error.
#[test]
fn base_errors_pass_through() {
    struct Broken;
    impl gitwire_delta::DeltaBase for Broken {
        type Error = &'static str;
        fn size(&self) -> u64 {
            16
        }
        fn read_at(&mut self, _offset: u64, _room: &mut [u8]) -> Result<(), &'static str> {
            Err("medium")
        }
    }
    let mut stream = Stream::new(&Broken, MAX);
    let read = stream.read(&mut Broken, &mut &b"\x10\x02\x90\x02"[..], &mut [0; 8]);
    assert_eq!(read, Err(StreamError::Base("medium")));
    assert_eq!(stream.finish(), Err(DeltaError::ResultTooShort { declared: 2, actual: 0 }));
}

proptest! {
    /// Whatever the bytes and the cuts, all ways of applying agree.
    #[test]
    fn any_delta_in_any_pieces(
        tail in proptest::collection::vec(any::<u8>(), 0..40),
        result in 0_u8..80,
        piece in 1_usize..9,
        room in 1_usize..9,
    ) {
        let delta = [&[16, result], &tail[..]].concat();
        let mut out = Vec::new();
        let whole = apply(BASE, &delta, MAX, &mut out).map(|()| out);
        prop_assert_eq!(stream(BASE, &delta, MAX, piece, room), whole);
    }
}

fn varint(mut size: u32) -> Vec<u8> {
    let mut out = Vec::new();
    while size >= 0x80 {
        out.push(size.to_le_bytes()[0] | 0x80);
        size >>= 7;
    }
    out.push(size.to_le_bytes()[0]);
    out
}
