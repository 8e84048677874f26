use proptest::prelude::*;

use super::*;

fn entries(content: &[u8]) -> Result<Vec<TreeEntry<'_>>, ObjectError> {
    TreeRef::new(ObjectFormat::Sha1, content).iter().collect()
}

fn line(mode: &str, name: &[u8]) -> Vec<u8> {
    [mode.as_bytes(), b" ", name, b"\0", &[7; 20]].concat()
}

#[track_caller]
fn good(mode: &str, name: &[u8], value: u32, kind: ObjectKind) {
    let content = line(mode, name);
    let found = entries(&content).unwrap();
    assert_eq!(found.len(), 1);
    let entry = found[0];
    assert_eq!((entry.mode.value(), entry.mode.kind(), entry.name), (value, kind, name));
    assert_eq!(entry.mode_digits, mode.as_bytes());
    assert_eq!((entry.id(), entry.raw_id()), (ObjectId::from_sha1([7; 20]), &[7; 20][..]));
}

#[test]
fn entries_as_repositories_hold_them() {
    good("100644", b"a", 0o100_644, ObjectKind::Blob);
    good("100664", b"a", 0o100_664, ObjectKind::Blob);
    good("100755", b"a b", 0o100_755, ObjectKind::Blob);
    good("40000", b"d", 0o40_000, ObjectKind::Tree);
    good("040000", b"d", 0o40_000, ObjectKind::Tree);
    good("120000", b"l", 0o120_000, ObjectKind::Blob);
    good("160000", b"s", 0o160_000, ObjectKind::Commit);
    good("644", b"x", 0o644, ObjectKind::Blob);
    good("100644", b"\xff\xfe/\n", 0o100_644, ObjectKind::Blob);
    assert_eq!(entries(b""), Ok(vec![]));
}

#[track_caller]
fn bad(content: impl AsRef<[u8]>, problem: Problem, at: usize) {
    assert_eq!(entries(content.as_ref()).unwrap_err(), ObjectError::new(problem, at));
}

#[test]
fn malformed() {
    bad("x", Problem::BadMode, 0);
    bad("100644", Problem::BadMode, 0);
    bad(" a\0", Problem::BadMode, 0);
    bad("100648 a\0", Problem::BadMode, 0);
    bad("100644 a", Problem::CutEntry, 0);
    bad("100644 a\x00123", Problem::CutEntry, 0);
    bad("100644 \0", Problem::EmptyName, 0);
    bad([line("100644", b"a"), b"40000".to_vec()].concat(), Problem::BadMode, 29);
    let whole = [line("100644", b"a"), line("40000", b"b")].concat();
    for end in 1..whole.len() {
        assert_eq!(entries(&whole[..end]).is_ok(), end == 29, "{end}");
    }
}

#[test]
fn order_counts_a_slash_after_trees() {
    let entry = |mode, name| TreeEntry { mode, name, id: RawId::Sha1(&[0; 20]), mode_digits: b"" };
    let check = |left: TreeEntry<'_>, right: TreeEntry<'_>, expected| {
        assert_eq!(left.order(&right), expected);
        assert_eq!(right.order(&left), expected.reverse());
    };
    check(entry(EntryMode::BLOB, b"a"), entry(EntryMode::BLOB, b"b"), Ordering::Less);
    check(entry(EntryMode::BLOB, b"a"), entry(EntryMode::BLOB, b"a.b"), Ordering::Less);
    check(entry(EntryMode::TREE, b"a"), entry(EntryMode::BLOB, b"a.b"), Ordering::Greater);
    check(entry(EntryMode::TREE, b"a"), entry(EntryMode::BLOB, b"a0"), Ordering::Less);
    check(entry(EntryMode::TREE, b"a"), entry(EntryMode::TREE, b"a"), Ordering::Equal);
    check(entry(EntryMode::TREE, b"a"), entry(EntryMode::BLOB, b"a"), Ordering::Greater);
}

proptest! {
    #[test]
    fn never_reads_past_the_end(content in proptest::collection::vec(any::<u8>(), 0..80)) {
        let tree = TreeRef::new(ObjectFormat::Sha256, &content);
        let mut iter = tree.iter();
        while iter.next().is_some() {}
        prop_assert!(iter.offset() <= content.len());
    }

    #[test]
    fn written_and_read_again(names in proptest::collection::vec("[^\\x00]{1,9}", 0..6)) {
        let content: Vec<u8> = names.iter().flat_map(|name| line("100644", name.as_bytes())).collect();
        let found = entries(&content).unwrap();
        prop_assert_eq!(found.iter().map(|entry| entry.name).collect::<Vec<_>>(), names.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
    }
}
