//! A server's conversation as one end of a wire.

use bytes::BytesMut;
use gitwire_protocol::{Machine as _, Next};
use gitwire_server::{Conversation, ServeError};
use gitwire_types::Never;

use super::join::{End, Rest};

/// A session and its machine.
pub(super) struct Server<C: Conversation> {
    session: C,
    machine: C::Machine,
}

impl<C: Conversation> Server<C> {
    pub(super) fn new((session, machine): (C, C::Machine)) -> Self {
        Self { session, machine }
    }

    /// What was heard is dealt with before more is asked for, where it must be.
    fn heed(&mut self, output: &mut BytesMut) -> Result<(), ServeError> {
        if self.session.must_work() {
            self.session.work(&Never)?;
            self.session.settle(&mut self.machine, output)?;
        }
        Ok(())
    }

    fn answer(&mut self, output: &mut BytesMut) -> Result<(), ServeError> {
        self.session.work(&Never)?;
        self.session.answer(&mut self.machine, output)
    }
}

impl<C: Conversation> End for Server<C> {
    type Error = ServeError;

    fn step(&mut self, input: &mut BytesMut, output: &mut BytesMut, room: usize) -> Result<Rest, ServeError> {
        loop {
            let done = match self.machine.step(input, output)? {
                Next::Event(event) => {
                    let _ = self.session.on(event);
                    self.heed(output)
                }
                Next::Answer if output.len() > room => return Ok(Rest::Full),
                Next::Answer => self.answer(output),
                Next::Turn => return Ok(Rest::Turn),
                Next::Read => return Ok(Rest::Read),
                Next::Done => return Ok(Rest::Done),
            };
            if let Err(error) = done {
                self.machine.abort(error.reply().as_bytes(), output);
                return Err(error);
            }
        }
    }

    fn end_of_input(&mut self) {
        self.machine.end_of_input();
    }
}
