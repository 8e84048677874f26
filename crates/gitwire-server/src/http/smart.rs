//! Smart HTTP: advertisements, and requests that a machine answers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_compression::tokio::bufread::GzipDecoder;
use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{Service, ServicePreface};
use gitwire_protocol::{Serving, Version};
use gitwire_transport::{Deadlines, TransportError};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, duplex, empty, join,
};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::answer::{Answer, answer, internal, not_opened, refusal};
use super::body::{BodyReader, Bounded, HttpBody};
use super::{Asked, Inner};
use crate::{Conversation, Door, OpenError, Pusher, Receiving, ServeError, Uploading};

/// A repository, to do there what the client wants to do.
pub(super) enum Opened {
    Upload(Uploading),
    Receive(Receiving),
}

/// One conversation, before it starts.
struct Start {
    opened: Opened,
    pusher: Pusher,
    version: Version,
    serving: Serving,
    preface: BytesMut,
}

impl Inner {
    /// `GET /REPO/info/refs?service=…`: the advertisement.
    pub(super) async fn advertisement(&self, service: Service, asked: Asked) -> Answer {
        let (version, pusher) = (version(&asked.headers), asked.pusher());
        let opened = match self.open(service, asked, Door::Http).await {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let mut preface = BytesMut::new();
        // There is no push of version 2: who asks for it gets version 0.
        if version != Version::V2 || service == Service::ReceivePack {
            if ServicePreface(service).write(&mut preface).is_err() {
                return internal();
            }
            preface.extend_from_slice(b"0000");
        }
        let start = Start { opened, pusher, version, serving: Serving::Advertisement, preface };
        match self.converse(start, Box::pin(empty())).await {
            Ok(body) => answer(&format!("application/x-{service}-advertisement"), body),
            Err(refused) => refused,
        }
    }

    /// `POST /REPO/git-upload-pack` and `git-receive-pack`: one request and its answer.
    pub(super) async fn service<B>(&self, service: Service, asked: Asked, body: &mut Option<B>) -> Answer
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (version, pusher) = (version(&asked.headers), asked.pusher());
        let (headers, announced) = (asked.headers.clone(), announced(&asked.headers));
        // Who may not even ask is told that, and not how it is done.
        let opened = match self.open(service, asked, Door::Http).await {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let expected = format!("application/x-{service}-request");
        if headers.get(CONTENT_TYPE).is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
            return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type");
        }
        let encoding = headers.get(CONTENT_ENCODING);
        let known = [&b"gzip"[..], b"x-gzip", b"identity"];
        if encoding.is_some_and(|encoding| !known.contains(&encoding.as_bytes())) {
            return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported encoding");
        }
        let bytes_max = match &opened {
            Opened::Upload(_) => self.options.request_bytes_max,
            Opened::Receive(receiving) => push_bytes_max(receiving),
        };
        if announced.is_some_and(|announced| announced > bytes_max) {
            return too_large();
        }
        let Some(body) = body.take().map(BodyReader::new) else { return internal() };
        let body: Pin<Box<dyn AsyncRead + Send>> = match encoding.map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Box::pin(body),
            Some(_) => Box::pin(GzipDecoder::new(BufReader::new(body))),
        };
        let heard = Arc::new(AtomicBool::new(false));
        let body = Box::pin(Bounded::new(body, bytes_max, Arc::clone(&heard)));
        let start = Start { opened, pusher, version, serving: Serving::Stateless, preface: BytesMut::new() };
        match self.converse(start, body).await {
            // A client that has nothing to say says so, in four bytes.
            Ok(body) if body.is_end_stream() && !heard.load(Ordering::Relaxed) => {
                refusal(StatusCode::BAD_REQUEST, "the request is empty")
            }
            Ok(body) => answer(&format!("application/x-{service}-result"), body),
            Err(refused) => refused,
        }
    }

    pub(super) async fn open(&self, service: Service, asked: Asked, door: Door) -> Result<Opened, Answer> {
        let policy = Arc::clone(&self.policy);
        let opened = self.find(asked, service, door, move |repositories, request| match service {
            Service::UploadPack => repositories.open_to_upload(request, &policy).map(Opened::Upload),
            Service::ReceivePack => repositories.open_to_receive(request).map(Opened::Receive),
            Service::UploadArchive => Err(OpenError::NotEnabled),
        });
        opened.await.map_err(|error| not_opened(&error, &self.options.realm))
    }

    /// Runs a conversation beside the connection; its output is the answer's body, whose pace is the client's. The status waits for the
    /// first of it: a request that cannot be heard to its end is refused as long as nothing has been said.
    async fn converse(
        &self,
        start: Start,
        input: Pin<Box<dyn AsyncRead + Send>>,
    ) -> Result<HttpBody, Answer> {
        let Start { opened, pusher, version, serving, preface } = start;
        let (ours, mut theirs) = duplex(PIPE);
        let serving = match opened {
            Opened::Upload(uploading) => {
                let deadlines = uploading.policy.deadlines.clone();
                let conversation = uploading.session(version, serving);
                self.spawn(conversation, deadlines, input, ours, preface)
            }
            Opened::Receive(receiving) => {
                let deadlines = receiving.policy.deadlines.clone();
                let conversation = receiving.session(pusher, version, serving);
                self.spawn(conversation, deadlines, input, ours, preface)
            }
        };
        let mut first = BytesMut::with_capacity(FIRST);
        if theirs.read_buf(&mut first).await.is_ok_and(|read| read > 0) {
            return Ok(HttpBody::stream(first.freeze(), theirs));
        }
        match serving.await {
            Ok(Ok(())) => Ok(HttpBody::empty()),
            Ok(Err(error)) => Err(unheard(&error)),
            Err(_) => Err(internal()),
        }
    }

    fn spawn<C: Conversation>(
        &self,
        conversation: (C, C::Machine),
        deadlines: Deadlines,
        input: Pin<Box<dyn AsyncRead + Send>>,
        mut output: DuplexStream,
        preface: BytesMut,
    ) -> JoinHandle<Result<(), ServeError>> {
        let jobs = Arc::clone(&self.jobs);
        let serve = async move {
            output.write_all(&preface).await.map_err(TransportError::Write)?;
            let served = jobs.serve(conversation, deadlines, join(input, output), BytesMut::new()).await;
            if let Err(error) = &served {
                let source = std::error::Error::source(error).map(ToString::to_string);
                tracing::warn!(%error, source, "not served");
            }
            served
        };
        tokio::spawn(serve.in_current_span())
    }
}

pub(super) fn version(headers: &HeaderMap) -> Version {
    headers.get("git-protocol").map_or(Version::V0, |asked| Version::asked(asked.as_bytes()))
}

/// How long the client says that the body is.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The most that a request to push may inflate to: the largest pack, its commands or its certificate, and its options.
fn push_bytes_max(receiving: &Receiving) -> u64 {
    let limits = &receiving.policy.protocol;
    let lines = [limits.command_bytes_max, limits.certificate_bytes_max, limits.argument_bytes_max];
    // Beside its name a command is two ids and a length.
    let commands = limits.commands_max.saturating_mul(256);
    lines
        .into_iter()
        .fold(receiving.policy.stage.pack_bytes_max.saturating_add(commands), u64::saturating_add)
}

fn too_large() -> Answer {
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "the request is larger than is taken")
}

/// What is said of a request that was not heard to its end.
fn unheard(error: &ServeError) -> Answer {
    match error {
        ServeError::Transport(TransportError::Read(error)) => match error.kind() {
            io::ErrorKind::FileTooLarge => too_large(),
            _ => refusal(StatusCode::BAD_REQUEST, "the request cannot be read"),
        },
        ServeError::Transport(TransportError::Deadline { .. }) => {
            refusal(StatusCode::REQUEST_TIMEOUT, "the request took too long")
        }
        _ => internal(),
    }
}

/// What of an answer waits for the connection.
const PIPE: usize = 256 << 10;

/// What of it is read before the status is sent.
const FIRST: usize = 16 << 10;
