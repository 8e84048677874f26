//! What a partial clone left out, brought when it is needed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use gitwire_capability::PromisorRemote;
use gitwire_client::{AcceptPromisors, PromisorPolicy, PromisorRemotes, RemoteRefs};
use gitwire_gitdir::{Config, ConfigSection, GitDir, PromisorConfig};
use gitwire_storage::{Lazy, Repository};
use gitwire_types::{FilterSpec, Limits, ObjectId};

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

/// The repository, such that what a partial clone left out comes when it is read, unless `GIT_NO_LAZY_FETCH` forbids it.
pub(crate) fn whole(repository: &GitDir) -> Result<Arc<dyn Repository>, Failure> {
    let plain = Arc::new(repository.clone());
    if is_forbidden(false)? {
        return Ok(plain);
    }
    Ok(match remotes(repository)? {
        Some(remotes) => Arc::new(Lazy::new(plain, Arc::new(remotes))),
        None => plain,
    })
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

/// What the configuration says of the promisors that servers tell of (`promisor.acceptFromServer`, `promisor.checkFields`).
pub(crate) fn policy(config: &Config, chooses_filter: bool) -> Result<PromisorPolicy, Failure> {
    let mut policy = PromisorPolicy::default();
    policy.chooses_filter = chooses_filter;
    if let Some(name) = config.string("promisor", None, "acceptFromServer").filter(|name| !name.is_empty()) {
        policy.accept = AcceptPromisors::from_name(name).unwrap_or_else(|| {
            let name = name.escape_ascii();
            eprintln!("warning: unknown '{name}' value for 'promisor.acceptfromserver' config option");
            AcceptPromisors::None
        });
    }
    for PromisorConfig { name, url, filter, token, .. } in PromisorConfig::all(config)? {
        let Some(url) = url else { continue };
        let mut remote = PromisorRemote::new(name, url);
        (remote.filter, remote.token) = (filter.map(Into::into), token.map(Into::into));
        policy.known.push(remote);
    }
    policy.check_filter = names(config, "checkFields", FILTER);
    policy.check_token = names(config, "checkFields", TOKEN);
    Ok(policy)
}

/// Writes what `promisor.storeFields` names of the promisors that were taken and are known here, where it has changed.
pub(crate) fn store(
    repository: &GitDir,
    config: &Config,
    policy: &PromisorPolicy,
    refs: &RemoteRefs,
) -> Result<(), Failure> {
    let Some(capabilities) = refs.capabilities() else { return Ok(()) };
    let offered = PromisorPolicy::offered(capabilities);
    for remote in policy.taken(&offered) {
        let Some(known) = policy.known.iter().find(|known| known.name == remote.name) else { continue };
        let fields = [
            (FILTER, "filter", &remote.filter, &known.filter),
            (TOKEN, "token", &remote.token, &known.token),
        ];
        for (key, what, new, old) in fields {
            let Some(new) =
                new.as_ref().filter(|new| names(config, "storeFields", key) && Some(*new) != old.as_ref())
            else {
                continue;
            };
            let name = remote.name.escape_ascii();
            let good = match key {
                FILTER => FilterSpec::parse(new, &Limits::default()).is_ok(),
                _ => !new.iter().any(u8::is_ascii_control),
            };
            if !good {
                eprintln!(
                    "warning: invalid {what} '{}' for remote '{name}' will not be stored",
                    new.escape_ascii()
                );
                continue;
            }
            eprintln!("Storing new {what} from server for remote '{name}'.");
            let old = old.as_deref().unwrap_or_default();
            eprintln!("    '{}' -> '{}'", old.escape_ascii(), new.escape_ascii());
            repository.add_config(&[ConfigSection::new("remote", Some(&remote.name)).with(key, new)])?;
        }
    }
    Ok(())
}

/// Whether a list of fields in the configuration names one.
fn names(config: &Config, list: &str, field: &str) -> bool {
    let list = config.string("promisor", None, list).unwrap_or_default();
    let mut words = list.split(|byte| matches!(byte, b',' | b' ' | b'\t'));
    words.any(|word| word.eq_ignore_ascii_case(field.as_bytes()))
}

const FILTER: &str = "partialCloneFilter";
const TOKEN: &str = "token";
