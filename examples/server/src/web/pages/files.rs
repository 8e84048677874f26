//! Directories and files.

use askama::Template;
use gitwire_object::EntryMode;
use http::StatusCode;

use super::super::failure::Failure;
use super::super::markdown::{Place, is_markdown, lay_out};
use super::super::reply::{Reply, page};
use super::super::repository::{At, Revision, Shown, abbreviated};
use super::super::route::{encoded_path, parameter};
use super::super::text::{block, line, number, plural, short, size};
use super::super::tree::{Content, Entry, image_type, joined};
use super::Shell;
use super::frame::{CommitRow, Crumb, Frame, Picker};
use super::home::Readme;

/// The page of what stands at a path.
pub(in super::super) fn files(shown: &Shown<'_>, frame: Frame, path: &[Vec<u8>]) -> Result<Reply, Failure> {
    let nothing =
        || Failure::not_found("There is no such file or directory in this state of the repository.");
    let at = shown.at(Revision::of(&frame.asked))?.ok_or_else(nothing)?;
    let frame = frame.at("code", &at.revision);
    let commit = shown.commit(&at.commit)?;
    let entry = shown.lookup(&commit.tree, path)?.ok_or_else(nothing)?;
    let view = if entry.mode.is_tree() {
        let entries = shown.entries(&entry.id)?;
        let listing = Listing::new(shown, &frame, &at, path, &entries)?;
        let readme = Readme::find(shown, &frame, &at.revision, path, &entries)?;
        View::Directory(Box::new((frame.row(&commit), listing, readme)))
    } else if entry.mode.is_gitlink() {
        return Err(Failure::not_found("Here is a submodule: a commit of another repository."));
    } else {
        FileView { shown, frame: &frame, at: &at, path, entry: &entry }.look()?
    };
    let picker = frame.picker(&at, &format!("/-/files/{}", encoded_path(&joined(path))));
    let crumbs = crumbs(&frame, path);
    let path = if path.is_empty() { "Files".to_owned() } else { line(&joined(path)) };
    let shell = frame.shell.clone();
    Ok(page(StatusCode::OK, frame.keep, &Files { shell, frame, picker, crumbs, path, view }))
}

/// The entries of a directory.
pub(super) struct Listing {
    pub(super) up: Option<String>,
    pub(super) rows: Vec<Row>,
    pub(super) left_out: usize,
}

/// One of them.
pub(super) struct Row {
    pub(super) icon: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) link: Option<String>,
    pub(super) note: Option<String>,
    pub(super) commit: Option<CommitRow>,
}

impl Listing {
    /// The first entries of the directory at `path`, as many as are shown: directories before files, as people look for them.
    pub(super) fn new(
        shown: &Shown<'_>,
        frame: &Frame,
        at: &At,
        path: &[Vec<u8>],
        entries: &[Entry],
    ) -> Result<Self, Failure> {
        let mut sorted: Vec<Entry> = entries.to_vec();
        sorted.sort_by_key(|entry| !entry.mode.is_tree() && !entry.mode.is_gitlink());
        let left_out = sorted.len().saturating_sub(shown.limits.entries_max);
        sorted.truncate(shown.limits.entries_max);
        let mut changes = shown.last_changes(&at.commit, path, &sorted)?;
        let url = |path: &[Vec<u8>]| {
            let path = encoded_path(&joined(path));
            let slash = if path.is_empty() { "" } else { "/" };
            format!("{}/-/files{slash}{path}{}", frame.link, at.revision.query())
        };
        let name_max = shown.limits.name_bytes_max;
        let up = path.split_last().map(|(_, above)| url(above));
        let row = |entry: &Entry| {
            let below = [path, std::slice::from_ref(&entry.name)].concat();
            let is_module = entry.mode.is_gitlink();
            let (icon, kind) = match entry.mode {
                mode if mode.is_tree() => ("dir", "Directory"),
                mode if mode.is_gitlink() => ("module", "Submodule"),
                mode if mode.is_link() => ("link", "Symbolic link"),
                _ => ("file", "File"),
            };
            Row {
                icon,
                kind,
                name: short(&line(&entry.name), name_max),
                link: (!is_module && entry.name.len() <= name_max).then(|| url(&below)),
                note: is_module.then(|| format!("@ {}", abbreviated(&entry.id))),
                commit: changes.remove(&entry.name).map(|commit| frame.row(&commit)),
            }
        };
        Ok(Self { up, rows: sorted.iter().map(row).collect(), left_out })
    }
}

fn crumbs(frame: &Frame, path: &[Vec<u8>]) -> Vec<Crumb> {
    let crumb = |end: usize| {
        let part = path.get(..end).unwrap_or_default();
        let url = format!("{}/-/files/{}{}", frame.link, encoded_path(&joined(part)), frame.query);
        Crumb {
            name: part.last().map(|name| line(name)).unwrap_or_default(),
            url: (end < path.len()).then_some(url),
        }
    };
    (1..=path.len()).map(crumb).collect()
}

/// What stands at a path.
enum View {
    /// Its last commit, what is in it, and what tells of it.
    Directory(Box<(CommitRow, Listing, Option<Readme>)>),
    File {
        facts: Vec<String>,
        raw: String,
        other: Option<Other>,
        body: Body,
    },
}

/// Another way to look at a file.
struct Other {
    name: &'static str,
    url: String,
}

/// How a file is shown.
enum Body {
    Note(&'static str),
    Image(String),
    Prose(String),
    Lines(Vec<String>),
}

/// A file that is looked at.
struct FileView<'a> {
    shown: &'a Shown<'a>,
    frame: &'a Frame,
    at: &'a At,
    path: &'a [Vec<u8>],
    entry: &'a Entry,
}

impl FileView<'_> {
    fn look(&self) -> Result<View, Failure> {
        let mut facts = Vec::new();
        if self.entry.mode.is_link() {
            facts.push("Symbolic link".to_owned());
        } else if self.entry.mode == EntryMode::EXECUTABLE {
            facts.push("Executable".to_owned());
        }
        let raw = self.url("raw");
        let (bytes, body) = if self.is_image()? {
            (self.shown.size(&self.entry.id)?, Body::Image(line(&self.entry.name)))
        } else {
            match self.shown.content(&self.entry.id, self.shown.limits.shown_bytes_max)? {
                Content::Text(content) => {
                    let count = content.split_inclusive(|byte| *byte == b'\n').count();
                    facts.push(format!("{} line{}", number(count), plural(count as u64)));
                    facts.push(size(content.len() as u64));
                    let (other, body) = self.text(&content, count);
                    return Ok(View::File { facts, raw, other, body });
                }
                Content::Binary(bytes) => (bytes, Body::Note("This file is binary.")),
                Content::TooLarge(bytes) => {
                    (bytes, Body::Note("This file is larger than what is shown here."))
                }
            }
        };
        facts.push(size(bytes));
        Ok(View::File { facts, raw, other: None, body })
    }

    fn text(&self, content: &[u8], lines: usize) -> (Option<Other>, Body) {
        if lines > self.shown.limits.shown_lines_max {
            return (None, Body::Note("This file has more lines than are shown here."));
        }
        let text = block(content);
        let mut other = None;
        if is_markdown(&self.entry.name) && !self.entry.mode.is_link() {
            let directory = self.path.split_last().map_or(&[][..], |(_, above)| above);
            let here = self.url("files");
            let place = Place { repository: &self.frame.link, revision: &self.at.revision, directory };
            if parameter(&self.frame.asked, "as").as_deref() == Some(b"source") {
                other = Some(Other { name: "Laid out", url: here });
            } else if let Some(html) = lay_out(&text, &place, self.shown.limits) {
                let mark = if here.contains('?') { '&' } else { '?' };
                let source = Other { name: "Source", url: format!("{here}{mark}as=source") };
                return (Some(source), Body::Prose(html));
            }
        }
        if text.is_empty() {
            return (other, Body::Note("This file is empty."));
        }
        (other, Body::Lines(text.lines().map(str::to_owned).collect()))
    }

    /// Whether browsers may show it as an image.
    fn is_image(&self) -> Result<bool, Failure> {
        let Some(mut reader) = self.shown.objects.open(&self.entry.id)? else { return Ok(false) };
        let mut front = [0; 16];
        let read = reader.read(&mut front)?;
        Ok(image_type(front.get(..read).unwrap_or_default()).is_some())
    }

    fn url(&self, page: &str) -> String {
        let path = encoded_path(&joined(self.path));
        format!("{}/-/{page}/{path}{}", self.frame.link, self.at.revision.query())
    }
}

#[derive(Template)]
#[template(path = "files.html")]
struct Files {
    shell: Shell,
    frame: Frame,
    picker: Picker,
    crumbs: Vec<Crumb>,
    path: String,
    view: View,
}
