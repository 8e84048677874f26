//! Packs from strangers, as they arrive.

use gitwire_pack::{Limits, PackDecoder, PackError, PackItem};
use gitwire_types::ObjectFormat;

/// Decodes a pack whole and in pieces and demands the same items or error. The first byte says how it is cut.
///
/// # Panics
/// When the two disagree, more is taken than there is, or an entry gives another size than it declares.
pub(super) fn pack_decode(data: &[u8]) {
    let [cut, pack @ ..] = data else { return };
    let whole = decode(pack, usize::MAX);
    let pieces = decode(pack, usize::from(*cut) + 1);
    assert_eq!(whole, pieces);
}

/// Every item as text, adjacent data joined; then how it ended.
fn decode(pack: &[u8], piece: usize) -> (Vec<String>, Vec<u8>, String) {
    let limits = Limits { object_bytes_max: 1 << 20, delta_bytes_max: 1 << 16, ..Limits::default() };
    let mut decoder = PackDecoder::new(ObjectFormat::Sha1, limits);
    let (mut items, mut content) = (Vec::new(), Vec::new());
    let mut expected = 0;
    for mut piece in pack.chunks(piece) {
        loop {
            let (consumed, item) = match decoder.decode(piece) {
                Ok(step) => step,
                // How much came before the fault depends on the cut.
                Err(error) => return (items, Vec::new(), ending(&error)),
            };
            let needs_input = item == PackItem::NeedInput;
            match item {
                PackItem::NeedInput => {}
                PackItem::Data(data) => {
                    assert!(!data.is_empty());
                    content.extend_from_slice(data);
                }
                PackItem::Entry { header, .. } => {
                    expected = content.len() as u64 + header.size;
                    items.push(format!("{item:?}"));
                }
                PackItem::EntryEnd { .. } => {
                    assert_eq!(content.len() as u64, expected);
                    items.push(format!("{item:?}"));
                }
                item => items.push(format!("{item:?}")),
            }
            piece = &piece[consumed..];
            if needs_input {
                assert!(piece.is_empty(), "input is left without need");
                break;
            }
        }
    }
    match decoder.finish() {
        Ok(checksum) => (items, content, checksum.to_string()),
        Err(error) => (items, Vec::new(), ending(&error)),
    }
}

/// An error as text. Of several faults of one entry's compressed data, the one that is met first depends on the cut.
fn ending(error: &PackError) -> String {
    assert!(!matches!(error, PackError::Internal(_) | PackError::Misuse(_)), "{error}");
    match error {
        PackError::Inflate { offset, .. }
        | PackError::InflateOverrun { offset, .. }
        | PackError::InflateUnderrun { offset, .. } => format!("entry at offset {offset} is broken"),
        error => error.to_string(),
    }
}
