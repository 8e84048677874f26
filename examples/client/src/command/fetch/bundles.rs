//! Bundles before a fetch (`git-config`, `fetch.bundleURI`).

use std::sync::Arc;

use gitwire_client::{BundleUris, Event, Fetch, Listener};
use gitwire_gitdir::{Config, ConfigSection, GitDir};
use gitwire_types::Never;

use crate::failure::Failure;

/// Brings what is new where the configuration says that bundles are.
pub(super) fn bring(
    fetch: &Fetch,
    repository: &GitDir,
    config: &Config,
    listener: Listener<'_>,
) -> Result<(), Failure> {
    let Some(uri) = config.string("fetch", None, "bundleURI").filter(|uri| !uri.is_empty()) else {
        return Ok(());
    };
    let token = config.integer("fetch", None, "bundleCreationToken")?;
    let mut uris = BundleUris::new(Arc::new(repository.clone()));
    uris.connect = fetch.remote.connect.clone();
    uris.filter.clone_from(&fetch.filter);
    uris.token = token.and_then(|token| u64::try_from(token).ok());
    uris.stage.fsck.clone_from(&fetch.fsck);
    uris.stage.threads = fetch.threads;
    let brought = uris.bring(uri, &Never)?;
    for (uri, error) in &brought.failures {
        listener(Event::BundleFailed { uri, error });
    }
    if let Some(token) = brought.token.filter(|token| brought.goes_on && uris.token < Some(*token)) {
        let section =
            ConfigSection::new("fetch", None).with("bundleCreationToken", token.to_string().as_bytes());
        repository.add_config(&[section])?;
    }
    Ok(())
}
