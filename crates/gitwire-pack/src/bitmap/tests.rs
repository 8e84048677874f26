//! Bitmaps made by hand, whole and broken.

use super::*;
use crate::testing::summed;

/// Bits, words and the rest of a compressed bitmap.
fn ewah(bits: u32, words: &[u64]) -> Vec<u8> {
    let mut out = bits.to_be_bytes().to_vec();
    out.extend(u32::try_from(words.len()).unwrap().to_be_bytes());
    words.iter().for_each(|word| out.extend(word.to_be_bytes()));
    out.extend([0; 4]);
    out
}

fn marker(bit: u64, run: u64, plain: u64) -> u64 {
    bit | run << 1 | plain << 33
}

fn pack() -> ObjectId {
    ObjectId::from_sha1([7; 20])
}

/// 70 objects: 3 commits, the rest blobs; bitmaps of the commits at positions 1, 5 and 9.
fn file(flags: u16, tail: &[u8]) -> Vec<u8> {
    let mut out = b"BITM\x00\x01".to_vec();
    out.extend(flags.to_be_bytes());
    out.extend(3_u32.to_be_bytes());
    out.extend(pack().as_bytes());
    out.extend(ewah(70, &[marker(0, 0, 1), 0b111]));
    out.extend(ewah(0, &[]));
    out.extend(ewah(70, &[marker(0, 0, 2), !0b111, 0b11_1111]));
    out.extend(ewah(0, &[marker(0, 0, 0)]));
    for (position, distance, words) in [
        (1_u32, 0, vec![marker(0, 0, 1), 0b1001]),
        (5, 1, vec![marker(0, 0, 1), 0b0010]),
        (9, 1, vec![marker(1, 1, 1), 0b11_1111]),
    ] {
        out.extend(position.to_be_bytes());
        out.extend([distance, 0]);
        out.extend(ewah(70, &words));
    }
    out.extend(tail);
    summed(out)
}

fn open(data: Vec<u8>) -> Result<PackBitmaps, BitmapProblem> {
    PackBitmaps::parse(data, 70, &pack())
}

#[test]
fn bitmaps_stand_on_each_other() {
    let bitmaps = open(file(FULL, b"")).unwrap();
    let reach = |position| {
        let bits = bitmaps.reach(position).unwrap();
        bits.map(|bits| bits.iter().collect::<Vec<_>>())
    };
    assert_eq!(reach(0), None);
    assert_eq!(reach(1), Some(vec![0, 3]));
    assert_eq!(reach(5), Some(vec![0, 1, 3]));
    let all: Vec<u32> = (0..70).filter(|at| ![0, 1, 3].contains(at)).collect();
    assert_eq!(reach(9), Some(all));
    assert_eq!(bitmaps.of_kind(ObjectKind::Commit).iter().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(bitmaps.of_kind(ObjectKind::Blob).count(), 67);
    assert!(bitmaps.of_kind(ObjectKind::Tag).is_empty());
    assert!(bitmaps.has(9) && !bitmaps.has(8));
    assert_eq!(bitmaps.name(3), 0);
}

#[test]
fn paths_have_numbers_where_the_file_says_so() {
    let numbers: Vec<u8> = (0..70_u32).flat_map(|number| (number * 3).to_be_bytes()).collect();
    let bitmaps = open(file(FULL | NAMES, &numbers)).unwrap();
    assert_eq!((bitmaps.name(0), bitmaps.name(69), bitmaps.name(70)), (0, 207, 0));
    assert_eq!(bitmaps.reach(1).unwrap().unwrap().count(), 2);
}

#[test]
fn what_is_wrong_is_named() {
    #[track_caller]
    fn check(data: Vec<u8>, expected: &str) {
        assert_eq!(open(data).unwrap_err().to_string(), expected);
    }
    let good = || file(FULL, b"");
    let with = |at: usize, byte: u8| {
        let mut data = good();
        data.truncate(data.len() - 20);
        data[at] = byte;
        summed(data)
    };
    check(with(0, b'X'), "bitmap file starts with [88, 73, 84, 77], not with BITM");
    check(with(5, 2), "bitmap file has version 2");
    check(with(7, 0), "bitmap file has flags 0x0000");
    check(with(7, 0x41), "bitmap file has flags 0x0041");
    check(
        with(12, 1),
        "bitmap file is of pack 0107070707070707070707070707070707070707, not of 0707070707070707070707070707070707070707",
    );
    check(vec![], "bitmap file is broken at offset 0");
    check(with(11, 4), "bitmap file is broken at offset 230");
    let mut flipped = good();
    flipped[100] ^= 1;
    check(flipped, "bitmap file has a wrong checksum");
    check(summed(b"BITM\x00\x01\x00\x01".to_vec()), "bitmap file is broken at offset 8");
    check(file(FULL | NAMES, b""), "bitmap file is broken at offset 230");
}

#[test]
fn bits_that_stand_for_nothing_are_refused() {
    let broken = |words: &[u64]| {
        let data = ewah(70, words);
        let mut bits = Bits::new(70);
        Ewah::new(&data).unwrap().or_into(&mut bits).is_none()
    };
    assert!(broken(&[marker(1, 2, 0)]), "bits 70 to 127");
    assert!(broken(&[marker(1, 3, 0)]));
    assert!(broken(&[marker(0, 0, 2), 0, 1 << 6]));
    assert!(!broken(&[marker(0, 0, 2), 0, 1 << 5]));
    assert!(!broken(&[marker(0, u64::from(u32::MAX), 0)]), "a long run of nothing");
    assert!(!broken(&[marker(0, 2, 1), 0]), "nothing, written out");
    assert!(broken(&[marker(0, 2, 1), 1]));
    assert!(broken(&[marker(0, 0, 3), 0]), "words that are not there");
}

#[test]
fn sets_are_gone_through_from_any_place() {
    let mut bits = Bits::new(200);
    [3, 63, 64, 199].into_iter().for_each(|at| bits.insert(at));
    let next = [0, 3, 4, 63, 64, 65, 199, 200, u32::MAX].map(|from| bits.next(from));
    let expected = [Some(3), Some(3), Some(63), Some(63), Some(64), Some(199), Some(199), None, None];
    assert_eq!(next, expected);
    bits.take_out(63);
    bits.take_out(1000);
    let mut other = Bits::new(200);
    [3, 63, 199].into_iter().for_each(|at| other.insert(at));
    bits.keep(&other);
    assert_eq!(bits.iter().collect::<Vec<_>>(), [3, 199]);
}
