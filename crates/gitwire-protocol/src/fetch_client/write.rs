//! The client's requests.

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use gitwire_capability::{FeatureSet, FetchAgreement, V2Agreement, V2Command, V2Request, Value};
use gitwire_pktline::{encode_delimiter, encode_flush};
use gitwire_types::ObjectId;

use super::context::{Caller, Context, not_offered};
use super::negotiation::Negotiation;
use super::{FetchRequest, LsRefsRequest, WindowEnd};
use crate::ProtocolError;
use crate::error::Misuse;
use crate::message::{FetchArgument, LsRefsArgument, UploadHavesLine, UploadRequestLine, is_sendable};
use crate::wire::text_line;

/// Appends the command `ls-refs`.
pub(super) fn ls_refs(
    context: &mut Context,
    request: &LsRefsRequest,
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    if request.prefixes.iter().any(|prefix| !prefix.is_empty() && !is_sendable(prefix)) {
        return Err(Misuse::Unsendable("a prefix with NUL or LF").into());
    }
    let caller = Caller::from(request);
    if caller.server_options.iter().any(|option| !is_sendable(option)) {
        return Err(Misuse::Unsendable("an option with NUL or LF").into());
    }
    let agreement = context.v2_agreement(caller, FeatureSet::NONE)?;
    if !agreement.commands.contains(V2Command::LsRefs) {
        return Err(Misuse::NotOffered("ls-refs").into());
    }
    let unborn = request.unborn && agreement.unborn;
    command(caller, V2Command::LsRefs, &agreement, output)?;
    encode_delimiter(output);
    let flags = [
        (request.peel, LsRefsArgument::Peel),
        (request.symrefs, LsRefsArgument::Symrefs),
        (unborn, LsRefsArgument::Unborn),
    ];
    for (_, argument) in flags.iter().filter(|(asked, _)| *asked) {
        argument.write(output)?;
    }
    for prefix in &request.prefixes {
        LsRefsArgument::RefPrefix(prefix).write(output)?;
    }
    encode_flush(output);
    context.turn = true;
    Ok(())
}

/// Appends the command `bundle-uri`.
pub(super) fn bundle_uri(
    context: &mut Context,
    server_options: &[Bytes],
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    if server_options.iter().any(|option| !is_sendable(option)) {
        return Err(Misuse::Unsendable("an option with NUL or LF").into());
    }
    let request = LsRefsRequest { server_options: server_options.to_vec(), ..LsRefsRequest::default() };
    let caller = Caller::from(&request);
    let agreement = context.v2_agreement(caller, FeatureSet::NONE)?;
    if !agreement.commands.contains(V2Command::BundleUri) {
        return Err(Misuse::NotOffered("bundle-uri").into());
    }
    command(caller, V2Command::BundleUri, &agreement, output)?;
    encode_flush(output);
    context.turn = true;
    Ok(())
}

/// Appends the command `fetch` with everything that is known so far, and a window of haves.
pub(super) fn fetch_command(
    negotiation: &Negotiation,
    agreement: &V2Agreement,
    haves: &[ObjectId],
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    use FetchArgument as Argument;
    let request = &negotiation.request;
    command(request.into(), V2Command::Fetch, agreement, output)?;
    encode_delimiter(output);
    let flags = [
        (request.thin_pack, Argument::ThinPack),
        (!request.progress, Argument::NoProgress),
        (request.include_tag, Argument::IncludeTag),
        (request.ofs_delta, Argument::OfsDelta),
        (request.sideband_all, Argument::SidebandAll),
        (request.wait_for_done, Argument::WaitForDone),
        (request.depth.relative, Argument::DeepenRelative),
    ];
    for (_, argument) in flags.iter().filter(|(asked, _)| *asked) {
        argument.write(output)?;
    }
    let depth = &request.depth;
    let shallow = request.shallow.iter().map(|id| Argument::Shallow(*id));
    let depth = (depth.depth.iter().map(|depth| Argument::Deepen(*depth)))
        .chain(depth.since.iter().map(|since| Argument::DeepenSince(*since)))
        .chain(depth.not.iter().map(|name| Argument::DeepenNot(name)));
    let filter = request.filter.iter().map(|spec| Argument::Filter(spec));
    let uris = request.packfile_uris.iter().map(|protocols| Argument::PackfileUris(protocols));
    let wants = request.wants.iter().map(|id| Argument::Want(*id));
    let wanted_refs = request.wanted_refs.iter().map(|name| Argument::WantRef(name));
    let haves = negotiation.common.iter().chain(haves).map(|id| Argument::Have(*id));
    let done = negotiation.done_sent.then_some(Argument::Done);
    let arguments = shallow.chain(depth).chain(filter).chain(uris).chain(wants).chain(wanted_refs);
    for argument in arguments.chain(haves).chain(done) {
        argument.write(output)?;
    }
    encode_flush(output);
    Ok(())
}

/// Appends *upload-request* of versions 0 and 1, the flush packet with it.
pub(super) fn upload_request(
    request: &FetchRequest,
    agreement: &FetchAgreement,
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    let mut first = Vec::new();
    agreement.write(&mut first);
    let mut capabilities: &[u8] = first.trim_ascii_start();
    for id in &request.wants {
        UploadRequestLine::Want { id: *id, capabilities }.write(output)?;
        capabilities = b"";
    }
    for id in &request.shallow {
        UploadRequestLine::Shallow(*id).write(output)?;
    }
    if let Some(depth) = request.depth.depth {
        UploadRequestLine::Deepen(depth).write(output)?;
    }
    if let Some(since) = request.depth.since {
        UploadRequestLine::DeepenSince(since).write(output)?;
    }
    for name in &request.depth.not {
        UploadRequestLine::DeepenNot(name).write(output)?;
    }
    if let Some(spec) = &request.filter {
        UploadRequestLine::Filter(spec).write(output)?;
    }
    encode_flush(output);
    Ok(())
}

/// Appends haves and what ends them.
pub(super) fn haves(ids: &[ObjectId], end: WindowEnd, output: &mut BytesMut) -> Result<(), ProtocolError> {
    have_lines(ids, output)?;
    match end {
        WindowEnd::Flush => encode_flush(output),
        WindowEnd::Done => UploadHavesLine::Done.write(output)?,
    }
    Ok(())
}

/// Appends haves.
pub(super) fn have_lines(ids: &[ObjectId], output: &mut BytesMut) -> Result<(), ProtocolError> {
    for id in ids {
        UploadHavesLine::Have(*id).write(output)?;
    }
    Ok(())
}

/// Appends the lines in front of a command's arguments.
fn command(
    caller: Caller<'_>,
    command: V2Command,
    agreement: &V2Agreement,
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    let mut request = V2Request::new(command, agreement);
    if agreement.promisor_remote.is_some() {
        request.promisor_remote = caller.promisors.map(|names| Value::sanitized(names));
    }
    for option in caller.server_options {
        request.server_options.push(Value::new(option.clone()).map_err(not_offered)?);
    }
    let start = output.len();
    let mut written = Ok(());
    request.each_line(|line| {
        if written.is_ok() {
            written = text_line(&[line], output);
        }
    });
    written.map_err(|_| {
        output.truncate(start);
        Misuse::Unsendable("an option that fits into no line").into()
    })
}
