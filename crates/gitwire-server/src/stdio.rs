//! Serving one client on standard input and output: what `git-upload-pack` is to ssh and local paths.

use std::sync::Arc;

use bytes::BytesMut;
use gitwire_protocol::{Machine, Next, Serving, UploadPack, Version};
use gitwire_storage::Repository;
use gitwire_transport::blocking::{Driver, Streams};
use gitwire_transport::{Moved, TransportError};
use gitwire_types::Never;

use crate::{Policy, ServeError, Session};

/// Serves one client over `streams` until it is done.
///
/// # Errors
/// Why the conversation ended early. The client has been told as much as it may know.
pub fn upload_pack(
    repository: Arc<dyn Repository>,
    policy: Arc<Policy>,
    version: Version,
    serving: Serving,
    streams: Streams,
) -> Result<(), ServeError> {
    let deadlines = policy.deadlines.clone();
    let (mut session, machine) = Session::new(repository, policy, version, serving);
    let mut driver = Driver::new(machine, streams, deadlines);
    let served = converse(&mut driver, &mut session);
    if let Err(error) = &served
        && !is_over(error)
    {
        driver.abort(error.reply().as_bytes());
    }
    driver.close();
    served
}

/// Writes the refs as `info/refs` shows them, for smart HTTP: an advertisement and nothing else.
///
/// # Errors
/// A failing repository.
pub fn advertise(
    repository: Arc<dyn Repository>,
    policy: Arc<Policy>,
    version: Version,
    mut write: impl FnMut(&mut BytesMut) -> std::io::Result<()>,
) -> Result<(), ServeError> {
    let (mut session, mut machine) = Session::new(repository, policy, version, Serving::Advertisement);
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

fn converse(driver: &mut Driver<UploadPack>, session: &mut Session) -> Result<(), ServeError> {
    loop {
        match driver.next()? {
            Moved::Event(event) => {
                let _ = session.on(event);
                if session.must_check() {
                    session.work(&Never)?;
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

/// Whether the machine or the stream has ended already, so that nothing more can be said.
fn is_over(error: &ServeError) -> bool {
    matches!(error, ServeError::Protocol(_) | ServeError::Transport(_))
}
