//! Makes the delta that turns one file into another, shows what it says, and checks that it does.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program talks to who runs it, and reads files"
)]

use gitwire_delta::{DeltaIndex, Header, Instruction, Instructions, Made, apply};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut names = std::env::args_os().skip(1);
    let (Some(old), Some(new)) = (names.next(), names.next()) else {
        return Err("usage: delta OLD NEW".into());
    };
    let (old, new) = (std::fs::read(old)?, std::fs::read(new)?);
    let mut delta = Vec::new();
    if DeltaIndex::new(&old).make(&new, new.len(), &mut delta) != Made::Delta {
        println!("no delta is smaller than the {} bytes of the new file", new.len());
        return Ok(());
    }
    for instruction in Instructions::new(&delta, &Header::parse(&delta)?) {
        match instruction? {
            (at, Instruction::Copy { offset, len }) => println!("{at:>6}: copy {len} bytes from {offset}"),
            (at, Instruction::Insert(data)) => println!("{at:>6}: insert {} bytes", data.len()),
        }
    }
    let mut result = Vec::new();
    apply(&old, &delta, new.len() as u64, &mut result)?;
    assert_eq!(result, new, "a delta makes what it was made from");
    println!("{} bytes of delta for {} bytes", delta.len(), new.len());
    Ok(())
}
