//! Where a repository is and how it is reached.

use bytes::Bytes;
use gitwire_protocol::message::Service;
use gitwire_protocol::{FetchClient, FetchClientOptions, Mode, Version};
use gitwire_transport::blocking::{Connection, open};
use gitwire_transport::{ConnectOptions, Deadlines, TransportError, Url};

use crate::ClientError;

/// Where a repository is and how it is reached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Remote {
    /// The URL as it was given; what a clone writes into its configuration.
    pub name: Bytes,
    /// The URL.
    pub url: Url,
    /// The version of the protocol to ask for. 2, as git does; a server that does not know it answers in an older one.
    pub version: Version,
    /// How the connection is opened. [`ConnectOptions::parameters`] is set by the version.
    pub connect: ConnectOptions,
    /// How the machine speaks. [`FetchClientOptions::mode`] is set by the URL.
    pub client: FetchClientOptions,
    /// Options for the server, sent with each request of version 2; a server that takes none is not asked.
    pub server_options: Vec<Bytes>,
    /// What a server of files may make us read and hold.
    #[cfg(feature = "http")]
    pub dumb: crate::DumbLimits,
    /// Whether a server of files is followed to the repositories that it borrows from, on the same server.
    #[cfg(feature = "http")]
    pub alternates: bool,
    /// How long the server may take.
    pub deadlines: Deadlines,
}

impl Remote {
    /// A remote that a person named: all kinds of URL are allowed.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn parse(url: &[u8]) -> Result<Self, ClientError> {
        Ok(Self {
            name: Bytes::copy_from_slice(url),
            url: Url::parse(url)?,
            version: Version::V2,
            connect: ConnectOptions::user(),
            client: FetchClientOptions::default(),
            server_options: Vec::new(),
            #[cfg(feature = "http")]
            dumb: crate::DumbLimits::default(),
            #[cfg(feature = "http")]
            alternates: true,
            deadlines: Deadlines::client(),
        })
    }

    /// How a machine has to speak with it: the URL says whether there will be one lasting stream.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.url.mode()
    }

    /// A machine that fetches from it.
    pub(crate) fn fetch_client(&self) -> FetchClient {
        let mut options = self.client.clone();
        options.mode = self.mode();
        FetchClient::new(options)
    }

    /// Opens a connection to a service of it.
    pub(crate) fn open(&self, service: Service) -> Result<Connection, TransportError> {
        let mut options = self.connect.clone();
        options.parameters = self.version.parameter().map(str::to_owned);
        open(&self.url, service, &options)
    }
}
