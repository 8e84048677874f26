//! WebSockets for programs without an async runtime: one thread with a small runtime of its own carries one.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use gitwire_protocol::message::Service;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Streams, WriteHalf};
use crate::{ConnectOptions, TransportError, Url, websocket};

/// Opens a WebSocket and gives both its sides.
pub(super) fn connect(
    url: &Url,
    service: Service,
    options: &ConnectOptions,
) -> Result<Streams, TransportError> {
    let (url, options) = (url.clone(), options.clone());
    let (tell, told) = std::sync::mpsc::channel();
    let (from_peer, incoming) = mpsc::channel(PIECES);
    let (outgoing, to_peer) = mpsc::channel(PIECES);
    let (end, ended) = oneshot::channel::<()>();
    let carrier = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(tell.send(Err(TransportError::Read(error)))),
        };
        runtime.block_on(async {
            match websocket::connect(&url, service, &options).await {
                Err(error) => drop(tell.send(Err(error))),
                // Whoever asked has gone if this fails, and so have its ends of the queues.
                Ok(socket) => {
                    drop(tell.send(Ok(())));
                    carry(socket, from_peer, to_peer, ended).await;
                }
            }
        });
    };
    let thread = thread::Builder::new().name("gitwire-websocket".into()).spawn(carrier);
    let thread = thread.map_err(TransportError::Read)?;
    told.recv().map_err(|_| TransportError::Internal("the thread of a WebSocket has panicked"))??;
    let hang_up = move || {
        drop(end);
        // It ends within [`LINGER`]; a panic of it has been printed.
        let _ = thread.join();
    };
    let (reader, writer) = (Incoming { queue: incoming, rest: Bytes::new() }, Outgoing(Some(outgoing)));
    Ok(Streams::halves(reader, writer).with_hang_up(hang_up))
}

/// Moves bytes both ways until both have ended, or the caller has hung up: then what it still has to say may take a moment.
async fn carry(
    socket: impl AsyncRead + AsyncWrite,
    from_peer: mpsc::Sender<io::Result<Bytes>>,
    to_peer: mpsc::Receiver<Bytes>,
    ended: oneshot::Receiver<()>,
) {
    let (mut reader, mut writer) = tokio::io::split(socket);
    let read = async {
        loop {
            let mut room = BytesMut::with_capacity(READ);
            let read = reader.read_buf(&mut room).await;
            let is_last = !matches!(read, Ok(1..));
            if let Ok(0) = read {
                break;
            }
            if from_peer.send(read.map(|_| room.freeze())).await.is_err() || is_last {
                break;
            }
        }
        drop(from_peer);
    };
    let write = async {
        // An error is heard by the next who sends: there is nobody to receive then.
        let _ = write_all(&mut writer, to_peer).await;
    };
    let mut both = std::pin::pin!(async { tokio::join!(read, write) });
    tokio::select! {
        _ = &mut both => {}
        _ = ended => drop(timeout(LINGER, both).await),
    }
}

async fn write_all(
    writer: &mut (impl AsyncWrite + Unpin),
    mut queue: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    while let Some(bytes) = queue.recv().await {
        writer.write_all(&bytes).await?;
        if queue.is_empty() {
            writer.flush().await?;
        }
    }
    writer.shutdown().await
}

/// What the peer has sent.
struct Incoming {
    queue: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Incoming {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.queue.blocking_recv() {
                Some(bytes) => self.rest = bytes?,
                None => return Ok(0),
            }
        }
        let len = self.rest.len().min(room.len());
        self.rest.copy_to_slice(room.get_mut(..len).unwrap_or_default());
        Ok(len)
    }
}

/// What the peer is to get.
struct Outgoing(Option<mpsc::Sender<Bytes>>);

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = bytes.get(..READ).unwrap_or(bytes);
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let queue = self.0.as_ref().ok_or_else(gone)?;
        if !piece.is_empty() {
            queue.blocking_send(Bytes::copy_from_slice(piece)).map_err(|_| gone())?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteHalf for Outgoing {
    fn shut_down(&mut self) -> io::Result<()> {
        self.0 = None;
        Ok(())
    }
}

/// What is read or sent at once. 64 KiB: one longest pkt-line.
const READ: usize = 64 << 10;

/// Such pieces that wait on either side. 4: what a socket's buffer holds.
const PIECES: usize = 4;

/// How long the last words may take once the caller has hung up.
const LINGER: Duration = Duration::from_secs(1);
