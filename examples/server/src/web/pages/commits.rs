//! The history of a revision.

use askama::Template;
use http::StatusCode;

use super::super::failure::Failure;
use super::super::history::Log;
use super::super::reply::{Reply, page};
use super::super::repository::{Revision, Shown};
use super::frame::{CommitRow, Frame, Picker};
use super::{Pager, Shell, page_number};

/// The page.
pub(in super::super) fn commits(shown: &Shown<'_>, frame: Frame) -> Result<Reply, Failure> {
    let revision = Revision::of(&frame.asked);
    let number = page_number(&frame.asked);
    let frame = frame.at("commits", &revision);
    let rows_max = shown.limits.rows_max;
    let first = (number - 1).saturating_mul(rows_max);
    let (picker, log) = match &shown.at(revision)? {
        Some(at) => (Some(frame.picker(at, "/-/commits")), shown.log(&at.commit, first, rows_max)?),
        None => (None, Log::default()),
    };
    let is_end_of_pages = log.has_more && first.saturating_add(rows_max) >= shown.limits.log_max;
    let mark = if frame.query.is_empty() { '?' } else { '&' };
    let pager = Pager::new(number, log.has_more && !is_end_of_pages, ["Newer", "Older"], |number| {
        format!("{}/-/commits{}{mark}page={number}", frame.link, frame.query)
    });
    let rows = log.commits.iter().map(|commit| frame.row(commit)).collect();
    let shell = frame.shell.clone();
    let template = Commits { shell, frame, picker, rows, first, pager, is_end_of_pages };
    Ok(page(StatusCode::OK, template.frame.keep, &template))
}

#[derive(Template)]
#[template(path = "commits.html")]
struct Commits {
    shell: Shell,
    frame: Frame,
    picker: Option<Picker>,
    rows: Vec<CommitRow>,
    first: usize,
    pager: Pager,
    is_end_of_pages: bool,
}
