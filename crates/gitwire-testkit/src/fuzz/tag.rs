//! Tags.

use gitwire_object::TagRef;
use gitwire_types::ObjectFormat;

/// What is read are parts of the object, and an error points into it.
pub(super) fn tag(data: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        match TagRef::parse(format, data) {
            Ok(tag) => {
                assert!(data.ends_with(tag.message()));
                assert!(
                    data[format.hex_len()..]
                        .windows(tag.name().len().max(1))
                        .any(|part| part.starts_with(tag.name()))
                );
                assert!(tag.headers().count() <= data.len());
                assert!(tag.tagger().is_none_or(|who| who.as_bytes().len() < data.len()));
            }
            Err(error) => assert!(error.at <= data.len()),
        }
    }
}
