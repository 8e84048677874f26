//! Trees.

use core::cmp::Ordering;

use gitwire_types::{ObjectFormat, ObjectId};

use super::MessageId as Id;
use super::finding::Report;
use super::names::{Special, could_be_special, is_dot_git, ntfs_is_dot_git};
use crate::tree::{TreeEntry, TreeRef, order};

/// Checks a tree; `special` is told which objects are called `.gitmodules` and `.gitattributes`.
pub(super) fn tree(
    format: ObjectFormat,
    content: &[u8],
    report: &mut Report<'_>,
    special: &mut dyn FnMut(Special, ObjectId),
) {
    let mut check = TreeCheck::default();
    for entry in TreeRef::new(format, content) {
        match entry {
            Ok(entry) => check.entry(&entry, report, special),
            Err(_) => return bad(report),
        }
    }
    check.finish(report);
}

/// Git cannot say what else there is in such a tree, and says nothing of what it saw.
pub(super) fn bad(report: &mut Report<'_>) {
    let _ = report.say(Id::BadTree, "cannot be parsed as a tree");
}

/// A tree whose entries come one by one.
#[derive(Default)]
pub(super) struct TreeCheck {
    found: Found,
    order: Order,
}

impl TreeCheck {
    pub(super) fn entry(
        &mut self,
        entry: &TreeEntry<'_>,
        report: &mut Report<'_>,
        special: &mut dyn FnMut(Special, ObjectId),
    ) {
        self.found.name(entry, report.rules.path_name_max());
        self.found.mode(entry, report.rules.is_strict());
        self.found.order(&mut self.order, entry);
        special_names(entry, report, special);
    }

    pub(super) fn finish(&self, report: &mut Report<'_>) {
        self.found.say(report);
    }
}

/// What was seen anywhere in the tree: each is told once.
#[derive(Debug, Default)]
struct Found {
    null: bool,
    full: bool,
    dot: bool,
    dot_dot: bool,
    dot_git: bool,
    zero_padded: bool,
    bad_mode: bool,
    duplicate: bool,
    unsorted: bool,
    large: bool,
}

impl Found {
    fn name(&mut self, entry: &TreeEntry<'_>, max: usize) {
        let name = entry.name;
        self.null |= entry.raw_id().iter().fold(0, |seen, byte| seen | byte) == 0;
        self.full |= memchr::memchr(b'/', name).is_some();
        self.dot_git |= after_backslashes(name).any(ntfs_is_dot_git);
        if could_be_special(name) {
            self.dot |= name == b".";
            self.dot_dot |= name == b"..";
            self.dot_git |= is_dot_git(name);
        }
        self.large |= name.len() > max;
    }

    fn mode(&mut self, entry: &TreeEntry<'_>, strict: bool) {
        self.zero_padded |= entry.mode_digits.starts_with(b"0");
        self.bad_mode |= match entry.mode.value() {
            0o100_755 | 0o100_644 | 0o120_000 | 0o40_000 | 0o160_000 => false,
            // Early git wrote the group's bit as the file system had it.
            0o100_664 => strict,
            _ => true,
        };
    }

    fn order(&mut self, order: &mut Order, entry: &TreeEntry<'_>) {
        match order.next(entry) {
            Place::Right => {}
            Place::Twice => self.duplicate = true,
            Place::Wrong => self.unsorted = true,
        }
    }

    fn say(&self, report: &mut Report<'_>) {
        let findings = [
            (self.null, Id::NullSha1, "contains entries pointing to null sha1"),
            (self.full, Id::FullPathname, "contains full pathnames"),
            (self.dot, Id::HasDot, "contains '.'"),
            (self.dot_dot, Id::HasDotdot, "contains '..'"),
            (self.dot_git, Id::HasDotgit, "contains '.git'"),
            (self.zero_padded, Id::ZeroPaddedFilemode, "contains zero-padded file modes"),
            (self.bad_mode, Id::BadFilemode, "contains bad file modes"),
            (self.duplicate, Id::DuplicateEntries, "contains duplicate file entries"),
            (self.unsorted, Id::TreeNotSorted, "not properly sorted"),
            (self.large, Id::LargePathname, "contains excessively large pathname"),
        ];
        for (_, id, text) in findings.into_iter().filter(|(seen, ..)| *seen) {
            // All of them are told, errors or not.
            let _ = report.say(id, text);
        }
    }
}

enum Place {
    Right,
    Twice,
    Wrong,
}

/// The entries so far, as far as they matter for the next.
#[derive(Default)]
struct Order {
    /// The name of the last entry; empty before the first.
    last: Vec<u8>,
    last_is_tree: bool,
    /// Lengths of names of entries other than trees, each the beginning of the next and all of them of the last name: a tree of the same
    /// name may still come, after all that sorts between `a` and `a/`.
    prefixes: Vec<usize>,
}

impl Order {
    fn next(&mut self, entry: &TreeEntry<'_>) -> Place {
        let (name, is_tree) = (entry.name, entry.mode.is_tree());
        let place = match self.last.as_slice() {
            [] => Place::Right,
            last if last == name => Place::Twice,
            last if order((last, self.last_is_tree), (name, is_tree)) == Ordering::Greater => Place::Wrong,
            _ => Place::Right,
        };
        while self.prefixes.last().is_some_and(|len| self.last.get(..*len) != name.get(..*len)) {
            self.prefixes.pop();
        }
        self.last.clear();
        self.last.extend_from_slice(name);
        self.last_is_tree = is_tree;
        if !is_tree {
            self.prefixes.push(name.len());
            return place;
        }
        // A prefix as long as the name is the name.
        if self.prefixes.last() == Some(&name.len()) { Place::Twice } else { place }
    }
}

/// The parts of a name that Windows takes for names: after each backslash.
fn after_backslashes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr_iter(b'\\', name).filter_map(|at| name.get(at.saturating_add(1)..))
}

fn special_names(entry: &TreeEntry<'_>, report: &mut Report<'_>, special: &mut dyn FnMut(Special, ObjectId)) {
    if could_be_special(entry.name) {
        for file in Special::of(entry.name) {
            special_name(file, entry, report, special);
        }
    }
    // Only submodules are dangerous enough for git to look behind backslashes.
    if after_backslashes(entry.name).any(|name| Special::Modules.ntfs_is(name)) {
        special_name(Special::Modules, entry, report, special);
    }
}

fn special_name(
    file: Special,
    entry: &TreeEntry<'_>,
    report: &mut Report<'_>,
    special: &mut dyn FnMut(Special, ObjectId),
) {
    if !entry.mode.is_link() {
        return special(file, entry.id());
    }
    let _ = match file {
        Special::Modules => report.say(Id::GitmodulesSymlink, ".gitmodules is a symbolic link"),
        Special::Attributes => report.say(Id::GitattributesSymlink, ".gitattributes is a symlink"),
        Special::Ignore => report.say(Id::GitignoreSymlink, ".gitignore is a symlink"),
        Special::Mailmap => report.say(Id::MailmapSymlink, ".mailmap is a symlink"),
    };
}
