use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn full(name: &'static str, expected: bool) {
    assert_eq!(RefName::full(name).is_ok(), expected, "{name}");
}

#[test]
fn full_names() {
    full("HEAD", true);
    full("FETCH_HEAD", true);
    full("refs/heads/main", true);
    full("refs/x", true);
    full("refs", false);
    full("config", false);
    full("Head", false);
    full("heads/main", false);
    full("HEAD/x", false);
    full("HEAD-1", false);
    let error = RefName::full("objects/x").unwrap_err();
    assert_eq!((error.rule, error.at), (RefNameRule::NotFull, 0));
}

#[track_caller]
fn short(name: &'static str, expected: &str) {
    assert_eq!(RefName::new(name).unwrap().short(), expected.as_bytes());
}

#[test]
fn short_names() {
    short("refs/heads/a/b", "a/b");
    short("refs/tags/v1", "v1");
    short("refs/remotes/origin/main", "origin/main");
    short("refs/notes/commits", "notes/commits");
    short("HEAD", "HEAD");
}

#[test]
fn candidates_are_tried_in_gits_order() {
    let found: Vec<_> = RefName::new("x").unwrap().candidates().map(|name| name.to_string()).collect();
    let expected = ["x", "refs/x", "refs/tags/x", "refs/heads/x", "refs/remotes/x", "refs/remotes/x/HEAD"];
    assert_eq!(found, expected);
}

#[test]
fn kinds_of_names() {
    assert!(RefName::head().is_root() && RefName::head().is_full());
    assert!(RefName::new("refs/heads/x").unwrap().is_branch());
    assert!(RefName::new("refs/tags/x").unwrap().is_tag());
    assert!(!RefName::new("refs/tagsx").unwrap().is_tag());
}

#[test]
fn names_are_shown_without_raw_bytes() {
    assert_eq!(RefName::new(&b"a\xc3\x84"[..]).unwrap().to_string(), r"a\xc3\x84");
}

#[track_caller]
fn matches(pattern: &'static str, name: &str, expected: Option<&str>) {
    assert_eq!(RefPattern::new(pattern).unwrap().matches(name.as_bytes()), expected.map(str::as_bytes));
}

#[test]
fn patterns_match() {
    matches("refs/heads/*", "refs/heads/a/b", Some("a/b"));
    matches("refs/heads/*", "refs/heads/", Some(""));
    matches("refs/heads/*", "refs/tags/a", None);
    matches("refs/*/head", "refs/pull/1/head", Some("pull/1"));
    matches("a*a", "a", None);
    matches("a*a", "aa", Some(""));
    matches("*", "x", Some("x"));
}

#[test]
fn a_filled_pattern_is_checked_again() {
    let to = RefPattern::new("refs/x/*").unwrap();
    let error = to.fill(b"a.lock").unwrap_err();
    assert_eq!((error.rule, error.at), (RefNameRule::LockSuffix, 8));
    assert_eq!(to.fill(b"").unwrap_err().rule, RefNameRule::EmptyComponent);
    assert_eq!(to.prefix(), b"refs/x/");
}

proptest! {
    /// What a pattern takes out of a name gives that name again.
    #[test]
    fn match_and_fill_are_inverse(before in "[a-c/]{0,4}", part in "[a-c/]{0,6}", after in "[a-c/]{0,4}") {
        let name = [before.as_str(), &part, &after].concat();
        let pattern = [before.as_str(), "*", &after].concat();
        if let (Ok(name), Ok(pattern)) = (RefName::new(name), RefPattern::new(pattern)) {
            let found = pattern.matches(name.as_bytes());
            prop_assert_eq!(found, Some(part.as_bytes()));
            prop_assert_eq!(pattern.fill(part.as_bytes()), Ok(name));
        }
    }

    #[test]
    fn candidates_are_good_names(text in "[a-c./@{-]{1,8}") {
        if let Ok(name) = RefName::new(text) {
            for candidate in name.candidates() {
                prop_assert_eq!(RefName::check(candidate.as_bytes()), Ok(()));
            }
        }
    }
}
