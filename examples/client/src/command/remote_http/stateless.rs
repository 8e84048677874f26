//! `stateless-connect`: git speaks version 2 itself, and its requests and their answers are carried.

use std::io::{ErrorKind, Read, Write};

use bytes::BytesMut;
use gitwire_client::{ClientError, Remote};
use gitwire_protocol::Version;
use gitwire_protocol::message::Service;
use gitwire_transport::{Exchanges, HttpError, RequestBody, TransportError, http};

use super::packets::{Packets, Seen};
use crate::failure::Failure;

/// What the server has shown, and the requests to come.
pub(super) struct Open {
    exchanges: Box<dyn Exchanges>,
    shown: Vec<u8>,
}

/// Asks the server what it shows; `None` if it does not speak version 2, so that git falls back.
pub(super) fn open(remote: &Remote, service: Option<Service>) -> Result<Option<Open>, Failure> {
    if service != Some(Service::UploadPack) || remote.version != Version::V2 {
        return Ok(None);
    }
    let mut options = remote.connect.clone();
    options.parameters = remote.version.parameter().map(str::to_owned);
    let mut exchanges =
        http::exchanges(&remote.url, Service::UploadPack, &options).map_err(ClientError::from)?;
    let shown = match exchanges.advertise() {
        Ok(answer) => {
            let mut shown = Vec::new();
            answer.take(SHOWN_MAX).read_to_end(&mut shown)?;
            shown
        }
        Err(TransportError::Http(HttpError::NotSmart { .. })) => return Ok(None),
        Err(error) => return Err(ClientError::from(error).into()),
    };
    if let Some(trace) = &remote.connect.wire_trace {
        trace.received(&shown);
    }
    let start = VERSION_LINES.iter().find_map(|line| {
        let at = shown.windows(line.len()).take(PREFACE_MAX).position(|found| found == *line)?;
        Some(at)
    });
    Ok(start.map(|start| Open { exchanges, shown: shown[start..].to_vec() }))
}

/// Carries requests, which end with a flush packet each, until git has no more.
pub(super) fn carry(open: Open, input: &mut dyn Read, output: &mut dyn Write) -> Result<(), Failure> {
    let Open { mut exchanges, shown } = open;
    output.write_all(&shown)?;
    output.flush()?;
    let mut ahead = BytesMut::new();
    while let Some(request) = read_request(input, &mut ahead)? {
        let answer = exchanges.post(RequestBody::Whole(request.freeze())).map_err(ClientError::from)?;
        copy_answer(answer, output)?;
        // What tells git that the answer is over; it never comes from the server.
        output.write_all(b"0002")?;
        output.flush()?;
    }
    Ok(())
}

/// Reads up to a flush packet; `None` at the end.
fn read_request(input: &mut dyn Read, ahead: &mut BytesMut) -> Result<Option<BytesMut>, Failure> {
    let mut packets = Packets::default();
    let mut request = BytesMut::new();
    let mut room = vec![0; 64 << 10];
    loop {
        if let Seen::Flush(end) = packets.pass(ahead)? {
            request.unsplit(ahead.split_to(end));
            return Ok(Some(request));
        }
        request.unsplit(ahead.split());
        if request.len() > REQUEST_MAX {
            return Err(Failure::fatal("a request of more than 1 GiB"));
        }
        match input.read(&mut room) {
            Ok(0) if request.is_empty() => return Ok(None),
            Ok(0) => return Err(Failure::fatal("a request without its end")),
            Ok(read) => ahead.extend_from_slice(&room[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Copies an answer, which ends with a whole packet.
fn copy_answer(mut answer: Box<dyn Read + '_>, output: &mut dyn Write) -> Result<(), Failure> {
    let mut packets = Packets::default();
    let mut room = vec![0; 64 << 10];
    loop {
        let read = match answer.read(&mut room) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(ClientError::from(TransportError::Read(error)).into()),
        };
        let mut rest = &room[..read];
        while let Seen::Flush(end) = packets.pass(rest)? {
            rest = &rest[end..];
        }
        output.write_all(&room[..read])?;
    }
    packets.lack().map_or(Ok(()), |lack| Err(Failure::fatal(lack)))
}

/// How version 2 begins, with and without a line end.
const VERSION_LINES: [&[u8]; 2] = [b"000eversion 2\n", b"000dversion 2"];

/// Version 2 begins here, or there is the line of the service and a flush packet before it.
const PREFACE_MAX: usize = 64;

/// What is read of an advertisement of version 2: some twenty lines, and a few kilobytes of URIs.
const SHOWN_MAX: u64 = 1 << 20;

/// The largest request, which git itself makes: twenty million objects that are wanted.
const REQUEST_MAX: usize = 1 << 30;
