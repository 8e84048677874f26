//! Which ref of the remote gets what (`git-push`, `<refspec>`).

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use gitwire_types::{Force, Interrupt, ObjectId, ObjectKind, PushRefspec, RefName};
use gitwire_walk::Graph;

use super::local::{LocalRefs, Source};
use super::{Matching, Push};
use crate::{ClientError, Prune, RemoteRefs};

/// Why a refspec pushes nothing. Displays in git's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefspecProblem {
    /// There is nothing of that name here.
    #[error("src refspec {} does not match any", .0.escape_ascii())]
    UnknownSource(Bytes),
    /// A short name fits several refs here.
    #[error("src refspec {} matches more than one", .0.escape_ascii())]
    AmbiguousSource(Bytes),
    /// Without a destination the source must be a ref.
    #[error("{} cannot be resolved to branch", .0.escape_ascii())]
    NotABranch(Bytes),
    /// A short name fits several refs there.
    #[error("dst refspec {0} matches more than one")]
    AmbiguousDestination(RefName),
    /// Two refspecs lead to one ref.
    #[error("dst ref {0} receives from more than one src")]
    SeveralSources(RefName),
    /// Two refspecs lead to one ref, of a remote that has none yet.
    #[error("multiple updates for ref '{0}' not allowed")]
    SeveralUpdates(RefName),
    /// A short name fits nothing there, and the source does not say what it is to be.
    #[error(
        "destination '{0}' is no full name: it fits no ref of the remote, and the source is neither a branch nor a tag; \
         name it with refs/ in front"
    )]
    UnknownDestination(RefName),
    /// What is to go is not there.
    #[error("unable to delete '{0}': remote ref does not exist")]
    NothingToDelete(RefName),
}

/// What the remote's refs are to become.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) list: Vec<Target>,
    by_name: HashMap<RefName, usize>,
}

/// A ref of the remote, now or soon.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: RefName,
    pub(super) old: Option<ObjectId>,
    pub(super) change: Option<Change>,
    pub(super) force: Force,
}

/// What a ref is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Set(Source),
    Delete,
}

impl Targets {
    fn shown(refs: &RemoteRefs) -> Self {
        let mut targets = Self::default();
        for shown in refs.iter().filter(|shown| shown.name.starts_with(b"refs/")) {
            if let (Ok(name), Some(id)) = (RefName::copy_from(shown.name), shown.id) {
                let at = targets.get_or_add(&name);
                if let Some(target) = targets.list.get_mut(at) {
                    target.old = Some(id);
                }
            }
        }
        targets
    }

    fn get_or_add(&mut self, name: &RefName) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.list.len();
        self.list.push(Target { name: name.clone(), old: None, change: None, force: Force::No });
        self.by_name.insert(name.clone(), at);
        at
    }

    /// Gives a ref its change; false if it has one.
    fn change(&mut self, name: &RefName, change: Change, force: Force) -> bool {
        let at = self.get_or_add(name);
        match self.list.get_mut(at) {
            Some(target) if target.change.is_none() => {
                (target.change, target.force) = (Some(change), force);
                true
            }
            _ => false,
        }
    }
}

/// How a short name fits a set of refs.
pub(super) enum Named {
    Nothing,
    One(RefName),
    Several,
}

/// Finds the ref that a name is short for. Remote-tracking refs count only where nothing else fits.
pub(super) fn find_named(name: &RefName, exists: impl Fn(&RefName) -> bool) -> Named {
    let (mut strong, mut weak) = (Vec::new(), Vec::new());
    for (nth, candidate) in name.candidates().enumerate() {
        if exists(&candidate) {
            if nth < FIRST_WEAK { strong.push(candidate) } else { weak.push(candidate) }
        }
    }
    let mut found = if strong.is_empty() { weak } else { strong };
    match (found.pop(), found.is_empty()) {
        (None, _) => Named::Nothing,
        (Some(name), true) => Named::One(name),
        (Some(_), false) => Named::Several,
    }
}

/// Of the places where a short name is looked for, those from this one on are below `refs/remotes/`.
const FIRST_WEAK: usize = 4;

/// Looks the sources of refspecs up, before anybody is asked anything.
pub(super) fn check_sources(push: &Push, local: &LocalRefs) -> Result<(), ClientError> {
    let mut problems = Vec::new();
    for refspec in &push.refspecs {
        if let PushRefspec::One { source, .. } = refspec {
            problems.extend(local.source(source)?.err());
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ClientError::Refspecs(problems)) }
}

/// What the remote's refs are to become.
pub(super) fn match_refs(
    push: &Push,
    local: &LocalRefs,
    refs: &RemoteRefs,
    graph: &mut Graph,
    stop: &dyn Interrupt,
) -> Result<Targets, ClientError> {
    let mut targets = Targets::shown(refs);
    let matching = [PushRefspec::Matching { force: Force::No }];
    let refspecs = if push.refspecs.is_empty() { &matching[..] } else { &push.refspecs };
    let mut problems = Vec::new();
    for refspec in refspecs {
        problems.extend(explicit(refspec, local, &mut targets)?.err());
    }
    if !problems.is_empty() {
        return Err(ClientError::Refspecs(problems));
    }
    let rules = Rules { refspecs, matching: push.matching };
    for (name, id) in &local.all {
        let Some((destination, force, by_matching)) = rules.destination(name)? else { continue };
        let exists = targets.by_name.contains_key(&destination);
        if exists || !by_matching || push.matching != Matching::Common {
            targets.change(&destination, Change::Set(Source::of(name, *id)), force);
        }
    }
    if push.follow_tags {
        follow_tags(local, &mut targets, graph, stop)?;
    }
    if push.prune == Prune::Yes {
        prune(&rules, local, &mut targets)?;
    }
    // To git an exclusion speaks of the remote's names.
    for target in targets.list.iter_mut().filter(|target| rules.excludes(&target.name)) {
        target.change = None;
    }
    if push.matching == Matching::Mirror {
        targets.list.iter_mut().for_each(|target| {
            target.change.get_or_insert(Change::Delete);
        });
    }
    Ok(targets)
}

/// A refspec that names one ref.
fn explicit(
    refspec: &PushRefspec,
    local: &LocalRefs,
    targets: &mut Targets,
) -> Result<Result<(), RefspecProblem>, ClientError> {
    let (force, change, destination) = match refspec {
        PushRefspec::One { force, source, destination } => {
            let source = match local.source(source)? {
                Ok(source) => source,
                Err(problem) => return Ok(Err(problem)),
            };
            let destination = match destination {
                Some(destination) => destination.clone(),
                None => match local.own_name(&source)? {
                    Ok(destination) => destination,
                    Err(problem) => return Ok(Err(problem)),
                },
            };
            (*force, Change::Set(source), destination)
        }
        PushRefspec::Delete { force, destination } => (*force, Change::Delete, destination.clone()),
        _ => return Ok(Ok(())),
    };
    let named = find_named(&destination, |candidate| targets.by_name.contains_key(candidate));
    let name = match (named, &change) {
        (Named::One(name), _) => name,
        (Named::Several, _) => return Ok(Err(RefspecProblem::AmbiguousDestination(destination))),
        (Named::Nothing, _) if destination.as_bytes().starts_with(b"refs/") => destination,
        (Named::Nothing, Change::Delete) => return Ok(Err(RefspecProblem::NothingToDelete(destination))),
        (Named::Nothing, Change::Set(source)) => match local.guess(source, &destination)? {
            Some(name) => name,
            None => return Ok(Err(RefspecProblem::UnknownDestination(destination))),
        },
    };
    Ok(match targets.change(&name, change, force) {
        true => Ok(()),
        // To git such a remote is another case: there it is the server that refuses.
        false if targets.list.iter().all(|target| target.old.is_none()) => {
            Err(RefspecProblem::SeveralUpdates(name))
        }
        false => Err(RefspecProblem::SeveralSources(name)),
    })
}

/// Refspecs that stand for many refs.
struct Rules<'a> {
    refspecs: &'a [PushRefspec],
    matching: Matching,
}

impl Rules<'_> {
    /// Where a ref of ours goes, whether by force, and whether it is `:` that says so.
    fn destination(&self, name: &RefName) -> Result<Option<(RefName, Force, bool)>, ClientError> {
        for refspec in self.refspecs {
            // A name that would be bad there goes nowhere.
            if let Ok(Some(mapped)) = refspec.map(name)
                && let Some(destination) = mapped.destination
            {
                return Ok(Some((destination, mapped.force, false)));
            }
        }
        Ok(self.by_matching(name).map(|force| (name.clone(), force, true)))
    }

    /// The ref of ours that goes to one of the remote's.
    fn source(&self, name: &RefName) -> Option<RefName> {
        let mapped = self.refspecs.iter().find_map(|refspec| refspec.map_back(name).ok().flatten());
        mapped.or_else(|| self.by_matching(name).map(|_| name.clone()))
    }

    /// Whether a ref of the remote is left as it is, whatever else is said of it.
    fn excludes(&self, name: &RefName) -> bool {
        self.refspecs.iter().any(|refspec| refspec.excludes(name))
    }

    /// Whether `:` is given and takes in this ref.
    fn by_matching(&self, name: &RefName) -> Option<Force> {
        let force = self.refspecs.iter().find_map(|refspec| match refspec {
            PushRefspec::Matching { force } => Some(*force),
            _ => None,
        });
        force.filter(|_| self.matching == Matching::Mirror || name.is_branch())
    }
}

/// Adds the annotated tags that the remote lacks and that lead to a commit that it has afterwards.
fn follow_tags(
    local: &LocalRefs,
    targets: &mut Targets,
    graph: &mut Graph,
    stop: &dyn Interrupt,
) -> Result<(), ClientError> {
    let tips: Vec<ObjectId> = targets
        .list
        .iter()
        .filter_map(|target| match &target.change {
            Some(Change::Set(source)) => Some(source.id),
            _ => target.old,
        })
        .collect();
    let mut tags = Vec::new();
    for (name, id) in local.all.iter().filter(|(name, _)| name.is_tag()) {
        if targets.by_name.contains_key(name) {
            continue;
        }
        let peeled = graph.peel(id)?;
        if !peeled.tags.is_empty() && peeled.kind == ObjectKind::Commit {
            tags.push((name, *id, peeled.id));
        }
    }
    let wanted: Vec<ObjectId> = tags.iter().map(|(_, _, commit)| *commit).collect();
    let unreached: HashSet<ObjectId> = graph.unreached(&tips, &wanted, stop)?.into_iter().collect();
    for (name, id, commit) in tags {
        if !unreached.contains(&commit) {
            targets.change(name, Change::Set(Source::of(name, id)), Force::No);
        }
    }
    Ok(())
}

/// Takes out refs of the remote that would get what is here no more.
fn prune(rules: &Rules<'_>, local: &LocalRefs, targets: &mut Targets) -> Result<(), ClientError> {
    for target in targets.list.iter_mut().filter(|target| target.change.is_none()) {
        if let Some(source) = rules.source(&target.name)
            && local.id(&source).is_none()
        {
            target.change = Some(Change::Delete);
        }
    }
    Ok(())
}
