//! Packs that are wrong, each with the error that says so.

use gitwire_pack::{EntryKind, PackDecoder, PackError, PackItem, Resolve};
use gitwire_types::{ObjectId, ObjectKind};

use crate::packs::{
    PackBuilder, SHA1, appending, blob_id, deflate, index_in, options, sealed, whole_text, write_size,
};

/// The error of the indexer on one thread and on four, however the pack is cut; and of the decoder, where the fault is in
/// an entry itself.
#[track_caller]
fn check(pack: &[u8], expected: &str) {
    for (threads, piece) in [(1, usize::MAX), (1, 1), (4, usize::MAX), (4, 13)] {
        let error = index_in(pack, options(threads), piece, &Resolve::default()).expect_err(expected);
        assert_eq!(whole_text(&error), expected, "{threads} threads, pieces of {piece}");
    }
}

/// The same error from the decoder.
#[track_caller]
fn check_both(pack: &[u8], expected: &str) {
    check(pack, expected);
    for piece in [usize::MAX, 1] {
        assert_eq!(whole_text(&decode(pack, piece).expect_err(expected)), expected);
    }
}

fn decode(pack: &[u8], piece: usize) -> Result<(), PackError> {
    let mut decoder = PackDecoder::new(SHA1, Default::default());
    for mut piece in pack.chunks(piece) {
        loop {
            let (consumed, item) = decoder.decode(piece)?;
            let needs_input = item == PackItem::NeedInput;
            piece = &piece[consumed..];
            if needs_input {
                break;
            }
        }
    }
    decoder.finish().map(|_| ())
}

fn one(entry: &[u8]) -> Vec<u8> {
    let mut pack = PackBuilder::new();
    pack.raw(entry);
    pack.finish()
}

const BLOB: EntryKind = EntryKind::Whole(ObjectKind::Blob);

#[test]
fn headers() {
    check_both(b"", "pack ends at offset 0");
    check_both(b"PACK\0\0\0\x02\0\0", "pack ends at offset 10");
    check_both(b"PICK\0\0\0\x02\0\0\0\0", "pack starts with [80, 73, 67, 75], not with PACK");
    check_both(b"PACK\0\0\0\x04\0\0\0\0", "pack has version 4, at offset 4");
    check_both(b"PACK\0\0\0\x01\0\0\0\0", "pack has version 1, at offset 4");
    check_both(&sealed(b"PACK\0\0\0\x02\0\0\0\x01".to_vec())[..12], "pack ends at offset 12");
    check_both(b"PACK\0\0\0\x02\xff\xff\xff\xff", "pack declares 4294967295 objects, the limit is 134217728");
    let mut pack = PackBuilder::new();
    pack.blob(b"one");
    // The trailer is taken for an entry, which goes on behind it.
    check_both(&pack.declare(2), "pack ends at offset 44");
    pack.blob(b"two");
    let pack = pack.declare(1);
    let right = sealed(pack[..24].to_vec());
    let [right, wrong] = [&right[24..], &pack[24..44]].map(|id| ObjectId::from_raw(SHA1, id).unwrap());
    check_both(&pack, &format!("pack has checksum {right}, its trailer at offset 24 says {wrong}"));
}

#[test]
fn entries() {
    let content = deflate(b"content");
    for kind in [0, 5] {
        let entry = [&[kind << 4 | 7], &content[..]].concat();
        check_both(&one(&entry), &format!("entry at offset 12 has type {kind}"));
    }
    let overflow = "entry at offset 12 has a number that does not fit in 64 bits";
    check_both(&one(&[&[0xb7][..], &[0xff; 9], &[0x01], &content].concat()), overflow);
    check_both(&one(&[&[0xbf][..], &[0xff; 8], &[0x10], &content].concat()), overflow);
    check_both(
        &one(&[&[0xb7][..], &[0x80; 9], &[0x00], &content].concat()),
        "entry at offset 12 has a number that does not fit in 64 bits",
    );
    check_both(&one(&[&[0x67][..], &[0xff; 9], &[0x7f], &content].concat()), overflow);
    check_both(&one(&[0xb7; 5])[..17], "pack ends at offset 17");
}

#[test]
fn compressed_data() {
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 7, b"no zlib stream at all");
    check_both(&pack.finish(), "entry at offset 12 has bad compressed data: no zlib stream");

    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 6, &deflate(b"content"));
    check_both(&pack.finish(), "entry at offset 12 inflates to more than the 6 bytes that it declares");
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 0, &deflate(b"content"));
    check_both(&pack.finish(), "entry at offset 12 inflates to more than the 0 bytes that it declares");
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 8, &deflate(b"content"));
    check_both(&pack.finish(), "entry at offset 12 inflates to 7 bytes, it declares 8");
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 1 << 30, &deflate(&[0; 70_000]));
    check_both(&pack.finish(), "entry at offset 12 inflates to 70000 bytes, it declares 1073741824");

    // Found when the object is made.
    let mut wrong = deflate(b"content");
    *wrong.last_mut().unwrap() ^= 1;
    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 7, &wrong);
    check_both(&pack.finish(), "entry at offset 12 has bad compressed data: wrong checksum");

    let mut pack = PackBuilder::new();
    pack.entry(BLOB, 7, &[0x78, 0xbb, 0, 0, 0, 0, 0, 0]);
    check_both(&pack.finish(), "entry at offset 12 has bad compressed data: needs a preset dictionary");
}

#[test]
fn trailers() {
    let mut pack = PackBuilder::new();
    pack.blob(b"one");
    let good = pack.finish();
    check_both(
        &[&good[..], b"junk"].concat(),
        &format!("pack goes on after its end at offset {}", good.len()),
    );
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 0x0f;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (right, wrong) = (hex(&good[24..]), hex(&bad[24..]));
    check_both(&bad, &format!("pack has checksum {right}, its trailer at offset 24 says {wrong}"));
}

#[test]
fn offset_deltas() {
    let delta = appending(3, b"x");
    let delta = |distance| {
        let mut pack = PackBuilder::new();
        pack.blob(b"one");
        pack.entry(EntryKind::OffsetDelta { distance }, delta.len() as u64, &deflate(&delta));
        pack.finish()
    };
    let text = |distance: u64| {
        format!("delta at offset 24 has its base {distance} bytes before, where no entry starts")
    };
    // Itself; the middle of an entry; the pack's header; before the pack.
    check_both(&delta(0), &text(0));
    check(&delta(11), &text(11));
    check_both(&delta(13), &text(13));
    check_both(&delta(24), &text(24));
    check_both(&delta(25), &text(25));
    check_both(&delta(1 << 40), &text(1_u64 << 40));
    index_in(&delta(12), options(1), 5, &Resolve::default()).unwrap();
}

#[test]
fn deltas() {
    let with = |delta: &[u8]| {
        let mut pack = PackBuilder::new();
        let base = pack.blob(b"one");
        pack.offset_delta(base, delta);
        pack.finish()
    };
    let broken = "delta at offset 24 is broken";
    check(&with(b""), &format!("{broken}: delta ends at offset 0, 1 or more bytes short"));
    check(&with(b"\x03"), &format!("{broken}: delta ends at offset 1, 1 or more bytes short"));
    check(&with(b"\x04\x01\x01x"), &format!("{broken}: delta is for a base of 4 bytes, not 3"));
    check(&with(b"\x03\x01\x00"), &format!("{broken}: delta has the reserved opcode 0 at offset 2"));
    check(
        &with(b"\x03\x04\x90\x04"),
        &format!("{broken}: delta copies 4 bytes at 0 of a base of 3 bytes, at offset 2"),
    );
    check(
        &with(b"\x03\x02\x90\x03"),
        &format!("{broken}: delta makes more than the 2 bytes that it declares, at offset 2"),
    );
    check(&with(b"\x03\x04\x90\x03"), &format!("{broken}: delta makes 3 of the 4 bytes that it declares"));
    check(&with(b"\x03\x09\x05ab"), &format!("{broken}: delta ends at offset 5, 3 or more bytes short"));
    let mut lie = vec![3];
    write_size(1 << 40, &mut lie);
    check(&with(&lie), "entry at offset 24 declares 1099511627776 bytes, the limit is 1073741824");
}

#[test]
fn missing_bases() {
    let mut pack = PackBuilder::new();
    pack.blob(b"one");
    let absent = blob_id(b"absent");
    let first = pack.id_delta(absent, &appending(6, b"x"));
    pack.offset_delta(first, &appending(7, b"y"));
    check(&pack.finish(), &format!("pack has 2 unresolved deltas, the first at offset 24 against {absent}"));
}
