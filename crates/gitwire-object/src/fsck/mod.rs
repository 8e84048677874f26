//! Is an object sound? The checks of `git fsck`, under git's message ids and severities (`git-fsck`, *FSCK MESSAGES*).
//!
//! [`Rules`] says what each finding is worth; [`Checker`] looks at objects, in any order, and reports a [`Finding`] for each thing
//! it sees. What trees call `.gitmodules` and `.gitattributes` is looked into when it comes by, or at the end.

mod attributes;
mod checker;
mod finding;
mod header;
mod large;
mod message;
mod modules;
mod names;
mod person;
mod rules;
mod tree;

pub use checker::{Checker, CheckerError, Content, Limits};
pub use finding::Finding;
pub use message::{MessageId, Severity};
pub use rules::{Rules, RulesError};

/// Whether to look on after a finding: git stops at the first error of an object's header.
type Flow = core::ops::ControlFlow<()>;

#[cfg(test)]
mod tests;
