use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn bad(text: impl AsRef<[u8]>, rule: RefNameRule, at: usize) {
    assert_eq!(name(text.as_ref()), Err(RefNameError { rule, at }));
}

#[track_caller]
fn good(text: impl AsRef<[u8]>) {
    assert_eq!(name(text.as_ref()), Ok(()));
    assert_eq!(find(text.as_ref(), Stars::None), Ok(()));
}

#[test]
fn names_that_git_takes() {
    good("HEAD");
    good("refs/heads/main");
    good("a/b/c");
    good("a.b");
    good("a./b");
    good("lock");
    good("a.lock-b");
    good("a.lockb/c");
    good("-a");
    good("a@b");
    good("@/a");
    good("a/@");
    good("a{b");
    good("@@");
    good("a@/{b");
    good("a]b}c");
    good("a\u{e4}");
    good(b"\xff\xfe");
    good([0x80]);
}

#[test]
fn the_rule_and_the_place() {
    use RefNameRule::*;
    bad("", Empty, 0);
    bad("@", LoneAt, 0);
    bad("/", EmptyComponent, 0);
    bad("/a", EmptyComponent, 0);
    bad("a/", EmptyComponent, 1);
    bad("a//b", EmptyComponent, 2);
    bad("a/b/", EmptyComponent, 3);
    bad(".", LeadingDot, 0);
    bad("..", LeadingDot, 0);
    bad(".a", LeadingDot, 0);
    bad("a/.b", LeadingDot, 2);
    bad("a/..", LeadingDot, 2);
    bad("../a", LeadingDot, 0);
    bad("refs/heads/../../config", LeadingDot, 11);
    bad("a..b", DoubleDot, 1);
    bad("a..", DoubleDot, 1);
    bad("a.", TrailingDot, 1);
    bad("a/b.", TrailingDot, 3);
    bad("a.lock", LockSuffix, 1);
    bad("a.lock/b", LockSuffix, 1);
    bad("a/b.lock", LockSuffix, 3);
    bad(".lock", LeadingDot, 0);
    bad("a@{b", AtBrace, 1);
    bad("@{", AtBrace, 0);
    bad("a b", Forbidden, 1);
    bad("a~b", Forbidden, 1);
    bad("a^", Forbidden, 1);
    bad("a:b", Forbidden, 1);
    bad("a?", Forbidden, 1);
    bad("a*", Forbidden, 1);
    bad("a[", Forbidden, 1);
    bad("a\\b", Forbidden, 1);
    bad("a\0", Control, 1);
    bad("a\x1f", Control, 1);
    bad("a\x7f", Control, 1);
    bad("a\nb", Control, 1);
    // The leftmost breach is told.
    bad("a b//c", Forbidden, 1);
    bad("a//b c", EmptyComponent, 2);
}

#[test]
fn patterns_have_one_star() {
    let check = |text: &str, expected: Result<(), (RefNameRule, usize)>| {
        assert_eq!(
            pattern(text.as_bytes()),
            expected.map_err(|(rule, at)| RefNameError { rule, at }),
            "{text}"
        );
    };
    check("*", Ok(()));
    check("refs/heads/*", Ok(()));
    check("refs/*/heads", Ok(()));
    check("refs/a*b/c", Ok(()));
    check("refs/heads", Err((RefNameRule::NoStar, 10)));
    check("**", Err((RefNameRule::Forbidden, 1)));
    check("*/a/*", Err((RefNameRule::Forbidden, 4)));
    check("a/*.lock", Err((RefNameRule::LockSuffix, 3)));
    check(".*", Err((RefNameRule::LeadingDot, 0)));
}

#[test]
fn every_single_byte_gets_one_verdict_from_both_passes() {
    for byte in 0..=255_u8 {
        for text in [vec![byte], vec![b'a', byte], vec![byte, b'a'], vec![b'a', byte, b'a']] {
            assert_eq!(is_good(&text), find(&text, Stars::None).is_ok(), "{text:?}");
        }
    }
}

#[test]
fn errors_read_well() {
    assert_eq!(name(b"a..b").unwrap_err().to_string(), "bad ref name: '..' at offset 1");
    for rule in [
        RefNameRule::Empty,
        RefNameRule::EmptyComponent,
        RefNameRule::LeadingDot,
        RefNameRule::LockSuffix,
        RefNameRule::DoubleDot,
        RefNameRule::Control,
        RefNameRule::Forbidden,
        RefNameRule::TrailingDot,
        RefNameRule::AtBrace,
        RefNameRule::LoneAt,
        RefNameRule::NotFull,
        RefNameRule::NoStar,
    ] {
        assert!(!rule.to_string().is_empty());
    }
}

proptest! {
    /// Both passes agree on names made of the bytes that matter.
    #[test]
    fn the_passes_agree(text in "[ab./@{*~ \\\\]{0,12}(\\.lock)?(/|b)?") {
        prop_assert_eq!(is_good(text.as_bytes()), find(text.as_bytes(), Stars::None).is_ok());
    }

    #[test]
    fn the_passes_agree_on_anything(text in proptest::collection::vec(any::<u8>(), 0..20)) {
        prop_assert_eq!(is_good(&text), find(&text, Stars::None).is_ok());
    }
}
