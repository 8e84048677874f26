//! What ends a conversation early, and who is to blame.

use core::fmt;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use bytes::Bytes;
use gitwire_capability::CapabilityError;
use gitwire_pktline::{PktLineError, Position};
use gitwire_sideband::SidebandError;
use gitwire_types::ObjectIdError;

/// Why a machine cannot go on, or why it refused a call. Sorted by blame.
///
/// Errors from `step` are sticky: the machine returns the same one again. A [`Misuse`](Self::Misuse) that a command
/// returns changes nothing and writes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The peer sent bytes that are no pkt-line.
    #[error(transparent)]
    Framing(#[from] PktLineError),
    /// The peer sent a packet that fits into no side-band.
    #[error(transparent)]
    Sideband(#[from] SidebandError),
    /// The peer sent a line that has no meaning here.
    #[error("{at}: {violation}")]
    Violation {
        /// Where the line starts.
        at: Position,
        /// What is wrong with it.
        violation: Violation,
    },
    /// The peer says that it cannot go on. It closes after this; show its words once, escaped.
    #[error("the peer reports: {}", message.escape_ascii())]
    Remote {
        /// The way the words came.
        channel: RemoteChannel,
        /// The peer's words as they came, without the LF that may end them.
        message: Bytes,
    },
    /// The peer sent more than [`Limits`](crate::Limits) allows.
    #[error("{at}: more than {max} {what}")]
    Limit {
        /// The field of [`Limits`](crate::Limits) in words.
        what: &'static str,
        /// The most that is accepted.
        max: u64,
        /// Where the first line that is too much starts.
        at: Position,
    },
    /// The application called a command or answer that the state does not allow, or with values that cannot be sent.
    #[error("misuse: {0}")]
    Misuse(Misuse),
    /// A branch that cannot happen. Please report it.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl ProtocolError {
    /// What the peer may be told, without the `ERR ` in front: its own mistake, nothing of our side.
    #[must_use]
    pub fn reply(&self) -> Cow<'static, str> {
        match self {
            Self::Framing(error) => framing_reply(error),
            Self::Sideband(error) => Cow::Borrowed(error.reply()),
            Self::Violation { violation, .. } => violation.reply(),
            Self::Limit { what, max, .. } => Cow::Owned(format!("more than {max} {what}")),
            Self::Remote { .. } | Self::Misuse(_) | Self::Internal(_) => Cow::Borrowed("internal error"),
        }
    }

    /// Where in the peer's stream the line starts that brought this about.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Framing(error) => error.position(),
            Self::Sideband(error) => error.position(),
            Self::Violation { at, .. } | Self::Limit { at, .. } => Some(*at),
            Self::Remote { .. } | Self::Misuse(_) | Self::Internal(_) => None,
        }
    }
}

/// The way in which a peer reports that it cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteChannel {
    /// A line that starts with `ERR ` (`gitprotocol-pack`).
    ErrorLine,
    /// Band 3 of the side-band.
    Band,
}

/// What is wrong with a line of the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A line that is no argument of this command of version 2, or of one that is switched off.
    #[error("expected an argument of {command}, got '{line}'")]
    Argument {
        /// The command.
        command: &'static str,
        /// The line.
        line: Excerpt,
    },
    /// Another line, or another packet, is due here.
    #[error("expected {expected}, got {actual}")]
    Unexpected {
        /// What is due, in words.
        expected: &'static str,
        /// What came.
        actual: Actual,
    },
    /// An object id is none.
    #[error("{reason} in '{line}'")]
    ObjectId {
        /// Why.
        reason: ObjectIdError,
        /// The line.
        line: Excerpt,
    },
    /// A number is none, or lies outside of what it may be.
    #[error("invalid {what}: {text}")]
    Number {
        /// What the number stands for, as in the line.
        what: &'static str,
        /// The digits.
        text: Excerpt,
    },
    /// A field is empty or holds a byte that it must not hold.
    #[error("malformed {what}: '{text}'")]
    Malformed {
        /// The field, in words.
        what: &'static str,
        /// Its bytes.
        text: Excerpt,
    },
    /// What may come once comes again.
    #[error("{what} '{text}' comes twice")]
    Repeated {
        /// The field, in words.
        what: &'static str,
        /// Its bytes.
        text: Excerpt,
    },
    /// Arguments that exclude each other.
    #[error("{0} cannot be used together")]
    Conflict(&'static str),
    /// A line needs a capability that was not offered, or that the peer did not ask for.
    #[error("{0} was not negotiated")]
    NotNegotiated(&'static str),
    /// Capabilities that make no sense, or that do not go together with ours.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// Something other than a flush packet stands behind the arguments of this command of version 2. In git's words.
    #[error("expected flush after {0} arguments")]
    AfterArguments(&'static str),
    /// A request of version 2 that has capabilities and no command.
    #[error("no command requested")]
    NoCommand,
    /// The server acknowledges more than it was told of.
    #[error("more acknowledgments than haves")]
    Acknowledgments,
}

impl Violation {
    pub(crate) fn at(self, at: Position) -> ProtocolError {
        match self {
            Self::Capability(CapabilityError::TooMany { max }) => {
                ProtocolError::Limit { what: "capabilities", max: max as u64, at }
            }
            Self::Capability(CapabilityError::TooLong { max }) => {
                ProtocolError::Limit { what: "bytes of capabilities", max: max as u64, at }
            }
            violation => ProtocolError::Violation { at, violation },
        }
    }

    pub(crate) fn line(expected: &'static str, line: &[u8]) -> Self {
        Self::Unexpected { expected, actual: Actual::Line(Excerpt::new(line)) }
    }

    pub(crate) fn argument(command: &'static str, line: &[u8]) -> Self {
        Self::Argument { command, line: Excerpt::new(line) }
    }

    pub(crate) fn object_id(reason: ObjectIdError, line: &[u8]) -> Self {
        Self::ObjectId { reason, line: Excerpt::new(line) }
    }

    pub(crate) fn repeated(what: &'static str, text: &[u8]) -> Self {
        Self::Repeated { what, text: Excerpt::new(text) }
    }

    pub(crate) fn malformed(what: &'static str, text: &[u8]) -> Self {
        Self::Malformed { what, text: Excerpt::new(text) }
    }

    /// What the peer may be told, in git's words where git has some.
    fn reply(&self) -> Cow<'static, str> {
        Cow::Owned(match self {
            Self::Capability(error) => capability_reply(error),
            Self::Argument { command: "bundle-uri", line } => {
                format!("bundle-uri: unexpected argument: '{line}'")
            }
            Self::Argument { command: "object-info", line } => {
                format!("object-info: unexpected line: '{line}'")
            }
            Self::Argument { line, .. } => format!("unexpected line: '{line}'"),
            Self::AfterArguments(command @ ("bundle-uri" | "object-info")) => {
                format!("{command}: expected flush after arguments")
            }
            Self::NotNegotiated("filter") => "git upload-pack: filtering capability not negotiated".into(),
            Self::Unexpected { expected: UPLOAD_REQUEST, actual: Actual::Line(line) } => {
                format!("git upload-pack: protocol error, expected to get oid, not '{line}'")
            }
            Self::Unexpected { expected: UPLOAD_HAVES, actual: Actual::Line(line) } => {
                format!("git upload-pack: expected SHA1 list, got '{line}'")
            }
            Self::Unexpected { actual: Actual::End, .. } => "the remote end hung up unexpectedly".into(),
            Self::Number { what, text } => format!("Invalid {what}: {what} {text}"),
            Self::Malformed { what: "filter", text } => format!("invalid filter-spec '{text}'"),
            Self::Malformed { what: "want-ref", text } => format!("unknown ref {text}"),
            Self::Malformed { what: what @ "deepen-not", text } => {
                format!("git upload-pack: {what} is not a ref: {what} {text}")
            }
            Self::Repeated { what: "filter", .. } => "multiple filter-specs cannot be combined".into(),
            Self::Repeated { what, text } => format!("duplicate {what} {text}"),
            Self::Conflict(what) => format!("git upload-pack: {what} cannot be used together"),
            Self::ObjectId { line, .. } => {
                object_id_reply(line.as_bytes()).unwrap_or_else(|| format!("{self}"))
            }
            other => format!("{other}"),
        })
    }
}

/// What git says to bytes that are no pkt-line, with the bytes.
fn framing_reply(error: &PktLineError) -> Cow<'static, str> {
    let reply = error.reply();
    match error {
        PktLineError::NotHex { digits, .. } => Cow::Owned(format!("{reply}: {}", digits.escape_ascii())),
        PktLineError::BadLength { length, .. } | PktLineError::TooLong { length, .. } => {
            Cow::Owned(format!("{reply} {length}"))
        }
        _ => Cow::Borrowed(reply),
    }
}

/// What git says to an object id that is none, by the line in which it stands.
fn object_id_reply(line: &[u8]) -> Option<String> {
    let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let id = line.get(word.len().saturating_add(1)..).unwrap_or_default().escape_ascii();
    let line = line.escape_ascii();
    Some(match word {
        b"want" => format!("git upload-pack: protocol error, expected to get oid, not '{line}'"),
        b"have" => format!("git upload-pack: expected SHA1 object, got '{id}'"),
        b"shallow" => format!("invalid shallow line: {line}"),
        b"oid" => format!("object-info: protocol error, expected to get oid, not '{id}'"),
        _ => return None,
    })
}

/// What git says to capabilities of version 2 that it does not take.
fn capability_reply(error: &CapabilityError) -> String {
    match error {
        CapabilityError::NotOffered(line) => format!("unknown capability '{line}'"),
        CapabilityError::EmptyKey { .. } => "unknown capability ''".into(),
        CapabilityError::UnknownCommand(command) => format!("invalid command '{command}'"),
        CapabilityError::SecondCommand { first, second } => {
            format!("command '{second}' requested after already requesting command '{first}'")
        }
        CapabilityError::UnknownObjectFormat(name) => format!("unknown object format '{name}'"),
        CapabilityError::NoObjectFormat => "object-format capability requires an argument".into(),
        CapabilityError::ObjectFormat { ours, theirs } => {
            format!("mismatched object format: server {ours}; client {theirs}")
        }
        other => format!("{other}"),
    }
}

/// What is due while a request of versions 0 and 1 is read, and after it.
pub(crate) const UPLOAD_REQUEST: &str = "a line of an upload-request";
pub(crate) const UPLOAD_HAVES: &str = "have or done";

/// What came where something else was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actual {
    /// A line.
    Line(Excerpt),
    /// A line without data, `0004`.
    EmptyLine,
    /// A flush packet.
    Flush,
    /// A delimiter packet.
    Delimiter,
    /// The end of the stream.
    End,
}

impl fmt::Display for Actual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "'{line}'"),
            Self::EmptyLine => f.write_str("an empty line"),
            Self::Flush => f.write_str("a flush packet"),
            Self::Delimiter => f.write_str("a delimiter packet"),
            Self::End => f.write_str("the end of the stream"),
        }
    }
}

/// The front of a peer's line, for a message. Escaped when it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Bytes);

impl Excerpt {
    /// The most bytes of a line that are kept. An object id of either format and a ref name of usual length fit.
    pub const MAX: usize = 128;

    /// The front of `line`.
    #[must_use]
    pub fn new(line: &[u8]) -> Self {
        let line = gitwire_pktline::text(line);
        Self(Bytes::copy_from_slice(line.get(..Self::MAX).unwrap_or(line)))
    }

    /// The bytes kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.escape_ascii(), f)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// How the application called a machine wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The state does not allow this call. `awaiting` of the machine says what is due.
    #[error("{0} is out of turn")]
    OutOfTurn(&'static str),
    /// The peer did not offer what the call needs.
    #[error("the peer does not offer {0}")]
    NotOffered(&'static str),
    /// The call's values exclude each other, or lack something.
    #[error("{0}")]
    Invalid(&'static str),
    /// A value cannot be sent: it holds NUL, LF or nothing, or does not fit into a line.
    #[error("{0} cannot be sent")]
    Unsendable(&'static str),
    /// As many answers are due as questions were asked.
    #[error("{given} answers to {asked} questions")]
    Answers {
        /// How many were given.
        given: usize,
        /// How many are due.
        asked: usize,
    },
}

impl From<Misuse> for ProtocolError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}
