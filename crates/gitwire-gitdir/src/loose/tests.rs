//! Vectors of loose object headers.

use gitwire_types::ObjectKind;

use super::parse_header;

#[track_caller]
fn check(head: &[u8], expected: Option<(ObjectKind, u64, usize)>) {
    assert_eq!(parse_header(head), expected, "{}", head.escape_ascii());
}

#[test]
fn headers_are_what_git_writes_and_nothing_else() {
    check(b"blob 0\0", Some((ObjectKind::Blob, 0, 7)));
    check(b"commit 123\0tree", Some((ObjectKind::Commit, 123, 11)));
    check(b"tag 18446744073709551615\0", Some((ObjectKind::Tag, u64::MAX, 25)));
    check(b"tag 18446744073709551616\0", None);
    check(b"blob 00\0", None);
    check(b"blob 01\0", None);
    check(b"blob \0", None);
    check(b"blob\0", None);
    check(b"blob 5", None);
    check(b"blob  5\0", None);
    check(b"blob -5\0", None);
    check(b"blob +5\0", None);
    check(b"blob 5 \0", None);
    check(b"Blob 5\0", None);
    check(b" 5\0", None);
    check(b"", None);
}
