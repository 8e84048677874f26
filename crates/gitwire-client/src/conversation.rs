//! One conversation with a server.

use bytes::BytesMut;
use gitwire_protocol::message::Service;
use gitwire_protocol::{FetchClient, Machine, ProtocolError};
use gitwire_transport::blocking::{Connection, Driver, StatelessDriver};
use gitwire_transport::{DriveError, Moved};

use crate::event::Listener;
use crate::{ClientError, Remote};

/// What is to be said, whatever carries it: events come in, answers are due. Does no I/O towards the server, so that any driver
/// can carry it: [`Fetch::run_over`](crate::Fetch::run_over), [`Push::run_over`](crate::Push::run_over).
pub trait Conversation {
    /// What speaks the protocol.
    type Machine: Machine<Error = ProtocolError>;

    /// Hears an event of the machine.
    ///
    /// # Errors
    /// What the server sent is of no use, or the local repository fails.
    fn event(
        &mut self,
        event: <Self::Machine as Machine>::Event,
        listener: Listener<'_>,
    ) -> Result<(), ClientError>;

    /// After an event: what of it the machine is to know. By default nothing.
    fn heard(&mut self, machine: &mut Self::Machine) {
        let _ = machine;
    }

    /// Says what is due when the machine says `Answer`, as `awaiting` of the machine names it.
    ///
    /// # Errors
    /// The local repository fails, or the caller asked for an end.
    fn answer(
        &mut self,
        machine: &mut Self::Machine,
        output: &mut BytesMut,
        listener: Listener<'_>,
    ) -> Result<(), ClientError>;
}

/// Carries a conversation to its end.
pub type Carrier<'a, M = FetchClient> =
    dyn FnMut(&mut dyn Conversation<Machine = M>, Listener<'_>) -> Result<(), ClientError> + 'a;

/// Opens `service` of a remote and has a conversation to its end. `machine` speaks in [`Remote::mode`].
pub(crate) fn have<M>(
    remote: &Remote,
    service: Service,
    machine: M,
    conversation: &mut dyn Conversation<Machine = M>,
    listener: Listener<'_>,
) -> Result<(), ClientError>
where
    M: Machine<Error = ProtocolError>,
{
    match remote.open(service)? {
        Connection::Duplex(streams) => {
            let mut driver = Driver::new(machine, streams, remote.deadlines.clone());
            carry(&mut driver, conversation, listener)?;
            driver.close();
        }
        Connection::Stateless(exchanges) => {
            let mut driver = StatelessDriver::new(machine, exchanges, remote.deadlines.clone());
            carry(&mut driver, conversation, listener)?;
            driver.close();
        }
    }
    Ok(())
}

fn carry<M: Machine<Error = ProtocolError>>(
    driver: &mut dyn Drive<M>,
    conversation: &mut dyn Conversation<Machine = M>,
    listener: Listener<'_>,
) -> Result<(), ClientError> {
    loop {
        match driver.next()? {
            Moved::Event(event) => {
                conversation.event(event, listener)?;
                driver.give(&mut |machine, _| {
                    conversation.heard(machine);
                    Ok(())
                })?;
            }
            Moved::Answer => {
                driver.give(&mut |machine, output| conversation.answer(machine, output, listener))?;
            }
            Moved::Done => return Ok(()),
        }
    }
}

/// An answer on its way to the machine.
type Give<'a, M> = &'a mut dyn FnMut(&mut M, &mut BytesMut) -> Result<(), ClientError>;

/// What both drivers can do.
trait Drive<M: Machine<Error = ProtocolError>> {
    fn next(&mut self) -> Result<Moved<M::Event>, DriveError<ProtocolError>>;
    fn give(&mut self, answer: Give<'_, M>) -> Result<(), ClientError>;
}

impl<M: Machine<Error = ProtocolError>> Drive<M> for Driver<M> {
    fn next(&mut self) -> Result<Moved<M::Event>, DriveError<ProtocolError>> {
        Self::next(self)
    }

    fn give(&mut self, answer: Give<'_, M>) -> Result<(), ClientError> {
        self.with(answer)
    }
}

impl<M: Machine<Error = ProtocolError>> Drive<M> for StatelessDriver<M> {
    fn next(&mut self) -> Result<Moved<M::Event>, DriveError<ProtocolError>> {
        Self::next(self)
    }

    fn give(&mut self, answer: Give<'_, M>) -> Result<(), ClientError> {
        self.with(answer)
    }
}
