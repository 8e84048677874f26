//! Objects one after another, in whatever order a pack holds them.

use std::collections::{HashMap, HashSet};
use std::error::Error;

use gitwire_types::{ObjectId, ObjectKind};

use super::finding::{Finding, Report};
use super::large::Read;
use super::names::Special;
use super::{MessageId as Id, Rules, attributes, header, large, modules, tree};

/// How much a [`Checker`] remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many different objects may be called `.gitmodules` or `.gitattributes`. Each costs some 50 bytes until its content
    /// comes by; the whole history of git/git has 300.
    pub special_max: usize,
    /// The headers of a commit or tag that comes in pieces ([`Checker::check_pieces`]), in bytes. 4 MiB: eighty thousand parents.
    pub header_bytes_max: usize,
    /// An entry of a tree that comes in pieces, in bytes. 1 MiB: file systems end names at 4 KiB, and so does git unless it is told
    /// otherwise.
    pub entry_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { special_max: 1 << 20, header_bytes_max: 4 << 20, entry_bytes_max: 1 << 20 }
    }
}

/// Checks objects as they come, and at the end those that trees named as `.gitmodules` and `.gitattributes` but that have not come
/// by since.
///
/// ```
/// use gitwire_object::fsck::{Checker, Content, MessageId, Rules};
/// use gitwire_object::{Trust, object_id};
/// use gitwire_types::{ObjectFormat, ObjectKind};
///
/// let tree = [&b"100644 .GIT\0"[..], &[1; 20]].concat();
/// let id = object_id(ObjectFormat::Sha1, Trust::Stranger, ObjectKind::Tree, &tree)?;
/// let mut findings = Vec::new();
/// let mut checker = Checker::new(Rules::strict());
/// let sound = checker.check(&id, ObjectKind::Tree, &tree, &mut |finding| findings.push(finding))?;
/// assert!(!sound);
/// assert_eq!(findings[0].id, MessageId::HasDotgit);
/// checker.finish(&mut |_| Content::Missing, &mut |finding| findings.push(finding));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Checker {
    rules: Rules,
    limits: Limits,
    /// Named by a tree, not yet looked into.
    waiting: HashMap<ObjectId, Roles>,
    /// Looked into, with the roles it had then.
    done: HashMap<ObjectId, Roles>,
}

/// What trees call an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Roles {
    modules: bool,
    attributes: bool,
}

/// What is behind an id that a tree calls `.gitmodules` or `.gitattributes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An object.
    Object(ObjectKind, Vec<u8>),
    /// A blob that is too large to be read whole.
    TooLarge,
    /// Nothing. A store that knows the object as promised says [`Content::Promised`].
    Missing,
    /// An object that a partial clone left with its promisor: not here, and not missing.
    Promised,
}

/// Why checking cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckerError {
    /// More special files than [`Limits::special_max`].
    #[error("more than {max} objects are named as .gitmodules or .gitattributes")]
    TooManySpecial {
        /// The limit.
        max: usize,
    },
    /// The headers of a large commit or tag go on beyond [`Limits::header_bytes_max`].
    #[error("headers of more than {max} bytes")]
    LongHeader {
        /// The limit.
        max: usize,
    },
    /// A large tree has an entry beyond [`Limits::entry_bytes_max`].
    #[error("tree entry of more than {max} bytes")]
    LongEntry {
        /// The limit.
        max: usize,
    },
}

impl Checker {
    /// A checker by these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self::with_limits(rules, Limits::default())
    }

    /// A checker by these rules that remembers no more than this.
    #[must_use]
    pub fn with_limits(rules: Rules, limits: Limits) -> Self {
        Self { rules, limits, waiting: HashMap::new(), done: HashMap::new() }
    }

    /// Checks one object and says whether it is sound: whether nothing that was found is an error.
    ///
    /// # Errors
    /// [`CheckerError::TooManySpecial`]: the limit of what is remembered is reached.
    pub fn check(
        &mut self,
        id: &ObjectId,
        kind: ObjectKind,
        content: &[u8],
        out: &mut dyn FnMut(Finding),
    ) -> Result<bool, CheckerError> {
        let format = id.format();
        let mut special = Vec::new();
        let mut report = Report { rules: &self.rules, object: *id, kind, out, refused: false };
        match kind {
            ObjectKind::Commit => {
                let _ = header::commit(format, content, false, &mut report);
            }
            ObjectKind::Tag => {
                let _ = header::tag(format, content, &mut report);
            }
            ObjectKind::Tree => {
                tree::tree(format, content, &mut report, &mut |file, id| special.push((file, id)));
            }
            ObjectKind::Blob => {
                if let Some(roles) = self.waiting.remove(id) {
                    look_into(roles, content, &mut report);
                    self.done.insert(*id, roles);
                }
            }
        }
        let sound = !report.refused;
        for (file, id) in special {
            self.expect(file, id)?;
        }
        Ok(sound)
    }

    /// Checks a commit, tree or tag that is too large to be held: `read` fills a room with what comes next, and gives 0 at the end. Says
    /// whether it is sound.
    ///
    /// # Errors
    /// A [`CheckerError`] where a limit is reached; what `read` fails with.
    pub fn check_pieces(
        &mut self,
        id: &ObjectId,
        kind: ObjectKind,
        read: &mut Read<'_>,
        out: &mut dyn FnMut(Finding),
    ) -> Result<bool, Box<dyn Error + Send + Sync>> {
        let mut report = Report { rules: &self.rules, object: *id, kind, out, refused: false };
        let mut special = HashSet::new();
        match kind {
            ObjectKind::Tree => large::tree(&self.limits, read, &mut report, &mut special)?,
            ObjectKind::Commit | ObjectKind::Tag => large::headed(&self.limits, read, &mut report)?,
            // Its content is looked into at the end where it matters.
            ObjectKind::Blob => {}
        }
        let sound = !report.refused;
        for (file, id) in special {
            self.expect(file, id)?;
        }
        Ok(sound)
    }

    /// Looks into what has not come by: `read` gives each object that trees called `.gitmodules` or `.gitattributes`. Says
    /// whether all are sound.
    pub fn finish(
        mut self,
        read: &mut dyn FnMut(&ObjectId) -> Content,
        out: &mut dyn FnMut(Finding),
    ) -> bool {
        let mut sound = true;
        let mut waiting: Vec<_> = self.waiting.drain().collect();
        // The order of the findings does not depend on the seed of the map.
        waiting.sort_unstable_by_key(|(id, _)| *id);
        for (id, roles) in waiting {
            let content = read(&id);
            let kind = match content {
                Content::Object(kind, _) => kind,
                _ => ObjectKind::Blob,
            };
            let mut report = Report { rules: &self.rules, object: id, kind, out, refused: false };
            match content {
                Content::Object(ObjectKind::Blob, content) => look_into(roles, &content, &mut report),
                Content::Object(..) => not_a_blob(roles, &mut report),
                Content::TooLarge => too_large(roles, &mut report),
                Content::Missing => missing(roles, &mut report),
                Content::Promised => {}
            }
            sound &= !report.refused;
        }
        sound
    }

    /// The ids that [`Checker::finish`] will ask for, for a store that reads better in batches.
    pub fn waiting(&self) -> impl Iterator<Item = &ObjectId> {
        self.waiting.keys()
    }

    fn expect(&mut self, file: Special, id: ObjectId) -> Result<(), CheckerError> {
        let role = match file {
            Special::Modules => Roles { modules: true, attributes: false },
            Special::Attributes => Roles { modules: false, attributes: true },
            Special::Ignore | Special::Mailmap => return Ok(()),
        };
        let done = self.done.get(&id).copied().unwrap_or_default();
        if done.has(role) {
            return Ok(());
        }
        let full = self.waiting.len().saturating_add(self.done.len()) >= self.limits.special_max;
        if full && !self.waiting.contains_key(&id) && !self.done.contains_key(&id) {
            return Err(CheckerError::TooManySpecial { max: self.limits.special_max });
        }
        let roles = self.waiting.entry(id).or_default();
        *roles = roles.and(role);
        Ok(())
    }
}

impl Roles {
    const fn has(self, other: Self) -> bool {
        (self.modules || !other.modules) && (self.attributes || !other.attributes)
    }

    const fn and(self, other: Self) -> Self {
        Self { modules: self.modules || other.modules, attributes: self.attributes || other.attributes }
    }
}

fn look_into(roles: Roles, content: &[u8], report: &mut Report<'_>) {
    if roles.modules {
        modules::check(content, report);
    }
    if roles.attributes {
        attributes::check(content, report);
    }
}

fn not_a_blob(roles: Roles, report: &mut Report<'_>) {
    if roles.modules {
        let _ = report.say(Id::GitmodulesBlob, "non-blob found at .gitmodules");
    }
    if roles.attributes {
        let _ = report.say(Id::GitattributesBlob, "non-blob found at .gitattributes");
    }
}

fn too_large(roles: Roles, report: &mut Report<'_>) {
    if roles.modules {
        let _ = report.say(Id::GitmodulesLarge, ".gitmodules too large to parse");
    }
    if roles.attributes {
        let _ = report.say(Id::GitattributesLarge, ".gitattributes too large to parse");
    }
}

fn missing(roles: Roles, report: &mut Report<'_>) {
    if roles.modules {
        let _ = report.say(Id::GitmodulesMissing, "unable to read .gitmodules blob");
    }
    if roles.attributes {
        let _ = report.say(Id::GitattributesMissing, "unable to read .gitattributes blob");
    }
}
