//! Reference names.

use gitwire_types::RefName;

/// A name that is taken keeps its bytes and is taken again.
pub(super) fn refname(data: &[u8]) {
    if let Ok(name) = RefName::new(data.to_vec()) {
        assert_eq!(name.as_bytes(), data);
        assert_eq!(RefName::new(name.as_shared().clone()), Ok(name));
    }
}
