//! Bundle headers: what is read can be written, and is then read the same; the front of a header is never an error.

use bytes::BytesMut;
use gitwire_protocol::message::{BundleHeader, ParsedBundleHeader};

/// The front of a bundle.
pub(super) fn bundle_header(data: &[u8]) {
    let Ok(ParsedBundleHeader::Complete { header, consumed }) = BundleHeader::parse(data) else { return };
    for len in [consumed / 3, consumed / 2, consumed - 1] {
        assert_eq!(BundleHeader::parse(&data[..len]), Ok(ParsedBundleHeader::Incomplete));
    }
    let mut out = BytesMut::new();
    match header.write(&mut out) {
        Err(_) => assert!(out.is_empty(), "a refused header is written"),
        Ok(()) => {
            let consumed = out.len();
            let again = BundleHeader::parse(&out);
            assert_eq!(
                again,
                Ok(ParsedBundleHeader::Complete { header, consumed }),
                "a header written again differs"
            );
        }
    }
}
