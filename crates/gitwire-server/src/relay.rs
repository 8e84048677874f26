//! Passing a client on to another server, and looking at what it pushes: gates and proxies.

mod fetch;
mod push;

use std::borrow::Cow;
use std::error::Error;

use bytes::Bytes;
use gitwire_protocol::{ProtocolError, PushRequest};
use gitwire_transport::blocking::{Driver, Streams};
use gitwire_transport::{Deadlines, DriveError};

/// A client joined to another server: a server machine asks a client machine what it is asked, and answers what that one hears.
///
/// Versions 0, 1 and 2, one stream on either side, which a conversation needs that is not cut into requests. A pack streams through:
/// what is held of it does not grow with it. What cannot be passed on is not offered: see
/// [`UploadPackOptions::relaying`](gitwire_protocol::UploadPackOptions::relaying). `examples/gate` is a whole program.
///
/// ```no_run
/// use gitwire_protocol::message::Service;
/// use gitwire_server::Relay;
/// use gitwire_transport::blocking::{Streams, connect};
/// use gitwire_transport::{ConnectOptions, Url};
///
/// // In the place of git-upload-pack: what a client fetches here comes from there.
/// let url = Url::parse(b"git://upstream.example.org/project.git")?;
/// let upstream = connect(&url, Service::UploadPack, &ConnectOptions::user())?;
/// Relay::new(Streams::stdio()?, upstream).fetch()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Relay {
    /// The client.
    pub client: Streams,
    /// The other server, which has been asked for the same service in the version that the client has asked for.
    pub upstream: Streams,
    /// How long the client may take.
    pub client_deadlines: Deadlines,
    /// How long the other server may take.
    pub upstream_deadlines: Deadlines,
}

impl Relay {
    /// Joins a client and a server, with the usual deadlines for each.
    #[must_use]
    pub fn new(client: Streams, upstream: Streams) -> Self {
        Self {
            client,
            upstream,
            client_deadlines: Deadlines::server(),
            upstream_deadlines: Deadlines::client(),
        }
    }

    /// Passes on a fetch, a clone or a list of refs, to its end.
    ///
    /// # Errors
    /// Which side has broken off, and why. The client has been told as much as it may know: what the other server said.
    pub fn fetch(self) -> Result<(), RelayError> {
        fetch::serve(self)
    }

    /// Passes on a push, if `gate` lets it through. What it says no to changes nothing there: the other server has all of the pack by
    /// then but its last bytes, and drops what has no end.
    ///
    /// Clients are asked for packs that are whole in themselves (`no-thin`), so that a gate can look into all that comes.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch). A push that the gate or the other server refuses is none.
    pub fn push(self, gate: &mut dyn PushGate) -> Result<(), RelayError> {
        push::serve(self, gate)
    }
}

/// Looks at a push while it passes. What it says no with is the reason that the pusher sees at each ref: one short line.
pub trait PushGate {
    /// What is asked for, before the other server hears of it.
    ///
    /// # Errors
    /// Why it shall not be.
    fn request(&mut self, request: &PushRequest) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// The next bytes of the pack, cut anywhere. Says whether the pack is whole with them: nobody else knows.
    ///
    /// # Errors
    /// Why it shall not be.
    fn pack(&mut self, piece: &[u8]) -> Result<bool, Box<dyn Error + Send + Sync>>;

    /// The pack is whole; the other server has it but for its last bytes.
    ///
    /// # Errors
    /// Why it shall not be.
    fn verdict(&mut self) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Which side of a [`Relay`] has broken off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The client.
    #[error("client: {0}")]
    Client(#[source] DriveError<ProtocolError>),
    /// The other server.
    #[error("upstream: {0}")]
    Upstream(#[source] DriveError<ProtocolError>),
    /// The other server has ended the conversation too early.
    #[error("upstream: the conversation has ended before {0}")]
    Ended(&'static str),
}

impl RelayError {
    fn client(error: impl Into<Driven>) -> Self {
        Self::Client(error.into().0)
    }

    fn upstream(error: impl Into<Driven>) -> Self {
        Self::Upstream(error.into().0)
    }

    /// What the client may be told: its own mistakes, and what the other server said to it.
    fn reply(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Client(DriveError::Machine(error)) => match error.reply() {
                Cow::Borrowed(words) => Cow::Borrowed(words.as_bytes()),
                Cow::Owned(words) => Cow::Owned(words.into_bytes()),
            },
            Self::Upstream(DriveError::Machine(ProtocolError::Remote { message, .. })) => {
                Cow::Borrowed(message)
            }
            Self::Upstream(_) | Self::Ended(_) => Cow::Borrowed(b"the server behind this one has failed"),
            Self::Client(_) => Cow::Borrowed(b"internal error"),
        }
    }
}

/// What a driver or its machine says.
struct Driven(DriveError<ProtocolError>);

impl From<DriveError<ProtocolError>> for Driven {
    fn from(error: DriveError<ProtocolError>) -> Self {
        Self(error)
    }
}

impl From<ProtocolError> for Driven {
    fn from(error: ProtocolError) -> Self {
        Self(DriveError::Machine(error))
    }
}

/// Ends both conversations; the client hears why, if they have not come to their end.
fn end<N, F>(mut near: Driver<N>, far: Driver<F>, passed: Result<(), RelayError>) -> Result<(), RelayError>
where
    N: gitwire_protocol::Machine<Error = ProtocolError>,
    F: gitwire_protocol::Machine<Error = ProtocolError>,
{
    if let Err(error) = &passed {
        near.abort(&error.reply());
    }
    far.close();
    near.close();
    passed
}

/// Fills a frame from the front of a piece.
fn fill(room: &mut [u8], piece: &mut Bytes) -> usize {
    let len = room.len().min(piece.len());
    if let Some(room) = room.get_mut(..len) {
        room.copy_from_slice(&piece.split_to(len));
    }
    len
}
