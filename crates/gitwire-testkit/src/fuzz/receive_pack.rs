//! The server's side of a push against any client: it comes to an end, and the cuts of its input do not show.

use bytes::{Bytes, BytesMut};
use gitwire_capability::PushFeature;
use gitwire_protocol::{
    CommandReport, Limits, Machine as _, ProtocolError, PushReport, ReceivePack, ReceivePackAwaiting,
    ReceivePackEvent, ReceivePackOptions, Serving, UpdateRequest, Version,
};
use gitwire_types::{ObjectFormat, ObjectId};

use super::machine::{Asked, drive};

/// The first byte says how the server is set up, the second how the input is cut, the rest is what the client sends.
pub(super) fn receive_pack(data: &[u8]) {
    let [kind, cut, input @ ..] = data else { return };
    let whole = serve(*kind, input, usize::MAX);
    let pieces = serve(*kind, input, 1 + usize::from(*cut % 64));
    // A client that gives up is heard as soon as its words are there, even while the application has the turn.
    if !matches!(whole.end, Err(ProtocolError::Remote { .. })) {
        assert_eq!(pieces, whole, "the cuts show");
    }
    // A pack follows just where something is made or changed.
    if let Some(request) = &whole.request {
        assert!(request.needs_pack() || whole.pack.is_empty());
        assert!(!request.commands.is_empty());
        assert!(request.commands.len() as u64 <= limits().commands_max);
    }
}

/// What comes of a conversation, adjacent pieces joined.
#[derive(Debug, PartialEq)]
struct Outcome {
    request: Option<Box<UpdateRequest>>,
    pack: Vec<u8>,
    output: BytesMut,
    end: Result<(), ProtocolError>,
}

fn serve(kind: u8, input: &[u8], cut: usize) -> Outcome {
    let mut machine = ReceivePack::new(options(kind));
    let (mut heard, mut pack) = (None, Vec::new());
    let mut output = BytesMut::new();
    let end = drive(&mut machine, input, cut, &mut output, &mut |machine, asked, output| match asked {
        Asked::Event(ReceivePackEvent::Request(request)) => {
            assert!(heard.replace(request).is_none(), "one request in a conversation");
        }
        Asked::Event(ReceivePackEvent::Pack(bytes)) => {
            assert!(!bytes.is_empty());
            pack.extend_from_slice(&bytes);
        }
        Asked::Event(_) => {}
        Asked::Answer => answer(machine, heard.as_deref(), output).expect("an answer in turn"),
    });
    Outcome { request: heard, pack, output, end }
}

fn answer(
    machine: &mut ReceivePack,
    request: Option<&UpdateRequest>,
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    match machine.awaiting() {
        ReceivePackAwaiting::Refs => {
            let id = ObjectId::from_sha1([0x11; 20]);
            machine.send_ref(b"refs/heads/main", id, output)?;
            machine.send_have(id, output)?;
            machine.end_refs(&[], output)
        }
        ReceivePackAwaiting::Report => {
            machine.progress(b"looking\n", output)?;
            let commands = request.into_iter().flat_map(|request| &request.commands);
            // Names were not checked: what cannot be said in a line is no report's business.
            let reports = commands.enumerate().map(|(nth, command)| match nth % 2 {
                0 => CommandReport::ok(command.name.clone()),
                _ => CommandReport::rejected(command.name.clone(), Bytes::from_static(b"no")),
            });
            let report = PushReport::new(reports.collect());
            match machine.report(&report, output) {
                Err(ProtocolError::Misuse(_) | ProtocolError::Framing(_)) => {
                    machine.abort(b"no such report", output);
                    Ok(())
                }
                other => other,
            }
        }
        _ => machine.finish(output),
    }
}

fn options(kind: u8) -> ReceivePackOptions {
    let version = [Version::V0, Version::V1, Version::V2, Version::V0][usize::from(kind & 3)];
    let serving = if kind & 4 == 0 { Serving::Stateless } else { Serving::Duplex };
    let mut options = ReceivePackOptions::new(version, serving, ObjectFormat::Sha1);
    if kind & 8 != 0 {
        options.offer.features.insert(PushFeature::PushOptions);
    }
    options.limits = limits();
    options
}

fn limits() -> Limits {
    Limits {
        commands_max: 16,
        command_bytes_max: 256,
        push_options_max: 4,
        certificate_bytes_max: 512,
        shallows_max: 8,
        ..Limits::default()
    }
}
