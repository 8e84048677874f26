//! What each finding is worth.

use std::collections::{HashMap, HashSet};

use gitwire_types::ObjectId;

use super::{MessageId, Severity};

/// What each finding is worth, and which objects are not looked at: `fsck.*`, `receive.fsck.*` or `fetch.fsck.*` of `git-config`.
///
/// ```
/// use gitwire_object::fsck::{MessageId, Rules, Severity};
///
/// let mut rules = Rules::strict();
/// rules.configure(b"zeroPaddedFilemode", b"ignore")?;
/// assert_eq!(rules.severity(MessageId::ZeroPaddedFilemode), Severity::Ignore);
/// assert_eq!(rules.severity(MessageId::HasDotgit), Severity::Error);
/// # Ok::<(), gitwire_object::fsck::RulesError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rules {
    strict: bool,
    /// What was configured counts as it stands, also under strict rules.
    literal: bool,
    changed: HashMap<MessageId, Severity>,
    skipped: HashSet<ObjectId>,
    path_name_max: Option<usize>,
}

impl Rules {
    /// The rules of `git fsck` without options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The rules of `git fsck --strict`: warnings are errors.
    #[must_use]
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// The rules for packs that arrive: warnings are errors, but not where a warning was asked for (`receive.fsck.<msg-id> = warn`).
    #[must_use]
    pub fn incoming() -> Self {
        Self { strict: true, literal: true, ..Self::default() }
    }

    /// Sets what one finding is worth.
    ///
    /// # Errors
    /// [`RulesError::CannotDemote`] for less than an error where git allows none.
    pub fn set(&mut self, id: MessageId, severity: Severity) -> Result<(), RulesError> {
        if id.severity() == Severity::Fatal && !severity.is_error() {
            return Err(RulesError::CannotDemote { id });
        }
        self.changed.insert(id, severity);
        Ok(())
    }

    /// Takes one setting of a configuration file: `fsck.<name> = <value>`, where the value is `error`, `warn` or `ignore`.
    /// For `largePathname` a number may follow a colon: the longest name that is still good.
    ///
    /// # Errors
    /// Whatever is not known, and what cannot be set.
    pub fn configure(&mut self, name: &[u8], value: &[u8]) -> Result<(), RulesError> {
        let id = MessageId::from_name(name)
            .ok_or_else(|| RulesError::UnknownId { name: name.escape_ascii().to_string() })?;
        let unknown = || RulesError::UnknownSeverity { id, value: value.escape_ascii().to_string() };
        let mut parts = value.splitn(2, |byte| *byte == b':');
        let word = parts.next().unwrap_or_default();
        let severity = Severity::from_name(word).ok_or_else(unknown)?;
        if let Some(number) = parts.next() {
            if id != MessageId::LargePathname {
                return Err(unknown());
            }
            let max = core::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
            self.path_name_max = Some(max.ok_or_else(unknown)?);
        }
        self.set(id, severity)
    }

    /// Leaves an object unchecked: a line of `fsck.skipList`.
    pub fn skip(&mut self, id: ObjectId) {
        self.skipped.insert(id);
    }

    /// What a finding is worth.
    #[must_use]
    pub fn severity(&self, id: MessageId) -> Severity {
        match (self.changed.get(&id), id.severity()) {
            (Some(severity), _) if self.literal => *severity,
            (Some(Severity::Warn), _) | (None, Severity::Warn) if self.strict => Severity::Error,
            (Some(severity), _) => *severity,
            (None, severity) => severity,
        }
    }

    /// Whether warnings are errors.
    #[must_use]
    pub const fn is_strict(&self) -> bool {
        self.strict
    }

    pub(super) fn skips(&self, id: &ObjectId) -> bool {
        self.skipped.contains(id)
    }

    /// The longest name of a tree entry, in bytes.
    pub(super) fn path_name_max(&self) -> usize {
        // What the common file systems' paths are bounded by, and git's own default.
        self.path_name_max.unwrap_or(4096)
    }
}

/// Why a rule cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// No message has this id, or none that concerns objects.
    #[error("unknown fsck message id '{name}'")]
    UnknownId {
        /// The name that was given.
        name: String,
    },
    /// No severity is called so.
    #[error("unknown severity '{value}' for fsck message {id}")]
    UnknownSeverity {
        /// The message.
        id: MessageId,
        /// The value that was given.
        value: String,
    },
    /// Git lets nobody make less of this one.
    #[error("fsck message {id} cannot be less than an error")]
    CannotDemote {
        /// The message.
        id: MessageId,
    },
}
