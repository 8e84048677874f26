//! The server's side of fetching: versions 0, 1 and 2, over one stream or request by request.
//!
//! # States
//!
//! ```text
//!                            send_ref, end_refs
//!  Start ─┬─ v0, v1 ► Refs ───────────────────┬─► Request ── flush ──┬──────────────► Haves ◄──────────┐
//!         │                                   │      │ no wants      │ depth           │ flush, done   │
//!         │            Advertisement: Done ◄──┘      ▼               ▼                 ▼               │ flush
//!         │                                         Done ◄──┐     Boundary ─► Haves  HavesDue ─────────┤
//!         │                                         ▲       │    shallow_info          │ acknowledge  │ stateless
//!         │          stateless v0, v1 ► Request     │       │                          │              ▼
//!         │                                       flush     │         done, no-done    │             Done
//!         └─ v2 ────────────────────────────► Command       │                          ▼
//!                                              ▲  │ └─ fetch ► Fetch ─── no haves ───► Pack ── end_pack ──► Done (v0, v1)
//!                 after each answer, in duplex │  │              │ haves               ▲ │
//!                 (Done when stateless)        │  │              ▼                     │ └─────────► Command, Done (v2)
//!                                              │  │          FetchHaves ── ready, done ┘
//!                                              │  │              │ not ready
//!                                              │  │              └──────────► Command, Done
//!                                              │  ├─ ls-refs ► LsRefs ─► Refs ─► Command, Done
//!                                              │  ├─ object-info ► ObjectInfo ─► ObjectInfoDue ─► Command, Done
//!                                              │  └─ bundle-uri ► BundleUri ─► BundleUriDue ─► Command, Done
//!                                              └───────────────────────────────────┘
//! ```
//!
//! Whatever is wrong with what a client sends is told to it in an `ERR` line before the error is returned.

mod command;
mod context;
mod event;
mod fetch;
mod haves;
mod options;
mod pack;
mod query;
mod refs;
mod request;
mod state;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod transitions;

use bytes::BytesMut;
use gitwire_types::ObjectId;

use self::context::Context;
use self::state::{Done, Start, State};
use crate::error::Misuse;
use crate::message::{BundleUriLine, PackfileUri, ShallowUpdate, WantedRef};
use crate::states;
use crate::wire::error_line;
use crate::{AdvertisedRef, Machine, Next, ProtocolError};

pub use self::event::{HavesEnd, UploadPackEvent, UploadRequest};
pub use self::options::{Serving, UploadPackOptions};

/// The server's side of clone, fetch and ls-remote.
///
/// Step it (see [`Machine`]) and answer its events; each [`UploadPackEvent`] says what it asks for. While the machine says
/// [`Answer`](Next::Answer), [`awaiting`](Self::awaiting) names what is due.
///
/// ```
/// use bytes::BytesMut;
/// use gitwire_protocol::{AdvertisedRef, Machine, Next, Serving, UploadPack, UploadPackEvent, UploadPackOptions, Version};
/// use gitwire_types::{ObjectFormat, ObjectId};
///
/// let tip = ObjectId::from_sha1([0x11; 20]);
/// let mut server = UploadPack::new(UploadPackOptions::new(Version::V0, Serving::Duplex, ObjectFormat::Sha1));
/// // A client that only looks: it sends a flush packet.
/// let (mut input, mut output) = (BytesMut::from(&b"0000"[..]), BytesMut::new());
/// loop {
///     match server.step(&mut input, &mut output)? {
///         Next::Event(UploadPackEvent::RefsWanted(_)) => {
///             server.send_ref(&AdvertisedRef::new(b"refs/heads/main", tip), &mut output)?;
///             server.end_refs(&[], &mut output)?;
///         }
///         Next::Done => break,
///         _ => {}
///     }
/// }
/// assert!(output[4..].starts_with(b"1111111111111111111111111111111111111111 refs/heads/main\0multi_ack thin-pack"));
/// assert!(output.ends_with(b"0000"));
/// # Ok::<(), gitwire_protocol::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct UploadPack {
    context: Context,
    state: State,
    failed: Option<ProtocolError>,
}

/// What an [`UploadPack`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadPackAwaiting {
    /// [`send_ref`](UploadPack::send_ref) and [`end_refs`](UploadPack::end_refs).
    Refs,
    /// [`shallow_info`](UploadPack::shallow_info), in versions 0 and 1.
    ShallowInfo,
    /// [`acknowledge`](UploadPack::acknowledge).
    Acknowledgments,
    /// [`object_info`](UploadPack::object_info).
    ObjectInfo,
    /// [`bundle_uris`](UploadPack::bundle_uris).
    BundleUris,
    /// [`pack_frame`](UploadPack::pack_frame) and [`end_pack`](UploadPack::end_pack), in version 2 after the sections.
    Pack,
    /// The client.
    Client,
    /// Nothing any more.
    Nothing,
}

/// What the application knows of a block of haves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaveAnswers<'a> {
    /// For each have, in order, whether it is there.
    pub common: &'a [bool],
    /// How many haves of the block it takes until everything that is wanted has an ancestor in common: then the server is ready.
    /// `Some(0)` if that was so before the block, `None` if it is not so yet.
    pub covered_after: Option<usize>,
}

impl UploadPack {
    /// A server at the start of a conversation, or of the part of it that `options` say.
    #[must_use]
    pub fn new(options: UploadPackOptions) -> Self {
        Self { context: Context::new(options), state: State::Start(Start), failed: None }
    }

    /// Sends a ref. In versions 0 and 1 `HEAD` comes first, if it resolves, then all others in byte order; an unborn one is
    /// left out. In version 2 what the client did not ask for is left out: peeled ids, symbolic targets, an unborn `HEAD`.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Invalid`] for an id of another format; [`Misuse::Unsendable`] for a name with a blank or a
    /// control byte. Nothing is written then.
    pub fn send_ref(
        &mut self,
        shown: &AdvertisedRef<'_>,
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match &mut self.state {
            State::Refs(refs) => refs.send(&self.context, shown, output),
            _ => Err(Misuse::OutOfTurn("send_ref").into()),
        }
    }

    /// Ends the refs. `boundary` are the commits whose parents the repository lacks; version 2 does not tell them here.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]. Nothing is written then.
    pub fn end_refs(&mut self, boundary: &[ObjectId], output: &mut BytesMut) -> Result<(), ProtocolError> {
        match self.take() {
            State::Refs(refs) => self.put(|context| refs.end(context, boundary, output)),
            state => self.refuse(state, "end_refs"),
        }
    }

    /// Says how the client's boundary moves. Due in versions 0 and 1 after a request with a depth; in version 2 before the pack,
    /// first of the sections, if the client asked for a depth, has a boundary itself, or the repository has one.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]. Nothing is written then.
    pub fn shallow_info(
        &mut self,
        updates: &[ShallowUpdate],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match self.take() {
            State::Boundary(boundary) => self.put(|context| boundary.answer(context, updates, output)),
            State::Pack(mut pack) => {
                let written = pack.shallow_info(&self.context, updates, output);
                self.state = State::Pack(pack);
                written
            }
            state => self.refuse(state, "shallow_info"),
        }
    }

    /// Says how large the objects are that the client has asked about, in their order; `None` for what is not there, or not to be seen.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Answers`] for more or fewer answers than objects. Nothing is written then.
    pub fn object_info(&mut self, sizes: &[Option<u64>], output: &mut BytesMut) -> Result<(), ProtocolError> {
        if let State::ObjectInfoDue(due) = &self.state {
            due.check(sizes)?;
        }
        match self.take() {
            State::ObjectInfoDue(due) => self.put(|context| due.answer(context, sizes, output)),
            state => self.refuse(state, "object_info"),
        }
    }

    /// Says where bundles are to be had: the variables of a bundle list, in their order.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`ProtocolError::Framing`] for a value that fits into no line. Nothing is written then.
    pub fn bundle_uris(
        &mut self,
        lines: &[BundleUriLine<'_>],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match self.take() {
            State::BundleUriDue(due) => self.put(|context| due.answer(context, lines, output)),
            state => self.refuse(state, "bundle_uris"),
        }
    }

    /// Answers a block of haves.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Answers`] for more or fewer answers than haves. Nothing is written then.
    pub fn acknowledge(
        &mut self,
        answers: HaveAnswers<'_>,
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match &self.state {
            State::HavesDue(due) => due.check(&answers)?,
            State::FetchHaves(due) => due.check(&answers)?,
            _ => {}
        }
        match self.take() {
            State::HavesDue(due) => self.put(|context| due.answer(context, &answers, output)),
            State::FetchHaves(due) => self.put(|context| due.answer(context, &answers, output)),
            state => self.refuse(state, "acknowledge"),
        }
    }

    /// Says what the refs hold that the client wants by name (version 2). Due before the pack if there are any.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`ProtocolError::Framing`] for a name that fits into no line. Nothing is written then.
    pub fn wanted_refs(
        &mut self,
        refs: &[WantedRef<'_>],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match &mut self.state {
            State::Pack(pack) => pack.wanted_refs(&self.context, refs, output),
            _ => Err(Misuse::OutOfTurn("wanted_refs").into()),
        }
    }

    /// Names packs that the client must fetch from elsewhere (version 2), if it can.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`ProtocolError::Framing`] for a URI that fits into no line. Nothing is written then.
    pub fn packfile_uris(
        &mut self,
        uris: &[PackfileUri<'_>],
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match &mut self.state {
            State::Pack(pack) => pack.packfile_uris(&self.context, uris, output),
            _ => Err(Misuse::OutOfTurn("packfile_uris").into()),
        }
    }

    /// Begins the pack: no sections follow. [`pack_frame`](Self::pack_frame) and [`progress`](Self::progress) do it by themselves; call it
    /// where the pack takes long to come, so that [`keep_alive`](Machine::keep_alive) has a way.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`], also while wanted refs are due. Nothing is written then.
    pub fn begin_pack(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        match &mut self.state {
            State::Pack(pack) => pack.begin(&self.context, output),
            _ => Err(Misuse::OutOfTurn("a pack").into()),
        }
    }

    /// Sends some of the pack: `fill` writes it in place, to the front of the room that it gets, and says how many bytes it
    /// wrote. The room is what one packet holds. With 0 nothing is sent. Returns what `fill` said.
    ///
    /// # Errors
    /// As [`begin_pack`](Self::begin_pack); [`Misuse::Invalid`] if `fill` claims more than there was room for.
    pub fn pack_frame(
        &mut self,
        output: &mut BytesMut,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, ProtocolError> {
        self.begin_pack(output)?;
        match &mut self.state {
            State::Pack(pack) => pack.frame(output, fill),
            _ => Err(Misuse::OutOfTurn("a pack").into()),
        }
    }

    /// Sends progress. Without a side-band, or if the client wants none, nothing is sent.
    ///
    /// # Errors
    /// As [`begin_pack`](Self::begin_pack).
    pub fn progress(&mut self, text: &[u8], output: &mut BytesMut) -> Result<(), ProtocolError> {
        self.begin_pack(output)?;
        match &mut self.state {
            State::Pack(pack) => pack.progress(text, output),
            _ => return Err(Misuse::OutOfTurn("progress").into()),
        }
        Ok(())
    }

    /// Sends a message that the client is to see even where it wants no progress: what a hook has to say. Without a side-band nothing
    /// is sent.
    ///
    /// # Errors
    /// As [`begin_pack`](Self::begin_pack).
    pub fn message(&mut self, text: &[u8], output: &mut BytesMut) -> Result<(), ProtocolError> {
        self.begin_pack(output)?;
        match &mut self.state {
            State::Pack(pack) => pack.message(text, output),
            _ => return Err(Misuse::OutOfTurn("message").into()),
        }
        Ok(())
    }

    /// Ends the pack.
    ///
    /// # Errors
    /// As [`begin_pack`](Self::begin_pack).
    pub fn end_pack(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        self.begin_pack(output)?;
        match self.take() {
            State::Pack(pack) => self.put(|context| Ok(pack.end(context, output))),
            state => self.refuse(state, "end_pack"),
        }
    }

    /// What is due.
    #[must_use]
    pub const fn awaiting(&self) -> UploadPackAwaiting {
        match &self.state {
            State::Refs(_) => UploadPackAwaiting::Refs,
            State::Boundary(_) => UploadPackAwaiting::ShallowInfo,
            State::HavesDue(_) | State::FetchHaves(_) => UploadPackAwaiting::Acknowledgments,
            State::ObjectInfoDue(_) => UploadPackAwaiting::ObjectInfo,
            State::BundleUriDue(_) => UploadPackAwaiting::BundleUris,
            State::Pack(_) => UploadPackAwaiting::Pack,
            State::Done(_) => UploadPackAwaiting::Nothing,
            _ => UploadPackAwaiting::Client,
        }
    }

    fn take(&mut self) -> State {
        core::mem::replace(&mut self.state, State::Done(Done))
    }

    fn put(
        &mut self,
        next: impl FnOnce(&mut Context) -> Result<State, ProtocolError>,
    ) -> Result<(), ProtocolError> {
        self.state = next(&mut self.context)?;
        Ok(())
    }

    fn refuse(&mut self, state: State, call: &'static str) -> Result<(), ProtocolError> {
        self.state = state;
        Err(Misuse::OutOfTurn(call).into())
    }

    fn last_words(&self, reason: &[u8], output: &mut BytesMut) {
        let said = match &self.state {
            State::Pack(pack) => pack.abort(&self.context, reason, output),
            State::Done(_) => true,
            _ => false,
        };
        if !said {
            error_line(reason, output);
        }
    }
}

impl Machine for UploadPack {
    type Event = UploadPackEvent;
    type Error = ProtocolError;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Next<UploadPackEvent>, ProtocolError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = states::advance(&mut self.state, &mut self.context, input, output);
        next.inspect_err(|error| {
            if !matches!(error, ProtocolError::Remote { .. }) {
                error_line(error.reply().as_bytes(), output);
            }
            self.failed = Some(error.clone());
        })
    }

    fn end_of_input(&mut self) {
        self.context.reader.end();
    }

    fn keep_alive(&mut self, output: &mut BytesMut) -> bool {
        match &self.state {
            State::Pack(pack) => pack.keep_alive(&self.context, output),
            _ => false,
        }
    }

    fn abort(&mut self, reason: &[u8], output: &mut BytesMut) {
        self.last_words(reason, output);
        self.context.events.clear();
        self.context.turn = false;
        self.state = State::Done(Done);
    }
}
