//! Commits and tags: objects that begin with header lines.

use core::ops::ControlFlow;

use gitwire_types::{ObjectFormat, ObjectKind, RefName};

use super::finding::Report;
use super::{Flow, MessageId as Id, person};
use crate::commit::{PARENT, TREE, id_line};
use crate::signature::split;

/// Checks a commit of which all headers are there; `nul_behind`: whether there is a NUL in what is not. A break is git's early end.
pub(super) fn commit(
    format: ObjectFormat,
    content: &[u8],
    nul_behind: bool,
    report: &mut Report<'_>,
) -> Flow {
    lines_end(content, report)?;
    let Some((tree, mut rest)) = id_line(format, content, TREE) else {
        return report.say(Id::MissingTree, "invalid format - expected 'tree' line");
    };
    if tree.is_none() {
        report.say(Id::BadTreeSha1, "invalid 'tree' line format - bad sha1")?;
        rest = next_line(content);
    }
    while let Some((parent, after)) = id_line(format, rest, PARENT) {
        if parent.is_none() {
            report.say(Id::BadParentSha1, "invalid 'parent' line format - bad sha1")?;
            rest = next_line(rest);
        } else {
            rest = after;
        }
    }
    let mut authors = 0_usize;
    while let Some(line) = rest.strip_prefix(b"author ") {
        authors = authors.saturating_add(1);
        let (line, after) = split(line, b'\n').unwrap_or((line, b""));
        rest = after;
        person::check(line, report)?;
    }
    match authors {
        0 => report.say(Id::MissingAuthor, "invalid format - expected 'author' line")?,
        1 => {}
        _ => report.say(Id::MultipleAuthors, "invalid format - multiple 'author' lines")?,
    }
    let Some(line) = rest.strip_prefix(b"committer ") else {
        return report.say(Id::MissingCommitter, "invalid format - expected 'committer' line");
    };
    person::check(split(line, b'\n').map_or(line, |(line, _)| line), report)?;
    if nul_behind || content.contains(&0) {
        report.say(Id::NulInCommit, "NUL byte in the commit object body")?;
    }
    ControlFlow::Continue(())
}

/// Checks a tag of which all headers are there. A break is git's early end.
pub(super) fn tag(format: ObjectFormat, content: &[u8], report: &mut Report<'_>) -> Flow {
    lines_end(content, report)?;
    let Some((object, mut rest)) = id_line(format, content, b"object ") else {
        return report.say(Id::MissingObject, "invalid format - expected 'object' line");
    };
    if object.is_none() {
        report.say(Id::BadObjectSha1, "invalid 'object' line format - bad sha1")?;
        rest = next_line(content);
    }
    let Some(line) = rest.strip_prefix(b"type ") else {
        return report.say(Id::MissingTypeEntry, "invalid format - expected 'type' line");
    };
    let Some((kind, rest)) = split(line, b'\n') else {
        return report.say(Id::MissingType, "invalid format - unexpected end after 'type' line");
    };
    if ObjectKind::from_name(kind).is_none() {
        report.say(Id::BadType, "invalid 'type' value")?;
    }
    let Some(line) = rest.strip_prefix(b"tag ") else {
        return report.say(Id::MissingTagEntry, "invalid format - expected 'tag' line");
    };
    let Some((name, rest)) = split(line, b'\n') else {
        return report.say(Id::MissingTag, "invalid format - unexpected end after 'type' line");
    };
    if RefName::check(&[b"refs/tags/", name].concat()).is_err() {
        report.say(Id::BadTagName, format!("invalid 'tag' name: {}", String::from_utf8_lossy(name)))?;
    }
    let rest = match rest.strip_prefix(b"tagger ") {
        Some(line) => {
            let (line, after) = split(line, b'\n').unwrap_or((line, b""));
            person::check(line, report)?;
            after
        }
        None => {
            report.say(Id::MissingTaggerEntry, "invalid format - expected 'tagger' line")?;
            rest
        }
    };
    tag_end(rest, report)
}

/// What may stand after the tagger: a signature of the other hash, then the message.
fn tag_end(mut rest: &[u8], report: &mut Report<'_>) -> Flow {
    if rest.starts_with(b"gpgsig ") || rest.starts_with(b"gpgsig-sha256 ") {
        let Some((_, after)) = split(rest, b'\n') else {
            let text = "invalid format - unexpected end after 'gpgsig' or 'gpgsig-sha256' line";
            return report.say(Id::BadGpgsig, text);
        };
        rest = after;
        while rest.starts_with(b" ") {
            let Some((_, after)) = split(rest, b'\n') else {
                let text = "invalid format - unexpected end in 'gpgsig' or 'gpgsig-sha256' continuation line";
                return report.say(Id::BadHeaderContinuation, text);
            };
            rest = after;
        }
    }
    if !rest.is_empty() && !rest.starts_with(b"\n") {
        report.say(Id::ExtraHeaderEntry, "invalid format - extra header(s) after 'tagger'")?;
    }
    ControlFlow::Continue(())
}

/// Headers have no NUL, and end with an empty line or the object.
fn lines_end(content: &[u8], report: &mut Report<'_>) -> Flow {
    let mut before = 0;
    for (at, byte) in content.iter().copied().enumerate() {
        match (before, byte) {
            (_, 0) => {
                return report.say(Id::NulInHeader, format!("unterminated header: NUL at offset {at}"));
            }
            (b'\n', b'\n') => return ControlFlow::Continue(()),
            _ => before = byte,
        }
    }
    // A commit without a message may end with its last header.
    if content.ends_with(b"\n") {
        return ControlFlow::Continue(());
    }
    report.say(Id::UnterminatedHeader, "unterminated header")
}

fn next_line(text: &[u8]) -> &[u8] {
    split(text, b'\n').map_or(b"", |(_, rest)| rest)
}
