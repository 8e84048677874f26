//! The three services, and the preface that smart HTTP puts before an advertisement.

use core::fmt;

use bytes::BytesMut;
use gitwire_pktline::PktLineError;

use super::line_of;
use crate::Violation;
use crate::wire::text_line;

/// What a client may ask a server to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Sends objects: clone, fetch, ls-remote.
    UploadPack,
    /// Takes objects: push.
    ReceivePack,
    /// Sends an archive of one tree.
    UploadArchive,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::UploadPack, Self::ReceivePack, Self::UploadArchive];

    /// The name by which it is asked for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
            Self::UploadArchive => "git-upload-archive",
        }
    }

    /// The service that `name` names.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name().as_bytes() == name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The first line of an `info/refs` answer of versions 0 and 1: `# service=NAME` (`gitprotocol-http`). A flush packet
/// follows. Version 2 has neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServicePreface(pub Service);

impl ServicePreface {
    /// Whether a line looks like a preface.
    #[must_use]
    pub fn is_preface(data: &[u8]) -> bool {
        data.starts_with(b"# service=")
    }

    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for another line, or a service that is not known.
    pub fn parse(data: &[u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        line.strip_prefix(b"# service=")
            .and_then(Service::from_name)
            .map(Self)
            .ok_or_else(|| Violation::line("# service=", line))
    }

    /// Appends the whole line. The flush packet is a packet of its own.
    ///
    /// # Errors
    /// None that can happen: the longest line is short.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        text_line(&[self.line().as_bytes()], out)
    }

    pub(crate) const fn line(self) -> &'static str {
        match self.0 {
            Service::UploadPack => "# service=git-upload-pack",
            Service::ReceivePack => "# service=git-receive-pack",
            Service::UploadArchive => "# service=git-upload-archive",
        }
    }
}
