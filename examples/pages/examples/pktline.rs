//! Shows the pkt-lines on standard input, one a line, with their places in the stream.
#![allow(clippy::print_stdout, reason = "a program talks to who runs it")]

use std::io::Read as _;

use bytes::{Buf, BytesMut};
use gitwire_pktline::{Decoded, Decoder, Packet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = std::io::stdin().lock();
    let mut decoder = Decoder::default();
    let mut bytes = BytesMut::new();
    let mut room = [0; 4096];
    loop {
        let read = input.read(&mut room)?;
        bytes.extend_from_slice(&room[..read]);
        loop {
            let at = decoder.position().offset;
            let Decoded::Packet { packet, consumed } = decoder.decode(&bytes)? else { break };
            match packet {
                Packet::Data(data) => println!("{at:>8}  {:>5}  {}", data.len(), data.escape_ascii()),
                Packet::Flush => println!("{at:>8}  flush"),
                Packet::Delimiter => println!("{at:>8}  delimiter"),
                Packet::ResponseEnd => println!("{at:>8}  response end"),
            }
            bytes.advance(consumed);
        }
        if read == 0 {
            // A stream may end between two packets, not within one.
            return Ok(decoder.end(&bytes)?);
        }
    }
}
