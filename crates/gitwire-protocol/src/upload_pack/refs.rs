//! Sending refs: the advertisement of versions 0 and 1, and the answer to `ls-refs`.

use alloc::vec::Vec;

use bytes::BytesMut;
use gitwire_capability::{Symref, V2Request, Value};
use gitwire_pktline::{Packet, encode_flush};
use gitwire_types::ObjectId;

use super::context::{Context, Step};
use super::request::Request;
use super::{Serving, State, UploadPackEvent};
use crate::error::Misuse;
use crate::message::{LsRefsArgument, LsRefsLine, RefAdvertisementLine};
use crate::wire::is_name;
use crate::{AdvertisedRef, LsRefsRequest, ProtocolError, Violation};

/// The application sends refs.
#[derive(Debug)]
pub(super) struct Refs {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Versions 0 and 1; the capabilities go with the first line.
    Advertisement {
        first: bool,
    },
    LsRefs(LsRefsRequest),
}

impl Refs {
    pub(super) const fn advertisement() -> Self {
        Self { kind: Kind::Advertisement { first: true } }
    }

    pub(super) const fn step(self) -> Step {
        Step::Answer(State::Refs(self))
    }

    pub(super) fn send(
        &mut self,
        context: &Context,
        shown: &AdvertisedRef<'_>,
        output: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        let ids = shown.id.iter().chain(&shown.peeled);
        if ids.clone().any(|id| id.format() != context.options.format) {
            return Err(Misuse::Invalid("an id of another format than the repository's").into());
        }
        if !is_name(shown.name) || !shown.symref_target.is_none_or(is_name) {
            return Err(Misuse::Unsendable("a ref name with a control byte or a blank").into());
        }
        match &mut self.kind {
            Kind::LsRefs(asked) => ls_refs_line(asked, shown, output),
            Kind::Advertisement { first } => {
                let Some(id) = shown.id else { return Ok(()) };
                advertise(context, core::mem::take(first), shown, id, output)
            }
        }
    }

    pub(super) fn end(
        self,
        context: &mut Context,
        boundary: &[ObjectId],
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        let first = match self.kind {
            Kind::LsRefs(_) => {
                encode_flush(output);
                return Ok(context.after_command());
            }
            Kind::Advertisement { first } => first,
        };
        if first {
            let list = capability_list(context, None);
            let id = ObjectId::zero(context.options.format);
            let name = RefAdvertisementLine::NO_REFS;
            RefAdvertisementLine::Ref { id, name, capabilities: Some(&list) }.write(output)?;
        }
        for id in boundary {
            RefAdvertisementLine::Shallow(*id).write(output)?;
        }
        encode_flush(output);
        context.turn = true;
        Ok(match context.options.serving {
            Serving::Duplex => State::Request(Request::new(context)),
            Serving::Stateless | Serving::Advertisement => State::Done(super::Done),
        })
    }
}

/// Reading the arguments of `ls-refs`.
#[derive(Debug)]
pub(super) struct LsRefs {
    request: LsRefsRequest,
    prefix_bytes: u64,
    /// More prefixes than we keep: everything is listed.
    overflow: bool,
}

impl LsRefs {
    pub(super) fn new(asked: &V2Request) -> Self {
        let request = LsRefsRequest {
            server_options: asked.server_options.iter().map(|option| option.as_shared().clone()).collect(),
            agent: asked.agent.as_ref().map(|agent| agent.as_shared().clone()),
            promisors: asked.promisor_remote.as_ref().map(|names| names.as_shared().clone()),
            session_id: asked.session_id.as_ref().map(|id| id.as_shared().clone()),
            ..LsRefsRequest::default()
        };
        Self { request, prefix_bytes: 0, overflow: false }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "an argument of ls-refs or a flush packet";
        let limits = context.options.limits;
        let unborn = context.options.v2.unborn;
        let end = context.reader.parse(input, EXPECTED, |reader, packet| {
            let data = match packet {
                Packet::Flush => return Ok(true),
                Packet::Data(data) => data,
                Packet::Delimiter | Packet::ResponseEnd => {
                    return Err(reader.violation(Violation::AfterArguments("ls-refs")));
                }
            };
            match LsRefsArgument::parse(data).map_err(|violation| reader.violation(violation))? {
                LsRefsArgument::Symrefs => self.request.symrefs = true,
                LsRefsArgument::Peel => self.request.peel = true,
                LsRefsArgument::Unborn => self.request.unborn = unborn,
                LsRefsArgument::RefPrefix(_) if self.overflow => {}
                LsRefsArgument::RefPrefix(prefix) => {
                    let prefixes = &mut self.request.prefixes;
                    prefixes.push(bytes::Bytes::copy_from_slice(prefix));
                    self.overflow = prefixes.len() as u64 > limits.ref_prefixes_max;
                    let max = limits.argument_bytes_max;
                    reader.count(&mut self.prefix_bytes, prefix.len(), max, "bytes of arguments")?;
                }
            }
            Ok(false)
        })?;
        match end {
            None => Ok(Step::Read(State::LsRefs(self))),
            Some(false) => Ok(Step::Go(State::LsRefs(self))),
            Some(true) => Ok(self.end(context)),
        }
    }

    /// All arguments are read.
    pub(super) fn end(mut self, context: &mut Context) -> Step {
        if self.overflow {
            self.request.prefixes.clear();
        }
        context.events.push_back(UploadPackEvent::RefsWanted(self.request.clone()));
        Step::Go(State::Refs(Refs { kind: Kind::LsRefs(self.request) }))
    }
}

fn ls_refs_line(
    asked: &LsRefsRequest,
    shown: &AdvertisedRef<'_>,
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    if shown.id.is_none() && !(asked.unborn && shown.symref_target.is_some()) {
        return Ok(());
    }
    let mut line = *shown;
    line.peeled = shown.peeled.filter(|_| asked.peel);
    line.symref_target = shown.symref_target.filter(|_| asked.symrefs || shown.id.is_none());
    Ok(LsRefsLine(line).write(output)?)
}

fn advertise(
    context: &Context,
    first: bool,
    shown: &AdvertisedRef<'_>,
    id: ObjectId,
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    let list = first.then(|| capability_list(context, Some(shown)));
    RefAdvertisementLine::Ref { id, name: shown.name, capabilities: list.as_deref() }.write(output)?;
    if let Some(peeled) = shown.peeled {
        let name = [shown.name, b"^{}"].concat();
        RefAdvertisementLine::Ref { id: peeled, name: &name, capabilities: None }.write(output)?;
    }
    Ok(())
}

/// The capabilities, with what the first ref points at if it is a symbolic `HEAD`.
fn capability_list(context: &Context, first: Option<&AdvertisedRef<'_>>) -> Vec<u8> {
    let mut offer = context.options.fetch.clone();
    let head = first.filter(|shown| shown.name == b"HEAD").and_then(|head| head.symref_target);
    if let Some(target) = head.and_then(|target| Value::new(target.to_vec()).ok()) {
        let name = Value::sanitized(b"HEAD");
        offer.symrefs.insert(0, Symref { name, target });
    }
    let mut list = Vec::new();
    offer.write(&mut list);
    list
}
