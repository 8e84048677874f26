//! What an HTTP server does for all clients together.

use std::sync::Arc;
use std::time::Duration;

use crate::Meter;
use gitwire_transport::websocket::WebSocketLimits;

/// What an HTTP server does for all clients together: the first group of fields is for [`serve`](super::serve) and
/// [`serve_over`](super::serve_over), the others are for
/// [`HttpService::with_options`](super::HttpService::with_options).
///
/// How long a client may take within a conversation, and what a push may bring, say [`Policy`](crate::Policy) and
/// [`ReceivePolicy`](crate::ReceivePolicy).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Connections at once; more wait until others have ended. 512: a few file descriptors and tasks each.
    pub connections_max: usize,
    /// Connections of one address (of version 6: one network of 64 bits) at once; more are closed. 256: half of all, so that no
    /// address takes the door alone. A proxy in front is one address.
    pub connections_per_address_max: usize,
    /// How long the head of a request may take, what comes before it (TLS), and the wait for the next one on a connection. 10 s: two round trips around the
    /// world and some patience.
    pub head_timeout: Duration,
    /// The largest head of a request that is waited for, in bytes; never less than 8 KiB. One that comes faster than it is looked at may
    /// be up to twice as long. 32 KiB: git's are of some hundred, credentials and cookies included.
    pub head_bytes_max: usize,
    /// Lines in the head of a request. 100: git sends ten, browsers and proxies twenty more.
    pub headers_max: usize,
    /// Bytes that a client must take in each [`write_window`](Self::write_window) in which an answer waits for it and it takes any;
    /// for two windows it may take none. 30 KiB: 1 KiB/s, as
    /// [`Deadlines::server`](gitwire_transport::Deadlines::server) asks.
    pub write_bytes_min: u64,
    /// The time over which that is averaged. 30 s.
    pub write_window: Duration,
    /// How long transfers may go on after a shutdown was asked for.
    pub grace: Duration,
    /// Where it is counted what happens.
    pub meter: Arc<Meter>,

    /// Whether clients that walk over files are served as well (dumb HTTP, `http.getanyfile`). They get every object whose id they know,
    /// and whole packs: what hidden refs lead to is not kept from them. On, as in git.
    pub files: bool,
    /// The largest request of a fetch, inflated, in bytes. 256 MiB: the most wants, haves and boundaries that
    /// [`Limits`](gitwire_protocol::Limits) lets pass are 180 MB. They pass through in blocks.
    pub request_bytes_max: u64,
    /// What a client may make us hold in a WebSocket.
    pub websocket: WebSocketLimits,

    /// What clients are told that they sign in to (RFC 7617, `realm`).
    pub realm: String,
    /// Credentials of one address that are looked at at once; those that turn out wrong keep their place for
    /// [`wrong_delay`](Self::wrong_delay). 4: a person with a few programs, and no more than four guesses a second.
    pub attempts_max: usize,
    /// Credentials of one address that wait for a place; more are refused at once with the status 429. 64: a whole office starts work.
    pub attempts_waiting_max: usize,
    /// Credentials that are looked at at once for everybody. 8: a good password hash takes a processor and some 20 MiB.
    pub attempts_at_once_max: usize,
    /// How long the answer to wrong credentials takes, at least. 1 s.
    pub wrong_delay: Duration,
    /// How long credentials that were right are taken for right without looking again; zero for not at all. 60 s: a clone is a few
    /// requests, and whoever loses a right loses it within a minute.
    pub verified_for: Duration,
    /// Credentials that are remembered so. 4,096, at 100 bytes each; no password is kept, only a keyed hash.
    pub verified_max: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connections_max: 512,
            connections_per_address_max: 256,
            head_timeout: Duration::from_secs(10),
            head_bytes_max: 32 << 10,
            headers_max: 100,
            write_bytes_min: 30 << 10,
            write_window: Duration::from_secs(30),
            grace: Duration::from_secs(30),
            meter: Arc::default(),
            files: true,
            request_bytes_max: 256 << 20,
            websocket: WebSocketLimits::default(),
            realm: "Git".to_owned(),
            attempts_max: 4,
            attempts_waiting_max: 64,
            attempts_at_once_max: 8,
            wrong_delay: Duration::from_secs(1),
            verified_for: Duration::from_secs(60),
            verified_max: 4096,
        }
    }
}
