//! The server's side of pushing: versions 0 and 1, over one stream or request by request.
//!
//! # States
//!
//! ```text
//!                send_ref, end_refs                  flush              push options wanted
//!  Start ──► Refs ───────────────────► Request ───────────────────┬───────────────► Options
//!    │         └─ advertisement: Done     │ ▲                      │                   │ flush
//!    │ stateless                          │ │ push-cert-end        ├───────────────────┘
//!    └──────────────────► Request         ▼ │                      │
//!                            │         Certificate                 ├─ only deletions ──► Report
//!                            │ no commands                         ▼                       ▲
//!                            ▼                                    Pack ── pack_taken ──────┤
//!                           Done                                   │     end of stream     │ report
//!                                                                  └──────── report ──────►│
//!                                                                                          ▼
//!                                                             Done ◄── finish ───────── Epilogue
//! ```
//!
//! A pack has no end of its own on one stream: who reads it knows when it is whole, and says so with
//! [`pack_taken`](ReceivePack::pack_taken). Until the report, and behind it, [`progress`](ReceivePack::progress) may be told.

mod context;
mod event;
mod options;
mod refs;
mod report;
mod request;

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use gitwire_capability::Report as ReportVersion;
use gitwire_pktline::encode_flush;
use gitwire_types::ObjectId;

use self::context::{Context, Step};
use self::refs::Refs;
use self::request::{Certificate, Options, Request};
use crate::error::Misuse;
use crate::states;
use crate::wire::{error_line, text_line};
use crate::{Machine, Next, ProtocolError, Serving, Version};

pub use self::event::{PushCommand, ReceivePackEvent, UpdateRequest};
pub use self::options::ReceivePackOptions;
pub use self::report::{CommandReport, CommandResult, PushReport, UpdateOptions};

/// The server's side of a push.
///
/// Step it (see [`Machine`]) and answer its events; each [`ReceivePackEvent`] says what it asks for. While the machine says
/// [`Answer`](Next::Answer), [`awaiting`](Self::awaiting) names what is due.
///
/// ```
/// use bytes::BytesMut;
/// use gitwire_protocol::{
///     CommandReport, Machine, Next, PushReport, ReceivePack, ReceivePackEvent, ReceivePackOptions, Serving, Version,
/// };
/// use gitwire_types::ObjectFormat;
///
/// let mut server = ReceivePack::new(ReceivePackOptions::new(Version::V0, Serving::Stateless, ObjectFormat::Sha1));
/// // A client that deletes a ref: no pack follows.
/// let (old, new) = ("1".repeat(40), "0".repeat(40));
/// let line = format!("{old} {new} refs/heads/old\0 report-status");
/// let mut input = BytesMut::from(format!("{:04x}{line}0000", line.len() + 4).as_bytes());
/// let mut output = BytesMut::new();
/// let mut request = None;
/// loop {
///     match server.step(&mut input, &mut output)? {
///         Next::Event(ReceivePackEvent::Request(asked)) => request = Some(asked),
///         Next::Answer => {
///             let commands = request.iter().flat_map(|request| &request.commands);
///             let done = commands.map(|command| CommandReport::ok(command.name.clone())).collect();
///             server.report(&PushReport::new(done), &mut output)?;
///             server.finish(&mut output)?;
///         }
///         Next::Done => break,
///         Next::Read => unreachable!("everything is there"),
///         _ => {}
///     }
/// }
/// assert_eq!(output, "000eunpack ok\n0016ok refs/heads/old\n0000");
/// # Ok::<(), gitwire_protocol::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct ReceivePack {
    context: Context,
    state: State,
    failed: Option<ProtocolError>,
}

/// What a [`ReceivePack`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceivePackAwaiting {
    /// [`send_ref`](ReceivePack::send_ref) and [`end_refs`](ReceivePack::end_refs).
    Refs,
    /// [`report`](ReceivePack::report).
    Report,
    /// [`finish`](ReceivePack::finish), after progress of what runs behind the report.
    Finish,
    /// The client.
    Client,
    /// Nothing any more.
    Nothing,
}

impl ReceivePack {
    /// A server at the start of a conversation, or of the part of it that `options` say.
    #[must_use]
    pub fn new(options: ReceivePackOptions) -> Self {
        Self { context: Context::new(options), state: State::Start(Start), failed: None }
    }

    /// Shows a ref. There is no `HEAD` among them, and no peeled ids.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Invalid`] for an id of another format; [`Misuse::Unsendable`] for a name with a blank or a
    /// control byte. Nothing is written then.
    pub fn send_ref(
        &mut self,
        name: &[u8],
        id: ObjectId,
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        match &mut self.state {
            State::Refs(refs) => refs.send(&self.context, name, id, output),
            _ => Err(Misuse::OutOfTurn("send_ref").into()),
        }
    }

    /// Shows an object that is here without a ref of its own, so that the client need not send it: `.have`.
    ///
    /// # Errors
    /// As [`send_ref`](Self::send_ref).
    pub fn send_have(&mut self, id: ObjectId, output: &mut BytesMut) -> Result<(), ProtocolError> {
        self.send_ref(b".have", id, output)
    }

    /// Ends the refs. `boundary` are the commits whose parents the repository lacks.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]. Nothing is written then.
    pub fn end_refs(&mut self, boundary: &[ObjectId], output: &mut BytesMut) -> Result<(), ProtocolError> {
        let State::Refs(refs) = &self.state else {
            return Err(Misuse::OutOfTurn("end_refs").into());
        };
        refs.end(&self.context, boundary, output)?;
        self.context.turn = true;
        self.state = match self.context.options.serving {
            Serving::Duplex => State::Request(Request::new(&self.context)),
            Serving::Stateless | Serving::Advertisement => State::Done(Done),
        };
        Ok(())
    }

    /// The pack is whole, checksum included: nothing more of the stream belongs to it.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`].
    pub fn pack_taken(&mut self) -> Result<(), ProtocolError> {
        match &self.state {
            State::Pack(_) => self.state = State::Report(Report),
            State::Report(_) => {}
            _ => return Err(Misuse::OutOfTurn("pack_taken").into()),
        }
        Ok(())
    }

    /// Sends progress, also behind the report. Without a side-band nothing is sent.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`] before the request and after the end.
    pub fn progress(&mut self, text: &[u8], output: &mut BytesMut) -> Result<(), ProtocolError> {
        if !self.state.may_progress() {
            return Err(Misuse::OutOfTurn("progress").into());
        }
        if let Some(muxer) = self.context.muxer {
            muxer.progress(text, output);
        }
        Ok(())
    }

    /// Says what came of the push: of the pack, and of each command in the order in which they came. Where the client wants no
    /// report, nothing is sent. May come before the pack is whole, where it shall not be read to its end.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]; [`Misuse::Unsendable`] for a reason with a line end; [`ProtocolError::Framing`] for a name or reason that
    /// fits into no line. Nothing is written then.
    pub fn report(&mut self, report: &PushReport, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if !matches!(self.state, State::Pack(_) | State::Report(_)) {
            return Err(Misuse::OutOfTurn("report").into());
        }
        if self.context.report != ReportVersion::None {
            let options = self.context.report == ReportVersion::V2;
            let mut lines = BytesMut::new();
            report.write(options, &mut lines)?;
            encode_flush(&mut lines);
            match self.context.muxer {
                Some(muxer) => muxer.data(&lines, output),
                None => output.extend_from_slice(&lines),
            }
        }
        self.state = State::Epilogue(Epilogue);
        Ok(())
    }

    /// Ends the conversation, after the report and whatever ran behind it.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`]. Nothing is written then.
    pub fn finish(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        let State::Epilogue(_) = &self.state else {
            return Err(Misuse::OutOfTurn("finish").into());
        };
        if self.context.muxer.is_some() {
            encode_flush(output);
        }
        self.context.turn = true;
        self.state = State::Done(Done);
        Ok(())
    }

    /// What is due.
    #[must_use]
    pub const fn awaiting(&self) -> ReceivePackAwaiting {
        match &self.state {
            State::Refs(_) => ReceivePackAwaiting::Refs,
            State::Report(_) => ReceivePackAwaiting::Report,
            State::Epilogue(_) => ReceivePackAwaiting::Finish,
            State::Done(_) => ReceivePackAwaiting::Nothing,
            _ => ReceivePackAwaiting::Client,
        }
    }

    /// In band 3 once the client reads bands, in an `ERR` line before.
    fn last_words(&self, reason: &[u8], output: &mut BytesMut) {
        match self.context.muxer {
            _ if matches!(self.state, State::Done(_)) && self.failed.is_none() => {}
            Some(muxer) => muxer.error(reason, output),
            None => error_line(reason, output),
        }
    }
}

impl Machine for ReceivePack {
    type Event = ReceivePackEvent;
    type Error = ProtocolError;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Next<ReceivePackEvent>, ProtocolError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = states::advance(&mut self.state, &mut self.context, input, output);
        next.inspect_err(|error| {
            self.failed = Some(error.clone());
            if !matches!(error, ProtocolError::Remote { .. }) {
                self.last_words(error.reply().as_bytes(), output);
            }
        })
    }

    fn end_of_input(&mut self) {
        self.context.reader.end();
    }

    /// git sends an empty packet of band 1 while it looks at what was pushed.
    fn keep_alive(&mut self, output: &mut BytesMut) -> bool {
        match (&self.state, self.context.muxer) {
            (State::Report(_) | State::Epilogue(_), Some(muxer)) => {
                muxer.keep_alive(gitwire_sideband::Band::Data, output);
                true
            }
            _ => false,
        }
    }

    fn abort(&mut self, reason: &[u8], output: &mut BytesMut) {
        self.last_words(reason, output);
        self.context.turn = false;
        self.state = State::Done(Done);
    }
}

/// Where the conversation stands.
#[derive(Debug)]
enum State {
    Start(Start),
    Refs(Refs),
    Request(Request),
    Certificate(Certificate),
    Options(Options),
    Pack(Pack),
    Report(Report),
    Epilogue(Epilogue),
    Done(Done),
}

impl states::State for State {
    type Context = Context;
    type Event = ReceivePackEvent;

    const DONE: Self = Self::Done(Done);

    fn due(context: &mut Context) -> Option<Next<ReceivePackEvent>> {
        core::mem::take(&mut context.turn).then_some(Next::Turn)
    }

    fn step(
        self,
        context: &mut Context,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        match self {
            Self::Start(state) => state.step(context, output),
            Self::Refs(_) | Self::Report(_) | Self::Epilogue(_) => Ok(Step::Answer(self)),
            Self::Request(state) => state.step(context, input),
            Self::Certificate(state) => state.step(context, input),
            Self::Options(state) => state.step(context, input),
            Self::Pack(state) => Ok(state.step(context, input)),
            Self::Done(Done) => Ok(Step::Done),
        }
    }
}

impl State {
    const fn may_progress(&self) -> bool {
        matches!(self, Self::Pack(_) | Self::Report(_) | Self::Epilogue(_))
    }
}

/// Nothing has been said.
#[derive(Debug)]
struct Start;

impl Start {
    fn step(self, context: &Context, output: &mut BytesMut) -> Result<Step, ProtocolError> {
        if context.options.serving == Serving::Stateless {
            return Ok(Step::Go(State::Request(Request::new(context))));
        }
        // There is no push of version 2: who asks for it gets version 0.
        if let (Version::V1, Some(line)) = (context.options.version, context.options.version.line()) {
            text_line(&[line], output)?;
        }
        Ok(Step::Event(State::Refs(Refs::default()), ReceivePackEvent::RefsWanted))
    }
}

/// The pack passes through.
#[derive(Debug)]
struct Pack;

impl Pack {
    fn step(self, context: &Context, input: &mut BytesMut) -> Step {
        if !input.is_empty() {
            let data: Bytes = input.split().freeze();
            return Step::Event(State::Pack(self), ReceivePackEvent::Pack(data));
        }
        match context.reader.ended() {
            true => Step::Event(State::Report(Report), ReceivePackEvent::PackEnd),
            false => Step::Read(State::Pack(self)),
        }
    }
}

/// The application works on the push, and owes the report.
#[derive(Debug)]
struct Report;

/// The report is out; hooks may still say something.
#[derive(Debug)]
struct Epilogue;

/// Nothing more is due. What the peer still sends is left alone.
#[derive(Debug)]
struct Done;
