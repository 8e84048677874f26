//! Which paths a list of sparse-checkout patterns takes (`git-sparse-checkout`, `gitignore`).

mod glob;

use self::glob::Glob;

/// Patterns as a file of `sparse:oid` lists them: the last one that matches a path decides.
///
/// ```
/// use gitwire_walk::SparsePatterns;
///
/// let patterns = SparsePatterns::parse(b"# what is built\n/src/\n*.md\n!/src/old/\n");
/// assert_eq!(patterns.takes_file(b"src/main.c", true), true);
/// assert_eq!(patterns.takes_directory(b"src", false), true);
/// assert_eq!(patterns.takes_directory(b"src/old", true), false);
/// assert_eq!(patterns.takes_file(b"doc/README.md", false), true);
/// assert_eq!(patterns.takes_file(b"doc/logo.png", false), false);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparsePatterns {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    glob: Glob,
    /// It takes nothing in what it matches.
    negative: bool,
    /// It matches directories alone.
    directory: bool,
    /// It is held against the last name of a path, not against the whole.
    name_only: bool,
}

impl SparsePatterns {
    /// Reads a list, a pattern to a line. There are no malformed ones: what cannot match matches nothing.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Self { patterns: text.split(|byte| *byte == b'\n').filter_map(Pattern::parse).collect() }
    }

    /// Whether a file at `path` goes; `by_default` is what holds for its directory.
    #[must_use]
    pub fn takes_file(&self, path: &[u8], by_default: bool) -> bool {
        self.verdict(path, false).unwrap_or(by_default)
    }

    /// What holds in the directory at `path` for what no pattern matches; `by_default` is what holds for the directory that it is in.
    #[must_use]
    pub fn takes_directory(&self, path: &[u8], by_default: bool) -> bool {
        self.verdict(path, true).unwrap_or(by_default)
    }

    fn verdict(&self, path: &[u8], is_directory: bool) -> Option<bool> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let matches = |pattern: &&Pattern| {
            // The root has no path, and an empty name.
            (is_directory || !pattern.directory)
                && (pattern.name_only || !path.is_empty())
                && pattern.glob.matches(if pattern.name_only { name } else { path })
        };
        self.patterns.iter().rev().find(matches).map(|pattern| !pattern.negative)
    }
}

impl Pattern {
    /// `None` for an empty line and a comment.
    fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        let line = without_trailing_blanks(line);
        let (negative, line) = match line.strip_prefix(b"!") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (directory, line) = match line.strip_suffix(b"/") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let name_only = !line.contains(&b'/');
        let line = line.strip_prefix(b"/").filter(|_| !name_only).unwrap_or(line);
        Some(Self { glob: Glob::new(line), negative, directory, name_only })
    }
}

/// Blanks at the end say nothing, unless the first of them stands behind a backslash.
fn without_trailing_blanks(line: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut bytes = line.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b' ' => {}
            b'\\' => end = bytes.next().map_or(at, |(next, _)| next) + 1,
            _ => end = at + 1,
        }
    }
    line.get(..end).unwrap_or(line)
}

#[cfg(test)]
mod tests;
