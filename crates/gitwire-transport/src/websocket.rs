//! The duplex protocol in a WebSocket (RFC 6455).
//!
//! Binary messages are the stream; where one ends and the next begins says nothing. An empty binary message says that its sender will
//! send no more, while it goes on listening: git ends its side of a push so, and waits for the report. A close frame ends both
//! directions.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

#[cfg(feature = "http")]
mod connect;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_core::Stream as _;
use futures_sink::Sink as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

#[cfg(feature = "http")]
pub use self::connect::connect;

/// A WebSocket as a stream of bytes, for either end, once the two have agreed to speak it.
///
/// Pings are answered. What is not the protocol ends the connection with the close code that says so, and is an error here: text with
/// 1003, a message that is too large with 1009, broken frames with 1002. Shutting it down sends a close frame.
///
/// ```
/// use gitwire_transport::websocket::{Side, WebSocket, WebSocketLimits};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let (ours, theirs) = duplex(1024);
/// let mut client = WebSocket::new(ours, Side::Client, WebSocketLimits::default()).await;
/// let mut server = WebSocket::new(theirs, Side::Server, WebSocketLimits::default()).await;
/// client.write_all(b"0000").await?;
/// client.end_input().await?;
/// let mut heard = Vec::new();
/// server.read_to_end(&mut heard).await?;
/// assert_eq!(heard, b"0000");
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct WebSocket<S> {
    inner: WebSocketStream<S>,
    /// What has come of a message and was not read yet.
    rest: Bytes,
    input: Input,
    /// A close frame was sent.
    closing: bool,
    /// Shutting it down sends no close frame.
    only_ends_input: bool,
    /// An empty message was sent.
    said_end: bool,
}

/// Which end of a WebSocket this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that asked for it.
    Client,
    /// The one that agreed.
    Server,
}

/// What a peer may make us hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocketLimits {
    /// The largest message, in bytes, in one frame or many. 1 MiB: ours have 64 KiB at most, and nobody gains by gathering more.
    pub message_bytes_max: usize,
}

impl Default for WebSocketLimits {
    fn default() -> Self {
        Self { message_bytes_max: 1 << 20 }
    }
}

/// What has become of the peer's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    /// It sends no more, and listens.
    Ended,
    /// It has gone, or is not listened to any more.
    Closed,
}

/// Why a WebSocket is of no use any more: what stands in the [`io::Error`] of a read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The peer sent text.
    #[error("the peer sent a text message")]
    Text,
    /// The peer sent more in one message than is taken.
    #[error("the peer sent a message of more than {max} bytes")]
    MessageBytes {
        /// The most that is taken.
        max: usize,
    },
    /// The peer sent data behind what it had called the end.
    #[error("the peer sent more after its end of input")]
    AfterEnd,
    /// The peer broke the rules of the frames.
    #[error("the peer broke the protocol of WebSocket: {0}")]
    Broken(String),
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// A WebSocket over a stream on which both ends have agreed to speak it.
    pub async fn new(stream: S, side: Side, limits: WebSocketLimits) -> Self {
        let role = match side {
            Side::Client => Role::Client,
            Side::Server => Role::Server,
        };
        Self::over(WebSocketStream::from_raw_socket(stream, role, Some(configuration(&limits))).await)
    }

    pub(crate) fn over(inner: WebSocketStream<S>) -> Self {
        Self {
            inner,
            rest: Bytes::new(),
            input: Input::Open,
            closing: false,
            only_ends_input: false,
            said_end: false,
        }
    }

    /// The same, of which shutting down says only that no more will come, as [`end_input`](Self::end_input): for a relay, which does not
    /// know when the two are done whose words it passes on. Dropping it ends it then.
    #[must_use]
    pub fn ending_input_alone(mut self) -> Self {
        self.only_ends_input = true;
        self
    }

    /// Tells the peer that no more will come, while its answer is still heard.
    ///
    /// # Errors
    /// The connection is gone already.
    pub async fn end_input(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_message(context, Bytes::new())).await?;
        self.said_end = true;
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_flush(context)).await
    }

    fn poll_message(&mut self, context: &mut Context<'_>, bytes: Bytes) -> Poll<io::Result<()>> {
        self.heed(context)?;
        if self.closing || self.said_end || self.input == Input::Closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(Pin::new(&mut self.inner).poll_ready(context)).map_err(from_peer)?;
        Poll::Ready(Pin::new(&mut self.inner).start_send(Message::Binary(bytes)).map_err(from_peer))
    }

    /// Where the peer has said its last word, nobody reads any more: what it does beside is heeded while we write.
    fn heed(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.input == Input::Ended {
            match self.poll_next(context) {
                Poll::Ready(Ok(true)) => return Err(self.refuse(context, WebSocketError::AfterEnd)),
                Poll::Ready(Ok(false)) => {}
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Takes one message; whether it has data.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let refused = match ready!(Pin::new(&mut self.inner).poll_next(context)) {
            Some(Ok(Message::Binary(bytes))) if bytes.is_empty() && self.input == Input::Open => {
                self.input = Input::Ended;
                return Poll::Ready(Ok(false));
            }
            Some(Ok(Message::Binary(bytes))) => {
                self.rest = bytes;
                return Poll::Ready(Ok(true));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                return Poll::Ready(Ok(false));
            }
            Some(Ok(Message::Close(_))) | None => {
                self.input = Input::Closed;
                // The answer to its close frame; whether it still takes it is its affair.
                let _ = Pin::new(&mut self.inner).poll_flush(context);
                return Poll::Ready(Ok(false));
            }
            // The second is a text that is not UTF-8.
            Some(Ok(Message::Text(_)) | Err(tungstenite::Error::Utf8(_))) => WebSocketError::Text,
            Some(Err(tungstenite::Error::Capacity(_))) => {
                let max = self.inner.get_config().max_message_size.unwrap_or_default();
                WebSocketError::MessageBytes { max }
            }
            Some(Err(tungstenite::Error::Protocol(error))) if is_cut(&error) => {
                self.input = Input::Closed;
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            Some(Err(tungstenite::Error::Io(error))) => {
                self.input = Input::Closed;
                return Poll::Ready(Err(error));
            }
            Some(Err(error)) => WebSocketError::Broken(error.to_string()),
        };
        Poll::Ready(Err(self.refuse(context, refused)))
    }

    /// Closes with the code that says why.
    fn refuse(&mut self, context: &mut Context<'_>, why: WebSocketError) -> io::Error {
        let code = match why {
            WebSocketError::Text => CloseCode::Unsupported,
            WebSocketError::MessageBytes { .. } => CloseCode::Size,
            WebSocketError::AfterEnd | WebSocketError::Broken(_) => CloseCode::Protocol,
        };
        self.input = Input::Closed;
        self.close(code);
        // The rest goes out when the stream is shut down.
        let _ = Pin::new(&mut self.inner).poll_flush(context);
        io::Error::new(io::ErrorKind::InvalidData, why)
    }

    fn close(&mut self, code: CloseCode) {
        if !self.closing {
            self.closing = true;
            let frame = CloseFrame { code, reason: Utf8Bytes::default() };
            // A connection that is closed already needs no more.
            let _ = Pin::new(&mut self.inner).start_send(Message::Close(Some(frame)));
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() && self.input == Input::Open {
            ready!(self.poll_next(context))?;
        }
        let len = self.rest.len().min(room.remaining());
        room.put_slice(self.rest.get(..len).unwrap_or_default());
        self.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = bytes.get(..MESSAGE).unwrap_or(bytes);
        if piece.is_empty() {
            // An empty message would be the end.
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_message(context, Bytes::copy_from_slice(piece)))?;
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context).map_err(from_peer)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.only_ends_input {
            self.close(CloseCode::Normal);
        } else if self.input != Input::Closed && !self.said_end {
            ready!(self.poll_message(context, Bytes::new()))?;
            self.said_end = true;
        }
        match ready!(Pin::new(&mut self.inner).poll_flush(context)) {
            Ok(()) | Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(from_peer(error))),
        }
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("input", &self.input)
            .field("closing", &self.closing)
            .finish_non_exhaustive()
    }
}

/// What a server answers to the `Sec-WebSocket-Key` of a client.
///
/// ```
/// use gitwire_transport::websocket::accept_key;
///
/// assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &[u8]) -> String {
    tungstenite::handshake::derive_accept_key(key)
}

/// How tungstenite is to behave.
pub(crate) fn configuration(limits: &WebSocketLimits) -> WebSocketConfig {
    let max = Some(limits.message_bytes_max);
    WebSocketConfig::default()
        .read_buffer_size(MESSAGE)
        .write_buffer_size(MESSAGE)
        // One message that waits, one that is added, and frames that answer pings.
        .max_write_buffer_size(MESSAGE.saturating_mul(4))
        .max_message_size(max)
        .max_frame_size(max)
}

/// Whether the connection ended without a word.
fn is_cut(error: &tungstenite::error::ProtocolError) -> bool {
    matches!(error, tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
}

fn from_peer(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(tungstenite::error::ProtocolError::SendAfterClosing) => {
            io::ErrorKind::BrokenPipe.into()
        }
        error => io::Error::new(io::ErrorKind::InvalidData, WebSocketError::Broken(error.to_string())),
    }
}

/// The most that is sent in one message. 64 KiB: one longest pkt-line.
const MESSAGE: usize = 64 << 10;

#[cfg(test)]
mod tests;
