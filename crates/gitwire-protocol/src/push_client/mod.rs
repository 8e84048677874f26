//! The client's side of pushing: versions 0 and 1, over one stream or in requests.
//!
//! # States
//!
//! ```text
//!               first line            flush                push
//!  Greeting ──────────────► RefList ───────► Command ──┬────────────► Pack ── end_pack ──► Report ── flush ──► Done
//!                                               │      │                │                    ▲
//!                                               │      └─ only deletions ─────────────────────┤
//!                                        finish │                       │  report comes early │
//!                                               ▼                       └─────────────────────┘
//!                                              Done
//! ```
//!
//! While the pack is sent the server is heard: progress passes through, and a report that comes early ends the pack.

mod context;
mod event;
mod greeting;
mod ref_list;
mod report;
#[cfg(test)]
mod tests;

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use gitwire_capability::{PushAgreement, PushFeature, PushOffer, PushWish, Value};
use gitwire_types::{ObjectFormat, ObjectId};

use self::context::{Context, Step};
use self::greeting::Greeting;
use self::ref_list::RefList;
use self::report::Report;
use crate::error::Misuse;
use crate::message::{PushCertificate, UpdateRequestLine, is_sendable};
use crate::states;
use crate::wire::{is_name, text_line};
use crate::{Limits, Machine, Mode, Next, ProtocolError, PushCommand, UpdateRequest, Version};

pub use self::event::PushEvent;

/// The client's side of a push.
///
/// Step it (see [`Machine`]) until it says [`Answer`](Next::Answer); [`awaiting`](Self::awaiting) then says what is due:
///
/// 1. [`push`](Self::push) with what both sides agreed on, or [`finish`](Self::finish).
/// 2. [`pack_frame`](Self::pack_frame) and [`end_pack`](Self::end_pack), unless all commands delete.
///
/// Then the report comes, as [`PushEvent::Unpacked`] and [`PushEvent::Status`], up to [`PushEvent::ReportEnd`].
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use gitwire_protocol::{Machine, Next, PushClient, PushClientOptions, PushCommand, PushEvent, PushRequest};
/// use gitwire_types::{ObjectFormat, ObjectId};
///
/// let mut client = PushClient::new(PushClientOptions::default());
/// // What a driver would have read: a server with one ref.
/// let mut input = BytesMut::from(
///     &b"005974730d410fcb6603ace96f1dc55ea6196122532d refs/heads/old\0report-status delete-refs a=b0000"[..],
/// );
/// let mut output = BytesMut::new();
/// loop {
///     match client.step(&mut input, &mut output)? {
///         Next::Answer => {
///             let wish = PushClient::wish(ObjectFormat::Sha1);
///             let agreement = client.offer().unwrap().agree(&wish)?;
///             let old = ObjectId::from_hex(ObjectFormat::Sha1, b"74730d410fcb6603ace96f1dc55ea6196122532d")?;
///             let new = ObjectId::zero(ObjectFormat::Sha1);
///             let name = Bytes::from_static(b"refs/heads/old");
///             let request = PushRequest::new(agreement, vec![PushCommand { old, new, name }]);
///             client.push(&request, &mut output)?;
///         }
///         Next::Turn => break,
///         Next::Read | Next::Done => unreachable!("everything is there"),
///         Next::Event(_) => {}
///     }
/// }
/// assert!(output.ends_with(b" 0000000000000000000000000000000000000000 refs/heads/old\0 report-status0000"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PushClient {
    context: Context,
    state: State,
    failed: Option<ProtocolError>,
}

/// How a [`PushClient`] speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushClientOptions {
    /// Whether one stream lasts.
    pub mode: Mode,
    /// What the server may make us read and hold.
    pub limits: Limits,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushRequest {
    /// What both sides use: from [`PushOffer::agree`].
    pub agreement: PushAgreement,
    /// The changes. At least one.
    pub commands: Vec<PushCommand>,
    /// Commits whose parents the client lacks.
    pub shallow: Vec<ObjectId>,
    /// Options for the server's hooks; the agreement must hold them.
    pub push_options: Vec<Bytes>,
    /// The signed certificate, which then stands in place of the commands; the agreement must hold its nonce.
    pub certificate: Option<Bytes>,
}

impl PushRequest {
    /// A request without boundary, options and certificate.
    #[must_use]
    pub const fn new(agreement: PushAgreement, commands: Vec<PushCommand>) -> Self {
        Self { agreement, commands, shallow: Vec::new(), push_options: Vec::new(), certificate: None }
    }
}

impl From<UpdateRequest> for PushRequest {
    /// What a client asked our server for, to ask another server for it in the client's name. A certificate goes as it came: the
    /// nonce in it is to be that server's.
    fn from(asked: UpdateRequest) -> Self {
        let UpdateRequest { commands, shallow, mut agreement, push_options, certificate } = asked;
        if let Some(text) = &certificate {
            let read = PushCertificate::parse(agreement.object_format, text).unwrap_or_default();
            agreement.nonce = Some(Value::sanitized(read.nonce.unwrap_or_default()));
        }
        Self { agreement, commands, shallow, push_options, certificate }
    }
}

/// What a [`PushClient`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushAwaiting {
    /// [`push`](PushClient::push) or [`finish`](PushClient::finish).
    Command,
    /// [`pack_frame`](PushClient::pack_frame) and [`end_pack`](PushClient::end_pack).
    Pack,
    /// The server.
    Server,
    /// Nothing any more.
    Nothing,
}

impl PushClient {
    /// A client at the start of a conversation.
    #[must_use]
    pub fn new(options: PushClientOptions) -> Self {
        Self { context: Context::new(options), state: State::Greeting(Greeting::default()), failed: None }
    }

    /// What nearly every push wants, under the library's name.
    #[must_use]
    pub fn wish(format: ObjectFormat) -> PushWish {
        let mut wish = PushWish::new(format);
        wish.agent = Some(Value::sanitized(crate::AGENT));
        wish
    }

    /// Asks for changes. The pack is due next, unless all commands delete.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Invalid`] for a request without commands, ids of another format, options or a certificate that
    /// were not agreed on; [`Misuse::NotOffered`] for a deletion that the server does not take; [`Misuse::Unsendable`] for a name,
    /// option or certificate that fits into no line. Nothing is written then.
    pub fn push(&mut self, request: &PushRequest, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if !matches!(self.state, State::Command(_)) {
            return Err(Misuse::OutOfTurn("push").into());
        }
        self.check(request)?;
        let start = output.len();
        write(request, output).inspect_err(|_| output.truncate(start))?;
        let report = Report::new(&request.agreement, self.context.reader.clone());
        if request.commands.iter().all(PushCommand::is_delete) {
            self.context.turn = true;
            self.state = State::Report(report);
        } else {
            self.state = State::Pack(Pack { report });
        }
        Ok(())
    }

    /// Sends some of the pack: `fill` writes it in place, to the front of the room that it gets, and says how many bytes it
    /// wrote. Returns what `fill` said.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`], also when the server has ended the push early: its report comes from `step`. [`Misuse::Invalid`] if
    /// `fill` claims more than there was room for.
    pub fn pack_frame(
        &mut self,
        output: &mut BytesMut,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, ProtocolError> {
        let State::Pack(_) = &self.state else {
            return Err(Misuse::OutOfTurn("a pack").into());
        };
        let start = output.len();
        output.resize(start.saturating_add(FRAME_MAX), 0);
        let written = fill(output.get_mut(start..).unwrap_or_default());
        if written > FRAME_MAX {
            output.truncate(start);
            return Err(Misuse::Invalid("a frame that is more than full").into());
        }
        output.truncate(start.saturating_add(written));
        Ok(written)
    }

    /// The pack is out.
    ///
    /// # Errors
    /// As [`pack_frame`](Self::pack_frame).
    pub fn end_pack(&mut self) -> Result<(), ProtocolError> {
        match core::mem::replace(&mut self.state, State::Done(Done)) {
            State::Pack(Pack { report }) => {
                self.context.turn = true;
                self.state = State::Report(report);
                Ok(())
            }
            state => {
                self.state = state;
                Err(Misuse::OutOfTurn("end_pack").into())
            }
        }
    }

    /// Ends the conversation without a push.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]. Nothing is written then.
    pub fn finish(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        let State::Command(_) = &self.state else {
            return Err(Misuse::OutOfTurn("finish").into());
        };
        if self.context.options.mode == Mode::Duplex {
            gitwire_pktline::encode_flush(output);
            self.context.turn = true;
        }
        self.state = State::Done(Done);
        Ok(())
    }

    /// What is due.
    #[must_use]
    pub const fn awaiting(&self) -> PushAwaiting {
        match &self.state {
            State::Command(_) => PushAwaiting::Command,
            State::Pack(_) => PushAwaiting::Pack,
            State::Done(_) => PushAwaiting::Nothing,
            _ => PushAwaiting::Server,
        }
    }

    /// What the server offers, once it has said so.
    #[must_use]
    pub fn offer(&self) -> Option<&Arc<PushOffer>> {
        self.context.offer.as_ref()
    }

    /// The version that the server speaks: 0 or 1.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.context.version
    }

    fn check(&self, request: &PushRequest) -> Result<(), ProtocolError> {
        let format = request.agreement.object_format;
        let offer = self.context.offer.as_ref().ok_or(ProtocolError::Internal("no capabilities"))?;
        let wrong = |id: &ObjectId| id.format() != format;
        if request.commands.is_empty() {
            return Err(Misuse::Invalid("a push without commands").into());
        }
        if request.commands.iter().any(|command| wrong(&command.old) || wrong(&command.new))
            || request.shallow.iter().any(wrong)
        {
            return Err(Misuse::Invalid("an id of another format than the agreement's").into());
        }
        if request.commands.iter().any(|command| !is_name(&command.name)) {
            return Err(Misuse::Unsendable("a ref name with a control byte or a blank").into());
        }
        if request.commands.iter().any(PushCommand::is_delete)
            && !offer.features.contains(PushFeature::DeleteRefs)
        {
            return Err(Misuse::NotOffered("delete-refs").into());
        }
        let agreed = request.agreement.features.contains(PushFeature::PushOptions);
        if !agreed && !request.push_options.is_empty() {
            return Err(Misuse::Invalid("push options that were not agreed on").into());
        }
        if request.push_options.iter().any(|option| !is_sendable(option)) {
            return Err(Misuse::Unsendable("a push option").into());
        }
        if request.certificate.is_some() && request.agreement.nonce.is_none() {
            return Err(Misuse::Invalid("a certificate that was not agreed on").into());
        }
        Ok(())
    }
}

/// How much of the pack is made at a time.
const FRAME_MAX: usize = 64 << 10;

/// Writes *update-requests* and the push options.
fn write(request: &PushRequest, output: &mut BytesMut) -> Result<(), ProtocolError> {
    for id in &request.shallow {
        UpdateRequestLine::Shallow(*id).write(output)?;
    }
    let mut list = Vec::new();
    request.agreement.write(&mut list);
    match &request.certificate {
        Some(certificate) => {
            UpdateRequestLine::Certificate { capabilities: &list }.write(output)?;
            UpdateRequestLine::write_certificate(certificate, output)?;
        }
        None => {
            let mut capabilities = Some(list.as_slice());
            for PushCommand { old, new, name } in &request.commands {
                let capabilities = capabilities.take();
                UpdateRequestLine::Command { old: *old, new: *new, name, capabilities }.write(output)?;
            }
        }
    }
    gitwire_pktline::encode_flush(output);
    if request.agreement.features.contains(PushFeature::PushOptions) {
        for option in &request.push_options {
            text_line(&[option], output)?;
        }
        gitwire_pktline::encode_flush(output);
    }
    Ok(())
}

impl Machine for PushClient {
    type Event = PushEvent;
    type Error = ProtocolError;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Next<PushEvent>, ProtocolError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = states::advance(&mut self.state, &mut self.context, input, output);
        next.inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn end_of_input(&mut self) {
        self.context.reader.end();
        match &mut self.state {
            State::Pack(Pack { report }) | State::Report(report) => report.end(),
            _ => {}
        }
    }

    /// A client has nothing to say between its requests.
    fn keep_alive(&mut self, _output: &mut BytesMut) -> bool {
        false
    }

    /// The report is all that is missing.
    fn has_said_all(&self) -> bool {
        matches!(self.state, State::Report(_))
    }

    /// A client that gives up closes the stream; a pack that is cut short is no pack.
    fn abort(&mut self, _reason: &[u8], _output: &mut BytesMut) {
        self.context.turn = false;
        self.state = State::Done(Done);
    }
}

/// Where the conversation stands.
#[derive(Debug)]
enum State {
    Greeting(Greeting),
    RefList(RefList),
    Command(Command),
    Pack(Pack),
    Report(Report),
    Done(Done),
}

impl states::State for State {
    type Context = Context;
    type Event = PushEvent;

    const DONE: Self = Self::Done(Done);

    fn due(context: &mut Context) -> Option<Next<PushEvent>> {
        core::mem::take(&mut context.turn).then_some(Next::Turn)
    }

    fn step(
        self,
        context: &mut Context,
        input: &mut BytesMut,
        _output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        match self {
            Self::Greeting(state) => state.step(context, input),
            Self::RefList(state) => state.step(context, input),
            Self::Command(state) => state.step(context, input),
            Self::Pack(state) => state.step(context, input),
            Self::Report(state) => state.step(context, input),
            Self::Done(Done) => Ok(Step::Done),
        }
    }
}

/// A command is due.
#[derive(Debug)]
struct Command;

impl Command {
    fn step(self, context: &Context, input: &BytesMut) -> Result<Step, ProtocolError> {
        context.reader.listen(input)?;
        Ok(Step::Answer(State::Command(self)))
    }
}

/// The application sends the pack.
#[derive(Debug)]
struct Pack {
    report: Report,
}

impl Pack {
    fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        match self.report.poll(context, input)? {
            report::Heard::Progress(text) => Ok(Step::Event(State::Pack(self), PushEvent::Progress(text))),
            // Whoever reports has read all that it wants to read.
            report::Heard::Event(event) => Ok(Step::Event(State::Report(self.report), event)),
            report::Heard::Nothing => Ok(Step::Answer(State::Pack(self))),
            report::Heard::End => Ok(Step::Go(State::Done(Done))),
        }
    }
}

/// Nothing more is due. What the peer still sends is left alone.
#[derive(Debug)]
struct Done;
