//! Which refs are wanted, and where they go.

use std::collections::HashSet;
use std::sync::Arc;

use gitwire_protocol::AdvertisedRef;
use gitwire_storage::Repository;
use gitwire_types::{FetchRefspec, FetchSource, Force, ObjectId, RefName};

use super::{Fetch, TagFollowing};
use crate::{ClientError, RemoteRefs};

/// What a fetch is to bring, and into which repository.
pub(crate) struct Plan {
    pub(crate) repository: Arc<dyn Repository>,
    pub(crate) wanted: Vec<Wanted>,
    /// Tags that come if what they lead to does.
    pub(crate) following: Vec<Following>,
}

/// A ref or object that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) remote: RefName,
    pub(crate) id: ObjectId,
    pub(crate) local: Option<RefName>,
    pub(crate) force: Force,
}

/// A tag that comes if what it leads to does.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    pub(crate) name: RefName,
    pub(crate) id: ObjectId,
    pub(crate) target: ObjectId,
}

/// What the refspecs of `fetch` make of a remote's refs.
pub(crate) fn map_refs(
    fetch: &Fetch,
    refs: &RemoteRefs,
    repository: Arc<dyn Repository>,
) -> Result<Plan, ClientError> {
    let mut wanted = Vec::new();
    let head = [FetchRefspec::One {
        force: Force::No,
        source: FetchSource::Name(RefName::head()),
        destination: None,
    }];
    let refspecs = if fetch.refspecs.is_empty() { &head[..] } else { &fetch.refspecs };
    for refspec in refspecs {
        match refspec {
            FetchRefspec::One { force, source, destination } => {
                let (remote, id) = find(refs, source)?;
                let local = destination.as_ref().map(|local| full_name(local, &remote)).transpose()?;
                wanted.push(Wanted { remote, id, local, force: *force });
            }
            FetchRefspec::Pattern { .. } => wanted.extend(matching(refs, refspec)),
            FetchRefspec::Exclude(_) => {}
        }
    }
    wanted.retain(|wanted| !refspecs.iter().any(|refspec| refspec.excludes(&wanted.remote)));
    let stores = wanted.iter().any(|wanted| wanted.local.is_some());
    let mut following = Vec::new();
    match fetch.tags {
        TagFollowing::None => {}
        TagFollowing::Auto if !stores => {}
        TagFollowing::Auto => following = tags(refs, &*repository)?,
        TagFollowing::All => {
            wanted.extend(own_names(refs).filter(|wanted| wanted.remote.is_tag()));
        }
    }
    let mut seen = HashSet::new();
    wanted.retain(|wanted| seen.insert((wanted.remote.clone(), wanted.local.clone())));
    following.retain(|tag| !seen.contains(&(tag.name.clone(), Some(tag.name.clone()))));
    Ok(Plan { repository, wanted, following })
}

/// The remote's ref, perhaps by a short name, or the object.
fn find(refs: &RemoteRefs, source: &FetchSource) -> Result<(RefName, ObjectId), ClientError> {
    let name = match source {
        FetchSource::Object(id) => {
            let name = RefName::new(id.to_string())
                .map_err(|_| ClientError::Internal("hexadecimal digits are a name"))?;
            return Ok((name, *id));
        }
        FetchSource::Name(name) => name,
    };
    let found = name.candidates().find_map(|candidate| {
        let id = refs.id(candidate.as_bytes())?;
        Some((candidate, id))
    });
    found.ok_or_else(|| ClientError::NoSuchRef(name.to_string()))
}

/// Where a short name leads: to a branch or a tag, as what is stored there is one.
fn full_name(local: &RefName, remote: &RefName) -> Result<RefName, ClientError> {
    if local.is_full() {
        return Ok(local.clone());
    }
    let prefix = if remote.is_tag() { &b"refs/tags/"[..] } else { b"refs/heads/" };
    RefName::full([prefix, local.as_bytes()].concat()).map_err(|_| ClientError::NoSuchRef(local.to_string()))
}

/// The remote's refs that fit a pattern. Names that git would not accept either are passed over.
fn matching<'a>(refs: &'a RemoteRefs, pattern: &'a FetchRefspec) -> impl Iterator<Item = Wanted> + 'a {
    refs.iter().filter_map(|shown| {
        let (remote, id) = named(&shown)?;
        let mapped = pattern.map(&remote).ok().flatten()?;
        Some(Wanted { remote, id, local: mapped.destination, force: mapped.force })
    })
}

/// The remote's refs, to be stored under their own names.
fn own_names(refs: &RemoteRefs) -> impl Iterator<Item = Wanted> + '_ {
    refs.iter().filter_map(|shown| {
        let (remote, id) = named(&shown)?;
        Some(Wanted { local: Some(remote.clone()), remote, id, force: Force::No })
    })
}

/// The remote's tags that are not here.
fn tags(refs: &RemoteRefs, repository: &dyn Repository) -> Result<Vec<Following>, ClientError> {
    let own = repository.refs()?;
    let mut tags = Vec::new();
    for shown in refs.iter() {
        let Some((name, id)) = named(&shown).filter(|(name, _)| name.is_tag()) else { continue };
        if own.get(&name)?.is_none() {
            tags.push(Following { name, id, target: shown.peeled.unwrap_or(id) });
        }
    }
    Ok(tags)
}

/// Name and object of a ref below `refs/`.
fn named(shown: &AdvertisedRef<'_>) -> Option<(RefName, ObjectId)> {
    let name = RefName::copy_from(shown.name).ok().filter(|name| name.as_bytes().starts_with(b"refs/"))?;
    Some((name, shown.id?))
}
