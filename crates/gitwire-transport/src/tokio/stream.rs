//! The streams that the connectors open.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout};

/// A connection that [`connect`](super::connect) has opened.
#[derive(Debug)]
pub struct Stream(Inner);

#[derive(Debug)]
enum Inner {
    Tcp(TcpStream),
    Process(Box<Process>),
    #[cfg(all(feature = "http", feature = "ws"))]
    WebSocket(Box<crate::websocket::WebSocket<crate::http::Socket>>),
}

/// A program and its pipes. Dropped with the program still running: tokio waits for its end in the background.
#[derive(Debug)]
struct Process {
    _child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
}

impl Stream {
    pub(super) fn tcp(stream: TcpStream) -> Self {
        Self(Inner::Tcp(stream))
    }

    pub(super) fn process(child: Child, stdin: ChildStdin, stdout: ChildStdout) -> Self {
        Self(Inner::Process(Box::new(Process { _child: child, stdin: Some(stdin), stdout })))
    }
}

#[cfg(all(feature = "http", feature = "ws"))]
impl Stream {
    pub(super) fn websocket(socket: crate::websocket::WebSocket<crate::http::Socket>) -> Self {
        Self(Inner::WebSocket(Box::new(socket)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Tcp(stream) => Pin::new(stream).poll_read(context, room),
            Inner::Process(process) => Pin::new(&mut process.stdout).poll_read(context, room),
            #[cfg(all(feature = "http", feature = "ws"))]
            Inner::WebSocket(socket) => Pin::new(socket).poll_read(context, room),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Inner::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Inner::Process(process) => match &mut process.stdin {
                Some(stdin) => Pin::new(stdin).poll_write(context, bytes),
                None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            },
            #[cfg(all(feature = "http", feature = "ws"))]
            Inner::WebSocket(socket) => Pin::new(socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Inner::Process(process) => match &mut process.stdin {
                Some(stdin) => Pin::new(stdin).poll_flush(context),
                None => Poll::Ready(Ok(())),
            },
            #[cfg(all(feature = "http", feature = "ws"))]
            Inner::WebSocket(socket) => Pin::new(socket).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Inner::Process(process) => {
                // A pipe ends when it is closed.
                process.stdin = None;
                Poll::Ready(Ok(()))
            }
            #[cfg(all(feature = "http", feature = "ws"))]
            Inner::WebSocket(socket) => Pin::new(socket).poll_shutdown(context),
        }
    }
}
