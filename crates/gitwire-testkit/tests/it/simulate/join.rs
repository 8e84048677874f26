//! Two ends, joined by a wire, run in turns until one has come to its end.

use std::fmt::Debug;

use bytes::BytesMut;

use super::wire::{Arrival, Way, Wire};

/// A machine with its application.
pub(super) trait End {
    type Error: Debug;

    /// Steps until something is needed. May answer as long as `output` holds less than `room` bytes.
    fn step(&mut self, input: &mut BytesMut, output: &mut BytesMut, room: usize)
    -> Result<Rest, Self::Error>;

    fn end_of_input(&mut self);
}

/// Why an end came to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Read,
    /// It has more to say than there is room for.
    Full,
    Turn,
    Done,
}

/// How the two ends ended.
#[derive(Debug)]
pub(super) struct Ends<C, S> {
    pub(super) client: Result<(), C>,
    pub(super) server: Result<(), S>,
}

/// One stream each way for the whole conversation.
pub(super) fn duplex<C: End, S: End>(wire: &mut Wire, client: &mut C, server: S) -> Ends<C::Error, S::Error> {
    let mut server = Running::new(server);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut patience = Patience::default();
    loop {
        server.step(wire);
        let rest = client.step(&mut input, &mut output, room(wire, Way::ToServer));
        wire.send(Way::ToServer, &mut output);
        match rest {
            Err(error) => return Ends { client: Err(error), server: server.finish() },
            Ok(Rest::Done) => return Ends { client: Ok(()), server: server.finish() },
            Ok(_) => {}
        }
        let heard = server.hear(wire);
        let arrival = wire.deliver(Way::ToClient, &mut input);
        if arrival == Arrival::End {
            client.end_of_input();
        }
        patience.take_turn(wire, [heard, arrival]);
    }
}

/// What a client asks of a server over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Refs,
    Command,
}

/// A server for each request, as over HTTP. `preface` stands before the first answer.
pub(super) fn stateless<C: End, S: End>(
    wire: &mut Wire,
    client: &mut C,
    preface: &[u8],
    serve: &mut dyn FnMut(Request) -> S,
) -> Ends<C::Error, S::Error> {
    let mut server = Running::new(serve(Request::Refs));
    server.output.extend_from_slice(preface);
    wire.end(Way::ToServer);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut patience = Patience::default();
    let (mut is_asking, mut is_answered) = (false, false);
    let mut failed = None;
    let end = loop {
        server.step(wire);
        let rest = client.step(&mut input, &mut output, room(wire, Way::ToServer));
        if !output.is_empty() && !is_asking {
            (is_asking, is_answered) = (true, false);
            let earlier = std::mem::replace(&mut server, Running::new(serve(Request::Command)));
            failed = failed.or(earlier.finish().err());
            wire.reopen();
        }
        wire.send(Way::ToServer, &mut output);
        match rest {
            Err(error) => break Err(error),
            Ok(Rest::Done) => break Ok(()),
            Ok(Rest::Turn) => {
                wire.end(Way::ToServer);
                is_asking = false;
            }
            // Nobody asks any more, and the last answer has been heard to its end.
            Ok(Rest::Read) if is_answered => client.end_of_input(),
            Ok(_) => {}
        }
        let heard = server.hear(wire);
        let arrival = wire.deliver(Way::ToClient, &mut input);
        is_answered |= arrival == Arrival::End;
        patience.take_turn(wire, [heard, arrival]);
    };
    let last = server.finish();
    Ends { client: end, server: failed.map_or(last, Err) }
}

/// A server, as far as it has come.
struct Running<S: End> {
    end: S,
    input: BytesMut,
    output: BytesMut,
    ended: Option<Result<(), S::Error>>,
}

impl<S: End> Running<S> {
    fn new(end: S) -> Self {
        Self { end, input: BytesMut::new(), output: BytesMut::new(), ended: None }
    }

    fn step(&mut self, wire: &mut Wire) {
        if self.ended.is_some() {
            return;
        }
        match self.end.step(&mut self.input, &mut self.output, room(wire, Way::ToClient)) {
            Ok(Rest::Done) => self.ended = Some(Ok(())),
            Err(error) => self.ended = Some(Err(error)),
            Ok(_) => {}
        }
        wire.send(Way::ToClient, &mut self.output);
        if self.ended.is_some() {
            wire.end(Way::ToClient);
        }
    }

    fn hear(&mut self, wire: &mut Wire) -> Arrival {
        let arrival = wire.deliver(Way::ToServer, &mut self.input);
        if self.ended.is_some() {
            self.input.clear();
        } else if arrival == Arrival::End {
            self.end.end_of_input();
        }
        arrival
    }

    /// The client has gone: whatever the server was at comes to an end.
    fn finish(mut self) -> Result<(), S::Error> {
        if self.ended.is_none() {
            self.end.end_of_input();
        }
        for _ in 0..TURNS_MAX {
            if let Some(ended) = self.ended {
                return ended;
            }
            match self.end.step(&mut self.input, &mut self.output, usize::MAX) {
                Ok(Rest::Done) => self.ended = Some(Ok(())),
                Err(error) => self.ended = Some(Err(error)),
                Ok(Rest::Read) => panic!("the server reads on after the end of its input"),
                Ok(_) => self.output.clear(),
            }
        }
        panic!("the server does not notice that its client has gone");
    }
}

/// How long the two may go on.
#[derive(Default)]
struct Patience {
    turns: usize,
    idle: usize,
}

impl Patience {
    fn take_turn(&mut self, wire: &mut Wire, arrivals: [Arrival; 2]) {
        self.turns += 1;
        assert!(self.turns < TURNS_MAX, "no end in {TURNS_MAX} turns");
        if arrivals.iter().any(|arrival| *arrival != Arrival::Nothing) {
            self.idle = 0;
            return;
        }
        self.idle += 1;
        if self.idle > 3 {
            // A length that arrives as another makes a peer wait for what never was: a deadline's affair.
            assert!(wire.fault().is_lie(), "both wait for ever");
            wire.give_up();
            self.idle = 0;
        }
    }
}

fn room(wire: &Wire, way: Way) -> usize {
    (64_usize << 10).saturating_sub(wire.waiting(way))
}

const TURNS_MAX: usize = 2_000_000;
