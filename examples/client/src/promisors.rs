//! What a partial clone left out, brought when it is needed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use gitwire_client::PromisorRemotes;
use gitwire_gitdir::{ConfigSection, GitDir, PromisorConfig};
use gitwire_storage::Repository as _;
use gitwire_types::ObjectId;

use crate::failure::Failure;
use crate::local;

/// Whether `GIT_NO_LAZY_FETCH` forbids to fetch what is missing; `by_default` where it says nothing.
pub(crate) fn is_forbidden(by_default: bool) -> Result<bool, Failure> {
    match std::env::var("GIT_NO_LAZY_FETCH") {
        Err(std::env::VarError::NotPresent) => Ok(by_default),
        Ok(value) => match value.to_ascii_lowercase().as_str() {
            "" | "0" | "false" | "no" | "off" => Ok(false),
            "1" | "true" | "yes" | "on" => Ok(true),
            number if number.parse::<i64>().is_ok() => Ok(true),
            _ => Err(Failure::fatal(format!(
                "bad boolean environment value '{}' for 'GIT_NO_LAZY_FETCH'",
                value.escape_default()
            ))),
        },
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::fatal("bad boolean environment value for 'GIT_NO_LAZY_FETCH'"))
        }
    }
}

/// The promisor remotes that the configuration names and that can be reached; `None` where there are none.
pub(crate) fn remotes(repository: &GitDir) -> Result<Option<PromisorRemotes>, Failure> {
    let config = repository.config();
    let mut remotes = PromisorRemotes::new(Arc::new(repository.clone()));
    let known = PromisorConfig::all(&config)?;
    if known.is_empty() {
        return Ok(None);
    }
    for PromisorConfig { name, url, .. } in &known {
        let Some(url) = url else { continue };
        let program = config.string("remote", Some(name), "uploadpack");
        let program: Option<OsString> = program.map(|program| OsStr::from_bytes(program).to_owned());
        remotes.add(name, local::remote(url, program.as_ref(), &config)?);
    }
    let repository = repository.clone();
    Ok(Some(remotes.with_listener(move |name| remember(&repository, name))))
}

/// What a remote was asked for without blobs is what it is asked for again, as `git fetch --filter` leaves it in the configuration.
fn remember(repository: &GitDir, name: &[u8]) -> Result<(), gitwire_storage::StorageError> {
    if repository.config().string("remote", Some(name), "partialCloneFilter").is_some() {
        return Ok(());
    }
    let section = ConfigSection::new("remote", Some(name)).with("partialclonefilter", b"blob:none");
    repository.add_config(&[section])
}

/// Whether an object is missing that a promisor has.
pub(crate) fn has(repository: &GitDir, id: &ObjectId) -> bool {
    let promised = repository.objects().and_then(|objects| objects.promised(&[*id]));
    promised.is_ok_and(|promised| promised == [true])
}
