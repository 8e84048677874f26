//! `make_pack DIR [WANT…] [--not HAVE…]`: writes a thin pack of what the wants reach and the haves do not to standard output. Without a
//! want, everything that a reference points at is wanted.
#![allow(clippy::print_stderr, reason = "a program that reports on standard error")]

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use bytes::BytesMut;
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_storage::{Repository, SourceState};
use gitwire_types::{Never, ObjectId};
use gitwire_walk::{Graph, PackRequest, WalkLimits, pack_source};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let repository = GitDir::open(args.next().ok_or("which Git directory?")?, &OpenOptions::default())?;
    let format = repository.format();
    let (mut wants, mut haves) = (Vec::new(), Vec::new());
    let mut is_have = false;
    for arg in args {
        if arg == "--not" {
            is_have = true;
            continue;
        }
        let id = ObjectId::from_hex(format, arg.as_bytes())?;
        if is_have { haves.push(id) } else { wants.push(id) }
    }
    if wants.is_empty() {
        repository.refs()?.each(&[], &mut |record| {
            wants.extend(record.id);
            Ok(ControlFlow::Continue(()))
        })?;
        wants.sort_unstable();
        wants.dedup();
    }
    let mut request = PackRequest::new(wants, haves);
    request.thin = true;
    let graph = Graph::new(repository.objects()?, format, WalkLimits::default());
    let mut source = pack_source(graph, request);
    let (mut out, mut stdout) = (BytesMut::new(), std::io::stdout().lock());
    let start = Instant::now();
    let mut last = None;
    loop {
        let state = source.next(256 << 10, &mut out, &Never)?;
        if let SourceState::Preparing(preparation) = state {
            let stage = std::mem::discriminant(&preparation);
            if last.replace(stage) != Some(stage) {
                eprintln!("{:>8.3} s  {preparation:?}", start.elapsed().as_secs_f64());
            }
        } else if last.take().is_some() {
            eprintln!("{:>8.3} s  writing", start.elapsed().as_secs_f64());
        }
        stdout.write_all(&out)?;
        out.clear();
        if state == SourceState::End {
            break;
        }
    }
    eprintln!("{:>8.3} s  done", start.elapsed().as_secs_f64());
    Ok(())
}
