//! From which commits a fetch looks for what both sides have.

use std::ffi::OsString;
use std::ops::ControlFlow;

use bytes::Bytes;
use gitwire_client::{NegotiationTips, find_revision};
use gitwire_gitdir::{Config, GitDir};
use gitwire_storage::Repository as _;
use gitwire_types::ObjectId;

use super::source::Source;
use crate::command::ls_remote::glob;
use crate::failure::Failure;
use crate::local;

/// As the command line says, else the configuration.
pub(super) fn find(
    restrict: &[OsString],
    include: &[OsString],
    repository: &GitDir,
    config: &Config,
    source: &Source,
) -> Result<NegotiationTips, Failure> {
    let words = |given: &[OsString], name| match given.is_empty() {
        true => source.values(config, name),
        false => given.iter().map(local::bytes).collect(),
    };
    let restrict = words(restrict, "negotiationRestrict");
    let mut tips = NegotiationTips::default();
    if !restrict.is_empty() {
        tips.from = Some(commits(&restrict, repository)?);
    }
    tips.always = commits(&words(include, "negotiationInclude"), repository)?;
    Ok(tips)
}

/// What refs, patterns of refs and ids name.
fn commits(words: &[Bytes], repository: &GitDir) -> Result<Vec<ObjectId>, Failure> {
    let mut found = Vec::new();
    for word in words {
        if word.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            let before = found.len();
            repository.refs()?.each(&[], &mut |record| {
                let full = glob(word, record.name);
                let short = record.name.strip_prefix(b"refs/").is_some_and(|short| glob(word, short));
                found.extend(record.id.filter(|_| full || short));
                Ok(ControlFlow::Continue(()))
            })?;
            if found.len() == before {
                eprintln!(
                    "warning: ignoring --negotiation-restrict={} because it does not match any refs",
                    word.escape_ascii()
                );
            }
            continue;
        }
        let id = find_revision(repository, word)?;
        found.push(
            id.ok_or_else(|| Failure::fatal(format!("{} is not a valid object", word.escape_ascii())))?,
        );
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
