//! What came of a push, line by line, as git says it.

use std::io::Write as _;

use gitwire_client::{ClientError, PushStatus, PushUpdate, Pushed, Rejection};
use gitwire_protocol::UpdateOptions;
use gitwire_transport::Url;
use gitwire_types::ObjectId;

use crate::failure::Failure;

/// Who reads the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// People, on standard error.
    Text,
    /// Programs, on standard output (`git push --porcelain`).
    Porcelain,
}

/// How a push is told.
pub(crate) struct Lines<'a> {
    pub(crate) form: Form,
    /// Where it went, without a password.
    pub(crate) url: &'a str,
    /// Refs too that did not change.
    pub(crate) verbose: bool,
}

/// One line.
struct Line {
    flag: char,
    summary: String,
    /// The name here, where it is shown.
    from: Option<String>,
    to: String,
    note: Option<String>,
}

impl Lines<'_> {
    /// Prints them: what did not change, what did, what was refused. Whether anything changed or was refused.
    pub(crate) fn print(&self, pushed: &Pushed) -> Result<bool, Failure> {
        let is_new = |update: &&PushUpdate| update.status == PushStatus::Done;
        let is_old = |update: &&PushUpdate| update.status == PushStatus::UpToDate;
        let updates = &pushed.updates;
        let lines: Vec<Line> = updates
            .iter()
            .filter(|update| self.verbose && is_old(update))
            .chain(updates.iter().filter(is_new))
            .chain(updates.iter().filter(|update| !is_new(update) && !is_old(update)))
            .flat_map(lines)
            .collect();
        if !lines.is_empty() {
            self.write(&format!("To {}\n", self.url))?;
        }
        for line in &lines {
            self.write(&self.format(line))?;
        }
        Ok(updates.iter().any(|update| !is_old(&update)))
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        match self.form {
            Form::Text => std::io::stderr().write_all(text.as_bytes())?,
            Form::Porcelain => std::io::stdout().write_all(text.as_bytes())?,
        }
        Ok(())
    }

    fn format(&self, line: &Line) -> String {
        let note = line.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        let Line { flag, summary, from, to, .. } = line;
        match self.form {
            Form::Porcelain => {
                let from = from.as_deref().unwrap_or_default();
                format!("{flag}\t{from}:{to}\t{summary}{note}\n")
            }
            Form::Text => {
                let from = from.as_ref().map(|from| format!("{} -> ", pretty(from))).unwrap_or_default();
                format!(" {flag} {summary:<SUMMARY_WIDTH$} {from}{}{note}\n", pretty(to))
            }
        }
    }
}

/// Two ids of seven digits with three dots between them.
const SUMMARY_WIDTH: usize = 17;

/// What is wrong with the report as a whole.
pub(crate) fn complaints(pushed: &Pushed) {
    if pushed.unsigned {
        eprintln!(
            "warning: not sending a push certificate since the receiving end does not support --signed push"
        );
    }
    if let Err(error) = &pushed.negotiated {
        match error {
            ClientError::NotOffered(_) => eprintln!("warning: --negotiate-only requires protocol v2"),
            error => eprintln!("warning: {error}"),
        }
        eprintln!("warning: push negotiation failed; proceeding anyway with push");
    }
    if let Some(error) = &pushed.unpack_error {
        eprintln!("error: remote unpack failed: {}", error.escape_ascii());
    }
    for name in &pushed.unexpected {
        let known = pushed.updates.iter().any(|update| update.destination.as_bytes() == name.as_ref());
        let which = if known { "unexpected" } else { "unknown" };
        eprintln!("warning: remote reported status on {which} ref: {}", name.escape_ascii());
    }
}

/// Which refs here have followed the remote's.
pub(crate) fn followed(pushed: &Pushed) {
    for name in &pushed.followed {
        eprintln!("updating local tracking ref '{name}'");
    }
}

/// A URL without the user and the password in it.
pub(crate) fn anonymous(url: &[u8]) -> String {
    Url::anonymized(url).escape_ascii().to_string()
}

fn lines(update: &PushUpdate) -> Vec<Line> {
    if update.status == PushStatus::Done && !update.changes.is_empty() {
        return update.changes.iter().map(|change| changed(update, change)).collect();
    }
    vec![line(update)]
}

fn line(update: &PushUpdate) -> Line {
    let from = update.source.as_ref().map(|source| source.escape_ascii().to_string());
    let to = update.destination.to_string();
    let plain = |flag, summary: &str, note: Option<String>| Line {
        flag,
        summary: summary.to_owned(),
        from: from.clone(),
        to: to.clone(),
        note,
    };
    match &update.status {
        PushStatus::UpToDate => plain('=', "[up to date]", None),
        PushStatus::Done => done(from, to, update.old, update.new, update.forced),
        PushStatus::Rejected(rejection @ Rejection::DeletionUnsupported) => {
            Line { from: None, ..plain('!', "[rejected]", Some(rejection.to_string())) }
        }
        PushStatus::Rejected(rejection) => {
            let line = plain('!', "[rejected]", Some(rejection.to_string()));
            Line { from: line.from.or_else(|| Some("(delete)".to_owned())), ..line }
        }
        PushStatus::RemoteRejected(reason) => {
            plain('!', "[remote rejected]", Some(reason.escape_ascii().to_string()))
        }
        _ => plain('!', "[remote failure]", Some("remote failed to report status".to_owned())),
    }
}

/// What the server did in place of what it was asked to do.
fn changed(update: &PushUpdate, change: &UpdateOptions) -> Line {
    let to = match &change.name {
        Some(name) => name.escape_ascii().to_string(),
        None => update.destination.to_string(),
    };
    let some =
        |id: Option<ObjectId>, otherwise| id.map_or(otherwise, |id| Some(id).filter(|id| !id.is_zero()));
    let (old, new) = (some(change.old, update.old), some(change.new, update.new));
    let from = update.source.as_ref().map(|source| source.escape_ascii().to_string());
    done(from, to, old, new, change.forced)
}

fn done(
    from: Option<String>,
    to: String,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    forced: bool,
) -> Line {
    let (flag, summary, note) = match (old, new) {
        (_, None) => return Line { flag: '-', summary: "[deleted]".to_owned(), from: None, to, note: None },
        (None, Some(_)) => {
            let kind = match () {
                () if to.starts_with("refs/tags/") => "[new tag]",
                () if to.starts_with("refs/heads/") => "[new branch]",
                () => "[new reference]",
            };
            ('*', kind.to_owned(), None)
        }
        (Some(old), Some(new)) if forced => {
            ('+', format!("{old:.7}...{new:.7}"), Some("forced update".to_owned()))
        }
        (Some(old), Some(new)) => (' ', format!("{old:.7}..{new:.7}"), None),
    };
    Line { flag, summary, from, to, note }
}

/// A name without the folder that says what it is.
fn pretty(name: &str) -> &str {
    let prefixes = ["refs/heads/", "refs/tags/", "refs/remotes/"];
    prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}
