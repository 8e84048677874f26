//! `gitwire verify-pack`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gitwire_pack::{Index, IndexerOptions, Limits, Resolve, VerifiedObject, verify_pack};
use gitwire_types::{Never, ObjectFormat};

use crate::failure::Failure;
use crate::files::Whole;

#[derive(Debug, Args)]
pub(crate) struct VerifyPack {
    /// Show every object.
    #[arg(short, long)]
    verbose: bool,
    /// Show only how long the chains of deltas are.
    #[arg(short, long)]
    stat_only: bool,
    /// The hash function of the ids: sha1 or sha256.
    #[arg(long, value_name = "FORMAT", default_value = "sha1")]
    object_format: String,
    /// Threads at work.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Packs, by the name of the pack or its index.
    #[arg(required = true)]
    packs: Vec<PathBuf>,
}

impl VerifyPack {
    /// As `index-pack --verify-stat` asks for it.
    pub(crate) fn of(pack: &Path, format: ObjectFormat, verbose: bool, stat_only: bool) -> Self {
        let object_format = format.name().to_owned();
        Self { verbose, stat_only, object_format, threads: None, packs: vec![pack.to_owned()] }
    }

    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let unknown = || Failure::fatal(format!("unknown hash algorithm '{}'", self.object_format));
        let format = ObjectFormat::from_name(self.object_format.as_bytes()).ok_or_else(unknown)?;
        let mut bad = false;
        for pack in &self.packs {
            let pack = pack.with_extension("pack");
            if let Err(failure) = self.verify(&pack, format) {
                eprintln!("error: {}", failure.text);
                if self.verbose || self.stat_only {
                    println!("{}: bad", pack.display());
                }
                bad = true;
            }
        }
        Ok(ExitCode::from(u8::from(bad)))
    }

    fn verify(&self, pack: &Path, format: ObjectFormat) -> Result<(), Failure> {
        let path = pack.with_extension("idx");
        let missing = |what: &str, path: &Path, error: std::io::Error| {
            Failure::fatal(format!("cannot open {what} '{}': {error}", path.display()))
        };
        let index = Whole::open(&path).map_err(|error| missing("index", &path, error))?;
        let index = Index::open(index, format, &Limits::default())?;
        let data = Whole::open(pack).map_err(|error| missing("pack", pack, error))?;
        let threads = self.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
        let options = IndexerOptions::new(format).threads(threads.unwrap_or(1));
        let mut objects = Vec::new();
        let listed = self.verbose || self.stat_only;
        verify_pack(&data, &index, options, &Resolve::default(), &Never, &mut |object| {
            if listed {
                objects.push(object);
            }
        })?;
        if listed {
            self.list(&objects, pack)?;
        }
        Ok(())
    }

    fn list(&self, objects: &[VerifiedObject], pack: &Path) -> Result<(), Failure> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let mut chains: BTreeMap<u32, u64> = BTreeMap::new();
        for object in objects {
            let VerifiedObject { id, kind, size, len, offset, .. } = object;
            *chains.entry(object.delta.map_or(0, |(depth, _)| depth)).or_default() += 1;
            if self.verbose && !self.stat_only {
                write!(out, "{id} {:<6} {size} {len} {offset}", kind.name())?;
                match object.delta {
                    Some((depth, base)) => writeln!(out, " {depth} {base}")?,
                    None => writeln!(out)?,
                }
            }
        }
        for (depth, count) in chains {
            let objects = if count == 1 { "object" } else { "objects" };
            match depth {
                0 => writeln!(out, "non delta: {count} {objects}")?,
                depth => writeln!(out, "chain length = {depth}: {count} {objects}")?,
            }
        }
        if !self.stat_only {
            writeln!(out, "{}: ok", pack.display())?;
        }
        Ok(out.flush()?)
    }
}
