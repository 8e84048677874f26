//! Lines into a buffer.

use bytes::{BufMut, BytesMut};

use crate::{MAX_DATA, PREFIX_LEN, Packet, PktLineError, hex};

/// Appends `packet`, whichever it is.
///
/// # Errors
/// As [`encode_data`].
///
/// # Panics
/// If `out` has a fixed size and no room, as every [`BufMut`] does.
pub fn encode(packet: Packet<'_>, out: &mut impl BufMut) -> Result<(), PktLineError> {
    match packet {
        Packet::Flush => encode_flush(out),
        Packet::Delimiter => encode_delimiter(out),
        Packet::ResponseEnd => encode_response_end(out),
        Packet::Data(data) => return encode_data(data, out),
    }
    Ok(())
}

/// Appends a line with `data` as it is.
///
/// ```
/// let mut out = Vec::new();
/// gitwire_pktline::encode_data(b"\x01PACK", &mut out)?;
/// assert_eq!(out, b"0009\x01PACK");
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
///
/// # Errors
/// [`PktLineError::DataTooLong`] above [`MAX_DATA`] bytes; [`PktLineError::EmptyData`] for none, since `0004` should not
/// be sent. Nothing is written then.
///
/// # Panics
/// If `out` has a fixed size and no room, as every [`BufMut`] does.
#[inline]
pub fn encode_data(data: &[u8], out: &mut impl BufMut) -> Result<(), PktLineError> {
    let prefix = prefix(data.len())?;
    out.put_slice(&prefix);
    out.put_slice(data);
    Ok(())
}

/// Appends `line` as a line of text: with an LF after it.
///
/// ```
/// let mut out = Vec::new();
/// gitwire_pktline::encode_text(b"NAK", &mut out)?;
/// assert_eq!(out, b"0008NAK\n");
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
///
/// # Errors
/// [`PktLineError::DataTooLong`] if line and LF have more than [`MAX_DATA`] bytes. Nothing is written then.
///
/// # Panics
/// If `out` has a fixed size and no room, as every [`BufMut`] does.
#[inline]
pub fn encode_text(line: &[u8], out: &mut impl BufMut) -> Result<(), PktLineError> {
    let prefix = prefix(line.len().saturating_add(1))?;
    out.put_slice(&prefix);
    out.put_slice(line);
    out.put_u8(b'\n');
    Ok(())
}

/// Appends an error line: `ERR SP explanation-text` (`gitprotocol-pack`), as git writes it, without an LF. Close the
/// connection after it.
///
/// ```
/// let mut out = Vec::new();
/// gitwire_pktline::encode_error(b"no such repository", &mut out)?;
/// assert_eq!(out, b"001aERR no such repository");
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
///
/// # Errors
/// [`PktLineError::DataTooLong`] if the line has more than [`MAX_DATA`] bytes. Nothing is written then.
///
/// # Panics
/// If `out` has a fixed size and no room, as every [`BufMut`] does.
pub fn encode_error(message: &[u8], out: &mut impl BufMut) -> Result<(), PktLineError> {
    const MARK: &[u8] = b"ERR ";
    let prefix = prefix(message.len().saturating_add(MARK.len()))?;
    out.put_slice(&prefix);
    out.put_slice(MARK);
    out.put_slice(message);
    Ok(())
}

/// Appends `0000`.
///
/// # Panics
/// If `out` has a fixed size and no room, as every [`BufMut`] does.
#[inline]
pub fn encode_flush(out: &mut impl BufMut) {
    out.put_slice(b"0000");
}

/// Appends `0001`. Protocol version 2 only.
///
/// # Panics
/// If `out` has a fixed size and no room, as every [`BufMut`] does.
#[inline]
pub fn encode_delimiter(out: &mut impl BufMut) {
    out.put_slice(b"0001");
}

/// Appends `0002`. Only from a remote helper to its parent: a server that sends it is refused.
///
/// # Panics
/// If `out` has a fixed size and no room, as every [`BufMut`] does.
#[inline]
pub fn encode_response_end(out: &mut impl BufMut) {
    out.put_slice(b"0002");
}

/// Appends a line whose data `fill` writes in place: no copy between producer and frame. `fill` gets room for `max` bytes
/// of data, or [`MAX_DATA`] if that is less, and says how many it wrote from the front. With 0 no line is written.
///
/// Returns what `fill` said. The room is zeroed first; a producer that appends to a buffer by itself spares that with
/// [`OpenPacket`].
///
/// ```
/// use bytes::BytesMut;
///
/// let mut out = BytesMut::new();
/// let written = gitwire_pktline::encode_with(&mut out, 1024, |room| {
///     room[..3].copy_from_slice(b"abc");
///     3
/// })?;
/// assert_eq!(written, 3);
/// assert_eq!(out, "0007abc");
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
///
/// # Errors
/// [`PktLineError::DataTooLong`] if `fill` claims to have written more than there was room for. Nothing is written then.
pub fn encode_with(
    out: &mut BytesMut,
    max: usize,
    fill: impl FnOnce(&mut [u8]) -> usize,
) -> Result<usize, PktLineError> {
    let max = max.min(MAX_DATA);
    let open = OpenPacket::begin(out);
    let data = out.len();
    out.resize(data.saturating_add(max), 0);
    let written = fill(out.get_mut(data..).unwrap_or_default());
    if written > max {
        open.cancel(out);
        return Err(PktLineError::DataTooLong { len: written, max });
    }
    out.truncate(data.saturating_add(written));
    open.finish(out)
}

/// A line that is being written: its length stands in front of its data, and is known last.
///
/// For producers that append to a buffer. Begin, append at most [`MAX_DATA`] bytes, finish.
///
/// ```
/// use bytes::{BufMut, BytesMut};
/// use gitwire_pktline::OpenPacket;
///
/// let mut out = BytesMut::from(&b"0008NAK\n"[..]);
/// let open = OpenPacket::begin(&mut out);
/// out.put_slice(b"some ");
/// out.put_slice(b"data");
/// assert_eq!(open.finish(&mut out)?, 9);
/// assert_eq!(out, "0008NAK\n000dsome data");
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
#[must_use = "the line has no length until it is finished"]
#[derive(Debug)]
pub struct OpenPacket {
    start: usize,
}

impl OpenPacket {
    /// Opens a line at the end of `out`.
    #[inline]
    pub fn begin(out: &mut BytesMut) -> Self {
        let start = out.len();
        out.put_slice(&[0; PREFIX_LEN]);
        Self { start }
    }

    /// How many bytes of data stand in the open line.
    #[inline]
    #[must_use]
    pub fn data_len(&self, out: &BytesMut) -> usize {
        out.len().saturating_sub(self.start).saturating_sub(PREFIX_LEN)
    }

    /// Closes the line around what was appended to `out`, and says how many bytes of data that is. If it is nothing, no
    /// line is written.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] above [`MAX_DATA`] bytes: the line is taken back whole.
    /// [`PktLineError::BufferCut`] if bytes that stood in `out` before are gone.
    #[inline]
    pub fn finish(self, out: &mut BytesMut) -> Result<usize, PktLineError> {
        let len = self.data_len(out);
        match prefix(len) {
            Ok(digits) => {
                let place = out.get_mut(self.start..).and_then(<[u8]>::first_chunk_mut);
                *place.ok_or(PktLineError::BufferCut)? = digits;
                Ok(len)
            }
            Err(error) => {
                let cut = out.len() < self.start.saturating_add(PREFIX_LEN);
                self.cancel(out);
                match error {
                    _ if cut => Err(PktLineError::BufferCut),
                    PktLineError::EmptyData => Ok(0),
                    error => Err(error),
                }
            }
        }
    }

    /// Takes the line back, and what was appended since.
    #[inline]
    pub fn cancel(self, out: &mut BytesMut) {
        out.truncate(self.start);
    }
}

/// The prefix of a line with `len` bytes of data, for callers that hand prefix and data to the system apart (`writev`).
///
/// ```
/// assert_eq!(gitwire_pktline::prefix(4)?, *b"0008");
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
///
/// # Errors
/// As [`encode_data`].
#[inline]
pub fn prefix(len: usize) -> Result<[u8; PREFIX_LEN], PktLineError> {
    if len == 0 {
        return Err(PktLineError::EmptyData);
    }
    match u16::try_from(len.saturating_add(PREFIX_LEN)) {
        Ok(length) if len <= MAX_DATA => Ok(hex::write(length)),
        _ => Err(PktLineError::DataTooLong { len, max: MAX_DATA }),
    }
}
