//! Sends data and progress through one stream, takes them apart again, and shows the progress as a terminal may see it.
#![allow(clippy::print_stdout, reason = "a program talks to who runs it")]

use bytes::{Buf, BytesMut};
use gitwire_sideband::{Demultiplexed, Demultiplexer, Muxer, PacketSize, ProgressText};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut wire = BytesMut::new();
    let server = Muxer::new(PacketSize::Small);
    server.progress(b"Counting objects: 50% (1/2)\rCounting ob", &mut wire);
    server.data(&[b'x'; 3000], &mut wire);
    server.progress(b"jects: 100% (2/2), done.\n", &mut wire);
    server.progress(b"clear your screen: \x1b[2J\n", &mut wire);
    println!("{} bytes on the wire", wire.len());

    let mut client = Demultiplexer::default();
    let mut progress = ProgressText::default();
    let mut data_len = 0;
    loop {
        let consumed = match client.next(&wire)? {
            Demultiplexed::Data { data, consumed } => {
                data_len += data.len();
                consumed
            }
            Demultiplexed::Progress { text, consumed } => {
                progress.push(text, |line| println!("remote: {}", line.text));
                consumed
            }
            Demultiplexed::Error { text, .. } => return Err(text.escape_ascii().to_string().into()),
            Demultiplexed::Special { .. } | Demultiplexed::Incomplete { .. } => break,
        };
        wire.advance(consumed);
    }
    println!("{data_len} bytes of data");
    Ok(())
}
