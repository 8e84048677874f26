//! Reference names.

use gitwire_types::{RefName, RefPattern};

/// A name that is taken keeps its bytes and is taken again; the error of one that is not points into it; a pattern takes the part
/// it gave out.
pub(super) fn refname(data: &[u8]) {
    match RefName::new(data.to_vec()) {
        Ok(name) => {
            assert_eq!(name.as_bytes(), data);
            assert_eq!(RefName::new(name.as_shared().clone()), Ok(name.clone()));
            assert!(data.ends_with(name.short()));
            for candidate in name.candidates() {
                assert_eq!(RefName::check(candidate.as_bytes()), Ok(()));
            }
        }
        Err(error) => assert!(error.at < data.len().max(1)),
    }
    if let Ok(pattern) = RefPattern::new(data.to_vec())
        && let Ok(name) = pattern.fill(b"part")
    {
        assert_eq!(pattern.matches(name.as_bytes()), Some(&b"part"[..]));
    }
}
