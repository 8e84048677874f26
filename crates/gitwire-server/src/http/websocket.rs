//! The WebSocket door: `GET /REPO/git-upload-pack` and `GET /REPO/git-receive-pack` that ask for an upgrade (RFC 6455).
//!
//! Who asks and what they may do is decided before the upgrade, as for every other request; what follows is the duplex conversation that
//! git:// and ssh carry.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_protocol::Serving;
use gitwire_protocol::message::Service;
use gitwire_transport::Deadlines;
use gitwire_transport::websocket::{Side, WebSocket, accept_key};
use http::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::answer::{Answer, internal, refusal};
use super::body::HttpBody;
use super::smart::{Opened, version};
use super::{Asked, Inner};
use crate::{Conversation, Door, ServeError};

/// A request that was asked well, before it is known whether it is granted.
pub(super) struct Handshake {
    upgrade: OnUpgrade,
    accept: HeaderValue,
    tether: Option<Tether>,
}

impl Handshake {
    /// Whether a request asks for a WebSocket.
    pub(super) fn is_asked(headers: &HeaderMap) -> bool {
        has_token(headers, UPGRADE, "websocket")
    }

    /// Reads what the client says (RFC 6455, section 4.2.1).
    pub(super) fn read(parts: &mut Parts) -> Result<Self, Box<Answer>> {
        let bad = |text| Box::new(refusal(StatusCode::BAD_REQUEST, text));
        let headers = &parts.headers;
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
            let mut answer = refusal(StatusCode::UPGRADE_REQUIRED, "only version 13 of WebSocket is spoken");
            answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return Err(Box::new(answer));
        }
        if parts.version != Version::HTTP_11 || !has_token(headers, CONNECTION, "upgrade") {
            return Err(bad("the connection is not to be upgraded"));
        }
        if is_foreign(headers) {
            return Err(Box::new(refusal(StatusCode::FORBIDDEN, "a page of another site may not connect")));
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes()));
        let accept = key.map(|key| HeaderValue::from_str(&accept_key(key.as_bytes())));
        let Some(Ok(accept)) = accept else { return Err(bad("no good Sec-WebSocket-Key")) };
        let tether = parts.extensions.remove();
        let upgrade = parts.extensions.remove().ok_or_else(|| bad("this connection cannot be upgraded"))?;
        Ok(Self { upgrade, accept, tether })
    }
}

impl Inner {
    /// Grants the upgrade, if the repository may be used, and serves beside the connection from then on.
    pub(super) async fn tunnel(&self, service: Service, asked: Asked, handshake: Handshake) -> Answer {
        let (version, pusher) = (version(&asked.headers), asked.pusher());
        let opened = match self.open(service, asked, Door::Stream).await {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let answer = http::Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_ACCEPT, &handshake.accept)
            .body(HttpBody::empty());
        let Ok(answer) = answer else { return internal() };
        match opened {
            Opened::Upload(uploading) => {
                let deadlines = uploading.policy.deadlines.clone();
                self.carry(uploading.session(version, Serving::Duplex), deadlines, handshake);
            }
            Opened::Receive(receiving) => {
                let deadlines = receiving.policy.deadlines.clone();
                self.carry(receiving.session(pusher, version, Serving::Duplex), deadlines, handshake);
            }
        }
        answer
    }

    fn carry<C: Conversation>(
        &self,
        conversation: (C, C::Machine),
        deadlines: Deadlines,
        handshake: Handshake,
    ) {
        let (jobs, limits) = (Arc::clone(&self.jobs), self.options.websocket.clone());
        let Handshake { upgrade, tether, .. } = handshake;
        let serve = async move {
            let upgraded: Upgraded = upgrade.await.map_err(Stopped::Upgrade)?;
            let socket = WebSocket::new(TokioIo::new(upgraded), Side::Server, limits).await;
            let served = jobs.serve(conversation, deadlines, socket, BytesMut::new()).await;
            served.map_err(Stopped::Serve)
        };
        let tethered = async move {
            let served = match tether {
                Some(tether) => tokio::select! {
                    served = serve => served,
                    () = tether.cut() => Err(Stopped::Cut),
                },
                None => serve.await,
            };
            if let Err(error) = served {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, source, "not served over WebSocket");
            }
        };
        tokio::spawn(tethered.in_current_span());
    }
}

/// Why a conversation over a WebSocket did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the connection was not upgraded")]
    Upgrade(#[source] hyper::Error),
    #[error(transparent)]
    Serve(ServeError),
    #[error("the server stops")]
    Cut,
}

/// What ties a conversation to the connection below it once HTTP has let go of that: the connection counts until the conversation has
/// ended, and a server that stops ends it.
#[derive(Debug, Clone)]
pub(super) struct Tether(mpsc::Sender<Infallible>);

/// The connection's end of [`Tether`]s.
pub(super) struct Tethered(mpsc::Receiver<Infallible>);

impl Tether {
    pub(super) fn new() -> (Self, Tethered) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), Tethered(receiver))
    }

    /// Until the other end is let go.
    async fn cut(&self) {
        self.0.closed().await;
    }
}

impl Tethered {
    /// Until no tether is left.
    pub(super) async fn loose(mut self) {
        // Nothing is ever sent.
        let _ = self.0.recv().await;
    }
}

/// Whether one of the words of a header is this one.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}

/// Whether a browser says that the page which asks is another site's: it would use what its visitor may do here.
fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let site = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, site)| site);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    !site.zip(host).is_some_and(|(site, host)| site.eq_ignore_ascii_case(host))
}

/// Sixteen bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let Some((digits, b"==")) = key.split_at_checked(22) else { return false };
    digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}
