//! Lines of the protocol as they pass: `GIT_TRACE_PACKET`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BytesMut};
use gitwire_pktline::{Decoded, Packet, decode};
use gitwire_transport::WireTrace;
use gitwire_transport::blocking::Streams;

use super::{now, target};

/// Standard input and output; what passes is told, where somebody listens.
pub(crate) fn streams(name: &'static str) -> io::Result<Streams> {
    let Some(out) = target("GIT_TRACE_PACKET") else { return Streams::stdio() };
    // Unbuffered, as `Streams::stdio` has them.
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let out = Arc::new(Mutex::new(out));
    let reader = Told { stream: input, lines: Lines::new(name, '<', Arc::clone(&out)) };
    Ok(Streams::new(reader, Told { stream: output, lines: Lines::new(name, '>', out) }))
}

/// Who hears what is said to a server, where somebody listens; `name` is who says it.
pub(crate) fn wire(name: &'static str) -> Option<Arc<dyn WireTrace>> {
    let out = Arc::new(Mutex::new(target("GIT_TRACE_PACKET")?));
    let received = Mutex::new(Lines { demultiplexes: true, ..Lines::new(name, '<', Arc::clone(&out)) });
    Some(Arc::new(Wire { sent: Mutex::new(Lines::new(name, '>', out)), received }))
}

/// A conversation with a server.
struct Wire {
    sent: Mutex<Lines>,
    received: Mutex<Lines>,
}

impl WireTrace for Wire {
    fn sent(&self, bytes: &[u8]) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).pass(bytes);
    }

    fn received(&self, bytes: &[u8]) {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).pass(bytes);
    }
}

struct Told<S> {
    stream: S,
    lines: Lines,
}

impl<S: Read> Read for Told<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(room)?;
        self.lines.pass(room.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<S: Write> Write for Told<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.lines.pass(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The lines of one direction.
struct Lines {
    name: &'static str,
    arrow: char,
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    pending: BytesMut,
    /// What passes is no longer made of lines: a pack without a side-band.
    raw: bool,
    /// Bands are told of as what takes them apart does.
    demultiplexes: bool,
    /// What passes comes in bands now.
    banded: bool,
}

impl Lines {
    fn new(name: &'static str, arrow: char, out: Arc<Mutex<Box<dyn Write + Send>>>) -> Self {
        let pending = BytesMut::new();
        Self { name, arrow, out, pending, raw: false, demultiplexes: false, banded: false }
    }

    fn pass(&mut self, bytes: &[u8]) {
        if self.raw {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        loop {
            let consumed = match decode(&pending) {
                Ok(Decoded::Packet { packet, consumed }) => {
                    self.tell(packet);
                    consumed
                }
                Ok(Decoded::Incomplete { .. }) => break,
                Err(_) => {
                    self.raw = true;
                    return;
                }
            };
            pending.advance(consumed);
        }
        self.pending = pending;
    }

    fn tell(&mut self, packet: Packet<'_>) {
        let (mut name, mut pack) = (self.name, "sideband< PACK ...");
        if self.demultiplexes {
            self.banded |= matches!(packet, Packet::Data([1..=3, ..]));
            (name, pack) = (if self.banded { "sideband" } else { name }, "PACK ...");
            self.banded &= matches!(packet, Packet::Data(_));
        }
        let text = match packet {
            Packet::Flush => "0000".to_owned(),
            Packet::Delimiter => "0001".to_owned(),
            Packet::ResponseEnd => "0002".to_owned(),
            Packet::Data([1, b'P', b'A', b'C', b'K', ..]) => pack.to_owned(),
            Packet::Data([1, ..]) => return,
            Packet::Data(line) => {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                line.iter().map(|byte| shown(*byte)).collect()
            }
        };
        let bare = std::env::var_os("GIT_TRACE_BARE").is_some_and(|value| value == "1");
        let time = if bare { String::new() } else { now() + " " };
        let line = format!("{time}packet: {name:>12}{} {text}\n", self.arrow);
        let _ = self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

/// A byte as git shows it: what cannot be printed in octal.
fn shown(byte: u8) -> String {
    match byte {
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\{byte:o}"),
    }
}
