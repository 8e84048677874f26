//! Data, progress and errors into one stream.

use bytes::{BufMut, BytesMut};
use gitwire_pktline::{OpenPacket, PktLineError, prefix};

use crate::band::HEADER_LEN;
use crate::{Band, PacketSize, SidebandError};

/// Multiplexes: knows how long packets may be, and puts the band in front of what it frames.
///
/// ```
/// use gitwire_sideband::{Band, Muxer, PacketSize};
///
/// let muxer = Muxer::new(PacketSize::Large);
/// let mut out = Vec::new();
/// muxer.data(b"PACK", &mut out);
/// muxer.progress(b"done.\n", &mut out);
/// muxer.keep_alive(Band::Progress, &mut out);
/// assert_eq!(out, b"0009\x01PACK000b\x02done.\n0005\x02");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Muxer {
    size: PacketSize,
}

impl Muxer {
    /// A multiplexer for packets of `size`.
    #[must_use]
    pub const fn new(size: PacketSize) -> Self {
        Self { size }
    }

    /// How long its packets may be.
    #[must_use]
    pub const fn size(self) -> PacketSize {
        self.size
    }

    /// Appends `data` on band 1, in as many packets as they need; none for none.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn data(self, data: &[u8], out: &mut impl BufMut) {
        self.split(Band::Data, data, out);
    }

    /// Appends `text` on band 2, in as many packets as it needs; none for none.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn progress(self, text: &[u8], out: &mut impl BufMut) {
        self.split(Band::Progress, text, out);
    }

    /// Appends one packet on band 3: our last words, after which we close. What does not fit into one packet is left away,
    /// since the peer reads one.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn error(self, text: &[u8], out: &mut impl BufMut) {
        let (text, _) = text.split_at_checked(self.size.data_max()).unwrap_or((text, &[]));
        put(Band::Error, text, out);
    }

    /// Appends one line of the protocol on band 1, as `sideband-all` wants it (`gitprotocol-v2`): in one packet, as it is.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] if it does not fit into one packet. Nothing is written then.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn line(self, line: &[u8], out: &mut impl BufMut) -> Result<(), SidebandError> {
        let max = self.size.data_max();
        if line.len() > max {
            return Err(PktLineError::DataTooLong { len: line.len(), max }.into());
        }
        put(Band::Data, line, out);
        Ok(())
    }

    /// Appends a packet of band 1 whose data `fill` writes in place. `fill` gets room for a whole packet and says how many
    /// bytes it wrote from the front; with 0 no packet is written. Returns what `fill` said.
    ///
    /// The room is zeroed first; a producer that appends to a buffer by itself spares that with [`begin`](Self::begin).
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use gitwire_sideband::{Muxer, PacketSize};
    ///
    /// let mut out = BytesMut::new();
    /// let written = Muxer::new(PacketSize::Small).frame(&mut out, |room| {
    ///     room.fill(b'x');
    ///     room.len()
    /// })?;
    /// assert_eq!(written, 995);
    /// assert!(out.starts_with(b"03e8\x01xxx"));
    /// # Ok::<(), gitwire_sideband::SidebandError>(())
    /// ```
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] if `fill` claims to have written more than there was room for. Nothing is written then.
    pub fn frame(
        self,
        out: &mut BytesMut,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, SidebandError> {
        let max = self.size.data_max();
        let open = self.begin(Band::Data, out);
        let start = out.len();
        out.resize(start.saturating_add(max), 0);
        let written = fill(out.get_mut(start..).unwrap_or_default());
        if written > max {
            open.cancel(out);
            return Err(PktLineError::DataTooLong { len: written, max }.into());
        }
        out.truncate(start.saturating_add(written));
        open.finish(out)
    }

    /// Opens a packet at the end of `out`, for a producer that appends to a buffer.
    ///
    /// ```
    /// use bytes::{BufMut, BytesMut};
    /// use gitwire_sideband::{Band, Muxer, PacketSize};
    ///
    /// let mut out = BytesMut::new();
    /// let open = Muxer::new(PacketSize::Large).begin(Band::Data, &mut out);
    /// out.put_slice(b"PACK");
    /// open.finish(&mut out)?;
    /// assert_eq!(out, "0009\x01PACK");
    /// # Ok::<(), gitwire_sideband::SidebandError>(())
    /// ```
    pub fn begin(self, band: Band, out: &mut BytesMut) -> OpenFrame {
        let packet = OpenPacket::begin(out);
        out.put_u8(band.byte());
        OpenFrame { packet, size: self.size }
    }

    /// The five bytes in front of `len` bytes of data, for callers that hand header and data to the system apart (`writev`).
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] if the data do not fit into one packet.
    pub fn header(self, band: Band, len: usize) -> Result<[u8; HEADER_LEN], SidebandError> {
        let max = self.size.data_max();
        if len > max {
            return Err(PktLineError::DataTooLong { len, max }.into());
        }
        let [a, b, c, d] = prefix(len.saturating_add(1))?;
        Ok([a, b, c, d, band.byte()])
    }

    /// Appends a packet that carries nothing, so that the connection is not taken for dead.
    ///
    /// Which band: git's servers send `0005\1` between the end of input and the pack or the report, and `0005\2` only under
    /// `sideband-all` (`gitprotocol-v2`). On [`Band::Error`] it would end the conversation.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn keep_alive(self, band: Band, out: &mut impl BufMut) {
        put(band, b"", out);
    }

    fn split(self, band: Band, data: &[u8], out: &mut impl BufMut) {
        for piece in data.chunks(self.size.data_max()) {
            put(band, piece, out);
        }
    }
}

/// A packet that is being written. See [`Muxer::begin`].
#[must_use = "the packet has no length until it is finished"]
#[derive(Debug)]
pub struct OpenFrame {
    packet: OpenPacket,
    size: PacketSize,
}

impl OpenFrame {
    /// How many more bytes of data fit.
    #[inline]
    #[must_use]
    pub fn room(&self, out: &BytesMut) -> usize {
        self.size.data_max().saturating_sub(self.data_len(out))
    }

    /// Closes the packet around what was appended to `out`, and says how many bytes of data that is. If it is nothing, no
    /// packet is written.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] if that is more than a packet holds: the packet is taken back whole.
    /// [`PktLineError::BufferCut`] if bytes that stood in `out` before are gone.
    pub fn finish(self, out: &mut BytesMut) -> Result<usize, SidebandError> {
        let (len, max) = (self.data_len(out), self.size.data_max());
        if self.packet.data_len(out) == 0 {
            return Err(PktLineError::BufferCut.into());
        }
        if len > max {
            self.packet.cancel(out);
            return Err(PktLineError::DataTooLong { len, max }.into());
        }
        if len == 0 {
            self.packet.cancel(out);
            return Ok(0);
        }
        self.packet.finish(out)?;
        Ok(len)
    }

    /// Takes the packet back, and what was appended since.
    pub fn cancel(self, out: &mut BytesMut) {
        self.packet.cancel(out);
    }

    fn data_len(&self, out: &BytesMut) -> usize {
        self.packet.data_len(out).saturating_sub(1)
    }
}

/// One packet. The callers see to it that `data` fit: the longest prefix stands for the branch that cannot happen.
fn put(band: Band, data: &[u8], out: &mut impl BufMut) {
    let Ok(prefix) = prefix(data.len().saturating_add(1)) else { return };
    out.put_slice(&prefix);
    out.put_u8(band.byte());
    out.put_slice(data);
}
