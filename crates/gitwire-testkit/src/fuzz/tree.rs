//! Trees.

use gitwire_object::TreeRef;
use gitwire_types::ObjectFormat;

/// The entries put together again are the tree; an error points to what is left.
pub(super) fn tree(data: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let mut again = Vec::new();
        let mut entries = TreeRef::new(format, data).iter();
        let mut last = None;
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) => {
                    again.extend_from_slice(entry.mode_digits);
                    again.push(b' ');
                    again.extend_from_slice(entry.name);
                    again.push(0);
                    again.extend_from_slice(entry.raw_id());
                    assert_eq!(entries.offset(), again.len());
                    if let Some(last) = last.replace(entry) {
                        assert_eq!(last.order(&entry), entry.order(&last).reverse());
                    }
                }
                Err(error) => {
                    assert_eq!(error.at, again.len());
                    assert!(data.starts_with(&again));
                    assert!(entries.next().is_none());
                    return;
                }
            }
        }
        assert_eq!(again, data);
    }
}
