//! Names that a file system takes for another: what HFS+ ignores, and what NTFS shortens.

/// Whether `name` could be another in disguise: it begins with a dot, has a tilde, or characters beyond ASCII. Nearly all names
/// fail here, in one pass.
pub(super) fn could_be_special(name: &[u8]) -> bool {
    name.starts_with(b".") || name.iter().fold(false, |seen, byte| seen | (*byte == b'~') | (*byte >= 0x80))
}

/// Whether some file system takes `name` for `.git`.
pub(super) fn is_dot_git(name: &[u8]) -> bool {
    hfs_is(name, b".git") || ntfs_is_dot_git(name)
}

/// Whether NTFS takes `name` for `.git`, or for the short name that it has there.
pub(super) fn ntfs_is_dot_git(name: &[u8]) -> bool {
    let rest = strip_ignoring_case(name, b".git").or_else(|| strip_ignoring_case(name, b"git~1"));
    rest.is_some_and(ntfs_ignores)
}

/// A file of git's own in a working tree, under each of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Special {
    Modules,
    Attributes,
    Ignore,
    Mailmap,
}

impl Special {
    const ALL: [Self; 4] = [Self::Modules, Self::Attributes, Self::Ignore, Self::Mailmap];

    /// The special files that some file system takes `name` for: `~1000000` could be any of them.
    pub(super) fn of(name: &[u8]) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |file| hfs_is(name, file.name()) || file.ntfs_is(name))
    }

    pub(super) const fn name(self) -> &'static [u8] {
        match self {
            Self::Modules => b".gitmodules",
            Self::Attributes => b".gitattributes",
            Self::Ignore => b".gitignore",
            Self::Mailmap => b".mailmap",
        }
    }

    /// What NTFS makes of the name when the first four short names are taken: two letters and a hash of the long name.
    const fn hashed(self) -> &'static [u8] {
        match self {
            Self::Modules => b"gi7eba",
            Self::Attributes => b"gi7d29",
            Self::Ignore => b"gi250a",
            Self::Mailmap => b"maba30",
        }
    }

    /// Whether NTFS takes `name` for this file: the name itself, or one of its short forms.
    pub(super) fn ntfs_is(self, name: &[u8]) -> bool {
        if strip_ignoring_case(name, self.name()).is_some_and(ntfs_ignores) {
            return true;
        }
        let Some((short, rest)) = name.split_at_checked(SHORT_NAME) else { return false };
        if !ntfs_ignores(rest) {
            return false;
        }
        let mut parts = short.splitn(2, |byte| *byte == b'~');
        let (stem, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        // Numbers one to four go with the first six letters of the name, without its dot.
        let letters = self.name().get(1..7).unwrap_or_default();
        if stem.eq_ignore_ascii_case(letters) && matches!(number, [b'1'..=b'4']) {
            return true;
        }
        let fits = self.hashed().get(..stem.len()).is_some_and(|hashed| hashed.eq_ignore_ascii_case(stem));
        fits && matches!(number, [b'1'..=b'9', more @ ..] if more.iter().all(u8::is_ascii_digit))
    }
}

/// The length of a short name without its extension.
const SHORT_NAME: usize = 8;

fn strip_ignoring_case<'n>(name: &'n [u8], prefix: &[u8]) -> Option<&'n [u8]> {
    let (head, rest) = name.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether NTFS drops what stands after a name: spaces and dots, and all from a colon (a stream) or separator on.
fn ntfs_ignores(rest: &[u8]) -> bool {
    let end = rest.iter().find(|byte| !matches!(byte, b' ' | b'.'));
    matches!(end, None | Some(b':' | b'\\' | b'/'))
}

/// Whether HFS+ takes `name` for `wanted` (lower case): it compares without case and ignores some invisible characters.
fn hfs_is(name: &[u8], wanted: &[u8]) -> bool {
    // What is no UTF-8 ends the name.
    let text = match core::str::from_utf8(name) {
        Ok(text) => text,
        Err(error) => core::str::from_utf8(name.split_at(error.valid_up_to()).0).unwrap_or_default(),
    };
    let mut seen = text.chars().filter(|character| !hfs_drops(*character)).map(hfs_folds);
    wanted.iter().all(|byte| seen.next() == Some(char::from(*byte)))
        && matches!(seen.next(), None | Some('/'))
}

/// Joiners, marks of direction, and the byte order mark.
const fn hfs_drops(character: char) -> bool {
    matches!(
        character,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
    )
}

/// Folding of ASCII is enough: the names are ASCII, and no other character folds into them.
const fn hfs_folds(character: char) -> char {
    character.to_ascii_lowercase()
}
