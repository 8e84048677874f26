use bytes::{BufMut, BytesMut};
use gitwire_pktline::{Packet, Packets, PktLineError};
use gitwire_sideband::{Band, Muxer, PacketSize, SidebandError, demultiplex};

const SIZES: [PacketSize; 2] = [PacketSize::Small, PacketSize::Large];

/// The packets of `wire`, each checked against the size.
#[track_caller]
fn packets(size: PacketSize, wire: &[u8]) -> Vec<(Band, Vec<u8>)> {
    Packets::new(wire)
        .map(|packet| match packet {
            Ok(Packet::Data(payload)) => {
                assert!(payload.len() + 4 <= size.line_max());
                let (band, data) = demultiplex(payload).expect("a band");
                assert!(data.len() <= size.data_max());
                (band, data.to_vec())
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Packets that outgrow what was agreed on are what another multiplexer once sent.
#[test]
fn no_packet_is_longer_than_agreed() {
    for size in SIZES {
        let muxer = Muxer::new(size);
        let max = size.data_max();
        for len in (0..70_000).step_by(997).chain([0, 1, max - 1, max, max + 1, 2 * max, 2 * max + 1]) {
            let data: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0]).collect();
            for band in [Band::Data, Band::Progress] {
                let mut wire = Vec::new();
                if band == Band::Data {
                    muxer.data(&data, &mut wire);
                } else {
                    muxer.progress(&data, &mut wire);
                }
                let packets = packets(size, &wire);
                assert_eq!(packets.len(), len.div_ceil(max));
                assert!(packets.iter().all(|(found, data)| *found == band && !data.is_empty()));
                assert_eq!(packets.into_iter().flat_map(|(_, data)| data).collect::<Vec<_>>(), data);
            }
        }
    }
}

#[test]
fn sizes() {
    assert_eq!(SIZES.map(PacketSize::line_max), [1000, 65520]);
    assert_eq!(SIZES.map(PacketSize::data_max), [995, 65515]);
    assert_eq!(SIZES.map(|size| Muxer::new(size).size()), SIZES);
}

#[test]
fn last_words_are_one_packet() {
    for size in SIZES {
        for (len, kept) in [(0, 0), (5, 5), (size.data_max(), size.data_max()), (70_000, size.data_max())] {
            let mut wire = Vec::new();
            Muxer::new(size).error(&vec![b'x'; len], &mut wire);
            assert_eq!(packets(size, &wire), [(Band::Error, vec![b'x'; kept])]);
        }
    }
}

#[test]
fn keep_alive() {
    let mut wire = Vec::new();
    let muxer = Muxer::new(PacketSize::Large);
    muxer.keep_alive(Band::Data, &mut wire);
    muxer.keep_alive(Band::Progress, &mut wire);
    assert_eq!(wire, b"0005\x010005\x02");
}

#[test]
fn lines_under_sideband_all() {
    for size in SIZES {
        let (muxer, max) = (Muxer::new(size), size.data_max());
        let mut wire = Vec::new();
        assert_eq!(muxer.line(b"packfile\n", &mut wire), Ok(()));
        assert_eq!(muxer.line(&vec![b'x'; max], &mut wire), Ok(()));
        let before = wire.clone();
        let error = SidebandError::PktLine(PktLineError::DataTooLong { len: max + 1, max });
        assert_eq!(muxer.line(&vec![b'x'; max + 1], &mut wire), Err(error));
        assert_eq!(wire, before);
        assert!(wire.starts_with(b"000e\x01packfile\n"));
        assert_eq!(packets(size, &wire).len(), 2);
    }
}

#[test]
fn in_place() {
    #[track_caller]
    fn check(size: PacketSize, fill: usize, expected: Result<usize, SidebandError>) {
        let mut out = BytesMut::from(&b"0000"[..]);
        let written = Muxer::new(size).frame(&mut out, |room| {
            assert_eq!(room.len(), size.data_max());
            let len = fill.min(room.len());
            room[..len].fill(b'x');
            fill
        });
        assert_eq!(written, expected);
        match expected {
            Ok(0) | Err(_) => assert_eq!(out, "0000"),
            Ok(len) => assert_eq!(packets(size, &out[4..]), [(Band::Data, vec![b'x'; len])]),
        }
    }
    for size in SIZES {
        let max = size.data_max();
        check(size, 0, Ok(0));
        check(size, 1, Ok(1));
        check(size, max, Ok(max));
        check(size, max + 1, Err(PktLineError::DataTooLong { len: max + 1, max }.into()));
    }
}

#[test]
fn open_frames() {
    for size in SIZES {
        let (muxer, max) = (Muxer::new(size), size.data_max());
        let mut out = BytesMut::from(&b"0000"[..]);
        let open = muxer.begin(Band::Progress, &mut out);
        assert_eq!(open.room(&out), max);
        out.put_slice(b"abc");
        assert_eq!(open.room(&out), max - 3);
        assert_eq!(open.finish(&mut out), Ok(3));
        assert_eq!(out, "00000008\x02abc");

        let open = muxer.begin(Band::Data, &mut out);
        assert_eq!(open.finish(&mut out), Ok(0), "nothing was appended");
        let open = muxer.begin(Band::Data, &mut out);
        out.put_bytes(b'x', max + 1);
        assert_eq!(open.room(&out), 0);
        assert_eq!(open.finish(&mut out), Err(PktLineError::DataTooLong { len: max + 1, max }.into()));
        let open = muxer.begin(Band::Data, &mut out);
        out.put_bytes(b'x', 10);
        open.cancel(&mut out);
        assert_eq!(out, "00000008\x02abc");

        let open = muxer.begin(Band::Data, &mut out);
        out.clear();
        assert_eq!(open.finish(&mut out), Err(PktLineError::BufferCut.into()));
    }
}

#[test]
fn headers() {
    for size in SIZES {
        let (muxer, max) = (Muxer::new(size), size.data_max());
        assert_eq!(muxer.header(Band::Data, 0), Ok(*b"0005\x01"));
        assert_eq!(muxer.header(Band::Error, 11), Ok(*b"0010\x03"));
        assert!(muxer.header(Band::Data, max).is_ok());
        let error = SidebandError::PktLine(PktLineError::DataTooLong { len: max + 1, max });
        assert_eq!(muxer.header(Band::Data, max + 1), Err(error));
        assert_eq!(error.position(), None);
    }
}
