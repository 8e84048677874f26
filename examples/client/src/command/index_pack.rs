//! `gitwire index-pack`.

use std::fs::File;
use std::io::{Read, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use gitwire_gitdir::{Config, GitDir};
use gitwire_pack::{
    Duplicates, IndexVersion, Indexed, Indexer, IndexerOptions, LARGE_OFFSET_ABOVE, Limits, PackError,
    PackHeader, Resolve, WriteIndex,
};
use gitwire_storage::{FsckRules, MemoryRepository, PackCheck, Repository as _, StageRequest, Transaction};
use gitwire_types::{Never, ObjectFormat};

use crate::command::verify_pack::VerifyPack;
use crate::failure::Failure;
use crate::files::{PackFile, freeze, write_whole};
use crate::input::{Input, receive};
use crate::show::{Meter, Style, Title};
use crate::{links, local, strict};

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
    /// Refuse objects that are broken, or name what is not there; what of that is an error or a warning.
    #[arg(long, value_name = "ID=SEVERITY,...", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    strict: Option<String>,
    /// Refuse objects that are broken.
    #[arg(long, value_name = "ID=SEVERITY,...", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    fsck_objects: Option<String>,
    /// Compare with the index that is there, and write nothing.
    #[arg(long, conflicts_with = "stdin")]
    verify: bool,
    /// The same, and show every object.
    #[arg(long, conflicts_with = "stdin")]
    verify_stat: bool,
    /// The same, and show how long the chains of deltas are.
    #[arg(long, conflicts_with = "stdin")]
    verify_stat_only: bool,
    /// The version of the index, and the offset above which it needs eight bytes for each.
    #[arg(long, value_name = "N[,OFFSET]", value_parser = index_version)]
    index_version: Option<IndexFormat>,
    /// The largest pack, in bytes; 0 for no bound but the default one.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    max_input_size: u64,
    /// The pack's version and number of objects: its header has been read already.
    #[arg(long = "pack_header", value_name = "VERSION,OBJECTS", value_parser = pack_header, requires = "stdin")]
    pack_header: Option<PackHeader>,
    /// The pack comes from a promisor remote; what to note of it.
    #[arg(long, value_name = "NOTE", num_args = 0..=1, require_equals = true, default_missing_value = "", requires = "stdin")]
    promisor: Option<String>,
    /// Exit with 1 where the pack names objects that it does not hold, so that who fetches must look for them.
    #[arg(long, requires = "stdin")]
    check_self_contained_and_connected: bool,
    /// Write a NUL to standard error once the pack is read.
    #[arg(long, requires = "stdin")]
    report_end_of_input: bool,
    /// Show how deltas are resolved, whatever else is shown.
    #[arg(long)]
    show_resolving_progress: bool,
    /// Accepted for git's sake: phases have their own titles here.
    #[arg(long, value_name = "TITLE")]
    progress_title: Option<String>,
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
    pub(crate) fn run(&self, mut config: Config) -> Result<ExitCode, Failure> {
        if let Some(IndexFormat { version, .. }) = self.index_version {
            let number: &[u8] = if version == IndexVersion::V1 { b"1" } else { b"2" };
            config.set("pack", None, "indexVersion", Some(number));
        }
        let mut code = ExitCode::SUCCESS;
        let written = match (&self.pack, self.stdin) {
            (None, false) => return Err(Failure::usage("a pack, or --stdin, is needed")),
            (None, true) => {
                let (written, is_whole) = self.store(&stdin_repository(config)?)?;
                if self.check_self_contained_and_connected && !is_whole {
                    code = ExitCode::from(1);
                }
                written
            }
            (Some(pack), true) => {
                let repository = stdin_repository(config)?;
                let file =
                    File::options().read(true).write(true).create_new(true).open(pack).map_err(|error| {
                        Failure::fatal(format!("unable to create '{}': {error}", pack.display()))
                    })?;
                self.index(PackFile::new(file), None, pack, repository.format(), Some(&repository))?
            }
            (Some(pack), false) => {
                let open = || {
                    File::open(pack).map_err(|error| {
                        let error = error.to_string();
                        let why = error.split(" (os error").next().unwrap_or_default();
                        Failure::fatal(format!("cannot open packfile '{}': {why}", pack.display()))
                    })
                };
                let repository = local::configured_repository(config).ok();
                let format = self.format(repository.as_ref())?;
                if self.verify_stat || self.verify_stat_only {
                    return VerifyPack::of(pack, format, self.verify_stat, self.verify_stat_only).run();
                }
                if self.max_input_size > 0 && open()?.metadata()?.len() > self.max_input_size {
                    let max = self.max_input_size;
                    return Err(Failure::fatal(format!("pack exceeds maximum allowed size ({max} bytes)")));
                }
                self.index(PackFile::existing(open()?), Some(open()?), pack, format, repository.as_ref())?
            }
        };
        if !self.verify {
            println!("{written}");
        }
        Ok(code)
    }

    /// From standard input into the repository's packs. Says also whether the pack names nothing that it does not hold, as far as that
    /// was asked.
    fn store(&self, repository: &GitDir) -> Result<(String, bool), Failure> {
        let mut request = StageRequest::default();
        request.thin = self.fix_thin;
        request.promisor = self.promisor.is_some();
        request.keep = self.keep.as_ref().map(|why| note(why).into_bytes());
        request.threads = self.threads();
        request.memory = self.memory.map_or(request.memory, |memory| memory as u64);
        request.fsck = self.rules(repository.format())?.map(Arc::new);
        if self.strict.is_some() {
            request.duplicates = Duplicates::Refuse;
        }
        if self.max_input_size > 0 {
            request.pack_bytes_max = self.max_input_size;
        }
        let mut staging = repository.stage(&request)?;
        let progress = staging.progress();
        let meter = progress.clone().map(|progress| Meter::start(self.style(), Title::Receiving, progress));
        receive(self.pack_header, &mut |input| match input {
            Input::Bytes(piece) => Ok(staging.write(piece).map(|()| false)?),
            Input::Pause => Ok(staging.is_complete()?),
        })?;
        // All that has come is counted.
        staging.is_complete()?;
        drop(meter);
        self.end_input()?;
        let meter = progress.map(|progress| Meter::start(self.resolving(), Title::Resolving, progress));
        let staged = staging.finish(&Never)?;
        drop(meter);
        warn(staged.warnings());
        let mut is_whole = true;
        if self.strict.is_some() || self.check_self_contained_and_connected {
            let mut new = Vec::new();
            staged.new_objects(&mut |id, kind| {
                new.push((id, kind));
                ControlFlow::Continue(())
            })?;
            if self.strict.is_some() {
                links::check(&*staged.objects(), repository, &new)?;
            }
            is_whole = links::are_self_contained(&*staged.objects(), repository, &new)?;
        }
        let missing = || Failure::fatal("the repository has stored no pack");
        let name = staged.checksum().ok_or_else(missing)?;
        repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(()))?;
        let kind = if self.keep.is_some() { "keep" } else { "pack" };
        Ok((format!("{kind}\t{name}"), is_whole))
    }

    /// The index of a pack that stands in a file of its own, or is written there from standard input.
    fn index(
        &self,
        spool: PackFile,
        input: Option<File>,
        pack: &Path,
        format: ObjectFormat,
        repository: Option<&GitDir>,
    ) -> Result<String, Failure> {
        let mut options = IndexerOptions::new(format).threads(self.threads());
        if let Some(memory) = self.memory {
            options = options.memory(memory);
        }
        if self.strict.is_some() {
            options = options.duplicates(Duplicates::Refuse);
        }
        if self.max_input_size > 0 {
            options = options.limits(Limits { pack_bytes_max: self.max_input_size, ..Limits::default() });
        }
        let mut indexer = Indexer::new(spool, options);
        let progress = indexer.progress();
        let meter = Meter::start(self.style(), Title::Indexing, progress.clone());
        match input {
            Some(mut file) => copy(&mut file, |piece| Ok(indexer.write(piece, &Never)?))?,
            None => receive(self.pack_header, &mut |input| {
                match input {
                    Input::Bytes(piece) => indexer.write(piece, &Never)?,
                    Input::Pause => indexer.flush(&Never)?,
                }
                Ok(indexer.is_complete())
            })?,
        }
        indexer.flush(&Never)?;
        drop(meter);
        let meter = Meter::start(self.resolving(), Title::Resolving, progress);
        let rules = self.rules(format)?;
        let check = rules.as_ref().map(PackCheck::new);
        let mut resolve = Resolve::default();
        if let Some(check) = &check {
            resolve = resolve.inspect(check);
        }
        let known = repository.map(GitDir::known_objects).transpose()?;
        if let Some(known) = known.as_deref().filter(|_| !self.verify) {
            resolve = resolve.existing(known);
            if self.fix_thin {
                resolve = resolve.bases(known);
            }
        }
        let indexed = indexer.finish(&resolve, &Never).map_err(|error| match error {
            PackError::Collision { id, .. } => Failure::fatal(format!("SHA1 COLLISION FOUND WITH {id} !")),
            error => error.into(),
        })?;
        drop(meter);
        match (check, repository) {
            (Some(check), Some(repository)) => warn(&check.finish(&*repository.objects()?)?),
            // What trees call `.gitmodules` is not at hand.
            (Some(check), None) => {
                let nothing = MemoryRepository::new(format).objects()?;
                let elsewhere = "cannot perform queued object checks outside of a repository";
                warn(&check.finish(&*nothing).map_err(|_| Failure::fatal(elsewhere))?);
            }
            (None, _) => {}
        }
        if self.verify {
            self.compare(&indexed, pack)?;
        } else {
            self.write(&indexed, pack, repository)?;
        }
        Ok(indexed.checksum().to_string())
    }

    fn write(
        &self,
        indexed: &Indexed<PackFile>,
        pack: &Path,
        repository: Option<&GitDir>,
    ) -> Result<(), Failure> {
        if self.stdin {
            let file = indexed.spool().file();
            freeze(file)?;
            file.sync_all()?;
        }
        let index = self.index_path(pack)?;
        // git writes one by default since 2.41.
        let reverse = repository.map(GitDir::config);
        let reverse = reverse.and_then(|config| config.boolean("pack", None, "writeReverseIndex").ok()?);
        let reverse = reverse.unwrap_or(true);
        if self.rev_index || reverse && !self.no_rev_index {
            write_whole(&index.with_extension("rev"), |sink| indexed.write_reverse_index(sink).map(drop))?;
        }
        let configured = repository.map(GitDir::config);
        let configured = configured.map(|config| config.integer("pack", None, "indexVersion")).transpose()?;
        let version = if configured == Some(Some(1)) { IndexVersion::V1 } else { IndexVersion::V2 };
        let chosen = IndexFormat { version, large_offset_above: LARGE_OFFSET_ABOVE };
        let IndexFormat { version, large_offset_above } = self.index_version.unwrap_or(chosen);
        let how = WriteIndex { format: indexed.checksum().format(), version, large_offset_above };
        write_whole(&index, |sink| how.write(indexed, &indexed.checksum(), sink).map(drop))?;
        match &self.keep {
            Some(why) => write_keep(&pack.with_extension("keep"), why),
            None => Ok(()),
        }
    }

    /// The index that stands there must be the one of this pack.
    fn compare(&self, indexed: &Indexed<PackFile>, pack: &Path) -> Result<(), Failure> {
        let path = self.index_path(pack)?;
        let cannot = |error: std::io::Error| {
            Failure::fatal(format!("cannot open existing pack idx file for '{}': {error}", path.display()))
        };
        let there = std::fs::read(&path).map_err(cannot)?;
        let version = if there.starts_with(b"\xfftOc") { IndexVersion::V2 } else { IndexVersion::V1 };
        let format = indexed.checksum().format();
        let large_offset_above = match self.index_version {
            Some(chosen) => chosen.large_offset_above,
            None => large_offsets_above(&there, format).unwrap_or(LARGE_OFFSET_ABOVE),
        };
        let how = WriteIndex { format, version, large_offset_above };
        let mut made = Vec::with_capacity(there.len());
        how.write(indexed, &indexed.checksum(), |piece: &[u8]| {
            made.extend_from_slice(piece);
            Ok(())
        })?;
        if made != there {
            return Err(Failure::fatal(format!("the index '{}' is not that of the pack", path.display())));
        }
        let reverse = path.with_extension("rev");
        if !self.rev_index || !reverse.exists() {
            return Ok(());
        }
        made.clear();
        indexed.write_reverse_index(|piece: &[u8]| {
            made.extend_from_slice(piece);
            Ok(())
        })?;
        if made != std::fs::read(&reverse)? {
            return Err(Failure::fatal(format!("validation error in '{}'", reverse.display())));
        }
        Ok(())
    }

    fn index_path(&self, pack: &Path) -> Result<PathBuf, Failure> {
        match &self.output {
            Some(output) => Ok(output.clone()),
            None if pack.extension().is_some_and(|end| end == "pack") => Ok(pack.with_extension("idx")),
            None => {
                let name = pack.display();
                Err(Failure::fatal(format!("packfile name '{name}' does not end with '.pack'")))
            }
        }
    }

    /// By which rules objects are checked, if they are.
    fn rules(&self, format: ObjectFormat) -> Result<Option<FsckRules>, Failure> {
        let list = self.strict.as_ref().or(self.fsck_objects.as_ref());
        list.map(|list| strict::rules(list, format)).transpose()
    }

    fn format(&self, repository: Option<&GitDir>) -> Result<ObjectFormat, Failure> {
        match &self.object_format {
            Some(name) => ObjectFormat::from_name(name.as_bytes())
                .ok_or_else(|| Failure::fatal(format!("unknown hash algorithm '{name}'"))),
            None => Ok(repository.map_or(ObjectFormat::Sha1, GitDir::format)),
        }
    }

    /// Tells who has started us that the pack is read, where that was asked for.
    fn end_input(&self) -> Result<(), Failure> {
        match self.report_end_of_input {
            true => Ok(std::io::stderr().write_all(&[0])?),
            false => Ok(()),
        }
    }

    fn resolving(&self) -> Style {
        if self.show_resolving_progress { Style::Text } else { self.style() }
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.filter(|threads| *threads > 0).unwrap_or_else(cores)
    }

    fn style(&self) -> Style {
        self.progress.unwrap_or(if self.verbose { Style::Text } else { Style::None })
    }
}

/// How an index is written.
#[derive(Debug, Clone, Copy)]
struct IndexFormat {
    version: IndexVersion,
    large_offset_above: u64,
}

/// `N`, or `N,OFFSET` with an offset in decimal, or in hex behind `0x`.
fn index_version(text: &str) -> Result<IndexFormat, String> {
    let (number, offset) = text.split_once(',').map_or((text, None), |(number, at)| (number, Some(at)));
    let version = match number {
        "1" => IndexVersion::V1,
        "2" => IndexVersion::V2,
        _ => return Err(format!("bad {text}")),
    };
    let parse = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    let offset = offset.map(parse).transpose().map_err(|_| format!("bad {text}"))?;
    // Four bytes hold 31 bits of an offset.
    let large_offset_above = offset.filter(|offset| *offset < 1 << 31).unwrap_or(LARGE_OFFSET_ABOVE);
    Ok(IndexFormat { version, large_offset_above })
}

/// Above which offset an index of version 2 holds eight bytes for each, as far as that can be seen (`gitformat-pack`).
fn large_offsets_above(index: &[u8], format: ObjectFormat) -> Option<u64> {
    let count = u32::from_be_bytes(*index.get(LAST_FAN_OUT..)?.first_chunk()?) as usize;
    let offsets = LAST_FAN_OUT + 4 + count.checked_mul(format.raw_len() + 4)?;
    let large = offsets + count.checked_mul(4)?;
    let (short, long) = (index.get(offsets..large)?, index.get(large..)?);
    let places = short.chunks_exact(4).filter(|short| short[0] & 0x80 != 0).count();
    let least =
        long.chunks_exact(8).take(places).filter_map(|long| long.try_into().ok().map(u64::from_be_bytes));
    Some(least.min()?.saturating_sub(1))
}

/// Where the number of all objects stands in an index of version 2: behind the signature, the version and 255 other numbers.
const LAST_FAN_OUT: usize = 8 + 255 * 4;

/// `VERSION,OBJECTS`, as git's programs tell each other what they have read.
pub(crate) fn pack_header(text: &str) -> Result<PackHeader, String> {
    let numbers = text.split_once(',').and_then(|(version, objects)| {
        Some(PackHeader { version: version.parse().ok()?, objects: objects.parse().ok()? })
    });
    numbers.ok_or_else(|| format!("bad --pack_header: {text}"))
}

/// What was found that refuses nothing.
fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

fn stdin_repository(config: Config) -> Result<GitDir, Failure> {
    local::configured_repository(config).map_err(|_| Failure::fatal("--stdin requires a git repository"))
}

/// A reason as a line of its own.
fn note(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!("{why}\n") }
}

fn write_keep(path: &Path, why: &str) -> Result<(), Failure> {
    let made = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    made.and_then(|mut file| file.write_all(note(why).as_bytes()))
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
