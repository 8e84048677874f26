//! Conversations over asynchronous streams: what all front ends of one server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    max: usize,
    waiting: AtomicUsize,
    stop: AtomicBool,
}

/// How much work there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobCounts {
    /// Pieces that run now.
    pub running: usize,
    /// Pieces that wait for their turn.
    pub waiting: usize,
    /// Pieces that may run at once.
    pub max: usize,
}

impl Jobs {
    /// Pieces of work at once where nobody has a number of their own. 64: each may hold the memory that a
    /// [`Policy`](crate::Policy) allows one client.
    pub const MAX: usize = 64;

    /// At most `max` pieces of work at once.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        let (waiting, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { permits: Semaphore::new(max), max, waiting, stop })
    }

    /// How much work there is now.
    #[must_use]
    pub fn counts(&self) -> JobCounts {
        let running = self.max.saturating_sub(self.permits.available_permits());
        JobCounts { running, waiting: self.waiting.load(Ordering::Relaxed), max: self.max }
    }

    /// Interrupts what is under way, and all that would follow.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Does one piece of work where blocking is allowed, when its turn comes: for front ends that speak something else than Git's
    /// protocol. `work` asks the interrupt that it gets, which stops it when nobody waits for it any more: its client has gone, or its door is
    /// closed. Until it ends it counts.
    ///
    /// # Errors
    /// [`ServeError::Internal`] where `work` panics.
    pub async fn run<T, W>(self: &Arc<Self>, work: W) -> Result<T, ServeError>
    where
        T: Send + 'static,
        W: FnOnce(&dyn Interrupt) -> T + Send + 'static,
    {
        let waits = Waits::new(&self.waiting);
        // Never closed, so there is always a permit some time.
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        drop(waits);
        self.turn(1, work).await
    }

    /// The same for what only waits for somebody else: it takes no turn, and does not count.
    async fn wait<T, W>(self: &Arc<Self>, work: W) -> Result<T, ServeError>
    where
        T: Send + 'static,
        W: FnOnce(&dyn Interrupt) -> T + Send + 'static,
    {
        self.turn(0, work).await
    }

    async fn turn<T, W>(self: &Arc<Self>, permits: usize, work: W) -> Result<T, ServeError>
    where
        T: Send + 'static,
        W: FnOnce(&dyn Interrupt) -> T + Send + 'static,
    {
        let caller = Caller { gone: Arc::default() };
        let turn = Turn { jobs: Arc::clone(self), gone: Arc::clone(&caller.gone), permits };
        let done = spawn_blocking(move || work(&turn)).await;
        done.map_err(|_| ServeError::Internal("a job has panicked"))
    }

    /// Serves one client over `stream`, of which `rest` has been read already, until it is done: `conversation` is a session with
    /// its machine, such as [`Session::new`](crate::Session::new) or [`Receiving::session`](crate::Receiving::session) give them.
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
        let waits = session.only_waits();
        let work = move |stop: &dyn Interrupt| {
            let worked = session.work(stop);
            worked.map(|()| session)
        };
        let work = async { if waits { self.wait(work).await } else { self.run(work).await } };
        driver.during(work).await??
    }
}

/// Somebody waits for a turn.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who waits for a piece of work.
struct Caller {
    gone: Arc<AtomicBool>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// A permit that goes where the work goes, and what the work asks whether it shall go on.
struct Turn {
    jobs: Arc<Jobs>,
    gone: Arc<AtomicBool>,
    permits: usize,
}

impl Interrupt for Turn {
    fn check(&self) -> Result<(), Interrupted> {
        let stop = self.jobs.stop.load(Ordering::Relaxed) || self.gone.load(Ordering::Relaxed);
        if stop { Err(Interrupted) } else { Ok(()) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.jobs.permits.add_permits(self.permits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_than_so_many_pieces_of_work_run_at_once() {
        let jobs = Jobs::new(2);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut all = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (jobs, running, most) = (Arc::clone(&jobs), Arc::clone(&running), Arc::clone(&most));
            all.spawn(async move {
                let work = move |_: &dyn Interrupt| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    assert_ne!(number, 3, "one of them panics");
                };
                jobs.run(work).await.is_ok()
            });
        }
        let done = all.join_all().await;
        assert_eq!(done.into_iter().filter(|done| *done).count(), 7);
        assert!(most.load(Ordering::SeqCst) <= 2);
        assert_eq!(jobs.permits.available_permits(), 2, "a permit comes back from work that panics");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_stopped_and_counts_until_then() {
        let jobs = Jobs::new(1);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = std::sync::mpsc::channel();
        let (ended, has_ended) = std::sync::mpsc::channel();
        let first = Arc::clone(&jobs);
        let task = tokio::spawn(async move {
            let work = move |stop: &dyn Interrupt| {
                started.send(()).ok();
                wait.recv().ok();
                ended.send(stop.check().is_err()).ok();
            };
            first.run(work).await
        });
        tokio::task::spawn_blocking(move || has_started.recv()).await.unwrap().unwrap();
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(jobs.permits.available_permits(), 0);
        go.send(()).unwrap();
        assert!(jobs.run(|_| ()).await.is_ok());
        assert_eq!(has_ended.recv(), Ok(true));
    }
}
