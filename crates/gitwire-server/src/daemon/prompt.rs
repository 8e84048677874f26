//! A connection that tells its peer at once what has arrived.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection on which everything that was read is acknowledged at once.
///
/// git sends a push in several small writes, and its system holds each back until the one before is acknowledged (RFC 896); ours waits
/// up to 40 ms for something to send with an acknowledgement (RFC 1122), and has nothing to say before the push is whole.
#[derive(Debug)]
pub(super) struct Prompt<S>(pub(super) S);

impl<S: AsyncRead + AsFd + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_read(context, room))?;
        acknowledge(&self.0);
        Poll::Ready(Ok(()))
    }
}

/// Without it a push takes longer, no more. The system forgets the option: it is set after each read.
#[cfg(target_os = "linux")]
fn acknowledge(stream: impl AsFd) {
    rustix::net::sockopt::set_tcp_quickack(stream, true).ok();
}

#[cfg(not(target_os = "linux"))]
fn acknowledge(_: impl AsFd) {}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;
    use std::time::{Duration, Instant};

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn small_writes_of_the_peer_are_not_held_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // The peer's system may hold back what is small, as it does for git.
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut stream = Prompt(listener.accept().await.unwrap().0);
        let mut shortest = Duration::MAX;
        for _ in 0..20 {
            let start = Instant::now();
            peer.write_all(b"one").unwrap();
            stream.read_exact(&mut [0; 3]).await.unwrap();
            peer.write_all(b"two").unwrap();
            peer.write_all(b"three").unwrap();
            stream.read_exact(&mut [0; 8]).await.unwrap();
            shortest = shortest.min(start.elapsed());
        }
        assert!(shortest < Duration::from_millis(20), "{shortest:?}");
    }
}
