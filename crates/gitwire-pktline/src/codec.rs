//! The framing as a codec of tokio-util.

use std::io;

use bytes::BytesMut;
use tokio_util::codec;

use crate::{Decoded, Decoder, Limits, OwnedPacket, Packet, PktLineError, encode};

/// pkt-lines for `tokio_util::codec::Framed`: a stream of [`OwnedPacket`] in, [`Packet`] or [`OwnedPacket`] out.
///
/// Data are split off the read buffer without a copy. Feature `tokio`.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use gitwire_pktline::{OwnedPacket, Packet, PktLineCodec};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = PktLineCodec::default();
/// let mut buffer = BytesMut::new();
/// codec.encode(Packet::Data(b"done\n"), &mut buffer)?;
/// assert_eq!(codec.decode(&mut buffer)?, Some(OwnedPacket::Data(Bytes::from_static(b"done\n"))));
/// assert_eq!(codec.decode(&mut buffer)?, None);
/// # Ok::<(), gitwire_pktline::CodecError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PktLineCodec {
    decoder: Decoder,
}

impl PktLineCodec {
    /// A codec at the start of both streams.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { decoder: Decoder::new(limits) }
    }

    /// The decoder inside, to change what it accepts.
    pub fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }
}

impl codec::Decoder for PktLineCodec {
    type Item = OwnedPacket;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<OwnedPacket>, CodecError> {
        let (special, consumed) = match self.decoder.decode(buffer)? {
            Decoded::Incomplete { needed } => {
                // A length is at most 65535, so this asks for no more than one line.
                buffer.reserve(needed);
                return Ok(None);
            }
            Decoded::Packet { packet: Packet::Flush, consumed } => (Some(OwnedPacket::Flush), consumed),
            Decoded::Packet { packet: Packet::Delimiter, consumed } => {
                (Some(OwnedPacket::Delimiter), consumed)
            }
            Decoded::Packet { packet: Packet::ResponseEnd, consumed } => {
                (Some(OwnedPacket::ResponseEnd), consumed)
            }
            Decoded::Packet { packet: Packet::Data(_), consumed } => (None, consumed),
        };
        let line = buffer.split_to(consumed).freeze();
        Ok(Some(special.unwrap_or_else(|| OwnedPacket::Data(line.slice(crate::PREFIX_LEN..)))))
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<OwnedPacket>, CodecError> {
        let packet = self.decode(buffer)?;
        if packet.is_none() {
            self.decoder.end(buffer)?;
        }
        Ok(packet)
    }
}

impl codec::Encoder<Packet<'_>> for PktLineCodec {
    type Error = CodecError;

    fn encode(&mut self, packet: Packet<'_>, out: &mut BytesMut) -> Result<(), CodecError> {
        Ok(encode(packet, out)?)
    }
}

impl codec::Encoder<OwnedPacket> for PktLineCodec {
    type Error = CodecError;

    fn encode(&mut self, packet: OwnedPacket, out: &mut BytesMut) -> Result<(), CodecError> {
        Ok(encode(packet.as_packet(), out)?)
    }
}

/// What ends a framed stream early. Feature `tokio`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes are no pkt-line, or the packet cannot become one.
    #[error(transparent)]
    PktLine(#[from] PktLineError),
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}
