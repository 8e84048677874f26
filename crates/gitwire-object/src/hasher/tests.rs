use super::*;

/// The first 320 bytes of the first file of the SHAttered attack (Stevens et al. 2017): 192 bytes of prefix, then two
/// near-collision blocks.
const SHATTERED: &[&str] = &[
    "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033",
    "203020522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f72",
    "53706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a7374",
    "7265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01",
    "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3",
    "dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500",
    "eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1",
];

/// By how much the other file differs in each of the two blocks; the second is nearly the first again.
const DIFFERENCE: [u32; 32] = [
    0x0c00_0002,
    0xc000_0010,
    0xb400_001c,
    0x3c00_0004,
    0xbc00_001a,
    0x2000_0010,
    0x2400_001c,
    0xec00_0014,
    0x0c00_0002,
    0xc000_0010,
    0xb400_001c,
    0x2c00_0004,
    0xbc00_0018,
    0xb000_0010,
    0x0000_000c,
    0xb800_0010,
    0x0c00_0002,
    0xc000_0010,
    0xb400_001c,
    0x3c00_0004,
    0xbc00_001a,
    0x2000_0010,
    0x2400_001c,
    0xec00_0014,
    0x0c00_0002,
    0xc000_0010,
    0xb400_001c,
    0x2c00_0004,
    0xbc00_0018,
    0xb000_0010,
    0x0000_000c,
    0xb800_0010,
];

pub(crate) fn shattered() -> (Vec<u8>, Vec<u8>) {
    let first: Vec<u8> = SHATTERED
        .concat()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let mut second = first.clone();
    for (byte, difference) in
        second[192..].iter_mut().zip(DIFFERENCE.iter().flat_map(|word| word.to_be_bytes()))
    {
        *byte ^= difference;
    }
    (first, second)
}

#[track_caller]
fn check(format: ObjectFormat, kind: ObjectKind, content: &[u8], expected: &str) {
    for trust in [Trust::Stranger, Trust::Own] {
        assert_eq!(object_id(format, trust, kind, content).unwrap().to_string(), expected);
        let mut hasher = Hasher::new(format, trust);
        hasher.update(b"forgotten");
        for _ in 0..2 {
            assert_eq!(hasher.object_id(kind, content).unwrap().to_string(), expected);
        }
        hasher.begin_object(kind, content.len() as u64);
        for byte in content {
            hasher.update(&[*byte]);
        }
        assert_eq!(hasher.finish().unwrap().to_string(), expected);
    }
}

#[test]
fn ids_as_git_hash_object_gives_them() {
    use ObjectFormat::{Sha1, Sha256};
    check(Sha1, ObjectKind::Blob, b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    check(Sha1, ObjectKind::Tree, b"", "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    check(Sha1, ObjectKind::Blob, b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a");
    check(Sha1, ObjectKind::Blob, &[b'x'; 1000], "14c7dfdd4258dec5c0e9d2e919bd249bd674be1f");
    check(Sha256, ObjectKind::Blob, b"", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
    check(Sha256, ObjectKind::Tree, b"", "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321");
}

#[test]
fn a_collision_attack_is_an_error_and_both_files_are_caught() {
    let (first, second) = shattered();
    assert_ne!(first, second);
    let plain = |bytes: &[u8]| {
        let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
        hasher.update(bytes);
        hasher.finish().unwrap()
    };
    let id = plain(&first);
    assert_eq!(id.to_string(), "f92d74e3874587aaf443d1db961d4e26dde13e9c");
    assert_eq!(plain(&second), id);

    for bytes in [&first, &second] {
        let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Stranger);
        hasher.update(bytes);
        assert_eq!(hasher.clone().finish(), Err(HashError::Collision { id }));
        assert_eq!(hasher.finish_reset(), Err(HashError::Collision { id }));
        // The verdict is on those bytes, not on the hasher.
        assert!(hasher.object_id(ObjectKind::Blob, b"honest").is_ok());
    }
}

#[test]
fn formats_are_told() {
    assert_eq!(Hasher::new(ObjectFormat::Sha1, Trust::Own).format(), ObjectFormat::Sha1);
    assert_eq!(Hasher::new(ObjectFormat::Sha1, Trust::Stranger).format(), ObjectFormat::Sha1);
    assert_eq!(Hasher::new(ObjectFormat::Sha256, Trust::Own).format(), ObjectFormat::Sha256);
}
