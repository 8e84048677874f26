//! What is found, and who is told.

use core::fmt;
use core::ops::ControlFlow;

use gitwire_types::{ObjectId, ObjectKind};

use super::{Flow, MessageId, Rules, Severity};

/// One thing that is wrong or odd with one object.
///
/// Its [`fmt::Display`] is the line of `git fsck`: `error in tree …: hasDotgit: contains '.git'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The object.
    pub object: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
    /// What was found.
    pub id: MessageId,
    /// What that is worth by the rules in force.
    pub severity: Severity,
    /// Git's words for it.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.severity.is_error() { "error" } else { "warning" };
        write!(f, "{word} in {} {}: {}: {}", self.kind, self.object, self.id, self.text)
    }
}

/// Where the checks of one object send what they find.
pub(super) struct Report<'r> {
    pub(super) rules: &'r Rules,
    pub(super) object: ObjectId,
    pub(super) kind: ObjectKind,
    pub(super) out: &'r mut dyn FnMut(Finding),
    /// Whether the object is refused.
    pub(super) refused: bool,
}

impl Report<'_> {
    /// Reports, and says whether the check goes on: git's checks of headers stop at what is an error by the rules.
    pub(super) fn say(&mut self, id: MessageId, text: impl Into<String>) -> Flow {
        let severity = self.rules.severity(id);
        if severity == Severity::Ignore || self.rules.skips(&self.object) {
            return ControlFlow::Continue(());
        }
        (self.out)(Finding { object: self.object, kind: self.kind, id, severity, text: text.into() });
        if severity.is_error() {
            self.refused = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
