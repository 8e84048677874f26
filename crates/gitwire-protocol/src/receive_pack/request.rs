//! Reading *update-requests*, a certificate in place of commands, and the push options behind them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use gitwire_capability::{Budget, PushAgreement, PushFeature};
use gitwire_pktline::{Packet, text};
use gitwire_types::ObjectId;

use super::context::{Context, Step};
use super::{Done, Pack, PushCommand, ReceivePackEvent, Report, State, UpdateRequest};
use crate::message::{PushCertificate, UpdateRequestLine};
use crate::reader::{Line, Reader, refuse_error_line};
use crate::{ProtocolError, Violation};

/// Reading commands, up to a flush packet.
#[derive(Debug)]
pub(super) struct Request {
    gathered: Box<Gathered>,
}

/// What the lines come to, and how much of the limits is spent.
#[derive(Debug)]
struct Gathered {
    request: UpdateRequest,
    budget: Budget,
    commands: u64,
    name_bytes: u64,
    shallows: u64,
}

/// What a line of the request comes to.
enum Read {
    Line,
    Certificate,
    End,
}

const EXPECTED: &str = "a command, shallow, push-cert or a flush packet";

impl Request {
    pub(super) fn new(context: &Context) -> Self {
        let request = UpdateRequest {
            agreement: PushAgreement::offered(&context.options.offer),
            ..UpdateRequest::default()
        };
        let budget = context.options.limits.capability_budget();
        let gathered = Gathered { request, budget, commands: 0, name_bytes: 0, shallows: 0 };
        Self { gathered: Box::new(gathered) }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let Some((packet, consumed)) = context.reader.decode(input)? else {
            return match context.reader.ended() {
                true => Err(context.reader.end_in(input, EXPECTED)),
                false => Ok(Step::Read(State::Request(self))),
            };
        };
        let read = self.gathered.packet(context, packet);
        // A client that asked for bands reads what is wrong in a band too.
        context.agree(&self.gathered.request.agreement);
        let read = read?;
        bytes::Buf::advance(input, consumed);
        match read {
            Read::Line => Ok(Step::Go(State::Request(self))),
            Read::Certificate => {
                let certificate = Certificate { gathered: self.gathered, text: Vec::new() };
                Ok(Step::Go(State::Certificate(certificate)))
            }
            Read::End => self.gathered.end(context),
        }
    }
}

impl Gathered {
    fn packet(&mut self, context: &Context, packet: Packet<'_>) -> Result<Read, ProtocolError> {
        let data = match packet {
            Packet::Flush => return Ok(Read::End),
            Packet::Data(data) => data,
            packet => return Err(context.reader.unexpected(EXPECTED, &Line::of(packet))),
        };
        refuse_error_line(data)?;
        let reader = &context.reader;
        let parsed = UpdateRequestLine::parse(context.options.format, data);
        let refused = self.request.certificate.is_some();
        match parsed.map_err(|violation| reader.violation(violation))? {
            UpdateRequestLine::Shallow(id) => {
                let max = context.options.limits.shallows_max;
                reader.count(&mut self.shallows, 1, max, "shallow lines")?;
                self.request.shallow.push(id);
            }
            UpdateRequestLine::Command { .. } | UpdateRequestLine::Certificate { .. } if refused => {
                return Err(reader.violation(Violation::Conflict("a certificate and further commands")));
            }
            UpdateRequestLine::Command { old, new, name, capabilities } => {
                self.capabilities(context, capabilities.unwrap_or_default())?;
                self.command(context, old, new, name)?;
            }
            UpdateRequestLine::Certificate { capabilities } => {
                if !self.request.commands.is_empty() {
                    return Err(reader.violation(Violation::Conflict("commands and a certificate")));
                }
                if context.options.offer.nonce.is_none() {
                    return Err(reader.violation(Violation::NotNegotiated("push-cert")));
                }
                self.capabilities(context, capabilities)?;
                return Ok(Read::Certificate);
            }
        }
        Ok(Read::Line)
    }

    fn capabilities(&mut self, context: &Context, list: &[u8]) -> Result<(), ProtocolError> {
        let added = self.request.agreement.add(list, &context.options.offer, &mut self.budget);
        added.map_err(|error| context.reader.violation(error.into()))
    }

    fn command(
        &mut self,
        context: &Context,
        old: ObjectId,
        new: ObjectId,
        name: &[u8],
    ) -> Result<(), ProtocolError> {
        let limits = &context.options.limits;
        let reader = &context.reader;
        reader.count(&mut self.commands, 1, limits.commands_max, "commands")?;
        let max = limits.command_bytes_max;
        reader.count(&mut self.name_bytes, name.len(), max, "bytes of ref names")?;
        self.request.commands.push(PushCommand { old, new, name: Bytes::copy_from_slice(name) });
        Ok(())
    }

    /// All commands are read.
    fn end(self: Box<Self>, context: &mut Context) -> Result<Step, ProtocolError> {
        if self.request.commands.is_empty() {
            return Ok(Step::Go(State::Done(Done)));
        }
        let agreed = self.request.agreement.check_format(context.options.format);
        agreed.map_err(|error| context.reader.violation(error.into()))?;
        context.agree(&self.request.agreement);
        if self.request.agreement.features.contains(PushFeature::PushOptions) {
            return Ok(Step::Go(State::Options(Options {
                request: Box::new(self.request),
                lines: 0,
                bytes: 0,
            })));
        }
        Ok(heard(Box::new(self.request)))
    }
}

/// The request is whole.
fn heard(request: Box<UpdateRequest>) -> Step {
    let next = if request.needs_pack() { State::Pack(Pack) } else { State::Report(Report) };
    Step::Event(next, ReceivePackEvent::Request(request))
}

/// Reading a certificate, up to the line that ends it.
#[derive(Debug)]
pub(super) struct Certificate {
    gathered: Box<Gathered>,
    text: Vec<u8>,
}

impl Certificate {
    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "a line of a certificate or push-cert-end";
        let max = context.options.limits.certificate_bytes_max;
        let end = context.reader.parse(input, EXPECTED, |reader, packet| {
            let Packet::Data(data) = packet else {
                return Err(reader.unexpected(EXPECTED, &Line::of(packet)));
            };
            if text(data) == UpdateRequestLine::CERTIFICATE_END {
                return Ok(true);
            }
            reader.count(&mut (self.text.len() as u64), data.len(), max, "bytes of a certificate")?;
            self.text.extend_from_slice(data);
            Ok(false)
        })?;
        match end {
            None => Ok(Step::Read(State::Certificate(self))),
            Some(false) => Ok(Step::Go(State::Certificate(self))),
            Some(true) => self.end(context),
        }
    }

    /// The commands of the certificate are those of the push.
    fn end(self, context: &Context) -> Result<Step, ProtocolError> {
        let Self { mut gathered, text } = self;
        let text = Bytes::from(text);
        let certificate = PushCertificate::parse(context.options.format, &text)
            .map_err(|violation| context.reader.violation(violation))?;
        for (old, new, name) in certificate.commands {
            gathered.command(context, old, new, name)?;
        }
        gathered.request.certificate = Some(text);
        Ok(Step::Go(State::Request(Request { gathered })))
    }
}

/// Reading push options, up to a flush packet.
#[derive(Debug)]
pub(super) struct Options {
    request: Box<UpdateRequest>,
    lines: u64,
    bytes: u64,
}

impl Options {
    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "a push option or a flush packet";
        let limits = context.options.limits;
        let end = context.reader.parse(input, EXPECTED, |reader, packet| match packet {
            Packet::Flush => Ok(true),
            Packet::Data(data) => {
                let option = text(data);
                // One that hooks get as a line or as a variable must not become two.
                if option.iter().any(|byte| matches!(byte, b'\n' | 0)) {
                    return Err(reader.violation(Violation::malformed("push option", option)));
                }
                self.count(reader, limits, option.len())?;
                self.request.push_options.push(Bytes::copy_from_slice(option));
                Ok(false)
            }
            packet => Err(reader.unexpected(EXPECTED, &Line::of(packet))),
        })?;
        match end {
            None => Ok(Step::Read(State::Options(self))),
            Some(false) => Ok(Step::Go(State::Options(self))),
            Some(true) => Ok(heard(self.request)),
        }
    }

    fn count(&mut self, reader: &Reader, limits: crate::Limits, len: usize) -> Result<(), ProtocolError> {
        reader.count(&mut self.lines, 1, limits.push_options_max, "push options")?;
        reader.count(&mut self.bytes, len, limits.argument_bytes_max, "bytes of arguments")
    }
}
