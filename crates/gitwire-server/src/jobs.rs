//! Conversations over asynchronous streams: what all front ends of one server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use gitwire_transport::tokio::Driver;
use gitwire_transport::{Deadlines, Moved};
use gitwire_types::{Interrupt, Interrupted};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::{Conversation, ServeError};

/// The work on repositories that a server does for all its clients: so many pieces at once, more wait for their turn.
///
/// Front ends share one, so that its bound holds for all of them together.
#[derive(Debug)]
pub struct Jobs {
    permits: Semaphore,
    stop: AtomicBool,
}

impl Jobs {
    /// At most `max` pieces of work at once.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { permits: Semaphore::new(max), stop: AtomicBool::new(false) })
    }

    /// Interrupts what is under way, and all that would follow.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Serves one client over `stream`, of which `rest` has been read already, until it is done: `conversation` is a session with
    /// its machine, such as [`Session::new`](crate::Session::new) or [`ReceiveSession::new`](crate::ReceiveSession::new) give them.
    ///
    /// # Errors
    /// Why the conversation ended early. The client has been told as much as it may know.
    pub async fn serve<C, S>(
        self: &Arc<Self>,
        conversation: (C, C::Machine),
        deadlines: Deadlines,
        stream: S,
        rest: BytesMut,
    ) -> Result<(), ServeError>
    where
        C: Conversation,
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (session, machine) = conversation;
        let mut driver = Driver::new(machine, stream, deadlines).with_input(rest);
        let served = self.converse(&mut driver, session).await;
        if let Err(error) = &served
            && !error.is_over()
        {
            driver.abort(error.reply().as_bytes()).await;
        }
        driver.close().await;
        served
    }

    async fn converse<C, S>(
        self: &Arc<Self>,
        driver: &mut Driver<C::Machine, S>,
        mut session: C,
    ) -> Result<(), ServeError>
    where
        C: Conversation,
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match driver.next().await? {
                Moved::Event(event) => {
                    let _ = session.on(event);
                    if session.must_work() {
                        session = self.work(driver, session).await?;
                        driver.with(|machine, output| session.settle(machine, output))?;
                    }
                }
                Moved::Answer => {
                    session = self.work(driver, session).await?;
                    driver.with(|machine, output| session.answer(machine, output))?;
                }
                Moved::Done => return Ok(()),
            }
        }
    }

    /// A piece of work where blocking is allowed.
    async fn work<C, S>(
        self: &Arc<Self>,
        driver: &mut Driver<C::Machine, S>,
        mut session: C,
    ) -> Result<C, ServeError>
    where
        C: Conversation,
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let this = Arc::clone(self);
        let work = async {
            let _permit = self.permits.acquire().await;
            spawn_blocking(move || {
                let worked = session.work(&*this);
                worked.map(|()| session)
            })
            .await
        };
        driver.during(work).await?.unwrap_or(Err(ServeError::Internal("a job has panicked")))
    }
}

impl Interrupt for Jobs {
    fn check(&self) -> Result<(), Interrupted> {
        if self.stop.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
    }
}
