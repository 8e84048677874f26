//! Lines that are text.

/// A line without the one LF that may end it. Senders should add it, receivers must not insist (`gitprotocol-common`).
///
/// ```
/// use gitwire_pktline::text;
///
/// assert_eq!(text(b"done\n"), b"done");
/// assert_eq!(text(b"done"), b"done");
/// assert_eq!(text(b"two\n\n"), b"two\n");
/// ```
#[inline]
#[must_use]
pub fn text(data: &[u8]) -> &[u8] {
    data.strip_suffix(b"\n").unwrap_or(data)
}

/// The message of an error line: `ERR SP explanation-text` (`gitprotocol-pack`). `None` for every other line.
///
/// Either side may send one in place of any line before the pack; it ends the conversation. The message is the peer's:
/// escape it before it reaches a terminal.
///
/// ```
/// use gitwire_pktline::error_message;
///
/// assert_eq!(error_message(b"ERR no such repository\n"), Some(&b"no such repository"[..]));
/// assert_eq!(error_message(b"ERROR"), None);
/// ```
#[inline]
#[must_use]
pub fn error_message(data: &[u8]) -> Option<&[u8]> {
    data.strip_prefix(b"ERR ").map(text)
}
