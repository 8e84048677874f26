//! Tables that are not what they should be.

use std::sync::Arc;

use gitwire_reftable::{Limits, MemorySource, ReftableError, Table, WriteOptions};
use gitwire_types::ObjectFormat;

use crate::{Content, Value, id, open, read, write};

fn small() -> (Content, Vec<u8>) {
    let format = ObjectFormat::Sha1;
    let line = (id(format, 1), id(format, 2), b"A".to_vec(), 5, 100, b"why\n".to_vec());
    let content = Content {
        refs: vec![
            (b"HEAD".to_vec(), 1, Value::Symbolic(b"refs/heads/main".to_vec())),
            (b"refs/heads/main".to_vec(), 2, Value::Id(id(format, 3))),
            (b"refs/tags/v1".to_vec(), 3, Value::Tag(id(format, 4), id(format, 5))),
        ],
        logs: vec![(b"refs/heads/main".to_vec(), 2, Some(line))],
    };
    let file = write(&content, format, &WriteOptions { block_size: 256, restart_interval: 2 }).unwrap();
    (content, file)
}

/// Puts the checksum right again.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let end = file.len() - 4;
    let checksum = crc(&file[end - 64..end]);
    file[end..].copy_from_slice(&checksum.to_be_bytes());
    file
}

/// The checksum of the footer, from its definition.
fn crc(bytes: &[u8]) -> u32 {
    let mut state = u32::MAX;
    for byte in bytes {
        state ^= u32::from(*byte);
        for _ in 0..8 {
            state = if state & 1 == 1 { state >> 1 ^ 0xedb8_8320 } else { state >> 1 };
        }
    }
    !state
}

fn problem(file: &[u8]) -> String {
    match open(file).and_then(|table| read(&table)) {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_kind_of_damage_is_named() {
    let (_, file) = small();
    let check = |change: &dyn Fn(&mut Vec<u8>), seal: bool, expected: &str| {
        let mut damaged = file.clone();
        change(&mut damaged);
        let damaged = if seal { sealed(damaged) } else { damaged };
        assert_eq!(problem(&damaged), expected);
    };
    let footer = file.len() - 68;
    let in_footer = |at: usize, value: u64| {
        move |file: &mut Vec<u8>| file[footer + at..footer + at + 8].copy_from_slice(&value.to_be_bytes())
    };
    check(&|_| (), false, "none");
    check(&|_| (), true, "none");
    check(&|file| file.truncate(3), false, "reftable of 3 bytes is too short for a header and a footer");
    check(&|file| file.truncate(80), false, "reftable of 80 bytes is too short for a header and a footer");
    check(&|file| file[0] = b'r', false, "reftable starts with [114, 69, 70, 84], not with REFT");
    check(&|file| file[4] = 3, false, "reftable has version 3, at offset 4");
    check(&|file| file[4] = 2, false, "reftable has hash function [114, 0, 0, 152], at offset 24");
    check(
        &|file| file[7] ^= 1,
        false,
        &format!("reftable's footer at offset {footer} does not repeat its header"),
    );
    let truncated = format!("reftable's footer at offset {} does not repeat its header", footer - 1);
    check(&|file| file.truncate(file.len() - 1), false, &truncated);
    let damaged = problem(&{
        let mut file = file.clone();
        file[footer + 30] ^= 1;
        file
    });
    assert!(damaged.starts_with(&format!("reftable's footer at offset {footer} has CRC ")), "{damaged}");
    check(&in_footer(24, 23), true, "reftable's ref index is said to be at offset 23, which cannot be");
    check(
        &in_footer(48, footer as u64),
        true,
        &format!("reftable's logs is said to be at offset {footer}, which cannot be"),
    );
    check(
        &in_footer(48, 25),
        true,
        "reftable has a block of type 0x00 at offset 25, where the logs should be",
    );
    check(
        &|file| file[24] = b'x',
        false,
        "reftable has a block of type 0x78 at offset 0, where the refs should be",
    );
    check(&|file| file[25] = 1, false, "reftable's block at offset 0 cannot be 65688 bytes long");
    check(&|file| file[27] = 4, false, "reftable's block at offset 0 cannot be 4 bytes long");
    check(&|file| file[27] = 40, false, "reftable's block at offset 0 has a bad restart table");
    let bad =
        |at: usize, what: &str| format!("reftable's block at offset 0 has a bad record at {at}: {what}");
    check(&|file| file[28] = 1, false, &bad(28, "its key shares more than there is"));
    check(&|file| file[29] = 0xfc, false, &bad(28, "its key goes beyond the block"));
    check(&|file| file[29] = 0x27, false, &bad(28, "its value does not fit"));
    check(&|file| file[35] = 0x7f, false, &bad(28, "its value does not fit"));
    check(&|file| file[30] = b'z', false, &bad(51, "its key is not greater than the one before it"));
    let logs = 256;
    check(&|file| file[logs + 6] ^= 1, false, "reftable's log block at offset 256 has bad compressed data");
    check(&|file| file[logs + 3] ^= 1, false, "reftable's log block at offset 256 has bad compressed data");
}

#[test]
fn an_index_that_leads_in_circles_ends() {
    let format = ObjectFormat::Sha1;
    let refs =
        (0..200_u64).map(|nth| (format!("refs/heads/{nth:04}").into_bytes(), 1, Value::Id(id(format, nth))));
    let content = Content { refs: refs.collect(), logs: Vec::new() };
    let file = write(&content, format, &WriteOptions { block_size: 256, restart_interval: 4 }).unwrap();
    let footer = file.len() - 68;
    let root = u64::from_be_bytes(file[footer + 24..footer + 32].try_into().unwrap());
    let at = usize::try_from(root).unwrap();
    assert_eq!(file[at], b'i');
    // Whatever byte of the index is another one, every search ends.
    for offset in at..footer {
        for flip in [1_u8, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[offset] ^= flip;
            let table = open(&damaged).unwrap();
            for name in ["", "refs/heads/0000", "refs/heads/0111", "refs/heads/9"] {
                drop(table.find_ref(name.as_bytes()));
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_told_or_changes_a_ref_alone() {
    let (content, file) = small();
    let footer = file.len() - 68;
    let (mut told, mut harmless, mut changed) = (0, 0, 0);
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match open(&damaged).and_then(|table| read(&table)) {
            Err(_) => told += 1,
            Ok(found) if found == content => harmless += 1,
            Ok(found) => {
                // A block of refs has no checksum: a name, a transaction or an id is another one.
                assert!((28..256).contains(&(bit / 8)), "bit {bit}");
                assert_eq!(found.logs, content.logs, "bit {bit}");
                changed += 1;
            }
        }
        assert!(bit / 8 < footer || open(&damaged).is_err(), "bit {bit} of the footer");
        assert!(bit / 8 >= 24 || open(&damaged).is_err(), "bit {bit} of the header");
    }
    assert!(told > 1500 && changed > 500 && harmless < 900, "{told} {harmless} {changed}");
    for cut in 0..file.len() {
        assert!(open(&file[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn limits_hold_at_both_sides() {
    let (_, file) = small();
    let read_with = |limits: Limits| -> Result<Content, ReftableError> {
        read(&Table::open(Arc::new(MemorySource::new(file.clone())), limits)?)
    };
    let block = u32::from_be_bytes([0, file[25], file[26], file[27]]);
    // The longest key is that of the log: a name of 15 bytes and nine more.
    let exact = Limits { block_bytes_max: block, key_bytes_max: 24 };
    read_with(exact).unwrap();
    let error = read_with(Limits { block_bytes_max: block - 1, ..exact }).unwrap_err();
    let expected =
        format!("reftable's block at offset 0 has a block of {block} bytes, and {} are allowed", block - 1);
    assert_eq!(error.to_string(), expected);
    let error = read_with(Limits { key_bytes_max: 23, ..exact }).unwrap_err();
    assert_eq!(error.to_string(), "reftable's block at offset 256 has a key of 24 bytes, and 23 are allowed");
}
