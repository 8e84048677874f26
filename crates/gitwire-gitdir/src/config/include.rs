//! Files that configuration files include (`git-config`, Includes and Conditional includes).

use std::path::Path;

use gitwire_storage::Result;

use super::ConfigEntry;
use super::sources::{expand_home, read_text, too_deep};
use crate::fs::{FileSystem, path_from};

/// How includes are followed.
pub(super) struct Includes<'a> {
    pub(super) file_system: &'a dyn FileSystem,
    /// The repository that conditions ask for.
    pub(super) git_dir: Option<&'a Path>,
    pub(super) home: Option<&'a Path>,
}

impl Includes<'_> {
    /// Puts the variables of the file at `path` behind `entries`, each include followed by what it includes.
    pub(super) fn read(&self, path: &Path, depth: u32, entries: &mut Vec<ConfigEntry>) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(too_deep(path));
        }
        let Some(config) = read_text(self.file_system, path)? else { return Ok(()) };
        for entry in config.entries {
            let included = self.included(path, &entry);
            entries.push(entry);
            if let Some(included) = included {
                self.read(&included, depth.saturating_add(1), entries)?;
            }
        }
        Ok(())
    }

    /// The file that a variable of the file at `from` includes.
    fn included(&self, from: &Path, entry: &ConfigEntry) -> Option<std::path::PathBuf> {
        let applies = match (entry.section.as_str(), &entry.subsection) {
            ("include", None) => true,
            ("includeif", Some(condition)) => self.applies(from, condition),
            _ => false,
        };
        let value =
            entry.value.as_deref().filter(|value| applies && entry.name == "path" && !value.is_empty())?;
        Some(from.parent().unwrap_or(Path::new(".")).join(expand_home(value, self.home)))
    }

    /// Whether a condition holds. Those that ask for branches or remotes do not, nor do unknown ones.
    fn applies(&self, from: &Path, condition: &[u8]) -> bool {
        let (pattern, fold) = match (condition.strip_prefix(b"gitdir:"), condition.strip_prefix(b"gitdir/i:"))
        {
            (Some(pattern), _) => (pattern, false),
            (_, Some(pattern)) => (pattern, true),
            _ => return false,
        };
        let Some(git_dir) = self.git_dir else { return false };
        let mut pattern = expand_home(pattern, self.home).into_os_string().into_encoded_bytes();
        if let Some(rest) = pattern.strip_prefix(b"./") {
            let parent = from.parent().unwrap_or(Path::new("."));
            let parent = self.file_system.canonical(parent).unwrap_or_else(|_| parent.to_owned());
            pattern = parent.join(path_from(rest)).into_os_string().into_encoded_bytes();
        } else if !pattern.starts_with(b"/") {
            pattern.splice(0..0, *b"**/");
        }
        if pattern.ends_with(b"/") {
            pattern.extend_from_slice(b"**");
        }
        let absolute = std::path::absolute(git_dir).unwrap_or_else(|_| git_dir.to_owned());
        let real = self.file_system.canonical(git_dir).unwrap_or_else(|_| absolute.clone());
        [real, absolute].into_iter().any(|path| {
            let mut text = path.into_os_string().into_encoded_bytes();
            let mut pattern = pattern.clone();
            if fold {
                text.make_ascii_lowercase();
                pattern.make_ascii_lowercase();
            }
            matches(&pattern, &text)
        })
    }
}

/// Whether `text` is of the pattern: `?` and `*` for what is not a slash, `**` for anything, `[…]` for one of several.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        // Between slashes it may also stand for nothing at all.
        [b'*', b'*', b'/', rest @ ..] => {
            let starts =
                (0..=text.len()).filter(|at| *at == 0 || text.get(at.wrapping_sub(1)) == Some(&b'/'));
            starts.filter_map(|at| text.get(at..)).any(|text| matches(rest, text))
        }
        [b'*', b'*', rest @ ..] => {
            (0..=text.len()).filter_map(|at| text.get(at..)).any(|text| matches(rest, text))
        }
        [b'*', rest @ ..] => {
            let end = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            (0..=end).filter_map(|at| text.get(at..)).any(|text| matches(rest, text))
        }
        [b'?', rest @ ..] => matches!(text, [byte, text @ ..] if *byte != b'/' && matches(rest, text)),
        [b'[', rest @ ..] => class(rest, text),
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
            matches!(text, [first, text @ ..] if first == byte && matches(rest, text))
        }
    }
}

fn class(pattern: &[u8], text: &[u8]) -> bool {
    let [byte, text @ ..] = text else { return false };
    let (negated, set) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // A bracket that comes first is one of the set.
    let Some(end) = set.iter().skip(1).position(|byte| *byte == b']').map(|at| at.saturating_add(1)) else {
        return false;
    };
    let Some((mut members, rest)) = set.split_at_checked(end) else { return false };
    let mut found = false;
    while let Some(first) = members.first() {
        match members {
            [from, b'-', to, rest @ ..] => {
                found |= (from..=to).contains(&byte);
                members = rest;
            }
            _ => {
                found |= first == byte;
                members = members.get(1..).unwrap_or_default();
            }
        }
    }
    found != negated && *byte != b'/' && matches(rest.get(1..).unwrap_or_default(), text)
}

/// As git: files that include each other end somewhere.
const DEPTH_MAX: u32 = 10;
