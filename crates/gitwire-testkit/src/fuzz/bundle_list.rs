//! A list of bundles, in a file or from a server.

use std::collections::HashSet;

use gitwire_client::BundleList;

/// What is read has a place for each bundle and a name of its own, and is read the same again from variables.
pub(super) fn bundle_list(data: &[u8]) {
    let Ok(list) = BundleList::parse(data) else { return };
    let ids: HashSet<&[u8]> = list.bundles.iter().map(|bundle| &bundle.id[..]).collect();
    assert_eq!(ids.len(), list.bundles.len(), "one name, two bundles");
    let mut variables = vec![(b"bundle.version".to_vec(), b"1".to_vec())];
    let mode = if list.mode == gitwire_client::BundleMode::All { "all" } else { "any" };
    variables.push((b"bundle.mode".to_vec(), mode.into()));
    if list.creation_tokens {
        variables.push((b"bundle.heuristic".to_vec(), b"creationToken".to_vec()));
    }
    for bundle in &list.bundles {
        assert!(!bundle.uri.is_empty(), "a bundle that is nowhere");
        let mut put = |name: &str, value: &[u8]| {
            variables.push(([b"bundle.", &bundle.id[..], b".", name.as_bytes()].concat(), value.to_vec()));
        };
        put("uri", &bundle.uri);
        if let Some(filter) = &bundle.filter {
            put("filter", filter);
        }
        if let Some(token) = bundle.creation_token {
            put("creationToken", token.to_string().as_bytes());
        }
    }
    let pairs = variables.iter().map(|(key, value)| (&key[..], &value[..]));
    assert_eq!(BundleList::from_variables(pairs).ok(), Some(list));
}
