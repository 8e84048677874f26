//! The answer of a server, read as it comes.

use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;

use bytes::{Buf as _, Bytes};
use flate2::read::MultiGzDecoder;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};

use super::client::{Client, chain};
use crate::{HttpError, TransportError};

/// A successful answer. Reads its content, decoded.
pub struct Answer<'a> {
    status: u16,
    content_type: String,
    content: Box<dyn Read + 'a>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        client: &'a Client,
        response: Response<Incoming>,
        url: &str,
    ) -> Result<Self, TransportError> {
        let (parts, body) = response.into_parts();
        let content_type = content_type(&parts.headers);
        let coding = text(&parts.headers, CONTENT_ENCODING).to_ascii_lowercase();
        let raw = RawAnswer { client, body, piece: Bytes::new() };
        let content: Box<dyn Read + 'a> = match coding.as_str() {
            "" | "identity" => Box::new(raw),
            "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(raw)),
            _ => return Err(HttpError::ContentCoding { url: url.to_owned(), coding }.into()),
        };
        Ok(Self { status: parts.status.as_u16(), content_type, content })
    }

    /// The status code: 200, or 206 for a part that was asked for.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What it says that it is: in lower case and without parameters, escaped.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }
}

impl Read for Answer<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.content.read(room)
    }
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// What an answer says that it is: in lower case and without parameters, escaped.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let full = text(headers, CONTENT_TYPE);
    full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The character set of a text, in lower case; nothing where none is named.
pub(super) fn charset(headers: &HeaderMap) -> String {
    let full = text(headers, CONTENT_TYPE).to_ascii_lowercase();
    let named = full.split(';').skip(1).find_map(|word| word.trim().strip_prefix("charset=").map(str::trim));
    named.unwrap_or_default().trim_matches('"').to_owned()
}

fn text(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get(name).map(|value| value.as_bytes().escape_ascii().to_string()).unwrap_or_default()
}

/// The bytes as the server sends them.
pub(super) struct RawAnswer<'a> {
    pub(super) client: &'a Client,
    pub(super) body: Incoming,
    pub(super) piece: Bytes,
}

impl Read for RawAnswer<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !room.is_empty() {
            let body = &mut self.body;
            let next = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
            match self.client.block(next).map_err(into_io)? {
                None => return Ok(0),
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Err(broken_off(error)),
            }
        }
        let len = self.piece.len().min(room.len());
        self.piece.copy_to_slice(room.get_mut(..len).unwrap_or_default());
        Ok(len)
    }
}

fn broken_off(error: hyper::Error) -> io::Error {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    let kind = source.map(io::Error::kind);
    if error.is_incomplete_message() || kind == Some(io::ErrorKind::UnexpectedEof) {
        return io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is cut short");
    }
    io::Error::other(chain(&error))
}

fn into_io(error: TransportError) -> io::Error {
    match error {
        TransportError::Read(error) => error,
        TransportError::Deadline { .. } => io::Error::new(io::ErrorKind::TimedOut, error.to_string()),
        error => io::Error::other(error.to_string()),
    }
}
