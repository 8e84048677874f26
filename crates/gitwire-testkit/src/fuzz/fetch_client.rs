//! The client's side of a fetch against any server: it comes to an end, and the cuts of its input do not show.

use bytes::BytesMut;
use gitwire_protocol::message::DepthRequest;
use gitwire_protocol::{
    FetchAwaiting, FetchClient, FetchClientOptions, FetchEvent, FetchRequest, Limits, LsRefsRequest,
    Machine as _, Mode, ProtocolError, WindowEnd,
};
use gitwire_types::{ObjectFormat, ObjectId};

use super::machine::{Asked, drive};

/// The first byte says what is asked for, the second how the input is cut, the rest is what the server sends.
pub(super) fn fetch_client(data: &[u8]) {
    let [wish, cut, input @ ..] = data else { return };
    let whole = converse(*wish, input, usize::MAX);
    let pieces = converse(*wish, input, 1 + usize::from(*cut % 64));
    // A server that gives up is heard as soon as its words are there, even while the application has the turn.
    if !matches!(whole.end, Err(ProtocolError::Remote { .. })) {
        assert_eq!(pieces, whole, "the cuts show");
    }
}

/// What comes of a conversation, adjacent pieces joined.
#[derive(Debug, PartialEq)]
struct Outcome {
    refs: Vec<String>,
    lines: Vec<String>,
    pack: Vec<u8>,
    progress: Vec<u8>,
    output: BytesMut,
    end: Result<(), ProtocolError>,
}

fn converse(wish: u8, input: &[u8], cut: usize) -> Outcome {
    let mut options = FetchClientOptions::default();
    options.mode = if wish & 1 == 0 { Mode::Duplex } else { Mode::Stateless };
    options.limits =
        Limits { refs_max: 64, shallows_max: 16, progress_bytes_max: 1 << 10, ..Limits::default() };
    let mut machine = FetchClient::new(options);
    let mut told = Outcome {
        refs: Vec::new(),
        lines: Vec::new(),
        pack: Vec::new(),
        progress: Vec::new(),
        output: BytesMut::new(),
        end: Ok(()),
    };
    let mut turns = 0_u8;
    let mut output = BytesMut::new();
    told.end = drive(&mut machine, input, cut, &mut output, &mut |machine, asked, output| match asked {
        Asked::Event(event) => told.hear(event),
        Asked::Answer => {
            turns = turns.saturating_add(1);
            if answer(machine, wish, turns, output).is_err() {
                machine.abort(b"", output);
            }
        }
    });
    told.output = output;
    told
}

fn answer(machine: &mut FetchClient, wish: u8, turn: u8, output: &mut BytesMut) -> Result<(), ProtocolError> {
    let format = machine.capabilities().map_or(ObjectFormat::Sha1, |known| known.object_format());
    let id =
        |byte: u8| ObjectId::from_raw(format, &[byte; 32][..format.raw_len()]).expect("the right length");
    match machine.awaiting() {
        FetchAwaiting::ListRefs => machine.list_refs(LsRefsRequest::everything(), output),
        FetchAwaiting::Command if turn == 1 => machine.list_refs(LsRefsRequest::everything(), output),
        FetchAwaiting::Command if turn > 3 => machine.finish(output),
        FetchAwaiting::Command => {
            let mut request = FetchRequest::default();
            request.wants = vec![id(0x11)];
            request.sideband_all = wish & 2 != 0;
            if wish & 4 != 0 {
                request.depth = DepthRequest::commits(2);
            }
            machine.fetch(request, output)
        }
        _ if turn > 12 || machine.window() == 0 => machine.haves(&[], WindowEnd::Done, output),
        _ => machine.haves(&[id(turn), id(0x22)], WindowEnd::Flush, output),
    }
}

impl Outcome {
    fn hear(&mut self, event: FetchEvent) {
        match event {
            FetchEvent::Refs(block) => self.refs.extend(block.iter().map(|shown| format!("{shown:?}"))),
            FetchEvent::Pack(data) => self.pack.extend_from_slice(&data),
            FetchEvent::Progress(text) => self.progress.extend_from_slice(&text),
            other => self.lines.push(format!("{other:?}")),
        }
    }
}
