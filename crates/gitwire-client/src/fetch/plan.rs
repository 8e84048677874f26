//! Which refs are wanted, and where they go.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gitwire_protocol::AdvertisedRef;
use gitwire_storage::Repository;
use gitwire_types::{FetchRefspec, FetchSource, Force, ObjectId, RefName};

use super::{Fetch, FetchHeadRole, ForMerge, TagFollowing};
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
    pub(crate) role: FetchHeadRole,
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
    let mut wanted = named_by_refspecs(fetch, refs)?;
    wanted.retain(|wanted| !excluded(&fetch.refspecs, &wanted.remote));
    let stores = wanted.iter().any(|wanted| wanted.local.is_some());
    for_merge(fetch, refs, &mut wanted);
    track(fetch, &mut wanted);
    let mut following = Vec::new();
    match fetch.tags {
        TagFollowing::None => {}
        TagFollowing::Auto if !stores => {}
        TagFollowing::Auto => following = tags(refs, &*repository)?,
        TagFollowing::All => {
            let all = own_names(refs).filter(|wanted| wanted.remote.is_tag());
            wanted.extend(all.filter(|wanted| !excluded(&fetch.refspecs, &wanted.remote)));
        }
    }
    following.retain(|tag| !excluded(&fetch.refspecs, &tag.name));
    let wanted = distinct(wanted)?;
    let stored: HashSet<&RefName> = wanted.iter().filter_map(|wanted| wanted.local.as_ref()).collect();
    following.retain(|tag| !stored.contains(&tag.name));
    Ok(Plan { repository, wanted, following })
}

/// What the refspecs name; without any the remote's `HEAD`.
fn named_by_refspecs(fetch: &Fetch, refs: &RemoteRefs) -> Result<Vec<Wanted>, ClientError> {
    let head = [FetchRefspec::One {
        force: Force::No,
        source: FetchSource::Name(RefName::head()),
        destination: None,
    }];
    let upstream = matches!(&fetch.for_merge, ForMerge::Upstream(names) if !names.is_empty());
    let refspecs = match &fetch.refspecs[..] {
        [] if upstream => &[],
        [] => &head[..],
        refspecs => refspecs,
    };
    let mut wanted = Vec::new();
    for (nth, refspec) in refspecs.iter().enumerate() {
        let role = match &fetch.for_merge {
            _ if fetch.refspecs.is_empty() => FetchHeadRole::Merge,
            ForMerge::Asked => FetchHeadRole::Merge,
            ForMerge::First if nth == 0 && matches!(refspec, FetchRefspec::One { .. }) => {
                FetchHeadRole::Merge
            }
            ForMerge::First | ForMerge::Upstream(_) => FetchHeadRole::NotForMerge,
        };
        match refspec {
            FetchRefspec::One { force, source, destination } => {
                let (remote, id) = find(refs, source)?;
                let local = destination.as_ref().map(|local| full_name(local, &remote)).transpose()?;
                wanted.push(Wanted { remote, id, local, force: *force, role });
            }
            FetchRefspec::Pattern { .. } => wanted.extend(matching(refs, refspec, role)),
            FetchRefspec::Exclude(_) => {}
        }
    }
    Ok(wanted)
}

fn excluded(refspecs: &[FetchRefspec], name: &RefName) -> bool {
    refspecs.iter().any(|refspec| refspec.excludes(name))
}

/// Marks what a branch here is to be merged with, and asks for what of it no refspec names.
fn for_merge(fetch: &Fetch, refs: &RemoteRefs, wanted: &mut Vec<Wanted>) {
    let ForMerge::Upstream(names) = &fetch.for_merge else { return };
    for name in names {
        let candidates: Vec<RefName> = name.candidates().collect();
        let mut known = false;
        for wanted in wanted.iter_mut().filter(|wanted| candidates.contains(&wanted.remote)) {
            wanted.role = FetchHeadRole::Merge;
            known = true;
        }
        // A branch whose upstream is gone does not keep the others from being fetched.
        if !known && let Ok((remote, id)) = find(refs, &FetchSource::Name(name.clone())) {
            let role = FetchHeadRole::Merge;
            wanted.push(Wanted { remote, id, local: None, force: Force::No, role });
        }
    }
}

/// What is fetched goes to where it is followed, too.
fn track(fetch: &Fetch, wanted: &mut Vec<Wanted>) {
    let named: Vec<(RefName, ObjectId)> =
        wanted.iter().map(|wanted| (wanted.remote.clone(), wanted.id)).collect();
    for (remote, id) in named.into_iter().filter(|(remote, _)| !excluded(&fetch.tracking, remote)) {
        for mapped in fetch.tracking.iter().filter_map(|refspec| refspec.map(&remote).ok().flatten()) {
            let Some(local) = mapped.destination else { continue };
            let (remote, role) = (remote.clone(), FetchHeadRole::Ignore);
            wanted.push(Wanted { remote, id, local: Some(local), force: mapped.force, role });
        }
    }
}

/// Each once. Two of the remote's refs in one place of ours would make its content a matter of luck.
fn distinct(all: Vec<Wanted>) -> Result<Vec<Wanted>, ClientError> {
    let mut places: HashMap<RefName, (RefName, FetchHeadRole)> = HashMap::new();
    let mut unstored = HashSet::new();
    let mut distinct = Vec::with_capacity(all.len());
    for wanted in all {
        let Some(local) = &wanted.local else {
            if unstored.insert(wanted.remote.clone()) {
                distinct.push(wanted);
            }
            continue;
        };
        match places.get(local) {
            None => {
                places.insert(local.clone(), (wanted.remote.clone(), wanted.role));
                distinct.push(wanted);
            }
            Some((remote, _)) if *remote == wanted.remote => {}
            Some(_) if wanted.role == FetchHeadRole::Ignore => {}
            Some((remote, _)) => {
                let (first, second) = (remote.to_string(), wanted.remote.to_string());
                return Err(ClientError::Collision { first, second, local: local.to_string() });
            }
        }
    }
    Ok(distinct)
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
fn matching<'a>(
    refs: &'a RemoteRefs,
    pattern: &'a FetchRefspec,
    role: FetchHeadRole,
) -> impl Iterator<Item = Wanted> + 'a {
    refs.iter().filter_map(move |shown| {
        let (remote, id) = named(&shown)?;
        let mapped = pattern.map(&remote).ok().flatten()?;
        Some(Wanted { remote, id, local: mapped.destination, force: mapped.force, role })
    })
}

/// The remote's refs, to be stored under their own names.
fn own_names(refs: &RemoteRefs) -> impl Iterator<Item = Wanted> + '_ {
    refs.iter().filter_map(|shown| {
        let (remote, id) = named(&shown)?;
        let role = FetchHeadRole::NotForMerge;
        Some(Wanted { local: Some(remote.clone()), remote, id, force: Force::No, role })
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
