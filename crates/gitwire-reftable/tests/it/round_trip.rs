//! What is written is what is read.

use gitwire_reftable::{Ordered as _, ReftableError, TableName, WriteOptions, read_list, write_list};
use gitwire_types::ObjectFormat;
use proptest::prelude::*;

use crate::{Content, Value, id, open, read, read_from, write};

fn many(format: ObjectFormat, count: u64) -> Content {
    let mut content = Content::default();
    for nth in 0..count {
        let value = match nth % 7 {
            0 => Value::Tag(id(format, nth), id(format, nth + 1)),
            1 => Value::Symbolic(b"refs/heads/main".to_vec()),
            2 => Value::Deleted,
            _ => Value::Id(id(format, nth)),
        };
        let name = format!("refs/heads/{:05}/topic", nth * 3).into_bytes();
        let line =
            (id(format, nth), id(format, nth + 1), b"A U Thor".to_vec(), 1 << 40, -130, b"push\n".to_vec());
        content.logs.push((name.clone(), 1000, (nth % 5 != 0).then(|| line.clone())));
        content.logs.push((name.clone(), 1 + nth % 900, Some(line)));
        content.refs.push((name, 1 + nth % 1000, value));
    }
    content
}

#[test]
fn tables_of_all_sizes_are_read_and_searched() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        for count in [0, 1, 2, 60, 700] {
            for (block_size, restart_interval) in [(4096, 16), (256, 1), (300, 3), (1 << 20, 16)] {
                let content = many(format, count);
                let file = write(&content, format, &WriteOptions { block_size, restart_interval }).unwrap();
                let table = open(&file).unwrap();
                assert_eq!(table.format(), format);
                assert_eq!((table.min_update_index(), table.max_update_index()), (1, 1000));
                assert_eq!(table.size(), file.len() as u64);
                assert!(read(&table).unwrap() == content, "{format:?} {count} {block_size}");
                for nth in (0..count * 3).step_by(usize::try_from(count / 20 + 1).unwrap()) {
                    let name = format!("refs/heads/{nth:05}/topic").into_bytes();
                    let found = table.find_ref(&name).unwrap();
                    assert_eq!(found.is_some(), nth % 3 == 0, "{nth}");
                    assert!(found.is_none_or(|found| found.record().name == name && found.key() == name));
                    let rest = read_from(&table, &name).unwrap();
                    let refs = content.refs.iter().filter(|(other, ..)| *other >= name).cloned();
                    let logs = content.logs.iter().filter(|(other, ..)| *other >= name).cloned();
                    assert!(rest == Content { refs: refs.collect(), logs: logs.collect() }, "{nth}");
                }
            }
        }
    }
}

/// Keys so long that a block holds one of them: each level of the index must still be smaller than the one below.
#[test]
fn an_index_of_long_names_ends() {
    let format = ObjectFormat::Sha1;
    for (count, len) in [(4, 200), (5, 200), (100, 200), (100, 100), (100, 80)] {
        let name = |nth: u64| format!("{nth:04}{}", "x".repeat(len)).into_bytes();
        let refs = (0..count).map(|nth| (name(nth), 1, Value::Deleted));
        let logs = (0..count).map(|nth| (name(nth), 1, None));
        let content = Content { refs: refs.collect(), logs: logs.collect() };
        let file = write(&content, format, &WriteOptions { block_size: 256, restart_interval: 16 }).unwrap();
        let table = open(&file).unwrap();
        assert!(read(&table).unwrap() == content);
        for nth in 0..count {
            assert!(table.find_ref(&name(nth)).unwrap().is_some(), "{nth} of {count}, {len}");
            assert_eq!(read_from(&table, &name(nth)).unwrap().logs.len() as u64, count - nth);
        }
    }
}

#[test]
fn logs_alone_and_refs_alone() {
    let both = many(ObjectFormat::Sha1, 40);
    for content in [
        Content { refs: both.refs.clone(), ..Content::default() },
        Content { logs: both.logs, ..Content::default() },
    ] {
        let file = write(&content, ObjectFormat::Sha1, &WriteOptions::default()).unwrap();
        assert_eq!(read(&open(&file).unwrap()).unwrap(), content);
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let format = ObjectFormat::Sha1;
    let check = |refs: Vec<(&[u8], u64, Value)>, expected: &str| {
        let refs = refs.into_iter().map(|(name, index, value)| (name.to_vec(), index, value)).collect();
        let error: ReftableError =
            write(&Content { refs, logs: Vec::new() }, format, &WriteOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let one = || Value::Id(id(format, 1));
    check(vec![(b"b", 1, one()), (b"a", 1, one())], "record 'a' is written out of order");
    check(vec![(b"b", 1, one()), (b"b", 1, one())], "record 'b' is written out of order");
    check(vec![(b"b", 0, one())], "record of 'b' does not belong into this table");
    check(vec![(b"b", 1001, one())], "record of 'b' does not belong into this table");
    let other = Value::Id(id(ObjectFormat::Sha256, 1));
    check(vec![(b"b", 1, other)], "record of 'b' does not belong into this table");
    let long = Value::Symbolic(vec![b'x'; 5000]);
    check(vec![(b"b", 1, long)], "record of 'b' does not fit into a block of 4096 bytes");
}

#[test]
fn lists_of_tables() {
    let name = TableName { min_update_index: 255, max_update_index: 1 << 50, number: 7 };
    assert_eq!(name.to_string(), "0x0000000000ff-0x4000000000000-00000007.ref");
    let list = write_list([&b"a.ref"[..], b"b.ref"]);
    assert_eq!(list, b"a.ref\nb.ref\n");
    assert_eq!(read_list(&list).unwrap(), [b"a.ref", b"b.ref"]);
    assert_eq!(read_list(b"").unwrap(), Vec::<&[u8]>::new());
    for bad in [&b"../a.ref\n"[..], b"a/b.ref\n", b".\n", b"a\0.ref\n", &[b'a'; 256]] {
        assert_eq!(read_list(bad), None, "{}", bad.escape_ascii());
    }
}

proptest! {
    #[test]
    fn any_names_survive(
        names in proptest::collection::btree_set(proptest::collection::vec(1_u8..255, 1..40), 0..120),
        block_size in 256_u32..600,
        restart_interval in 1_u16..20,
    ) {
        let format = ObjectFormat::Sha1;
        let refs = names.iter().zip(1..).map(|(name, nth)| (name.clone(), nth, Value::Id(id(format, nth))));
        let logs = names.iter().map(|name| (name.clone(), 9, None));
        let content = Content { refs: refs.collect(), logs: logs.collect() };
        let file = write(&content, format, &WriteOptions { block_size, restart_interval }).unwrap();
        let table = open(&file).unwrap();
        prop_assert_eq!(read(&table).unwrap(), content);
        for name in &names {
            prop_assert!(table.find_ref(name).unwrap().is_some());
        }
    }
}
