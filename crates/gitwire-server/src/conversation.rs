//! What a front end drives, whichever service it serves.

use bytes::BytesMut;
use gitwire_protocol::{Machine, ProtocolError};
use gitwire_types::Interrupt;

use crate::ServeError;

/// The server's side of one conversation: answers the events of one machine out of a repository, without I/O towards the client.
///
/// A front end steps the machine and gives each event to [`on`](Self::on). Where [`must_work`](Self::must_work) then says so, it calls
/// [`work`](Self::work), where blocking is allowed, and [`settle`](Self::settle) before it steps on. When the machine says `Answer`, it calls
/// `work` and then [`answer`](Self::answer). [`Session`](crate::Session) serves fetches, [`ReceiveSession`](crate::ReceiveSession) pushes.
pub trait Conversation: Send + 'static {
    /// The machine whose events are answered.
    type Machine: Machine<Error = ProtocolError, Event: Send> + Send + 'static;

    /// Hears an event of the machine.
    fn on(&mut self, event: <Self::Machine as Machine>::Event) -> Reply;

    /// Whether what was heard is to be dealt with before the client is asked for more.
    fn must_work(&self) -> bool;

    /// Does a bounded piece of what is due. May block on the repository.
    ///
    /// # Errors
    /// What the client may not have; a failing repository; an interrupt. The front end then lets the machine `abort` with
    /// [`ServeError::reply`].
    fn work(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError>;

    /// Tells the machine what came of [`work`](Self::work) that it did not wait for.
    ///
    /// # Errors
    /// None but misuse.
    fn settle(&mut self, machine: &mut Self::Machine, output: &mut BytesMut) -> Result<(), ServeError>;

    /// Whether [`work`](Self::work) would only wait for what somebody else does, and so needs no share of what is done at once.
    fn only_waits(&self) -> bool {
        false
    }

    /// The conversation has ended, perhaps early: waits for what is still under way. Called where blocking is allowed, by front ends that
    /// end with the conversation.
    fn wind_up(&mut self) {}

    /// Appends what [`work`](Self::work) has made.
    ///
    /// # Errors
    /// None but misuse: a call that does not follow `work`, or a machine that this conversation was not made with.
    fn answer(&mut self, machine: &mut Self::Machine, output: &mut BytesMut) -> Result<(), ServeError>;
}

/// What an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Nothing yet: step on.
    Continue,
    /// Work that reads or writes the repository, in bounded pieces of some milliseconds.
    Job,
    /// A pack, in pieces of [`Session::PIECE`](crate::Session::PIECE) bytes.
    Pack,
}
