//! Multi-pack indexes made by hand, whole and broken.

#![allow(clippy::arithmetic_side_effects, reason = "files of some hundred bytes")]

use super::*;
use crate::testing::{chunked, summed};

fn id(byte: u8) -> ObjectId {
    ObjectId::from_sha1([byte; 20])
}

/// An object: its id, its pack, its offset as it stands in the file.
type Row = (u8, u32, u32);

fn words(list: &[u32]) -> Vec<u8> {
    list.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn file(names: &[u8], packs: u32, rows: &[Row], others: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let count = |byte| u32::try_from(rows.iter().filter(|row| row.0 <= byte).count()).unwrap();
    let counts: Vec<u32> = (0..=u8::MAX).map(count).collect();
    let ids = rows.iter().flat_map(|row| [row.0; 20]).collect();
    let offsets = rows.iter().flat_map(|row| words(&[row.1, row.2])).collect();
    let mut chunks =
        vec![(*b"PNAM", names.to_vec()), (*b"OIDF", words(&counts)), (*b"OIDL", ids), (*b"OOFF", offsets)];
    chunks.extend_from_slice(others);
    let mut out = b"MIDX\x01\x01".to_vec();
    out.extend([u8::try_from(chunks.len()).unwrap(), 0]);
    out.extend(packs.to_be_bytes());
    chunked(&out, &chunks)
}

const NAMES: &[u8] = b"pack-a.idx\0pack-b.idx\0\0\0";
const ROWS: [Row; 4] = [(0x10, 1, 12), (0x20, 0, 500), (0x21, 0, LARGE), (0xf0, 1, 90)];

fn others() -> Vec<([u8; 4], Vec<u8>)> {
    vec![
        (*b"LOFF", (1_u64 << 40).to_be_bytes().to_vec()),
        // The second pack is the preferred one.
        (*b"RIDX", words(&[0, 3, 1, 2])),
        (*b"BTMP", words(&[2, 2, 0, 2])),
    ]
}

fn good() -> Vec<u8> {
    file(NAMES, 2, &ROWS, &others())
}

fn open(data: Vec<u8>) -> Result<MultiPackIndex, MultiPackProblem> {
    MultiPackIndex::parse(data, ObjectFormat::Sha1)
}

#[test]
fn objects_are_where_it_says() {
    let index = open(good()).unwrap();
    assert_eq!((index.count(), index.packs()), (4, &[b"pack-a.idx".to_vec(), b"pack-b.idx".to_vec()][..]));
    let found = |byte| index.lookup(&id(byte)).and_then(|position| index.entry(position));
    assert_eq!(found(0x20), Some((0, 500)));
    assert_eq!(found(0x21), Some((0, 1 << 40)));
    assert_eq!(found(0x22), None);
    assert_eq!((index.id(3), index.id(4), index.entry(4)), (Some(id(0xf0)), None, None));
    assert_eq!(index.lookup(&ObjectId::from_sha256([0x20; 32])), None);
    let without = open(file(NAMES, 2, &ROWS, &[])).unwrap();
    assert_eq!(without.entry(2), Some((0, LARGE.into())));
    assert!(without.order().unwrap().is_none());
}

#[test]
fn places_go_pack_by_pack() {
    let index = open(good()).unwrap();
    let mut file = b"RIDX\0\0\0\x01\0\0\0\x01".to_vec();
    file.extend(words(&[0, 3, 1, 2]));
    file.extend(index.checksum().as_bytes());
    let file = summed(file);
    for order in [index.order().unwrap().unwrap(), index.order_from(&file).unwrap()] {
        assert_eq!([0, 1, 2, 3].map(|place| order.position(place)), [Some(0), Some(3), Some(1), Some(2)]);
        assert_eq!([0, 1, 2, 3].map(|position| order.place(position)), [Some(0), Some(2), Some(3), Some(1)]);
        assert_eq!((order.place(4), order.position(4)), (None, None));
        assert_eq!(order.place_at(&index, 1, 90), Some(1));
        assert_eq!(order.place_at(&index, 0, 1 << 40), Some(3));
        assert_eq!((order.place_at(&index, 0, 90), order.place_at(&index, 2, 90)), (None, None));
    }
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 4;
        assert_eq!(index.order_from(&flipped).unwrap_err(), MultiPackProblem::OrderFile, "byte {at}");
    }
    assert_eq!(index.order_from(&file[..40]).unwrap_err(), MultiPackProblem::OrderFile);
}

#[test]
fn orders_that_are_none_are_named() {
    #[track_caller]
    fn check(order: &[u32], places: &[u32], expected: &str) {
        let mut others = others();
        (others[1].1, others[2].1) = (words(order), words(places));
        let problem = open(file(NAMES, 2, &ROWS, &others)).unwrap().order().unwrap_err();
        assert_eq!(problem.to_string(), expected);
    }
    check(&[0, 3, 1, 4], &[2, 2, 0, 2], "multi-pack index: place 3 is out of the order of the packs");
    check(&[0, 0, 1, 2], &[2, 2, 0, 2], "multi-pack index: place 1 is out of the order of the packs");
    check(&[3, 0, 1, 2], &[2, 2, 0, 2], "multi-pack index: place 1 is out of the order of the packs");
    check(&[0, 1, 2, 3], &[2, 2, 0, 2], "multi-pack index: place 3 is out of the order of the packs");
    check(&[0, 3, 1, 2], &[1, 2, 0, 2], "multi-pack index: pack 0 has other places than its objects");
    check(&[0, 3, 1, 2], &[2, 2, 0, 3], "multi-pack index: pack 1 has other places than its objects");
}

#[test]
fn what_is_wrong_is_named() {
    #[track_caller]
    fn check(data: Vec<u8>, expected: &str) {
        assert_eq!(open(data).unwrap_err().to_string(), expected);
    }
    let good = good();
    let with = |at: usize, bytes: &[u8]| {
        let mut data = good[..good.len() - 20].to_vec();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        summed(data)
    };
    check(vec![], "multi-pack index: ends at offset 0");
    check(with(0, b"X"), "multi-pack index starts with [88, 73, 68, 88], not with MIDX");
    check(with(4, &[2]), "multi-pack index has version 2, at offset 4");
    check(with(5, &[2]), "multi-pack index has hash function 2, at offset 5");
    check(with(7, &[1]), "multi-pack index stands on 1 others, at offset 7");
    check(with(6, &[6]), "multi-pack index: the table of chunks does not end with entry 6");
    check(with(24, b"pnam"), "multi-pack index: chunk OIDF is missing");
    check(with(8, &[0, 0, 0, 3]), "multi-pack index: the name of pack 2 is not what it must be");
    check(with(8, &[0, 0, 0, 1]), "multi-pack index: the name of pack 1 is not what it must be");
    check(with(108, b"/"), "multi-pack index: the name of pack 0 is not what it must be");
    check(with(108, b"qack"), "multi-pack index: the name of pack 1 is not what it must be");
    check(with(132, &[1]), "multi-pack index: the count of ids goes down at entry 1");
    check(with(132 + 1024, &[0x30]), "multi-pack index: the id at position 0 is out of order");
    let nowhere = |row: Row| file(NAMES, 2, &[ROWS[0], row], &others()[..1]);
    check(nowhere((0x20, 2, 1)), "multi-pack index: the object at position 1 is nowhere");
    check(nowhere((0x20, 1, LARGE | 1)), "multi-pack index: the object at position 1 is nowhere");
    let short = file(NAMES, 2, &ROWS, &[(*b"RIDX", vec![0; 12])]);
    check(short, "multi-pack index: chunk RIDX at offset 1244 has 12 bytes, expected 16");
    let mut flipped = good.clone();
    flipped[1200] ^= 1;
    let end = good.len() - 20;
    check(flipped, &format!("multi-pack index does not hash to its trailer at offset {end}"));
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let good = good();
    for bit in 0..good.len() * 8 {
        let mut data = good.clone();
        data[bit / 8] ^= 1 << (bit % 8);
        assert!(open(data).is_err(), "bit {bit}");
    }
    for len in 0..good.len() {
        assert!(open(good[..len].to_vec()).is_err(), "{len} bytes");
    }
}
