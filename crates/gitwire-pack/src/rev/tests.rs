use gitwire_types::{Never, ObjectFormat, ObjectId};

use crate::{Index, IndexEntry, Limits, ReverseIndex, WriteIndex, write_reverse_index};

fn id(byte: u8) -> ObjectId {
    ObjectId::from_sha1([byte; 20])
}

fn index() -> Vec<u8> {
    let entries = [(1, 50), (2, 12), (3, 90)];
    let entries = entries.map(|(name, offset)| IndexEntry { id: id(name), offset, crc32: Some(0) });
    let mut file = Vec::new();
    let how = WriteIndex::new(ObjectFormat::Sha1);
    how.write(&entries[..], &id(9), |piece| {
        file.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    file
}

fn reverse(positions: [u32; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    write_reverse_index(positions, &id(9), |piece| {
        file.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    file
}

#[test]
fn places_and_positions() {
    let (index, file) = (index(), reverse([1, 0, 2]));
    let index = Index::open(&index[..], ObjectFormat::Sha1, &Limits::default()).unwrap();
    let reverse = ReverseIndex::open(&file[..], 3, &id(9)).unwrap();
    reverse.check(&index, &Never).unwrap();
    assert_eq!([0, 1, 2].map(|place| reverse.position(place).unwrap()), [1, 0, 2]);
    assert!(reverse.position(3).is_err());
    let place = |offset| reverse.place(&index, offset).unwrap();
    assert_eq!([12, 50, 90].map(place), [Some(0), Some(1), Some(2)]);
    assert_eq!([0, 13, 91].map(place), [None; 3]);
}

#[track_caller]
fn check(file: &[u8], expected: &str) {
    let index = index();
    let index = Index::open(&index[..], ObjectFormat::Sha1, &Limits::default()).unwrap();
    let opened = ReverseIndex::open(file, 3, &id(9));
    let error = opened.and_then(|reverse| reverse.check(&index, &Never)).expect_err(expected);
    assert_eq!(error.to_string(), format!("reverse index: {expected}"));
}

#[test]
fn malformed() {
    let with = |at: usize, byte: u8| {
        let mut file = reverse([1, 0, 2]);
        file[at] = byte;
        file
    };
    check(&[], "0 bytes long, expected 64");
    check(&[&reverse([1, 0, 2])[..], &[0]].concat(), "65 bytes long, expected 64");
    check(&with(0, b'S'), "starts with [83, 73, 68, 88], not with RIDX");
    check(&with(7, 2), "version 2, at offset 4");
    check(&with(11, 2), "hash function 2, at offset 8, expected 1");
    check(
        &with(24, 1),
        &format!(
            "is for pack {}, expected {}",
            ObjectId::from_sha1([&[1], &[9; 19][..]].concat().try_into().unwrap()),
            id(9)
        ),
    );
    check(&reverse([0, 1, 2]), "entry 1 holds 1, which is not the object that stands there");
    check(&reverse([1, 1, 2]), "entry 1 holds 1, which is not the object that stands there");
    check(&reverse([1, 0, 3]), "entry 2 holds 3, which is not the object that stands there");
}
