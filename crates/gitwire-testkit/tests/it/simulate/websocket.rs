//! Two ends of a WebSocket over a wire: what one says the other hears whole, or is told that it did not.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, BytesMut};
use gitwire_testkit::Dice;
use gitwire_transport::websocket::{Side, WebSocket, WebSocketLimits};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::Scenario;
use super::wire::{Arrival, Fault, Way, Wire};

/// What each side says: first the client, to its end, then the server.
#[derive(Debug)]
pub(super) struct Tunnel {
    seed: u64,
    asked: Vec<Vec<u8>>,
    answered: Vec<Vec<u8>>,
}

impl Scenario for Tunnel {
    const NAME: &str = "tunnel";

    fn roll(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut said = || {
            let pieces = dice.below(6);
            let size = *dice.pick(&[1, 300, 3_000, 70_000]);
            let mut piece = || {
                let len = 1 + dice.below(size);
                dice.bytes(len)
            };
            (0..pieces).map(|_| piece()).collect::<Vec<_>>()
        };
        Self { seed, asked: said(), answered: said() }
    }

    fn summary(&self) -> String {
        let sizes = |said: &[Vec<u8>]| said.iter().map(Vec::len).collect::<Vec<_>>();
        format!("asks {:?}, answers {:?}", sizes(&self.asked), sizes(&self.answered))
    }

    fn run(&self, fault: Fault) -> (usize, usize) {
        let wire = Rc::new(RefCell::new(Wire::new(self.seed, fault)));
        let socket = |side, way| {
            let link = Link { wire: Rc::clone(&wire), way, input: BytesMut::new(), over: false };
            WebSocket::new(link, side, WebSocketLimits::default())
        };
        let client = async {
            let mut socket = socket(Side::Client, Way::ToServer).await;
            say(&mut socket, &self.asked).await?;
            socket.end_input().await?;
            hear(&mut socket).await
        };
        let server = async {
            let mut socket = socket(Side::Server, Way::ToClient).await;
            let heard = hear(&mut socket).await?;
            say(&mut socket, &self.answered).await?;
            socket.shutdown().await?;
            Ok(heard)
        };
        let (answer, question) = in_turns(&wire, client, server);
        judge("the server", fault, &question, &self.asked.concat());
        judge("the client", fault, &answer, &self.answered.concat());
        wire.borrow().moved()
    }
}

async fn say(socket: &mut WebSocket<Link>, pieces: &[Vec<u8>]) -> io::Result<()> {
    for piece in pieces {
        socket.write_all(piece).await?;
    }
    socket.flush().await
}

async fn hear(socket: &mut WebSocket<Link>) -> io::Result<Vec<u8>> {
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).await?;
    Ok(heard)
}

/// An end that looks well is one: nothing is missing before it.
#[track_caller]
fn judge(who: &str, fault: Fault, heard: &io::Result<Vec<u8>>, said: &[u8]) {
    match heard {
        _ if fault.is_lie() => {}
        Ok(heard) => assert!(heard == said, "{who} takes {} bytes for all {}", heard.len(), said.len()),
        Err(error) => assert!(!fault.is_harmless(), "{who}: {error}"),
    }
}

type Heard = io::Result<Vec<u8>>;

/// Runs both to their ends.
fn in_turns(
    wire: &RefCell<Wire>,
    client: impl Future<Output = Heard>,
    server: impl Future<Output = Heard>,
) -> (Heard, Heard) {
    let (mut client, mut server) = (pin!(client), pin!(server));
    let (mut answer, mut question) = (None, None);
    let mut idle = 0;
    let mut before = wire.borrow().moved();
    loop {
        take_turn(wire, Way::ToServer, client.as_mut(), &mut answer);
        take_turn(wire, Way::ToClient, server.as_mut(), &mut question);
        match (answer.take(), question.take()) {
            (Some(answer), Some(question)) => return (answer, question),
            (one, other) => (answer, question) = (one, other),
        }
        let moved = wire.borrow().moved();
        idle = if moved == before { idle + 1 } else { 0 };
        before = moved;
        if idle > IDLE_MAX {
            let fault = wire.borrow().fault();
            assert!(fault.is_lie(), "both wait for ever");
            wire.borrow_mut().give_up();
            idle = 0;
        }
    }
}

/// Lets one side go on. One that has come to its end says no more; one that has failed hears no more either.
fn take_turn(
    wire: &RefCell<Wire>,
    way: Way,
    side: Pin<&mut impl Future<Output = Heard>>,
    end: &mut Option<Heard>,
) {
    if end.is_some() {
        return;
    }
    if let Poll::Ready(heard) = side.poll(&mut Context::from_waker(Waker::noop())) {
        match &heard {
            Ok(_) => wire.borrow_mut().end(way),
            Err(_) => wire.borrow_mut().give_up(),
        }
        *end = Some(heard);
    }
}

/// More turns than the longest stall has.
const IDLE_MAX: usize = 2_000;

/// A side's connection.
struct Link {
    wire: Rc<RefCell<Wire>>,
    /// Where it sends to.
    way: Way,
    input: BytesMut,
    over: bool,
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let link = &mut *self;
        if link.input.is_empty() && !link.over {
            let from = if link.way == Way::ToServer { Way::ToClient } else { Way::ToServer };
            match link.wire.borrow_mut().deliver(from, &mut link.input) {
                Arrival::Nothing | Arrival::Stalled => return Poll::Pending,
                Arrival::Bytes => {}
                Arrival::End => link.over = true,
            }
        }
        let len = link.input.len().min(room.remaining());
        room.put_slice(&link.input[..len]);
        link.input.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.wire.borrow_mut();
        let len = (64_usize << 10).saturating_sub(wire.waiting(self.way)).min(bytes.len());
        if len == 0 {
            return Poll::Pending;
        }
        wire.send(self.way, &mut BytesMut::from(&bytes[..len]));
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.borrow_mut().end(self.way);
        Poll::Ready(Ok(()))
    }
}
