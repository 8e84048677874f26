//! The client's side of a push against any server: it comes to an end, and the cuts of its input do not show.

use bytes::{Bytes, BytesMut};
use gitwire_protocol::{
    Limits, Machine as _, Mode, ProtocolError, PushAwaiting, PushClient, PushClientOptions, PushCommand,
    PushEvent, PushRequest,
};
use gitwire_types::{ObjectFormat, ObjectId};

use super::machine::{Asked, drive};

/// The first byte says what is asked for, the second how the input is cut, the rest is what the server sends.
pub(super) fn push_client(data: &[u8]) {
    let [wish, cut, input @ ..] = data else { return };
    let whole = converse(*wish, input, usize::MAX);
    let pieces = converse(*wish, input, 1 + usize::from(*cut % 64));
    // What a server says while the client has the turn is heard at once, and may end the pack early.
    if whole.is_in_turn && pieces.is_in_turn && !matches!(whole.end, Err(ProtocolError::Remote { .. })) {
        assert_eq!(pieces, whole, "the cuts show");
    }
}

/// What comes of a conversation, adjacent pieces joined.
#[derive(Debug, PartialEq)]
struct Outcome {
    refs: Vec<String>,
    lines: Vec<String>,
    progress: Vec<u8>,
    output: BytesMut,
    is_in_turn: bool,
    end: Result<(), ProtocolError>,
}

fn converse(wish: u8, input: &[u8], cut: usize) -> Outcome {
    let mut options = PushClientOptions::default();
    options.mode = if wish & 1 == 0 { Mode::Duplex } else { Mode::Stateless };
    options.limits =
        Limits { refs_max: 64, shallows_max: 16, progress_bytes_max: 1 << 10, ..Limits::default() };
    let mut machine = PushClient::new(options);
    let mut told = Outcome {
        refs: Vec::new(),
        lines: Vec::new(),
        progress: Vec::new(),
        output: BytesMut::new(),
        is_in_turn: true,
        end: Ok(()),
    };
    let mut output = BytesMut::new();
    let mut is_pack_due = false;
    let end = drive(&mut machine, input, cut, &mut output, &mut |machine, asked, output| {
        let goes_on = matches!(asked, Asked::Answer) && machine.awaiting() == PushAwaiting::Pack;
        told.is_in_turn &= !is_pack_due || goes_on;
        match asked {
            Asked::Event(event) => told.hear(event),
            Asked::Answer if answer(machine, wish, output).is_err() => machine.abort(b"", output),
            Asked::Answer => {}
        }
        is_pack_due = machine.awaiting() == PushAwaiting::Pack;
    });
    told.is_in_turn &= !is_pack_due;
    (told.output, told.end) = (output, end);
    told
}

fn answer(machine: &mut PushClient, wish: u8, output: &mut BytesMut) -> Result<(), ProtocolError> {
    match machine.awaiting() {
        PushAwaiting::Command if wish & 2 != 0 => machine.finish(output),
        PushAwaiting::Command => {
            let offer = machine.offer().expect("the server has said what it offers");
            let Ok(agreement) = offer.agree(&PushClient::wish(ObjectFormat::Sha1)) else {
                return machine.finish(output);
            };
            let id = |byte: u8| ObjectId::from_sha1([byte; 20]);
            let command = |old, new, name| PushCommand { old, new, name: Bytes::from_static(name) };
            let mut commands = vec![command(id(1), id(0), b"refs/heads/old")];
            if wish & 4 != 0 {
                commands.push(command(id(0), id(2), b"refs/heads/new"));
            }
            machine.push(&PushRequest::new(agreement, commands), output)
        }
        _ => {
            machine.pack_frame(output, |room| {
                room[..4].copy_from_slice(b"PACK");
                4
            })?;
            machine.end_pack()
        }
    }
}

impl Outcome {
    fn hear(&mut self, event: PushEvent) {
        match event {
            PushEvent::Refs(block) => self.refs.extend(block.iter().map(|shown| format!("{shown:?}"))),
            PushEvent::Progress(text) => self.progress.extend_from_slice(&text),
            other => self.lines.push(format!("{other:?}")),
        }
    }
}
