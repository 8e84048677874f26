//! Serving one client on standard input and output: what `git-upload-pack` and `git-receive-pack` are to ssh and local paths.

use bytes::BytesMut;
use gitwire_protocol::{Machine, Next};
use gitwire_transport::blocking::{Driver, Streams};
use gitwire_transport::{Deadlines, Moved, TransportError};
use gitwire_types::Never;

use crate::{Conversation, ServeError, Session};

/// Serves one client over `streams` until it is done: `conversation` is a session with its machine, such as
/// [`Session::new`] or [`Receiving::session`](crate::Receiving::session) give them.
///
/// # Errors
/// Why the conversation ended early. The client has been told as much as it may know.
pub fn serve<C: Conversation>(
    conversation: (C, C::Machine),
    deadlines: Deadlines,
    streams: Streams,
) -> Result<(), ServeError> {
    let (mut session, machine) = conversation;
    let mut driver = Driver::new(machine, streams, deadlines);
    let served = converse(&mut driver, &mut session);
    if let Err(error) = &served
        && !error.is_over()
    {
        driver.abort(error.reply().as_bytes());
    }
    driver.close();
    session.wind_up();
    served
}

/// Writes the refs as `info/refs` shows them, for smart HTTP: `conversation` was made for an advertisement and nothing else.
///
/// # Errors
/// A failing repository.
pub fn advertise<C: Conversation>(
    conversation: (C, C::Machine),
    mut write: impl FnMut(&mut BytesMut) -> std::io::Result<()>,
) -> Result<(), ServeError> {
    let (mut session, mut machine) = conversation;
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    loop {
        let mut ended = false;
        match machine.step(&mut input, &mut output)? {
            Next::Event(event) => {
                let _ = session.on(event);
            }
            Next::Answer => {
                session.work(&Never)?;
                session.answer(&mut machine, &mut output)?;
            }
            Next::Turn => {}
            Next::Read | Next::Done => ended = true,
        }
        if output.len() >= Session::PIECE || ended {
            write(&mut output).map_err(TransportError::Write)?;
            output.clear();
        }
        if ended {
            return Ok(());
        }
    }
}

fn converse<C: Conversation>(driver: &mut Driver<C::Machine>, session: &mut C) -> Result<(), ServeError> {
    loop {
        match driver.next()? {
            Moved::Event(event) => {
                let _ = session.on(event);
                if session.must_work() {
                    session.work(&Never)?;
                    driver.with(|machine, output| session.settle(machine, output))?;
                }
            }
            Moved::Answer => {
                session.work(&Never)?;
                driver.with(|machine, output| session.answer(machine, output))?;
                driver.tick()?;
            }
            Moved::Done => return Ok(()),
        }
    }
}
