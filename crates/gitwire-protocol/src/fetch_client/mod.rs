//! The client's side of fetching: versions 0, 1 and 2, over one stream or in requests.
//!
//! # States
//!
//! ```text
//!              first line                 list_refs                 flush
//!  Greeting ──┬─ v0, v1 ─────► Advertised ─────────► RefList ─────────────┐
//!             └─ v2 ► Capabilities ─ flush ──────────────┐                 │
//!                                                        ▼                 ▼
//!        ┌───────────────── list_refs (v2) ─────────── Command ◄───────────┘
//!        └► RefList ── flush ──► Command                 │
//!           BundleList ◄── list_bundles (v2) ────────────┤
//!              └── flush ──► Command                     │
//!                                                        ├─ finish ──► Done
//!                                                        │ fetch
//!                       ┌── depth asked for (v0, v1) ────┤
//!                       ▼                                ▼
//!                 ShallowList ─────── flush ──────────► Haves ◄──── round over ────┐
//!                       ▲                                │ haves                   │
//!                       └─ stateless rounds repeat it ───┤                         │
//!                                                        ├─ v0, v1 ► Acknowledgments ── NAK
//!                                                        │                │ last ACK or NAK
//!                                                        └─ v2 ► Sections ┤ packfile
//!                                                                         ▼
//!                                                                        Pack ── end ──► Command (v2), Done
//! ```
//!
//! In versions 0 and 1 over one stream the machine keeps one window of haves ahead of the answers, as git does, and knows how
//! many answers are still due; so it never waits for a line that will not come.

mod acknowledgments;
mod bundle_list;
mod context;
mod event;
mod greeting;
mod haves;
mod negotiation;
mod pack;
mod ref_list;
mod request;
mod sections;
mod shallow_list;
mod write;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;

use bytes::{Bytes, BytesMut};

use self::acknowledgments::Acknowledgments;
use self::bundle_list::BundleList;
use self::context::{Context, Step};
use self::greeting::{Capabilities, Greeting};
use self::haves::Haves;
use self::negotiation::Negotiation;
use self::pack::Pack;
use self::ref_list::RefList;
use self::sections::Sections;
use self::shallow_list::ShallowList;
use crate::error::Misuse;
use crate::states;
use crate::{Limits, Machine, Mode, Next, ProtocolError, ServerCapabilities, Version};

pub use self::event::{FetchEvent, Readiness};
pub use self::request::{FetchRequest, LsRefsRequest, WindowEnd};

/// The client's side of clone, fetch and ls-remote.
///
/// Step it (see [`Machine`]) until it says [`Answer`](Next::Answer); [`awaiting`](Self::awaiting) then says what is due:
///
/// 1. [`list_refs`](Self::list_refs), after [`FetchEvent::Capabilities`]. Versions 0 and 1 show their refs to everybody, so there it
///    must come first, once; in version 2 it may come at any time or never.
/// 2. [`fetch`](Self::fetch), or [`finish`](Self::finish).
/// 3. [`haves`](Self::haves), window by window, up to [`window`](Self::window) objects each, until the machine asks no more, or until
///    the application has no more or gives up and ends with [`WindowEnd::Done`]. git gives up after 256 haves in vain.
///
/// Then the pack passes through. Version 2 asks for the next command after it.
///
/// ```
/// use bytes::BytesMut;
/// use gitwire_protocol::{FetchClient, FetchClientOptions, FetchEvent, LsRefsRequest, Machine, Next};
///
/// let mut client = FetchClient::new(FetchClientOptions::default());
/// // What a driver would have read: version 0, one ref.
/// let mut input = BytesMut::from(
///     &b"005174730d410fcb6603ace96f1dc55ea6196122532d refs/heads/main\0ofs-delta agent=x/1\n0000"[..],
/// );
/// let mut output = BytesMut::new();
/// let mut names = Vec::new();
/// loop {
///     match client.step(&mut input, &mut output)? {
///         Next::Event(FetchEvent::Refs(block)) => names.extend(block.iter().map(|shown| shown.name.to_vec())),
///         Next::Answer if names.is_empty() => client.list_refs(LsRefsRequest::everything(), &mut output)?,
///         Next::Answer => client.finish(&mut output)?,
///         Next::Read => unreachable!("everything is there"),
///         Next::Done => break,
///         _ => {}
///     }
/// }
/// assert_eq!(names, [b"refs/heads/main"]);
/// assert_eq!(output, "0000");
/// # Ok::<(), gitwire_protocol::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct FetchClient {
    context: Context,
    state: State,
    failed: Option<ProtocolError>,
}

/// How a [`FetchClient`] speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchClientOptions {
    /// Whether one stream lasts.
    pub mode: Mode,
    /// What the client says that it is, if the server says so too: printable, no spaces. `None` to keep silent. A request may
    /// name another.
    pub agent: Option<Bytes>,
    /// The client's session, told to servers that tell theirs. A request may name another.
    pub session_id: Option<Bytes>,
    /// Windows of haves that are asked for before the first of them is answered, in versions 0 and 1 over one stream. 1, as git
    /// has it, so that the line does not lie idle. 0 for who has the haves from somebody that waits for each answer, as a gate does.
    pub windows_ahead: usize,
    /// What the server may make us read and hold.
    pub limits: Limits,
}

impl Default for FetchClientOptions {
    /// One stream, the library's name as agent, no session.
    fn default() -> Self {
        Self {
            mode: Mode::Duplex,
            agent: Some(Bytes::from_static(crate::AGENT)),
            session_id: None,
            windows_ahead: 1,
            limits: Limits::default(),
        }
    }
}

/// What a [`FetchClient`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchAwaiting {
    /// [`list_refs`](FetchClient::list_refs): versions 0 and 1, before anything else.
    ListRefs,
    /// [`list_refs`](FetchClient::list_refs) (version 2), [`fetch`](FetchClient::fetch) or [`finish`](FetchClient::finish).
    Command,
    /// [`haves`](FetchClient::haves), or [`finish`](FetchClient::finish) to break the negotiation off; in version 2 also another
    /// command.
    Haves,
    /// The server.
    Server,
    /// Nothing any more.
    Nothing,
}

impl FetchClient {
    /// A client at the start of a conversation. It learns the version from the first line.
    #[must_use]
    pub fn new(options: FetchClientOptions) -> Self {
        Self { context: Context::new(options), state: State::Greeting(Greeting::default()), failed: None }
    }

    /// Asks for refs. They come as [`FetchEvent::Refs`], up to [`FetchEvent::RefsEnd`].
    ///
    /// In versions 0 and 1 nothing is sent: the refs are on their way, whatever the request says.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Unsendable`] for a prefix with NUL or LF; [`Misuse::NotOffered`] for options to a server
    /// that takes none. Nothing is written then.
    pub fn list_refs(&mut self, request: LsRefsRequest, output: &mut BytesMut) -> Result<(), ProtocolError> {
        let next = match &self.state {
            State::Advertised(_) => RefList::advertisement(&self.context)?,
            _ if self.may_command() && self.context.version() == Some(Version::V2) => {
                write::ls_refs(&mut self.context, &request, output)?;
                RefList::ls_refs(&self.context)?
            }
            _ => return Err(Misuse::OutOfTurn("list_refs").into()),
        };
        self.state = State::RefList(next);
        Ok(())
    }

    /// Asks where bundles are that bring a part of the repository (version 2). The list comes as [`FetchEvent::BundleUri`], up to
    /// [`FetchEvent::BundleUrisEnd`]; then a command is due again.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::NotOffered`] where the server has no such list. Nothing is written then.
    pub fn list_bundles(
        &mut self,
        server_options: &[Bytes],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match &self.state {
            State::Command(_) if self.context.version() == Some(Version::V2) => {
                write::bundle_uri(&mut self.context, server_options, output)?;
            }
            State::Command(_) => return Err(Misuse::NotOffered("bundle-uri").into()),
            _ => return Err(Misuse::OutOfTurn("list_bundles").into()),
        }
        self.state = State::BundleList(BundleList::default());
        Ok(())
    }

    /// Asks for objects. Haves are due next, if only to say that there are none.
    ///
    /// In version 2 it may also come while haves are due: each request stands for itself there, so a negotiation may be left
    /// for another one.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::NotOffered`] for what the server cannot do; [`Misuse::Invalid`] for a request without wants,
    /// a depth that is none, or a depth beside a time or refs; [`Misuse::Unsendable`] for a filter, ref or option that fits into no
    /// line. Nothing is written then.
    pub fn fetch(&mut self, request: FetchRequest, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if !self.may_command() {
            return Err(Misuse::OutOfTurn("fetch").into());
        }
        let mut negotiation = Box::new(Negotiation::new(&self.context, request)?);
        self.state = if negotiation.begin(&mut self.context, output)? {
            State::ShallowList(ShallowList::first(negotiation))
        } else {
            State::Haves(Haves { negotiation })
        };
        Ok(())
    }

    /// How many haves the next window should have, as git would send them: small first, then more. 0 if the server's
    /// capabilities allow no negotiation in this mode: end with [`WindowEnd::Done`] then.
    #[must_use]
    pub fn window(&self) -> usize {
        match &self.state {
            State::Haves(haves) => haves.negotiation.window(),
            _ => 0,
        }
    }

    /// Tells the server of a window of objects that we have, with all their history.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Invalid`] for ids of another format, and for an empty window that is not the last one.
    /// Nothing is written then.
    pub fn haves(
        &mut self,
        ids: &[gitwire_types::ObjectId],
        end: WindowEnd,
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        let State::Haves(haves) = &mut self.state else {
            return Err(Misuse::OutOfTurn("haves").into());
        };
        haves.negotiation.check(ids, end)?;
        let State::Haves(Haves { negotiation }) = core::mem::replace(&mut self.state, State::Done(Done))
        else {
            return Err(ProtocolError::Internal("the state has changed by itself"));
        };
        self.state = negotiation.send(&mut self.context, ids, end, output)?;
        Ok(())
    }

    /// Says that the object which was acknowledged last is reached by another that both sides have, so that it need not be named again in
    /// the requests that follow (versions 0 and 1, request by request). Whoever does not say so sends more than git would. Where
    /// nothing would be named again it changes nothing.
    pub fn implied(&mut self, id: &gitwire_types::ObjectId) {
        if let State::Acknowledgments(acknowledgments) = &mut self.state {
            acknowledgments.negotiation.imply(id);
        }
    }

    /// Ends the conversation: tells the server that nothing more will be asked for.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]. Nothing is written then.
    pub fn finish(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        match (&self.state, self.context.options.mode) {
            (State::Command(_), Mode::Duplex) => {
                gitwire_pktline::encode_flush(output);
                self.context.turn = true;
            }
            (State::Command(_) | State::Haves(_), _) => {}
            _ => return Err(Misuse::OutOfTurn("finish").into()),
        }
        self.state = State::Done(Done);
        Ok(())
    }

    /// Whether a new command may be sent: when one is due, and in version 2 between the rounds of a negotiation.
    fn may_command(&self) -> bool {
        match &self.state {
            State::Command(_) => true,
            State::Haves(haves) => haves.negotiation.is_v2(),
            _ => false,
        }
    }

    /// What is due.
    #[must_use]
    pub const fn awaiting(&self) -> FetchAwaiting {
        match &self.state {
            State::Advertised(_) => FetchAwaiting::ListRefs,
            State::Command(_) => FetchAwaiting::Command,
            State::Haves(_) => FetchAwaiting::Haves,
            State::Done(_) => FetchAwaiting::Nothing,
            _ => FetchAwaiting::Server,
        }
    }

    /// What the server can do, once it has said so.
    #[must_use]
    pub const fn capabilities(&self) -> Option<&ServerCapabilities> {
        self.context.capabilities.as_ref()
    }
}

impl Machine for FetchClient {
    type Event = FetchEvent;
    type Error = ProtocolError;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Next<FetchEvent>, ProtocolError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = states::advance(&mut self.state, &mut self.context, input, output);
        next.inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn end_of_input(&mut self) {
        self.context.reader.end();
    }

    /// A client has nothing to say between its requests.
    fn keep_alive(&mut self, _output: &mut BytesMut) -> bool {
        false
    }

    /// A client that gives up closes the stream; there is no message for it.
    fn abort(&mut self, _reason: &[u8], _output: &mut BytesMut) {
        self.context.turn = false;
        self.state = State::Done(Done);
    }
}

/// Where the conversation stands.
#[derive(Debug)]
enum State {
    Greeting(Greeting),
    Capabilities(Capabilities),
    Advertised(Advertised),
    RefList(RefList),
    BundleList(BundleList),
    Command(Command),
    ShallowList(ShallowList),
    Haves(Haves),
    Acknowledgments(Acknowledgments),
    Sections(Sections),
    Pack(Pack),
    Done(Done),
}

impl states::State for State {
    type Context = Context;
    type Event = FetchEvent;

    const DONE: Self = Self::Done(Done);

    fn due(context: &mut Context) -> Option<Next<FetchEvent>> {
        core::mem::take(&mut context.turn).then_some(Next::Turn)
    }

    fn step(
        self,
        context: &mut Context,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        match self {
            Self::Greeting(state) => state.step(context, input),
            Self::Capabilities(state) => state.step(context, input),
            Self::Advertised(state) => state.step(context, input),
            Self::RefList(state) => state.step(context, input),
            Self::BundleList(state) => state.step(context, input),
            Self::Command(state) => state.step(context, input),
            Self::ShallowList(state) => state.step(context, input),
            Self::Haves(state) => state.step(context, input),
            Self::Acknowledgments(state) => state.step(context, input, output),
            Self::Sections(state) => state.step(context, input),
            Self::Pack(state) => state.step(context, input),
            Self::Done(Done) => Ok(Step::Done),
        }
    }
}

/// Versions 0 and 1: the capabilities are known, the refs wait to be read.
#[derive(Debug)]
struct Advertised;

impl Advertised {
    fn step(self, _context: &mut Context, _input: &mut BytesMut) -> Result<Step, ProtocolError> {
        Ok(Step::Answer(State::Advertised(self)))
    }
}

/// A command is due.
#[derive(Debug)]
struct Command;

impl Command {
    fn step(self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        context.reader.listen(input)?;
        Ok(Step::Answer(State::Command(self)))
    }
}

/// Nothing more is due. What the peer still sends is left alone.
#[derive(Debug)]
struct Done;
