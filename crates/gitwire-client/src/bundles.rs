//! Bundles that a repository is offered beside a server: what they hold need not be fetched (git's document `bundle-uri`).

mod ask;
mod list;
mod source;
mod unbundle;

use std::sync::Arc;

use gitwire_storage::{Repository, StageRequest};
use gitwire_transport::ConnectOptions;
use gitwire_types::{FilterSpec, Interrupt, ObjectId, RefName};
use gitwire_walk::WalkLimits;

pub(crate) use self::ask::ask;
pub use self::list::{Bundle, BundleList, BundleMode};
use self::source::{Found, Source};
use self::unbundle::unbundle;
use crate::ClientError;

/// Brings bundles into a repository, from files and over HTTP: objects, and refs below `refs/bundles/` that hold them, so that the
/// fetch that follows names them as haves.
///
/// What cannot be had, or does not fit, is passed over and told of: bundles only save work.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use gitwire_client::BundleUris;
/// use gitwire_gitdir::{GitDir, OpenOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let repository = Arc::new(GitDir::open("/srv/project.git", &OpenOptions::default())?);
/// let brought = BundleUris::new(repository).bring(b"https://example.org/project.bundle", &gitwire_types::Never)?;
/// for (uri, why) in &brought.failures {
///     eprintln!("{}: {why}", uri.escape_ascii());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct BundleUris {
    repository: Arc<dyn Repository>,
    /// How servers are reached.
    pub connect: ConnectOptions,
    /// What is left out of the repository: bundles made under another filter do not fit.
    pub filter: Option<FilterSpec>,
    /// Bundles with a creation token up to this one are here already (`fetch.bundleCreationToken`).
    pub token: Option<u64>,
    /// How packs are received.
    pub stage: StageRequest,
    /// What walks may hold.
    pub walk: WalkLimits,
    /// What may be read.
    pub limits: BundleLimits,
}

/// What bundles may make us read. `0` means none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleLimits {
    /// Bytes of a list. 4 MiB: some twenty thousand bundles, where a list of a year of daily ones has 365.
    pub list_bytes_max: u64,
    /// Bytes of a bundle's header. 64 MiB: a million refs at 64 bytes each. Packs are bounded by
    /// [`BundleUris::stage`].
    pub header_bytes_max: usize,
    /// Files that are looked into for one URI, lists and bundles. 1,000: a list of lists of daily bundles; each costs a request.
    pub files_max: usize,
    /// Lists within lists. 4, as in git.
    pub depth_max: usize,
}

impl Default for BundleLimits {
    fn default() -> Self {
        Self { list_bytes_max: 4 << 20, header_bytes_max: 64 << 20, files_max: 1_000, depth_max: 4 }
    }
}

/// What bundles have brought.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct BroughtBundles {
    /// The refs that hold what came.
    pub refs: Vec<RefName>,
    /// The largest creation token of what came, for the next time.
    pub token: Option<u64>,
    /// Whether the URI is a list that goes on: worth asking again (`fetch.bundleURI`).
    pub goes_on: bool,
    /// What could not be had, and why.
    pub failures: Vec<(Vec<u8>, BundleError)>,
}

/// Why a bundle could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is not there, or the way to it fails.
    #[error("{0}")]
    Source(String),
    /// What came over the network names a file of this machine, or another kind of place that is not looked into.
    #[error("a place that is not looked into")]
    Place,
    /// It is neither a bundle nor a list of bundles.
    #[error("file is neither a bundle nor a bundle list: {0}")]
    Malformed(String),
    /// It builds on commits that are not here.
    #[error("the repository lacks the prerequisite commit {0}")]
    Prerequisite(ObjectId),
    /// It is of another hash function, or made under another filter.
    #[error("it does not fit: {0}")]
    Unfit(&'static str),
    /// It is larger, or leads further, than is looked.
    #[error("more than {max} {what}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How many there may be.
        max: u64,
    },
    /// Its pack is damaged or not whole, or the repository fails.
    #[error(transparent)]
    Pack(Box<ClientError>),
}

impl<E: Into<ClientError>> From<E> for BundleError {
    fn from(error: E) -> Self {
        Self::Pack(Box::new(error.into()))
    }
}

impl BundleUris {
    /// Bundles for `repository`, with git's limits.
    #[must_use]
    pub fn new(repository: Arc<dyn Repository>) -> Self {
        let mut stage = StageRequest::default();
        stage.thin = true;
        Self {
            repository,
            connect: ConnectOptions::user(),
            filter: None,
            token: None,
            stage,
            walk: WalkLimits::default(),
            limits: BundleLimits::default(),
        }
    }

    /// Brings what a person's URI leads to: a bundle, or a list. A path, `file://`, `http://` or `https://`.
    ///
    /// # Errors
    /// An interrupt. All else is in [`BroughtBundles::failures`].
    pub fn bring(&self, uri: &[u8], stop: &dyn Interrupt) -> Result<BroughtBundles, ClientError> {
        let mut work = Work::new(self, stop);
        let source = Source::of_person(uri);
        let outcome = work.any(&source, None, 0);
        work.end(uri, outcome)
    }

    /// Brings what a server's list names. `base` is the server's URL, which relative URIs count from.
    ///
    /// # Errors
    /// As [`bring`](Self::bring).
    pub fn bring_list(
        &self,
        list: &BundleList,
        base: &[u8],
        stop: &dyn Interrupt,
    ) -> Result<BroughtBundles, ClientError> {
        let mut work = Work::new(self, stop);
        let source = Source::of_person(base);
        let outcome = work.list(list, &source, 0);
        work.end(base, outcome)
    }
}

/// Bringing bundles, of one URI.
struct Work<'a> {
    uris: &'a BundleUris,
    stop: &'a dyn Interrupt,
    files: usize,
    brought: BroughtBundles,
}

impl<'a> Work<'a> {
    fn new(uris: &'a BundleUris, stop: &'a dyn Interrupt) -> Self {
        Self { uris, stop, files: 0, brought: BroughtBundles::default() }
    }

    fn end(mut self, uri: &[u8], outcome: Result<(), BundleError>) -> Result<BroughtBundles, ClientError> {
        self.stop.check()?;
        self.brought.refs.sort_unstable();
        self.brought.refs.dedup();
        if let Err(error) = outcome {
            self.brought.failures.push((uri.to_vec(), error));
        }
        Ok(self.brought)
    }

    /// Brings a file, whatever it is.
    fn any(&mut self, source: &Source, bundle: Option<&Bundle>, depth: usize) -> Result<(), BundleError> {
        self.stop.check().map_err(ClientError::from)?;
        let limits = &self.uris.limits;
        if self.files >= limits.files_max {
            return Err(BundleError::Limit { what: "files", max: limits.files_max as u64 });
        }
        self.files = self.files.saturating_add(1);
        let mut listed = None;
        let brought = &mut self.brought;
        let (uris, stop) = (self.uris, self.stop);
        source.read(&uris.connect, &mut |content| {
            match source::front(content, &uris.limits)? {
                Found::List(list) => listed = Some(list),
                Found::Bundle(header, rest) => {
                    brought.refs.extend(unbundle(uris, &header, &rest, content, stop)?);
                    let token = bundle.and_then(|bundle| bundle.creation_token);
                    brought.token = brought.token.max(token);
                }
            }
            Ok(())
        })?;
        match listed {
            None => Ok(()),
            Some(_) if depth >= limits.depth_max => {
                Err(BundleError::Limit { what: "lists within lists", max: limits.depth_max as u64 })
            }
            Some(list) => {
                self.brought.goes_on |= depth == 0 && list.creation_tokens;
                self.list(&list, source, depth.saturating_add(1))
            }
        }
    }

    fn list(&mut self, list: &BundleList, base: &Source, depth: usize) -> Result<(), BundleError> {
        let fits = |bundle: &&Bundle| {
            let own = self.uris.filter.as_ref().map(FilterSpec::to_bytes);
            bundle.filter.as_deref().is_none_or(|filter| own.as_deref() == Some(filter))
        };
        let bundles: Vec<Bundle> = list.bundles.iter().filter(fits).cloned().collect();
        match (list.mode, list.creation_tokens) {
            (BundleMode::Any, _) => self.first_of(&bundles, base, depth),
            (BundleMode::All, false) => self.all_of(bundles, base, depth),
            (BundleMode::All, true) => self.newest_of(bundles, base, depth),
        }
        Ok(())
    }

    /// One of the list; whether it came, or why not is told.
    fn one(&mut self, bundle: &Bundle, base: &Source, depth: usize) -> Result<(), BundleError> {
        let source = base.beside(&bundle.uri).ok_or(BundleError::Place)?;
        self.any(&source, Some(bundle), depth)
    }

    fn failed(&mut self, bundle: &Bundle, error: BundleError) {
        self.brought.failures.push((bundle.uri.to_vec(), error));
    }

    fn first_of(&mut self, bundles: &[Bundle], base: &Source, depth: usize) {
        for bundle in bundles {
            match self.one(bundle, base, depth) {
                Ok(()) => return,
                Err(error) => self.failed(bundle, error),
            }
        }
    }

    /// Whatever builds on another waits until that has come.
    fn all_of(&mut self, mut bundles: Vec<Bundle>, base: &Source, depth: usize) {
        loop {
            let before = bundles.len();
            let mut waiting = Vec::new();
            for bundle in bundles {
                match self.one(&bundle, base, depth) {
                    Ok(()) => {}
                    Err(BundleError::Prerequisite(_)) => waiting.push(bundle),
                    Err(error) => self.failed(&bundle, error),
                }
            }
            // What builds on what never came is no failure of its own.
            if waiting.is_empty() || waiting.len() == before {
                return;
            }
            bundles = waiting;
        }
    }

    /// From the newest down to one that fits, then up again: as few as may be.
    fn newest_of(&mut self, mut bundles: Vec<Bundle>, base: &Source, depth: usize) {
        let known = self.uris.token;
        bundles.retain(|bundle| {
            bundle.creation_token.is_some_and(|token| known.is_none_or(|known| token > known))
        });
        bundles.sort_by_key(|bundle| std::cmp::Reverse(bundle.creation_token));
        let mut waiting = Vec::new();
        for bundle in bundles {
            match self.one(&bundle, base, depth) {
                Ok(()) => break,
                Err(BundleError::Prerequisite(_)) => waiting.push(bundle),
                Err(error) => self.failed(&bundle, error),
            }
        }
        while let Some(bundle) = waiting.pop() {
            match self.one(&bundle, base, depth) {
                Ok(()) | Err(BundleError::Prerequisite(_)) => {}
                Err(error) => self.failed(&bundle, error),
            }
        }
    }
}
