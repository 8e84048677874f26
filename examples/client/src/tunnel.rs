//! Standard input and output joined to a service over a WebSocket, for programs that git starts.

use std::io;
use std::process::ExitCode;

use gitwire_client::Remote;
use gitwire_protocol::message::Service;
use gitwire_transport::http::Socket;
use gitwire_transport::websocket::{WebSocket, connect};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split, stdin, stdout};
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// An open connection.
pub(crate) struct Tunnel {
    runtime: Runtime,
    socket: WebSocket<Socket>,
}

impl Tunnel {
    /// Opens a connection to a service; `parameters` is what `Git-Protocol` says.
    pub(crate) fn open(
        remote: &Remote,
        service: Service,
        parameters: Option<String>,
    ) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut options = remote.connect.clone();
        options.parameters = parameters;
        let socket = runtime.block_on(connect(&remote.url, service, &options));
        let socket = socket.map_err(gitwire_client::ClientError::from)?.ending_input_alone();
        Ok(Self { runtime, socket })
    }

    /// Carries what is said until the server has said its last word. The end of standard input alone ends nothing: after a push the
    /// report is still to come.
    pub(crate) fn carry(self) -> Result<ExitCode, Failure> {
        let (reader, writer) = split(self.socket);
        let carried = self.runtime.block_on(async {
            let up = copy(stdin(), writer);
            let mut up = std::pin::pin!(up);
            let mut down = std::pin::pin!(copy(reader, stdout()));
            tokio::select! {
                ended = &mut down => ended,
                // Why the server takes no more it says itself.
                _ = &mut up => down.await,
            }
        });
        // Standard input may still be waited for.
        self.runtime.shutdown_background();
        carried.map(|()| ExitCode::SUCCESS).map_err(|error| match error.kind() {
            // git has gone, and has said why if it was for a reason.
            io::ErrorKind::BrokenPipe => Failure::fatal(""),
            _ => Failure::fatal(error.to_string()),
        })
    }
}

/// Copies and says what it has as soon as it has it.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut room = vec![0; 64 << 10];
    loop {
        match from.read(&mut room).await? {
            0 => return to.shutdown().await,
            read => {
                to.write_all(&room[..read]).await?;
                to.flush().await?;
            }
        }
    }
}
