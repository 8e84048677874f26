//! One conversation with a server.

use bytes::BytesMut;
use gitwire_protocol::{FetchClient, FetchEvent};
use gitwire_transport::Moved;
use gitwire_transport::blocking::Driver;

use crate::event::Listener;
use crate::{ClientError, Remote};

/// What is to be said, whatever carries it: events come in, answers are due. Does no I/O towards the server, so that any driver
/// can carry it: [`Fetch::run_over`](crate::Fetch::run_over).
pub trait Conversation {
    /// Hears an event of the machine.
    ///
    /// # Errors
    /// What the server sent is of no use, or the local repository fails.
    fn event(&mut self, event: FetchEvent, listener: Listener<'_>) -> Result<(), ClientError>;

    /// Says what is due when the machine says `Answer`, as `awaiting` of the machine names it.
    ///
    /// # Errors
    /// The local repository fails, or the caller asked for an end.
    fn answer(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
        listener: Listener<'_>,
    ) -> Result<(), ClientError>;
}

/// Carries a conversation to its end.
pub type Carrier<'a> = dyn FnMut(&mut dyn Conversation, Listener<'_>) -> Result<(), ClientError> + 'a;

/// Has a conversation to its end.
pub(crate) fn have(
    remote: &Remote,
    conversation: &mut dyn Conversation,
    listener: Listener<'_>,
) -> Result<(), ClientError> {
    let streams = remote.open()?;
    let machine = FetchClient::new(remote.client.clone());
    let mut driver = Driver::new(machine, streams, remote.deadlines.clone());
    loop {
        match driver.next()? {
            Moved::Event(event) => conversation.event(event, listener)?,
            Moved::Answer => driver.with(|machine, output| conversation.answer(machine, output, listener))?,
            Moved::Done => {
                driver.close();
                return Ok(());
            }
        }
    }
}
