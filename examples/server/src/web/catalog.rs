//! The repositories below the root, as the dashboard shows them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gitwire_gitdir::{GitDir, Lookup, OpenOptions};
use gitwire_object::CommitLinks;
use gitwire_server::Policy;
use gitwire_storage::Repository as _;
use gitwire_types::{Interrupt, Interrupted, ObjectKind};
use std::ops::ControlFlow;

use super::limits::Limits;
use super::repository::{description, hidden};

/// A repository on the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where it is below the root, for whoever decides who may see it.
    pub(crate) served: Vec<u8>,
    /// The same as clients name it: without the `.git` of a work tree.
    pub(crate) path: Vec<u8>,
    pub(crate) description: Option<String>,
    /// When the newest commit of a branch was made, in seconds since 1970.
    pub(crate) updated: Option<i64>,
    /// Bytes of its objects.
    pub(crate) size: u64,
    /// Whether there are more than were added up.
    pub(crate) size_is_cut: bool,
}

/// The repositories of one root. What was found is kept for a moment, and what has not changed is not read again.
pub(crate) struct Catalog {
    root: PathBuf,
    policy: Arc<Policy>,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    made: Option<Instant>,
    list: Arc<[Listed]>,
    known: HashMap<PathBuf, Known>,
}

struct Known {
    stamp: Stamp,
    read: Instant,
    /// `None` where it is nothing that we understand.
    listed: Option<Listed>,
}

/// When the parts of a repository that a push touches have changed: `HEAD`, branches, packs, description.
type Stamp = [Option<(i64, i64)>; 6];

impl Catalog {
    pub(crate) fn new(root: &Path, policy: Arc<Policy>, limits: Limits) -> Self {
        Self { root: root.to_owned(), policy, limits, state: Mutex::default() }
    }

    /// All repositories, the last updated first.
    pub(crate) fn list(&self, now: Instant, stop: &dyn Interrupt) -> Result<Arc<[Listed]>, Interrupted> {
        // Who comes while another looks waits for what that one finds.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.made.is_some_and(|made| now.saturating_duration_since(made) < FRESH) {
            return Ok(Arc::clone(&state.list));
        }
        let places = self.places(stop)?;
        let mut list = Vec::with_capacity(places.len());
        let mut known = HashMap::with_capacity(places.len());
        for place in &places {
            // What was read so far is not read again by who comes next.
            stop.check()?;
            let stamp = stamp(place);
            let is_good =
                |kept: &&Known| kept.stamp == stamp && now.saturating_duration_since(kept.read) < KEPT;
            if state.known.get(place).filter(is_good).is_none() {
                let listed = self.read(place);
                state.known.insert(place.clone(), Known { stamp, read: now, listed });
            }
        }
        for place in places {
            if let Some(kept) = state.known.remove(&place) {
                list.extend(kept.listed.clone());
                known.insert(place, kept);
            }
        }
        list.sort_by(|one, two| two.updated.cmp(&one.updated).then_with(|| one.path.cmp(&two.path)));
        *state = State { made: Some(now), list: list.into(), known };
        Ok(Arc::clone(&state.list))
    }

    /// Something has changed: look again.
    pub(crate) fn forget(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).made = None;
    }

    /// The directories that look like repositories. Symbolic links are not followed: what they lead to is found where it is.
    fn places(&self, stop: &dyn Interrupt) -> Result<Vec<PathBuf>, Interrupted> {
        let mut found = Vec::new();
        let mut folders = vec![(self.root.clone(), 0)];
        let mut left = self.limits.repositories_entries_max;
        while let Some((folder, depth)) = folders.pop() {
            stop.check()?;
            // What cannot be read is not shown.
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                if left == 0 || found.len() >= self.limits.repositories_max {
                    return Ok(found);
                }
                left -= 1;
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if !is_folder || !has_page(entry.file_name().as_bytes()) {
                    continue;
                }
                let place = entry.path();
                if looks_like_one(&place) {
                    found.push(place);
                } else if looks_like_one(&place.join(".git")) {
                    found.push(place.join(".git"));
                } else if depth + 1 < self.limits.repositories_depth_max {
                    folders.push((place, depth + 1));
                }
            }
        }
        Ok(found)
    }

    /// Looks at a repository; `None` where it is none that we understand.
    fn read(&self, place: &Path) -> Option<Listed> {
        let mut options = OpenOptions::default();
        options.lookup = Lookup::Exact;
        let git = GitDir::open(place, &options).ok()?;
        let served = place.strip_prefix(&self.root).ok()?.as_os_str().as_bytes().to_vec();
        let path = served.strip_suffix(b"/.git").unwrap_or(&served).to_vec();
        let (size, size_is_cut) = size(&git.common_path().join("objects"), self.limits.size_files_max);
        let description = description(git.path());
        Some(Listed { served, path, description, updated: self.updated(&git), size, size_is_cut })
    }

    fn updated(&self, git: &GitDir) -> Option<i64> {
        let hidden = hidden(&self.policy, git).ok()?;
        let (objects, refs) = (git.objects().ok()?, git.refs().ok()?);
        let mut newest = None;
        let mut left = BRANCHES_MAX;
        let mut content = Vec::new();
        let heads = b"refs/heads/".as_slice();
        refs.each(&[heads.into()], &mut |record| {
            if left == 0 {
                return Ok(ControlFlow::Break(()));
            }
            left -= 1;
            if let (Some(id), false) = (record.id, hidden.hides(record.name))
                && let Ok(Some(ObjectKind::Commit)) =
                    objects.read(&id, self.limits.object_bytes_max, &mut content)
                && let Ok(links) = CommitLinks::parse(id.format(), &content)
            {
                newest = newest.max(i64::try_from(links.time).ok());
            }
            Ok(ControlFlow::Continue(()))
        })
        .ok()?;
        newest
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Whether the URL of a page can hold a name.
fn has_page(name: &[u8]) -> bool {
    let is_strange = |byte: &u8| *byte < b' ' || *byte == 0x7f || *byte == b'\\';
    !matches!(name, [b'.' | b'-', ..]) && !name.iter().any(is_strange)
}

fn looks_like_one(place: &Path) -> bool {
    let is = |name: &str, file: bool| {
        fs::symlink_metadata(place.join(name))
            .is_ok_and(|found| if file { !found.is_dir() } else { found.is_dir() })
    };
    is("HEAD", true) && is("objects", false) && is("refs", false)
}

fn stamp(place: &Path) -> Stamp {
    ["HEAD", "refs/heads", "packed-refs", "reftable/tables.list", "objects/pack", "description"].map(|name| {
        fs::symlink_metadata(place.join(name)).ok().map(|found| (found.ctime(), found.ctime_nsec()))
    })
}

/// The sizes of the files below a directory, and whether there are more than were added up.
fn size(objects: &Path, files_max: usize) -> (u64, bool) {
    let (mut size, mut files) = (0_u64, 0_usize);
    let mut folders = vec![(objects.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            if files >= files_max {
                return (size, true);
            }
            files += 1;
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() && depth == 0 {
                folders.push((entry.path(), 1));
            } else if found.is_file() {
                size = size.saturating_add(found.len());
            }
        }
    }
    (size, false)
}

/// How long the list is good: a push is seen by the next look but one.
const FRESH: Duration = Duration::from_secs(2);

/// How long a repository is not read again that does not seem to have changed. A branch in a folder of its own changes none of what is
/// looked at.
const KEPT: Duration = Duration::from_secs(60);

/// Branches that are asked for their newest commit.
const BRANCHES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use gitwire_gitdir::InitOptions;
    use gitwire_testkit::git::Folder;
    use gitwire_types::Never;

    use super::*;

    /// Interrupts when it was asked so often.
    struct After(AtomicUsize);

    impl Interrupt for After {
        fn check(&self) -> Result<(), Interrupted> {
            self.0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .map_or(Err(Interrupted), |_| Ok(()))
        }
    }

    #[test]
    fn who_was_interrupted_has_not_looked_in_vain() {
        let folder = Folder::new("catalog");
        for name in ["a.git", "b.git", "c.git", "d.git"] {
            GitDir::init_bare(folder.path().join(name), &InitOptions::default()).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("no.git/objects")).unwrap();
        std::fs::create_dir_all(folder.path().join("no.git/refs")).unwrap();
        std::fs::write(folder.path().join("no.git/HEAD"), "nothing").unwrap();
        let catalog = Catalog::new(folder.path(), Arc::new(Policy::default()), Limits::default());
        let now = Instant::now();
        for checks in 0..6 {
            assert!(catalog.list(now, &After(checks.into())).is_err());
            assert_eq!(catalog.state.lock().unwrap().known.len(), checks.saturating_sub(1));
        }
        assert_eq!(catalog.list(now, &Never).unwrap().len(), 4);
        assert_eq!(catalog.list(now, &After(0.into())).unwrap().len(), 4, "it is kept for a moment");
        std::fs::remove_dir_all(folder.path().join("a.git")).unwrap();
        assert_eq!(catalog.list(now + FRESH, &Never).unwrap().len(), 3);
        assert_eq!(catalog.state.lock().unwrap().known.len(), 4, "what has gone is forgotten");
    }

    #[test]
    fn what_no_page_can_name_is_not_listed() {
        let folder = Folder::new("catalog-names");
        for name in ["a\nb.git", "a\\b.git", "-a.git", ".a.git", "\u{7f}.git", "a b.git", "g/a.git"] {
            GitDir::init_bare(folder.path().join(name), &InitOptions::default()).unwrap();
        }
        let catalog = Catalog::new(folder.path(), Arc::new(Policy::default()), Limits::default());
        let list = catalog.list(Instant::now(), &Never).unwrap();
        let names: Vec<&[u8]> = list.iter().map(|listed| listed.path.as_slice()).collect();
        assert_eq!(names, [&b"a b.git"[..], b"g/a.git"]);
    }

    #[test]
    fn what_changes_is_seen_by_the_next_look_but_one() {
        let folder = Folder::new("catalog-fresh");
        let place = folder.path().join("a.git");
        GitDir::init_bare(&place, &InitOptions::default()).unwrap();
        let catalog = Catalog::new(folder.path(), Arc::new(Policy::default()), Limits::default());
        let now = Instant::now();
        let described =
            |now| catalog.list(now, &Never).unwrap().first().and_then(|listed| listed.description.clone());
        assert_eq!(described(now), None);
        std::fs::write(place.join("description"), "New\n").unwrap();
        assert_eq!(described(now), None);
        assert_eq!(described(now + FRESH).as_deref(), Some("New"));
        std::fs::write(place.join("description"), "Newer\n").unwrap();
        catalog.forget();
        assert_eq!(described(now + FRESH).as_deref(), Some("Newer"));
    }
}
