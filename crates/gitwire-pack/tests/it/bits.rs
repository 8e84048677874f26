//! Every bit of a pack and of the files beside it counts.

use std::sync::Arc;

use gitwire_pack::{
    BaseCache, Index, Limits, Pack, PackDecoder, PackError, PackItem, Resolve, ReverseIndex, verify_pack,
};
use gitwire_types::Never;

use crate::packs::{SHA1, idx_of, index, index_in, options, rev_of, small};

/// All checks that there are.
fn verify(pack: &[u8], idx: &[u8], rev: &[u8]) -> Result<(), PackError> {
    let index = Index::open(idx, SHA1, &Limits::default())?;
    verify_pack(&pack, &index, options(1), &Resolve::default(), &Never, &mut |_| ())?;
    ReverseIndex::open(rev, index.count(), &index.pack_checksum()?)?.check(&index, &Never)
}

/// A text that says where: an offset, a length, a position.
#[track_caller]
fn assert_positioned(error: &PackError, what: &str) {
    let text = error.to_string();
    let positioned = text.contains(|digit: char| digit.is_ascii_digit()) || text.contains("starts with");
    assert!(positioned, "{what}: {text}");
    assert!(!matches!(error, PackError::Internal(_) | PackError::Misuse(_)), "{what}: {text}");
}

#[test]
fn every_flipped_bit_is_noticed() {
    let pack = small();
    let indexed = index(&pack).unwrap();
    let (idx, rev) = (idx_of(&indexed), rev_of(&indexed));
    verify(&pack, &idx, &rev).unwrap();
    let files = [pack, idx, rev];
    for file in 0..files.len() {
        for bit in 0..files[file].len() * 8 {
            let mut flipped = files.clone();
            flipped[file][bit / 8] ^= 1 << (bit % 8);
            let [pack, idx, rev] = &flipped;
            let error = verify(pack, idx, rev).expect_err("a flipped bit");
            assert_positioned(&error, &format!("file {file}, bit {bit}"));
            if file == 0 {
                let error = decode(pack).expect_err("a flipped bit");
                assert_positioned(&error, &format!("decoder, bit {bit}"));
            }
            read_everything(&flipped);
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let pack = small();
    let indexed = index(&pack).unwrap();
    let (idx, rev) = (idx_of(&indexed), rev_of(&indexed));
    let files = [pack, idx, rev];
    for file in 0..files.len() {
        for len in 0..files[file].len() {
            let mut cut = files.clone();
            cut[file].truncate(len);
            let [pack, idx, rev] = &cut;
            let error = verify(pack, idx, rev).expect_err("a cut file");
            assert_positioned(&error, &format!("file {file}, {len} bytes"));
            if file == 0 {
                let error = index_in(pack, options(1), 11, &Resolve::default()).expect_err("a cut pack");
                assert!(matches!(error, PackError::Truncated { offset } if offset == len as u64), "{error}");
                let error = decode(pack).expect_err("a cut pack");
                assert!(matches!(error, PackError::Truncated { offset } if offset == len as u64), "{error}");
            }
            read_everything(&cut);
        }
    }
}

fn decode(pack: &[u8]) -> Result<(), PackError> {
    let mut decoder = PackDecoder::new(SHA1, Limits::default());
    let mut rest = pack;
    loop {
        let (consumed, item) = decoder.decode(rest)?;
        let needs_input = item == PackItem::NeedInput;
        rest = &rest[consumed..];
        if needs_input && rest.is_empty() {
            return decoder.finish().map(|_| ());
        }
    }
}

/// Reading by id from damaged files: an error or the object, never a panic.
fn read_everything([pack, idx, _]: &[Vec<u8>; 3]) {
    let Ok(index) = Index::open(idx, SHA1, &Limits::default()) else { return };
    let Ok(pack) = Pack::open(&pack[..], index, Arc::new(BaseCache::new(1 << 16)), Limits::default()) else {
        return;
    };
    let mut out = Vec::new();
    for position in 0..pack.index().count() {
        let Ok(id) = pack.index().id(position) else { continue };
        let _ = (pack.read(&id, 1 << 20, &mut out), pack.info(&id), pack.entry(&id));
    }
}
