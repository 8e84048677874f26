//! Object filters.

use gitwire_types::{FilterSpec, Limits};

/// What is taken has one canonical form, which is taken as the same.
pub(super) fn filter_spec(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(filter) = FilterSpec::parse(data, &limits) {
        let canonical = filter.to_bytes();
        assert_eq!(FilterSpec::parse(&canonical, &limits), Ok(filter));
    }
}
