//! Which objects a partial clone leaves out (`git rev-list --filter`, `gitprotocol-v2`, *filter*).

use std::sync::Arc;

use gitwire_types::{FilterSpec, ObjectKind};

use crate::{SparsePatterns, WalkError};

/// The rule of an object filter, reduced to what a walk must know.
///
/// Every filter that git serves by name is a bound on the depth of trees, a bound on the size of blobs, a choice of one kind, or a list of
/// patterns for the paths of blobs; a combination is the tighter bound of each. Objects that are wanted by name are never left out.
///
/// ```
/// use gitwire_types::{FilterSpec, Limits};
/// use gitwire_walk::ObjectFilter;
///
/// let spec = FilterSpec::parse(b"combine:blob:limit=1k+tree:3", &Limits::default())?;
/// let filter = ObjectFilter::try_from(&spec)?;
/// assert_eq!(filter, ObjectFilter::blob_limit(1024).and(ObjectFilter::tree_depth(3)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectFilter {
    /// Trees and blobs at this depth and below are left out; a commit's tree is at depth 0.
    depth: Option<u64>,
    /// Blobs of this size and larger are left out.
    blob_limit: Option<u64>,
    /// Only this kind goes.
    kind: Option<OnlyKind>,
    /// Blobs go where each of these takes a path of theirs.
    sparse: Vec<Arc<SparsePatterns>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnlyKind {
    One(ObjectKind),
    /// Two different kinds were asked for at once.
    None,
}

impl TryFrom<&FilterSpec> for ObjectFilter {
    type Error = WalkError;

    /// Every filter but `sparse:oid`, whose patterns stand in a repository: see [`ObjectFilter::resolve`].
    fn try_from(spec: &FilterSpec) -> Result<Self, WalkError> {
        Self::resolve(spec, &mut |_| Err(WalkError::Unsupported("filter sparse:oid")))
    }
}

impl ObjectFilter {
    /// The rule of any filter; `sparse` gives the patterns that `sparse:oid` names.
    ///
    /// # Errors
    /// What `sparse` says; [`WalkError::Unsupported`] for a filter that is unknown here.
    pub fn resolve<E: From<WalkError>>(
        spec: &FilterSpec,
        sparse: &mut dyn FnMut(&[u8]) -> Result<SparsePatterns, E>,
    ) -> Result<Self, E> {
        let mut filter = Self::default();
        let mut rest = vec![spec];
        while let Some(spec) = rest.pop() {
            let part = match spec {
                FilterSpec::BlobNone => Self::blob_none(),
                FilterSpec::BlobLimit(limit) => Self::blob_limit(*limit),
                FilterSpec::TreeDepth(depth) => Self::tree_depth(*depth),
                FilterSpec::ObjectType(kind) => Self::only(*kind),
                FilterSpec::SparseOid(blob) => Self::sparse(sparse(blob)?),
                FilterSpec::Combine(parts) => {
                    rest.extend(parts);
                    continue;
                }
                _ => return Err(WalkError::Unsupported("this filter").into()),
            };
            filter = filter.and(part);
        }
        Ok(filter)
    }

    /// `blob:none`: no blobs.
    #[must_use]
    pub const fn blob_none() -> Self {
        Self::blob_limit(0)
    }

    /// `blob:limit=N`: no blobs of `limit` bytes or more.
    #[must_use]
    pub const fn blob_limit(limit: u64) -> Self {
        Self { depth: None, blob_limit: Some(limit), kind: None, sparse: Vec::new() }
    }

    /// `tree:N`: no trees and blobs at depth `depth` or below.
    #[must_use]
    pub const fn tree_depth(depth: u64) -> Self {
        Self { depth: Some(depth), blob_limit: None, kind: None, sparse: Vec::new() }
    }

    /// `object:type=KIND`: nothing else.
    #[must_use]
    pub const fn only(kind: ObjectKind) -> Self {
        Self { depth: None, blob_limit: None, kind: Some(OnlyKind::One(kind)), sparse: Vec::new() }
    }

    /// `sparse:oid=B`: no blobs that the patterns leave out at every path where they stand. (git's answer to a combination of it with
    /// others may lack some of them: it judges a blob by the path at which it meets it first.)
    #[must_use]
    pub fn sparse(patterns: SparsePatterns) -> Self {
        Self { sparse: vec![Arc::new(patterns)], ..Self::default() }
    }

    /// `combine:A+B`: what both let through.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let tighter = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        let kind = match (self.kind, other.kind) {
            (Some(one), Some(two)) if one != two => Some(OnlyKind::None),
            (one, two) => one.or(two),
        };
        self.sparse.extend(other.sparse);
        Self {
            depth: tighter(self.depth, other.depth),
            blob_limit: tighter(self.blob_limit, other.blob_limit),
            kind,
            sparse: self.sparse,
        }
    }

    /// Whether everything goes.
    #[must_use]
    pub fn lets_all_through(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an object of `kind` may go, size and depth aside.
    pub(crate) fn takes(&self, kind: ObjectKind) -> bool {
        let blobs_go = kind != ObjectKind::Blob || self.blob_limit != Some(0);
        blobs_go && self.kind.is_none_or(|only| only == OnlyKind::One(kind))
    }

    /// Whether trees and blobs at `depth` may go.
    pub(crate) fn takes_depth(&self, depth: u32) -> bool {
        self.depth.is_none_or(|end| u64::from(depth) < end)
    }

    /// The lists of patterns, all of which must take a blob.
    pub(crate) fn patterns(&self) -> &[Arc<SparsePatterns>] {
        &self.sparse
    }

    /// Whether the depth at which an object stands makes a difference.
    pub(crate) fn asks_depth(&self) -> bool {
        self.depth.is_some()
    }

    /// The size from which blobs are left out, where sizes must be looked up.
    pub(crate) fn size_limit(&self) -> Option<u64> {
        self.blob_limit.filter(|limit| *limit > 0 && self.takes(ObjectKind::Blob))
    }

    /// Whether trees must be read at all to find what goes.
    pub(crate) fn needs_trees(&self) -> bool {
        self.takes_depth(0) && (self.takes(ObjectKind::Tree) || self.takes(ObjectKind::Blob))
    }

    /// Whether what a tree at `depth` holds can go.
    pub(crate) fn takes_below(&self, depth: u32) -> bool {
        self.takes_depth(depth.saturating_add(1)) && self.needs_trees()
    }
}
