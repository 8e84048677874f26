//! The lines that say who and when.

use core::ops::ControlFlow;

use super::finding::Report;
use super::{Flow, MessageId};
use crate::signature::decimal;

/// Checks a line after its keyword, without its LF: `Name <email> seconds +zone`.
pub(super) fn check(line: &[u8], report: &mut Report<'_>) -> Flow {
    match first_fault(line) {
        Some((id, what)) => report.say(id, format!("invalid author/committer line - {what}")),
        None => ControlFlow::Continue(()),
    }
}

fn first_fault(line: &[u8]) -> Option<(MessageId, &'static str)> {
    use MessageId as Id;
    if line.starts_with(b"<") {
        return Some((Id::MissingNameBeforeEmail, "missing space before email"));
    }
    let bracket = |text: &[u8]| memchr::memchr2(b'<', b'>', text);
    let Some((name, rest)) = bracket(line).and_then(|at| line.split_at_checked(at)) else {
        return Some((Id::MissingEmail, "missing email"));
    };
    let Some(rest) = rest.strip_prefix(b"<") else { return Some((Id::BadName, "bad name")) };
    if !name.ends_with(b" ") {
        return Some((Id::MissingSpaceBeforeEmail, "missing space before email"));
    }
    let after_mail = bracket(rest).and_then(|at| rest.get(at..)).and_then(|rest| rest.strip_prefix(b">"));
    let Some(rest) = after_mail else { return Some((Id::BadEmail, "bad email")) };
    let Some(date) = rest.strip_prefix(b" ") else {
        return Some((Id::MissingSpaceBeforeDate, "missing space before date"));
    };
    date_fault(date)
}

fn date_fault(date: &[u8]) -> Option<(MessageId, &'static str)> {
    use MessageId as Id;
    // Git takes spaces and tabs before the number, and nothing else.
    let date = date.trim_ascii_start();
    if !date.first().is_some_and(u8::is_ascii_digit) {
        return Some((Id::BadDate, "bad date"));
    }
    if date.starts_with(b"0") && !date.starts_with(b"0 ") {
        return Some((Id::ZeroPaddedDate, "zero-padded date"));
    }
    let Some((_, rest)) = decimal(date).filter(|(seconds, _)| i64::try_from(*seconds).is_ok()) else {
        return Some((Id::BadDateOverflow, "date causes integer overflow"));
    };
    let Some(zone) = rest.strip_prefix(b" ") else { return Some((Id::BadDate, "bad date")) };
    match zone {
        [b'+' | b'-', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit) => None,
        _ => Some((Id::BadTimezone, "bad time zone")),
    }
}
