//! The versions of the protocol, and how a client asks for one.

use core::fmt;

/// The version of a conversation (`gitprotocol-pack`, `gitprotocol-v2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Version {
    /// The first one: the server starts with all its refs and has no word for its version.
    #[default]
    V0,
    /// As version 0, after a line `version 1`.
    V1,
    /// Commands: the server starts with its capabilities, refs are asked for.
    V2,
}

impl Version {
    /// The version that a client asks for in `GIT_PROTOCOL`, in the header `Git-Protocol` or in the extra parameters of a
    /// git:// request: a list with colons, of which the highest known `version=` counts. Everything else is ignored.
    ///
    /// ```
    /// use gitwire_protocol::Version;
    ///
    /// assert_eq!(Version::asked(b"version=2"), Version::V2);
    /// assert_eq!(Version::asked(b"version=1:side=left:version=2"), Version::V2);
    /// assert_eq!(Version::asked(b"version=9"), Version::V0);
    /// ```
    #[must_use]
    pub fn asked(parameters: &[u8]) -> Self {
        parameters
            .split(|byte| *byte == b':')
            .filter_map(|parameter| Self::from_number(parameter.strip_prefix(b"version=")?))
            .max()
            .unwrap_or_default()
    }

    /// The version that a digit names.
    #[must_use]
    pub const fn from_number(number: &[u8]) -> Option<Self> {
        match number {
            b"0" => Some(Self::V0),
            b"1" => Some(Self::V1),
            b"2" => Some(Self::V2),
            _ => None,
        }
    }

    /// The parameter that asks for it, `version=N`; nothing asks for version 0.
    #[must_use]
    pub const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::V0 => None,
            Self::V1 => Some("version=1"),
            Self::V2 => Some("version=2"),
        }
    }

    /// The line that a server starts with; version 0 has none.
    #[must_use]
    pub(crate) const fn line(self) -> Option<&'static [u8]> {
        match self {
            Self::V0 => None,
            Self::V1 => Some(b"version 1"),
            Self::V2 => Some(b"version 2"),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0 => "0",
            Self::V1 => "1",
            Self::V2 => "2",
        })
    }
}

/// Whether the two ends share one lasting stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// One stream each way for the whole conversation: git://, ssh, pipes, WebSocket.
    #[default]
    Duplex,
    /// A conversation of requests, each of which brings everything that the server must know: smart HTTP, `--stateless-rpc`.
    Stateless,
}
