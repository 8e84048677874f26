//! The decoder gives the same items for every way of cutting its input.

use gitwire_pack::{EntryHeader, Limits, PackDecoder, PackHeader, PackItem};
use gitwire_types::ObjectId;
use proptest::prelude::*;

use crate::packs::{PackBuilder, SHA1, small};

/// An item that owns its data; adjacent data is joined.
#[derive(Debug, PartialEq)]
enum Item {
    Header(PackHeader),
    Entry(u64, EntryHeader),
    Data(Vec<u8>),
    EntryEnd(u64, u32),
    End(ObjectId),
}

fn items(pack: &[u8], mut cuts: impl FnMut() -> usize) -> Vec<Item> {
    let mut decoder = PackDecoder::new(SHA1, Limits::default());
    let mut items = Vec::new();
    let mut rest = pack;
    let mut piece: &[u8] = &[];
    loop {
        let (consumed, item) = decoder.decode(piece).unwrap();
        match item {
            PackItem::NeedInput => {
                assert_eq!(consumed, piece.len());
                let len = cuts().clamp(1, rest.len());
                (piece, rest) = rest.split_at(len);
                continue;
            }
            PackItem::Header(header) => items.push(Item::Header(header)),
            PackItem::Entry { offset, header } => items.push(Item::Entry(offset, header)),
            PackItem::Data(data) => match items.last_mut() {
                Some(Item::Data(all)) => all.extend_from_slice(data),
                _ => items.push(Item::Data(data.to_vec())),
            },
            PackItem::EntryEnd { end, crc32 } => items.push(Item::EntryEnd(end, crc32)),
            PackItem::End { checksum } => {
                items.push(Item::End(checksum));
                return items;
            }
            _ => panic!("an item that the test does not know"),
        }
        piece = &piece[consumed..];
    }
}

fn with_large_entries() -> Vec<u8> {
    let mut pack = PackBuilder::new();
    pack.blob(&vec![5; 300_000]);
    let noise: Vec<u8> = (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    pack.blob(&noise);
    pack.blob(b"");
    pack.finish()
}

#[test]
fn bytewise() {
    for pack in [small(), with_large_entries(), PackBuilder::new().finish()] {
        let whole = items(&pack, || usize::MAX);
        assert_eq!(items(&pack, || 1), whole);
    }
}

proptest! {
    #[test]
    fn any_cut(cuts in prop::collection::vec(1_usize..200, 1..50)) {
        let pack = small();
        let whole = items(&pack, || usize::MAX);
        let mut cuts = cuts.into_iter().cycle();
        prop_assert_eq!(items(&pack, || cuts.next().unwrap_or(1)), whole);
    }

    #[test]
    fn entry_headers_round_trip(size: u64, distance in 1_u64..1 << 56, which in 0..3) {
        use gitwire_pack::EntryKind;
        let kind = match which {
            0 => EntryKind::Whole(gitwire_types::ObjectKind::Tree),
            1 => EntryKind::OffsetDelta { distance },
            _ => EntryKind::IdDelta { base: crate::packs::blob_id(&size.to_be_bytes()) },
        };
        let mut bytes = Vec::new();
        EntryHeader { kind, size, len: 0 }.write(&mut bytes);
        let offset = distance + 12;
        let parsed = EntryHeader::parse(&bytes, SHA1, offset).unwrap().unwrap();
        prop_assert_eq!(parsed, EntryHeader { kind, size, len: bytes.len() as u8 });
        for len in 0..bytes.len() {
            prop_assert_eq!(EntryHeader::parse(&bytes[..len], SHA1, offset).unwrap(), None);
        }
    }
}
