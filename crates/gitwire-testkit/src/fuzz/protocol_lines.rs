//! The lines of fetching: what is read can be written, and is then read the same.

use bytes::BytesMut;
use gitwire_pktline::{Decoded, Packet, PktLineError, decode};
use gitwire_protocol::message::{
    Acknowledgment, CommandRequestLine, FetchArgument, LsRefsArgument, LsRefsLine, PackfileUri,
    RefAdvertisementLine, Section, ServicePreface, ShallowUpdate, UploadHavesLine, UploadRequestLine,
    WantedRef,
};
use gitwire_types::ObjectFormat;

/// One line, offered to every parser.
pub(super) fn protocol_lines(data: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        if let Ok(line) = UploadRequestLine::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(UploadRequestLine::parse(format, data), Ok(line)));
        }
        if let Ok(line) = UploadHavesLine::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(UploadHavesLine::parse(format, data), Ok(line)));
        }
        if let Ok(line) = Acknowledgment::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(Acknowledgment::parse(format, data), Ok(line)));
        }
        if let Ok(line) = ShallowUpdate::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(ShallowUpdate::parse(format, data), Ok(line)));
        }
        if let Ok(line) = RefAdvertisementLine::parse(format, data) {
            again(
                |out| line.write(out),
                |data| assert_eq!(RefAdvertisementLine::parse(format, data), Ok(line)),
            );
        }
        if let Ok(line) = LsRefsLine::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(LsRefsLine::parse(format, data), Ok(line)));
        }
        if let Ok(line) = FetchArgument::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(FetchArgument::parse(format, data), Ok(line)));
        }
        if let Ok(line) = WantedRef::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(WantedRef::parse(format, data), Ok(line)));
        }
        if let Ok(line) = PackfileUri::parse(format, data) {
            again(|out| line.write(out), |data| assert_eq!(PackfileUri::parse(format, data), Ok(line)));
        }
    }
    if let Ok(line) = LsRefsArgument::parse(data) {
        again(|out| line.write(out), |data| assert_eq!(LsRefsArgument::parse(data), Ok(line)));
    }
    if let Ok(line) = CommandRequestLine::parse(data) {
        again(|out| line.write(out), |data| assert_eq!(CommandRequestLine::parse(data), Ok(line)));
    }
    if let Ok(line) = Section::parse(data) {
        again(|out| line.write(out), |data| assert_eq!(Section::parse(data), Ok(line)));
    }
    if let Ok(line) = ServicePreface::parse(data) {
        again(|out| line.write(out), |data| assert_eq!(ServicePreface::parse(data), Ok(line)));
    }
}

/// Writes a line and gives its data to `check`, unless it fits into no line.
pub(super) fn again(
    write: impl FnOnce(&mut BytesMut) -> Result<(), PktLineError>,
    check: impl FnOnce(&[u8]),
) {
    let mut out = BytesMut::new();
    match write(&mut out) {
        Err(_) => assert!(out.is_empty(), "a refused line is written"),
        Ok(()) => match decode(&out) {
            Ok(Decoded::Packet { packet: Packet::Data(data), consumed }) => {
                assert_eq!(consumed, out.len(), "more than one line is written");
                check(data);
            }
            other => panic!("no line is written: {other:?}"),
        },
    }
}
