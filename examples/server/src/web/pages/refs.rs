//! Branches and tags.

use askama::Template;
use http::StatusCode;

use super::super::failure::Failure;
use super::super::reply::{Reply, page};
use super::super::repository::{Reference, Revision, Shown};
use super::super::text::line;
use super::frame::{CommitRow, Frame};
use super::{Pager, Shell, page_number};

/// The page of branches: the default one first, then the last changed.
pub(in super::super) fn branches(shown: &Shown<'_>, frame: Frame) -> Result<Reply, Failure> {
    let default = shown.default_branch()?;
    let mut frame = frame.at("branches", &Revision::Default);
    by_date(shown, &mut frame.branches.list)?;
    frame.branches.list.sort_by_key(|reference| default.as_ref() != Some(&reference.name));
    list(shown, frame, "Branches", default.as_deref())
}

/// The page of tags: the newest first.
pub(in super::super) fn tags(shown: &Shown<'_>, frame: Frame) -> Result<Reply, Failure> {
    let mut frame = frame.at("tags", &Revision::Default);
    frame.tags.list.reverse();
    by_date(shown, &mut frame.tags.list)?;
    list(shown, frame, "Tags", None)
}

/// Puts those whose commits are newer before others, where they are few enough to ask them all.
fn by_date(shown: &Shown<'_>, list: &mut Vec<Reference>) -> Result<(), Failure> {
    if list.len() > shown.limits.dated_refs_max {
        return Ok(());
    }
    let mut dated = Vec::with_capacity(list.len());
    for reference in list.drain(..) {
        shown.stop.check()?;
        // What leads to no commit comes last.
        let commit = shown.commit_of(reference.id).and_then(|id| shown.commit(&id));
        dated.push((commit.map_or(i64::MIN, |commit| commit.committer.time), reference));
    }
    dated.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    list.extend(dated.into_iter().map(|(_, reference)| reference));
    Ok(())
}

fn list(
    shown: &Shown<'_>,
    frame: Frame,
    title: &'static str,
    default: Option<&[u8]>,
) -> Result<Reply, Failure> {
    let (found, icon, revision) = match title {
        "Tags" => (&frame.tags, "tag", Revision::Tag as fn(Vec<u8>) -> Revision),
        _ => (&frame.branches, "branch", Revision::Branch as _),
    };
    let number = page_number(&frame.asked);
    let rows_max = shown.limits.rows_max;
    let skip = (number - 1).saturating_mul(rows_max);
    let has_more = found.list.len() > skip.saturating_add(rows_max);
    let row = |reference: &Reference| {
        // A tag may lead to something that is no commit.
        let commit = shown.commit_of(reference.id).ok().and_then(|id| shown.commit(&id).ok());
        Row {
            name: line(&reference.name),
            link: format!("{}{}", frame.link, revision(reference.name.clone()).query()),
            is_default: default == Some(&reference.name),
            commit: commit.map(|commit| frame.row(&commit)),
        }
    };
    let rows = found.list.iter().skip(skip).take(rows_max).map(row).collect();
    let pager = Pager::new(number, has_more, ["Back", "More"], |number| {
        format!("{}/-/{}?page={number}", frame.link, frame.tab)
    });
    let (shell, is_cut) = (frame.shell.clone(), found.is_cut && !has_more);
    Ok(page(StatusCode::OK, frame.keep, &Refs { shell, frame, title, icon, rows, pager, is_cut }))
}

struct Row {
    name: String,
    link: String,
    is_default: bool,
    commit: Option<CommitRow>,
}

#[derive(Template)]
#[template(path = "refs.html")]
struct Refs {
    shell: Shell,
    frame: Frame,
    title: &'static str,
    icon: &'static str,
    rows: Vec<Row>,
    pager: Pager,
    is_cut: bool,
}
