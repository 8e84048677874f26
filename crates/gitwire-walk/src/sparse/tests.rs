use super::SparsePatterns;

/// Whether a file and a directory at a path are taken, dropped or left undecided.
#[track_caller]
fn check(patterns: &str, path: &str, expected: [Option<bool>; 2]) {
    let patterns = SparsePatterns::parse(patterns.as_bytes());
    let both = [false, true].map(|directory| patterns.verdict(path.as_bytes(), directory));
    assert_eq!(both, expected, "{patterns:?} {path}");
}

const TAKEN: [Option<bool>; 2] = [Some(true); 2];
const DROPPED: [Option<bool>; 2] = [Some(false); 2];
const OPEN: [Option<bool>; 2] = [None; 2];
const DIRECTORY: [Option<bool>; 2] = [None, Some(true)];

#[test]
fn lines() {
    check("", "a", OPEN);
    check("#a\n\n", "a", OPEN);
    check("\\#a\n", "#a", TAKEN);
    check("a\r\n", "a", TAKEN);
    check("\u{feff}a", "a", TAKEN);
    check("a  ", "a", TAKEN);
    check("a\\  ", "a ", TAKEN);
    check("a\n!a\n", "a", DROPPED);
    check("!a\na\n", "a", TAKEN);
    check("\\!a", "!a", TAKEN);
    check("a/", "a", DIRECTORY);
    check("!a/", "a", [None, Some(false)]);
}

#[test]
fn names_and_paths() {
    check("a", "b/a", TAKEN);
    check("/a", "b/a", OPEN);
    check("/a", "a", TAKEN);
    check("b/a", "b/a", TAKEN);
    check("b/a", "c/b/a", OPEN);
    check("*.c", "x/y.c", TAKEN);
    check("/*.c", "x/y.c", OPEN);
    check("/*", "", OPEN);
    check("*", "", TAKEN);
    check("a", "", OPEN);
}

#[test]
fn globs() {
    check("/a*b", "axyb", TAKEN);
    check("/a*b", "ax/b", OPEN);
    check("/a/**", "a/b/c", TAKEN);
    check("/a/**", "a", OPEN);
    check("**/b", "b", TAKEN);
    check("**/b", "x/y/b", TAKEN);
    check("**/b", "xb", OPEN);
    check("a/**/b", "a/b", TAKEN);
    check("a/**/b", "a/x/y/b", TAKEN);
    check("a/**/b", "a/xb", OPEN);
    check("/a/x**", "a/xy/z", TAKEN);
    check("/a?c", "abc", TAKEN);
    check("/a?c", "a/c", OPEN);
    check("[a-c]x", "bx", TAKEN);
    check("[!a-c]x", "bx", OPEN);
    check("[^a-c]x", "dx", TAKEN);
    check("/a[!x]b", "a/b", OPEN);
    check("[]x]", "]", TAKEN);
    check("[a-]", "-", TAKEN);
    check("[[:digit:]x]", "7", TAKEN);
    check("[[:nothing:]]", "7", OPEN);
    check("[\\]]", "]", TAKEN);
    check("[ab", "[ab", OPEN);
    check("a\\*", "a*", TAKEN);
    check("a\\*", "ab", OPEN);
    check("a\\", "a\\", OPEN);
}

#[test]
fn stars_cost_no_more_than_they_are_long() {
    let pattern = "*a".repeat(200) + "b";
    check(&pattern, &"a".repeat(2_000), OPEN);
}
