//! Where capabilities stand on a line of version 0 or 1.

use memchr::memchr;

/// A line apart: what it says, and the capabilities that ride on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line itself.
    pub line: &'a [u8],
    /// What stands where capabilities stand; `None` if the line has no such place. Read it with
    /// [`Capabilities`](crate::Capabilities) or the `add` of an offer or agreement.
    pub capabilities: Option<&'a [u8]>,
}

/// Takes a line of an advertisement or a command of a push apart at its first NUL (`gitprotocol-pack`, *first-ref*,
/// *command-list*). git looks for one on every line, not only on the first.
///
/// ```
/// use gitwire_capability::split_line;
///
/// let line = split_line(b"95d09f2b10159347eece71399a7e2e907ea3df4f HEAD\0thin-pack ofs-delta");
/// assert_eq!(line.line, b"95d09f2b10159347eece71399a7e2e907ea3df4f HEAD");
/// assert_eq!(line.capabilities, Some(&b"thin-pack ofs-delta"[..]));
/// ```
#[must_use]
pub fn split_line(line: &[u8]) -> Line<'_> {
    let (line, rest) = memchr(0, line).and_then(|at| line.split_at_checked(at)).unwrap_or((line, &[]));
    Line { line, capabilities: rest.split_first().map(|(_, capabilities)| capabilities) }
}

/// Takes the argument of `want` apart at its first blank: the id, then capabilities (`gitprotocol-pack`, *first-want*). git
/// looks for them on every want.
///
/// ```
/// use gitwire_capability::split_want;
///
/// let want = split_want(b"95d09f2b10159347eece71399a7e2e907ea3df4f multi_ack ofs-delta");
/// assert_eq!(want.line, b"95d09f2b10159347eece71399a7e2e907ea3df4f");
/// assert_eq!(want.capabilities, Some(&b"multi_ack ofs-delta"[..]));
/// ```
#[must_use]
pub fn split_want(argument: &[u8]) -> Line<'_> {
    let (line, rest) =
        memchr(b' ', argument).and_then(|at| argument.split_at_checked(at)).unwrap_or((argument, &[]));
    Line { line, capabilities: rest.split_first().map(|(_, capabilities)| capabilities) }
}
