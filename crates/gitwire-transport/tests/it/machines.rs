//! Machines that are simpler than Git's.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use gitwire_protocol::{Machine, Next};

/// Sends `to_send` bytes as fast as it is asked to, and reports what it receives at the same time.
#[derive(Debug)]
pub struct Pump {
    pub to_send: u64,
    pub ended: bool,
    /// Whether it listens while it has the turn.
    pub listens: bool,
    pub aborted: bool,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer sent '!'")]
pub struct Refused;

impl Pump {
    pub fn new(to_send: u64) -> Self {
        Self { to_send, ended: false, listens: true, aborted: false }
    }

    /// The answer that is due while there is something to send.
    pub fn send(&mut self, output: &mut BytesMut) {
        let piece = self.to_send.min(60_000);
        output.put_bytes(b'x', usize::try_from(piece).unwrap());
        self.to_send -= piece;
    }
}

impl Machine for Pump {
    type Event = Bytes;
    type Error = Refused;

    fn step(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<Next<Bytes>, Refused> {
        if self.aborted {
            return Ok(Next::Done);
        }
        if self.listens || self.to_send == 0 {
            if input.first() == Some(&b'!') {
                output.put_slice(b"ERR");
                return Err(Refused);
            }
            if input.has_remaining() {
                return Ok(Next::Event(input.split().freeze()));
            }
        }
        Ok(match (self.to_send, self.ended) {
            (1.., _) => Next::Answer,
            (0, false) => Next::Read,
            (0, true) => Next::Done,
        })
    }

    fn end_of_input(&mut self) {
        self.ended = true;
    }

    fn keep_alive(&mut self, output: &mut BytesMut) -> bool {
        output.put_slice(b"k");
        true
    }

    fn abort(&mut self, reason: &[u8], output: &mut BytesMut) {
        output.put_slice(reason);
        self.aborted = true;
    }
}

/// Sends `to_send` bytes and is done when it has got `to_get`.
#[derive(Debug)]
pub struct Swap {
    pub pump: Pump,
    pub to_get: u64,
}

impl Swap {
    pub fn new(to_send: u64, to_get: u64) -> Self {
        Self { pump: Pump::new(to_send), to_get }
    }
}

impl Machine for Swap {
    type Event = Bytes;
    type Error = Refused;

    fn step(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<Next<Bytes>, Refused> {
        match self.pump.step(input, output)? {
            Next::Event(bytes) => {
                self.to_get -= bytes.len() as u64;
                Ok(Next::Event(bytes))
            }
            Next::Read if self.to_get == 0 => Ok(Next::Done),
            next => Ok(next),
        }
    }

    fn end_of_input(&mut self) {
        self.pump.end_of_input();
    }

    fn keep_alive(&mut self, output: &mut BytesMut) -> bool {
        self.pump.keep_alive(output)
    }

    fn abort(&mut self, reason: &[u8], output: &mut BytesMut) {
        self.pump.abort(reason, output);
    }
}
