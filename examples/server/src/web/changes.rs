//! What a commit changed: which files, and which lines.

use std::collections::BTreeMap;
use std::time::Instant;

use gitwire_types::ObjectId;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};

use super::failure::Failure;
use super::repository::Shown;
use super::text::line;
use super::tree::{Content, Entry, joined};

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: Vec<u8>,
    pub(crate) old: Option<Entry>,
    pub(crate) new: Option<Entry>,
}

/// The files that differ, by path, as many as are found.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) list: Vec<Change>,
    /// Whether there are more.
    pub(crate) is_cut: bool,
}

/// How the lines of a file differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lines {
    Hunks(Vec<Hunk>),
    /// There is nothing to see; why.
    Note(String),
}

/// Lines that differ, and some around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// Which lines of either side, as unified diffs write it.
    pub(crate) range: String,
    pub(crate) lines: Vec<DiffLine>,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiffLine {
    /// ` `, `-` or `+`.
    pub(crate) sign: char,
    pub(crate) old: Option<usize>,
    pub(crate) new: Option<usize>,
    pub(crate) text: String,
}

/// What is left of what one page may show.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) files: usize,
    pub(crate) lines: usize,
    pub(crate) until: Instant,
}

/// Two trees at one path that differ.
struct Trees {
    path: Vec<Vec<u8>>,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
}

impl Change {
    /// What happened to it, in one letter and in a word.
    pub(crate) fn kind(&self) -> (char, &'static str) {
        match (&self.old, &self.new) {
            (None, _) => ('A', "added"),
            (_, None) => ('D', "deleted"),
            (Some(old), Some(new)) if old.id == new.id => ('M', "mode changed"),
            _ => ('M', "modified"),
        }
    }
}

impl Shown<'_> {
    /// The files that differ between two trees.
    pub(crate) fn changes(&self, old: Option<&ObjectId>, new: &ObjectId) -> Result<Changes, Failure> {
        let mut changes = Changes::default();
        let mut trees = vec![Trees { path: Vec::new(), old: old.copied(), new: Some(*new) }];
        let mut read = 0_usize;
        let end = Instant::now() + self.limits.changes_time;
        while let Some(Trees { path, old, new }) = trees.pop() {
            self.stop.check()?;
            if old == new {
                continue;
            }
            read += usize::from(old.is_some()) + usize::from(new.is_some());
            let is_over = read > self.limits.change_trees_max || Instant::now() >= end;
            if is_over || path.len() > self.limits.path_depth_max {
                changes.is_cut = true;
                break;
            }
            let mut pairs: BTreeMap<Vec<u8>, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
            for entry in old.map(|old| self.entries(&old)).transpose()?.unwrap_or_default() {
                let name = entry.name.clone();
                pairs.entry(name).or_default().0 = Some(entry);
            }
            for entry in new.map(|new| self.entries(&new)).transpose()?.unwrap_or_default() {
                let name = entry.name.clone();
                pairs.entry(name).or_default().1 = Some(entry);
            }
            for (name, (old, new)) in pairs.into_iter().rev() {
                if old.as_ref().map(|old| (old.id, old.mode)) == new.as_ref().map(|new| (new.id, new.mode)) {
                    continue;
                }
                let mut path = path.clone();
                path.push(name);
                // A tree on one side and a file on the other are two changes.
                let tree = |entry: &Option<Entry>| {
                    entry.as_ref().filter(|entry| entry.mode.is_tree()).map(|entry| entry.id)
                };
                let file = |entry: Option<Entry>| entry.filter(|entry| !entry.mode.is_tree());
                let (old_tree, new_tree) = (tree(&old), tree(&new));
                let (old, new) = (file(old), file(new));
                if old.is_some() || new.is_some() {
                    changes.list.push(Change { path: joined(&path), old, new });
                }
                if old_tree.is_some() || new_tree.is_some() {
                    trees.push(Trees { path, old: old_tree, new: new_tree });
                }
            }
        }
        changes.list.sort_by(|one, two| one.path.cmp(&two.path));
        if changes.list.len() > self.limits.changes_max {
            changes.list.truncate(self.limits.changes_max);
            changes.is_cut = true;
        }
        Ok(changes)
    }

    /// The lines of a file that differ, as far as `budget` goes.
    pub(crate) fn lines(&self, change: &Change, budget: &mut Budget) -> Result<Lines, Failure> {
        let note = |text: &str| Ok(Lines::Note(text.to_owned()));
        if budget.files == 0 || budget.lines == 0 {
            return note("Not shown: this commit changes more than a page shows.");
        }
        budget.files -= 1;
        let sides = [&change.old, &change.new].map(Option::as_ref);
        if sides.iter().flatten().any(|entry| entry.mode.is_gitlink()) {
            let id = |entry: Option<&Entry>| {
                entry.map_or_else(|| "nothing".to_owned(), |entry| entry.id.to_string())
            };
            return note(&format!("Submodule: {} → {}", id(sides[0]), id(sides[1])));
        }
        let mut texts = [Vec::new(), Vec::new()];
        for (text, entry) in texts.iter_mut().zip(sides) {
            let Some(entry) = entry else { continue };
            match self.content(&entry.id, self.limits.diff_bytes_max)? {
                Content::Text(content) => *text = content,
                Content::Binary(_) => return note("Binary file."),
                Content::TooLarge(_) => {
                    return note("Not shown: the file is larger than what is compared here.");
                }
            }
        }
        let hunks = hunks(&texts[0], &texts[1], budget);
        if hunks.is_empty() {
            let modes = sides.map(|entry| entry.map_or(0, |entry| entry.mode.value()));
            return note(&match modes {
                [0, _] | [_, 0] => "Empty file.".to_owned(),
                [old, new] => format!("Mode {old:06o} → {new:06o}."),
            });
        }
        Ok(Lines::Hunks(hunks))
    }
}

/// Compares two texts line by line; hunks of which no more come than `budget` allows.
fn hunks(old: &[u8], new: &[u8], budget: &mut Budget) -> Vec<Hunk> {
    let split = |text| -> Vec<&[u8]> { <[u8]>::split_inclusive(text, |byte: &u8| *byte == b'\n').collect() };
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (split(old), split(new));
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(budget.until));
    let mut hunks = Vec::new();
    for group in group_diff_ops(ops, CONTEXT) {
        if budget.lines == 0 {
            break;
        }
        hunks.push(hunk(&group, &old, &new, budget));
    }
    hunks
}

fn hunk(group: &[DiffOp], old: &[&[u8]], new: &[&[u8]], budget: &mut Budget) -> Hunk {
    let first = group.first().map_or((0, 0), |op| (op.old_range().start, op.new_range().start));
    let last = group.last().map_or((0, 0), |op| (op.old_range().end, op.new_range().end));
    let side = |start: usize, end: usize| match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        count => format!("{},{count}", start + 1),
    };
    let range = format!("@@ -{} +{} @@", side(first.0, last.0), side(first.1, last.1));
    let mut lines = Vec::new();
    for op in group {
        let equal = matches!(op, DiffOp::Equal { .. });
        let (sign, with_new) = if equal { (' ', false) } else { ('-', true) };
        for (nth, at) in op.old_range().enumerate() {
            let beside = equal.then(|| op.new_range().start + nth + 1);
            lines.push(DiffLine { sign, old: Some(at + 1), new: beside, text: text(old, at) });
        }
        for at in op.new_range().filter(|_| with_new) {
            lines.push(DiffLine { sign: '+', old: None, new: Some(at + 1), text: text(new, at) });
        }
    }
    if lines.len() > budget.lines {
        lines.truncate(budget.lines);
        lines.push(DiffLine {
            sign: ' ', old: None, new: None, text: "… more than a page shows".to_owned()
        });
        budget.lines = 0;
    } else {
        budget.lines -= lines.len();
    }
    Hunk { range, lines }
}

fn text(lines: &[&[u8]], at: usize) -> String {
    let bytes = lines.get(at).copied().unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    // A tab is not the end of a line here.
    let parts: Vec<String> = bytes.split(|byte| *byte == b'\t').map(line).collect();
    parts.join("\t")
}

/// Equal lines around those that differ.
const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn budget(lines: usize) -> Budget {
        Budget { files: 1, lines, until: Instant::now() + Duration::from_secs(60) }
    }

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        let hunks = hunks(old.as_bytes(), new.as_bytes(), &mut budget(100));
        let shown: String = hunks
            .iter()
            .map(|hunk| {
                let lines: String =
                    hunk.lines.iter().map(|line| format!("{}{}\n", line.sign, line.text)).collect();
                format!("{}\n{lines}", hunk.range)
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn lines_that_differ_and_some_around_them() {
        check("", "", "");
        check("a\n", "a\n", "");
        check("", "a\n", "@@ -0,0 +1 @@\n+a\n");
        check("a\n", "", "@@ -1 +0,0 @@\n-a\n");
        check("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nx\n6\n", "@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n+x\n 6\n");
        check("a\r\nb\tc\x1b\n", "a\r\nb\tc\n", "@@ -1,2 +1,2 @@\n a\n-b\tc\u{fffd}\n+b\tc\n");
    }

    #[test]
    fn no_more_lines_come_than_a_page_shows() {
        let new: String = (0..10).map(|number| format!("{number}\n")).collect();
        let count = |lines: usize| {
            let mut budget = budget(lines);
            let hunks = hunks(b"", new.as_bytes(), &mut budget);
            (hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>(), budget.lines)
        };
        assert_eq!(count(10), (10, 0));
        assert_eq!(count(9), (10, 0), "nine, and a line that says so");
        assert_eq!(count(0), (0, 0));
    }

    #[test]
    fn texts_made_to_be_slow_are_compared_in_time() {
        let half = 128 << 10;
        let many = |text: &str, times: usize| text.repeat(times).into_bytes();
        let mixed: Vec<u8> =
            (0..half).flat_map(|n: usize| [b'a' + u8::try_from(n * n % 7).unwrap_or(0), b'\n']).collect();
        let other: Vec<u8> =
            (0..half).flat_map(|n: usize| [b'a' + u8::try_from(n * n * n % 5).unwrap_or(0), b'\n']).collect();
        for (old, new) in [
            (many("\n", 2 * half), many("\n", half)),
            (many("a\nb\n", half / 2), many("b\na\nc\n", half / 3)),
            (mixed, other),
        ] {
            let start = Instant::now();
            let mut budget = Budget { files: 1, lines: 100, until: start + Duration::from_millis(100) };
            assert!(!hunks(&old, &new, &mut budget).is_empty());
            // Ten times what is allowed, for slow machines.
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        }
    }
}
