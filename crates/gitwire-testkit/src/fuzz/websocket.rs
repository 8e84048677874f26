//! A WebSocket as a stream: the bytes are the same however the frames come, and what both ends carry comes out as it went in.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use gitwire_transport::websocket::{Side, WebSocket, WebSocketLimits};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// What a peer sends once a WebSocket is agreed on; the first byte says which side it is.
pub(super) fn websocket(data: &[u8]) {
    let Some((side, frames)) = data.split_first() else { return };
    let side = if side % 2 == 0 { Side::Server } else { Side::Client };
    let whole = hear(side, frames, usize::MAX);
    assert_eq!(whole, hear(side, frames, 1), "the cut of the input changes what is heard");
    assert_eq!(whole, hear(side, frames, 7), "the cut of the input changes what is heard");

    // The other way: what one side writes, the other reads.
    let (said, other) = match side {
        Side::Server => (say(Side::Client, frames), Side::Server),
        Side::Client => (say(Side::Server, frames), Side::Client),
    };
    assert_eq!(hear(other, &said, 5).0, frames, "not what was sent");
}

/// Reads to the end; what came, and why it ended.
fn hear(side: Side, frames: &[u8], cut: usize) -> (Vec<u8>, Result<(), String>) {
    let wire = Wire { input: frames, cut, output: Vec::new() };
    now(async {
        let mut socket = WebSocket::new(wire, side, WebSocketLimits::default()).await;
        let (mut heard, mut room) = (Vec::new(), [0; 4096]);
        loop {
            let mut room = ReadBuf::new(&mut room);
            let read =
                std::future::poll_fn(|context| Pin::new(&mut socket).poll_read(context, &mut room)).await;
            match read {
                Ok(()) if room.filled().is_empty() => return (heard, Ok(())),
                Ok(()) => heard.extend_from_slice(room.filled()),
                Err(error) => return (heard, Err(error.to_string())),
            }
        }
    })
}

fn say(side: Side, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Wire { input: b"", cut: usize::MAX, output: Vec::new() };
    now(async {
        let mut socket = WebSocket::new(&mut wire, side, WebSocketLimits::default()).await;
        for piece in bytes.chunks(11) {
            socket.write_all(piece).await.unwrap();
        }
        socket.end_input().await.unwrap();
        socket.shutdown().await.unwrap();
    });
    wire.output
}

/// A future that never has to wait: its stream has everything at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1 << 20 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("it waits for something that does not come");
}

/// A connection that gives its input in pieces and takes all that is sent.
struct Wire<'a> {
    input: &'a [u8],
    cut: usize,
    output: Vec<u8>,
}

impl AsyncRead for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self.cut.min(self.input.len()).min(room.remaining());
        let (piece, rest) = self.input.split_at(len);
        room.put_slice(piece);
        self.input = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.output.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
