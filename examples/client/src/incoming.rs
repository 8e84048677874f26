//! What the configuration says of packs that are fetched.

use std::sync::Arc;

use gitwire_client::Fetch;
use gitwire_gitdir::Config;
use gitwire_storage::FsckRules;

use crate::failure::Failure;

/// Packs with fewer objects become single objects (`fetch.unpackLimit`, `transfer.unpackLimit`). Below 0 nothing is said.
pub(crate) fn unpack_limit(config: &Config) -> Result<u32, Failure> {
    let said = |section| config.integer(section, None, "unpackLimit");
    let limit = match said("fetch")?.filter(|limit| *limit >= 0) {
        Some(limit) => Some(limit),
        None => said("transfer")?.filter(|limit| *limit >= 0),
    };
    Ok(limit.map_or(UNPACK_LIMIT, |limit| u32::try_from(limit).unwrap_or(u32::MAX)))
}

/// Whether objects are checked, and what each finding is worth (`fetch.fsckObjects`, `transfer.fsckObjects`, `fetch.fsck.*`).
pub(crate) fn check_objects(fetch: &mut Fetch, config: &Config) -> Result<(), Failure> {
    let said = |section| config.boolean(section, None, "fsckObjects");
    if !said("fetch")?.or(said("transfer")?).unwrap_or_default() {
        return Ok(());
    }
    let mut rules = FsckRules::incoming();
    let findings = config.entries().iter().filter(|entry| {
        entry.section.eq_ignore_ascii_case("fetch")
            && entry.subsection.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(b"fsck"))
            && !entry.name.eq_ignore_ascii_case("skiplist")
    });
    for entry in findings {
        let value = entry.value.as_deref().unwrap_or_default();
        rules.configure(entry.name.as_bytes(), value).map_err(|error| Failure::fatal(error.to_string()))?;
    }
    fetch.fsck = Some(Arc::new(rules));
    Ok(())
}

/// Over which protocols servers may name packs that they do not send themselves (`fetch.uriProtocols`).
pub(crate) fn uri_protocols(fetch: &mut Fetch, config: &Config) {
    let said = config.string("fetch", None, "uriProtocols").unwrap_or_default();
    let words = String::from_utf8_lossy(said).into_owned();
    fetch.uri_protocols =
        words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
}

/// As in git.
const UNPACK_LIMIT: u32 = 100;
