//! `gitwire index-pack`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gitwire_gitdir::{Config, GitDir};
use gitwire_pack::{Duplicates, IndexVersion, Indexed, Indexer, IndexerOptions, Limits, Resolve};
use gitwire_storage::{FsckRules, Repository as _, StageRequest, Transaction};
use gitwire_types::{Never, ObjectFormat};

use crate::failure::Failure;
use crate::files::{PackFile, write_whole};
use crate::local;
use crate::show::{Meter, Style, Title};

#[derive(Debug, Args)]
pub(crate) struct IndexPack {
    /// Show progress.
    #[arg(short)]
    verbose: bool,
    /// The index to write, instead of one beside the pack.
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write a reverse index.
    #[arg(long, overrides_with = "no_rev_index")]
    rev_index: bool,
    /// Write none.
    #[arg(long)]
    no_rev_index: bool,
    /// Read the pack from standard input; without a file it goes into the repository.
    #[arg(long)]
    stdin: bool,
    /// Complete a thin pack from the repository. With --stdin.
    #[arg(long, requires = "stdin")]
    fix_thin: bool,
    /// Keep the pack from being repacked; why.
    #[arg(long, value_name = "WHY", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    keep: Option<String>,
    /// Refuse what is doubtful.
    #[arg(long)]
    strict: bool,
    /// The version of the index.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    index_version: u8,
    /// The largest pack, in bytes; 0 for no bound but the default one.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    max_input_size: u64,
    /// The hash function of the ids: sha1 or sha256.
    #[arg(long, value_name = "FORMAT", conflicts_with = "stdin")]
    object_format: Option<String>,
    /// Threads at work.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Bytes of memory for everything but the tables.
    #[arg(long, value_name = "BYTES")]
    memory: Option<usize>,
    /// How progress is shown.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    progress: Option<Style>,
    /// The pack.
    pack: Option<PathBuf>,
}

impl IndexPack {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let written = match (&self.pack, self.stdin) {
            (None, false) => return Err(Failure::usage("a pack, or --stdin, is needed")),
            (None, true) => self.store(&stdin_repository(config)?)?,
            (Some(pack), true) => {
                let format = stdin_repository(config)?.format();
                let file =
                    File::options().read(true).write(true).create_new(true).open(pack).map_err(|error| {
                        Failure::fatal(format!("unable to create '{}': {error}", pack.display()))
                    })?;
                self.index(PackFile::new(file), &mut std::io::stdin().lock(), pack, format)?
            }
            (Some(pack), false) => {
                let open = || {
                    File::open(pack).map_err(|error| {
                        let error = error.to_string();
                        let why = error.split(" (os error").next().unwrap_or_default();
                        Failure::fatal(format!("cannot open packfile '{}': {why}", pack.display()))
                    })
                };
                let format = self.format(config)?;
                self.index(PackFile::existing(open()?), &mut open()?, pack, format)?
            }
        };
        println!("{written}");
        Ok(ExitCode::SUCCESS)
    }

    /// From standard input into the repository's packs.
    fn store(&self, repository: &GitDir) -> Result<String, Failure> {
        let mut request = StageRequest::default();
        request.thin = self.fix_thin;
        request.threads = self.threads();
        request.memory = self.memory.map_or(request.memory, |memory| memory as u64);
        request.fsck = self.strict.then(|| FsckRules::incoming().into());
        if self.max_input_size > 0 {
            request.pack_bytes_max = self.max_input_size;
        }
        let mut staging = repository.stage(&request)?;
        let progress = staging.progress();
        let meter = progress.clone().map(|progress| Meter::start(self.style(), Title::Receiving, progress));
        copy(&mut std::io::stdin().lock(), |piece| Ok(staging.write(piece)?))?;
        drop(meter);
        let meter = progress.map(|progress| Meter::start(self.style(), Title::Resolving, progress));
        let staged = staging.finish(&Never)?;
        drop(meter);
        let missing = || Failure::fatal("the repository has stored no pack");
        let name = staged.checksum().ok_or_else(missing)?;
        repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(()))?;
        let Some(why) = &self.keep else { return Ok(format!("pack\t{name}")) };
        let keep = repository.common_path().join(format!("objects/pack/pack-{name}.keep"));
        write_keep(&keep, why)?;
        Ok(format!("keep\t{name}"))
    }

    /// The index of a pack that stands, or is written, in a file of its own.
    fn index(
        &self,
        spool: PackFile,
        input: &mut dyn Read,
        pack: &Path,
        format: ObjectFormat,
    ) -> Result<String, Failure> {
        let mut options = IndexerOptions::new(format).threads(self.threads());
        if let Some(memory) = self.memory {
            options = options.memory(memory);
        }
        if self.strict {
            options = options.duplicates(Duplicates::Refuse);
        }
        if self.max_input_size > 0 {
            options = options.limits(Limits { pack_bytes_max: self.max_input_size, ..Limits::default() });
        }
        let mut indexer = Indexer::new(spool, options);
        let progress = indexer.progress();
        let meter = Meter::start(self.style(), Title::Indexing, progress.clone());
        copy(input, |piece| Ok(indexer.write(piece, &Never)?))?;
        indexer.flush(&Never)?;
        drop(meter);
        let meter = Meter::start(self.style(), Title::Resolving, progress);
        let indexed = indexer.finish(&Resolve::default(), &Never)?;
        drop(meter);
        self.write(&indexed, pack)?;
        Ok(indexed.checksum().to_string())
    }

    fn write(&self, indexed: &Indexed<PackFile>, pack: &Path) -> Result<(), Failure> {
        if self.stdin {
            indexed.spool().file().sync_all()?;
        }
        let index = match &self.output {
            Some(output) => output.clone(),
            None if pack.extension().is_some_and(|end| end == "pack") => pack.with_extension("idx"),
            None => {
                let name = pack.display();
                return Err(Failure::fatal(format!("packfile name '{name}' does not end with '.pack'")));
            }
        };
        let version = if self.index_version == 1 { IndexVersion::V1 } else { IndexVersion::V2 };
        // git writes one by default since 2.41 (`pack.writeReverseIndex`).
        if !self.no_rev_index || self.rev_index {
            write_whole(&index.with_extension("rev"), |sink| indexed.write_reverse_index(sink).map(drop))?;
        }
        write_whole(&index, |sink| indexed.write_index(version, sink).map(drop))?;
        match &self.keep {
            Some(why) => write_keep(&pack.with_extension("keep"), why),
            None => Ok(()),
        }
    }

    fn format(&self, config: Config) -> Result<ObjectFormat, Failure> {
        match &self.object_format {
            Some(name) => ObjectFormat::from_name(name.as_bytes())
                .ok_or_else(|| Failure::fatal(format!("unknown hash algorithm '{name}'"))),
            None => {
                Ok(local::repository(config).map_or(ObjectFormat::Sha1, |repository| repository.format()))
            }
        }
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.filter(|threads| *threads > 0).unwrap_or_else(cores)
    }

    fn style(&self) -> Style {
        self.progress.unwrap_or(if self.verbose { Style::Text } else { Style::None })
    }
}

fn stdin_repository(config: Config) -> Result<GitDir, Failure> {
    local::repository(config).map_err(|_| Failure::fatal("--stdin requires a git repository"))
}

fn write_keep(path: &Path, why: &str) -> Result<(), Failure> {
    let text = if why.is_empty() { String::new() } else { format!("{why}\n") };
    std::fs::write(path, text)
        .map_err(|error| Failure::fatal(format!("cannot write keep file '{}': {error}", path.display())))
}

fn copy(input: &mut dyn Read, mut each: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut room = vec![0; 256 << 10];
    loop {
        match input.read(&mut room) {
            Ok(0) => return Ok(()),
            Ok(read) => each(&room[..read])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
