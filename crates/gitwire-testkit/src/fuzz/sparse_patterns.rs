//! Patterns of a sparse checkout, and a path.

use gitwire_walk::SparsePatterns;

/// The path stands behind the first NUL. The last pattern that matches decides, and what holds by default decides where none does.
pub(super) fn sparse_patterns(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, path) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let patterns = SparsePatterns::parse(text);
    for takes in [SparsePatterns::takes_file, SparsePatterns::takes_directory] {
        let (one, other) = (takes(&patterns, path, true), takes(&patterns, path, false));
        assert!(one || !other, "what is left out by default is taken, and what is taken is left out");
        let with = |last: &[u8]| SparsePatterns::parse(&[text, b"\n# the last one\n\n", last].concat());
        assert_eq!(takes(&with(b""), path, true), one, "a comment decides");
        if !path.is_empty() && !path.ends_with(b"/") {
            assert!(takes(&with(b"*"), path, false), "everything is not enough");
            assert!(!takes(&with(b"!*"), path, true), "nothing is something");
        }
    }
    let again = SparsePatterns::parse(&text.iter().copied().chain(*b"\n").collect::<Vec<_>>());
    assert_eq!(again, patterns, "a line end decides");
}
