//! Refspecs of fetch and push.

use gitwire_types::{FetchRefspec, PushRefspec, RefName};

/// What is taken is written so that it is taken again as the same; a name that maps there maps back.
pub(super) fn refspec(data: &[u8]) {
    // The part after a newline is a name to map.
    let (spec, name) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b"refs/heads/main"[..]),
    };
    let name = RefName::copy_from(name).ok();
    if let Ok(fetch) = FetchRefspec::parse(spec.to_vec()) {
        assert_eq!(FetchRefspec::parse(fetch.to_bytes()), Ok(fetch.clone()));
        let mapped = name.as_ref().and_then(|name| fetch.map(name).ok().flatten());
        if let Some(destination) = mapped.and_then(|mapped| mapped.destination) {
            assert_eq!(fetch.map_back(&destination), Ok(name.clone()));
        }
        assert!(fetch.prefixes().count() <= 6);
    }
    if let Ok(push) = PushRefspec::parse(spec.to_vec()) {
        assert_eq!(PushRefspec::parse(push.to_bytes()), Ok(push.clone()));
        let mapped = name.as_ref().and_then(|name| push.map(name).ok().flatten());
        if let Some(destination) = mapped.and_then(|mapped| mapped.destination) {
            assert_eq!(push.map_back(&destination), Ok(name));
        }
    }
}
