//! A connection whose peer takes what is sent, or loses it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream on which so many bytes must move in each window in which writing waits for the peer and anything moves at all; nothing may
/// move for two windows.
pub(super) struct Patience<S> {
    stream: S,
    window: Duration,
    bytes_min: u64,
    /// Runs while writing waits.
    timer: Option<Pin<Box<Sleep>>>,
    moved: u64,
    /// Nothing moved in the window before.
    silent: bool,
}

impl<S> Patience<S> {
    pub(super) fn new(stream: S, window: Duration, bytes_min: u64) -> Self {
        Self { stream, window, bytes_min, timer: None, moved: 0, silent: false }
    }

    /// What a write has come to, and whether there is still time where it has come to nothing.
    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            self.moved = self.moved.saturating_add(written.as_ref().map_or(0, |written| *written as u64));
            return Poll::Ready(written);
        }
        let window = self.window;
        let timer = self.timer.get_or_insert_with(|| {
            (self.moved, self.silent) = (0, false);
            Box::pin(sleep(window))
        });
        while timer.as_mut().poll(context).is_ready() {
            if self.moved < self.bytes_min && (self.moved > 0 || self.silent) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer is too slow")));
            }
            (self.moved, self.silent) = (0, self.moved == 0);
            let next = Instant::now().checked_add(window).unwrap_or_else(|| timer.deadline());
            timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, room)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// All has been taken: the time ends.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.timer = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Writes until the reader is gone, who takes `bytes` in each of ten seconds; after how many seconds it was given up.
    async fn check(bytes: usize, expected: Option<u64>) {
        let (ours, mut theirs) = duplex(1 << 10);
        let mut ours = Patience::new(ours, Duration::from_millis(3500), 300);
        let started = Instant::now();
        let reader = async {
            for _ in 0..10 {
                sleep(Duration::from_secs(1)).await;
                theirs.read_exact(&mut vec![0; bytes]).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        // What the stream holds, and what the reader takes.
        let all = vec![0; bytes.max(1).saturating_mul(10).saturating_add(1 << 10)];
        let writer = async { ours.write_all(&all).await };
        let ended = tokio::select! { ended = writer => ended, () = reader => Ok(()) };
        let given_up = ended.is_err().then(|| started.elapsed().as_secs());
        assert_eq!(given_up, expected, "{bytes}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_too_little_is_given_up() {
        check(200, None).await;
        check(101, None).await;
        check(90, Some(3)).await;
        check(0, Some(7)).await;
    }
}
