//! The checks of `git fsck` on a pack that arrives.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use gitwire_object::fsck::{self, Checker, Finding, Rules};
use gitwire_pack::{Content, Inspect};
use gitwire_types::{ObjectId, ObjectKind};

use crate::{ObjectStore, Presence, Result, StorageError, StorageErrorKind};

/// Checks every object of a pack as `git index-pack --strict` does, for back ends that implement
/// [`StageRequest::fsck`](crate::StageRequest::fsck): give it to the indexer, then call [`PackCheck::finish`].
#[derive(Debug)]
pub struct PackCheck {
    checker: Mutex<Checker>,
    warnings: Mutex<Vec<String>>,
}

impl PackCheck {
    /// A check by these rules.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self { checker: Mutex::new(Checker::new(rules.clone())), warnings: Mutex::default() }
    }

    /// Looks into what trees of the pack call `.gitmodules` and `.gitattributes` and was not in it. Gives what was found in all objects
    /// that refuses none of them, a line each.
    ///
    /// # Errors
    /// What is wrong with one of them; a failing medium.
    pub fn finish(self, objects: &dyn ObjectStore) -> Result<Vec<String>> {
        let mut refused = None;
        let mut failed = None;
        let mut read = |id: &ObjectId| match read_special(objects, id) {
            Ok(content) => content,
            Err(error) => {
                failed.get_or_insert(error);
                fsck::Content::Missing
            }
        };
        let checker = self.checker.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut warnings = self.warnings.into_inner().unwrap_or_else(PoisonError::into_inner);
        checker.finish(&mut read, &mut |finding| {
            if finding.severity.is_error() {
                refused.get_or_insert(finding);
            } else {
                warn(&mut warnings, &finding);
            }
        });
        match (failed, refused) {
            (Some(error), _) => Err(error),
            (None, Some(finding)) => {
                let kind = StorageErrorKind::Corrupt(Some(finding.object));
                Err(StorageError::new(kind, line(&finding)))
            }
            (None, None) => Ok(warnings),
        }
    }
}

impl Inspect for PackCheck {
    fn inspect(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        content: Content<'_>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut refused = None;
        let mut checker = self.checker.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = |finding: Finding| {
            if finding.severity.is_error() {
                refused.get_or_insert(finding);
            } else {
                warn(&mut warnings, &finding);
            }
        };
        let sound = match content {
            Content::Whole(content) => checker.check(id, kind, content, &mut out)?,
            Content::Large { data: Some(data), .. } => {
                let mut at = 0;
                let mut read = |room: &mut [u8]| {
                    let count = data.read_at(at, room)?;
                    at = at.saturating_add(count as u64);
                    Ok(count)
                };
                checker.check_pieces(id, kind, &mut read, &mut out)?
            }
            // Blobs, whose content is looked into at the end where it matters.
            _ => return Ok(()),
        };
        match refused.filter(|_| !sound) {
            Some(finding) => Err(Box::new(Unsound(line(&finding)))),
            None => Ok(()),
        }
    }
}

fn read_special(objects: &dyn ObjectStore, id: &ObjectId) -> Result<fsck::Content> {
    let mut presence = Presence::Absent;
    objects.headers(std::slice::from_ref(id), &mut |_, found| presence = found)?;
    match presence {
        Presence::Absent if objects.promised(std::slice::from_ref(id))? == [true] => {
            Ok(fsck::Content::Promised)
        }
        Presence::Absent => Ok(fsck::Content::Missing),
        Presence::Here { size, .. } if size > SPECIAL_BYTES_MAX => Ok(fsck::Content::TooLarge),
        Presence::Here { .. } => {
            let mut content = Vec::new();
            let kind = objects.read(id, SPECIAL_BYTES_MAX, &mut content)?;
            Ok(kind.map_or(fsck::Content::Missing, |kind| fsck::Content::Object(kind, content)))
        }
    }
}

fn warn(warnings: &mut Vec<String>, finding: &Finding) {
    if warnings.len() < WARNINGS_MAX {
        warnings.push(line(finding));
    }
}

/// What is wrong, as `git index-pack` words it.
fn line(finding: &Finding) -> String {
    format!("object {}: {}: {}", finding.object, finding.id, finding.text)
}

/// What an object was refused for.
#[derive(Debug)]
struct Unsound(String);

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unsound {}

/// Nobody reads more of them; each has at most some hundred bytes.
const WARNINGS_MAX: usize = 1_000;

/// Such files are written by hand, and are held to be looked into; git refuses `.gitattributes` above 100 MiB.
const SPECIAL_BYTES_MAX: u64 = 8 << 20;
