//! One commit.

use std::time::Instant;

use askama::Template;
use gitwire_storage::Presence;
use gitwire_types::ObjectId;
use http::StatusCode;

use super::super::changes::{Budget, Change, Lines};
use super::super::failure::Failure;
use super::super::history::{Commit, Person};
use super::super::reply::{Reply, page};
use super::super::repository::{Revision, Shown};
use super::super::route::encoded_path;
use super::super::text::{When, line, number, plural, short};
use super::Shell;
use super::frame::{CommitRow, Frame, when};

/// The page.
pub(in super::super) fn commit(shown: &Shown<'_>, frame: Frame, id: &[u8]) -> Result<Reply, Failure> {
    let id = shown.visible_commit(id)?;
    let revision = Revision::Commit(id.to_string().into_bytes());
    let frame = frame.at("commits", &Revision::Default);
    let commit = shown.commit(&id)?;
    let parents = parents(shown, &frame, &commit)?;
    let changed = Changed::new(shown, &frame, &revision, &commit, parents.first())?;
    let more_parents = commit.parents.len() - parents.len();
    let same = commit.author == commit.committer;
    let template = CommitPage {
        shell: frame.shell.clone(),
        browse: format!("{}/-/files{}", frame.link, revision.query()),
        author: Named::new(&commit.author),
        committer: (!same).then(|| Named::new(&commit.committer)),
        body: commit.body.clone(),
        commit: CommitRow { subject: commit.subject.clone(), ..frame.row(&commit) },
        parents,
        more_parents,
        changed,
        frame,
    };
    Ok(page(StatusCode::OK, template.frame.keep, &template))
}

/// The first parents, as many as are shown.
fn parents(shown: &Shown<'_>, frame: &Frame, commit: &Commit) -> Result<Vec<Parent>, Failure> {
    let is_shallow = shown.shallow()?.contains(&commit.id);
    let parents = commit.parents.get(..shown.limits.parents_max).unwrap_or(&commit.parents);
    let mut here = vec![false; parents.len()];
    shown.objects.headers(parents, &mut |nth, presence| {
        if let Some(here) = here.get_mut(nth) {
            *here = matches!(presence, Presence::Here { .. }) && !is_shallow;
        }
    })?;
    let parent = |(id, here): (&ObjectId, &bool)| Parent {
        id: *id,
        link: here.then(|| format!("{}/-/commit/{id}", frame.link)),
    };
    Ok(parents.iter().zip(&here).map(parent).collect())
}

struct Parent {
    id: ObjectId,
    /// `None` where it is not here.
    link: Option<String>,
}

struct Named {
    name: String,
    email: String,
    when: When,
}

impl Named {
    fn new(person: &Person) -> Self {
        Self { name: person.name.clone(), email: person.email.clone(), when: when(person) }
    }
}

/// What a commit changed since its first parent.
struct Changed {
    count: String,
    files: Vec<File>,
    is_cut: bool,
}

impl Changed {
    fn new(
        shown: &Shown<'_>,
        frame: &Frame,
        revision: &Revision,
        commit: &Commit,
        parent: Option<&Parent>,
    ) -> Result<Self, Failure> {
        let before = match parent {
            None => None,
            Some(Parent { id, link: Some(_) }) => Some(shown.tree_of(id)?),
            Some(_) => {
                let count = "The parent is not here, so nothing can be compared".to_owned();
                return Ok(Self { count, files: Vec::new(), is_cut: false });
            }
        };
        let changes = shown.changes(before.as_ref(), &commit.tree)?;
        let count = changes.list.len();
        let over = if changes.is_cut { "Over " } else { "" };
        let mut budget = Budget {
            files: shown.limits.diff_files_max,
            lines: shown.limits.diff_lines_max,
            until: Instant::now() + shown.limits.diff_time,
        };
        let mut files = Vec::with_capacity(count);
        for change in &changes.list {
            shown.stop.check()?;
            files.push(File::new(change, shown.lines(change, &mut budget)?, shown, frame, revision));
        }
        let count = format!("{over}{} changed file{}", number(count), plural(count as u64));
        Ok(Self { count, files, is_cut: changes.is_cut })
    }
}

struct File {
    letter: char,
    word: &'static str,
    name: String,
    link: Option<String>,
    lines: Lines,
}

impl File {
    fn new(change: &Change, lines: Lines, shown: &Shown<'_>, frame: &Frame, revision: &Revision) -> Self {
        let (letter, word) = change.kind();
        let name_max = shown.limits.name_bytes_max;
        let is_here = change.new.as_ref().is_some_and(|entry| !entry.mode.is_gitlink())
            && change.path.len() <= name_max;
        let link = || format!("{}/-/files/{}{}", frame.link, encoded_path(&change.path), revision.query());
        Self { letter, word, name: short(&line(&change.path), name_max), link: is_here.then(link), lines }
    }
}

#[derive(Template)]
#[template(path = "commit.html")]
struct CommitPage {
    shell: Shell,
    frame: Frame,
    commit: CommitRow,
    body: String,
    author: Named,
    committer: Option<Named>,
    parents: Vec<Parent>,
    more_parents: usize,
    browse: String,
    changed: Changed,
}
