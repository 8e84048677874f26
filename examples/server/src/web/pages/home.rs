//! The first page of a repository.

use askama::Template;
use http::StatusCode;

use super::super::failure::Failure;
use super::super::markdown::{Place, is_markdown, lay_out};
use super::super::reply::{Reply, page};
use super::super::repository::{At, Revision, Shown};
use super::super::route::encoded_path;
use super::super::text::{block, line, quoted};
use super::super::tree::{Content, Entry, joined};
use super::Shell;
use super::files::Listing;
use super::frame::{CommitRow, Frame, Picker};

/// The page.
pub(in super::super) fn home(shown: &Shown<'_>, frame: Frame) -> Result<Reply, Failure> {
    let revision = Revision::of(&frame.asked);
    let frame = frame.at("code", &revision);
    let state = match shown.at(revision)? {
        Some(at) => Some(State::new(shown, &frame, &at)?),
        None => None,
    };
    let branch = shown.default_branch()?.map_or_else(|| "main".to_owned(), |branch| line(&branch));
    let commands = Commands::new(&frame, &branch);
    let shell = frame.shell.clone();
    Ok(page(StatusCode::OK, frame.keep, &Home { shell, frame, state, branch, commands }))
}

/// A text that tells of a directory.
pub(super) struct Readme {
    pub(super) name: String,
    pub(super) link: String,
    /// Laid out; `None`: it is shown as it stands.
    pub(super) html: Option<String>,
    pub(super) text: String,
}

impl Readme {
    /// The README among the entries of a directory: markdown before other kinds.
    pub(super) fn find(
        shown: &Shown<'_>,
        frame: &Frame,
        revision: &Revision,
        directory: &[Vec<u8>],
        entries: &[Entry],
    ) -> Result<Option<Self>, Failure> {
        let rank = |entry: &&Entry| match entry.name.to_ascii_lowercase().as_slice() {
            b"readme.md" => 0,
            b"readme.markdown" => 1,
            b"readme" => 2,
            b"readme.txt" => 3,
            _ => 4,
        };
        let is_file = |entry: &&Entry| {
            let mode = entry.mode;
            !mode.is_tree() && !mode.is_gitlink() && !mode.is_link()
        };
        let found = entries.iter().filter(is_file).filter(|entry| rank(entry) < 4).min_by_key(rank);
        let Some(entry) = found else { return Ok(None) };
        let Content::Text(content) = shown.content(&entry.id, shown.limits.shown_bytes_max)? else {
            return Ok(None);
        };
        let mut path = directory.to_vec();
        path.push(entry.name.clone());
        let place = Place { repository: &frame.link, revision, directory };
        let text = block(&content);
        let html = if is_markdown(&entry.name) { lay_out(&text, &place, shown.limits) } else { None };
        Ok(Some(Self {
            name: line(&entry.name),
            link: format!("{}/-/files/{}{}", frame.link, encoded_path(&joined(&path)), revision.query()),
            text: if html.is_some() { String::new() } else { text },
            html,
        }))
    }
}

/// What a repository with commits shows.
struct State {
    picker: Picker,
    commit: CommitRow,
    listing: Listing,
    readme: Option<Readme>,
}

impl State {
    fn new(shown: &Shown<'_>, frame: &Frame, at: &At) -> Result<Self, Failure> {
        let commit = shown.commit(&at.commit)?;
        let entries = shown.entries(&commit.tree)?;
        Ok(Self {
            picker: frame.picker(at, ""),
            commit: frame.row(&commit),
            listing: Listing::new(shown, frame, at, &[], &entries)?,
            readme: Readme::find(shown, frame, &at.revision, &[], &entries)?,
        })
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    shell: Shell,
    frame: Frame,
    state: Option<State>,
    branch: String,
    commands: Commands,
}

/// The words of the commands that fill an empty repository.
struct Commands {
    url: String,
    branch: String,
    title: String,
}

impl Commands {
    fn new(frame: &Frame, branch: &str) -> Self {
        Self {
            url: quoted(frame.first_url()),
            branch: quoted(branch),
            title: quoted(&format!("# {}", frame.short_name)),
        }
    }
}
