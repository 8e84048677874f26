use super::*;

#[track_caller]
fn check(kind: ObjectKind, size: u64, expected: &[u8]) {
    assert_eq!(ObjectHeader::new(kind, size).as_bytes(), expected);
}

#[test]
fn headers() {
    check(ObjectKind::Blob, 0, b"blob 0\0");
    check(ObjectKind::Tree, 9, b"tree 9\0");
    check(ObjectKind::Tag, 10, b"tag 10\0");
    check(ObjectKind::Blob, 1_234_567_890, b"blob 1234567890\0");
    check(ObjectKind::Commit, u64::MAX, b"commit 18446744073709551615\0");
}

#[test]
fn debug_is_readable() {
    assert_eq!(format!("{:?}", ObjectHeader::new(ObjectKind::Tag, 7)), r"ObjectHeader(tag 7\x00)");
}
