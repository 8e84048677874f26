//! What the fuzz bodies of machines share: feeding one in pieces until it comes to its end.

use bytes::BytesMut;
use gitwire_protocol::{Machine, Next, ProtocolError};

/// What a machine asks of its application.
pub(super) enum Asked<E> {
    Event(E),
    Answer,
}

/// Hears events and gives answers.
pub(super) type Application<'a, M> = dyn FnMut(&mut M, Asked<<M as Machine>::Event>, &mut BytesMut) + 'a;

/// Feeds `machine` with `rest`, `cut` bytes at a time, and lets `application` hear and answer. How it ended.
///
/// # Panics
/// When it does not end, or blames its application for what a step came to.
pub(super) fn drive<M: Machine<Error = ProtocolError>>(
    machine: &mut M,
    mut rest: &[u8],
    cut: usize,
    output: &mut BytesMut,
    application: &mut Application<'_, M>,
) -> Result<(), ProtocolError> {
    let mut input = BytesMut::new();
    for _ in 0..(64 + rest.len()) * 16 {
        match machine.step(&mut input, output) {
            Ok(Next::Event(event)) => application(machine, Asked::Event(event), output),
            Ok(Next::Answer) => application(machine, Asked::Answer, output),
            Ok(Next::Turn) => {}
            Ok(Next::Read) if rest.is_empty() => machine.end_of_input(),
            Ok(Next::Read) => {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                input.extend_from_slice(piece);
                rest = more;
            }
            Ok(Next::Done) => return Ok(()),
            Err(error) => {
                let ours = matches!(error, ProtocolError::Misuse(_) | ProtocolError::Internal(_));
                assert!(!ours, "a step blames us: {error}");
                return Err(error);
            }
        }
    }
    panic!("the conversation does not end");
}
