//! Deltas from strangers.

use gitwire_delta::{Header, Instructions, Stream, StreamError, apply, apply_to};

/// Applies a delta whole and in pieces and demands the same result or error. The first byte says how long the base is, the
/// second how the rest, the delta, and the room are cut.
///
/// # Panics
/// When the ways of applying disagree, or more comes out than was allowed.
pub(super) fn delta_apply(data: &[u8]) {
    let [base_len, cut, delta @ ..] = data else { return };
    let base: Vec<u8> = (0..=255).cycle().take(usize::from(*base_len) * 5).collect();
    let mut out = Vec::new();
    let whole = apply(&base, delta, RESULT_MAX, &mut out).map(|()| out);

    let piece = usize::from(cut & 15) + 1;
    let mut room = vec![0; usize::from(cut >> 4) * 100 + 1];
    let mut source = &base[..];
    let mut stream = Stream::new(&source, RESULT_MAX);
    let mut result = Vec::new();
    let mut pieces = delta.chunks(piece);
    let streamed = loop {
        let Some(mut piece) = pieces.next() else { break stream.finish() };
        let failed = loop {
            match stream.read(&mut source, &mut piece, &mut room) {
                Ok(0) => break None,
                Ok(filled) => result.extend_from_slice(&room[..filled]),
                Err(StreamError::Delta(error)) => break Some(error),
                Err(StreamError::Base(never)) => match never {},
            }
        };
        if let Some(error) = failed {
            break Err(error);
        }
        assert!(piece.is_empty(), "the stream leaves input without need");
    };
    assert_eq!(streamed.map(|()| result), whole);

    let Ok(result) = whole else { return };
    let header = Header::parse(delta).expect("an applied delta has a header");
    assert_eq!(header.result_size, result.len() as u64);
    let sum: u64 = Instructions::new(delta, &header).map(|step| step.map_or(0, |(_, step)| step.len())).sum();
    assert_eq!(sum, header.result_size);
    let mut again = vec![0; result.len()];
    assert_eq!(apply_to(&base, delta, &mut again), Ok(()));
    assert!(again == result);
}

const RESULT_MAX: u64 = 1 << 20;
