//! `gitwire pack-objects`.

use std::io::{BufRead as _, Write as _};
use std::ops::ControlFlow;
use std::process::ExitCode;

use bytes::BytesMut;
use clap::Args;
use gitwire_client::find_revision;
use gitwire_gitdir::{Config, GitDir};
use gitwire_storage::{Repository as _, SourceState};
use gitwire_types::{Never, ObjectId};
use gitwire_walk::{Graph, PackRequest, WalkLimits, pack_source};

use crate::failure::Failure;
use crate::local;

#[derive(Debug, Args)]
pub(crate) struct PackObjects {
    /// Read revisions from standard input: a name or id a line, with ^ before what the receiver has.
    #[arg(long, required = true)]
    revs: bool,
    /// Everything that a ref reaches.
    #[arg(long)]
    all: bool,
    /// Write the pack to standard output.
    #[arg(long, required = true)]
    stdout: bool,
    /// Let deltas stand on what the receiver has.
    #[arg(long)]
    thin: bool,
    /// Let deltas name their base by place.
    #[arg(long)]
    delta_base_offset: bool,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// Candidates for each delta.
    #[arg(long, value_name = "N", default_value_t = 10)]
    window: u32,
    /// The longest chain of deltas.
    #[arg(long, value_name = "N", default_value_t = 50)]
    depth: u32,
    /// Threads at work.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Bytes of memory for making deltas.
    #[arg(long, value_name = "BYTES")]
    memory: Option<u64>,
}

impl PackObjects {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let repository = local::repository(config)?;
        let (mut wants, haves) = self.revisions(&repository)?;
        wants.sort_unstable();
        wants.dedup();
        let mut request = PackRequest::new(wants, haves);
        request.thin = self.thin;
        request.ofs_delta = self.delta_base_offset;
        request.window = self.window;
        request.depth = self.depth;
        request.threads =
            self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        request.memory = self.memory.unwrap_or(request.memory);
        let mut graph = Graph::new(repository.objects()?, repository.format(), WalkLimits::default());
        graph.set_boundary(&repository.shallow()?)?;
        let mut source = pack_source(graph, request);
        let mut out = std::io::stdout().lock();
        let mut piece = BytesMut::new();
        loop {
            let state = source.next(256 << 10, &mut piece, &Never)?;
            out.write_all(&piece)?;
            piece.clear();
            if state == SourceState::End {
                out.flush()?;
                return Ok(ExitCode::SUCCESS);
            }
        }
    }

    fn revisions(&self, repository: &GitDir) -> Result<(Vec<ObjectId>, Vec<ObjectId>), Failure> {
        let (mut wants, mut haves) = (Vec::new(), Vec::new());
        if self.all {
            let refs = repository.refs()?;
            wants.extend(refs.head()?.and_then(|head| head.id().copied()));
            refs.each(&[], &mut |record| {
                wants.extend(record.id);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        for line in std::io::stdin().lock().split(b'\n') {
            let line = line?;
            match line.strip_prefix(b"^") {
                _ if line.is_empty() => {}
                _ if line == b"--not" => {
                    return Err(Failure::fatal("--not is not supported; use ^ on each line"));
                }
                Some(rest) => haves.push(revision(repository, rest)?),
                None => wants.push(revision(repository, &line)?),
            }
        }
        Ok((wants, haves))
    }
}

/// What a line names.
fn revision(repository: &GitDir, text: &[u8]) -> Result<ObjectId, Failure> {
    let bad = || Failure::fatal(format!("bad revision '{}'", text.escape_ascii()));
    find_revision(repository, text)?.ok_or_else(bad)
}
