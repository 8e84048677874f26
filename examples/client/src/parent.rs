//! Conversations over standard input and output, with a parent that makes HTTP requests of them (`--stateless-rpc`).

use std::io::{Read, Write as _};

use bytes::{Bytes, BytesMut};
use gitwire_client::{ClientError, Conversation, Listener};
use gitwire_pktline::{Decoded, MAX_DATA, Packet, decode, encode_data, encode_flush, text};
use gitwire_protocol::{Machine, Next, ProtocolError};
use gitwire_transport::{TransportError, WireTrace};

use crate::failure::Failure;

/// One pkt-line without its end; `None` for a flush packet.
pub(crate) fn read_packet(input: &mut impl Read) -> Result<Option<Bytes>, Failure> {
    let mut packet = vec![0; 4];
    input.read_exact(&mut packet)?;
    loop {
        match decode(&packet)? {
            Decoded::Packet { packet: Packet::Data(data), .. } => {
                return Ok(Some(Bytes::copy_from_slice(text(data))));
            }
            Decoded::Packet { .. } => return Ok(None),
            Decoded::Incomplete { needed } => {
                let start = packet.len();
                packet.resize(start + needed, 0);
                input.read_exact(&mut packet[start..])?;
            }
        }
    }
}

/// Carries a conversation: what is said goes out in pkt-lines, a flush packet ends each request and all of them, and answers come in
/// as they are.
pub(crate) fn carry<M: Machine<Error = ProtocolError>>(
    mut machine: M,
    conversation: &mut dyn Conversation<Machine = M>,
    trace: Option<&dyn WireTrace>,
    listener: Listener<'_>,
) -> Result<(), ClientError> {
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let (mut stdin, mut stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut piece = vec![0; 64 << 10];
    let (read, write) = (TransportError::Read, TransportError::Write);
    loop {
        let next = machine.step(&mut input, &mut output)?;
        if let Some(trace) = trace {
            trace.sent(&output);
        }
        let mut framed = BytesMut::new();
        for part in output.chunks(MAX_DATA) {
            encode_data(part, &mut framed)
                .map_err(|_| ClientError::Internal("a part that is no pkt-line"))?;
        }
        output.clear();
        // One flush packet ends a request, and one more the requests.
        if matches!(next, Next::Turn | Next::Done) {
            encode_flush(&mut framed);
        }
        stdout.write_all(&framed).map_err(write)?;
        match next {
            Next::Event(event) => {
                conversation.event(event, listener)?;
                conversation.heard(&mut machine);
            }
            Next::Answer => conversation.answer(&mut machine, &mut output, listener)?,
            Next::Turn => stdout.flush().map_err(write)?,
            Next::Read => {
                stdout.flush().map_err(write)?;
                match stdin.read(&mut piece).map_err(read)? {
                    0 => machine.end_of_input(),
                    count => {
                        if let Some(trace) = trace {
                            trace.received(&piece[..count]);
                        }
                        input.extend_from_slice(&piece[..count]);
                    }
                }
            }
            Next::Done => return Ok(stdout.flush().map_err(write)?),
        }
    }
}
