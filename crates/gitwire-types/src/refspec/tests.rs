use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::RefNameRule;

const ID: &str = "0123456789012345678901234567890123456789";

/// The refspec written back.
#[track_caller]
fn fetch(text: &'static str, expected: &str) {
    let spec = FetchRefspec::parse(text).unwrap();
    assert_eq!(spec.to_string(), expected);
    assert_eq!(FetchRefspec::parse(expected.as_bytes().to_vec()), Ok(spec));
}

#[track_caller]
fn push(text: &'static str, expected: &str) {
    let spec = PushRefspec::parse(text).unwrap();
    assert_eq!(spec.to_string(), expected);
    assert_eq!(PushRefspec::parse(expected.as_bytes().to_vec()), Ok(spec));
}

#[test]
fn fetch_forms() {
    fetch("main", "main");
    fetch("main:", "main");
    fetch("", "HEAD");
    fetch(":", "HEAD");
    fetch("+", "+HEAD");
    fetch(":x", "HEAD:x");
    fetch("@", "HEAD");
    fetch("+@:x", "+HEAD:x");
    fetch("++x", "++x");
    fetch("a:b", "a:b");
    fetch("refs/heads/*:refs/remotes/o/*", "refs/heads/*:refs/remotes/o/*");
    fetch("*x:*y", "*x:*y");
    fetch("^refs/heads/a", "^refs/heads/a");
    fetch("^refs/heads/a*", "^refs/heads/a*");
    fetch("^@", "^HEAD");
    fetch("^+x", "^+x");
    fetch("ABCDEF0123ABCDEF0123ABCDEF0123ABCDEF0123:x", "abcdef0123abcdef0123abcdef0123abcdef0123:x");
}

#[test]
fn push_forms() {
    push(":", ":");
    push("+:", "+:");
    push("HEAD", "HEAD");
    push("@", "HEAD");
    push("@:x", "HEAD:x");
    push("main", "main");
    push(":x", ":x");
    push("+:x", "+:x");
    push("main~4:x", "main~4:x");
    push("x:y:z", "x:y:z");
    push("x::y", "x::y");
    push("main^{tree}:y", "main^{tree}:y");
    push("*", "*:*");
    push("+refs/heads/*", "+refs/heads/*:refs/heads/*");
    push("^x", "^x");
}

#[test]
fn bytes_are_kept_and_shown_escaped() {
    let spec = FetchRefspec::parse("a\u{e4}:b").unwrap();
    assert_eq!(spec.to_bytes(), "a\u{e4}:b".as_bytes());
    assert_eq!(spec.to_string(), r"a\xc3\xa4:b");
    let spec = PushRefspec::parse("^\u{e4}*").unwrap();
    assert_eq!(spec.to_bytes(), "^\u{e4}*".as_bytes());
    assert_eq!(spec.to_string(), r"^\xc3\xa4*");
}

fn at(rule: RefNameRule, at: usize) -> RefNameError {
    RefNameError { rule, at }
}

#[track_caller]
fn bad_fetch(text: impl Into<Bytes>, expected: RefspecError) {
    assert_eq!(FetchRefspec::parse(text), Err(expected));
}

#[track_caller]
fn bad_push(text: impl Into<Bytes>, expected: RefspecError) {
    assert_eq!(PushRefspec::parse(text), Err(expected));
}

#[test]
fn malformed_fetch() {
    use RefNameRule::*;
    bad_fetch("::", RefspecError::Source(at(Forbidden, 0)));
    bad_fetch("^", RefspecError::NegativeEmpty);
    bad_fetch("+^x", RefspecError::Source(at(Forbidden, 1)));
    bad_fetch("^x:y", RefspecError::NegativeDestination { at: 2 });
    bad_fetch("^:", RefspecError::NegativeDestination { at: 1 });
    bad_fetch([b"^", ID.as_bytes()].concat(), RefspecError::NegativeObject);
    bad_fetch("*", RefspecError::OneSidedPattern);
    bad_fetch("*:x", RefspecError::OneSidedPattern);
    bad_fetch("x:*", RefspecError::OneSidedPattern);
    bad_fetch(":refs/*", RefspecError::OneSidedPattern);
    bad_fetch("**:*", RefspecError::Source(at(Forbidden, 1)));
    bad_fetch("*:a*b*", RefspecError::Destination(at(Forbidden, 5)));
    bad_fetch("x:@", RefspecError::Destination(at(LoneAt, 2)));
    bad_fetch("+a b", RefspecError::Source(at(Forbidden, 2)));
    bad_fetch("x: y", RefspecError::Destination(at(Forbidden, 2)));
    bad_fetch("main~1:y", RefspecError::Source(at(Forbidden, 4)));
    bad_fetch("x:y:z", RefspecError::Source(at(Forbidden, 1)));
    bad_fetch("^a..b", RefspecError::Source(at(DoubleDot, 2)));
    bad_fetch("^**", RefspecError::Source(at(Forbidden, 2)));
    bad_fetch("a/", RefspecError::Source(at(EmptyComponent, 1)));
}

#[test]
fn malformed_push() {
    use RefNameRule::*;
    bad_push("", RefspecError::Empty);
    bad_push("+", RefspecError::Empty);
    bad_push("x:", RefspecError::NoDestination { at: 1 });
    bad_push("+x:", RefspecError::NoDestination { at: 2 });
    bad_push("::", RefspecError::NoDestination { at: 1 });
    bad_push("main~1", RefspecError::Source(at(Forbidden, 4)));
    bad_push("x:a.lock", RefspecError::Destination(at(LockSuffix, 3)));
    bad_push("*:x", RefspecError::OneSidedPattern);
    bad_push("^x:y", RefspecError::NegativeDestination { at: 2 });
}

#[test]
fn kinds_of_source() {
    let one = |text: &'static str| match FetchRefspec::parse(text).unwrap() {
        FetchRefspec::One { source, .. } => source,
        other => panic!("{other:?}"),
    };
    assert_eq!(one("").to_string(), "HEAD");
    assert!(matches!(one(ID), FetchSource::Object(id) if id.to_string() == ID));
    assert!(matches!(one("0123456789"), FetchSource::Name(_)));
}

#[test]
fn mapping_there_and_back() {
    let name = |text: &'static str| RefName::new(text).unwrap();
    let spec = FetchRefspec::parse("+refs/heads/*:refs/remotes/o/*").unwrap();
    let mapped = spec.map(&name("refs/heads/a/b")).unwrap().unwrap();
    assert_eq!(mapped, Mapped { destination: Some(name("refs/remotes/o/a/b")), force: Force::Yes });
    assert_eq!(spec.map_back(&name("refs/remotes/o/a/b")), Ok(Some(name("refs/heads/a/b"))));
    assert_eq!(spec.map(&name("refs/tags/a")), Ok(None));
    assert_eq!(spec.map_back(&name("refs/tags/a")), Ok(None));

    let lock = FetchRefspec::parse("refs/heads/*-x:refs/y/*").unwrap();
    assert_eq!(lock.map(&name("refs/heads/a.lock-x")), Err(at(RefNameRule::LockSuffix, 8)));

    let one = FetchRefspec::parse("refs/heads/a:b").unwrap();
    assert_eq!(one.map(&name("refs/heads/a")).unwrap().unwrap().destination, Some(name("b")));
    assert_eq!(one.map_back(&name("b")), Ok(Some(name("refs/heads/a"))));

    let not = FetchRefspec::parse("^refs/heads/a*").unwrap();
    assert!(not.excludes(&name("refs/heads/ab")));
    assert!(!not.excludes(&name("refs/heads/b")));
    assert!(FetchRefspec::parse("^refs/heads/a").unwrap().excludes(&name("refs/heads/a")));
    assert!(PushRefspec::parse("^refs/heads/a").unwrap().excludes(&name("refs/heads/a")));

    let push = PushRefspec::parse("refs/heads/*:refs/up/*").unwrap();
    let mapped = push.map(&name("refs/heads/a")).unwrap().unwrap();
    assert_eq!(mapped, Mapped { destination: Some(name("refs/up/a")), force: Force::No });
    assert_eq!(push.map_back(&name("refs/up/a")), Ok(Some(name("refs/heads/a"))));
    assert_eq!(PushRefspec::parse(":").unwrap().map(&name("refs/heads/a")), Ok(None));
}

#[test]
fn words_of_a_command_line() {
    let words = |text: &'static str| -> Vec<Bytes> { text.split(' ').map(Bytes::from).collect() };
    let shown = |specs: Vec<FetchRefspec>| -> Vec<String> { specs.iter().map(ToString::to_string).collect() };
    let specs = FetchRefspec::parse_words(words("a tag v1 b")).unwrap();
    assert_eq!(shown(specs), ["a", "refs/tags/v1:refs/tags/v1", "b"]);
    assert_eq!(FetchRefspec::parse_words(words("a tag")), Err(RefspecError::NoTagName));
    let wrong = RefspecError::Source(at(RefNameRule::DoubleDot, 1));
    assert_eq!(FetchRefspec::parse_words(words("tag v..1")), Err(wrong.clone()));
    assert_eq!(PushRefspec::parse_words(words("tag v..1")), Err(wrong));
    let pushed = PushRefspec::parse_words(words("tag v1")).unwrap();
    assert_eq!(pushed.first().map(ToString::to_string).as_deref(), Some("refs/tags/v1:refs/tags/v1"));
}

#[test]
fn prefixes_for_ls_refs() {
    let prefixes =
        |text: &'static str| -> Vec<Bytes> { FetchRefspec::parse(text).unwrap().prefixes().collect() };
    assert_eq!(prefixes("refs/heads/a*:x/*"), ["refs/heads/a"]);
    assert_eq!(prefixes("m").len(), 6);
    assert_eq!(prefixes("m").get(3).unwrap(), "refs/heads/m");
    assert!(prefixes("^x").is_empty());
    assert!(prefixes(ID).is_empty());
}

proptest! {
    /// Whatever is taken is written so that it is taken again as the same.
    #[test]
    fn round_trip(text in "[+^]?[ab*:@/~\u{e4}]{0,6}(:[ab*/\u{e4}]{0,4})?") {
        if let Ok(spec) = FetchRefspec::parse(text.clone()) {
            prop_assert_eq!(FetchRefspec::parse(spec.to_bytes()), Ok(spec));
        }
        if let Ok(spec) = PushRefspec::parse(text) {
            prop_assert_eq!(PushRefspec::parse(spec.to_bytes()), Ok(spec));
        }
    }
}
