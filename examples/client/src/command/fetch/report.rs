//! What a fetch says of refs: lines for people, lines for programs, and `FETCH_HEAD`.

use std::io::Write as _;

use gitwire_client::{FetchHeadRole, Fetched, Update, UpdateKind};
use gitwire_gitdir::{FetchHead, Merge};
use gitwire_transport::Url;
use gitwire_types::{ObjectFormat, ObjectId, RefName};

use crate::failure::Failure;

/// How refs are told of.
pub(super) struct Lines<'a> {
    pub(super) url: &'a [u8],
    /// What stayed as it was is told, too.
    pub(super) verbose: bool,
    /// `FETCH_HEAD` is written, and said to be.
    pub(super) fetch_head: bool,
    /// For programs, on standard output.
    pub(super) porcelain: bool,
}

/// A URL as others may read it: nobody who looks over a shoulder, or into `FETCH_HEAD`, needs the password.
pub(super) fn shown_url(url: &[u8]) -> Vec<u8> {
    let mut url = Url::anonymized(url);
    while url.last() == Some(&b'/') {
        url.pop();
    }
    if url.ends_with(b".git") {
        url.truncate(url.len() - 4);
    }
    url
}

impl Lines<'_> {
    pub(super) fn print(&self, fetched: &Fetched) -> Result<(), Failure> {
        for update in fetched.updates.iter().filter(|update| update.kind == UpdateKind::ShallowRefused) {
            let name = update.local.as_ref().unwrap_or(&update.remote);
            eprintln!("warning: rejected {name} because shallow roots are not allowed to be updated");
        }
        let told: Vec<&Update> = fetched.updates.iter().filter(|update| self.tells(update)).collect();
        for update in &told {
            if let UpdateKind::Failed(why) = &update.kind {
                eprintln!("error: {why}");
            }
        }
        if self.porcelain {
            return porcelain(&told, fetched.refs.format());
        }
        if told.is_empty() {
            return Ok(());
        }
        eprintln!("From {}", self.url.escape_ascii());
        let width = told.iter().map(|update| column(update)).max().unwrap_or_default().max(10);
        for update in told {
            print_line(update, width);
        }
        Ok(())
    }

    fn tells(&self, update: &Update) -> bool {
        match update.kind {
            UpdateKind::ShallowRefused => false,
            UpdateKind::UpToDate if update.local.is_some() => self.verbose,
            UpdateKind::UpToDate => self.fetch_head,
            _ => true,
        }
    }
}

fn porcelain(told: &[&Update], format: ObjectFormat) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let shown = |id: Option<ObjectId>| id.unwrap_or(ObjectId::zero(format));
    for update in told {
        let (flag, ..) = said(update);
        let local = update.local.as_ref().map_or("FETCH_HEAD".to_owned(), ToString::to_string);
        writeln!(out, "{flag} {} {} {local}", shown(update.old), shown(update.new))?;
    }
    Ok(())
}

fn print_line(update: &Update, width: usize) {
    let (flag, summary, note) = said(update);
    let remote = match update.kind {
        UpdateKind::Pruned => "(none)".to_owned(),
        _ => short(&update.remote),
    };
    let local = update.local.as_ref().map_or("FETCH_HEAD".to_owned(), short);
    eprintln!(" {flag} {summary:<17} {remote:<width$} -> {local}{note}");
}

/// How wide the column of the remote's names must be for a ref; very long ones do not widen it.
fn column(update: &Update) -> usize {
    let (remote, local) = (short(&update.remote), update.local.as_ref().map(short).unwrap_or_default());
    let is_long = 21 + remote.len() + 4 + local.len() >= 80;
    if is_long || update.local.is_none() { 0 } else { remote.len() }
}

fn said(update: &Update) -> (char, String, String) {
    let abbreviated = |id: Option<ObjectId>| id.map(|id| format!("{id:.7}")).unwrap_or_default();
    let range = |dots: &str| format!("{}{dots}{}", abbreviated(update.old), abbreviated(update.new));
    let plain = |flag, summary: &str| (flag, summary.to_owned(), String::new());
    let tags = update.local.as_ref().is_some_and(RefName::is_tag);
    match &update.kind {
        UpdateKind::UpToDate if update.local.is_none() => match update.remote.is_tag() {
            true => plain('*', "tag"),
            false => plain('*', "branch"),
        },
        UpdateKind::New if update.remote.is_tag() => plain('*', "[new tag]"),
        UpdateKind::New if update.remote.is_branch() => plain('*', "[new branch]"),
        UpdateKind::New => plain('*', "[new ref]"),
        UpdateKind::FastForward => (' ', range(".."), String::new()),
        UpdateKind::Forced if tags => plain('t', "[tag update]"),
        UpdateKind::Forced => ('+', range("..."), "  (forced update)".to_owned()),
        UpdateKind::Pruned => plain('-', "[deleted]"),
        UpdateKind::Failed(_) => {
            let what = match update.old {
                Some(_) => range(".."),
                None if update.remote.is_tag() => "[new tag]".to_owned(),
                None if update.remote.is_branch() => "[new branch]".to_owned(),
                None => "[new ref]".to_owned(),
            };
            ('!', what, "  (unable to update local ref)".to_owned())
        }
        UpdateKind::Rejected(why) => ('!', "[rejected]".to_owned(), format!("  ({why})")),
        _ => plain('=', "[up to date]"),
    }
}

/// The lines of `FETCH_HEAD`: what is for merging first.
pub(super) fn fetch_head(fetched: &Fetched, url: &[u8]) -> Vec<FetchHead> {
    let line = |update: &Update| {
        let id = update.new?;
        let (kind, name) = match update.remote.as_bytes() {
            b"HEAD" => ("", &b""[..]),
            _ if update.remote.is_branch() => ("branch ", update.remote.short()),
            _ if update.remote.is_tag() => ("tag ", update.remote.short()),
            name => match name.strip_prefix(b"refs/remotes/") {
                Some(name) => ("remote-tracking branch ", name),
                None => ("", name),
            },
        };
        let quoted = if name.is_empty() { Vec::new() } else { [b"'", name, b"' of "].concat() };
        let merge = if update.fetch_head == FetchHeadRole::Merge { Merge::Yes } else { Merge::No };
        Some(FetchHead { id, merge, note: [kind.as_bytes(), &quoted, url].concat().into() })
    };
    let mut updates: Vec<&Update> =
        fetched.updates.iter().filter(|update| update.fetch_head != FetchHeadRole::Ignore).collect();
    updates.sort_by_key(|update| update.fetch_head);
    updates.into_iter().filter_map(line).collect()
}

/// A name as people know it.
fn short(name: &RefName) -> String {
    let full = name.as_bytes();
    let below = [&b"refs/heads/"[..], b"refs/tags/", b"refs/remotes/"];
    let short = below.iter().find_map(|prefix| full.strip_prefix(*prefix)).unwrap_or(full);
    short.escape_ascii().to_string()
}
